#include "merkle/base64.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::StatusIs;

// RFC 4648 section 10.
TEST(Base64Test, Rfc4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    ASSERT_OK_AND_ASSIGN(const std::string decoded, DecodeBase64("test", text));
    EXPECT_EQ(decoded, bytes);
  }
}

TEST(Base64Test, OneTextForEachValue) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm 9v",
                           "Zm9v=", "Zm9v====", "_-8=", "Z", "====", "Zg==Zg==", "Zm9\xc3"}) {
    EXPECT_THAT(DecodeBase64("secret value", text),
                StatusIs(StatusCode::kInvalidArgument, "secret value: not canonical base64"))
        << text;
  }
}

}  // namespace
}  // namespace auditledger
