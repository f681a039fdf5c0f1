#include "merkle/tile.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/proof.h"
#include "merkle/sha256.h"
#include "merkle/verify.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/seed.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReferenceTree;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

using Hashes = std::vector<Hash>;

// Tiles of a growing tree in memory, each as wide as the tree makes it.
class TileMap : public TileReader {
 public:
  void Append(const Hash& leaf) {
    frontier_.Append(leaf, [this](NodeId id, const Hash& hash) {
      if (id.level % kTileHeight != 0) return;
      const TileId tile{static_cast<uint8_t>(id.level / kTileHeight), id.index / kTileWidth};
      tiles_[tile].append(hash.view().data(), Hash::kSize);
    });
  }
  absl::StatusOr<std::string> ReadTile(TileId id, uint64_t width) override {
    ++reads_;
    const auto found = tiles_.find(id);
    if (found == tiles_.end()) return absl::NotFoundError(TilePath(id, width));
    return found->second;
  }
  Hash Root() const { return frontier_.Root(); }
  std::map<TileId, std::string>& tiles() { return tiles_; }
  int reads() const { return reads_; }

 private:
  Frontier frontier_;
  std::map<TileId, std::string> tiles_;
  int reads_ = 0;
};

TileMap MapOf(const Hashes& leaves) {
  TileMap map;
  for (const Hash& leaf : leaves) map.Append(leaf);
  return map;
}

TEST(TileWidthTest, SizesOfTheSpecification) {
  EXPECT_EQ(TileWidthAt({0, 0}, 0), 0u);
  EXPECT_EQ(TileWidthAt({0, 0}, 255), 255u);
  EXPECT_EQ(TileWidthAt({1, 0}, 255), 0u);
  EXPECT_EQ(TileWidthAt({0, 0}, 256), 256u);
  EXPECT_EQ(TileWidthAt({0, 1}, 256), 0u);
  EXPECT_EQ(TileWidthAt({1, 0}, 256), 1u);
  EXPECT_EQ(TileWidthAt({0, 272}, 70000), 256u);
  EXPECT_EQ(TileWidthAt({0, 273}, 70000), 112u);
  EXPECT_EQ(TileWidthAt({1, 0}, 70000), 256u);
  EXPECT_EQ(TileWidthAt({1, 1}, 70000), 17u);
  EXPECT_EQ(TileWidthAt({2, 0}, 70000), 1u);
  EXPECT_EQ(TileWidthAt({3, 0}, 70000), 0u);
  EXPECT_EQ(TileWidthAt({63, 0}, kMaxTreeSize), 0u);
  EXPECT_EQ(TileWidthAt({0, ~uint64_t{0}}, kMaxTreeSize), 0u);
  EXPECT_EQ(TileWidthAt({7, 0}, kMaxTreeSize), 127u);
}

TEST(ChangedTilesTest, AreThoseWhoseWidthGrew) {
  const uint64_t seed = testing::TestSeed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  std::vector<std::pair<uint64_t, uint64_t>> questions = {
      {0, 0}, {0, 1}, {255, 256}, {256, 257}, {0, 256}, {5, 5}, {65535, 65536}, {0, 70000}, {9, 3}};
  for (int i = 0; i < 200; ++i) questions.emplace_back(random() % 200000, random() % 200000);
  for (const auto& [old_size, size] : questions) {
    std::vector<TileId> want;
    for (uint8_t level = 0; level < 4; ++level) {
      for (uint64_t index = 0; TileWidthAt({level, index}, size) > 0; ++index) {
        if (TileWidthAt({level, index}, size) > TileWidthAt({level, index}, old_size)) {
          want.push_back({level, index});
        }
      }
    }
    EXPECT_EQ(ChangedTiles(old_size, size), want) << old_size << " to " << size;
  }
  EXPECT_EQ(ChangedTiles(kMaxTreeSize - 1, kMaxTreeSize).size(), 1u);
}

TEST(TilePathTest, PublicVectors) {
  REQUIRE_SHARED(testing::VectorPath("tlog/tile-paths.json"));
  const auto vectors = testing::ReadVectors("tlog/tile-paths.json");
  for (const auto& test : vectors["index_encoding"]) {
    const std::string path = absl::StrCat("tile/0/", test["path"].get<std::string>());
    EXPECT_EQ(TilePath({0, test["n"]}, kTileWidth), path);
    ASSERT_OK_AND_ASSIGN(const ParsedTilePath parsed, ParseTilePath(path));
    EXPECT_EQ(parsed.id.index, test["n"].get<uint64_t>());
  }
  for (const auto& test : vectors["tile"]) {
    const uint64_t partial = test["partial"];
    const TileId id{test["level"], test["index"]};
    const uint64_t width = partial == 0 ? kTileWidth : partial;
    EXPECT_EQ(TilePath(id, width), test["path"].get<std::string>());
    ASSERT_OK_AND_ASSIGN(const ParsedTilePath parsed,
                         ParseTilePath(test["path"].get<std::string>()));
    EXPECT_EQ(parsed.id, id);
    EXPECT_EQ(parsed.width, width);
    EXPECT_FALSE(parsed.entries);
  }
  for (const auto& test : vectors["entries_for_log_index"]) {
    const uint64_t tile = test["index"].get<uint64_t>() / kTileWidth;
    const uint64_t width = TileWidthAt({0, tile}, test["size"]);
    EXPECT_EQ(EntriesPath(tile, width), test["path"].get<std::string>());
    ASSERT_OK_AND_ASSIGN(const ParsedTilePath parsed,
                         ParseTilePath(test["path"].get<std::string>()));
    EXPECT_TRUE(parsed.entries);
    EXPECT_EQ(parsed.id.index, tile);
    EXPECT_EQ(parsed.width, width);
  }
  for (const auto& test : vectors["malformed"]) {
    const std::string path =
        absl::StrCat("tile/", test[0].get<std::string>(), "/", test[1].get<std::string>());
    EXPECT_THAT(ParseTilePath(path), StatusIs(StatusCode::kInvalidArgument)) << path;
  }
  EXPECT_EQ(vectors["malformed"].size(), 15u);
}

TEST(TilePathTest, OtherSpellingsAreRefused) {
  for (const char* path : {"",
                           "tile",
                           "tile/",
                           "tile/0",
                           "tile/0/",
                           "/tile/0/000",
                           "tile/0/000/",
                           "tile/00/000",
                           "tile/0/x000/001",
                           "tile/0/0",
                           "tile/0/00",
                           "tile/0/0000",
                           "tile/0/x001x002/003",
                           "tile/0/x001//003",
                           "tile/0/000.p/0",
                           "tile/0/000.p/01",
                           "tile/0/000.p/256",
                           "tile/0/000.p/255/",
                           "tile/0/000.p/1.p/1",
                           "tile/entries",
                           "tile/entries/",
                           "tile/data/000",
                           "tile/0/000.P/1",
                           "tile/0/ 00",
                           "tile/0/000\n",
                           "tile/0/+00",
                           "tile/-0/000",
                           "TILE/0/000",
                           "tile/0/x009/x223/x372/x036/x854/x775/808"}) {
    EXPECT_THAT(ParseTilePath(path), StatusIs(StatusCode::kInvalidArgument)) << path;
  }
  EXPECT_OK(ParseTilePath("tile/63/x009/x223/x372/x036/x854/x775/807"));
}

TEST(TilePathTest, ARefusalSaysWhichPartIsWrong) {
  for (const auto& [path, why] :
       std::map<std::string, std::string>{{"tile/0", "no index"},
                                          {"tile/0/ 00", "index is not made of digits"},
                                          {"tile/0/00a", "index is not made of digits"},
                                          {"tile/0/000.p/256", "width is not 1 to 255"},
                                          {"tile/0/0000", "index is not groups of three digits"}}) {
    EXPECT_THAT(ParseTilePath(path),
                StatusIs(StatusCode::kInvalidArgument, ::testing::HasSubstr(why)));
  }
}

TEST(EntryBundleTest, ReadsBack) {
  const std::vector<std::string> entries = {"one", "", std::string(kMaxEntryBytes, 'x')};
  ASSERT_OK_AND_ASSIGN(const std::string bundle, EncodeEntryBundle(entries));
  EXPECT_EQ(bundle.size(), 3 * 2 + 3 + kMaxEntryBytes);
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> parsed, ParseEntryBundle(bundle, 3));
  EXPECT_EQ(parsed, entries);
}

TEST(EntryBundleTest, LimitsAreSharp) {
  const auto refused = StatusIs(StatusCode::kInvalidArgument);
  EXPECT_THAT(EncodeEntryBundle({std::string(kMaxEntryBytes + 1, 'x')}), refused);
  EXPECT_OK(EncodeEntryBundle(std::vector<std::string>(256)));
  EXPECT_THAT(EncodeEntryBundle(std::vector<std::string>(257)), refused);
  EXPECT_THAT(EncodeEntryBundle({}), refused);
  EXPECT_OK(ParseEntryBundle(std::string(512, '\0'), 256));
  EXPECT_THAT(ParseEntryBundle(std::string(514, '\0'), 257), refused);
  EXPECT_THAT(ParseEntryBundle("", 0), refused);
}

TEST(EntryBundleTest, EveryCutAndEveryOtherWidthIsRefused) {
  ASSERT_OK_AND_ASSIGN(const std::string bundle, EncodeEntryBundle({"one", "two", ""}));
  for (size_t size = 0; size < bundle.size(); ++size) {
    EXPECT_FALSE(ParseEntryBundle(bundle.substr(0, size), 3).ok()) << size;
  }
  EXPECT_THAT(ParseEntryBundle(bundle, 2),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("trailing")));
  EXPECT_FALSE(ParseEntryBundle(bundle, 4).ok());
  EXPECT_FALSE(ParseEntryBundle(bundle + "x", 3).ok());
}

TEST(TileNodeReaderTest, ProofsEqualTheReferencesAroundATileBoundary) {
  ReferenceTree tree = ReferenceTree::Numbered(1100);
  TileMap tiles = MapOf(tree.leaf_hashes());
  for (uint64_t size : {1, 2, 255, 256, 257, 258, 300, 511, 512, 513, 767, 768, 1024, 1025, 1100}) {
    for (uint64_t index = 0; index < size; index += index % 256 < 3 || index + 3 > size ? 1 : 17) {
      // The tiles of 1100 leaves serve every smaller size: wider than asked is fine.
      TileNodeReader reader(tiles, size);
      ASSERT_OK_AND_ASSIGN(const Hashes inclusion, InclusionProof(index, size, reader));
      ASSERT_EQ(inclusion, tree.Path(index, size)) << index << " in " << size;
      ASSERT_OK_AND_ASSIGN(const Hashes consistency, ConsistencyProof(index + 1, size, reader));
      ASSERT_EQ(consistency, tree.Consistency(index + 1, size));
      ASSERT_OK_AND_ASSIGN(const Hash root, RootAt(size, reader));
      ASSERT_EQ(root, tree.Root(size));
    }
  }
}

TEST(TileNodeReaderTest, ProofsHoldAround65536) {
  TileMap tiles;
  std::map<uint64_t, Hash> roots;
  const std::set<uint64_t> sizes = {65279, 65280, 65535, 65536, 65537, 65792, 65793, 66000};
  for (uint64_t i = 0; i < 66000; ++i) {
    tiles.Append(LeafHash(absl::StrCat("leaf ", i)));
    if (sizes.count(i + 1) > 0) roots[i + 1] = tiles.Root();
  }
  for (const auto& [size, root] : roots) {
    TileNodeReader reader(tiles, size);
    ASSERT_OK_AND_ASSIGN(const Hash from_tiles, RootAt(size, reader));
    EXPECT_EQ(from_tiles, root);
    for (uint64_t index : {uint64_t{0}, uint64_t{255}, uint64_t{256}, uint64_t{65279}, size - 1}) {
      if (index >= size) continue;
      ASSERT_OK_AND_ASSIGN(const Hashes proof, InclusionProof(index, size, reader));
      EXPECT_OK(VerifyInclusion(index, size, LeafHash(absl::StrCat("leaf ", index)), proof, root));
    }
    for (const auto& [old_size, old_root] : roots) {
      if (old_size > size) break;
      ASSERT_OK_AND_ASSIGN(const Hashes proof, ConsistencyProof(old_size, size, reader));
      EXPECT_OK(VerifyConsistency(old_size, old_root, size, root, proof));
    }
  }
}

TEST(TileNodeReaderTest, ReadsEachTileOnce) {
  TileMap tiles = MapOf(ReferenceTree::Numbered(600).leaf_hashes());
  TileNodeReader reader(tiles, 600);
  for (uint64_t index = 0; index < 600; index += 50) ASSERT_OK(InclusionProof(index, 600, reader));
  EXPECT_EQ(tiles.reads(), 4);  // three of level 0, one of level 1
}

TEST(TileNodeReaderTest, NodesBeyondTheTreeAreRefusedThoughStored) {
  TileMap tiles = MapOf(ReferenceTree::Numbered(300).leaf_hashes());
  TileNodeReader reader(tiles, 200);
  EXPECT_OK(reader.ReadNodes({{0, 199}}));
  EXPECT_OK(reader.ReadNodes({{3, 24}}));
  const auto beyond = StatusIs(StatusCode::kOutOfRange);
  EXPECT_THAT(reader.ReadNodes({{0, 200}}), beyond);
  EXPECT_THAT(reader.ReadNodes({{3, 25}}), beyond);
  EXPECT_THAT(reader.ReadNodes({{8, 0}}), beyond);
  EXPECT_THAT(reader.ReadNodes({{63, 0}}), beyond);
  EXPECT_THAT(reader.ReadNodes({{64, 0}}), beyond);
  EXPECT_THAT(reader.ReadNodes({{255, ~uint64_t{0}}}), beyond);
}

TEST(TileNodeReaderTest, DamagedAndMissingTiles) {
  TileMap tiles = MapOf(ReferenceTree::Numbered(300).leaf_hashes());
  std::string& tile = tiles.tiles()[{0, 1}];
  for (size_t size :
       {size_t{0}, tile.size() - 32, tile.size() - 1, tile.size() + 1, size_t{8224}}) {
    const std::string whole = tile;
    tile.resize(size);
    TileNodeReader reader(tiles, 300);
    EXPECT_THAT(InclusionProof(299, 300, reader),
                StatusIs(StatusCode::kDataLoss, HasSubstr("tile/0/001.p/44")))
        << size;
    tile = whole;
  }
  TileNodeReader intact(tiles, 300);
  EXPECT_OK(InclusionProof(299, 300, intact));
  tiles.tiles().erase({0, 1});
  TileNodeReader reader(tiles, 300);
  EXPECT_THAT(InclusionProof(299, 300, reader), StatusIs(StatusCode::kNotFound));
}

TEST(TilePublicLogTest, SunlightTreeOf300Records) {
  REQUIRE_SHARED(testing::VectorPath("tlog/sunlight-300-records.json"));
  const auto vectors = testing::ReadVectors("tlog/sunlight-300-records.json");
  TileMap map;
  for (int i = 0; i < 300; ++i) map.Append(LeafHash(absl::StrCat("record ", i)));
  EXPECT_EQ(map.Root().ToBase64(), vectors["root_base64"].get<std::string>());
  ASSERT_EQ(map.tiles().size(), 3u);
  EXPECT_EQ(Sha256({map.tiles()[{0, 0}]}).ToHex(), vectors["tile/0/000_sha256"].get<std::string>());
  EXPECT_EQ(Sha256({map.tiles()[{0, 1}]}).ToHex(),
            vectors["tile/0/001.p/44_sha256"].get<std::string>());
  EXPECT_EQ((map.tiles()[{1, 0}]), testing::BytesFromHex(vectors["tile/1/000.p/1_hex"]));
}

TEST(TilePublicLogTest, TesseraTestLog) {
  REQUIRE_SHARED(testing::VectorPath("tlog/tessera-testlog.json"));
  const auto vectors = testing::ReadVectors("tlog/tessera-testlog.json");
  const std::vector<std::string> entries = vectors["entries_utf8"];
  TileMap map;
  for (const std::string& entry : entries) map.Append(LeafHash(entry));
  for (const auto& [path, hex] : vectors["tiles_hex"].items()) {
    ASSERT_OK_AND_ASSIGN(const ParsedTilePath parsed, ParseTilePath(path));
    EXPECT_EQ(map.tiles()[parsed.id].substr(0, parsed.width * Hash::kSize),
              testing::BytesFromHex(hex))
        << path;
  }
  for (const auto& [path, hex] : vectors["entry_bundles_hex"].items()) {
    ASSERT_OK_AND_ASSIGN(const ParsedTilePath parsed, ParseTilePath(path));
    ASSERT_TRUE(parsed.entries);
    const std::vector<std::string> head(entries.begin(),
                                        entries.begin() + static_cast<ptrdiff_t>(parsed.width));
    ASSERT_OK_AND_ASSIGN(const std::string bundle, EncodeEntryBundle(head));
    EXPECT_EQ(bundle, testing::BytesFromHex(hex)) << path;
    ASSERT_OK_AND_ASSIGN(const auto parsed_entries, ParseEntryBundle(bundle, parsed.width));
    EXPECT_EQ(parsed_entries, head);
  }
  EXPECT_GE(vectors["entry_bundles_hex"].size(), 3u);
}

}  // namespace
}  // namespace auditledger
