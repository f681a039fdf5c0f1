// The entry header: what the ledger itself says of an event. It stands beside the units, is
// committed to with them, and is encrypted and erased with them.
//
//   u8 version = 1 | u64 received_at_us | u64 flags
//   u16 len | principal | u16 len | stream_id | u16 len | event_id | u64 stream_sequence
//   u8 signature_algorithm (0 none, 1 Ed25519) | [public_key[32] | signature[64]]
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument naming the part, never its content. Source: shared/design.md section 3.
#ifndef AUDITLEDGER_MERKLE_HEADER_H_
#define AUDITLEDGER_MERKLE_HEADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// What was accepted though something is wrong with it. Bits, never renumbered.
enum EntryFlag : uint64_t {
  kFlagClockSkew = 1u << 0,      // recorded more than 10 minutes ahead of the ledger's clock
  kFlagLate = 1u << 1,           // recorded more than an hour ago
  kFlagNoZone = 1u << 2,         // recorded carries no zone
  kFlagNoPurpose = 1u << 3,      // an access to a patient without a purpose of use
  kFlagNoPatient = 1u << 4,      // an entity in the role of patient, and no patient
  kFlagNoNetwork = 1u << 5,      // no network address of the requestor or its client
  kFlagNoRequestorId = 1u << 6,  // the requestor has neither reference nor identifier
  kFlagUnknownEnum = 1u << 7,    // an enum value this version does not know
  kFlagUnknownFields = 1u << 8,  // fields this version does not know, kept as they came
  kFlagProfile = 1u << 9,        // breaks a rule of the event model that is not a reason to refuse
  // Secrets in it are overwritten with '*' (api/secret_mask.h): this is not quite what the emitter
  // sent, and its receipt carries the event.
  kFlagSecretsMasked = 1u << 10,
};
// "CLOCK_SKEW", ... in bit order; bits without a name as "BIT_n".
std::vector<std::string> FlagNames(uint64_t flags);

struct EmitterSignature {
  std::string public_key;  // 32 bytes, Ed25519
  std::string signature;   // 64 bytes, over EmitMessage (commitment.h)
  friend bool operator==(const EmitterSignature&, const EmitterSignature&) = default;
};

struct EntryHeader {
  uint64_t received_at_us =
      0;  // the ledger's clock when the event arrived, Unix time in microseconds
  uint64_t flags = 0;
  std::string principal;  // authenticated; never self-declared
  std::string stream_id;
  std::string event_id;
  uint64_t stream_sequence = 0;
  std::optional<EmitterSignature> signature;
  friend bool operator==(const EntryHeader&, const EntryHeader&) = default;
};

// InvalidArgument when a string is over 65535 bytes or a signature's parts have another length.
absl::StatusOr<std::string> EncodeHeader(const EntryHeader& header);
// Strict inverse.
absl::StatusOr<EntryHeader> ParseHeader(absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_HEADER_H_
