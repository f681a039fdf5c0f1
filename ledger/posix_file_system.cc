#include "ledger/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace auditledger {
namespace {

class MachineFileSystem : public FileSystem {
 public:
  int Open(const std::string& path, int flags, mode_t mode) override {
    return ::open(path.c_str(), flags, mode);
  }
  int Close(int fd) override { return ::close(fd); }
  ssize_t Pread(int fd, char* out, size_t size, off_t offset) override {
    return ::pread(fd, out, size, offset);
  }
  ssize_t Pwrite(int fd, const char* bytes, size_t size, off_t offset) override {
    return ::pwrite(fd, bytes, size, offset);
  }
  int Fsync(int fd) override { return ::fsync(fd); }
  int Fdatasync(int fd) override { return ::fdatasync(fd); }
  int Fstat(int fd, struct stat* info) override { return ::fstat(fd, info); }
  int Fchmod(int fd, mode_t mode) override { return ::fchmod(fd, mode); }
  int Flock(int fd, int operation) override { return ::flock(fd, operation); }
  int Stat(const std::string& path, struct stat* info) override {
    return ::stat(path.c_str(), info);
  }
  int Lstat(const std::string& path, struct stat* info) override {
    return ::lstat(path.c_str(), info);
  }
  int Mkdir(const std::string& path, mode_t mode) override { return ::mkdir(path.c_str(), mode); }
  int Unlink(const std::string& path) override { return ::unlink(path.c_str()); }
  int Rename(const std::string& from, const std::string& to) override {
    return ::rename(from.c_str(), to.c_str());
  }
  int Link(const std::string& from, const std::string& to) override {
    return ::link(from.c_str(), to.c_str());
  }
  int List(const std::string& dir, std::vector<std::string>* names) override;
};

int MachineFileSystem::List(const std::string& dir, std::vector<std::string>* names) {
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  const std::unique_ptr<DIR, Close> open(::opendir(dir.c_str()));
  if (open == nullptr) return -1;
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names->push_back(std::move(name));
    errno = 0;
  }
  return errno == 0 ? 0 : -1;
}

std::atomic<FileSystem*> g_for_testing{nullptr};

}  // namespace

FileSystem& FileSystem::Machine() {
  static MachineFileSystem machine;
  return machine;
}

FileSystem& CurrentFileSystem() {
  FileSystem* const given = g_for_testing.load(std::memory_order_relaxed);
  return given != nullptr ? *given : FileSystem::Machine();
}

void SetFileSystemForTesting(FileSystem* system) { g_for_testing.store(system); }

}  // namespace auditledger
