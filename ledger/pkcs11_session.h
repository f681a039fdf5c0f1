// A session in a PKCS #11 token, logged in: what the keys that stay in a token have in common
// (pkcs11_key.h, pkcs11_master.h).
//
// Example:
//   ASSIGN_OR_RETURN(Pkcs11Session session, Pkcs11Session::Open(spec, pin));
//   ASSIGN_OR_RETURN(CK_OBJECT_HANDLE key, session.Find(kind, spec.key));
//
// The module is loaded into this process (dlopen) and stays until its end.
// Thread-safety: a session belongs to one thread at a time; sessions of one module to many threads.
// Errors: NotFound: no module, token or key of this name. FailedPrecondition: more than one, or a
// key of another kind. PermissionDenied: the PIN is wrong; it is not tried again, as tokens lock
// themselves after a few. Unavailable: any other error of the token, with its CKR_ number.
#ifndef AUDITLEDGER_LEDGER_PKCS11_SESSION_H_
#define AUDITLEDGER_LEDGER_PKCS11_SESSION_H_

#include <p11-kit/pkcs11.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/pkcs11_spec.h"
#include "ledger/secret_string.h"

namespace auditledger {

// The PIN and LF, in a file that is this process's user's alone.
absl::StatusOr<SecretString> ReadPkcs11Pin(const std::string& path);

absl::Status Pkcs11Error(absl::string_view what, CK_RV result);

// What a key is found by, beside its label.
struct Pkcs11Kind {
  CK_OBJECT_CLASS object;
  CK_KEY_TYPE type;
  const char* name;  // for people
};

// Closed at its end.
class Pkcs11Session {
 public:
  // REQUIRES: CheckPkcs11Spec is OK.
  static absl::StatusOr<Pkcs11Session> Open(const Pkcs11Spec& spec, const SecretString& pin,
                                            CK_FLAGS more_flags = 0);
  Pkcs11Session(Pkcs11Session&& other) noexcept
      : f_(std::exchange(other.f_, nullptr)), handle_(other.handle_) {}
  Pkcs11Session& operator=(Pkcs11Session&& other) noexcept {
    std::swap(f_, other.f_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Pkcs11Session() {
    if (f_ != nullptr) f_->C_CloseSession(handle_);
  }

  CK_FUNCTION_LIST& f() const { return *f_; }
  CK_SESSION_HANDLE handle() const { return handle_; }

  // The one key of this kind and label.
  absl::StatusOr<CK_OBJECT_HANDLE> Find(const Pkcs11Kind& kind, const std::string& label) const;
  // AlreadyExists when there is one.
  absl::Status CheckFree(const Pkcs11Kind& kind, const std::string& label) const;

 private:
  Pkcs11Session(CK_FUNCTION_LIST* f, CK_SESSION_HANDLE handle) : f_(f), handle_(handle) {}
  CK_FUNCTION_LIST* f_;
  CK_SESSION_HANDLE handle_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PKCS11_SESSION_H_
