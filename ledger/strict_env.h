// What LevelDB's Env leaves open, closed. For leveldb_engine.cc and tests only.
//
// - A sequential read goes on until it has all it asked for or the file ends: LevelDB takes a short
//   read for the end of a log and drops what follows (google/leveldb issue 1285).
// - Tables are read by pread: a page that the disk cannot read is an error, not a signal (SIGBUS)
//   from a mapping, and resident memory does not grow with the database.
// - A file created or renamed is in its folder for good before it is used.
// - A manifest stays when the renaming of CURRENT failed: it may have happened all the same, and
//   then CURRENT names the very file that LevelDB removes after such an error.
// - A write-ahead log is written into zeros, so that its sync waits for no table (log_file.h); it
//   is made by posix_file.h, not by `base`.
// - A log that a newer one follows has to be whole, on request the newest one ends before a last
//   batch that a power cut tore (strict_env_logs.h). When LevelDB has done with such a log, it
//   stays as "NNNNNN.log.cut".
// - The first failed sync is remembered, by whichever thread it was seen. Only fsync's own word
//   counts: a full disk or a lack of file descriptors is a write error, after which it is known
//   what is on the disk.
//
// Thread-safety: all methods may be called by many threads. `base` must outlive it.
#ifndef AUDITLEDGER_LEDGER_STRICT_ENV_H_
#define AUDITLEDGER_LEDGER_STRICT_ENV_H_

#include <atomic>
#include <set>
#include <string>

#include "ledger/mutex.h"
#include "leveldb/env.h"

namespace auditledger {

// A table of 16 MiB that is synced as a whole keeps the disk busy for 50 ms, and a commit's sync
// waits behind it; in pieces it waits for one piece. Each table begins with the smallest, which
// grow while a sync takes long: where the disk is slow, or others keep it busy, what takes long is
// the sync and not the bytes, and small pieces would write tables slower than they come in, until
// LevelDB stops all writes (ledger/README.md, "Speed").
inline constexpr size_t kFewestTableSyncBytes = 128 << 10;
inline constexpr size_t kMostTableSyncBytes = 4 << 20;
inline constexpr uint64_t kSlowTableSyncMicros = 3'000;  // five times what the smallest takes

class StrictEnv : public leveldb::EnvWrapper {
 public:
  explicit StrictEnv(leveldb::Env* base) : EnvWrapper(base) {}

  bool SyncFailed() const { return sync_failed_.load(); }
  // Whether opening stopped at the lock: another process, or another engine of this one, has the
  // database.
  bool LockRefused() const { return lock_refused_.load(); }

  // From now on, the torn last batch of the newest log is left out when it is read. For a database
  // that does not open otherwise.
  void LeaveOutTornTails() { leave_out_torn_tails_.store(true); }

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override;
  leveldb::Status NewAppendableFile(const std::string& name,
                                    leveldb::WritableFile** result) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status CreateDir(const std::string& dir) override;
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override;

 private:
  leveldb::Status Wrap(const std::string& name, leveldb::WritableFile* file,
                       leveldb::WritableFile** result);
  leveldb::Status SyncFolderOf(const std::string& name);
  leveldb::Status NewLogReader(const std::string& name, leveldb::SequentialFile** file);

  std::atomic<bool> sync_failed_{false};
  std::atomic<bool> lock_refused_{false};
  std::atomic<bool> current_in_doubt_{false};
  std::atomic<bool> leave_out_torn_tails_{false};
  Mutex mutex_;
  std::set<std::string> cut_logs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_STRICT_ENV_H_
