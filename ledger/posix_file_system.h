// The system calls that files and folders are used by, behind one interface, so that a test can put
// a disk of its own below everything: one that fails, tears and forgets
// (tests/ledger/fault_disk.h).
//
// Example: const int fd = CurrentFileSystem().Open(path.c_str(), O_RDONLY, 0);
//
// Only posix_file.cc calls it; everybody else uses posix_file.h.
// Thread-safety: all methods may be called by many threads.
// Errors: as of the system calls: a negative value, and errno says why.
#ifndef AUDITLEDGER_LEDGER_POSIX_FILE_SYSTEM_H_
#define AUDITLEDGER_LEDGER_POSIX_FILE_SYSTEM_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace auditledger {

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  static FileSystem& Machine();

  virtual int Open(const std::string& path, int flags, mode_t mode) = 0;
  virtual int Close(int fd) = 0;
  virtual ssize_t Pread(int fd, char* out, size_t size, off_t offset) = 0;
  virtual ssize_t Pwrite(int fd, const char* bytes, size_t size, off_t offset) = 0;
  virtual int Fsync(int fd) = 0;
  virtual int Fdatasync(int fd) = 0;
  virtual int Fstat(int fd, struct stat* info) = 0;
  virtual int Fchmod(int fd, mode_t mode) = 0;
  virtual int Flock(int fd, int operation) = 0;
  virtual int Stat(const std::string& path, struct stat* info) = 0;   // follows links
  virtual int Lstat(const std::string& path, struct stat* info) = 0;  // does not
  virtual int Mkdir(const std::string& path, mode_t mode) = 0;
  virtual int Unlink(const std::string& path) = 0;
  virtual int Rename(const std::string& from, const std::string& to) = 0;
  virtual int Link(const std::string& from, const std::string& to) = 0;
  // Appends the names in `dir` but "." and "..", in no order.
  virtual int List(const std::string& dir, std::vector<std::string>* names) = 0;
};

FileSystem& CurrentFileSystem();
// nullptr: the machine's. No file may be open meanwhile. Not owned.
void SetFileSystemForTesting(FileSystem* system);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_POSIX_FILE_SYSTEM_H_
