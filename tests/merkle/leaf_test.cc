#include "merkle/leaf.h"

#include "gtest/gtest.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;
using testing::HashOf;
using ::testing::HasSubstr;
using testing::SealVectors;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// The i-th of ascending tags.
Hash Tag(uint32_t i) {
  Hash tag;
  for (int byte = 0; byte < 4; ++byte) tag.bytes[byte] = static_cast<uint8_t>(i >> (24 - 8 * byte));
  return tag;
}

Leaf FromVector(const nlohmann::json& vector) {
  Leaf leaf;
  leaf.kind = static_cast<EntryKind>(vector["kind"].get<uint8_t>());
  leaf.recorded_at_us = vector["recorded_at_us"];
  leaf.event_time_us = vector["event_time_us"];
  const std::string tags = Bytes(vector["tags"]);
  for (size_t i = 0; i < tags.size(); i += Hash::kSize) {
    leaf.tags.push_back(Hash::FromBytes(tags.substr(i, Hash::kSize)).value());
  }
  if (!vector["commitment"].is_null()) leaf.commitment = HashOf(vector["commitment"]);
  leaf.body = Bytes(vector["body"]);
  return leaf;
}

TEST(Leaf, IsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("leaves.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const Leaf leaf = FromVector(vector);
    const std::string bytes = Bytes(vector["leaf"]);
    ASSERT_OK_AND_ASSIGN(const std::string encoded, EncodeLeaf(leaf));
    EXPECT_EQ(encoded, bytes);
    ASSERT_OK_AND_ASSIGN(const Leaf parsed, ParseLeaf(bytes));
    EXPECT_EQ(parsed, leaf);
    EXPECT_EQ(LeafHash(bytes), HashOf(vector["leaf_hash"]));
  }
}

TEST(Leaf, OfAnEventIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("events.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(Bytes(vector["leaf"])));
    EXPECT_EQ(leaf.kind, EntryKind::kEvent);
    EXPECT_EQ(leaf.recorded_at_us, vector["recorded_at_us"].get<uint64_t>());
    EXPECT_EQ(leaf.event_time_us, vector["event_time_us"].get<uint64_t>());
    EXPECT_EQ(leaf.tags.size(), vector["tag_count"].get<size_t>());
    EXPECT_EQ(leaf.commitment, HashOf(vector["commitment"]));
    EXPECT_EQ(LeafHash(Bytes(vector["leaf"])), HashOf(vector["leaf_hash"]));
  }
}

TEST(Leaf, HostileBytesAreRefused) {
  testing::ExpectHostileRefused("leaf", [](const nlohmann::json& vector) {
    return ParseLeaf(Bytes(vector["bytes"])).status();
  });
}

TEST(Leaf, HoldsTheMostTagsThatFitAndNoMore) {
  // 65,535 - 23 fixed bytes leave room for 2,047 tags and 8 bytes of body.
  Leaf leaf;
  for (uint32_t i = 0; i < 2047; ++i) leaf.tags.push_back(Tag(i));
  leaf.body = "8 bytes.";
  ASSERT_OK_AND_ASSIGN(const std::string bytes, EncodeLeaf(leaf));
  EXPECT_EQ(bytes.size(), kMaxLeafBytes);
  ASSERT_OK_AND_ASSIGN(const Leaf parsed, ParseLeaf(bytes));
  EXPECT_EQ(parsed, leaf);
  leaf.body += '.';
  EXPECT_THAT(EncodeLeaf(leaf), StatusIs(kInvalid, HasSubstr("65536 bytes, at most 65535")));
}

TEST(Leaf, IsNotMadeWithTagsThatDoNotAscend) {
  Leaf leaf;
  leaf.tags = {Tag(2), Tag(1)};
  EXPECT_THAT(EncodeLeaf(leaf), StatusIs(kInvalid, HasSubstr("tags")));
  leaf.tags = {Tag(1), Tag(1)};
  EXPECT_THAT(EncodeLeaf(leaf), StatusIs(kInvalid, HasSubstr("tags")));
}

TEST(Leaf, EveryByteOfItCounts) {
  // Whatever is changed, the leaf is another one or none: no two encodings of one leaf.
  const std::string bytes = Bytes(SealVectors("leaves.json")["vectors"][1]["leaf"]);
  const Leaf leaf = ParseLeaf(bytes).value();
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] ^= 1;
    const absl::StatusOr<Leaf> other = ParseLeaf(changed);
    EXPECT_TRUE(!other.ok() || !(*other == leaf)) << "byte " << i;
  }
}

TEST(Leaf, KindsHaveNamesAndUnknownOnesTheirNumber) {
  EXPECT_EQ(EntryKindName(EntryKind::kEvent), "event");
  EXPECT_EQ(EntryKindName(EntryKind::kClock), "clock");
  EXPECT_EQ(EntryKindName(EntryKind::kAnchor), "anchor");
  EXPECT_EQ(EntryKindName(EntryKind::kLegalHold), "legal hold");
  EXPECT_EQ(EntryKindName(EntryKind::kErasureRequest), "erasure request");
  EXPECT_EQ(EntryKindName(static_cast<EntryKind>(42)), "kind 42");
  EXPECT_EQ(EntryKindName(static_cast<EntryKind>(0)), "kind 0");
}

}  // namespace
}  // namespace auditledger
