// Streams: which sequence numbers of each emitter instance arrived, and which never did.
//
// A stream whose emitter numbers its events gets a number of its own when it is first seen; its
// record goes into the same commit. Over a bound (max_streams, max_streams_per_principal) it gets
// kGapsUnknown instead: its events are as good as any, only its gaps are not known.
//   u8 version = 1 | u16 len | principal | u16 len | stream_id
// What arrived is kept as ranges in memory, saved beside the identity runs ("streams-%016x" = as of
// that size, a digest at its end) and rebuilt from there and the identity records behind it. It may
// be deleted.
//
// Thread-safety: changed by the committer only; List copies under a lock and may be called by many.
#ifndef AUDITLEDGER_LEDGER_STREAM_TABLE_H_
#define AUDITLEDGER_LEDGER_STREAM_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/options.h"
#include "ledger/sequence_ranges.h"

namespace auditledger {

// The stream number of events that carry none, and of those of streams over a bound.
inline constexpr uint32_t kGapsUnknown = 0xFFFFFFFF;

struct StreamInfo {
  std::string principal;
  std::string stream_id;
  uint64_t received_count = 0;  // numbered events, repeats of a number counted once
  uint64_t last_sequence = 0;
  std::vector<SequenceRange> gaps;  // ascending, up to last_sequence; sequences begin with 1
  bool gaps_truncated = false;
};

std::string EncodeStreamRecord(absl::string_view principal, absl::string_view stream_id);
absl::StatusOr<std::pair<std::string, std::string>> ParseStreamRecord(absl::string_view bytes);

class StreamTable {
 public:
  explicit StreamTable(const LedgerLimits& limits);
  ~StreamTable();

  // The number of a stream, and whether it is new; kGapsUnknown for a new one over a bound.
  struct Number {
    uint32_t number = kGapsUnknown;
    bool is_new = false;
  };
  Number NumberOf(absl::string_view principal, absl::string_view stream_id);
  // Restores a stream at start, in the order of numbers.
  absl::Status Restore(uint32_t number, absl::string_view record);
  // `sequence` of the stream is in the log. Does nothing for kGapsUnknown.
  void Received(uint32_t number, uint64_t sequence);

  // Up to `limit` streams with a number of at least `first`.
  std::vector<StreamInfo> List(uint32_t first, size_t limit, size_t max_gaps) const;
  uint32_t count() const;

  // The ranges as of log size `size`, to and from a file's bytes.
  std::string SaveRanges(uint64_t size) const;
  // The size they are as of. DataLoss when damaged.
  absl::StatusOr<uint64_t> LoadRanges(absl::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_STREAM_TABLE_H_
