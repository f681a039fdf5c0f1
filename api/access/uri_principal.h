// The principal that a client's certificate names: its one URI subject alternative name. One rule
// for every way in which a certificate reaches us (TLS of our own, an edge in front).
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_ACCESS_URI_PRINCIPAL_H_
#define AUDITLEDGER_API_ACCESS_URI_PRINCIPAL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// Unauthenticated (NO_PRINCIPAL) that says what is wrong with the client's certificate.
absl::Status RefuseCertificate(absl::string_view why);

// `uris`: all URI SANs of the certificate. Unauthenticated unless there is exactly one, and a
// certificate may claim it (principal.h, CheckForeignName).
absl::StatusOr<std::string> UriPrincipal(const std::vector<absl::string_view>& uris);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_URI_PRINCIPAL_H_
