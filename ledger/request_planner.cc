#include "ledger/request_planner.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::string_view View(const Mac128& mac) {
  return absl::string_view(reinterpret_cast<const char*>(mac.data()), mac.size());
}

RequestPlan Refuse(absl::Status status) {
  RequestPlan plan;
  plan.refusal = std::move(status);
  return plan;
}

}  // namespace

Mac128 ConflictIdentity(absl::string_view dedup_key, const Mac128& identity, uint64_t n) {
  std::string number;
  PutU64(number, n);
  const Hash mac = HmacSha256(
      dedup_key, {absl::string_view("conflict", sizeof("conflict")), View(identity), number});
  Mac128 out;
  std::copy_n(mac.bytes.begin(), out.size(), out.begin());
  return out;
}

RequestPlanner::RequestPlanner(const LedgerLimits& limits, absl::string_view dedup_key,
                               Engine& engine, IdentityIndex& identities, StreamTable& streams,
                               const Erasures& erasures)
    : max_conflicts_(limits.max_conflicts_per_identity),
      dedup_key_(dedup_key),
      engine_(engine),
      identities_(identities),
      streams_(streams),
      erasures_(erasures) {}

void RequestPlanner::Begin(uint64_t next_index) {
  first_index_ = next_index;
  plan_ = {};
  pending_.clear();
  added_.clear();
}

absl::StatusOr<RequestPlan> RequestPlanner::Add(std::vector<SealedEvent>& events) {
  absl::flat_hash_map<Mac128, size_t> first_here;
  first_here.reserve(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const auto [at, inserted] = first_here.emplace(events[i].identity_mac, i);
    if (inserted || events[at->second].event_mac == events[i].event_mac) continue;
    return Refuse(absl::InvalidArgumentError(
        absl::StrCat("events[", at->second, "] and events[", i, "] have one identity and differ")));
  }
  ASSIGN_OR_RETURN(const std::vector<Finding> findings, Classify(events));
  const auto has = [&findings](Verdict verdict) {
    return std::find_if(findings.begin(), findings.end(),
                        [verdict](const Finding& f) { return f.verdict == verdict; });
  };
  if (has(Verdict::kConflict) != findings.end()) return RefuseConflict(events, findings);
  const auto erased = has(Verdict::kErased);
  if (erased != findings.end()) {
    return Refuse(Erased(static_cast<size_t>(erased - findings.begin()), erased->index));
  }
  return Accept(events, findings);
}

absl::Status RequestPlanner::Erased(size_t position, uint64_t index) const {
  // None where a secret was destroyed without an entry, by an earlier version.
  const std::optional<uint64_t> by = erasures_.ErasedBy(index);
  std::map<std::string, std::string> metadata = {{"index", absl::StrCat(index)}};
  if (by.has_value()) metadata["erased_by"] = absl::StrCat(*by);
  return WithReason(absl::FailedPreconditionError(
                        absl::StrCat("events[", position, "] was recorded as entry ", index,
                                     by.has_value() ? absl::StrCat(" and was erased by entry ", *by)
                                                    : " and has been erased since")),
                    kReasonEventErased, metadata);
}

absl::StatusOr<RequestPlan> RequestPlanner::AddOwn(NewEntry entry) {
  if (entry.identity.has_value()) {
    ASSIGN_OR_RETURN(const std::optional<Known> known, Find(entry.identity->identity_mac));
    if (known.has_value()) {
      return Refuse(WithReason(absl::AlreadyExistsError(absl::StrCat(
                                   "an event of this id stands behind entry ", known->index)),
                               kReasonEventIdConflict,
                               {{"first_index", absl::StrCat(known->index)}}));
    }
  }
  RequestPlan plan;
  plan.events.push_back({next_index(), false});
  Push(std::move(entry));
  return plan;
}

absl::StatusOr<std::optional<RequestPlanner::Known>> RequestPlanner::Find(const Mac128& identity) {
  const auto here = pending_.find(identity);
  if (here != pending_.end()) return here->second;
  ASSIGN_OR_RETURN(const std::optional<uint64_t> index, identities_.Lookup(identity));
  if (!index.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string bytes, engine_.Read(RecordKind::kIdentity, *index));
  ASSIGN_OR_RETURN(const IdentityRecord record, ParseIdentityRecord(bytes));
  if (record.identity_mac != identity) {
    return absl::DataLossError(
        absl::StrCat("the identity index names entry ", *index, ", which has another identity"));
  }
  return Known{*index, record.event_mac};
}

absl::StatusOr<std::vector<RequestPlanner::Finding>> RequestPlanner::Classify(
    const std::vector<SealedEvent>& events) {
  std::vector<Finding> findings;
  findings.reserve(events.size());
  for (const SealedEvent& event : events) {
    ASSIGN_OR_RETURN(const std::optional<Known> known, Find(event.identity_mac));
    Finding finding;
    if (known.has_value()) {
      finding.index = known->index;
      // From its erasure entry on, also before the MAC is zeroed.
      const bool erased =
          known->event_mac == Mac128{} || erasures_.ErasedBy(known->index).has_value();
      const bool same = known->event_mac == event.event_mac;
      finding.verdict = erased ? Verdict::kErased : same ? Verdict::kRepeat : Verdict::kConflict;
    }
    findings.push_back(finding);
  }
  return findings;
}

absl::StatusOr<RequestPlan> RequestPlanner::RefuseConflict(std::vector<SealedEvent>& events,
                                                           const std::vector<Finding>& findings) {
  RequestPlan plan;
  for (size_t i = 0; i < events.size(); ++i) {
    if (findings[i].verdict != Verdict::kConflict) continue;
    ASSIGN_OR_RETURN(const Evidence evidence, KeepEvidence(events[i], findings[i].index));
    ++plan.conflicts;
    if (!plan.refusal.ok()) continue;  // the first one is named
    plan.refusal = WithReason(
        absl::AlreadyExistsError(absl::StrCat(
            "events[", i, "] differs from entry ", findings[i].index,
            ", which has the same principal, stream and event id; ",
            evidence.kept ? "the refused event is kept as evidence in entry "
                          : "it is not kept, since there is evidence enough, or evidence was "
                            "erased, the last in entry ",
            evidence.index)),
        kReasonEventIdConflict,
        {{"first_index", absl::StrCat(findings[i].index)},
         {"conflict_index", absl::StrCat(evidence.index)},
         {"position", absl::StrCat(i)}});
  }
  return plan;
}

// The conflict entry that holds `event`, which is made unless it is there or enough others are.
absl::StatusOr<RequestPlanner::Evidence> RequestPlanner::KeepEvidence(SealedEvent& event,
                                                                      uint64_t first_index) {
  Evidence last;
  for (uint64_t n = 0; n < max_conflicts_; ++n) {
    const Mac128 identity = ConflictIdentity(dedup_key_, event.identity_mac, n);
    ASSIGN_OR_RETURN(const std::optional<Known> known, Find(identity));
    if (!known.has_value()) {
      last = {next_index(), true};
      Push(ConflictEntry(event, identity, first_index));
      return last;
    }
    last = {known->index, known->event_mac == event.event_mac};
    if (last.kept || known->event_mac == Mac128{}) return last;
  }
  return last;
}

RequestPlan RequestPlanner::Accept(std::vector<SealedEvent>& events,
                                   const std::vector<Finding>& findings) {
  RequestPlan plan;
  for (size_t i = 0; i < events.size(); ++i) {
    PlannedEvent place{findings[i].index, findings[i].verdict == Verdict::kRepeat};
    if (!place.repeated) {
      // The same event may stand twice in one request: then the first of them is pending by now.
      const auto here = pending_.find(events[i].identity_mac);
      place.repeated = here != pending_.end();
      place.index = place.repeated ? here->second.index : next_index();
      if (!place.repeated) Push(EventEntry(events[i], StreamOf(events[i], plan)));
    }
    plan.events.push_back(place);
  }
  return plan;
}

uint32_t RequestPlanner::StreamOf(const SealedEvent& event, RequestPlan& plan) {
  if (event.stream_sequence == 0) return kGapsUnknown;
  const StreamTable::Number number = streams_.NumberOf(event.principal, event.stream_id);
  if (number.number == kGapsUnknown) ++plan.over_cap;
  if (number.is_new) {
    plan_.stream_records.emplace_back(number.number,
                                      EncodeStreamRecord(event.principal, event.stream_id));
  }
  return number.number;
}

void RequestPlanner::Push(NewEntry entry) {
  if (entry.identity.has_value()) {
    pending_[entry.identity->identity_mac] = {next_index(), entry.identity->event_mac};
  }
  added_.push_back(entry.identity);
  plan_.entries.push_back(std::move(entry));
}

CommitPlan RequestPlanner::Take() { return std::move(plan_); }

absl::Status RequestPlanner::Committed() {
  for (size_t i = 0; i < added_.size(); ++i) {
    if (!added_[i].has_value()) continue;
    RETURN_IF_ERROR(identities_.Insert(added_[i]->identity_mac, first_index_ + i));
    streams_.Received(added_[i]->stream_number, added_[i]->stream_sequence);
  }
  return identities_.Advance(first_index_ + added_.size());
}

}  // namespace auditledger
