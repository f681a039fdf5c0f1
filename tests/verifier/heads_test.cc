#include "verifier/heads.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/proof.h"
#include "merkle/tile.h"
#include "merkle/tlog_proof.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::ReadFile;
using testing::StatusIs;
using testing::TempDir;
using testing::TestEvent;
using testing::TestLog;
using testing::WriteFile;
using Kind = HeadRelation::Kind;

// Trees large enough to have tiles of level 2, without sealing an event for each leaf: leaf i of
// the tree `name` is "name i".
class BigTree : public NodeReader {
 public:
  BigTree(const std::string& name, uint64_t size) : size_(size) {
    for (uint64_t i = 0; i < size; ++i) {
      frontier_.Append(LeafHash(absl::StrCat(name, " ", i)),
                       [this](NodeId id, const Hash& hash) { levels_[id.level].push_back(hash); });
    }
  }
  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override {
    std::vector<Hash> out;
    for (const NodeId& id : ids) out.push_back(levels_.at(id.level).at(id.index));
    return out;
  }
  Checkpoint HeadAt(uint64_t size) {
    Checkpoint head;
    head.origin = "ledger.test/clinic";
    head.size = size;
    head.root = RootAt(size, *this).value();
    return head;
  }
  std::string Tile(TileId id) const {
    const std::vector<Hash>& hashes = levels_.at(id.level * kTileHeight);
    std::string bytes;
    for (uint64_t i = id.index * kTileWidth; i < hashes.size() && i < (id.index + 1) * kTileWidth;
         ++i) {
      absl::StrAppend(&bytes, hashes[i].view());
    }
    return bytes;
  }
  void WriteTiles(const std::string& dir) const {
    for (const TileId& id : ChangedTiles(0, size_)) WriteTile(dir, id, Tile(id));
  }
  void WriteTile(const std::string& dir, TileId id, const std::string& bytes) const {
    WriteFile(dir + "/" + TilePath(id, TileWidthAt(id, size_)), bytes);
  }
  uint64_t size() const { return size_; }

 private:
  const uint64_t size_;
  Frontier frontier_;
  std::map<uint8_t, std::vector<Hash>> levels_;
};

// Sizes around the edges of tile levels 0, 1 and 2.
constexpr uint64_t kBig = 65536 + 300;
constexpr uint64_t kOlder[] = {1, 2, 100, 255, 256, 257, 512, 1000, 65535, 65536, 65537};

class RelateByTilesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    honest_ = new BigTree("honest", kBig);
    other_ = new BigTree("other", kBig);
  }
  static void TearDownTestSuite() {
    delete honest_;
    delete other_;
  }
  HeadRelation Relate(const Checkpoint& known, const Checkpoint& head) {
    History history;
    history.log_dir = dir_.path();
    return RelateHeads(known, head, history);
  }

  static BigTree* honest_;
  static BigTree* other_;
  TempDir dir_;
};
BigTree* RelateByTilesTest::honest_ = nullptr;
BigTree* RelateByTilesTest::other_ = nullptr;

TEST_F(RelateByTilesTest, HonestTilesLinkHeadsOfEverySize) {
  honest_->WriteTiles(dir_.path());
  const Checkpoint newest = honest_->HeadAt(kBig);
  for (const uint64_t size : kOlder) {
    const Checkpoint older = honest_->HeadAt(size);
    EXPECT_EQ(Relate(older, newest).kind, Kind::kExtends) << size;
    EXPECT_EQ(Relate(newest, older).kind, Kind::kExtendedBy) << size;
  }
}

// The review's folder "forged": lower tiles of the history that was seen, upper tiles of another.
TEST_F(RelateByTilesTest, TilesOfTwoHistoriesLinkNothing) {
  const Checkpoint forked = other_->HeadAt(kBig);
  for (uint8_t first_forged = 0; first_forged <= 2; ++first_forged) {
    for (const TileId& id : ChangedTiles(0, kBig)) {
      honest_->WriteTile(dir_.path(), id, (id.level < first_forged ? honest_ : other_)->Tile(id));
    }
    for (const uint64_t size : kOlder) {
      const HeadRelation relation = Relate(honest_->HeadAt(size), forked);
      EXPECT_NE(relation.kind, Kind::kExtends) << size << " level " << int{first_forged};
    }
  }
}

// The review's folder "damaged": the head is honest, a tile below is not.
TEST_F(RelateByTilesTest, ADamagedTileIsNoEvidenceOfAFork) {
  const Checkpoint newest = honest_->HeadAt(kBig);
  for (uint8_t level = 0; level <= 2; ++level) {
    honest_->WriteTiles(dir_.path());
    for (const TileId& id : ChangedTiles(0, kBig)) {
      if (id.level == level) honest_->WriteTile(dir_.path(), id, other_->Tile(id));
    }
    for (const uint64_t size : kOlder) {
      const HeadRelation relation = Relate(honest_->HeadAt(size), newest);
      EXPECT_NE(relation.kind, Kind::kFork) << size << " level " << int{level};
    }
  }
}

TEST_F(RelateByTilesTest, AForkIsSaidWhereTheNewerHeadCommitsToAnotherPrefix) {
  other_->WriteTiles(dir_.path());
  const Checkpoint forked = other_->HeadAt(kBig);
  for (const uint64_t size : kOlder) {
    const HeadRelation relation = Relate(honest_->HeadAt(size), forked);
    EXPECT_EQ(relation.kind, Kind::kFork) << size;
    EXPECT_THAT(relation.detail, HasSubstr(other_->HeadAt(size).root.ToHex()));
  }
}

// As the review ran it: one full tile of level 0 and the tile above it.
TEST(Heads, TheReviewsTwoFolders) {
  TempDir dir;
  TestLog honest;
  honest.AddEvents(255);
  TestLog fork;
  fork.AddEvent(TestEvent(999));
  fork.AddEvents(254);
  testing::ExportLog(honest, dir.File("honest"));
  testing::ExportLog(fork, dir.File("fork"));
  for (const char* name : {"tile/0/000", "tile/1/000.p/1"}) {
    const bool low = std::string(name) == "tile/0/000";
    WriteFile(dir.File("forged/") + name, ReadFile(dir.File(low ? "honest/" : "fork/") + name));
    WriteFile(dir.File("damaged/") + name, ReadFile(dir.File(low ? "fork/" : "honest/") + name));
  }
  const Pin pin{honest.origin(), honest.verifier()};
  for (const bool forged : {true, false}) {
    const TrustStore store = TrustStore::Open(dir.File(forged ? "trust1" : "trust2")).value();
    History history;
    history.store = &store;
    history.log_dir = dir.File(forged ? "forged" : "damaged");
    const auto look = [&](const std::string& note) {
      Verdict verdict = Verdict::About("checkpoint", pin);
      const std::optional<SignedCheckpoint> head = OpenHead(note, pin, verdict);
      CompareWithStore(*head, pin, history, HeadUse::kCheckpoint, verdict);
      return verdict;
    };
    EXPECT_EQ(look(honest.CheckpointAt(100)).ExitCode(), kExitUnwitnessed);
    const Verdict verdict = look((forged ? fork : honest).CheckpointAt(256));
    EXPECT_EQ(verdict.ExitCode(), 2) << VerdictText(verdict);
    EXPECT_THAT(verdict.reasons, ::testing::Contains(HasSubstr("damaged, or of another log")));
    EXPECT_EQ(store.Load(pin).value().value().note, honest.CheckpointAt(100));
  }
}

TEST(Heads, ProofsComeAsAddCheckpointBodiesOrAsBareHashes) {
  TestLog log;
  log.AddEvents(40);
  const CheckpointUpdate update = ParseCheckpointUpdate(log.UpdateFrom(10, 30)).value();
  std::string list;
  for (const Hash& hash : update.proof) {
    absl::StrAppend(&list, list.empty() ? "" : ",", "\"", hash.ToBase64(), "\"");
  }
  const auto bare = [&](const std::string& sizes) {
    return ParseHeadProof(absl::StrCat("{", sizes, ",\"hashes\":[", list, "]}\n"));
  };
  ASSERT_OK_AND_ASSIGN(const HeadProof proof, bare("\"old_size\":10,\"new_size\":30"));
  EXPECT_EQ(proof.hashes, update.proof);
  Checkpoint older{log.origin(), 10, log.RootAt(10), {}};
  Checkpoint newer{log.origin(), 30, log.RootAt(30), {}};
  History history;
  history.proofs = {proof};
  EXPECT_EQ(RelateHeads(older, newer, history).kind, Kind::kExtends);
  EXPECT_EQ(RelateHeads(newer, older, history).kind, Kind::kExtendedBy);
  newer.root = log.RootAt(29);
  EXPECT_EQ(RelateHeads(older, newer, history).kind, Kind::kBadProof);

  for (const char* sizes :
       {"\"old_size\":-10,\"new_size\":30", "\"old_size\":10", "\"old_size\":10,\"new_size\":3e1",
        "\"old_size\":10,\"new_size\":\"30\"", "\"old_size\":10,\"new_size\":30,\"x\":1"}) {
    EXPECT_THAT(bare(sizes), StatusIs(absl::StatusCode::kInvalidArgument)) << sizes;
  }
  EXPECT_FALSE(ParseHeadProof("{").ok());
  EXPECT_FALSE(ParseHeadProof("{\"old_size\":1,\"new_size\":2,\"hashes\":[\"AA==\"]}").ok());
  EXPECT_FALSE(ParseHeadProof("{\"old_size\":1,\"new_size\":2,\"hashes\":[1]}").ok());
  EXPECT_FALSE(ParseHeadProof("").ok());
}

TEST(Heads, AChainThatLeavesTheHistoryLinksNothing) {
  TestLog log;
  log.AddEvents(40);
  TestLog fork;
  fork.AddEvent(TestEvent(999));
  fork.AddEvents(39);
  const Checkpoint older{log.origin(), 10, log.RootAt(10), {}};
  const Checkpoint newer{log.origin(), 40, log.RootAt(40), {}};
  const auto relate = [&](const std::vector<std::string>& texts) {
    History history;
    for (const std::string& text : texts) history.proofs.push_back(ParseHeadProof(text).value());
    return RelateHeads(older, newer, history).kind;
  };
  EXPECT_EQ(relate({log.UpdateFrom(20, 40), log.UpdateFrom(10, 20)}), Kind::kExtends);
  EXPECT_EQ(relate({fork.UpdateFrom(10, 20), log.UpdateFrom(20, 40)}), Kind::kUnproven);
  EXPECT_EQ(relate({log.UpdateFrom(10, 20), fork.UpdateFrom(20, 40)}), Kind::kUnproven);
  EXPECT_EQ(relate({log.UpdateFrom(10, 20)}), Kind::kUnproven);
  EXPECT_EQ(relate({log.UpdateFrom(10, 20), log.UpdateFrom(10, 20), log.UpdateFrom(20, 20)}),
            Kind::kUnproven)
      << "and it ends";
}

}  // namespace
}  // namespace auditledger
