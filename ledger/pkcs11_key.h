// An Ed25519 key in a PKCS #11 token: a hardware module, or SoftHSM 2 in tests. The token signs;
// the private key never leaves it.
//
// Example:
//   ASSIGN_OR_RETURN(std::unique_ptr<SigningKey> key, OpenPkcs11Key(spec, "1234"));
//
// The module is loaded into this process (dlopen) and stays until its end. What the token needs:
// CKM_EDDSA without parameters (PKCS #11 3.0, 2.3.5), keys of type CKK_EC_EDWARDS named by
// CKA_LABEL. A session that the token has dropped is opened once more. Each signature is verified
// before it leaves: a token that errs must not spend a head.
//
// Thread-safety: as SigningKey; keys of one module may be used by many threads.
// Errors: NotFound: no module, token or key of this name. FailedPrecondition: more than one, or a
// key of another kind. PermissionDenied: the PIN is wrong; it is not tried again, as tokens lock
// themselves after a few. Unavailable: any other error of the token, with its CKR_ number.
#ifndef AUDITLEDGER_LEDGER_PKCS11_KEY_H_
#define AUDITLEDGER_LEDGER_PKCS11_KEY_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/pkcs11_spec.h"
#include "ledger/secret_string.h"
#include "ledger/signing_key.h"

namespace auditledger {

absl::StatusOr<std::unique_ptr<SigningKey>> OpenPkcs11Key(const Pkcs11Spec& spec, SecretString pin);
// Makes the key in the token: private, not extractable, for signing alone. AlreadyExists when there
// is one of this label.
absl::Status GeneratePkcs11Key(const Pkcs11Spec& spec, const SecretString& pin);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PKCS11_KEY_H_
