// Fails operations of ledger/posix_file.h, as long as an object of this lives. One at a time.
//
// Example: FileFaults faults(FileOperation::kSync, "seeds-", EIO);
#ifndef AUDITLEDGER_TESTS_TESTING_FILE_FAULTS_H_
#define AUDITLEDGER_TESTS_TESTING_FILE_FAULTS_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "ledger/posix_file.h"

namespace auditledger::testing {

class FileFaults {
 public:
  static constexpr uint64_t kForEver = UINT64_MAX;

  // `operation` on paths that contain `part` gives `error`, after `skip` of them and `times` times.
  // With error 0 it only counts.
  FileFaults(FileOperation operation, const std::string& part, int error, uint64_t skip = 0,
             uint64_t times = kForEver)
      : operation_(operation), part_(part), error_(error), skip_(skip), times_(times) {
    current_ = this;
    SetFileFaultForTesting(&Ask);
  }
  ~FileFaults() {
    SetFileFaultForTesting(nullptr);
    current_ = nullptr;
  }
  FileFaults(const FileFaults&) = delete;
  FileFaults& operator=(const FileFaults&) = delete;

  uint64_t seen() const { return seen_; }

 private:
  static int Ask(FileOperation operation, const std::string& path) {
    FileFaults& self = *current_;
    if (operation != self.operation_ || path.find(self.part_) == std::string::npos) return 0;
    const uint64_t number = self.seen_++;
    return number >= self.skip_ && number - self.skip_ < self.times_ ? self.error_ : 0;
  }

  static inline std::atomic<FileFaults*> current_{nullptr};
  const FileOperation operation_;
  const std::string part_;
  const int error_;
  const uint64_t skip_;
  const uint64_t times_;
  std::atomic<uint64_t> seen_{0};
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_FILE_FAULTS_H_
