// Units: an event's canonical protobuf encoding cut into the pieces that are committed to one by
// one, so that any of them can be withheld later while the commitment still checks.
//
// Each top-level field record is a unit; emergency_access (13), patient (14), agent (17), source
// (18), entity (19) and original (25) are cut one level deeper, all records of one subfield of one
// element together: a name, a typed justification or the native record can be withheld while the id
// or the digest beside it is shown. An element without content is one unit with subfield 0 and no
// bytes. Put together in path order, the units are the event, byte for byte.
//
// This works on bytes and needs no protobuf library: what was hashed is never re-serialised.
//
// Example:
//   ASSIGN_OR_RETURN(const std::vector<Unit> units, CutUnits(event));
//   JoinUnits(units).value() == event
//
// Within a unit only the outermost level is checked: what lies deeper is opaque here, and whoever
// reads it (EventTimeMicros, ReadEventIdentity, tags.h) reads it strictly.
//
// Thread-safety: values and pure functions. Source: shared/design.md section 3.
#ifndef AUDITLEDGER_MERKLE_UNITS_H_
#define AUDITLEDGER_MERKLE_UNITS_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace auditledger {

// Fields of auditledger.v1.AuditEvent that are cut one level deeper, and those that something here
// reads.
inline constexpr uint32_t kEventIdField = 1;
inline constexpr uint32_t kRecordedField = 4;
inline constexpr uint32_t kEmergencyAccessField = 13;
inline constexpr uint32_t kPatientField = 14;
inline constexpr uint32_t kAgentField = 17;
inline constexpr uint32_t kSourceField = 18;
inline constexpr uint32_t kEntityField = 19;
inline constexpr uint32_t kOriginalField = 25;
// Of source.
inline constexpr uint32_t kStreamIdField = 8;
inline constexpr uint32_t kStreamSequenceField = 9;

// An event of ordinary size has 20 to 60; the cap bounds the work of sealing and verifying one
// entry.
inline constexpr size_t kMaxUnits = 4096;
// The limit CloudEvents asks intermediaries to forward, and twelve times the largest real event
// measured.
inline constexpr size_t kMaxEventBytes = 65536;

struct UnitPath {
  uint32_t field = 0;
  uint32_t occurrence = 0;  // among the records of this field, from 0
  uint32_t subfield = 0;    // 0 where the field is not cut deeper
  friend auto operator<=>(const UnitPath&, const UnitPath&) = default;
};

struct Unit {
  UnitPath path;
  // The whole record; for a cut field the subfield's records, without the element's tag and length.
  std::string bytes;
  friend bool operator==(const Unit&, const Unit&) = default;
};

// The same without a copy: the bytes that were cut must outlive it.
struct UnitView {
  UnitPath path;
  absl::string_view bytes;
};
std::vector<UnitView> ViewsOf(absl::Span<const Unit> units);

// Cuts a canonical encoding. InvalidArgument, naming the field, when it is not in canonical form:
// fields not ascending, a repeated element not contiguous, a varint or length not minimal, a group,
// trailing bytes, a cut field that is not length-delimited, more than kMaxUnits units or
// kMaxEventBytes bytes.
absl::StatusOr<std::vector<Unit>> CutUnits(absl::string_view event);
// As views of `event`.
absl::StatusOr<std::vector<UnitView>> CutUnitViews(absl::string_view event);

// The inverse. InvalidArgument unless CutUnits of the result gives exactly `units` again.
absl::StatusOr<std::string> JoinUnits(absl::Span<const Unit> units);

// Seconds of 9999-12-31T23:59:59Z: the last a google.protobuf.Timestamp may hold.
inline constexpr uint64_t kMaxTimestampSeconds = 253402300799;

// Unix time in microseconds of the event's `recorded` field, what is finer cut off; 0 when it has
// none (so has 1970-01-01T00:00:00 itself).
// InvalidArgument when it lies before 1970, after kMaxTimestampSeconds, or is not strictly encoded.
absl::StatusOr<uint64_t> EventTimeMicros(absl::Span<const UnitView> units);
inline absl::StatusOr<uint64_t> EventTimeMicros(absl::Span<const Unit> units) {
  return EventTimeMicros(ViewsOf(units));
}

// What an event says of its own place: which one it is, in which stream, at which number there.
// With the principal it is what exactly-once goes by, so the header has to say the same.
struct EventIdentity {
  std::string event_id;
  std::string stream_id;         // source.stream_id
  uint64_t stream_sequence = 0;  // source.stream_sequence
  friend bool operator==(const EventIdentity&, const EventIdentity&) = default;
};

// What is absent is empty or 0, as protobuf has it.
// InvalidArgument when source or one of the three occurs twice or with another wire type.
absl::StatusOr<EventIdentity> ReadEventIdentity(absl::Span<const UnitView> units);
inline absl::StatusOr<EventIdentity> ReadEventIdentity(absl::Span<const Unit> units) {
  return ReadEventIdentity(ViewsOf(units));
}

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_UNITS_H_
