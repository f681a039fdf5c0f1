// Write-ahead logs damaged where LevelDB takes damage for a crash's doing and drops the rest of the
// log in silence: in the older of two, which was synced to its end, at the end of an acknowledged
// commit, and under those who look at a log without a signer's memory.
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ledger/leveldb_engine.h"
#include "ledger/recovery.h"
#include "ledger/signer.h"
#include "ledger/strict_env_tail.h"
#include "tests/ledger/damage_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr uint64_t kHeaderBytes = 7;     // LevelDB: crc u32, length u16, type u8
constexpr uint64_t kLengthAt = 4;        // little-endian
constexpr uint64_t kBlockBytes = 32768;  // within the first one, records may be moved
constexpr int kCommits = 8;
constexpr char kNewerLog[] = "000050.log";
constexpr char kEmptyLog[] = "000060.log";

// A ledger whose commits are all in one write-ahead log, the last of them in `before_last` not yet.
class DamageOfLogs : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(ledger_.Create());
    for (int i = 0; i < kCommits; ++i) {
      if (i == kCommits - 1) {
        before_last_ = ledger_.ledger->head()->head;
        fs::copy(paths_.state_dir, folder_.path() + "/state", fs::copy_options::recursive);
      }
      ASSERT_OK(ledger_.Append({absl::StrCat("event-", i)}).status());
    }
    newest_ = ledger_.ledger->head()->head;
    ledger_.Close();
    for (const auto& [name, bytes] : Database()) {
      if (absl::EndsWith(name, ".log")) log_ = name;
    }
    bytes_ = ReadAll(LogPath(paths_) + "/" + log_);
    bytes_.resize(SizeWithoutZeros(bytes_));
    ASSERT_LT(bytes_.size(), kBlockBytes);
    for (uint64_t at = 0; at < bytes_.size();) {
      batches_.push_back(at);
      at += kHeaderBytes + static_cast<uint8_t>(bytes_[at + kLengthAt]) +
            256 * static_cast<uint8_t>(bytes_[at + kLengthAt + 1]);
    }
    ASSERT_GE(batches_.size(), kCommits);
    split_ = batches_[batches_.size() / 2];
  }

  // The files of the database but LevelDB's own notes.
  std::map<std::string, std::string> Database() const {
    std::map<std::string, std::string> files;
    for (const auto& file : fs::directory_iterator(LogPath(paths_))) {
      const std::string name = file.path().filename();
      if (!absl::StartsWith(name, "LOG")) files[name] = ReadAll(file.path());
    }
    return files;
  }
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(LogPath(paths_) + "/" + name, std::ios::binary) << bytes;
  }
  // As after a crash while a full memtable was being written out.
  void WriteTwoLogs(const std::string& older, const std::string& newer) const {
    Write(log_, older);
    Write(kNewerLog, newer);
  }
  std::string Older() const { return bytes_.substr(0, split_); }
  std::string Newer() const { return bytes_.substr(split_); }
  bool WasCut() const {
    for (const auto& [name, bytes] : Database()) {
      if (absl::EndsWith(name, ".cut")) return true;
    }
    return false;
  }

  // The last commit as LevelDB drops it: a length that runs past the end.
  std::string WithLongLength() const {
    std::string damaged = bytes_;
    damaged[batches_.back() + kLengthAt + 1] ^= 0x40;
    return damaged;
  }
  // As a power cut tears it, or a disk.
  static std::string WithHole(std::string bytes) {
    return bytes.replace(bytes.size() - 300, 200, 200, '\0');
  }
  // The signer's memory as of before the last commit, which then nobody was told of.
  void ForgetTheLastCommit() const {
    fs::remove_all(paths_.state_dir);
    fs::copy(folder_.path() + "/state", paths_.state_dir, fs::copy_options::recursive);
  }
  LedgerOptions Options() const {
    LedgerOptions options;
    options.origin = kDamageOrigin;
    options.paths = paths_;
    return options;
  }

  // Start and engine both refuse, and every file stays as it was.
  void ExpectDamaged(const std::string& what) {
    const auto before = Database();
    EXPECT_THAT(ledger_.Open(), StatusIs(absl::StatusCode::kDataLoss)) << what;
    EXPECT_EQ(Database(), before) << what;
    LevelDbOptions leveldb;
    leveldb.path = LogPath(paths_);
    EXPECT_THAT(OpenLevelDbEngine(leveldb), StatusIs(absl::StatusCode::kDataLoss)) << what;
    EXPECT_EQ(Database(), before) << what;
  }

  const FastFolder folder_;
  DamageLedger ledger_{folder_.path() + "/ledger"};
  const LedgerPaths paths_ = ledger_.Paths();
  Head before_last_;
  Head newest_;
  std::string log_;
  std::string bytes_;
  std::vector<uint64_t> batches_;
  uint64_t split_ = 0;
};

TEST_F(DamageOfLogs, TwoWholeOnesAreBothServed) {
  WriteTwoLogs(Older(), Newer());
  ASSERT_OK(ledger_.Open());
  EXPECT_EQ(ledger_.ledger->head()->head, newest_);
  for (uint64_t i = 0; i < newest_.size; ++i) {
    EXPECT_OK(ledger_.ledger->ReadEntry(i, true).status()) << i;
  }
}

// The newer one has the signer's head: nothing but the older one itself can tell.
TEST_F(DamageOfLogs, AFlippedBitInAnyHeaderOfTheOlderOneIsRefused) {
  for (const uint64_t batch : batches_) {
    if (batch >= split_) break;
    for (uint64_t bit = 0; bit < kHeaderBytes * 8; ++bit) {
      std::string damaged = Older();
      damaged[batch + bit / 8] = static_cast<char>(damaged[batch + bit / 8] ^ 1 << bit % 8);
      WriteTwoLogs(damaged, Newer());
      ExpectDamaged(absl::StrCat("batch at ", batch, ", bit ", bit));
    }
  }
}

TEST_F(DamageOfLogs, AZeroedHeaderOrAHoleInTheOlderOneIsRefused) {
  for (const uint64_t batch : batches_) {
    if (batch >= split_) break;
    WriteTwoLogs(Older().replace(batch, kHeaderBytes, kHeaderBytes, '\0'), Newer());
    ExpectDamaged(absl::StrCat("zeroed header at ", batch));
  }
  WriteTwoLogs(WithHole(Older()), Newer());
  ExpectDamaged("a hole in the last batch, which was synced");
  EXPECT_FALSE(WasCut());
}

TEST_F(DamageOfLogs, AnOlderOneCutShortIsRefusedAlsoBetweenBatches) {
  for (const uint64_t batch : batches_) {
    if (batch >= split_) break;
    for (const uint64_t more : {0, 3, 100}) {
      WriteTwoLogs(bytes_.substr(0, batch + more), Newer());
      ExpectDamaged(absl::StrCat("cut to ", batch + more));
    }
  }
}

TEST_F(DamageOfLogs, ATornCommitThatNobodyWasToldOfIsLeftOut) {
  for (const bool two : {false, true}) {
    for (const bool empty_newest : {false, true}) {
      SCOPED_TRACE(absl::StrCat(two, empty_newest));
      const std::string kept = folder_.path() + "/kept";
      fs::copy(LogPath(paths_), kept, fs::copy_options::recursive);
      ForgetTheLastCommit();
      two ? WriteTwoLogs(Older(), WithHole(Newer())) : Write(log_, WithHole(bytes_));
      if (empty_newest) Write(kEmptyLog, "");
      ASSERT_OK(ledger_.Open());
      EXPECT_EQ(ledger_.ledger->head()->head, before_last_);
      EXPECT_TRUE(WasCut());
      EXPECT_EQ(ledger_.ledger->counters().cut_logs, 1u);
      EXPECT_OK(ledger_.Append({"event-again"}).status());
      ASSERT_OK(ledger_.Open());
      EXPECT_EQ(ledger_.ledger->head()->head.size, newest_.size);
      ledger_.Close();
      fs::remove_all(LogPath(paths_));
      fs::rename(kept, LogPath(paths_));
    }
  }
}

TEST_F(DamageOfLogs, ATornCommitThatWasAcknowledgedIsARollbackAndKept) {
  for (const std::string& damaged : {WithHole(bytes_), WithLongLength()}) {
    Write(log_, damaged);
    const auto before = Database();
    EXPECT_THAT(ledger_.Open(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("rollback")));
    EXPECT_EQ(Database(), before);
  }
}

TEST_F(DamageOfLogs, CreatingWhatWasRefusedTouchesNothing) {
  Write(log_, WithLongLength());
  const auto before = Database();
  EXPECT_THAT(Ledger::Create(Options()), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(Database(), before);
}

// Without the signer's memory nobody can say whether the damaged commit was acknowledged: at the
// head before it, whoever has a receipt would see a fork.
TEST_F(DamageOfLogs, AdoptingAnOlderHeadOfADamagedLogIsRefused) {
  fs::remove_all(paths_.state_dir);
  for (const std::string& damaged : {WithHole(bytes_), WithLongLength()}) {
    Write(log_, damaged);
    const auto before = Database();
    EXPECT_THAT(AdoptSignerState(Options(), before_last_.size, before_last_.root),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("acknowledged")));
    EXPECT_THAT(ledger_.Open(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("lost state")));
    EXPECT_EQ(Database(), before);
  }
  Write(log_, bytes_);
  const auto before = Database();
  ASSERT_OK(AdoptSignerState(Options(), newest_.size, newest_.root));
  EXPECT_EQ(Database(), before);
  ASSERT_OK(ledger_.Open());
}

TEST_F(DamageOfLogs, AnUnusedStateDoesNotMakeLevelDbDropWhatItCannotRead) {
  fs::remove_all(paths_.state_dir);
  ASSERT_OK(MakeDirectory(paths_.state_dir));
  ASSERT_OK(CreateSignerState({paths_.state_dir, kDamageOrigin, LogKeyPath(paths_)}, std::nullopt));
  Write(log_, WithLongLength());
  const auto before = Database();
  EXPECT_THAT(ledger_.Open(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("lost state")));
  EXPECT_EQ(Database(), before);
}

}  // namespace
}  // namespace auditledger::testing
