// The thumbprint of a client certificate that tokens are bound to (RFC 8705 3.1).
//
// Example: CertificateThumbprint(pem) == "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"
//
// Thread-safety: a pure function.
#ifndef AUDITLEDGER_API_ACCESS_TOKEN_BINDING_H_
#define AUDITLEDGER_API_ACCESS_TOKEN_BINDING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace auditledger {

// base64url of the SHA-256 of the first certificate's DER, which is never parsed. "" when `pem`
// holds none.
std::string CertificateThumbprint(absl::string_view pem);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_TOKEN_BINDING_H_
