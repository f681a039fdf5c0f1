// LevelDB's files as they are, whatever LevelDB does with them: reads come from the disk, and what
// is written, renamed or removed stays in memory. Opening a database always writes (a new manifest,
// tables made of the write-ahead log) and removes what it holds to be obsolete, which after damage
// can be the very files that a repair needs; below this Env a stopped or copied ledger is opened
// and not a byte of it changes.
//
// - Sequential reads are whole, as in strict_env.h; tables are read by pread; write-ahead logs are
//   read as SetLogReading says (strict_env_logs.h).
// - The database's own lock is taken, so that no server has it open meanwhile. Where there is no
//   LOCK file, as in a copy, or none can be written, as on a disk mounted read-only, nothing has.
// - Compactions are put off for ever: they would copy the database into memory.
//
// Memory: what LevelDB writes at an open, at most its write-ahead logs once more.
// Thread-safety: all methods.
#ifndef AUDITLEDGER_LEDGER_FSCK_ENV_H_
#define AUDITLEDGER_LEDGER_FSCK_ENV_H_

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ledger/mutex.h"
#include "ledger/strict_env_logs.h"
#include "leveldb/env.h"

namespace auditledger {

class FsckEnv : public leveldb::EnvWrapper {
 public:
  FsckEnv();  // above the same Env as engines

  // Before the database is opened. Nothing: logs are read as far as they go.
  void SetLogReading(std::optional<LogReading> reading) { log_reading_ = reading; }
  // Whether opening stopped at the lock: the database is in use.
  bool LockRefused() const { return lock_refused_.load(); }
  // Call right before the database is deleted: it waits for what it scheduled, which runs now, and
  // cannot write any more.
  void Close();

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override;
  leveldb::Status NewAppendableFile(const std::string& name,
                                    leveldb::WritableFile** result) override;
  bool FileExists(const std::string& name) override;
  leveldb::Status GetChildren(const std::string& dir, std::vector<std::string>* result) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status CreateDir(const std::string& dir) override;
  leveldb::Status RemoveDir(const std::string& dir) override;
  leveldb::Status GetFileSize(const std::string& name, uint64_t* size) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void*), void* arg) override;

 private:
  // What was written to a file; its writer appends while readers may read.
  struct Written {
    Mutex mutex;
    std::string bytes ABSL_GUARDED_BY(mutex);
  };
  using WrittenPtr = std::shared_ptr<Written>;
  class MemoryReader;
  class MemoryWriter;

  // What stands in memory under `name`; nullptr: look on the disk, unless `removed`.
  WrittenPtr Find(const std::string& name, bool* removed);

  std::atomic<bool> lock_refused_{false};
  std::optional<LogReading> log_reading_;
  Mutex mutex_;
  std::map<std::string, WrittenPtr> written_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> removed_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<void (*)(void*), void*>> put_off_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_ENV_H_
