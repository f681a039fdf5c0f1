#include "ledger/fsck_payloads.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ledger/identity_record.h"
#include "ledger/payload_cipher.h"
#include "ledger/request_planner.h"
#include "ledger/stream_table.h"
#include "merkle/sha256.h"
#include "merkle/system_entries.h"

namespace auditledger {

void PayloadCheck::Check(const CheckedEntry& entry) {
  if (!entry.has_leaf) return;
  if (ErasureHistory::Takes(entry.leaf.kind)) CheckErasure(entry);
  const auto wrong = [&](FindingPart part, absl::string_view what) {
    findings_.AddEntry(part, entry.index, what);
  };
  const absl::StatusOr<SeedStore::State> state = seeds_.StateOf(entry.index);
  if (!state.ok()) {
    return wrong(FindingPart::kSecret,
                 absl::StrCat("its slot in the key store: ", state.status().message()));
  }
  if (!entry.leaf.commitment.has_value()) {
    if (*state == SeedStore::State::kEmpty) return;
    return wrong(FindingPart::kSecret, "it has a slot in the key store and no payload");
  }
  if (*state == SeedStore::State::kErased) return AddDestroyed(entry.index);
  if (!entry.has_payload) return wrong(FindingPart::kPayload, "its payload is missing");
  if (*state == SeedStore::State::kEmpty) {
    return wrong(FindingPart::kSecret, "its slot in the key store is empty");
  }
  const absl::StatusOr<std::string> secret = seeds_.Get(entry.index);
  if (absl::IsNotFound(secret.status())) return AddDestroyed(entry.index);  // since
  if (!secret.ok()) return wrong(FindingPart::kSecret, secret.status().message());
  absl::StatusOr<Payload> payload =
      DecryptPayload(*secret, origin_, *entry.leaf.commitment, entry.payload);
  if (!payload.ok()) return wrong(FindingPart::kPayload, payload.status().message());
  const Opening opening{std::move(payload->seed), std::move(payload->header),
                        std::move(payload->event)};
  const absl::Status opens = VerifyOpening(entry.leaf, opening, keys_.index_key.Reveal());
  if (!opens.ok()) return wrong(FindingPart::kPayload, opens.message());
  ++opened_;
  if (entry.identity.has_value()) CheckIdentity(entry, opening);
}

void PayloadCheck::CheckIdentity(const CheckedEntry& entry, const Opening& opening) {
  const absl::StatusOr<EntryHeader> header = ParseHeader(opening.header);
  if (!header.ok()) return;  // VerifyOpening has parsed it
  const HmacKey dedup_key(keys_.dedup_key.Reveal());
  const Mac128 identity =
      IdentityMac(dedup_key, header->principal, header->stream_id, header->event_id);
  const IdentityRecord& record = *entry.identity;
  // Of an event with masked secrets it is that of the event as it came, which nobody has.
  const bool has_all = (header->flags & kFlagSecretsMasked) == 0;
  if (has_all && record.event_mac != EventMac(dedup_key, identity, opening.event)) {
    findings_.AddEntry(FindingPart::kIdentity, entry.index,
                       "its record has the MAC of another event");
  }
  if (!IdentityFits(entry, identity)) {
    findings_.AddEntry(FindingPart::kIdentity, entry.index,
                       "its record has another identity than its event");
  }
  CheckStream(entry, *header);
}

// A refused event has not arrived: its record has neither stream nor sequence.
void PayloadCheck::CheckStream(const CheckedEntry& entry, const EntryHeader& header) {
  const IdentityRecord& record = *entry.identity;
  const bool refused = entry.leaf.kind == EntryKind::kConflict;
  if (record.stream_sequence != (refused ? 0 : header.stream_sequence)) {
    findings_.AddEntry(FindingPart::kIdentity, entry.index,
                       "its record has another sequence than its event");
  }
  if (record.stream_number == kGapsUnknown) return;
  if (!streams_.has_value()) ReadStreams();
  const auto stream = streams_->find(record.stream_number);
  const Hash wanted = Sha256({EncodeStreamRecord(header.principal, header.stream_id)});
  if (!refused && stream != streams_->end() && stream->second == wanted) return;
  findings_.AddEntry(FindingPart::kIdentity, entry.index,
                     "its record names another stream than its event");
}

void PayloadCheck::ReadStreams() {
  streams_.emplace();
  const absl::Status scanned =
      engine_.ScanStreams([this](uint32_t number, absl::string_view record) {
        streams_->emplace(number, Sha256({record}));
        return true;
      });
  if (!scanned.ok()) findings_.Add(FindingPart::kStream, scanned.message());
}

void PayloadCheck::AddDestroyed(uint64_t index) {
  if (!destroyed_.empty() && destroyed_.back().last + 1 == index) {
    destroyed_.back().last = index;
  } else {
    destroyed_.push_back({index, index});
  }
}

void PayloadCheck::CheckErasure(const CheckedEntry& entry) {
  const absl::Status fits = erasures_.Add(entry.index, entry.leaf.kind, entry.leaf.body);
  if (!fits.ok()) {
    return findings_.AddEntry(FindingPart::kLeaf, entry.index, absl::StrCat("it ", fits.message()));
  }
  if (entry.leaf.kind != EntryKind::kErasure) return;
  // One that is being carried out at this moment is half done.
  if (serving_ != nullptr && !serving_->IsCarriedOut(entry.index)) return;
  const absl::StatusOr<Erasure> erasure = ParseErasure(entry.leaf.body);
  if (!erasure.ok()) return;  // it fits
  for (const EntryRange& range : erasure->scope.ranges) {
    for (uint64_t i = range.first; i <= range.last; ++i) CheckForgotten(i, entry.index);
  }
}

void PayloadCheck::CheckForgotten(uint64_t index, uint64_t erasure) {
  const auto there = [&](FindingPart part, absl::string_view what) {
    findings_.AddEntry(part, index,
                       absl::StrCat(what, " still there, though entry ", erasure,
                                    " erased it: a start destroys it"));
  };
  const absl::StatusOr<SeedStore::State> state = seeds_.StateOf(index);
  if (state.ok() && *state == SeedStore::State::kPresent)
    there(FindingPart::kSecret, "its secret is");
  if (engine_.Read(RecordKind::kPayload, index).ok())
    there(FindingPart::kPayload, "its payload is");
  const absl::StatusOr<std::string> bytes = engine_.Read(RecordKind::kIdentity, index);
  const auto record = bytes.ok() ? ParseIdentityRecord(*bytes) : bytes.status();
  if (record.ok() && record->event_mac != Mac128{}) {
    there(FindingPart::kIdentity, "the MAC of its event is");
  }
}

void PayloadCheck::Finish() {
  for (const EntryRange& range : destroyed_) {
    for (uint64_t i = range.first; i <= range.last; ++i) {
      if (erasures_.ErasedBy(i).has_value()) continue;
      // By an entry beyond the head that is checked.
      if (serving_ != nullptr && serving_->ErasedBy(i).has_value()) continue;
      findings_.AddEntry(FindingPart::kSecret, i,
                         "its secret was destroyed without an erasure entry");
    }
  }
}

// Evidence of a conflict stands under an identity of its own, and names the entry that has the
// event's.
bool PayloadCheck::IdentityFits(const CheckedEntry& entry, const Mac128& identity) const {
  if (entry.leaf.kind != EntryKind::kConflict) return entry.identity->identity_mac == identity;
  const absl::StatusOr<Conflict> conflict = ParseConflict(entry.leaf.body);
  if (!conflict.ok() || conflict->first_index >= entry.index) return false;
  const auto bytes = engine_.Read(RecordKind::kIdentity, conflict->first_index);
  if (!bytes.ok()) return false;
  const absl::StatusOr<IdentityRecord> first = ParseIdentityRecord(*bytes);
  if (!first.ok() || first->identity_mac != identity) return false;
  for (uint64_t n = 0; n < max_conflicts_; ++n) {
    if (entry.identity->identity_mac == ConflictIdentity(keys_.dedup_key.Reveal(), identity, n)) {
      return true;
    }
  }
  return false;
}

}  // namespace auditledger
