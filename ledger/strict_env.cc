#include "ledger/strict_env.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "ledger/log_file.h"
#include "ledger/posix_file.h"
#include "ledger/strict_env_logs.h"
#include "leveldb/slice.h"

namespace auditledger {
namespace {

leveldb::Status IoError(const std::string& name, const absl::Status& status) {
  return leveldb::Status::IOError(name, std::string(status.message()));
}

// Of a table, whose loss LevelDB must not pass on as "no such key".
leveldb::Status TableError(const std::string& name, const absl::Status& status) {
  if (!absl::IsDataLoss(status) && !absl::IsNotFound(status)) return IoError(name, status);
  return leveldb::Status::Corruption(name, std::string(status.message()));
}

class FullReadFile : public leveldb::SequentialFile {
 public:
  explicit FullReadFile(leveldb::SequentialFile* file) : file_(file) {}

  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override {
    size_t done = 0;
    while (done < n) {
      leveldb::Slice piece;
      const leveldb::Status status = file_->Read(n - done, &piece, scratch + done);
      if (!status.ok()) return status;
      if (piece.empty()) break;
      if (piece.data() != scratch + done) std::memmove(scratch + done, piece.data(), piece.size());
      done += piece.size();
    }
    *result = leveldb::Slice(scratch, done);
    return leveldb::Status::OK();
  }
  leveldb::Status Skip(uint64_t n) override { return file_->Skip(n); }

 private:
  const std::unique_ptr<leveldb::SequentialFile> file_;
};

class PreadFile : public leveldb::RandomAccessFile {
 public:
  explicit PreadFile(PosixFile file) : file_(std::move(file)) {}

  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* scratch) const override {
    const absl::StatusOr<size_t> got = file_.ReadAt(offset, scratch, n);
    *result = leveldb::Slice(scratch, got.value_or(0));
    return got.ok() ? leveldb::Status::OK() : TableError(file_.path(), got.status());
  }

 private:
  const PosixFile file_;
};

// Syncing a manifest, LevelDB opens its folder first and passes on what open says. It makes
// NotFound of ENOENT and strerror's text of the others; fsync gives none of these.
bool IsOpenError(const leveldb::Status& status) {
  if (status.IsNotFound()) return true;
  const std::string text = status.ToString();
  for (const int error : {EMFILE, ENFILE, EACCES, ENOMEM}) {
    if (absl::EndsWith(text, std::strerror(error))) return true;
  }
  return false;
}

class WatchedFile : public leveldb::WritableFile {
 public:
  WatchedFile(leveldb::WritableFile* file, std::atomic<bool>* sync_failed)
      : file_(file), sync_failed_(sync_failed) {}

  leveldb::Status Append(const leveldb::Slice& data) override { return file_->Append(data); }
  leveldb::Status Close() override { return file_->Close(); }
  leveldb::Status Flush() override { return file_->Flush(); }
  leveldb::Status Sync() override {
    // Written out first, so that a full disk is not taken for a failed sync, after which nothing is
    // known.
    leveldb::Status status = file_->Flush();
    if (!status.ok()) return status;
    status = file_->Sync();
    if (!status.ok() && !IsOpenError(status)) sync_failed_->store(true);
    return status;
  }

 private:
  const std::unique_ptr<leveldb::WritableFile> file_;
  std::atomic<bool>* const sync_failed_;
};

// Syncs by itself, too, piece by piece.
class TableFile : public WatchedFile {
 public:
  TableFile(leveldb::WritableFile* file, std::atomic<bool>* sync_failed, leveldb::Env& clock)
      : WatchedFile(file, sync_failed), clock_(clock) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    const leveldb::Status status = WatchedFile::Append(data);
    unsynced_bytes_ += data.size();
    return status.ok() && unsynced_bytes_ >= piece_bytes_ ? SyncPiece() : status;
  }
  leveldb::Status Sync() override {
    unsynced_bytes_ = 0;
    return WatchedFile::Sync();
  }

 private:
  leveldb::Status SyncPiece() {
    const uint64_t began_us = clock_.NowMicros();
    const leveldb::Status status = Sync();
    const uint64_t took_us = clock_.NowMicros() - began_us;
    piece_bytes_ = took_us > kSlowTableSyncMicros
                       ? std::min(piece_bytes_ * 2, kMostTableSyncBytes)
                       : std::max(piece_bytes_ / 2, kFewestTableSyncBytes);
    return status;
  }

  leveldb::Env& clock_;
  size_t piece_bytes_ = kFewestTableSyncBytes;
  size_t unsynced_bytes_ = 0;
};

}  // namespace

leveldb::Status StrictEnv::SyncFolderOf(const std::string& name) {
  const absl::Status status = SyncDirectory(DirectoryOf(name));
  if (status.ok()) return leveldb::Status::OK();
  if (IsSyncFailure(status)) sync_failed_.store(true);
  return IoError(name, status);
}

leveldb::Status StrictEnv::NewSequentialFile(const std::string& name,
                                             leveldb::SequentialFile** result) {
  if (IsLog(name)) return NewLogReader(name, result);
  leveldb::SequentialFile* file = nullptr;
  const leveldb::Status status = target()->NewSequentialFile(name, &file);
  *result = status.ok() ? new FullReadFile(file) : nullptr;
  return status;
}

leveldb::Status StrictEnv::NewLogReader(const std::string& name, leveldb::SequentialFile** file) {
  const bool leave_out = leave_out_torn_tails_.load();
  bool cut = false;
  const leveldb::Status status =
      OpenLog(*target(), name, leave_out ? LogReading::kWithoutTornTail : LogReading::kOlderWhole,
              file, &cut);
  MutexLock lock(mutex_);
  if (cut) cut_logs_.insert(name);
  return status;
}

leveldb::Status StrictEnv::NewRandomAccessFile(const std::string& name,
                                               leveldb::RandomAccessFile** result) {
  *result = nullptr;
  absl::StatusOr<PosixFile> file = PosixFile::Open(name, O_RDONLY);
  if (!file.ok()) return TableError(name, file.status());
  *result = new PreadFile(*std::move(file));
  return leveldb::Status::OK();
}

leveldb::Status StrictEnv::Wrap(const std::string& name, leveldb::WritableFile* file,
                                leveldb::WritableFile** result) {
  std::unique_ptr<leveldb::WritableFile> watched;
  if (absl::EndsWith(name, ".ldb")) {
    watched = std::make_unique<TableFile>(file, &sync_failed_, *target());
  } else {
    watched = std::make_unique<WatchedFile>(file, &sync_failed_);
  }
  const leveldb::Status status = SyncFolderOf(name);
  *result = status.ok() ? watched.release() : nullptr;
  return status;
}

leveldb::Status StrictEnv::NewWritableFile(const std::string& name,
                                           leveldb::WritableFile** result) {
  *result = nullptr;
  leveldb::WritableFile* file = nullptr;
  if (!IsLog(name)) {
    const leveldb::Status status = target()->NewWritableFile(name, &file);
    return status.ok() ? Wrap(name, file, result) : status;
  }
  leveldb::Status status = NewLogFile(name, &sync_failed_, &file);
  std::unique_ptr<leveldb::WritableFile> log(file);
  if (status.ok()) status = SyncFolderOf(name);
  if (status.ok()) *result = log.release();
  return status;
}

leveldb::Status StrictEnv::NewAppendableFile(const std::string& name,
                                             leveldb::WritableFile** result) {
  *result = nullptr;
  leveldb::WritableFile* file = nullptr;
  const leveldb::Status status = target()->NewAppendableFile(name, &file);
  return status.ok() ? Wrap(name, file, result) : status;
}

leveldb::Status StrictEnv::RenameFile(const std::string& from, const std::string& to) {
  leveldb::Status status = target()->RenameFile(from, to);
  if (status.ok()) status = SyncFolderOf(to);
  if (!status.ok() && absl::EndsWith(to, "/CURRENT")) current_in_doubt_.store(true);
  return status;
}

leveldb::Status StrictEnv::RemoveFile(const std::string& name) {
  if (current_in_doubt_.load() && absl::StrContains(name, "/MANIFEST-")) {
    return leveldb::Status::IOError(name, "kept: CURRENT may name it");
  }
  {
    MutexLock lock(mutex_);
    if (cut_logs_.erase(name) > 0) return target()->RenameFile(name, name + kCutLogSuffix);
  }
  return target()->RemoveFile(name);
}

leveldb::Status StrictEnv::CreateDir(const std::string& dir) {
  const leveldb::Status status = target()->CreateDir(dir);
  return status.ok() ? SyncFolderOf(dir) : status;
}

leveldb::Status StrictEnv::LockFile(const std::string& name, leveldb::FileLock** lock) {
  const leveldb::Status status = target()->LockFile(name, lock);
  if (!status.ok()) lock_refused_.store(true);
  return status;
}

}  // namespace auditledger
