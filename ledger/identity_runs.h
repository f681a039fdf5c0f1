// The set of run files of one identity index: which count at start, which are merged when, and the
// merge.
//
// Runs are merged eight at a time as soon as eight neighbours are of one size class (the number of
// entries, by powers of eight): an entry is written log8(n / run) times, and a lookup asks at most
// seven runs of each class. Thread-safety: functions may be called by many threads; a RunMerger
// belongs to one.
#ifndef AUDITLEDGER_LEDGER_IDENTITY_RUNS_H_
#define AUDITLEDGER_LEDGER_IDENTITY_RUNS_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ledger/identity_run.h"

namespace auditledger {

inline constexpr size_t kMergeFactor = 8;

// The runs in `dir` that tile [0, x) with x <= size, ascending; all other run files, unreadable
// ones and what a crash left are deleted. Where a merge was cut short the wider run counts. Filters
// are kept in memory, those of the newest runs first, up to `filter_bytes_max` together.
absl::StatusOr<std::vector<std::shared_ptr<const IdentityRun>>> OpenRuns(const std::string& dir,
                                                                         uint64_t size,
                                                                         uint64_t filter_bytes_max);

// The oldest kMergeFactor neighbours of one size class; empty if there are none.
std::vector<std::shared_ptr<const IdentityRun>> PickMerge(
    absl::Span<const std::shared_ptr<const IdentityRun>> runs, uint64_t run_entries);

// Writes `entries`, ascending, as one run.
absl::Status WriteRun(const std::string& dir, RunRange range, absl::Span<const RunEntry> entries);
// Reads the run through: checksums, order, range. A damaged one is set aside.
absl::Status VerifyRun(const std::shared_ptr<const IdentityRun>& run);
// Renames a damaged run's file to "...damaged", so that the next OpenRuns does without and the log
// is replayed.
void Quarantine(const IdentityRun& run);

// What the filters of `runs` take in memory.
uint64_t FilterMemory(absl::Span<const std::shared_ptr<const IdentityRun>> runs);

// Merges neighbouring runs into one, in steps, with a buffer for each.
class RunMerger {
 public:
  // REQUIRES: at least one input, each beginning where the one before ends.
  explicit RunMerger(const std::vector<std::shared_ptr<const IdentityRun>>& inputs);
  RunRange range() const { return range_; }
  uint64_t count() const { return count_; }

  absl::Status Start(const std::string& dir);
  // Writes up to `entries` entries. True when the merged run is on disk under its name.
  // DataLoss when an input is damaged, which is then set aside.
  absl::StatusOr<bool> Step(uint64_t entries);

 private:
  absl::Status Take(size_t input);

  std::deque<RunReader> readers_;  // does not move them
  std::vector<std::optional<RunEntry>> heads_;
  RunRange range_;
  uint64_t count_ = 0;
  RunWriter writer_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_IDENTITY_RUNS_H_
