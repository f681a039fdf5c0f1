// Who calls through an edge: a proxy in front (tools/packaging/edge) that ended TLS, checked the
// client's certificate, and says in two headers whose it was and from where it came.
//
//   auditledger-client-certificate   the certificate in PEM, URL-escaped, as nginx's
//                                    $ssl_client_escaped_cert has it
//   auditledger-client-address       the client's address
//
// The edge always overwrites both, and only a listener with `edge: true` asks for them: a Unix
// socket in a folder that nobody but the daemon and the edge can enter. On every other listener
// they are metadata like any other, and mean nothing.
//
// Example:
//   ASSIGN_OR_RETURN(const std::string name, ForwardedPrincipal(context.client_metadata()));
//
// That the certificate is valid now and not revoked is the edge's word: it alone saw the handshake
// that proves who holds the key. Here the certificate is parsed, by OpenSSL, and one that is not
// exactly in that form is refused.
// Thread-safety: pure functions. Errors: Unauthenticated (NO_PRINCIPAL).
#ifndef AUDITLEDGER_API_ACCESS_EDGE_IDENTITY_H_
#define AUDITLEDGER_API_ACCESS_EDGE_IDENTITY_H_

#include <grpcpp/support/string_ref.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

inline constexpr char kForwardedCertificate[] = "auditledger-client-certificate";
inline constexpr char kForwardedAddress[] = "auditledger-client-address";

using ClientMetadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// The one certificate that the edge passed on, in DER.
absl::StatusOr<std::string> ForwardedCertificate(const ClientMetadata& metadata);
// The same in PEM; empty where there is none.
std::string ForwardedPem(const ClientMetadata& metadata);
// Its principal: uri_principal.h.
absl::StatusOr<std::string> ForwardedPrincipal(const ClientMetadata& metadata);
// The client's address; empty where the edge named none or several.
std::string ForwardedAddressOf(const ClientMetadata& metadata);

// The steps, for tests: `escaped` to DER, and all URI SANs of a certificate in DER.
absl::StatusOr<std::string> DecodeEscapedCertificate(absl::string_view escaped);
absl::StatusOr<std::vector<std::string>> UriSansOf(absl::string_view der);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_EDGE_IDENTITY_H_
