// Ed25519 private keys (RFC 8032). The only signing code here; verification is
// merkle/ed25519_verify.h.
//
// Thread-safety: immutable; may be used by many threads.
#ifndef AUDITLEDGER_LEDGER_ED25519_KEY_H_
#define AUDITLEDGER_LEDGER_ED25519_KEY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/signing_key.h"

namespace auditledger {

inline constexpr size_t kEd25519SeedBytes = 32;

class Ed25519Key : public SigningKey {
 public:
  // InvalidArgument for a seed of other than 32 bytes.
  static absl::StatusOr<Ed25519Key> FromSeed(absl::string_view seed);
  Ed25519Key(Ed25519Key&&) noexcept;
  Ed25519Key& operator=(Ed25519Key&&) noexcept;
  ~Ed25519Key() override;

  const std::string& public_key() const override { return public_key_; }
  // Deterministic: the same message has the same 64 bytes. About 30 microseconds.
  absl::StatusOr<std::string> Sign(absl::string_view message) const override;

 private:
  struct Impl;
  Ed25519Key();
  std::unique_ptr<Impl> impl_;
  std::string public_key_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_ED25519_KEY_H_
