// A ledger in files with a mirror and a backup of it, of which copies are damaged and repaired.
//
// Thread-safety: none.
#ifndef AUDITLEDGER_TESTS_LEDGER_REPAIR_FIXTURE_H_
#define AUDITLEDGER_TESTS_LEDGER_REPAIR_FIXTURE_H_

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/backup_secrets.h"
#include "ledger/backup_writer.h"
#include "ledger/key_format.h"
#include "ledger/posix_file_system.h"
#include "ledger/recovery.h"
#include "ledger/repair.h"
#include "ledger/state_markers.h"
#include "leveldb/db.h"
#include "merkle/checkpoint.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/tile.h"
#include "tests/ledger/damage_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {

namespace fs = std::filesystem;

inline constexpr uint64_t kEntries = 600;  // two full tiles and a partial one

// A mirror in memory, which may lie.
class Leaves : public LeafSource {
 public:
  explicit Leaves(std::vector<std::string> leaves) : leaves_(std::move(leaves)) {}
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t index, uint64_t width) override {
    ++reads;
    std::vector<std::string> out;
    for (uint64_t i = index * kTileWidth; i < leaves_.size() && out.size() < width; ++i) {
      out.push_back(leaves_[i]);
    }
    if (out.empty()) return absl::NotFoundError("the mirror ends before");
    return out;
  }
  std::vector<std::string>& leaves() { return leaves_; }
  Checkpoint Head(uint64_t size) const {
    Frontier frontier;
    for (uint64_t i = 0; i < size; ++i) frontier.Append(LeafHash(leaves_[i]));
    return {kDamageOrigin, size, frontier.Root(), {}};
  }
  int reads = 0;

 private:
  std::vector<std::string> leaves_;
};

// Fails the n-th call that changes names.
class NthChangeFails : public FileSystem {
 public:
  explicit NthChangeFails(int n) : left_(n) {}
  bool reached() const { return left_ <= 0; }
  int Open(const std::string& path, int flags, mode_t mode) override {
    return machine_.Open(path, flags, mode);
  }
  int Close(int fd) override { return machine_.Close(fd); }
  ssize_t Pread(int fd, char* out, size_t size, off_t offset) override {
    return machine_.Pread(fd, out, size, offset);
  }
  ssize_t Pwrite(int fd, const char* bytes, size_t size, off_t offset) override {
    return Fails() ? -1 : machine_.Pwrite(fd, bytes, size, offset);
  }
  int Fsync(int fd) override { return machine_.Fsync(fd); }
  int Fdatasync(int fd) override { return machine_.Fdatasync(fd); }
  int Fstat(int fd, struct stat* info) override { return machine_.Fstat(fd, info); }
  int Fchmod(int fd, mode_t mode) override { return machine_.Fchmod(fd, mode); }
  int Flock(int fd, int operation) override { return machine_.Flock(fd, operation); }
  int Stat(const std::string& path, struct stat* info) override {
    return machine_.Stat(path, info);
  }
  int Lstat(const std::string& path, struct stat* info) override {
    return machine_.Lstat(path, info);
  }
  int Mkdir(const std::string& path, mode_t mode) override {
    return Fails() ? -1 : machine_.Mkdir(path, mode);
  }
  int Unlink(const std::string& path) override { return Fails() ? -1 : machine_.Unlink(path); }
  int Rename(const std::string& from, const std::string& to) override {
    return Fails() ? -1 : machine_.Rename(from, to);
  }
  int Link(const std::string& from, const std::string& to) override {
    return Fails() ? -1 : machine_.Link(from, to);
  }
  int List(const std::string& dir, std::vector<std::string>* names) override {
    return machine_.List(dir, names);
  }

 private:
  bool Fails() {
    if (left_ == 0 || --left_ > 0) return false;
    errno = EIO;
    return true;
  }
  FileSystem& machine_ = FileSystem::Machine();
  int left_;
};

// Does not give the slot at `offset` of a file.
class BadSector : public NthChangeFails {
 public:
  BadSector(const std::string& path, off_t offset)
      : NthChangeFails(0), path_(path), offset_(offset) {}
  int Open(const std::string& path, int flags, mode_t mode) override {
    const int fd = NthChangeFails::Open(path, flags, mode);
    if (fd < 0) return fd;
    struct stat bad = {};
    struct stat opened = {};
    const bool both = ::stat(path_.c_str(), &bad) == 0 && ::fstat(fd, &opened) == 0;
    if (inode_ == 0 && both) inode_ = bad.st_ino;
    if (both && opened.st_ino == inode_) bad_fds_.insert(fd);
    return fd;
  }
  int Close(int fd) override {
    bad_fds_.erase(fd);
    return NthChangeFails::Close(fd);
  }
  ssize_t Pread(int fd, char* out, size_t size, off_t offset) override {
    const bool hits = offset <= offset_ && offset_ < offset + static_cast<off_t>(size);
    if (!hits || !bad_fds_.contains(fd)) return NthChangeFails::Pread(fd, out, size, offset);
    errno = EIO;
    return -1;
  }

 private:
  const std::string path_;
  const off_t offset_;
  ino_t inode_ = 0;
  std::set<int> bad_fds_;
};

inline std::map<std::string, Hash> DigestsBelow(const std::string& folder) {
  std::map<std::string, Hash> out;
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (file.is_regular_file()) out[file.path().string()] = Sha256({ReadAll(file.path().string())});
  }
  return out;
}

class RepairTest : public ::testing::Test {
 protected:
  // Built once; each test damages a copy.
  static void SetUpTestSuite() {
    folder_ = new FastFolder;
    DamageLedger ledger(folder_->path() + "/original");
    ASSERT_OK(ledger.Create());
    int next = 0;
    const auto append = [&](int count) {
      std::vector<std::string> ids;
      for (int i = 0; i < count; ++i) ids.push_back(absl::StrCat("e", next++));
      ASSERT_OK(ledger.Append(ids).status());
    };
    append(98);
    ledger.Close();
    fs::copy(ledger.base() + "/data", folder_->path() + "/data-99", fs::copy_options::recursive);
    ASSERT_OK(ledger.Open());
    fs::copy(ledger.base() + "/state", folder_->path() + "/state-100", fs::copy_options::recursive);
    for (int i = 0; i < 4; ++i) {
      append(100);
      ASSERT_OK(ledger.Open());  // a table of all that
    }
    for (int i = 0; i < 9; ++i) append(11);
    fs::copy(ledger.base() + "/state", folder_->path() + "/state-599", fs::copy_options::recursive);
    append(2);
    head_ = *ledger.ledger->head();
    key_ = new NoteVerifier(ledger.ledger->verifier());
    entries_ = ReadLedger(ledger);
    ASSERT_EQ(leaves_.size(), kEntries);
    ASSERT_OK(MakeBackup(*ledger.ledger, Backup()));
    ledger.Close();
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete key_;
  }
  void SetUp() override {
    base_ = absl::StrCat(folder_->path(), "/copy-", ++copies_);
    fs::copy(folder_->path() + "/original", base_, fs::copy_options::recursive);
    damaged_ = std::make_unique<DamageLedger>(base_);
    damaged_->clock.Pass(1'000'000'000);
  }
  void TearDown() override {
    damaged_.reset();
    fs::remove_all(base_);
  }

  // Everything that can be read; one text an entry.
  static std::vector<std::string> ReadLedger(DamageLedger& ledger) {
    std::vector<std::string> out;
    leaves_.clear();
    EXPECT_OK(ledger.ledger->ReadEntries(
        0, ledger.ledger->head()->head.size, true, [&](const StoredEntry& entry) {
          const Opening opening = entry.opening.value_or(Opening{});
          out.push_back(absl::StrCat(entry.index, " ", static_cast<int>(entry.payload), " ",
                                     entry.leaf, opening.seed, opening.header, opening.event));
          leaves_.push_back(entry.leaf);
          return true;
        }));
    return out;
  }
  using EditBackup = std::function<void(uint64_t first, std::vector<BackupEntry>&)>;
  static absl::Status MakeBackup(const Ledger& ledger, const BackupFolders& to,
                                 const EditBackup& edit = {}) {
    const BackupSource& source = *ledger.backup_source();
    ASSIGN_OR_RETURN(const auto writer, BackupWriter::Open(to.log, *key_));
    RETURN_IF_ERROR(writer->Aim(ledger.head()->checkpoint));
    ASSIGN_OR_RETURN(const auto streams, source.ReadStreams(0, 1 << 20));
    RETURN_IF_ERROR(writer->AddStreams(streams));
    while (writer->next() < writer->target()) {
      ASSIGN_OR_RETURN(auto entries, source.ReadEntries(writer->next(), writer->target(), 4096));
      if (edit) edit(writer->next(), entries);
      for (const BackupEntry& entry : entries) {
        RETURN_IF_ERROR(writer->AddEntry({entry.leaf, entry.payload, entry.identity}));
      }
    }
    RETURN_IF_ERROR(writer->Finish());
    ASSIGN_OR_RETURN(const auto mirror, SecretsMirror::Open(to.secrets, kDamageOrigin));
    ASSIGN_OR_RETURN(const std::string slots, source.ReadSlots(0, kEntries));
    return mirror->Replace(0, slots);
  }
  static BackupFolders Backup() {
    return {folder_->path() + "/backup", folder_->path() + "/secrets"};
  }

  RepairOptions Options() {
    RepairOptions options{*key_, damaged_->Paths()};
    options.limits.identity_run_entries = 32;  // as the fixture's
    return options;
  }
  RepairOptions WithMirror(Leaves& mirror, uint64_t size = kEntries) {
    RepairOptions options = Options();
    options.mirrors.push_back({"mirror", mirror.Head(size), &mirror});
    return options;
  }
  RepairOptions WithBoth(Leaves& mirror) {
    RepairOptions options = WithMirror(mirror);
    options.backup = Backup();
    return options;
  }
  static bool IsWhole(const FsckReport& report) {
    return report.findings_total == report.findings_rebuildable;
  }
  FsckReport Check() { return damaged_->Check().value(); }

  std::string LogFile(const std::string& suffix) {
    std::string found;
    for (const auto& file : fs::directory_iterator(LogPath(damaged_->Paths()))) {
      const std::string path = file.path().string();
      if (absl::EndsWith(path, suffix) && path > found) found = path;
    }
    return found;
  }
  static void Flip(const std::string& path, uint64_t bit) {
    std::string bytes = ReadAll(path);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // What a raw LevelDB does to the stopped store.
  void Raw(const std::function<void(leveldb::DB&)>& change) {
    leveldb::DB* db = nullptr;
    ASSERT_TRUE(leveldb::DB::Open(leveldb::Options(), LogPath(damaged_->Paths()), &db).ok());
    const std::unique_ptr<leveldb::DB> owned(db);
    change(*db);
  }
  void EditLeaf(uint64_t index) {
    Raw([&](leveldb::DB& db) {
      std::string leaf = leaves_[index];
      leaf[10] = static_cast<char>(leaf[10] ^ 1);
      ASSERT_TRUE(db.Put(leveldb::WriteOptions(), RecordKey(RecordKind::kLeaf, index), leaf).ok());
    });
  }

  // It serves what was acknowledged, goes on from the same head, and has logged the repair.
  void ExpectServesAll(const RepairReport& report) {
    ASSERT_OK(damaged_->Open());
    const std::vector<std::string> now = [&] {
      const std::vector<std::string> leaves = leaves_;
      std::vector<std::string> out = ReadLedger(*damaged_);
      leaves_ = leaves;
      return out;
    }();
    ASSERT_GE(now.size(), entries_.size());
    for (size_t i = 0; i < entries_.size(); ++i) ASSERT_EQ(now[i], entries_[i]) << i;
    bool logged = false;
    ASSERT_OK(
        damaged_->ledger->ReadEntries(kEntries, now.size(), false, [&](const StoredEntry& entry) {
          const Leaf leaf = ParseLeaf(entry.leaf).value();
          if (leaf.kind != EntryKind::kOperator) return true;
          logged |= ParseOperatorAction(leaf.body)->what == report.logged;
          return true;
        }));
    EXPECT_EQ(logged, !report.logged.empty()) << report.logged;
    EXPECT_FALSE(HasMarker(damaged_->Paths().state_dir, kRepairedMarker));
    damaged_->Close();
  }

  static inline FastFolder* folder_ = nullptr;
  static inline NoteVerifier* key_ = nullptr;
  static inline PublishedHead head_;
  static inline std::vector<std::string> entries_;
  static inline std::vector<std::string> leaves_;
  static inline int copies_ = 0;
  std::string base_;
  std::unique_ptr<DamageLedger> damaged_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_LEDGER_REPAIR_FIXTURE_H_
