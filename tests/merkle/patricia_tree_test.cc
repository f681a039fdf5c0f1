#include "merkle/patricia_tree.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/reference_map.h"
#include "tests/testing/seed.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReferenceMap;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

// A tree whose nodes lie in a map, as bytes.
class Store : public PatriciaReader {
 public:
  absl::StatusOr<std::optional<PatriciaNode>> ReadNode(const PatriciaSlot& slot) override {
    ++reads;
    EXPECT_EQ(written.count(EncodePatriciaSlot(slot)), 0u) << "read after it was written";
    const auto node = nodes.find(EncodePatriciaSlot(slot));
    if (node == nodes.end()) return std::nullopt;
    absl::StatusOr<PatriciaNode> parsed = ParsePatriciaNode(node->second);
    if (!parsed.ok()) return parsed.status();
    return *parsed;
  }
  absl::StatusOr<Hash> Put(const std::map<std::string, std::string>& pairs) {
    std::vector<PatriciaChange> changes;
    for (const auto& [key, value] : pairs) {
      changes.push_back({Hash::FromBytes(key).value(), PatriciaLeafHash(key, value)});
      values[key] = value;
    }
    written.clear();
    auto root =
        UpdatePatricia(changes, *this, [&](const PatriciaSlot& slot, const PatriciaNode& node) {
          EXPECT_TRUE(written.insert(EncodePatriciaSlot(slot)).second) << "written twice";
          nodes[EncodePatriciaSlot(slot)] = EncodePatriciaNode(node);
        });
    writes = written.size();
    written.clear();
    return root;
  }

  std::map<std::string, std::string> nodes;
  std::map<std::string, std::string> values;
  std::set<std::string> written;
  size_t reads = 0;
  size_t writes = 0;
};

// As the reference has it: root, and the proof of each of `keys`.
void ExpectAsReference(Store& store, const Hash& root, const std::vector<std::string>& keys) {
  const ReferenceMap map(store.values);
  ASSERT_EQ(root, map.Root());
  for (const std::string& key : keys) {
    const PatriciaPath path = FindPatricia(Hash::FromBytes(key).value(), store).value();
    EXPECT_EQ(path.root, root);
    std::string proof;
    if (path.found.has_value()) {
      const std::string found(path.found->view());
      proof = found == key ? EncodePresence(path.steps)
                           : EncodeAbsence(found, store.values.at(found), path.steps);
    }
    EXPECT_EQ(proof, map.Proof(key));
  }
}

// 32 bytes that begin with `begin` and end with `end`.
std::string Key(const std::string& begin, const std::string& end = "") {
  return begin + std::string(32 - begin.size() - end.size(), '\0') + end;
}

TEST(PatriciaTreeTest, EverySmallTreeInTwoBatchesHoweverTheyAreDivided) {
  // Forks at the first bit, one after the other, at a byte's edge and at the last bit.
  const std::vector<std::string> keys = {Key(""),     Key("", "\1"),   Key("\x80"),
                                         Key("\xc0"), Key("\x80\x80"), Key("\xff", "\xff")};
  for (uint32_t first = 0; first < 64; ++first) {
    for (uint32_t second = 0; second < 64; ++second) {
      Store store;
      std::map<std::string, std::string> batch;
      for (size_t i = 0; i < keys.size(); ++i) {
        if ((first >> i & 1) != 0) batch[keys[i]] = "old";
      }
      ASSERT_OK(store.Put(batch));
      batch.clear();
      for (size_t i = 0; i < keys.size(); ++i) {
        if ((second >> i & 1) != 0) batch[keys[i]] = "new";
      }
      ASSERT_OK_AND_ASSIGN(const Hash root, store.Put(batch));
      ASSERT_NO_FATAL_FAILURE(ExpectAsReference(store, root, keys)) << first << " " << second;
    }
  }
}

TEST(PatriciaTreeTest, ManyRandomKeysInRandomBatches) {
  std::mt19937_64 random(testing::TestSeed());
  Store store;
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) {
    // Some share a long beginning.
    keys.push_back(std::string(LeafHash(absl::StrCat(random())).view()));
    if (i % 3 == 0) keys.push_back(keys.back().substr(0, 1 + random() % 31));
    keys.back().resize(32, static_cast<char>(random()));
  }
  for (int round = 0; round < 20; ++round) {
    std::map<std::string, std::string> batch;
    for (uint64_t n = random() % 60; n > 0; --n) {
      batch[keys[random() % keys.size()]] = absl::StrCat(random());
    }
    ASSERT_OK_AND_ASSIGN(const Hash root, store.Put(batch));
    std::vector<std::string> asked;
    for (int i = 0; i < 20; ++i) asked.push_back(keys[random() % keys.size()]);
    ASSERT_NO_FATAL_FAILURE(ExpectAsReference(store, root, asked));
  }
}

TEST(PatriciaTreeTest, AKeyOfATreeTakesItsWayAndNoMore) {
  Store store;
  std::map<std::string, std::string> batch;
  for (int i = 0; i < 4096; ++i) batch[std::string(LeafHash(absl::StrCat(i)).view())] = "v";
  ASSERT_OK(store.Put(batch));
  EXPECT_EQ(store.reads, 1u) << "of the empty root";
  EXPECT_EQ(store.writes, 2 * 4096u - 1);
  store.reads = 0;
  ASSERT_OK(store.Put({{batch.begin()->first, "w"}}));
  EXPECT_LE(store.reads, 30u);
  EXPECT_EQ(store.writes, store.reads);
  store.reads = 0;
  ASSERT_OK(store.Put({}));
  EXPECT_EQ(store.reads, 1u);
  EXPECT_EQ(store.writes, 0u);
}

TEST(PatriciaTreeTest, VectorsOfTreesOf32ByteKeys) {
  const std::string file = "mpt/mpt.json";
  REQUIRE_SHARED(testing::VectorPath(file));
  int trees = 0;
  const nlohmann::json cases = testing::ReadVectors(file)["treehash"];
  for (const nlohmann::json& test : cases) {
    std::map<std::string, std::string> pairs;
    bool all_32 = true;
    for (const nlohmann::json& pair : test["kv_hex"]) {
      const std::string key = testing::BytesFromHex(pair[0]);
      all_32 = all_32 && key.size() == 32;
      pairs[key] = testing::BytesFromHex(pair[1]);
    }
    if (!all_32) continue;
    Store store;
    EXPECT_EQ(store.Put(pairs).value().ToHex(), std::string(test["hash"]));
    ++trees;
  }
  EXPECT_GE(trees, 7);
}

TEST(PatriciaTreeTest, DamagedNodesAreNoticedWhereTheyStand) {
  Store store;
  std::map<std::string, std::string> batch;
  for (int i = 0; i < 8; ++i) batch[std::string(LeafHash(absl::StrCat(i)).view())] = "v";
  ASSERT_OK(store.Put(batch));
  const Hash key = Hash::FromBytes(batch.begin()->first).value();
  const std::map<std::string, std::string> whole = store.nodes;
  for (const auto& [slot, bytes] : whole) {
    if (slot == EncodePatriciaSlot({})) continue;
    // Gone, or another's in its place.
    store.nodes = whole;
    store.nodes.erase(slot);
    for (const auto& [changed, value] : batch) {
      const auto status = FindPatricia(Hash::FromBytes(changed).value(), store).status();
      EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
    }
    store.nodes[slot] = whole.at(EncodePatriciaSlot({}));
    const auto status = store.Put(batch).status();
    EXPECT_THAT(status, StatusIs(StatusCode::kDataLoss, HasSubstr("another's node in the slot")));
  }
  store.nodes = {{EncodePatriciaSlot({}), whole.at(EncodePatriciaSlot({}))}};
  EXPECT_THAT(FindPatricia(key, store), StatusIs(StatusCode::kDataLoss, HasSubstr("no node")));
  EXPECT_THAT(store.Put(batch), StatusIs(StatusCode::kDataLoss, HasSubstr("no node")));
}

TEST(PatriciaTreeTest, AReadersErrorIsHandedOn) {
  class Broken : public PatriciaReader {
    absl::StatusOr<std::optional<PatriciaNode>> ReadNode(const PatriciaSlot&) override {
      return absl::UnavailableError("disk");
    }
  } broken;
  EXPECT_THAT(FindPatricia(EmptyRoot(), broken), StatusIs(StatusCode::kUnavailable));
  const auto ignore = [](const PatriciaSlot&, const PatriciaNode&) {};
  EXPECT_THAT(UpdatePatricia({}, broken, ignore), StatusIs(StatusCode::kUnavailable));
}

TEST(PatriciaNodeTest, StoredFormsAreAsWritten) {
  const Hash left = LeafHash("left");
  const Hash right = LeafHash("right");
  PatriciaNode fork{9, {}, left, right};
  fork.key.bytes = {0xab, 0x80};
  EXPECT_EQ(EncodePatriciaNode(fork), testing::BytesFromHex("0009ab80") + std::string(left.view()) +
                                          std::string(right.view()));
  EXPECT_EQ(ParsePatriciaNode(EncodePatriciaNode(fork)).value(), fork);
  const PatriciaNode leaf{256, right, left, {}};
  EXPECT_EQ(EncodePatriciaNode(leaf),
            testing::BytesFromHex("0100") + std::string(right.view()) + std::string(left.view()));
  EXPECT_EQ(ParsePatriciaNode(EncodePatriciaNode(leaf)).value(), leaf);
  EXPECT_EQ(EncodePatriciaSlot({9, fork.key}), testing::BytesFromHex("0009ab80"));
  EXPECT_EQ(EncodePatriciaSlot({}), testing::BytesFromHex("0000"));
}

TEST(PatriciaNodeTest, OtherBytesAreRefusedAndNamed) {
  const auto refused = [](const std::string& bytes, const std::string& why) {
    EXPECT_THAT(ParsePatriciaNode(bytes), StatusIs(StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  PatriciaNode fork{9, {}, LeafHash("left"), LeafHash("right")};
  fork.key.bytes = {0xab, 0x80};
  const std::string good = EncodePatriciaNode(fork);
  refused(good + "x", "map node: 1 trailing");
  refused(good.substr(0, 1), "map node bit: needs");
  refused(good.substr(0, 3), "map node key: needs");
  refused(good.substr(0, 4 + 31), "map node left: needs");
  refused(good.substr(0, 4 + 63), "map node right: needs");
  std::string bad = good;
  bad[3] = '\x81';
  refused(bad, "bits beyond its own");
  refused(testing::BytesFromHex("0101") + good, "257 is over 256");
}

}  // namespace
}  // namespace auditledger
