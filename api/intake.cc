#include "api/intake.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/call.h"
#include "api/event_rules.h"
#include "api/names.h"
#include "api/secret_mask.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/commitment.h"
#include "merkle/ed25519_verify.h"
#include "merkle/header.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

void CheckSeal(const v1::EmitterSeal& seal, absl::string_view path,
               std::vector<FieldViolation>& out) {
  const auto length = [&](const std::string& value, size_t bytes, absl::string_view field) {
    if (value.size() == bytes) return;
    out.push_back({absl::StrCat(path, ".", field), absl::StrCat("must have ", bytes, " bytes")});
  };
  length(seal.seed(), kSeedBytes, "seed");
  length(seal.public_key(), kEd25519PublicKeyBytes, "public_key");
  length(seal.signature(), kEd25519SignatureBytes, "signature");
}

// Overwrites secrets in `input`'s event; where its emitter has signed it, refuses them instead.
void MaskIn(const v1::AppendEventRequest& request, absl::string_view path, SealInput& input,
            std::vector<FieldViolation>& out) {
  std::optional<MaskedEvent> masked = MaskSecrets(input.event);
  if (!masked.has_value()) return;
  if (!request.has_seal()) {
    input.as_received = std::exchange(input.event, std::move(masked->event));
    input.flags |= kFlagSecretsMasked;
    return;
  }
  for (const std::string& field : masked->fields) {
    out.push_back({absl::StrCat(path, ".", field),
                   "holds what looks like a password, key or token, and the event is sealed by its "
                   "emitter: overwrite it with '*' before sealing"});
  }
}

SealInput ToSealInput(const v1::AppendEventRequest& request, const Principal& principal,
                      std::string event, uint64_t flags, uint64_t now_us) {
  SealInput input;
  input.event = std::move(event);
  input.principal = principal.name;
  input.stream_id = request.event().source().stream_id();
  input.event_id = request.event().event_id();
  input.stream_sequence = request.event().source().stream_sequence();
  input.flags = flags;
  input.received_at_us = now_us;
  if (request.has_seal()) {
    input.emitter_seal = EmitterSealInput{
        request.seal().seed(), {request.seal().public_key(), request.seal().signature()}};
  }
  return input;
}

}  // namespace

absl::StatusOr<Ledger*> FindLedger(const Call& call, absl::string_view field,
                                   absl::string_view name) {
  ASSIGN_OR_RETURN(const std::string id, ParseLedgerName(field, name));
  if (LedgerName(id) != call.authorized_ledger()) {
    return WithReason(absl::PermissionDeniedError("the call was authorised for another ledger"),
                      kReasonPermissionDenied);
  }
  absl::StatusOr<Ledger*> found = call.context().ledgers.Find(id);
  RateLimiter* const rates = call.context().rates;
  if (found.ok() && rates != nullptr) RETURN_IF_ERROR(rates->TakeLedgerCall((*found)->origin()));
  if (found.ok()) return found;
  if (absl::IsNotFound(found.status())) {
    return WithResource(WithReason(absl::NotFoundError("no such ledger"), kReasonLedgerNotFound,
                                   {{"ledger", LedgerName(id)}}),
                        "auditledger.v1.Ledger", LedgerName(id));
  }
  return WithReason(absl::FailedPreconditionError(
                        "this ledger was not opened; GetServerStatus tells an operator why"),
                    kReasonLedgerRefused, {{"ledger", LedgerName(id)}});
}

absl::StatusOr<std::vector<SealedEvent>> SealEvents(
    ServiceContext& context, Ledger& ledger, const Principal& principal,
    const std::vector<const v1::AppendEventRequest*>& requests, bool indexed) {
  if (context.rates != nullptr) {
    RETURN_IF_ERROR(context.rates->TakeEvents(principal.name, ledger.origin(), principal.address,
                                              requests.size()));
  }
  const uint64_t now_us = context.clock.WallMicros();
  std::vector<SealInput> inputs;
  EventVerdict all;
  for (size_t i = 0; i < requests.size() && all.violations.size() < kMaxViolations; ++i) {
    const v1::AppendEventRequest& request = *requests[i];
    const std::string prefix = indexed ? absl::StrCat("requests[", i, "].") : "";
    if (!request.has_event()) {
      all.violations.push_back({prefix + "event", "is required and missing"});
      continue;
    }
    std::string bytes = request.event().SerializeAsString();
    EventVerdict verdict = CheckEvent(request.event(), bytes, context.limits.max_event_bytes,
                                      now_us, prefix + "event");
    if (request.has_seal()) CheckSeal(request.seal(), prefix + "seal", verdict.violations);
    SealInput input = ToSealInput(request, principal, std::move(bytes), verdict.flags, now_us);
    if (verdict.violations.empty()) MaskIn(request, prefix + "event", input, verdict.violations);
    all.too_large = all.too_large || verdict.too_large;
    all.ahead += verdict.ahead;
    for (FieldViolation& violation : verdict.violations)
      all.violations.push_back(std::move(violation));
    inputs.push_back(std::move(input));
  }
  if (all.violations.size() > kMaxViolations) all.violations.resize(kMaxViolations);
  RETURN_IF_ERROR(all.status());
  std::vector<SealedEvent> sealed;
  sealed.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    absl::StatusOr<SealedEvent> one = ledger.sealer().Seal(std::move(inputs[i]));
    if (absl::IsInvalidArgument(one.status())) {
      return InvalidField(absl::StrCat(indexed ? absl::StrCat("requests[", i, "].") : "", "event"),
                          one.status().message(), kReasonMalformedEvent);
    }
    RETURN_IF_ERROR(one.status());
    sealed.push_back(*std::move(one));
  }
  return sealed;
}

}  // namespace auditledger
