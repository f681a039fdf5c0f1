#include "ledger/tree_edge.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/node_cache.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

class MapTiles : public TileReader {
 public:
  absl::StatusOr<std::string> ReadTile(TileId id, uint64_t) override {
    const auto found = tiles.find(id);
    if (found == tiles.end()) return absl::NotFoundError("no tile");
    return found->second;
  }
  std::map<TileId, std::string> tiles;
};

// Over two levels of full tiles, in commits of every size; loaded anew at each of them.
TEST(TreeEdgeTest, GivesExactlyTheChangedTilesAndGoesOnFromThem) {
  constexpr uint64_t kSize = 256 * 256 + 300;
  ReferenceTree reference = ReferenceTree::Numbered(kSize);
  MapTiles store;
  TreeEdge edge;
  for (uint64_t step = 1; edge.size() < kSize; step = step * 3 % 1021 + 1) {
    const uint64_t old_size = edge.size();
    while (edge.size() < std::min(old_size + step, kSize)) {
      edge.Append(reference.leaf_hashes()[edge.size()]);
    }
    std::vector<TileId> changed;
    for (auto& [id, tile] : edge.TakeChangedTiles()) {
      changed.push_back(id);
      ASSERT_EQ(tile.size(), TileWidthAt(id, edge.size()) * Hash::kSize);
      store.tiles[id] = std::move(tile);
    }
    ASSERT_EQ(changed, ChangedTiles(old_size, edge.size()));
    ASSERT_OK_AND_ASSIGN(const TreeEdge loaded, TreeEdge::Load(edge.size(), store));
    ASSERT_EQ(loaded.Root(), edge.Root());
    edge = loaded;
  }
  EXPECT_EQ(edge.Root(), reference.Root(kSize));
  NodeCache nodes(store, kSize);
  for (const NodeId id : FrontierNodes(kSize)) {
    ASSERT_OK_AND_ASSIGN(const auto hash, nodes.ReadNodes({id}));
    EXPECT_EQ(hash[0], reference.ReadNodes({id})->at(0));
  }
}

TEST(TreeEdgeTest, AMissingTileIsAnError) {
  MapTiles store;
  EXPECT_FALSE(TreeEdge::Load(5, store).ok());
  EXPECT_OK(TreeEdge::Load(0, store).status());
}

}  // namespace
}  // namespace auditledger::testing
