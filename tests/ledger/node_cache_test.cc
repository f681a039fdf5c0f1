#include "ledger/node_cache.h"

#include <map>

#include "gtest/gtest.h"
#include "ledger/tree_edge.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

class MapTiles : public TileReader {
 public:
  absl::StatusOr<std::string> ReadTile(TileId id, uint64_t) override {
    ++reads;
    const auto found = tiles.find(id);
    if (found == tiles.end()) return absl::NotFoundError("no tile");
    return found->second;
  }
  void Grow(TreeEdge& edge, const ReferenceTree& tree, uint64_t size) {
    while (edge.size() < size) edge.Append(tree.leaf_hashes()[edge.size()]);
    for (auto& [id, tile] : edge.TakeChangedTiles()) tiles[id] = std::move(tile);
  }
  std::map<TileId, std::string> tiles;
  int reads = 0;
};

void ExpectEveryNode(NodeCache& nodes, ReferenceTree& tree) {
  for (uint8_t level = 0; level < 12; ++level) {
    for (uint64_t index = 0; index < nodes.size() >> level; ++index) {
      ASSERT_OK_AND_ASSIGN(const Hash hash, nodes.Node({level, index}));
      ASSERT_EQ(hash, tree.ReadNodes({{level, index}})->at(0)) << int{level} << "/" << index;
    }
  }
}

TEST(NodeCacheTest, EveryNodeAlsoWhenItGoesOnFromTheCommitBefore) {
  ReferenceTree tree = ReferenceTree::Numbered(2000);
  MapTiles store;
  TreeEdge edge;
  TileEdge before;
  for (const uint64_t size : {1u, 2u, 7u, 255u, 256u, 257u, 700u, 1999u}) {
    store.Grow(edge, tree, size);
    NodeCache cold(store, size);
    ExpectEveryNode(cold, tree);
    NodeCache warm(store, size, before);
    ExpectEveryNode(warm, tree);
    before = warm.Edge();
  }
  EXPECT_EQ(before.at(0).first, 7u) << "the newest tile of the lowest level";
}

TEST(NodeCacheTest, ATileIsReadOnce) {
  ReferenceTree tree = ReferenceTree::Numbered(300);
  MapTiles store;
  TreeEdge edge;
  store.Grow(edge, tree, 300);
  NodeCache nodes(store, 300);
  ExpectEveryNode(nodes, tree);
  EXPECT_EQ(store.reads, 3) << "two of leaves, one above";
}

// What the older cache knew is taken only where the stored bytes are those it was made from.
TEST(NodeCacheTest, AChangedTileIsFoldedAnew) {
  ReferenceTree tree = ReferenceTree::Numbered(200);
  MapTiles store;
  TreeEdge edge;
  store.Grow(edge, tree, 100);
  NodeCache older(store, 100);
  ASSERT_OK_AND_ASSIGN(const Hash right, older.Node({5, 0}));
  store.Grow(edge, tree, 200);
  store.tiles[{0, 0}][3] ^= 1;
  NodeCache damaged(store, 200, older.Edge());
  ASSERT_OK_AND_ASSIGN(const Hash wrong, damaged.Node({5, 0}));
  EXPECT_NE(wrong, right);
}

TEST(NodeCacheTest, NodesThatAreNotFullAndTilesOfAWrongLengthAreRefused) {
  ReferenceTree tree = ReferenceTree::Numbered(10);
  MapTiles store;
  TreeEdge edge;
  store.Grow(edge, tree, 10);
  NodeCache nodes(store, 9);
  EXPECT_OK(nodes.Node({0, 8}));
  EXPECT_THAT(nodes.Node({0, 9}), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(nodes.Node({3, 1}), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(nodes.Node({64, 0}), StatusIs(absl::StatusCode::kOutOfRange));
  for (const size_t size : {size_t{8}, size_t{9}, size_t{257}}) {
    store.tiles[{0, 0}].resize(size * Hash::kSize - (size == 9 ? 1 : 0));
    NodeCache wrong(store, 9);
    EXPECT_THAT(wrong.Node({0, 0}), StatusIs(absl::StatusCode::kDataLoss)) << size;
  }
}

}  // namespace
}  // namespace auditledger::testing
