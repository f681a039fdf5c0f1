#include "merkle/index_head.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(IndexHeadTest, IsAVersionASizeAndARoot) {
  const IndexHead head{0x0102, LeafHash("root")};
  const std::string body = EncodeIndexHead(head);
  EXPECT_EQ(body,
            testing::BytesFromHex(absl::StrCat("010000000000000102", LeafHash("root").ToHex())));
  EXPECT_EQ(ParseIndexHead(body).value(), head);
}

TEST(IndexHeadTest, AnythingElseIsRefusedAndNamed) {
  const std::string body = EncodeIndexHead({1, EmptyRoot()});
  EXPECT_THAT(ParseIndexHead(body + "x"), StatusIs(kInvalid, HasSubstr("1 trailing")));
  std::string other = body;
  other[0] = 2;
  EXPECT_THAT(ParseIndexHead(other), StatusIs(kInvalid, HasSubstr("version: 2 is unknown")));
  EXPECT_THAT(ParseIndexHead(EncodeIndexHead({0, EmptyRoot()})),
              StatusIs(kInvalid, HasSubstr("size: of no entries")));
  for (size_t cut = 0; cut < body.size(); ++cut) {
    const char* part = cut < 1 ? "version: needs" : cut < 9 ? "size: needs" : "map_root: needs";
    EXPECT_THAT(ParseIndexHead(body.substr(0, cut)), StatusIs(kInvalid, HasSubstr(part)));
  }
}

}  // namespace
}  // namespace auditledger
