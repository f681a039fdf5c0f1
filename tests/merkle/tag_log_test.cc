#include "merkle/tag_log.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "merkle/sha256.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using testing::BytesFromHex;

TEST(TagLogTest, ALeafIsThreeNumbersAndAHash) {
  const Hash hash = LeafHash("leaf");
  const TagLogEntry entry{1, 2, 3, hash};
  const std::string bytes = BytesFromHex(
      absl::StrCat("0000000000000001", "0000000000000002", "0000000000000003", hash.ToHex()));
  EXPECT_EQ(EncodeTagLogEntry(entry), bytes);
  EXPECT_EQ(TagLogHash(entry), LeafHash(bytes));
}

TEST(TagLogTest, ItIsMadeOfTheEntrysLeaf) {
  Leaf leaf;
  leaf.recorded_at_us = 20;
  leaf.event_time_us = 10;
  EXPECT_EQ(TagLogEntryOf(7, leaf, EmptyRoot()), (TagLogEntry{7, 20, 10, EmptyRoot()}));
}

TEST(TagLogTest, TheMapHasCountAndRoot) {
  const Hash root = LeafHash("root");
  const Hash tag = LeafHash("tag");
  const std::string value = BytesFromHex(absl::StrCat("0000000000000102", root.ToHex()));
  EXPECT_EQ(EncodeTagValue({0x0102, root}), value);
  EXPECT_EQ(TagLeafHash(tag, {0x0102, root}),
            Sha256({BytesFromHex("0020"), tag.view(), BytesFromHex("28"), value}));
}

}  // namespace
}  // namespace auditledger
