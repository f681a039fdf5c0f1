// Which key of which token signs for an origin: the text of the file "pkcs11.key" beside a signer's
// state (signer_folder.h), in place of log.key. It holds no secret: the PIN is in a file of its
// own.
//
//   auditledger-pkcs11/v1 LF
//   module PATH LF      the token's library, absolute
//   token LABEL LF
//   key LABEL LF
//   pin PATH LF         file with the PIN and LF, 0600, absolute
//
// Strict: these lines in this order. Thread-safety: values and pure functions.
// Errors: DataLoss for a text of another form; InvalidArgument for values that have none.
#ifndef AUDITLEDGER_LEDGER_PKCS11_SPEC_H_
#define AUDITLEDGER_LEDGER_PKCS11_SPEC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

inline constexpr size_t kMaxTokenLabelBytes = 32;    // PKCS #11's
inline constexpr size_t kMaxPkcs11KeyBytes = 64;     // a key's label; ours
inline constexpr size_t kMaxPkcs11PathBytes = 1024;  // of a path

struct Pkcs11Spec {
  std::string module;
  std::string token;
  std::string key;
  std::string pin_file;
  friend bool operator==(const Pkcs11Spec&, const Pkcs11Spec&) = default;
};

// Labels: 1 to so many bytes of printable ASCII, no space at either end. Paths: absolute,
// printable.
absl::Status CheckPkcs11Spec(const Pkcs11Spec& spec);
// REQUIRES: CheckPkcs11Spec is OK.
std::string FormatPkcs11Spec(const Pkcs11Spec& spec);
absl::StatusOr<Pkcs11Spec> ParsePkcs11Spec(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PKCS11_SPEC_H_
