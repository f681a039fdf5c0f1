#include "api/access/uri_principal.h"

#include "absl/strings/str_cat.h"
#include "api/access/principal.h"
#include "api/status.h"
#include "ledger/errors.h"

namespace auditledger {

absl::Status RefuseCertificate(absl::string_view why) {
  return WithReason(absl::UnauthenticatedError(absl::StrCat("client certificate: ", why)),
                    kReasonUnauthenticated);
}

absl::StatusOr<std::string> UriPrincipal(const std::vector<absl::string_view>& uris) {
  if (uris.size() != 1) {
    return RefuseCertificate(
        absl::StrCat("has ", uris.size(), " URI subject alternative names, must have exactly one"));
  }
  const absl::string_view name = uris[0];
  const absl::Status claimed = CheckForeignName(name);
  if (!claimed.ok()) return RefuseCertificate(absl::StrCat("its URI ", claimed.message()));
  return std::string(name);
}

}  // namespace auditledger
