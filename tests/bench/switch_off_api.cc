// The service's parts of switch_off.h: roles, masks, the log of the log.
#include <optional>
#include <utility>

#include "api/access/access_log.h"
#include "api/access/authorizer.h"
#include "api/secret_mask.h"
#include "tests/bench/switch_off.h"

namespace auditledger {

// As in switch_off.cc. Members: the object comes first.
#define AUDITLEDGER_WRAPPED(symbol, declaration, real) \
  declaration asm("__wrap_" symbol);                   \
  real asm("__real_" symbol)

AUDITLEDGER_WRAPPED(
    "_ZNK11auditledger10Authorizer6ScreenERKNS_9PrincipalEN4absl7debian311string_"
    "viewE",
    absl::Status WrapScreen(const Authorizer*, const Principal&, absl::string_view),
    absl::Status RealScreen(const Authorizer*, const Principal&, absl::string_view));
AUDITLEDGER_WRAPPED(
    "_ZNK11auditledger10Authorizer5AllowERKNS_9PrincipalEN4absl7debian311string_"
    "viewERKNS_13AccessRequestE",
    absl::Status WrapAllow(const Authorizer*, const Principal&, absl::string_view,
                           const AccessRequest&),
    absl::Status RealAllow(const Authorizer*, const Principal&, absl::string_view,
                           const AccessRequest&));
AUDITLEDGER_WRAPPED("_ZN11auditledger11MaskSecretsEN4absl7debian311string_viewE",
                    std::optional<MaskedEvent> WrapMask(absl::string_view),
                    std::optional<MaskedEvent> RealMask(absl::string_view));
AUDITLEDGER_WRAPPED(
    "_ZN11auditledger9AccessLog6RecordERNS_6LedgerENS_"
    "10AccessReadEN4absl7debian312AnyInvocableIFvNS5_6StatusEEEE",
    void WrapRecord(AccessLog*, Ledger&, AccessRead, AccessLog::Done),
    void RealRecord(AccessLog*, Ledger&, AccessRead, AccessLog::Done));

absl::Status WrapScreen(const Authorizer* authorizer, const Principal& principal,
                        absl::string_view method) {
  if (IsOff(Part::kRoles)) return absl::OkStatus();
  return RealScreen(authorizer, principal, method);
}

absl::Status WrapAllow(const Authorizer* authorizer, const Principal& principal,
                       absl::string_view method, const AccessRequest& request) {
  if (IsOff(Part::kRoles)) return absl::OkStatus();
  return RealAllow(authorizer, principal, method, request);
}

std::optional<MaskedEvent> WrapMask(absl::string_view event) {
  if (IsOff(Part::kMasks)) return std::nullopt;
  return RealMask(event);
}

void WrapRecord(AccessLog* log, Ledger& ledger, AccessRead read, AccessLog::Done done) {
  if (IsOff(Part::kAccessLog)) return done(absl::OkStatus());
  RealRecord(log, ledger, std::move(read), std::move(done));
}

}  // namespace auditledger
