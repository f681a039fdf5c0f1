#include "merkle/frontier.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <string>
#include <vector>

#include "tests/testing/reference_merkle.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReferenceTree;
using ::auditledger::testing::StatusIs;

TEST(FrontierTest, NodesTileTheTreeLargestFirst) {
  EXPECT_TRUE(FrontierNodes(0).empty());
  EXPECT_EQ(FrontierNodes(7), (std::vector<NodeId>{{2, 0}, {1, 2}, {0, 6}}));
  for (uint64_t size = 0; size <= 1000; ++size) {
    uint64_t covered = 0;
    for (const NodeId& node : FrontierNodes(size)) {
      EXPECT_EQ(node.index << node.level, covered);
      covered += uint64_t{1} << node.level;
    }
    EXPECT_EQ(covered, size);
  }
  const std::vector<NodeId> most = FrontierNodes(kMaxTreeSize);
  ASSERT_EQ(most.size(), 63u);
  EXPECT_EQ(most.front(), (NodeId{62, 0}));
  EXPECT_EQ(most.back(), (NodeId{0, kMaxTreeSize - 1}));
}

TEST(FrontierTest, EveryAppendGivesTheReferencesRootAndNodes) {
  ReferenceTree tree = ReferenceTree::Numbered(600);
  Frontier frontier;
  EXPECT_EQ(frontier.Root(), EmptyRoot());
  uint64_t visited = 0;
  for (uint64_t i = 0; i < tree.size(); ++i) {
    uint8_t level = 0;
    frontier.Append(tree.leaf_hashes()[i], [&](NodeId id, const Hash& hash) {
      EXPECT_EQ(id.level, level++);
      EXPECT_EQ((id.index + 1) << id.level, i + 1) << "a node is full only with its last leaf";
      EXPECT_EQ(hash, tree.Root(id.index << id.level, (id.index + 1) << id.level));
      ++visited;
    });
    EXPECT_EQ(frontier.size(), i + 1);
    EXPECT_EQ(frontier.Root(), tree.Root(i + 1));
    ASSERT_OK_AND_ASSIGN(const std::vector<Hash> nodes, tree.ReadNodes(FrontierNodes(i + 1)));
    EXPECT_EQ(frontier.nodes(), nodes);
  }
  // A tree of n leaves has n leaves and n - popcount(n) full inner nodes.
  EXPECT_EQ(visited, 2 * tree.size() - static_cast<uint64_t>(std::popcount(tree.size())));
}

TEST(FrontierTest, GoesOnFromStoredNodes) {
  ReferenceTree tree = ReferenceTree::Numbered(300);
  for (uint64_t size = 0; size < 300; size += 7) {
    ASSERT_OK_AND_ASSIGN(std::vector<Hash> nodes, tree.ReadNodes(FrontierNodes(size)));
    ASSERT_OK_AND_ASSIGN(Frontier frontier, Frontier::FromNodes(size, std::move(nodes)));
    for (uint64_t i = size; i < 300; ++i) frontier.Append(tree.leaf_hashes()[i]);
    EXPECT_EQ(frontier.Root(), tree.Root(300)) << "from " << size;
  }
}

TEST(FrontierTest, AnotherCountOfNodesIsRefused) {
  EXPECT_THAT(Frontier::FromNodes(7, std::vector<Hash>(2)), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Frontier::FromNodes(7, std::vector<Hash>(4)), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Frontier::FromNodes(0, std::vector<Hash>(1)), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_OK(Frontier::FromNodes(kMaxTreeSize, std::vector<Hash>(63)));
  EXPECT_THAT(Frontier::FromNodes(kMaxTreeSize + 1, std::vector<Hash>(1)),
              StatusIs(StatusCode::kInvalidArgument, ::testing::HasSubstr("2^63")));
}

TEST(FrontierTest, LeavesThatAreAllThereHaveTheSameRootLevelByLevel) {
  std::vector<std::string> leaves;
  std::vector<Hash> hashes;
  Frontier frontier;
  for (int size = 0; size <= 300; ++size) {
    EXPECT_EQ(RootOf(hashes), frontier.Root()) << size;
    leaves.push_back(std::to_string(size));
    hashes.push_back(LeafHash(leaves.back()));
    frontier.Append(hashes.back());
  }
  EXPECT_EQ(LeafHashes(std::vector<absl::string_view>(leaves.begin(), leaves.end())), hashes);
}

TEST(FrontierTest, RootsOfTheEightLeafTree) {
  REQUIRE_SHARED(testing::VectorPath("merkle/rfc6962-8-leaves.json"));
  const auto vectors = testing::ReadVectors("merkle/rfc6962-8-leaves.json");
  const std::vector<Hash> roots = testing::HashesFromHex(vectors["root_hex_by_size"]);
  ASSERT_EQ(roots.size(), 9u);
  Frontier frontier;
  for (size_t size = 0; size <= 8; ++size) {
    EXPECT_EQ(frontier.Root(), roots[size]) << size;
    if (size < 8)
      frontier.Append(LeafHash(testing::BytesFromHex(vectors["leaf_inputs_hex"][size])));
  }
}

}  // namespace
}  // namespace auditledger
