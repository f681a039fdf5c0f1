#include "ledger/fsck_env.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "ledger/leveldb_engine.h"
#include "ledger/posix_file.h"
#include "leveldb/slice.h"

namespace auditledger {
namespace {

using leveldb::Slice;
using leveldb::Status;

Status Translate(const std::string& name, const absl::Status& status) {
  const std::string message(status.message());
  if (absl::IsNotFound(status)) return Status::NotFound(name, message);
  if (absl::IsDataLoss(status)) return Status::Corruption(name, message);
  return Status::IOError(name, message);
}

class DiskReader : public leveldb::RandomAccessFile {
 public:
  explicit DiskReader(PosixFile file) : file_(std::move(file)) {}
  Status Read(uint64_t offset, size_t n, Slice* result, char* scratch) const override {
    const absl::StatusOr<size_t> got = file_.ReadAt(offset, scratch, n);
    *result = Slice(scratch, got.value_or(0));
    return got.ok() ? Status::OK() : Translate(file_.path(), got.status());
  }

 private:
  const PosixFile file_;
};

// Any file from its beginning on.
class InOrder : public leveldb::SequentialFile {
 public:
  explicit InOrder(std::unique_ptr<leveldb::RandomAccessFile> file) : file_(std::move(file)) {}
  Status Read(size_t n, Slice* result, char* scratch) override {
    const Status status = file_->Read(offset_, n, result, scratch);
    if (status.ok()) offset_ += result->size();
    return status;
  }
  Status Skip(uint64_t n) override {
    offset_ += n;
    return Status::OK();
  }

 private:
  const std::unique_ptr<leveldb::RandomAccessFile> file_;
  uint64_t offset_ = 0;
};

class NoLock : public leveldb::FileLock {};

bool IsReadOnlyDisk(const std::string& folder) {
  struct statvfs stats = {};
  return ::statvfs(folder.c_str(), &stats) == 0 && (stats.f_flag & ST_RDONLY) != 0;
}

}  // namespace

class FsckEnv::MemoryReader : public leveldb::RandomAccessFile {
 public:
  explicit MemoryReader(WrittenPtr file) : file_(std::move(file)) {}
  Status Read(uint64_t offset, size_t n, Slice* result, char* scratch) const override {
    MutexLock lock(file_->mutex);
    const size_t end = file_->bytes.size();
    const size_t size = offset < end ? std::min<size_t>(n, end - offset) : 0;
    if (size > 0) std::memcpy(scratch, file_->bytes.data() + offset, size);
    *result = Slice(scratch, size);
    return Status::OK();
  }

 private:
  const WrittenPtr file_;
};

class FsckEnv::MemoryWriter : public leveldb::WritableFile {
 public:
  explicit MemoryWriter(WrittenPtr file) : file_(std::move(file)) {}
  Status Append(const Slice& data) override {
    MutexLock lock(file_->mutex);
    file_->bytes.append(data.data(), data.size());
    return Status::OK();
  }
  Status Close() override { return Status::OK(); }
  Status Flush() override { return Status::OK(); }
  Status Sync() override { return Status::OK(); }

 private:
  const WrittenPtr file_;
};

FsckEnv::FsckEnv() : EnvWrapper(BaseEnvOfEngines()) {}

FsckEnv::WrittenPtr FsckEnv::Find(const std::string& name, bool* removed) {
  MutexLock lock(mutex_);
  const auto found = written_.find(name);
  *removed = removed_.count(name) > 0;
  return found == written_.end() ? nullptr : found->second;
}

Status FsckEnv::NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** result) {
  *result = nullptr;
  bool removed = false;
  if (WrittenPtr file = Find(name, &removed)) {
    *result = new MemoryReader(std::move(file));
    return Status::OK();
  }
  if (removed) return Status::NotFound(name, "removed");
  absl::StatusOr<PosixFile> file = PosixFile::Open(name, O_RDONLY);
  if (!file.ok()) return Translate(name, file.status());
  *result = new DiskReader(*std::move(file));
  return Status::OK();
}

Status FsckEnv::NewSequentialFile(const std::string& name, leveldb::SequentialFile** result) {
  *result = nullptr;
  bool removed = false;
  if (log_reading_.has_value() && IsLog(name) && Find(name, &removed) == nullptr && !removed) {
    bool cut = false;
    return OpenLog(*target(), name, *log_reading_, result, &cut);
  }
  leveldb::RandomAccessFile* file = nullptr;
  const Status status = NewRandomAccessFile(name, &file);
  if (status.ok()) *result = new InOrder(std::unique_ptr<leveldb::RandomAccessFile>(file));
  return status;
}

Status FsckEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** result) {
  *result = nullptr;
  auto file = std::make_shared<Written>();
  MutexLock lock(mutex_);
  if (closed_) return Status::IOError(name, "closing");
  written_[name] = file;
  removed_.erase(name);
  *result = new MemoryWriter(std::move(file));
  return Status::OK();
}

// Only with reuse_logs, which is off.
Status FsckEnv::NewAppendableFile(const std::string& name, leveldb::WritableFile** result) {
  *result = nullptr;
  return Status::NotSupported(name, "appending");
}

bool FsckEnv::FileExists(const std::string& name) {
  bool removed = false;
  return Find(name, &removed) != nullptr || (!removed && target()->FileExists(name));
}

Status FsckEnv::GetChildren(const std::string& dir, std::vector<std::string>* result) {
  std::vector<std::string> on_disk;
  const Status status = target()->GetChildren(dir, &on_disk);
  if (!status.ok()) return status;
  std::set<std::string> names(on_disk.begin(), on_disk.end());
  const std::string prefix = dir + "/";
  MutexLock lock(mutex_);
  for (const std::string& path : removed_)
    names.erase(std::string(absl::StripPrefix(path, prefix)));
  for (const auto& [path, file] : written_) {
    if (absl::StartsWith(path, prefix)) names.insert(path.substr(prefix.size()));
  }
  result->assign(names.begin(), names.end());
  return Status::OK();
}

Status FsckEnv::RemoveFile(const std::string& name) {
  MutexLock lock(mutex_);
  written_.erase(name);
  removed_.insert(name);
  return Status::OK();
}

Status FsckEnv::CreateDir(const std::string&) { return Status::OK(); }
Status FsckEnv::RemoveDir(const std::string&) { return Status::OK(); }

Status FsckEnv::GetFileSize(const std::string& name, uint64_t* size) {
  bool removed = false;
  if (const WrittenPtr file = Find(name, &removed)) {
    MutexLock lock(file->mutex);
    *size = file->bytes.size();
    return Status::OK();
  }
  if (removed) return Status::NotFound(name, "removed");
  return target()->GetFileSize(name, size);
}

// LevelDB renames what it has just written.
Status FsckEnv::RenameFile(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  const auto found = written_.find(from);
  if (found == written_.end()) return Status::NotSupported(from, "renaming");
  written_[to] = found->second;
  removed_.erase(to);
  written_.erase(from);
  removed_.insert(from);
  return Status::OK();
}

Status FsckEnv::LockFile(const std::string& name, leveldb::FileLock** lock) {
  *lock = nullptr;
  if (!target()->FileExists(name) || IsReadOnlyDisk(DirectoryOf(name))) {
    *lock = new NoLock;
    return Status::OK();
  }
  const Status status = target()->LockFile(name, lock);
  if (!status.ok()) lock_refused_.store(true);
  return status;
}

Status FsckEnv::UnlockFile(leveldb::FileLock* lock) {
  if (dynamic_cast<NoLock*>(lock) == nullptr) return target()->UnlockFile(lock);
  delete lock;
  return Status::OK();
}

void FsckEnv::Schedule(void (*function)(void*), void* arg) {
  MutexLock lock(mutex_);
  if (!closed_) {
    put_off_.emplace_back(function, arg);
    return;
  }
  std::thread(function, arg).detach();
}

void FsckEnv::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  // On threads of their own: LevelDB expects to be called from one that holds none of its locks.
  for (const auto& [function, arg] : put_off_) std::thread(function, arg).detach();
  put_off_.clear();
}

}  // namespace auditledger
