// Ed25519 signature check over exact bytes (RFC 8032, no prehash). Signing is in ledger/.
// Thread-safety: pure function. Cost: about 70 microseconds.
#ifndef AUDITLEDGER_MERKLE_ED25519_VERIFY_H_
#define AUDITLEDGER_MERKLE_ED25519_VERIFY_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace auditledger {

inline constexpr size_t kEd25519PublicKeyBytes = 32;
inline constexpr size_t kEd25519SignatureBytes = 64;

// OK iff `signature` (64 bytes) by `public_key` (32 bytes) over `message` is valid. InvalidArgument
// for wrong lengths, DataLoss for a signature that does not verify.
absl::Status VerifyEd25519(absl::string_view public_key, absl::string_view message,
                           absl::string_view signature);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_ED25519_VERIFY_H_
