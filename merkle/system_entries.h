// Bodies of the ledger's own entries. All begin with a version byte.
//
//   genesis   u8 1 | u16 len | origin | u8 hash_suite | u8 tag_suite | u8 commitment_suite
//             log_key_hash[32] | index_key_hash[32]
//             u16 len | predecessor checkpoint (a signed note; empty for none)
//   conflict  u8 1 | u64 first_index         the leaf's commitment is that of the refused event
//   freeze    u8 1 | u64 confirmed_size | u16 len | successor origin (empty: not named)
//             u8 has_key (0 or 1) | [successor_key_hash[32]]    the last entry of its log
//   operator  u8 1 | u16 len | what          never who: a leaf cannot be erased
//   clock     u8 1 | u64 before_us | u64 after_us
//   anchor    u8 1 | u64 size | root[32] | token_hash[32] | u64 time_us
// (Erasures, requests for them and legal holds: erasure_entries.h.)
//
// Suites: hash 1 = SHA-256 as RFC 6962; tags 1 = tags.h; commitment 1 = commitment.h.
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument naming the part, never its content. Source: shared/design.md section 3.
#ifndef AUDITLEDGER_MERKLE_SYSTEM_ENTRIES_H_
#define AUDITLEDGER_MERKLE_SYSTEM_ENTRIES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"

namespace auditledger {

// Entry 0 of every ledger: who it is and by which rules its bytes are made.
struct Genesis {
  std::string origin;
  uint8_t hash_suite = 1;
  uint8_t tag_suite = 1;
  uint8_t commitment_suite = 1;
  Hash log_key_hash;    // LogKeyHash
  Hash index_key_hash;  // IndexKeyHash (tags.h)
  std::string predecessor_checkpoint;
  friend bool operator==(const Genesis&, const Genesis&) = default;
};
absl::StatusOr<std::string> EncodeGenesis(const Genesis& genesis);
absl::StatusOr<Genesis> ParseGenesis(absl::string_view body);  // strict; unknown suites are refused
// SHA-256("auditledger/log-key/v1" 00 || note key type || public key).
Hash LogKeyHash(uint8_t type, absl::string_view public_key);

struct Conflict {
  uint64_t first_index = 0;  // of the entry that was there before
  friend bool operator==(const Conflict&, const Conflict&) = default;
};
std::string EncodeConflict(const Conflict& conflict);
absl::StatusOr<Conflict> ParseConflict(absl::string_view body);

// The end of a log: nothing follows it.
struct Freeze {
  // Entries below it stand under a head that somebody outside had confirmed (a witness, a mirror)
  // when the log was frozen; 0: not said. The operator's word, and at most the entry's own index.
  uint64_t confirmed_size = 0;
  std::string successor_origin;            // empty: not known when the log was frozen
  std::optional<Hash> successor_key_hash;  // LogKeyHash; only with a successor
  friend bool operator==(const Freeze&, const Freeze&) = default;
};
// InvalidArgument for a key without an origin.
absl::StatusOr<std::string> EncodeFreeze(const Freeze& freeze);
absl::StatusOr<Freeze> ParseFreeze(absl::string_view body);

struct OperatorAction {
  std::string what;  // "accept_clock", "adopt_signer_state", ...
  friend bool operator==(const OperatorAction&, const OperatorAction&) = default;
};
absl::StatusOr<std::string> EncodeOperatorAction(const OperatorAction& action);
absl::StatusOr<OperatorAction> ParseOperatorAction(absl::string_view body);

struct ClockStep {
  uint64_t before_us = 0;  // where the clock should have been
  uint64_t after_us = 0;   // where it was
  friend bool operator==(const ClockStep&, const ClockStep&) = default;
};
std::string EncodeClockStep(const ClockStep& step);
absl::StatusOr<ClockStep> ParseClockStep(absl::string_view body);

// A timestamp of one of this log's heads was stored (timestamp.h). The entry names the token by its
// digest, so that one that is taken away or replaced later is noticed; it proves no time itself.
struct Anchor {
  uint64_t size = 0;  // of the head; at most the index of the entry
  Hash root;
  Hash token_hash;       // SHA-256 of the token's DER
  uint64_t time_us = 0;  // the token's genTime
  friend bool operator==(const Anchor&, const Anchor&) = default;
};
std::string EncodeAnchor(const Anchor& anchor);
absl::StatusOr<Anchor> ParseAnchor(absl::string_view body);  // size 1 to kMaxTreeSize

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_SYSTEM_ENTRIES_H_
