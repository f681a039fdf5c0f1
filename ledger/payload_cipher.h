// Encryption of payloads under keys from their entries' secrets.
//
//   record     = u8 version = 1 | u8 algorithm = 1 (AES-256-GCM) | nonce[12] | ciphertext | tag[16]
//   key        = HMAC-SHA-256(secret, "auditledger/payload-key/v1" 00)
//   plaintext  = u8 compression | u8 seed_source | [seed[32]] | body
//                compression 0: body is u16 len | header | event to the end
//                compression 1: body is that as a frame of zstd (payload_compression.h), where this
//                  is shorter
//                seed_source 0: the commitment seed is
//                  HMAC-SHA-256(secret, "auditledger/commitment-seed/v1" 00)
//                seed_source 1: an emitter chose it; it follows
//   associated = "auditledger/payload/v1" 00 || BE16 len || origin || commitment[32]
//
// The secret is the ledger's own, random for each entry, and leaves it never: it stands in the
// entry's slot of the key store (seed_store.h), and destroying that erases the event. The seed is
// what opens the commitment; receipts and exports carry it and emitters may choose it, so that no
// key may come from it: whoever holds a receipt and an old copy of the log must not read an erased
// event. The commitment in the associated data ties a payload to its leaf.
// Thread-safety: pure functions and immutable values.
#ifndef AUDITLEDGER_LEDGER_PAYLOAD_CIPHER_H_
#define AUDITLEDGER_LEDGER_PAYLOAD_CIPHER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"
#include "merkle/sha256.h"

namespace auditledger {

struct Payload {
  std::string seed;  // what opens the commitment (merkle/commitment.h); 32 bytes
  std::string header;
  std::string event;
  friend bool operator==(const Payload&, const Payload&) = default;
};
// The same by reference.
struct PayloadView {
  absl::string_view seed;
  absl::string_view header;
  absl::string_view event;
};

inline constexpr size_t kPayloadNonceBytes = 12;
inline constexpr size_t kEntrySecretBytes = 32;

// What grows from an entry's secret. Made once for an entry: the secret is hashed once.
class PayloadKeys {
 public:
  explicit PayloadKeys(absl::string_view secret);
  // The commitment seed of an event whose emitter chose none.
  std::string CommitmentSeed() const { return std::string(seed_.view()); }
  // A payload record. InvalidArgument: secret or seed not of 32 bytes, nonce not of 12, header of
  // more than 65,535.
  absl::StatusOr<std::string> Encrypt(absl::string_view nonce, absl::string_view origin,
                                      const Hash& commitment, const PayloadView& payload) const;

 private:
  const size_t secret_bytes_;
  const HmacKey key_;
  const Hash seed_;
};

// DataLoss when the record does not open under this secret, origin and commitment.
absl::StatusOr<Payload> DecryptPayload(absl::string_view secret, absl::string_view origin,
                                       const Hash& commitment, absl::string_view record);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PAYLOAD_CIPHER_H_
