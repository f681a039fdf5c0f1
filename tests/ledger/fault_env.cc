#include "tests/ledger/fault_env.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "ledger/posix_file.h"
#include "leveldb/env.h"
#include "leveldb/slice.h"

namespace auditledger::testing {
namespace {

constexpr size_t kBufferBytes = 65536;

leveldb::Status Error(const std::string& name) {
  if (errno == ENOENT) return leveldb::Status::NotFound(name, std::strerror(errno));
  return leveldb::Status::IOError(name, std::strerror(errno));
}

// An open file; closed with the object.
class File {
 public:
  File(FaultDisk& disk, std::string name, int flags)
      : disk_(disk), name_(std::move(name)), fd_(disk.Open(name_, flags, 0644)) {}
  ~File() { Close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool ok() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::string& name() const { return name_; }
  FaultDisk& disk() const { return disk_; }
  void Close() {
    if (fd_ >= 0) disk_.Close(fd_);
    fd_ = -1;
  }

 private:
  FaultDisk& disk_;
  const std::string name_;
  int fd_;
};

class SequentialFile : public leveldb::SequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override {
    const ssize_t got = file_->disk().Pread(file_->fd(), scratch, n, static_cast<off_t>(offset_));
    if (got < 0) return Error(file_->name());
    offset_ += static_cast<uint64_t>(got);
    *result = leveldb::Slice(scratch, static_cast<size_t>(got));
    return leveldb::Status::OK();
  }
  leveldb::Status Skip(uint64_t n) override {
    offset_ += n;
    return leveldb::Status::OK();
  }

 private:
  const std::unique_ptr<File> file_;
  uint64_t offset_ = 0;
};

class WritableFile : public leveldb::WritableFile {
 public:
  explicit WritableFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  ~WritableFile() override { WritableFile::Close(); }

  leveldb::Status Append(const leveldb::Slice& data) override {
    absl::string_view rest(data.data(), data.size());
    const size_t fits = std::min(rest.size(), kBufferBytes - buffer_.size());
    buffer_.append(rest.data(), fits);
    rest.remove_prefix(fits);
    if (rest.empty()) return leveldb::Status::OK();
    const leveldb::Status status = Flush();
    if (!status.ok()) return status;
    if (rest.size() >= kBufferBytes) return Write(rest);
    buffer_.assign(rest.data(), rest.size());
    return leveldb::Status::OK();
  }
  leveldb::Status Flush() override {
    const std::string bytes = std::exchange(buffer_, "");
    return Write(bytes);
  }
  leveldb::Status Sync() override {
    leveldb::Status status = SyncFolderOfManifest();
    if (status.ok()) status = Flush();
    if (!status.ok()) return status;
    return file_->disk().Fdatasync(file_->fd()) == 0 ? status : Error(file_->name());
  }
  leveldb::Status Close() override {
    if (!file_->ok()) return leveldb::Status::OK();
    const leveldb::Status status = Flush();
    file_->Close();
    return status;
  }

 private:
  leveldb::Status Write(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = file_->disk().Pwrite(file_->fd(), bytes.data(), bytes.size(),
                                               static_cast<off_t>(offset_));
      if (put < 0) return Error(file_->name());
      offset_ += static_cast<uint64_t>(put);
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    return leveldb::Status::OK();
  }
  leveldb::Status SyncFolderOfManifest() {
    if (!absl::StrContains(file_->name(), "/MANIFEST")) return leveldb::Status::OK();
    const File folder(file_->disk(), DirectoryOf(file_->name()), O_RDONLY);
    const bool synced = folder.ok() && file_->disk().Fsync(folder.fd()) == 0;
    return synced ? leveldb::Status::OK() : Error(folder.name());
  }

  const std::unique_ptr<File> file_;
  std::string buffer_;
  uint64_t offset_ = 0;  // LevelDB only writes new files here: reuse_logs is off
};

class FileLock : public leveldb::FileLock {
 public:
  explicit FileLock(std::unique_ptr<File> file) : file_(std::move(file)) {}

 private:
  const std::unique_ptr<File> file_;
};

// Threads and time are the machine's.
class DiskEnv : public leveldb::EnvWrapper {
 public:
  explicit DiskEnv(FaultDisk& disk) : EnvWrapper(Env::Default()), disk_(disk) {}

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** result) override {
    return New<SequentialFile>(name, O_RDONLY, result);
  }
  leveldb::Status NewWritableFile(const std::string& name,
                                  leveldb::WritableFile** result) override {
    return New<WritableFile>(name, O_TRUNC | O_WRONLY | O_CREAT, result);
  }
  bool FileExists(const std::string& name) override {
    struct stat info = {};
    return disk_.Stat(name, &info) == 0;
  }
  leveldb::Status GetChildren(const std::string& dir, std::vector<std::string>* names) override {
    names->clear();
    return disk_.List(dir, names) == 0 ? leveldb::Status::OK() : Error(dir);
  }
  leveldb::Status RemoveFile(const std::string& name) override {
    return disk_.Unlink(name) == 0 ? leveldb::Status::OK() : Error(name);
  }
  leveldb::Status CreateDir(const std::string& dir) override {
    return disk_.Mkdir(dir, 0755) == 0 ? leveldb::Status::OK() : Error(dir);
  }
  leveldb::Status GetFileSize(const std::string& name, uint64_t* size) override {
    struct stat info = {};
    if (disk_.Stat(name, &info) != 0) return Error(name);
    *size = static_cast<uint64_t>(info.st_size);
    return leveldb::Status::OK();
  }
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override {
    return disk_.Rename(from, to) == 0 ? leveldb::Status::OK() : Error(from);
  }
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override {
    *lock = nullptr;
    auto file = std::make_unique<File>(disk_, name, O_RDWR | O_CREAT);
    if (!file->ok() || disk_.Flock(file->fd(), LOCK_EX | LOCK_NB) != 0) return Error(name);
    *lock = new FileLock(std::move(file));
    return leveldb::Status::OK();
  }
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override {
    delete lock;
    return leveldb::Status::OK();
  }
  // Its LOG is of no interest and would be the most frequent writer.
  leveldb::Status NewLogger(const std::string& name, leveldb::Logger** result) override {
    *result = nullptr;
    return leveldb::Status::NotSupported(name);
  }

 private:
  template <typename Made, typename Base>
  leveldb::Status New(const std::string& name, int flags, Base** result) {
    *result = nullptr;
    auto file = std::make_unique<File>(disk_, name, flags);
    if (!file->ok()) return Error(name);
    *result = new Made(std::move(file));
    return leveldb::Status::OK();
  }

  FaultDisk& disk_;
};

}  // namespace

std::unique_ptr<leveldb::Env> NewFaultEnv(FaultDisk& disk) {
  return std::make_unique<DiskEnv>(disk);
}

}  // namespace auditledger::testing
