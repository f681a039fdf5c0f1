#include "api/client/spool_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace auditledger {
namespace {

class MachineSystem : public SpoolSystem {
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
  int Flock(int fd, int operation) override { return ::flock(fd, operation); }
  int Mkdir(const std::string& path, mode_t mode) override { return ::mkdir(path.c_str(), mode); }
  int Unlink(const std::string& path) override { return ::unlink(path.c_str()); }
  int Rename(const std::string& from, const std::string& to) override {
    return std::rename(from.c_str(), to.c_str());
  }
  int List(const std::string& folder, std::vector<std::string>* names) override {
    DIR* const dir = ::opendir(folder.c_str());
    if (dir == nullptr) return -1;
    errno = 0;
    while (const dirent* const entry = ::readdir(dir)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names->push_back(name);
      errno = 0;
    }
    const int error = errno;
    ::closedir(dir);
    errno = error;
    return error == 0 ? 0 : -1;
  }
};

}  // namespace

SpoolSystem& SpoolSystem::Machine() {
  static MachineSystem machine;
  return machine;
}

}  // namespace auditledger
