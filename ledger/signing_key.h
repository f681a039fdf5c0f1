// A private key that signs, wherever it lies: in memory (ed25519_key.h) or in a device that never
// gives it out (pkcs11_key.h).
//
// Thread-safety: one thread at a time. Errors: as the key's own; a signature that comes out is the
// key's over the message.
#ifndef AUDITLEDGER_LEDGER_SIGNING_KEY_H_
#define AUDITLEDGER_LEDGER_SIGNING_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

class SigningKey {
 public:
  virtual ~SigningKey() = default;
  virtual const std::string& public_key() const = 0;  // 32 bytes of Ed25519
  // Deterministic: the same message has the same 64 bytes.
  virtual absl::StatusOr<std::string> Sign(absl::string_view message) const = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNING_KEY_H_
