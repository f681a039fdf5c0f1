#include "api/ack.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "api/cosigner.h"
#include "api/names.h"
#include "api/status.h"
#include "api/witnessing.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::StatusOr<Cosigner*> FindCosigner(ServiceContext& context, const std::string& ledger) {
  ASSIGN_OR_RETURN(const std::string id, ParseLedgerName("ledger", ledger));
  Cosigner* const found = context.witnessing == nullptr ? nullptr : context.witnessing->Find(id);
  if (found != nullptr) return found;
  return WithReason(
      absl::FailedPreconditionError("this ledger has no witness policy: nobody cosigns its heads"),
      kReasonNoWitnessPolicy, {{"ledger", LedgerName(id)}});
}

}  // namespace

absl::StatusOr<Cosigner*> CosignerFor(ServiceContext& context, const std::string& ledger,
                                      absl::string_view field, v1::AckLevel ack) {
  if (!v1::AckLevel_IsValid(ack)) return InvalidField(field, "is not a value this server knows");
  if (ack != v1::ACK_LEVEL_WITNESSED) return nullptr;
  return FindCosigner(context, ledger);
}

AppendCallback WithAck(Cosigner* cosigner, AppendCallback done) {
  if (cosigner == nullptr) return done;
  return [cosigner, done = std::move(done)](absl::StatusOr<AppendOutcome> outcome) mutable {
    if (!outcome.ok()) return done(std::move(outcome));
    std::vector<uint64_t> indices;
    size_t bytes = 0;
    for (const AppendedEntry& entry : outcome->entries) {
      indices.push_back(entry.index);
      bytes += entry.leaf.size() + entry.header.size() + entry.seed.size();
    }
    cosigner->WhenWitnessed(std::move(indices), bytes,
                            [outcome = *std::move(outcome), done = std::move(done)](
                                absl::StatusOr<WitnessedEntries> witnessed) mutable {
                              if (!witnessed.ok()) return done(witnessed.status());
                              outcome.head = witnessed->head;
                              for (size_t i = 0; i < outcome.entries.size(); ++i) {
                                outcome.entries[i].inclusion = std::move(witnessed->inclusion[i]);
                              }
                              done(std::move(outcome));
                            });
  };
}

absl::StatusOr<HeadPtr> HeadFor(ServiceContext& context, Ledger& ledger, const std::string& name,
                                bool witnessed) {
  if (!witnessed) return ledger.head();
  ASSIGN_OR_RETURN(Cosigner* const cosigner, FindCosigner(context, name));
  HeadPtr head = cosigner->witnessed();
  if (head != nullptr) return head;
  return WithReason(absl::UnavailableError("no head has been cosigned by a quorum yet"),
                    kReasonWitnessesUnavailable,
                    {{"retry_after_ms", absl::StrCat(kWitnessedRetryMs)}});
}

void AddWitnessing(ServiceContext& context, const std::string& ledger_id, bool full_reasons,
                   v1::Ledger& ledger) {
  Cosigner* const cosigner =
      context.witnessing == nullptr ? nullptr : context.witnessing->Find(ledger_id);
  if (cosigner == nullptr) return;
  *ledger.mutable_witnessing() = ToWitnessing(cosigner->Report(), full_reasons);
}

}  // namespace auditledger
