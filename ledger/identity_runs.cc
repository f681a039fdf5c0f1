#include "ledger/identity_runs.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/identity_filter.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using RunPtr = std::shared_ptr<const IdentityRun>;

int SizeClass(uint64_t count, uint64_t run_entries) {
  int size_class = 0;
  while (count >= kMergeFactor * run_entries) {
    count /= kMergeFactor;
    ++size_class;
  }
  return size_class;
}

// The run files of `dir`, by their beginning, wider ones first. Unfinished files are deleted.
absl::StatusOr<std::vector<RunRange>> ListRuns(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  std::vector<RunRange> ranges;
  for (const std::string& name : names) {
    if (const std::optional<RunRange> range = ParseRunName(name)) {
      ranges.push_back(*range);
    } else if (absl::StartsWith(name, "ids-") && absl::EndsWith(name, ".tmp")) {
      RETURN_IF_ERROR(RemoveFile(absl::StrCat(dir, "/", name)));
    }
  }
  std::sort(ranges.begin(), ranges.end(), [](const RunRange& a, const RunRange& b) {
    return a.from != b.from ? a.from < b.from : a.to > b.to;
  });
  return ranges;
}

}  // namespace

uint64_t FilterMemory(absl::Span<const RunPtr> runs) {
  uint64_t bytes = 0;
  for (const RunPtr& run : runs) bytes += run->filter_in_memory() ? run->filter_bytes() : 0;
  return bytes;
}

absl::StatusOr<std::vector<RunPtr>> OpenRuns(const std::string& dir, uint64_t size,
                                             uint64_t filter_bytes_max) {
  ASSIGN_OR_RETURN(const std::vector<RunRange> ranges, ListRuns(dir));
  std::vector<RunPtr> runs;
  uint64_t covered = 0;
  for (const RunRange& range : ranges) {
    if (range.from == covered && range.to <= size) {
      absl::StatusOr<RunPtr> run = IdentityRun::Open(dir, range, false);
      if (run.ok()) {
        runs.push_back(*std::move(run));
        covered = range.to;
        continue;
      }
      if (!absl::IsDataLoss(run.status())) return run.status();
    }
    RETURN_IF_ERROR(RemoveFile(absl::StrCat(dir, "/", RunName(range))));
  }
  RETURN_IF_ERROR(SyncDirectory(dir));
  uint64_t left = filter_bytes_max;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const uint64_t bytes = (*run)->filter_bytes();
    if (bytes > left) continue;
    left -= bytes;
    const RunRange range = (*run)->range();
    absl::StatusOr<RunPtr> loaded = IdentityRun::Open(dir, range, true);
    if (absl::IsDataLoss(loaded.status())) {
      // Without it, those behind it do not count either.
      RETURN_IF_ERROR(RemoveFile(absl::StrCat(dir, "/", RunName(range))));
      return OpenRuns(dir, size, filter_bytes_max);
    }
    RETURN_IF_ERROR(loaded.status());
    *run = *std::move(loaded);
  }
  return runs;
}

std::vector<RunPtr> PickMerge(absl::Span<const RunPtr> runs, uint64_t run_entries) {
  size_t first = 0;  // of the neighbours of one class up to i
  for (size_t i = 0; i < runs.size(); ++i) {
    if (SizeClass(runs[i]->count(), run_entries) != SizeClass(runs[first]->count(), run_entries)) {
      first = i;
    }
    if (i + 1 - first == kMergeFactor) {
      const absl::Span<const RunPtr> picked = runs.subspan(first, kMergeFactor);
      return std::vector<RunPtr>(picked.begin(), picked.end());
    }
  }
  return {};
}

absl::Status WriteRun(const std::string& dir, RunRange range, absl::Span<const RunEntry> entries) {
  RunWriter writer;
  RETURN_IF_ERROR(writer.Start(dir, range, entries.size()));
  for (const RunEntry& entry : entries) RETURN_IF_ERROR(writer.Add(entry));
  return writer.Finish();
}

void Quarantine(const IdentityRun& run) {
  // Should this fail, the next start meets the damage again.
  RenameDurably(run.path(), run.path() + ".damaged").IgnoreError();
}

absl::Status VerifyRun(const RunPtr& run) {
  RunReader reader(run);
  absl::StatusOr<std::optional<RunEntry>> entry = reader.Next();
  while (entry.ok() && entry->has_value()) entry = reader.Next();
  if (absl::IsDataLoss(entry.status())) Quarantine(*run);
  return entry.status();
}

RunMerger::RunMerger(const std::vector<RunPtr>& inputs)
    : heads_(inputs.size()), range_{inputs.front()->range().from, inputs.back()->range().to} {
  for (const RunPtr& run : inputs) {
    readers_.emplace_back(run);
    count_ += run->count();
  }
}

absl::Status RunMerger::Take(size_t input) {
  absl::StatusOr<std::optional<RunEntry>> entry = readers_[input].Next();
  if (absl::IsDataLoss(entry.status())) Quarantine(readers_[input].run());
  RETURN_IF_ERROR(entry.status());
  heads_[input] = *entry;
  return absl::OkStatus();
}

absl::Status RunMerger::Start(const std::string& dir) {
  RETURN_IF_ERROR(writer_.Start(dir, range_, count_));
  for (size_t i = 0; i < readers_.size(); ++i) RETURN_IF_ERROR(Take(i));
  return absl::OkStatus();
}

absl::StatusOr<bool> RunMerger::Step(uint64_t entries) {
  for (; entries > 0; --entries) {
    size_t least = heads_.size();
    for (size_t i = 0; i < heads_.size(); ++i) {
      if (!heads_[i].has_value()) continue;
      if (least == heads_.size() || *heads_[i] < *heads_[least]) least = i;
    }
    if (least == heads_.size()) {
      RETURN_IF_ERROR(writer_.Finish());
      return true;
    }
    RETURN_IF_ERROR(writer_.Add(*heads_[least]));
    RETURN_IF_ERROR(Take(least));
  }
  return false;
}

}  // namespace auditledger
