// A small ledger of each format version, kept as the build of that time left it: every later build
// must open it, verify it and go on with it.
//
// tests/testdata/golden/vN is never rewritten: its digest stands below. A new format version (a
// change of anything that ledger/README.md lists under "On disk", or of the backup's files) gets a
// folder of its own, made by the build that first writes it:
//   1. add "vN" with an empty digest to kGolden and run, with N in place,
//      AUDITLEDGER_WRITE_GOLDEN=vN ledger_tests --gtest_filter='*Golden*'
//      It makes the folder, once, and prints the digest.
//   2. put the digest into kGolden; commit both (git add -f).
//   3. every test here now holds for it as well; what it can do that those before could not is a
//      test of its own.
// A format that grew without a new version (another compression of payloads, a change of the log's
// key) gets one too: "v1-zstd", "v2-rotated".
//
// On disk it is four folders of a LedgerSet (data, state, keys, seeds) with the ledger "golden", a
// backup of it (backup, secrets), and receipts with their events as they were acknowledged. Key
// store segments are cut after their last byte that is not zero: whole they have 4 MiB.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "ledger/backup_restore.h"
#include "ledger/backup_secrets.h"
#include "ledger/backup_writer.h"
#include "ledger/fsck.h"
#include "ledger/key_files.h"
#include "ledger/key_rotation.h"
#include "ledger/ledger_set.h"
#include "ledger/leveldb_engine.h"
#include "ledger/posix_file.h"
#include "merkle/checkpoint.h"
#include "merkle/frontier.h"
#include "merkle/key_chain.h"
#include "merkle/opening.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/check_ledger.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

namespace fs = std::filesystem;
using testing::Answers;
using testing::ReadFile;
using testing::ScratchFolder;
using testing::SourcePath;
using testing::StatusIs;

struct GoldenVersion {
  const char* name;
  const char* digest;   // FolderDigest
  const char* content;  // what its events begin with
  bool compressed;      // some payloads are stored shorter than they are
  bool rotated;         // the log's key was changed after half of its events
};
void PrintTo(const GoldenVersion& version, std::ostream* out) { *out << version.name; }
constexpr GoldenVersion kGolden[] = {
    {"v1", "50d2051b305aa1088b1a5e35bf8c3ef9e946dc01383d4f3215e564045a25122c", "what happened, ",
     false, false},
    {"v1-zstd", "bd9238ac9979e89f6395320c9e1d983e5695c629d6a9af7fda76118034a7532f",
     "what happened, what happened, what happened, what happened, what happened, ", true, false},
    {"v2", "6e7de604abcd06eefa21bcd8718bb9c8f38e5df56a5c235f2f1e0e6639dc1829",
     "what happened, what happened, what happened, what happened, what happened, ", true, false},
    {"v2-rotated", "852be1c225d3e62d16187ca6d2758ccd30c75bb24f3c113631552c728deea3ec",
     "what happened, what happened, what happened, what happened, what happened, ", true, true}};

constexpr char kOrigin[] = "golden.example/log";
constexpr char kId[] = "golden";
constexpr char kPrincipal[] = "spiffe://golden/emitter";
constexpr int kEvents = 40;
constexpr uint64_t kErased = 7;
constexpr int kRotatedAfter = kEvents / 2;  // an event; the change of the key is the next entry
constexpr uint64_t kHourUs = uint64_t{3600} * 1'000'000;
constexpr uint64_t kSegmentBytes = kSeedSlotsPerSegment * kSeedSlotBytes;

// SHA-256 over the sorted names and contents of all files below `dir`.
std::string FolderDigest(const std::string& dir) {
  std::map<std::string, std::string> files;
  for (const auto& file : fs::recursive_directory_iterator(dir)) {
    if (!file.is_regular_file()) continue;
    files[fs::relative(file.path(), dir).string()] = ReadFile(file.path().string());
  }
  Sha256Stream digest;
  for (const auto& [name, bytes] : files) {
    digest.Update(absl::StrCat(name, "\n", bytes.size(), "\n"));
    digest.Update(bytes);
  }
  return digest.Finish().ToHex();
}

bool IsSeeds(const fs::path& path) { return absl::StartsWith(path.filename().string(), "seeds-"); }

struct Receipt {
  TlogProof proof;
  ReceiptExtra extra;
  std::string event;
};

// A LedgerSet in `folder` with the clock of the time it was made.
class GoldenLedger {
 public:
  GoldenLedger(std::string folder, const GoldenVersion& version)
      : folder_(std::move(folder)), version_(version) {
    options_.roots = {folder_ + "/data", folder_ + "/state", folder_ + "/keys", folder_ + "/seeds"};
    options_.clock = &clock_;
    options_.random = &random_;
    options_.limits.identity_run_entries = 16;  // so that there are runs
    options_.limits.low_water_bytes = 0;
    options_.limits.resume_water_bytes = 0;
  }
  absl::Status Create() {
    ASSIGN_OR_RETURN(set_, LedgerSet::Open(options_));
    ASSIGN_OR_RETURN(ledger_, set_->Create(kId, kOrigin));
    return absl::OkStatus();
  }
  absl::Status Open() {
    Close();
    clock_.Pass(kHourUs);
    ASSIGN_OR_RETURN(set_, LedgerSet::Open(options_));
    ASSIGN_OR_RETURN(ledger_, set_->Find(kId));
    return absl::OkStatus();
  }
  // Some hours after it was made; a day would ask for an operator.
  void WaitSinceMade() { clock_.Pass(12 * kHourUs); }
  void Close() {
    ledger_ = nullptr;
    set_.reset();
  }
  Ledger& operator*() { return *ledger_; }
  Ledger* operator->() { return ledger_; }

  // Of two streams, one numbered.
  absl::StatusOr<AppendOutcome> Append(const std::string& id, const std::string& content,
                                       uint64_t number) {
    SealInput input;
    const std::string stream = number % 4 == 0 ? "unnumbered" : "numbered";
    input.stream_sequence = number % 4 == 0 ? 0 : number;
    input.event = testing::MakeEvent(id, content, {stream, input.stream_sequence});
    input.principal = kPrincipal;
    input.stream_id = stream;
    input.event_id = id;
    input.received_at_us = clock_.WallMicros();
    ASSIGN_OR_RETURN(SealedEvent sealed, ledger_->sealer().Seal(std::move(input)));
    std::vector<SealedEvent> events;
    events.push_back(std::move(sealed));
    Answers answers;
    ledger_->Append(std::move(events), answers.Slot());
    return std::move(answers.WaitAll()[0]);
  }
  absl::StatusOr<AppendOutcome> AppendNumber(int number) {
    return Append(absl::StrCat("event-", number), absl::StrCat(version_.content, number),
                  static_cast<uint64_t>(number));
  }
  LedgerPaths paths() const {
    LedgerPaths out = options_.roots;
    for (std::string* path : {&out.data_dir, &out.state_dir, &out.key_dir, &out.seed_dir}) {
      absl::StrAppend(path, "/", kId);
    }
    return out;
  }
  // Where the event `number` stands.
  uint64_t IndexOf(int number) const {
    return static_cast<uint64_t>(number) + (version_.rotated && number > kRotatedAfter ? 1 : 0);
  }
  uint64_t FirstSize() const { return 2u + kEvents + (version_.rotated ? 1 : 0); }
  // The next Open changes it.
  absl::Status PrepareRotation() {
    return PrepareKeyChange(paths().key_dir, kOrigin, OldKey::kKeep, random_).status();
  }
  KeyChain keys() const {
    return KeyChain::BuildFromLeaves(ledger_->verifier(), ledger_->key_changes()).value();
  }
  Random& random() { return random_; }
  NoteVerifier key() const { return keys().first(); }  // as somebody pinned it then

 private:
  const std::string folder_;
  const GoldenVersion version_;
  testing::SteppedClock clock_;
  testing::CountedRandom random_{7};
  LedgerSetOptions options_;
  std::unique_ptr<LedgerSet> set_;
  Ledger* ledger_ = nullptr;
};

// ---- making one, once ----

void Put(const std::string& path, const std::string& bytes) {
  fs::create_directories(fs::path(path).parent_path());
  ASSERT_OK(CreateFile(path, bytes));
}

void KeepReceipt(const std::string& out, const AppendOutcome& outcome, const std::string& event) {
  const AppendedEntry& entry = outcome.entries[0];
  TlogProof proof;
  proof.extra = EncodeReceiptExtra({entry.leaf, Opening{entry.seed, entry.header, ""}}).value();
  proof.index = entry.index;
  proof.path = entry.inclusion;
  proof.checkpoint = outcome.head->checkpoint;
  const std::string stem = absl::StrFormat("%s/receipts/%04d", out, entry.index);
  Put(stem + ".tlog-proof", FormatTlogProof(proof));
  Put(stem + ".event", event);
}

void MakeBackup(GoldenLedger& golden, const std::string& out) {
  ASSERT_OK_AND_ASSIGN(const auto writer, BackupWriter::Open(out + "/backup", golden.key()));
  const BackupSource& source = *golden->backup_source();
  ASSERT_OK(writer->Aim(golden->head()->checkpoint, golden->key_changes()));
  ASSERT_OK_AND_ASSIGN(const auto streams, source.ReadStreams(writer->next_stream(), 1 << 20));
  ASSERT_OK(writer->AddStreams(streams));
  ASSERT_OK_AND_ASSIGN(const auto entries,
                       source.ReadEntries(writer->next(), writer->target(), 1 << 24));
  for (const BackupEntry& entry : entries) {
    ASSERT_OK(writer->AddEntry({entry.leaf, entry.payload, entry.identity}));
  }
  ASSERT_OK(writer->Finish());
  ASSERT_OK_AND_ASSIGN(const auto mirror, SecretsMirror::Open(out + "/secrets", kOrigin));
  ASSERT_OK_AND_ASSIGN(const std::string slots, source.ReadSlots(0, writer->next()));
  ASSERT_OK(mirror->Replace(0, slots));
}

// Keeps the receipt of every eighth.
void AppendEvents(GoldenLedger& golden, int first, int last, const std::string& out) {
  for (int number = first; number <= last; ++number) {
    ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, golden.AppendNumber(number));
    if (number % 8 != 1) continue;
    const auto entry = golden->ReadEntry(outcome.entries[0].index, true);
    KeepReceipt(out, outcome, entry->opening->event);
  }
}

void MakeGolden(const std::string& out, const GoldenVersion& version) {
  ASSERT_FALSE(fs::exists(out)) << "a golden ledger is never rewritten";
  const ScratchFolder scratch;
  GoldenLedger golden(scratch.path(), version);
  ASSERT_OK(golden.Create());
  // Most of it lies in tables, the rest in the write-ahead log; a backup of two increments.
  AppendEvents(golden, 1, kRotatedAfter, scratch.path());
  MakeBackup(golden, scratch.path());
  if (version.rotated) {
    ASSERT_OK(golden.PrepareRotation());
  }
  ASSERT_OK(golden.Open());
  AppendEvents(golden, kRotatedAfter + 1, kEvents - 5, scratch.path());
  golden.Close();
  const LedgerKeys keys = LoadKeyFiles(golden.paths().key_dir, kOrigin).value();
  const auto wrapping = NewFileKeyProvider(keys);
  ASSERT_OK(SeedStore::Open(golden.paths().seed_dir, kOrigin, *wrapping, golden.random())
                .value()
                ->Erase(kErased));
  ASSERT_OK(golden.Open());
  AppendEvents(golden, kEvents - 4, kEvents, scratch.path());
  EXPECT_THAT(golden.Append("event-1", "something else", 1).status(),
              StatusIs(absl::StatusCode::kAlreadyExists));
  MakeBackup(golden, scratch.path());
  golden.Close();
  for (const auto& file : fs::recursive_directory_iterator(scratch.path())) {
    const std::string name = file.path().filename().string();
    if (!file.is_regular_file() || absl::StartsWith(name, "LO")) continue;  // LOG, LOG.old, LOCK
    if (name == "lock") continue;
    std::string bytes = ReadFile(file.path().string());
    if (IsSeeds(file.path())) bytes.resize(bytes.find_last_not_of('\0') + 1);
    Put(absl::StrCat(out, "/", fs::relative(file.path(), scratch.path()).string()), bytes);
  }
}

// ---- what holds for each ----

class GoldenTest : public ::testing::TestWithParam<GoldenVersion> {
 protected:
  void SetUp() override {
    source_ = SourcePath(absl::StrCat("tests/testdata/golden/", GetParam().name));
    const char* write = std::getenv("AUDITLEDGER_WRITE_GOLDEN");
    if (write != nullptr && std::string(write) == GetParam().name && !fs::exists(source_)) {
      MakeGolden(source_, GetParam());
      std::printf("%s: %s\n", GetParam().name, FolderDigest(source_).c_str());
    }
    Copy();
    golden_ = std::make_unique<GoldenLedger>(copy_.path(), GetParam());
    golden_->WaitSinceMade();
  }

  // Modes are not kept by git, nor the zeros at the end of key store segments.
  void Copy() {
    fs::copy(source_, copy_.path(), fs::copy_options::recursive);
    for (const auto& file : fs::recursive_directory_iterator(copy_.path())) {
      const bool folder = file.is_directory();
      ASSERT_EQ(::chmod(file.path().c_str(), folder ? 0700 : 0600), 0);
      if (!folder && IsSeeds(file.path())) fs::resize_file(file.path(), kSegmentBytes);
    }
  }

  std::vector<Receipt> Receipts() {
    std::vector<Receipt> out;
    for (const auto& file : fs::directory_iterator(source_ + "/receipts")) {
      if (file.path().extension() != ".tlog-proof") continue;
      Receipt receipt;
      receipt.proof = ParseTlogProof(ReadFile(file.path().string())).value();
      receipt.extra = ParseReceiptExtra(*receipt.proof.extra).value();
      receipt.event = ReadFile(fs::path(file.path()).replace_extension(".event").string());
      out.push_back(std::move(receipt));
    }
    return out;
  }

  std::string source_;
  ScratchFolder copy_;
  std::unique_ptr<GoldenLedger> golden_;
};

TEST_P(GoldenTest, IsAsItWasFirstCommitted) {
  EXPECT_EQ(FolderDigest(source_), GetParam().digest)
      << source_ << " must never change: ledgers out there are like it";
}

TEST_P(GoldenTest, OpensAndEveryEntryVerifies) {
  ASSERT_OK(golden_->Open());
  EXPECT_EQ((*golden_)->status().state, LedgerState::kServing) << (*golden_)->status().reason;
  const uint64_t size = (*golden_)->head()->head.size;
  ASSERT_EQ(size, golden_->FirstSize()) << "genesis, events, a conflict, a change of the key";
  EXPECT_EQ((*golden_)->key_changes().size(), GetParam().rotated ? 1u : 0u);
  const LedgerKeys keys = LoadKeyFiles(golden_->paths().key_dir, kOrigin).value();
  Frontier frontier;
  int compressed = 0;
  for (uint64_t index = 0; index < size; ++index) {
    SCOPED_TRACE(index);
    ASSERT_OK_AND_ASSIGN(const StoredEntry entry, (*golden_)->ReadEntry(index, true));
    frontier.Append(LeafHash(entry.leaf));
    ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(entry.leaf));
    const bool is_change = GetParam().rotated && index == kRotatedAfter + 1;
    EXPECT_EQ(leaf.kind == EntryKind::kKeyChange, is_change);
    if (index == 0 || index == kErased || is_change) {
      EXPECT_EQ(entry.payload,
                index == kErased ? StoredEntry::Payload::kErased : StoredEntry::Payload::kNone);
      continue;
    }
    ASSERT_EQ(entry.payload, StoredEntry::Payload::kPresent);
    EXPECT_OK(VerifyOpening(leaf, *entry.opening, keys.index_key.Reveal()));
    ASSERT_OK_AND_ASSIGN(const auto stored,
                         (*golden_)->backup_source()->ReadEntries(index, index + 1, 1));
    const size_t plain = entry.opening->header.size() + entry.opening->event.size();
    if (stored[0].payload.size() < plain) ++compressed;
  }
  EXPECT_EQ(compressed > 0, GetParam().compressed);
  EXPECT_EQ(frontier.Root(), (*golden_)->head()->head.root);
  EXPECT_OK(OpenCheckpoint((*golden_)->head()->checkpoint, kOrigin, keys.log_verifier).status());
  EXPECT_OK(OpenCheckpoint((*golden_)->head()->checkpoint, kOrigin, golden_->keys()).status());
}

TEST_P(GoldenTest, EveryReceiptOfThenVerifiesAndItsHeadIsAPrefixOfTodays) {
  ASSERT_OK(golden_->Open());
  const Head now = (*golden_)->head()->head;
  const std::vector<Receipt> receipts = Receipts();
  ASSERT_EQ(receipts.size(), 5u);
  for (const Receipt& receipt : receipts) {
    ASSERT_OK_AND_ASSIGN(const SignedCheckpoint head,
                         OpenCheckpoint(receipt.proof.checkpoint, kOrigin, golden_->keys()));
    EXPECT_OK(VerifyInclusion(receipt.proof.index, head.checkpoint.size,
                              LeafHash(receipt.extra.leaf), receipt.proof.path,
                              head.checkpoint.root));
    Opening opening = *receipt.extra.opening;
    opening.event = receipt.event;
    EXPECT_OK(VerifyOpening(ParseLeaf(receipt.extra.leaf).value(), opening, std::nullopt));
    EXPECT_EQ((*golden_)->ReadEntry(receipt.proof.index, false)->leaf, receipt.extra.leaf);
    ASSERT_OK_AND_ASSIGN(const auto proof, (*golden_)->Consistency(head.checkpoint.size, now.size));
    EXPECT_OK(
        VerifyConsistency(head.checkpoint.size, head.checkpoint.root, now.size, now.root, proof));
  }
}

TEST_P(GoldenTest, KnowsItsEventsAndGoesOn) {
  ASSERT_OK(golden_->Open());
  const uint64_t size = (*golden_)->head()->head.size;
  for (int number = 1; number <= kEvents; ++number) {
    const auto repeat = golden_->AppendNumber(number);
    if (number == kErased) continue;  // told apart by later versions
    ASSERT_OK(repeat);
    EXPECT_TRUE(repeat->entries[0].repeated) << number;
    EXPECT_EQ(repeat->entries[0].index, golden_->IndexOf(number));
  }
  const auto streams = (*golden_)->Streams(0, 10, 10);
  ASSERT_EQ(streams.size(), 1u);
  EXPECT_EQ(streams[0].stream_id, "numbered");
  EXPECT_EQ(streams[0].received_count, 30u);
  EXPECT_EQ(streams[0].gaps.size(), 9u) << "every fourth up to 36";

  ASSERT_OK_AND_ASSIGN(const AppendOutcome added, golden_->AppendNumber(kEvents + 1));
  EXPECT_EQ(added.entries[0].index, size);
  ASSERT_OK(golden_->Open());
  EXPECT_EQ((*golden_)->head()->head.size, size + 1);
  golden_->Close();
  LevelDbOptions leveldb;
  leveldb.path = golden_->paths().data_dir + "/log";
  ASSERT_OK_AND_ASSIGN(const auto engine, OpenLevelDbEngine(leveldb));
  EXPECT_OK(testing::CheckLedger(*engine, kOrigin));
}

// Its one destroyed secret has no erasure entry: nothing wrote any at that time.
TEST_P(GoldenTest, FsckFindsOnlyTheDestroyedSecret) {
  FsckOptions options;
  options.paths = golden_->paths();
  options.origin = kOrigin;
  ASSERT_OK_AND_ASSIGN(const FsckReport report, Fsck(options));
  ASSERT_EQ(report.findings_total, 1u);
  EXPECT_EQ(report.findings[0].part, FindingPart::kSecret);
  EXPECT_EQ(report.findings[0].entry, kErased);
  EXPECT_EQ(report.payloads_erased, 1u);
}

TEST_P(GoldenTest, ItsBackupVerifiesAndRestoresToTheSameLedger) {
  ASSERT_OK(golden_->Open());
  const NoteVerifier key = golden_->key();
  const std::string checkpoint = (*golden_)->head()->checkpoint;
  golden_->Close();
  const LedgerPaths paths = golden_->paths();
  fs::remove_all(paths.data_dir);
  fs::remove_all(paths.seed_dir);
  RestoreOptions options;
  options.from = {copy_.path() + "/backup", copy_.path() + "/secrets"};
  options.data_dir = paths.data_dir;
  options.seed_dir = paths.seed_dir;
  ASSERT_OK_AND_ASSIGN(const BackupSummary summary, RestoreBackup(options, key));
  EXPECT_EQ(summary.increments, 2u);
  ASSERT_OK(golden_->Open());
  EXPECT_EQ((*golden_)->head()->checkpoint, checkpoint);
  EXPECT_EQ((*golden_)->ReadEntry(kErased, true)->payload, StoredEntry::Payload::kErased);
  EXPECT_EQ((*golden_)->ReadEntry(kErased + 1, true)->payload, StoredEntry::Payload::kPresent);
  ASSERT_OK(golden_->AppendNumber(kEvents + 1));
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, ::testing::ValuesIn(kGolden), [](const auto& version) {
  std::string name = version.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace auditledger
