#include "verifier/tree_check.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/frontier.h"
#include "merkle/tile.h"
#include "tests/verifier/test_export.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;
using testing::WriteFile;

// A tree of 256 full bundles has one full tile of level 1, which is compared while it grows.
TEST(TreeCheck, AFullTileAboveTheLeavesIsComparedToo) {
  std::vector<std::vector<Hash>> bundles;
  std::string level_one;
  Frontier whole;
  for (uint64_t bundle = 0; bundle < kTileWidth; ++bundle) {
    Frontier frontier;
    std::vector<Hash>& hashes = bundles.emplace_back();
    for (uint64_t i = 0; i < kTileWidth; ++i) {
      hashes.push_back(LeafHash(absl::StrCat(bundle, " ", i)));
      frontier.Append(hashes.back());
      whole.Append(hashes.back());
    }
    absl::StrAppend(&level_one, frontier.Root().view());
  }
  TempDir dir;
  const auto said = [&] {
    Findings findings;
    TreeCheck tree(dir.path(), findings);
    for (const std::vector<Hash>& hashes : bundles) tree.AddBundle(hashes);
    EXPECT_EQ(tree.Finish(), whole.Root());
    std::string all;
    for (const Finding& finding : findings.kept()) absl::StrAppend(&all, finding.text, "\n");
    return all;
  };
  WriteFile(dir.File(TilePath({1, 0}, kTileWidth)), level_one);
  EXPECT_THAT(said(), ::testing::Not(HasSubstr("tile/1/000: ")));
  level_one[40] ^= 1;
  WriteFile(dir.File(TilePath({1, 0}, kTileWidth)), level_one);
  EXPECT_THAT(said(), HasSubstr("tile/1/000: is not what the entries below it lead to"));
  std::filesystem::remove(dir.File(TilePath({1, 0}, kTileWidth)));
  EXPECT_THAT(said(), HasSubstr("tile/1/000: is missing"));
}

}  // namespace
}  // namespace auditledger
