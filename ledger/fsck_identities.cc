#include "ledger/fsck_identities.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/identity_filter.h"
#include "ledger/identity_record.h"
#include "ledger/identity_run.h"
#include "ledger/posix_file.h"
#include "ledger/stream_table.h"

namespace auditledger {
namespace {

// A run read along with the log's identities in their order.
struct OpenRun {
  RunRange range;
  RunReader reader;
  std::optional<RunEntry> head;
  bool damaged = false;
};

class RunsCheck {
 public:
  RunsCheck(const IdentityCheckOptions& options, Engine& engine, Findings& findings)
      : options_(options), engine_(engine), findings_(findings) {}

  void OpenAll();
  // Identities whose first eight bytes are in [low, high].
  void CheckSlice(uint64_t low, uint64_t high);

 private:
  void Add(absl::string_view what) { findings_.Add(FindingPart::kIdentityRun, what); }
  void Take(OpenRun& run);
  void Compare(const RunEntry& expected);
  std::vector<RunEntry> Collect(uint64_t low, uint64_t high);

  const IdentityCheckOptions& options_;
  Engine& engine_;
  Findings& findings_;
  std::deque<OpenRun> runs_;  // ascending by range, not overlapping; a deque does not move them
};

void RunsCheck::OpenAll() {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(options_.dir);
  if (absl::IsNotFound(names.status())) return;  // all of it is made anew
  if (!names.ok()) return Add(names.status().message());
  std::vector<RunRange> ranges;
  for (const std::string& name : *names) {
    if (const std::optional<RunRange> range = ParseRunName(name)) ranges.push_back(*range);
  }
  // The wider first: where a merge was cut short before it removed its inputs, it counts.
  std::sort(ranges.begin(), ranges.end(), [](const RunRange& a, const RunRange& b) {
    return a.from != b.from ? a.from < b.from : a.to > b.to;
  });
  uint64_t covered = 0;
  for (const RunRange& range : ranges) {
    if (range.to <= covered) continue;
    auto run = IdentityRun::Open(options_.dir, range, false);
    if (!run.ok()) {
      Add(absl::StrCat(RunName(range), ": ", run.status().message()));
    } else if (range.from != covered || range.to > options_.size) {
      Add(absl::StrCat(RunName(range), " does not follow entry ", covered, " of a log of ",
                       options_.size));
    } else {
      runs_.push_back({range, RunReader(*std::move(run)), {}, false});
      Take(runs_.back());
      covered = range.to;
    }
  }
}

void RunsCheck::Take(OpenRun& run) {
  absl::StatusOr<std::optional<RunEntry>> next = run.reader.Next();
  if (!next.ok()) {
    run.damaged = true;
    run.head.reset();
    return Add(absl::StrCat(RunName(run.range), ": ", next.status().message()));
  }
  run.head = *next;
}

std::vector<RunEntry> RunsCheck::Collect(uint64_t low, uint64_t high) {
  std::vector<RunEntry> entries;
  // What cannot be read or parsed is a finding of LogCheck's.
  engine_
      .Scan(RecordKind::kIdentity, 0, options_.size,
            [&](uint64_t index, absl::string_view bytes) {
              const absl::StatusOr<IdentityRecord> record = ParseIdentityRecord(bytes);
              if (!record.ok()) return true;
              const uint64_t prefix = MacPrefix(record->identity_mac);
              if (prefix >= low && prefix <= high) entries.push_back({record->identity_mac, index});
              return true;
            })
      .IgnoreError();
  std::sort(entries.begin(), entries.end());
  return entries;
}

// Runs that cover the entry must have it next.
void RunsCheck::Compare(const RunEntry& expected) {
  for (OpenRun& run : runs_) {
    if (expected.index < run.range.from || expected.index >= run.range.to) continue;
    while (run.head.has_value() && *run.head < expected) {
      Add(absl::StrCat(RunName(run.range), " has an identity of entry ", run.head->index,
                       " that the log has not"));
      Take(run);
    }
    if (run.head == expected) return Take(run);
    if (!run.damaged) {
      Add(absl::StrCat(RunName(run.range), " lacks the identity of entry ", expected.index,
                       ": its event sent again would be taken for a new one"));
    }
    return;
  }
}

void RunsCheck::CheckSlice(uint64_t low, uint64_t high) {
  const std::vector<RunEntry> entries = Collect(low, high);
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0 && entries[i].identity == entries[i - 1].identity) {
      findings_.AddEntry(FindingPart::kIdentity, entries[i].index,
                         absl::StrCat("it has the identity of entry ", entries[i - 1].index));
    }
    Compare(entries[i]);
  }
  for (OpenRun& run : runs_) {
    while (run.head.has_value() && MacPrefix(run.head->identity) <= high) {
      Add(absl::StrCat(RunName(run.range), " has an identity of entry ", run.head->index,
                       " that the log has not"));
      Take(run);
    }
  }
}

// "streams-%016x" -> the size.
std::optional<uint64_t> RangesSize(const std::string& name) {
  constexpr absl::string_view kPrefix = "streams-";
  if (!absl::StartsWith(name, kPrefix) || name.size() != kPrefix.size() + 16) return std::nullopt;
  uint64_t size = 0;
  for (const char c : name.substr(kPrefix.size())) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    size = size << 4 | static_cast<uint64_t>(digit);
  }
  return size;
}

absl::Status RestoreStreams(Engine& engine, StreamTable& table) {
  absl::Status restored;
  const absl::Status scanned = engine.ScanStreams([&](uint32_t number, absl::string_view record) {
    restored = table.Restore(number, record);
    return restored.ok();
  });
  return scanned.ok() ? restored : scanned;
}

}  // namespace

void CheckIdentityRuns(const IdentityCheckOptions& options, uint64_t identities, Engine& engine,
                       Findings& findings) {
  RunsCheck check(options, engine, findings);
  check.OpenAll();
  const uint64_t slices =
      std::max<uint64_t>(1, (identities + options.max_slice - 1) / options.max_slice);
  const uint64_t width = UINT64_MAX / slices;
  for (uint64_t i = 0; i < slices; ++i) {
    const uint64_t low = i == 0 ? 0 : i * width + 1;
    check.CheckSlice(low, i + 1 == slices ? UINT64_MAX : (i + 1) * width);
  }
}

void CheckStreamRanges(const std::string& dir, uint64_t size, const LedgerLimits& limits,
                       Engine& engine, Findings& findings) {
  constexpr size_t kMaxFileBytes = size_t{2} << 30;  // as stream_ranges_file
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(dir);
  if (!names.ok()) return;  // CheckIdentityRuns has said so
  std::map<uint64_t, std::string> files;
  for (const std::string& name : *names) {
    const std::optional<uint64_t> as_of = RangesSize(name);
    if (as_of.has_value() && *as_of <= size) files[*as_of] = name;
  }
  StreamTable derived(limits);
  if (files.empty() || !RestoreStreams(engine, derived).ok()) return;
  uint64_t from = 0;
  for (const auto& [as_of, name] : files) {
    engine
        .Scan(RecordKind::kIdentity, from, as_of,
              [&](uint64_t, absl::string_view bytes) {
                const absl::StatusOr<IdentityRecord> record = ParseIdentityRecord(bytes);
                if (record.ok()) derived.Received(record->stream_number, record->stream_sequence);
                return true;
              })
        .IgnoreError();
    from = as_of;
    StreamTable stored(limits);
    const auto bytes = ReadWholeFile(absl::StrCat(dir, "/", name), kMaxFileBytes);
    absl::Status loaded = bytes.status();
    if (loaded.ok()) loaded = RestoreStreams(engine, stored);
    if (loaded.ok()) {
      const absl::StatusOr<uint64_t> says = stored.LoadRanges(*bytes);
      loaded = says.status();
      if (loaded.ok() && stored.SaveRanges(*says) != derived.SaveRanges(as_of)) {
        loaded = absl::DataLossError("its ranges are not what the log's records give");
      }
    }
    if (!loaded.ok()) {
      findings.Add(FindingPart::kStreamRanges, absl::StrCat(name, ": ", loaded.message()));
    }
  }
}

}  // namespace auditledger
