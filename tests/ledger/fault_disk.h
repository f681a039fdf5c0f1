// A disk in memory, below LevelDB and below our own files, that fails as real ones do.
//
// It keeps apart what programs see (the page cache) and what a power cut leaves: data of a file
// since its last sync, and names since the last sync of their folder, may be lost, whole or in
// part. A script is asked before each call and says whether it fails, how much of it happens all
// the same, and whether the process dies with it.
//
// Example:
//   FaultDisk disk;
//   disk.SetScript([&](const FaultDisk::Call& call) { ... return FaultDisk::Fault{...}; });
//   ... use a ledger on it, close it ...
//   disk.Restart(Survival::kSynced, seed);
//
// Thread-safety: all methods may be called by many threads, but Restart, Save and Load only while
// no file is open. The script runs under the disk's lock and must not call the disk.
#ifndef AUDITLEDGER_TESTS_LEDGER_FAULT_DISK_H_
#define AUDITLEDGER_TESTS_LEDGER_FAULT_DISK_H_

#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ledger/mutex.h"
#include "ledger/posix_file_system.h"

namespace auditledger::testing {

inline constexpr size_t kSectorBytes = 512;

// What is left of unsynced changes when the process starts anew.
enum class Survival {
  kAll,     // kill -9: the page cache stays
  kSynced,  // power cut: only what was synced
  kPrefix,  // power cut: of each file and folder the first changes, the last of them torn
  // power cut: of each file any sectors, with zeros between where it grew, of each folder any
  // changes
  kScattered,
};

// The sparse contents of a file. Copies share pages.
class FaultFile {
 public:
  uint64_t size() const { return size_; }
  std::string Read(uint64_t offset, size_t size) const;
  void Write(uint64_t offset, const std::string& bytes);
  void Truncate() { *this = FaultFile(); }

 private:
  std::map<uint64_t, std::shared_ptr<const std::string>> pages_;  // absent ones are zeros
  uint64_t size_ = 0;
};

class FaultDisk : public FileSystem {
 public:
  enum class Op { kOpen, kRead, kWrite, kSync, kRename, kRemove, kFolder, kLook };
  struct Call {
    Op op;
    std::string path;
    size_t bytes = 0;  // of a read or write
  };
  struct Fault {
    enum class What {
      kNone,
      kAbsent,   // an error, and nothing happened
      kPresent,  // an error, and it happened
      kTorn,     // an error, and the first `bytes` were written
      kShort,    // no error: only the first `bytes` were read or written, as the answer says
    };
    What what = What::kNone;
    int error = EIO;
    size_t bytes = 0;
    bool crash = false;  // the process dies here: every later call fails
  };
  using Script = std::function<Fault(const Call&)>;

  FaultDisk();

  void SetScript(Script script);  // nullptr: nothing fails
  // Every call fails from now on, as for a process that is gone.
  void Crash();
  bool crashed() const;
  // A new process: unsynced changes survive as `survival` says, chosen by `seed`; no script. After
  // a power cut the machine has another boot id.
  void Restart(Survival survival, uint64_t seed = 0);

  // The whole disk; Save is for one without unsynced changes.
  struct Saved;
  std::shared_ptr<const Saved> Save() const;
  void Load(const Saved& saved);
  size_t open_files() const;

  int Open(const std::string& path, int flags, mode_t mode) override;
  int Close(int fd) override;
  ssize_t Pread(int fd, char* out, size_t size, off_t offset) override;
  ssize_t Pwrite(int fd, const char* bytes, size_t size, off_t offset) override;
  int Fsync(int fd) override;
  int Fdatasync(int fd) override { return Fsync(fd); }
  int Fstat(int fd, struct stat* info) override;
  int Fchmod(int fd, mode_t mode) override;
  int Flock(int fd, int operation) override;
  int Stat(const std::string& path, struct stat* info) override;
  int Lstat(const std::string& path, struct stat* info) override { return Stat(path, info); }
  int Mkdir(const std::string& path, mode_t mode) override;
  int Unlink(const std::string& path) override;
  int Rename(const std::string& from, const std::string& to) override;
  int Link(const std::string& from, const std::string& to) override;
  int List(const std::string& dir, std::vector<std::string>* names) override;

 private:
  struct Write {
    bool truncate = false;
    uint64_t offset = 0;
    std::string bytes;
  };
  struct Node {
    bool is_folder = false;
    mode_t mode = 0;
    FaultFile seen;
    FaultFile durable;
    std::vector<Write> unsynced;
    bool locked = false;
  };
  using NodePtr = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePtr>;
  // One change of a folder: `removed` goes, `added` comes; either may be empty.
  struct NameChange {
    std::string removed;
    std::string added;
    NodePtr node;
  };
  struct Handle {
    NodePtr node;
    std::string path;
    bool locked = false;
  };

  // -1 with errno when the call must fail before anything happens; else what is left to do.
  struct Verdict {
    bool go = true;           // do it
    bool fail = false;        // and then answer -1
    size_t bytes = SIZE_MAX;  // at most so much of it
  };
  Verdict Ask(Op op, const std::string& path, size_t bytes = 0)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes `change` unless the script says otherwise.
  int ChangeNames(Op op, NameChange change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Handle* Find(int fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  NodePtr Lookup(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Rename(NameChange change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Apply(const NameChange& change, Names& names);
  static void Apply(const Write& write, FaultFile& file);
  void SyncNode(const Handle& handle) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetUnsynced(const Handle& handle) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SettleNames(Survival survival, uint64_t seed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void SettleFile(Node& node, Survival survival, uint64_t seed);

  mutable Mutex mutex_;
  Script script_ ABSL_GUARDED_BY(mutex_);
  bool crashed_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t boots_ ABSL_GUARDED_BY(mutex_) = 1;
  Names names_ ABSL_GUARDED_BY(mutex_);
  Names durable_names_ ABSL_GUARDED_BY(mutex_);
  std::vector<NameChange> unsynced_names_ ABSL_GUARDED_BY(mutex_);
  std::map<int, Handle> handles_ ABSL_GUARDED_BY(mutex_);
  int next_fd_ ABSL_GUARDED_BY(mutex_) = 1000;
};

// A file, what of it matters to a reader, of a saved disk.
struct FaultDisk::Saved {
  struct File {
    bool is_folder;
    mode_t mode;
    FaultFile contents;
  };
  std::map<std::string, File> files;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_LEDGER_FAULT_DISK_H_
