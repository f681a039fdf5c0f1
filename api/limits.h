// Every limit of the service, with its unit in the name and the reason for its default. The durable
// log's own are in ledger/options.h; those of single event fields are the table in event_limits.cc.
#ifndef AUDITLEDGER_API_LIMITS_H_
#define AUDITLEDGER_API_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace auditledger {

// What an operator may lower or raise (config.proto, Limits).
struct ApiLimits {
  size_t max_event_bytes = 65536;  // kMaxEventBytes of merkle/units.h: never more
  size_t max_batch_events =
      1000;  // AIP-233: a batch is one transaction; 1,000 saturate the committer
  size_t max_batch_bytes =
      4 << 20;  // one commit of the ledger, and gRPC's own default for a message
  size_t max_deadline_seconds = 10;  // a commit takes milliseconds: what takes longer is stuck
  size_t drain_seconds = 20;         // below systemd's 90 s and Kubernetes' 30 s before they kill
  // A reader of a stream that takes nothing for so long is cut off: its message, up to 1 MiB, is
  // held in memory meanwhile. A sleeping client resumes where it was.
  size_t slow_reader_seconds = 30;
  // Of a listener. A connection takes some 60 KiB with TLS: 256 MiB for all of these. Emitters keep
  // one each, and a hospital has hundreds of them. Never more than half of the descriptors.
  size_t max_connections = 4096;
  // A sixteenth of them: many emitters on one host or behind one address; no address takes all.
  size_t max_connections_per_address = 256;
  // From accepting to the end of the handshake: some round trips and a signature. Whoever is silent
  // holds a place no longer.
  size_t handshake_timeout_ms = 5000;
};

// A message over this is refused by gRPC itself before we see it: twice a batch, so that every
// batch that is only somewhat too large is answered with the field and the limit.
inline constexpr size_t kReceiveBytesPerBatchByte = 2;
// Names and timeouts of a call need 1 KiB; the rest would only feed HPACK attacks.
inline constexpr int kMaxMetadataBytes = 8 << 10;
// Rotates connections over instances behind a balancer and re-checks certificates; then this long
// to finish.
inline constexpr int kMaxConnectionAgeMs = 600'000;
inline constexpr int kMaxConnectionAgeGraceMs = 60'000;
inline constexpr int kMinPingIntervalMs = 300'000;  // a client that pings more often ...
inline constexpr int kMaxPingStrikes = 2;           // ... this many times is disconnected
inline constexpr int kKeepaliveMs = 120'000;        // finds dead peers below tails that say nothing
inline constexpr int kMaxConcurrentStreams = 1000;  // per connection
inline constexpr int kAcceptPauseMs = 100;          // after accept(2) failed for want of anything
inline constexpr uint64_t kSweepMs = 50;  // 4,096 fstat(2) are 2 ms: a flood of connections that
                                          // are refused costs a twentieth of a core
// Calls that an address may cancel: at once as many as a connection has, and a thousand a second. A
// client whose calls all run into their deadline cancels some tens a second.
inline constexpr uint64_t kResetsPerSecond = 1000;
inline constexpr uint64_t kResetBurst = kMaxConcurrentStreams;
inline constexpr uint64_t kResetLookMs = 50;   // in which an attacker sends some 800, 16 MiB
inline constexpr uint64_t kLookPart = 20;      // looking takes at most a twentieth of a core
inline constexpr int kResetLooks = 20;         // pulses with less than a second between are seen
inline constexpr uint64_t kCutOffMs = 10'000;  // whoever was cut off waits before it may come again

// Unanswered events of one stream before the server stops reading: one commit's worth in flight,
// one waiting.
inline constexpr size_t kMaxUnansweredEvents = 1000;
// Sealing costs 30 us an event: more than this leaves gRPC's few threads for the pool.
inline constexpr size_t kMaxInlineSeals = 16;
// An answer of entries ends here, well below a client's default receive limit of 4 MiB.
inline constexpr size_t kMaxPageBytes = 1 << 20;
inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;  // AIP-158: more is coerced
inline constexpr size_t kMaxListedGaps = 100;
inline constexpr size_t kMaxPageTokenBytes = 1 << 20;  // a token carries a checkpoint

// Segments of secrets that a backup compares in one request: those of four thousand million
// entries, in 2 MiB.
inline constexpr int kMaxKnownSegments = 65536;

inline constexpr size_t kReadThreads =
    4;  // the disk's queue depth, not the CPU, is what they wait for
inline constexpr size_t kReadQueue = 256;  // 64 reads a thread: under 100 ms of work
inline constexpr size_t kSealThreads =
    2;  // sealing is CPU: no more than the smallest machine's cores
inline constexpr size_t kSealQueue = 64;       // batches of at most 4 MiB
inline constexpr uint64_t kReadRetryMs = 100;  // hint when a pool is full
// Of append requests between arrival and answer, or until they are durable where they then wait for
// witnesses: about half a second's work for two cores, and two
// full batches.
inline constexpr size_t kMaxAppendBytesInFlight = 8 << 20;
// Less while answers take longer than a caller should wait; a few batches go on whatever the disk
// does (in_flight_bytes.h).
inline constexpr size_t kLeastAppendBytesInFlight = 1 << 20;
inline constexpr uint64_t kSlowAppendMicros = 1'000'000;
inline constexpr uint64_t kAppendRetryMs = 250;  // hint then: half of what waits has gone
// Of each rate: so many principals, ledgers or addresses, 100 bytes each, are told apart.
inline constexpr size_t kMaxBuckets = 10'000;
inline constexpr uint64_t kRetryMs = 1000;  // hint when a ledger is paused or the server drains
inline constexpr uint64_t kSupervisorTickMs = 200;
// Work was queued and no head came for this long: the committer hangs.
inline constexpr uint64_t kStaleHeadMs = 5000;

inline constexpr size_t kMaxPrincipalBytes = 512;  // a URI SAN; the header's own limit is 65,535
inline constexpr size_t kMaxViolations =
    20;  // enough to mend an emitter, too few to fill a trailer
inline constexpr size_t kMaxResourceNameBytes = 128;

// ---- events (proto/auditledger/v1/event.proto) ----

inline constexpr uint64_t kMaxFutureMs = 24ull * 3600 * 1000;  // beyond is a broken clock: refuse
inline constexpr uint64_t kSkewMs = 10ull * 60 * 1000;         // beyond is flagged CLOCK_SKEW
inline constexpr uint64_t kLateMs =
    3600ull * 1000;  // older is flagged LATE: an outage, or a replay
inline constexpr int kMaxEventDepth =
    16;  // deepest legal: entity, agent, who, three assigners, type, coding = 11
inline constexpr int kMaxAssignerDepth = 3;
inline constexpr int kMaxOffsetMinutes = 14 * 60;  // UTC+14 and UTC-14: FHIR's bounds
inline constexpr int kMaxFractionDigits = 9;
inline constexpr uint32_t kEventSchemaVersion = 1;

// Where the table says nothing.
inline constexpr size_t kDefaultStringBytes = 512;
inline constexpr size_t kDefaultElements = 64;

struct FieldLimit {
  absl::string_view field;  // full name in the proto
  size_t max_bytes = 0;  // of a string or bytes field, or of each element; 0 = kDefaultStringBytes
  size_t max_elements = 0;  // of a repeated field; 0 = kDefaultElements
  size_t exact_bytes = 0;   // a digest: this long or empty
};
absl::Span<const FieldLimit> EventFieldLimits();

}  // namespace auditledger

#endif  // AUDITLEDGER_API_LIMITS_H_
