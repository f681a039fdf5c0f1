// What is kept of an event's identity for ever, without anything personal.
//
//   u8 version = 1 | identity_mac[16] | event_mac[16] (zeros once erased) |
//   u32 stream_number | u64 stream_sequence
//
//   identity_mac = HMAC-SHA-256(dedup_key, "identity" 00 || BE16 len || principal ||
//                               BE16 len || stream || BE16 len || event id)[0:16]
//   event_mac    = HMAC-SHA-256(dedup_key, "event" 00 || identity_mac || canonical event)[0:16]
//                  of the event as it came, where secrets in it are masked (header.h)
//
// 128 bits under a secret key: two of 2^40 identities agree with probability 2^-49.
// Thread-safety: values and pure functions.
#ifndef AUDITLEDGER_LEDGER_IDENTITY_RECORD_H_
#define AUDITLEDGER_LEDGER_IDENTITY_RECORD_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/sha256.h"

namespace auditledger {

using Mac128 = std::array<uint8_t, 16>;

Mac128 IdentityMac(const HmacKey& dedup_key, absl::string_view principal,
                   absl::string_view stream_id, absl::string_view event_id);
Mac128 EventMac(const HmacKey& dedup_key, const Mac128& identity, absl::string_view event);

struct IdentityRecord {
  Mac128 identity_mac{};
  Mac128 event_mac{};
  uint32_t stream_number = 0;
  uint64_t stream_sequence = 0;  // 0 = the emitter does not number
  friend bool operator==(const IdentityRecord&, const IdentityRecord&) = default;
};
std::string EncodeIdentityRecord(const IdentityRecord& record);
absl::StatusOr<IdentityRecord> ParseIdentityRecord(absl::string_view bytes);  // strict

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_IDENTITY_RECORD_H_
