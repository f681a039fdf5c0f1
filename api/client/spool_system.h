// The system calls that a spool's files are used by, behind one interface, so that a test can put a
// disk of its own below: one that fails, tears and forgets (tests/api/client/spool_fault_system.h).
//
// Example: const int fd = SpoolSystem::Machine().Open("spool/lock", O_RDWR | O_CREAT, 0600);
//
// Only spool_file.cc calls it. What a hospital's service links must not bring the ledger along,
// therefore this is not ledger/posix_file_system.h.
// Thread-safety: all methods may be called by many threads.
// Errors: as of the system calls: a negative value, and errno says why.
#ifndef AUDITLEDGER_API_CLIENT_SPOOL_SYSTEM_H_
#define AUDITLEDGER_API_CLIENT_SPOOL_SYSTEM_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace auditledger {

class SpoolSystem {
 public:
  virtual ~SpoolSystem() = default;
  static SpoolSystem& Machine();

  virtual int Open(const std::string& path, int flags, mode_t mode) = 0;
  virtual int Close(int fd) = 0;
  virtual ssize_t Pread(int fd, char* out, size_t size, off_t offset) = 0;
  virtual ssize_t Pwrite(int fd, const char* bytes, size_t size, off_t offset) = 0;
  virtual int Fsync(int fd) = 0;
  virtual int Fdatasync(int fd) = 0;
  virtual int Flock(int fd, int operation) = 0;
  virtual int Mkdir(const std::string& path, mode_t mode) = 0;
  virtual int Unlink(const std::string& path) = 0;
  virtual int Rename(const std::string& from, const std::string& to) = 0;
  // Appends the names in `folder` but "." and "..", in no order.
  virtual int List(const std::string& folder, std::vector<std::string>* names) = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SPOOL_SYSTEM_H_
