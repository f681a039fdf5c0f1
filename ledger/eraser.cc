#include "ledger/eraser.h"

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/carry_out.h"
#include "ledger/errors.h"
#include "ledger/posix_file.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Of the ledger's own events (api/access/principal.h); no caller can have such a name.
constexpr char kLedgerPrincipalPrefix[] = "ledger:";

// One that erases a hundred thousand entries takes a minute.
constexpr char kBusyRetryMillis[] = "1000";

// Takes the one place, if it is free, until it goes.
class Place {
 public:
  explicit Place(std::atomic<bool>& busy) : busy_(busy), taken_(!busy.exchange(true)) {}
  ~Place() {
    if (taken_) busy_ = false;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  absl::Status status() const {
    if (taken_) return absl::OkStatus();
    return WithReason(absl::ResourceExhaustedError("another erasure or hold is under way"),
                      kReasonOverloaded, {{"retry_after_ms", kBusyRetryMillis}});
  }

 private:
  std::atomic<bool>& busy_;
  const bool taken_;
};

std::map<std::string, std::string> At(absl::string_view key, uint64_t index) {
  return {{std::string(key), absl::StrCat(index)}};
}

absl::Status NoRequest(uint64_t index) {
  return WithReason(
      absl::NotFoundError(absl::StrCat("entry ", index, " is no request for an erasure")),
      kReasonNoSuchRequest, At("index", index));
}

absl::Status Erased(const ErasureHistory::Erased& erased) {
  return WithReason(
      absl::FailedPreconditionError(
          absl::StrCat("entry ", erased.index, " was erased by entry ", erased.by)),
      kReasonEventErased,
      {{"index", absl::StrCat(erased.index)}, {"erased_by", absl::StrCat(erased.by)}});
}

absl::Status Held(uint64_t hold) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat("the legal hold of entry ", hold,
                                                               " stands on some of these entries")),
                    kReasonLegalHold, At("hold", hold));
}

// What the caller alone has of its entry.
void AddOpening(std::string seed, std::string header, AppendOutcome& outcome) {
  outcome.entries.front().seed = std::move(seed);
  outcome.entries.front().header = std::move(header);
}

}  // namespace

absl::StatusOr<AppendOutcome> Eraser::Append(EntryKind kind, std::string body, SealedEvent event) {
  std::string seed = event.seed;
  std::string header = event.header;
  std::promise<absl::StatusOr<AppendOutcome>> promise;
  auto answer = promise.get_future();
  parts_.committer->AppendOwn(
      OwnEventEntry(kind, std::move(body), event),
      [&promise](absl::StatusOr<AppendOutcome> outcome) { promise.set_value(std::move(outcome)); });
  ASSIGN_OR_RETURN(AppendOutcome outcome, answer.get());
  AddOpening(std::move(seed), std::move(header), outcome);
  return outcome;
}

absl::StatusOr<AppendOutcome> Eraser::Request(const ErasureScope& scope, SealedEvent why) {
  const Place place(busy_);
  RETURN_IF_ERROR(place.status());
  ASSIGN_OR_RETURN(std::string body, EncodeErasureRequest(scope));
  RETURN_IF_ERROR(CheckErasable(scope));
  return Append(EntryKind::kErasureRequest, std::move(body), std::move(why));
}

absl::StatusOr<AppendOutcome> Eraser::Erase(uint64_t request, SealedEvent approval) {
  const Place place(busy_);
  RETURN_IF_ERROR(place.status());
  ASSIGN_OR_RETURN(OpenRequest open, LoadRequest(request));
  if (open.principal == approval.principal && !parts_.rules.one_person) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "the request of entry ", request,
                          " is to be approved by another principal than the one who asked")),
                      kReasonSecondPersonNeeded, At("index", request));
  }
  RETURN_IF_ERROR(CheckErasable(open.scope));
  ASSIGN_OR_RETURN(std::string body, EncodeErasure({open.scope, request}));
  ASSIGN_OR_RETURN(AppendOutcome outcome,
                   Append(EntryKind::kErasure, std::move(body), std::move(approval)));
  RETURN_IF_ERROR(CarryOut(outcome.entries.front().index, open.scope.ranges));
  return outcome;
}

absl::StatusOr<AppendOutcome> Eraser::Hold(const LegalHold& hold, SealedEvent why) {
  const Place place(busy_);
  RETURN_IF_ERROR(place.status());
  ASSIGN_OR_RETURN(std::string body, EncodeLegalHold(hold));
  if (hold.lifts && !parts_.erasures->HoldStands(hold.placed)) {
    return WithReason(absl::NotFoundError(absl::StrCat("entry ", hold.placed,
                                                       " placed no legal hold, or it was lifted")),
                      kReasonNoSuchHold, At("index", hold.placed));
  }
  const uint64_t size = parts_.feed->head()->head.size;
  if (!hold.ranges.empty() && hold.ranges.back().last >= size) {
    return BeyondSize(hold.ranges.back().last, size);
  }
  return Append(EntryKind::kLegalHold, std::move(body), std::move(why));
}

absl::StatusOr<Eraser::OpenRequest> Eraser::LoadRequest(uint64_t index) const {
  const auto request = parts_.erasures->FindRequest(index);
  if (!request.has_value()) return NoRequest(index);
  if (request->done_by.has_value()) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the request of entry ", index, " was carried out by entry ", *request->done_by)),
        kReasonRequestDone,
        {{"index", absl::StrCat(index)}, {"erased_by", absl::StrCat(*request->done_by)}});
  }
  ASSIGN_OR_RETURN(const StoredEntry stored, parts_.reader->Read(index, /*with_opening=*/true));
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(stored.leaf));
  OpenRequest open;
  ASSIGN_OR_RETURN(open.scope, ParseErasureRequest(leaf.body));
  if (!stored.opening.has_value()) return NoRequest(index);
  ASSIGN_OR_RETURN(const EntryHeader header, ParseHeader(stored.opening->header));
  open.principal = header.principal;
  const uint64_t now_us = parts_.clock->WallMicros();
  if (now_us > leaf.recorded_at_us &&
      now_us - leaf.recorded_at_us > parts_.rules.request_lifetime_us) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat("the request of entry ", index, " has expired: ask again")),
                      kReasonRequestExpired, At("index", index));
  }
  return open;
}

absl::Status Eraser::CheckErasable(const ErasureScope& scope) const {
  const uint64_t size = parts_.feed->head()->head.size;
  if (scope.ranges.back().last >= size) return BeyondSize(scope.ranges.back().last, size);
  const uint64_t count = CountEntries(scope.ranges);
  if (count > parts_.rules.max_entries) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrCat(count, " entries in one erasure, at most ",
                                                  parts_.rules.max_entries, ": divide it")),
        kReasonErasureTooLarge);
  }
  if (parts_.erasures->ranges() + scope.ranges.size() > kMaxErasedRanges) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrCat("the ledger knows of ", parts_.erasures->ranges(),
                                                  " pieces that were erased, and at most of ",
                                                  kMaxErasedRanges, ": go on in a successor")),
        kReasonErasureTooLarge);
  }
  const auto erased = parts_.erasures->FirstErased(scope.ranges);
  if (erased.has_value()) return Erased(*erased);
  const auto held = parts_.erasures->HeldBy(scope.ranges);
  if (held.has_value()) return Held(*held);
  for (const EntryRange& range : scope.ranges) RETURN_IF_ERROR(CheckKinds(range));
  return absl::OkStatus();
}

// Whoever read a chart must not be able to erase that they did.
absl::Status CheckNotTheLedgers(const StoredEntry& entry) {
  if (!entry.opening.has_value()) return absl::OkStatus();
  const absl::StatusOr<EntryHeader> header = ParseHeader(entry.opening->header);
  if (!header.ok()) return Corrupt(absl::DataLossError(header.status().message()));
  if (!absl::StartsWith(header->principal, kLedgerPrincipalPrefix)) return absl::OkStatus();
  return WithReason(absl::InvalidArgumentError(absl::StrCat(
                        "entry ", entry.index,
                        " is the ledger's own (who read or was refused): it stands for ever; name "
                        "the entries around it")),
                    kReasonNotErasable, At("index", entry.index));
}

absl::Status Eraser::CheckKinds(const EntryRange& range) const {
  absl::Status wrong;
  const auto check = [this, &wrong](const StoredEntry& entry) {
    const absl::StatusOr<Leaf> leaf = ParseLeaf(entry.leaf);
    if (leaf.ok() && (leaf->kind == EntryKind::kEvent || leaf->kind == EntryKind::kConflict)) {
      const absl::StatusOr<StoredEntry> opened = parts_.reader->Read(entry.index, true);
      // One that is damaged cannot be told, and may be erased.
      if (opened.ok()) wrong = CheckNotTheLedgers(*opened);
      return wrong.ok();
    }
    wrong = leaf.ok() ? WithReason(absl::InvalidArgumentError(absl::StrCat(
                                       "entry ", entry.index, " is the ledger's own (",
                                       EntryKindName(leaf->kind), "): it stands for ever")),
                                   kReasonNotErasable, At("index", entry.index))
                      : Corrupt(absl::DataLossError(leaf.status().message()));
    return false;
  };
  RETURN_IF_ERROR(parts_.reader->ReadRange(range.first, range.last + 1, false, check));
  return wrong;
}

// The entry stands: what fails from here on the next start finishes, and nothing may go on as if
// nothing had happened.
absl::Status Eraser::CarryOut(uint64_t erasure, const EntryRanges& ranges) {
  absl::Status status = CarryOutErasure(ranges, *parts_.engine, parts_.seeds);
  if (status.ok()) {
    parts_.erasures->SetCarriedOut(erasure);
    status = parts_.erasures->Save(parts_.feed->head()->head.size);
  }
  if (status.ok()) return status;
  const absl::Status failed = absl::UnavailableError(
      absl::StrCat("entry ", erasure, " says what is erased, and destroying it failed; the next ",
                   "start goes on with it: ", status.message()));
  parts_.committer->Fail(
      failed, parts_.engine->SyncFailed() || parts_.seeds->SyncFailed() || IsSyncFailure(status));
  return WithReason(failed, kReasonStorageFailed);
}

absl::Status Eraser::FinishPending() {
  for (const uint64_t index : parts_.erasures->Pending(parts_.feed->head()->head.size)) {
    ASSIGN_OR_RETURN(const StoredEntry stored, parts_.reader->Read(index, /*with_opening=*/false));
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(stored.leaf));
    ASSIGN_OR_RETURN(const Erasure erasure, ParseErasure(leaf.body));
    RETURN_IF_ERROR(CarryOut(index, erasure.scope.ranges));
  }
  return absl::OkStatus();
}

}  // namespace auditledger
