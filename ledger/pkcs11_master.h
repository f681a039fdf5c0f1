// A master key (master_key.h) that comes out of a PKCS #11 token: a generic secret is made in the
// token and never leaves it; the master key is what CKM_SHA256_HMAC gives under it for the fixed
// message "auditledger/token-master/v1" 00. Whoever has the token and its PIN can have it derived;
// the files alone say nothing.
//
// Example:
//   RETURN_IF_ERROR(GeneratePkcs11Master(spec, pin));
//   ASSIGN_OR_RETURN(SecretString key, DerivePkcs11Master(spec, pin));
//
// Thread-safety: functions; by many threads. Errors: as pkcs11_session.h.
#ifndef AUDITLEDGER_LEDGER_PKCS11_MASTER_H_
#define AUDITLEDGER_LEDGER_PKCS11_MASTER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/pkcs11_spec.h"
#include "ledger/secret_string.h"

namespace auditledger {

// 32 bytes.
absl::StatusOr<SecretString> DerivePkcs11Master(const Pkcs11Spec& spec, const SecretString& pin);
// Makes the secret in the token: private, not extractable, for HMAC alone. AlreadyExists when there
// is one of this label.
absl::Status GeneratePkcs11Master(const Pkcs11Spec& spec, const SecretString& pin);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PKCS11_MASTER_H_
