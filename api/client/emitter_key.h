// A key of the emitter's own (Ed25519), which signs each event: who sent it then does not rest on
// who ended the TLS connection, and no operator can put words into an emitter's mouth. The ledger
// checks the signature and keeps it in the entry's header; whoever opens the entry checks it again.
//
//   openssl genpkey -algorithm ed25519 -out emitter.pem; chmod 600 emitter.pem
//
// Example:
//   ASSIGN_OR_RETURN(EmitterKey key, EmitterKey::FromFile("emitter.pem"));
//   ASSIGN_OR_RETURN(*request.mutable_seal(), key.Seal(origin, event, std::move(seed)));
//
// What is signed: merkle/commitment.h, EmitMessage. A signed event is sealed as it is: where it
// holds what looks like a password or a token, the ledger refuses it instead of masking it.
// Cost: some 40 microseconds an event.
// Thread-safety: const methods by many threads.
// Errors: InvalidArgument for another kind of key, FailedPrecondition for a file that others may
// read.
#ifndef AUDITLEDGER_API_CLIENT_EMITTER_KEY_H_
#define AUDITLEDGER_API_CLIENT_EMITTER_KEY_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/ledger_service.pb.h"

namespace auditledger {

inline constexpr size_t kMaxEmitterKeyFileBytes = 4096;  // PKCS #8 in PEM has some 120

class EmitterKey {
 public:
  // PKCS #8 in PEM, without a passphrase.
  static absl::StatusOr<EmitterKey> FromPem(absl::string_view pem);
  static absl::StatusOr<EmitterKey> FromFile(const std::string& path);
  EmitterKey(EmitterKey&&) noexcept;
  EmitterKey& operator=(EmitterKey&&) noexcept;
  ~EmitterKey();

  const std::string& public_key() const { return public_key_; }  // 32 bytes

  // For the log `origin`. `seed`: 32 fresh random bytes, never used for two events.
  absl::StatusOr<v1::EmitterSeal> Seal(absl::string_view origin, const v1::AuditEvent& event,
                                       std::string seed) const;
  // With a seed of OpenSSL's generator.
  absl::StatusOr<v1::EmitterSeal> Seal(absl::string_view origin, const v1::AuditEvent& event) const;

  // OK when `receipt` says that its entry was signed by this key. DataLoss: the ledger left the
  // signature out, or put another there.
  absl::Status CheckSigned(const v1::Receipt& receipt) const;

 private:
  struct Impl;
  explicit EmitterKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::string public_key_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_EMITTER_KEY_H_
