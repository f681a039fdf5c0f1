// What an edge passes on as its client's certificate: refused, or one certificate that is read the
// same way again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/access/edge_identity.h"
#include "api/access/uri_principal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)UriSansOf(text);
  const ClientMetadata metadata = {{kForwardedCertificate, text}, {kForwardedAddress, text}};
  const auto principal = ForwardedPrincipal(metadata);
  const auto der = DecodeEscapedCertificate(text);
  if (!principal.ok()) return 0;
  if (!der.ok() || !UriPrincipal({*principal}).ok()) std::abort();
  const auto uris = UriSansOf(*der);
  if (!uris.ok() || uris->size() != 1 || uris->front() != *principal) std::abort();
  return 0;
}
