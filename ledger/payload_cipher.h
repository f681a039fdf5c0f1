// Encryption of payloads under keys from their seeds.
//
//   record     = u8 version = 1 | u8 algorithm = 1 (AES-256-GCM) | nonce[12] | ciphertext | tag[16]
//   key        = HMAC-SHA-256(seed, "auditledger/payload-key/v1" 00)
//   plaintext  = u8 compression = 0 (none) | u16 len | header | event to the end
//   associated = "auditledger/payload/v1" 00 || BE16 len || origin || commitment[32]
//
// The commitment in the associated data ties a payload to its leaf; the random nonce keeps a seed that an emitter
// used twice from repeating a (key, nonce) pair.
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_LEDGER_PAYLOAD_CIPHER_H_
#define AUDITLEDGER_LEDGER_PAYLOAD_CIPHER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"

namespace auditledger {

struct Payload {
  std::string header;
  std::string event;
  friend bool operator==(const Payload&, const Payload&) = default;
};

inline constexpr size_t kPayloadNonceBytes = 12;

// REQUIRES: seed of 32 bytes, nonce of 12.
absl::StatusOr<std::string> EncryptPayload(absl::string_view seed, absl::string_view nonce, absl::string_view origin,
                                           const Hash& commitment, const Payload& payload);
// DataLoss when the record does not open under this seed, origin and commitment.
absl::StatusOr<Payload> DecryptPayload(absl::string_view seed, absl::string_view origin, const Hash& commitment,
                                       absl::string_view record);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PAYLOAD_CIPHER_H_
