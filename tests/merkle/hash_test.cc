#include "merkle/hash.h"

#include <gtest/gtest.h>

#include "tests/testing/reference_merkle.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::StatusIs;

constexpr char kEmptyHex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kEmptyBase64[] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

TEST(HashTest, EmptyTreeHasTheHashOfNothing) {
  EXPECT_EQ(EmptyRoot().ToHex(), kEmptyHex);
  EXPECT_EQ(EmptyRoot().ToBase64(), kEmptyBase64);
}

TEST(HashTest, TextFormsReadBack) {
  ASSERT_OK_AND_ASSIGN(const Hash hex, Hash::FromHex(kEmptyHex));
  ASSERT_OK_AND_ASSIGN(const Hash base64, Hash::FromBase64(kEmptyBase64));
  ASSERT_OK_AND_ASSIGN(const Hash raw, Hash::FromBytes(hex.view()));
  EXPECT_EQ(hex, EmptyRoot());
  EXPECT_EQ(base64, EmptyRoot());
  EXPECT_EQ(raw, EmptyRoot());
  std::string upper = kEmptyHex;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  ASSERT_OK_AND_ASSIGN(const Hash from_upper, Hash::FromHex(upper));
  EXPECT_EQ(from_upper, EmptyRoot());
}

TEST(HashTest, OtherLengthsAreRefused) {
  for (size_t size : {0u, 31u, 33u, 64u}) {
    EXPECT_THAT(Hash::FromBytes(std::string(size, 'a')), StatusIs(StatusCode::kInvalidArgument));
    EXPECT_THAT(Hash::FromHex(std::string(2 * size, 'a')), StatusIs(StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(Hash::FromHex(std::string(63, 'a')), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Hash::FromHex(std::string(63, 'a').append("g")),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Hash::FromHex("0x" + std::string(62, 'a')), StatusIs(StatusCode::kInvalidArgument));
}

TEST(HashTest, BytesOrderAsUnsigned) {
  Hash low;
  Hash high;
  low.bytes[0] = 0x7f;
  high.bytes[0] = 0x80;
  EXPECT_LT(low, high);
  EXPECT_GT(low, Hash{});
}

TEST(HashTest, LeafAndNodeAreToldApart) {
  const Hash a = LeafHash("a");
  const Hash b = LeafHash("b");
  EXPECT_NE(NodeHash(a, b), NodeHash(b, a));
  EXPECT_NE(NodeHash(a, b), LeafHash(std::string(a.view()) + std::string(b.view())));
}

TEST(HashTest, EightLeafTreeOfTheRfcsOldestTests) {
  REQUIRE_SHARED(testing::VectorPath("merkle/rfc6962-8-leaves.json"));
  const nlohmann::json vectors = testing::ReadVectors("merkle/rfc6962-8-leaves.json");
  std::vector<std::vector<Hash>> levels;
  for (const auto& level : vectors["node_hashes_hex_by_level"]) {
    levels.push_back(testing::HashesFromHex(level));
  }
  ASSERT_EQ(levels.size(), 4u);
  for (size_t i = 0; i < levels[0].size(); ++i) {
    EXPECT_EQ(LeafHash(testing::BytesFromHex(vectors["leaf_inputs_hex"][i])), levels[0][i]);
  }
  for (size_t level = 1; level < levels.size(); ++level) {
    for (size_t i = 0; i < levels[level].size(); ++i) {
      EXPECT_EQ(NodeHash(levels[level - 1][2 * i], levels[level - 1][2 * i + 1]), levels[level][i]);
    }
  }
}

}  // namespace
}  // namespace auditledger
