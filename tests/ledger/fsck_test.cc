// What fsck says of a ledger that is whole, and of one in which one thing is not.
//
// Covers: ledger/fsck_env, ledger/fsck_findings, ledger/fsck_identities, ledger/fsck_log
// Covers: ledger/fsck_payloads, ledger/fsck_store
#include "ledger/fsck.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/fsck_identities.h"
#include "ledger/fsck_log.h"
#include "ledger/fsck_store.h"
#include "ledger/key_format.h"
#include "ledger/posix_file_system.h"
#include "ledger/recovery.h"
#include "leveldb/db.h"
#include "merkle/sha256.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::map<std::string, Hash> DigestsBelow(const std::string& folder) {
  std::map<std::string, Hash> out;
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    out[file.path().string()] = Sha256({bytes.str()});
  }
  return out;
}

// The machine's files, as a mount with "ro" gives them.
class ReadOnlyDisk : public FileSystem {
 public:
  int Open(const std::string& path, int flags, mode_t mode) override {
    const bool reads = (flags & O_ACCMODE) == O_RDONLY && (flags & O_CREAT) == 0;
    return reads ? machine_.Open(path, flags, mode) : Refuse();
  }
  int Close(int fd) override { return machine_.Close(fd); }
  ssize_t Pread(int fd, char* out, size_t size, off_t offset) override {
    return machine_.Pread(fd, out, size, offset);
  }
  ssize_t Pwrite(int, const char*, size_t, off_t) override { return Refuse(); }
  int Fsync(int fd) override { return machine_.Fsync(fd); }
  int Fdatasync(int fd) override { return machine_.Fdatasync(fd); }
  int Fstat(int fd, struct stat* info) override { return machine_.Fstat(fd, info); }
  int Fchmod(int, mode_t) override { return Refuse(); }
  int Flock(int fd, int operation) override { return machine_.Flock(fd, operation); }
  int Stat(const std::string& path, struct stat* info) override {
    return machine_.Stat(path, info);
  }
  int Lstat(const std::string& path, struct stat* info) override {
    return machine_.Lstat(path, info);
  }
  int Mkdir(const std::string&, mode_t) override { return Refuse(); }
  int Unlink(const std::string&) override { return Refuse(); }
  int Rename(const std::string&, const std::string&) override { return Refuse(); }
  int Link(const std::string&, const std::string&) override { return Refuse(); }
  int List(const std::string& dir, std::vector<std::string>* names) override {
    return machine_.List(dir, names);
  }

 private:
  static int Refuse() {
    errno = EROFS;
    return -1;
  }
  FileSystem& machine_ = FileSystem::Machine();
};

class FsckTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kEntries = 600;  // two full tiles and a partial one

  void SetUp() override {
    t.options.limits.identity_run_entries = 64;
    ASSERT_OK(t.Create());
    Grow(kEntries - 2);
    ASSERT_FALSE(t.AppendOne("e7", "another event").ok());  // evidence
    t.Close();
    ASSERT_OK(t.Open());  // a table of all that, and identity files
    t.Close();
  }
  void Grow(uint64_t count) {
    while (count > 0) {
      std::vector<SealedEvent> events;
      for (; count > 0 && events.size() < 100; --count, ++grown_) {
        events.push_back(t.Seal(absl::StrCat("e", grown_), "x", grown_ + 1));
      }
      ASSERT_OK(t.Append(std::move(events)).status());
    }
  }
  FsckReport Check() {
    FsckOptions options;
    options.paths = t.options.paths;
    options.origin = t.options.origin;
    options.limits = t.options.limits;
    options.max_findings = max_findings;
    const auto report = Fsck(options);
    EXPECT_OK(report.status());
    return report.value_or(FsckReport());
  }
  // What a raw LevelDB does to the stopped store.
  void Put(const std::string& key, const std::string& value) {
    ASSERT_TRUE(Raw()->Put(leveldb::WriteOptions(), key, value).ok());
  }
  void Delete(const std::string& key) {
    ASSERT_TRUE(Raw()->Delete(leveldb::WriteOptions(), key).ok());
  }
  std::string Get(const std::string& key) {
    std::string value;
    EXPECT_TRUE(Raw()->Get(leveldb::ReadOptions(), key, &value).ok());
    return value;
  }
  std::unique_ptr<leveldb::DB> Raw() {
    leveldb::DB* db = nullptr;
    EXPECT_TRUE(leveldb::DB::Open(leveldb::Options(), LogPath(t.options.paths), &db).ok());
    return std::unique_ptr<leveldb::DB>(db);
  }
  void FlipIn(const std::string& key, size_t at) {
    std::string bytes = Get(key);
    bytes.at(at) = static_cast<char>(bytes.at(at) ^ 1);
    Put(key, bytes);
  }
  // The one finding there must be.
  Finding Only(const FsckReport& report) {
    std::string all;
    for (const Finding& finding : report.findings) absl::StrAppend(&all, finding.what, "\n");
    EXPECT_EQ(report.findings_total, 1u) << all;
    return report.findings.empty() ? Finding() : report.findings[0];
  }
  std::string AFileOf(const std::string& folder, const std::string& prefix) {
    for (const auto& file : fs::directory_iterator(folder)) {
      if (absl::StartsWith(file.path().filename().string(), prefix)) return file.path();
    }
    ADD_FAILURE() << "no " << prefix << " in " << folder;
    return "";
  }
  static void FlipFile(const std::string& path, uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char c = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(c);
  }

  TestLedger t{TestLedger::Store::kLevelDb};
  size_t max_findings = kDefaultMaxFindings;
  uint64_t grown_ = 0;
};

TEST_F(FsckTest, FindsNothingInAWholeLedgerAndChangesNothing) {
  const auto before = DigestsBelow(t.folder());
  const FsckReport report = Check();
  for (const Finding& finding : report.findings) ADD_FAILURE() << finding.what;
  EXPECT_EQ(report.findings_total, 0u);
  EXPECT_EQ(report.head.size, kEntries);
  EXPECT_EQ(report.entries, kEntries);
  EXPECT_EQ(report.identities, kEntries - 1);  // all but the genesis
  EXPECT_EQ(report.payloads_opened, kEntries - 1);
  ASSERT_TRUE(report.signed_head.has_value());
  EXPECT_EQ(*report.signed_head, report.head);
  EXPECT_EQ(DigestsBelow(t.folder()), before);
}

TEST_F(FsckTest, ChecksTheLogAloneWhereOnlyThatWasCopied) {
  FsckOptions options;
  options.paths.data_dir = t.options.paths.data_dir;
  fs::remove_all(IdentityPath(options.paths));
  ASSERT_OK_AND_ASSIGN(const FsckReport report, Fsck(options));
  EXPECT_EQ(report.origin, t.options.origin);  // as the genesis has it: there is no ledger.origin
  EXPECT_EQ(Only(report).part, FindingPart::kOrigin);
  EXPECT_FALSE(report.opened_payloads);
}

TEST_F(FsckTest, NamesASecretThatWasDestroyedWithoutAnErasureEntry) {
  ASSERT_OK_AND_ASSIGN(const LedgerKeys keys,
                       LoadKeyFiles(t.options.paths.key_dir, t.options.origin));
  const auto wrapping = NewFileKeyProvider(keys);
  ASSERT_OK_AND_ASSIGN(const auto seeds, SeedStore::Open(t.options.paths.seed_dir, t.options.origin,
                                                         *wrapping, t.random));
  ASSERT_OK(seeds->Erase(9));
  const FsckReport report = Check();
  const Finding finding = Only(report);
  EXPECT_EQ(finding.part, FindingPart::kSecret);
  EXPECT_EQ(finding.entry, 9u);
  EXPECT_THAT(finding.what, HasSubstr("without an erasure entry"));
  EXPECT_EQ(report.payloads_erased, 1u);
  EXPECT_EQ(report.payloads_opened, kEntries - 2);
}

TEST_F(FsckTest, NoticesAnEventUnderAnotherStream) {
  ASSERT_OK(t.Open());
  ASSERT_OK(t.AppendOne("other", "x", 1, "s2"));
  t.Close();
  EXPECT_EQ(Check().findings_total, 0u);
  const std::string key = RecordKey(RecordKind::kIdentity, 20);
  IdentityRecord record = ParseIdentityRecord(Get(key)).value();
  ASSERT_EQ(record.stream_number, 0u);
  record.stream_number = 1;
  Put(key, EncodeIdentityRecord(record));
  const FsckReport report = Check();
  std::set<std::string> said;
  for (const Finding& finding : report.findings) said.insert(finding.what);
  EXPECT_TRUE(said.count("entry 20: its record names another stream than its event"));
}

// The record of evidence has neither stream nor number, whatever the refused event says.
TEST_F(FsckTest, FindsNothingInTheEvidenceOfANumberedEvent) {
  ASSERT_OK(t.Open());
  ASSERT_FALSE(t.AppendOne("e8", "another event", 9).ok());
  t.Close();
  for (const Finding& finding : Check().findings) ADD_FAILURE() << finding.what;
}

TEST_F(FsckTest, LeavesASegmentWhoseMakingWasCutShort) {
  std::ofstream(t.options.paths.seed_dir + "/seeds-0000000000010000.tmp") << "half";
  const auto before = DigestsBelow(t.folder());
  EXPECT_EQ(Check().findings_total, 0u);
  EXPECT_EQ(DigestsBelow(t.folder()), before);
}

TEST_F(FsckTest, FindsNothingOnADiskThatIsMountedReadOnly) {
  ReadOnlyDisk disk;
  SetFileSystemForTesting(&disk);
  const FsckReport report = Check();
  SetFileSystemForTesting(nullptr);
  for (const Finding& finding : report.findings) ADD_FAILURE() << finding.what;
  EXPECT_EQ(report.payloads_opened, kEntries - 1);
}

TEST_F(FsckTest, RefusesALedgerThatIsServed) {
  ASSERT_OK(t.Open());
  FsckOptions options;
  options.paths.data_dir = t.options.paths.data_dir;
  EXPECT_THAT(Fsck(options), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("in use")));
}

TEST_F(FsckTest, SaysThatThereIsNone) {
  FsckOptions options;
  options.paths.data_dir = t.folder() + "/nothing";
  EXPECT_THAT(Fsck(options), StatusIs(absl::StatusCode::kNotFound));
  options.paths.data_dir.clear();
  EXPECT_THAT(Fsck(options), StatusIs(absl::StatusCode::kInvalidArgument));
}

// One damaged leaf is one finding, with its entry: what lies above it is not blamed.
TEST_F(FsckTest, NamesTheEntryOfADamagedLeaf) {
  for (const uint64_t index : {uint64_t{3}, uint64_t{300}, kEntries - 1}) {
    const std::string key = RecordKey(RecordKind::kLeaf, index);
    const std::string good = Get(key);
    FlipIn(key, 12);  // in the event's time: it parses
    FsckReport report = Check();
    EXPECT_GE(report.findings_total, 1u);
    for (const Finding& finding : report.findings) EXPECT_EQ(finding.entry, index) << finding.what;
    FlipIn(key, 0);  // the version: it does not
    report = Check();
    ASSERT_FALSE(report.findings.empty());
    for (const Finding& finding : report.findings) EXPECT_EQ(finding.entry, index) << finding.what;
    Put(key, good);
  }
  EXPECT_EQ(Check().findings_total, 0u);
}

TEST_F(FsckTest, NamesTheTileThatIsDamaged) {
  for (const uint64_t tile : {0, 1, 2}) {
    FlipIn(TileKey({0, tile}), 32 * 5);
    const Finding finding = Only(Check());
    EXPECT_EQ(finding.part, FindingPart::kTile);
    EXPECT_THAT(finding.what, AllOf(HasSubstr(absl::StrCat("tile 0/", tile)),
                                    HasSubstr(absl::StrCat("entry ", tile * 256 + 5))));
    FlipIn(TileKey({0, tile}), 32 * 5);
  }
  FlipIn(TileKey({1, 0}), 32);
  const Finding finding = Only(Check());
  EXPECT_EQ(finding.part, FindingPart::kTile);
  EXPECT_THAT(finding.what, AllOf(HasSubstr("tile 1/0"), HasSubstr("entries 256 to 511")));
}

TEST_F(FsckTest, NamesWhatIsMissing) {
  struct Case {
    std::string key;
    FindingPart part;
    std::string what;
  };
  for (const Case& c :
       {Case{RecordKey(RecordKind::kLeaf, 44), FindingPart::kLeaf, "entry 44: its leaf is missing"},
        Case{RecordKey(RecordKind::kPayload, 44), FindingPart::kPayload,
             "entry 44: its payload is"},
        Case{RecordKey(RecordKind::kIdentity, kEntries - 2), FindingPart::kIdentity, "entry 598"},
        Case{TileKey({0, 1}), FindingPart::kTile, "tile 0/1"},
        Case{TileKey({1, 0}), FindingPart::kTile, "tile 1/0"},
        Case{kHeadKey, FindingPart::kHead, "no head"},
        Case{kFormatKey, FindingPart::kDatabase, "format"}}) {
    const std::string good = Get(c.key);
    Delete(c.key);
    const FsckReport report = Check();
    ASSERT_FALSE(report.findings.empty()) << c.what;
    EXPECT_EQ(report.findings[0].part, c.part);
    EXPECT_THAT(report.findings[0].what, HasSubstr(c.what));
    Put(c.key, good);
  }
  EXPECT_EQ(Check().findings_total, 0u);
}

TEST_F(FsckTest, NamesWhatDoesNotBelong) {
  for (const std::string& key :
       {RecordKey(RecordKind::kLeaf, kEntries), RecordKey(RecordKind::kIdentity, kEntries + 7),
        RecordKey(RecordKind::kPayload, 1000), TileKey({0, 3}), TileKey({2, 0}), std::string("L12"),
        RecordKey(RecordKind::kLeaf, 12) + "x", std::string("E"), std::string("Q"),
        std::string("zz"), std::string("T")}) {
    Put(key, "x");
    EXPECT_EQ(Only(Check()).part, FindingPart::kKey);
    Delete(key);
  }
}

TEST_F(FsckTest, NoticesPayloadsThatChangedPlaces) {
  const std::string first = RecordKey(RecordKind::kPayload, 10);
  const std::string second = RecordKey(RecordKind::kPayload, 11);
  const std::string kept = Get(first);
  Put(first, Get(second));
  Put(second, kept);
  const FsckReport report = Check();
  ASSERT_EQ(report.findings_total, 2u);
  EXPECT_EQ(report.findings[0].entry, 10u);
  EXPECT_EQ(report.findings[1].entry, 11u);
}

TEST_F(FsckTest, NoticesAnIdentityThatIsAnotherEvents) {
  Put(RecordKey(RecordKind::kIdentity, 598), Get(RecordKey(RecordKind::kIdentity, 20)));
  const FsckReport report = Check();
  std::set<std::string> said;
  for (const Finding& finding : report.findings) said.insert(finding.what);
  EXPECT_TRUE(said.count("entry 598: it has the identity of entry 20"));
  EXPECT_TRUE(said.count("entry 598: its record has another identity than its event"));
}

TEST_F(FsckTest, ComparesIdentityFilesExactly) {
  const std::string dir = IdentityPath(t.options.paths);
  const std::string run = AFileOf(dir, "ids-0000000000000000");
  FlipFile(run, 4096 + 3);
  FsckReport report = Check();
  EXPECT_EQ(Only(report).part, FindingPart::kIdentityRun);
  EXPECT_EQ(report.findings_rebuildable, 1u);
  FlipFile(run, 4096 + 3);
  // A record that its run does not have, and the reverse.
  IdentityRecord record = ParseIdentityRecord(Get(RecordKey(RecordKind::kIdentity, 5))).value();
  record.identity_mac[3] ^= 1;
  Put(RecordKey(RecordKind::kIdentity, 5), EncodeIdentityRecord(record));
  report = Check();
  uint64_t of_the_run = 0;
  for (const Finding& finding : report.findings) {
    if (finding.part != FindingPart::kIdentityRun) continue;
    ++of_the_run;
    EXPECT_THAT(finding.what, HasSubstr("entry 5"));
  }
  EXPECT_EQ(of_the_run, 2u);
}

// The same in many slices as in one.
TEST_F(FsckTest, ComparesLargeIndexesInSlices) {
  ASSERT_OK_AND_ASSIGN(const auto store, FsckStore::Open(LogPath(t.options.paths), false));
  Findings findings(10);
  CheckIdentityRuns({IdentityPath(t.options.paths), kEntries, 7}, kEntries - 1, *store, findings);
  EXPECT_EQ(findings.total(), 0u);
}

TEST_F(FsckTest, ChecksStreamRanges) {
  const std::string file = AFileOf(IdentityPath(t.options.paths), "streams-");
  FlipFile(file, fs::file_size(file) / 2);
  const FsckReport report = Check();
  EXPECT_EQ(Only(report).part, FindingPart::kStreamRanges);
  EXPECT_EQ(report.findings_rebuildable, 1u);
}

TEST_F(FsckTest, NoticesASecretThatDoesNotOpen) {
  FlipFile(AFileOf(t.options.paths.seed_dir, "seeds-"), 64 * 8 + 30);
  const Finding finding = Only(Check());
  EXPECT_EQ(finding.part, FindingPart::kSecret);
  EXPECT_EQ(finding.entry, 8u);
  FlipFile(AFileOf(t.options.paths.seed_dir, "seeds-"), 64 * 8 + 30);
  FlipFile(AFileOf(t.options.paths.seed_dir, "seeds-"), 40);  // the genesis has none
  EXPECT_EQ(Only(Check()).entry, 0u);
}

TEST_F(FsckTest, ComparesWithWhatWasSigned) {
  fs::copy(t.options.paths.data_dir, t.folder() + "/older", fs::copy_options::recursive);
  ASSERT_OK(t.Open());
  Grow(5);
  t.Close();
  fs::remove_all(t.options.paths.data_dir);
  fs::rename(t.folder() + "/older", t.options.paths.data_dir);
  const Finding finding = Only(Check());
  EXPECT_EQ(finding.part, FindingPart::kSigner);
  EXPECT_THAT(finding.what, AllOf(HasSubstr("rollback"), HasSubstr("entries 600 to 604")));
}

// What LevelDB refuses to open is checked as far as it can be read.
TEST_F(FsckTest, NamesTheEntriesOfADamagedWriteAheadRecord) {
  ASSERT_OK(t.Open());
  Grow(3);  // one record of the log
  Grow(2);  // the next
  t.Close();
  std::string log;
  for (const auto& file : fs::directory_iterator(LogPath(t.options.paths))) {
    if (file.path().extension() == ".log") log = file.path();
  }
  FlipFile(log, 7 + 40);  // behind the first record's header
  EXPECT_THAT(t.options.open_engine(), StatusIs(absl::StatusCode::kDataLoss));
  const FsckReport report = Check();
  ASSERT_GE(report.findings_total, 2u);
  EXPECT_EQ(report.findings[0].part, FindingPart::kDatabase);
  std::string all;
  for (const Finding& finding : report.findings) absl::StrAppend(&all, finding.what, "\n");
  EXPECT_THAT(all, HasSubstr("entries 600 to 604 are missing"));
}

TEST_F(FsckTest, KeepsNoMoreFindingsThanItsLimit) {
  for (const uint64_t index : {5, 6, 7, 8, 9}) Delete(RecordKey(RecordKind::kLeaf, index));
  max_findings = 5;
  FsckReport report = Check();
  EXPECT_EQ(report.findings.size(), 5u);
  EXPECT_EQ(report.findings_total, 5u);
  max_findings = 4;
  report = Check();
  EXPECT_EQ(report.findings.size(), 4u);
  EXPECT_EQ(report.findings_total, 5u);
}

}  // namespace
}  // namespace auditledger::testing
