// The files of a backup: what each holds, to the byte. All integers are big-endian.
//
//   log segment "log-%016x-%016x" (first index, end)
//     u8 version = 1 | u8 kind = 'L' | u16 len | origin | u64 first | u32 first_stream
//     then records, the streams before the entries:
//       'S' u32 len | stream record                  numbers rise by one from first_stream
//       'E' u16 len | leaf | u32 len | payload | u8 len | identity record
//     'Z' u64 end | u8 n | n frontier hashes[32]     of the tree [0, end), largest subtree first
//     SHA-256 over all before
//   secrets segment "secrets-%016x" (first index, a multiple of 65,536)
//     u8 version = 1 | u8 kind = 'K' | u16 len | origin | u64 first | u32 slots | slots[64]
//     SHA-256 over all before
//
// Leaf, payload and identity stand as the log stores them, verbatim: payloads encrypted, secrets
// wrapped, so that neither folder can be read without the key files, and the log's not without the
// secrets'. An empty payload or identity means that the entry has none.
//
// Example:
//   BackupSegmentBuilder builder(origin, first, first_stream);
//   builder.AddEntry({leaf, payload, identity});
//   const std::string file = builder.Finish(frontier.nodes());
//   ASSIGN_OR_RETURN(const BackupSegment segment, ParseBackupSegment(file));
//
// Thread-safety: values and pure functions; a builder belongs to one thread.
// Errors: DataLoss, saying where. The digest is checked before anything else is read.
#ifndef AUDITLEDGER_LEDGER_BACKUP_SEGMENT_H_
#define AUDITLEDGER_LEDGER_BACKUP_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"

namespace auditledger {

// A segment is closed at this size: what a run that is cut short fetches again, and what a check
// holds in memory.
inline constexpr size_t kBackupSegmentBytes = size_t{32} << 20;
// A larger file is not read. The streams of one increment stand in one segment: 65,536 of them
// (LedgerLimits::max_streams) at a kilobyte.
inline constexpr size_t kMaxBackupSegmentBytes = size_t{128} << 20;

struct BackupEntry {
  std::string leaf;
  std::string payload;
  std::string identity;
  size_t bytes() const { return leaf.size() + payload.size() + identity.size(); }
};

struct BackupEntryView {
  absl::string_view leaf;
  absl::string_view payload;
  absl::string_view identity;
};

// Views into the parsed bytes, which must outlive it.
struct BackupSegment {
  absl::string_view origin;
  uint64_t first = 0;
  uint64_t end = 0;
  uint32_t first_stream = 0;
  std::vector<absl::string_view> streams;
  std::vector<BackupEntryView> entries;  // end - first, at least one
  std::vector<Hash> frontier;
  Hash digest;
};
absl::StatusOr<BackupSegment> ParseBackupSegment(absl::string_view bytes);

class BackupSegmentBuilder {
 public:
  BackupSegmentBuilder(absl::string_view origin, uint64_t first, uint32_t first_stream);
  // REQUIRES: no entry was added yet.
  void AddStream(absl::string_view record);
  // InvalidArgument for a part that is longer than its length field can say.
  absl::Status AddEntry(const BackupEntryView& entry);

  uint64_t first() const { return first_; }
  uint64_t end() const { return end_; }
  size_t bytes() const { return bytes_.size(); }
  bool has_entries() const { return end_ > first_; }
  // The file. REQUIRES: has_entries(), and `frontier` has the hashes of FrontierNodes(end()).
  std::string Finish(absl::Span<const Hash> frontier) &&;

 private:
  const uint64_t first_;
  uint64_t end_;
  std::string bytes_;
};

struct SecretsSegment {
  absl::string_view origin;
  uint64_t first = 0;
  absl::string_view slots;  // a multiple of kSeedSlotBytes
};
absl::StatusOr<SecretsSegment> ParseSecretsSegment(absl::string_view bytes);
// REQUIRES: slots.size() is a multiple of kSeedSlotBytes, at most a segment's.
std::string EncodeSecretsSegment(const SecretsSegment& segment);

// "log-…" and "secrets-…", and back. InvalidArgument for another name.
struct BackupSegmentName {
  uint64_t first = 0;
  uint64_t end = 0;
  friend auto operator<=>(const BackupSegmentName&, const BackupSegmentName&) = default;
};
std::string FormatSegmentName(const BackupSegmentName& name);
absl::StatusOr<BackupSegmentName> ParseSegmentName(absl::string_view name);
std::string FormatSecretsName(uint64_t first);
absl::StatusOr<uint64_t> ParseSecretsName(absl::string_view name);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_BACKUP_SEGMENT_H_
