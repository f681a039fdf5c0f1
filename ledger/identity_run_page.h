// The pages of a run file, each with its own checksum, so that what is used of a run was checked
// whatever else of it is damaged.
//
//   page of 4,096 bytes: content[4092], zeros behind what it holds
//                        | CRC-32C u32 over BE64 from || BE64 to || BE64 page number || content
//
// from and to are the run's range: a page of another run or another place does not pass.
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_LEDGER_IDENTITY_RUN_PAGE_H_
#define AUDITLEDGER_LEDGER_IDENTITY_RUN_PAGE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/posix_file.h"

namespace auditledger {

inline constexpr uint64_t kRunPageBytes = 4096;
inline constexpr uint64_t kRunPageContentBytes = kRunPageBytes - 4;

// What a run covers: entries [from, to) of the log.
struct RunRange {
  uint64_t from = 0;
  uint64_t to = 0;
  friend auto operator<=>(const RunRange&, const RunRange&) = default;
};

// Page `number` with `content`. REQUIRES: at most kRunPageContentBytes.
std::string EncodeRunPage(RunRange range, uint64_t number, absl::string_view content);
// `count` whole pages from page `first` on. DataLoss naming the first page whose checksum is wrong.
absl::StatusOr<std::string> ReadRunPages(const PosixFile& file, RunRange range, uint64_t first,
                                         uint64_t count);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_IDENTITY_RUN_PAGE_H_
