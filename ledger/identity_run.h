// One sorted, immutable run file of the identity index: written once, then searched and read
// through. Layout: identity_index.h.
//
// Thread-safety: a run is immutable and may be used by many threads; writer and reader belong to
// one. Errors: DataLoss for contents that cannot be as written.
#ifndef AUDITLEDGER_LEDGER_IDENTITY_RUN_H_
#define AUDITLEDGER_LEDGER_IDENTITY_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/identity_record.h"
#include "ledger/identity_run_page.h"
#include "ledger/posix_file.h"

namespace auditledger {

inline constexpr uint64_t kRunEntryBytes = 24;
inline constexpr uint64_t kRunEntriesPerPage = kRunPageContentBytes / kRunEntryBytes;  // 170

struct RunEntry {
  Mac128 identity{};
  uint64_t index = 0;
  friend auto operator<=>(const RunEntry&, const RunEntry&) = default;
};

std::string RunName(RunRange range);
// Nothing for a name that RunName does not make.
std::optional<RunRange> ParseRunName(absl::string_view name);

class IdentityRun {
 public:
  // DataLoss when header, name and length do not agree. `filter_in_memory`: read and check the
  // whole filter and keep it, instead of reading a page of it for each question.
  static absl::StatusOr<std::shared_ptr<const IdentityRun>> Open(const std::string& dir,
                                                                 RunRange range,
                                                                 bool filter_in_memory);

  RunRange range() const { return range_; }
  uint64_t count() const { return count_; }
  const std::string& path() const { return file_.path(); }
  uint64_t filter_bytes() const { return filter_bytes_; }
  bool filter_in_memory() const { return !filter_.empty(); }
  size_t memory_bytes() const { return filter_.size() + sizeof(IdentityRun); }

  // The lowest index under `identity`. DataLoss for a page whose checksum is wrong: an answer comes
  // only from pages that were checked.
  absl::StatusOr<std::optional<uint64_t>> Lookup(const Mac128& identity) const;

 private:
  friend class RunReader;
  struct Search;
  IdentityRun(PosixFile file, RunRange range, uint64_t count, uint64_t filter_bytes)
      : file_(std::move(file)), range_(range), count_(count), filter_bytes_(filter_bytes) {}

  absl::Status LoadFilter();
  absl::StatusOr<bool> MayContain(const Mac128& identity) const;
  absl::StatusOr<std::optional<uint64_t>> Find(const Mac128& identity) const;

  PosixFile file_;
  RunRange range_;
  uint64_t count_;
  uint64_t filter_bytes_;
  std::string filter_;
};

// Writes a run of exactly `count` entries, in pieces; the filter is made along with the entries and
// stands behind them.
//
// Example: RunWriter w; RETURN_IF_ERROR(w.Start(dir, range, n)); n times w.Add(entry); w.Finish();
// Nothing stands under the run's name before Finish has returned OK.
class RunWriter {
 public:
  absl::Status Start(const std::string& dir, RunRange range, uint64_t count);
  // REQUIRES: entries ascend, Start was OK.
  absl::Status Add(const RunEntry& entry);
  absl::Status Finish();

 private:
  // Pages that follow one another, gathered to be written together.
  struct Pages {
    uint64_t next = 0;    // page to be made
    std::string content;  // of that page
    std::string whole;    // made and not written
  };
  absl::Status EndPage(Pages& pages);
  absl::Status Write(Pages& pages);
  absl::Status EndFilterBlock();

  std::optional<PosixFile> file_;
  std::string path_;
  RunRange range_;
  uint64_t left_ = 0;
  Pages entries_;
  Pages filter_;
  uint64_t filter_blocks_ = 0;
  uint64_t block_ = 0;  // the one being made
  std::string block_bytes_;
};

// Reads a run from front to back and checks checksums, order and range.
class RunReader {
 public:
  explicit RunReader(std::shared_ptr<const IdentityRun> run) : run_(std::move(run)) {}
  // Nothing at the end, after the filter was read too.
  absl::StatusOr<std::optional<RunEntry>> Next();
  const IdentityRun& run() const { return *run_; }

 private:
  absl::Status Fill();
  absl::Status CheckFilter() const;

  std::shared_ptr<const IdentityRun> run_;
  std::optional<RunEntry> last_;
  uint64_t next_ = 0;          // entry to give
  std::string buffer_;         // the pages it is in
  uint64_t buffer_first_ = 0;  // number of the first of them
  uint64_t buffer_end_ = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_IDENTITY_RUN_H_
