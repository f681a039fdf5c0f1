#include "verifier/bundle_entries.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/commitment.h"
#include "merkle/ed25519_verify.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/tags.h"
#include "merkle/units.h"
#include "merkle/verify.h"
#include "verifier/entry_check.h"

namespace auditledger {
namespace {

using Content = BundleEntry::Content;

void KeepFirst(std::string why, std::string& kept) {
  if (kept.empty()) kept = std::move(why);
}

bool MakesTags(uint32_t field) {
  return field == kEmergencyAccessField || field == kPatientField || field == kAgentField;
}

std::vector<UnitView> ShownUnits(const BundleEntry& entry) {
  std::vector<UnitView> shown;
  for (const BundlePart& unit : entry.units) {
    if (unit.rule == kShown) shown.push_back({unit.path, unit.bytes});
  }
  return shown;
}

// Whether a unit of this field, and subfield unless 0, is withheld.
bool Hides(const BundleEntry& entry, uint32_t field, uint32_t subfield) {
  return std::any_of(entry.units.begin(), entry.units.end(), [&](const BundlePart& unit) {
    return unit.rule != kShown && unit.path.field == field &&
           (subfield == 0 || unit.path.subfield == subfield);
  });
}

// Whether header and leaf say of the event what it says itself, as far as that is shown. DataLoss
// where they differ, InvalidArgument where what is shown is no event.
absl::Status CheckAgreement(const BundleEntry& entry, ShownEntry& out) {
  const std::vector<UnitView> shown = ShownUnits(entry);
  if (shown.size() == entry.units.size()) {
    std::vector<Unit> units;
    for (const UnitView& unit : shown) units.push_back({unit.path, std::string(unit.bytes)});
    RETURN_IF_ERROR(JoinUnits(units).status());
  }
  if (!Hides(entry, kRecordedField, 0)) {
    ASSIGN_OR_RETURN(const uint64_t time, EventTimeMicros(shown));
    if (time != entry.leaf.event_time_us) return absl::DataLossError("its time is not the event's");
  }
  if (entry.header.rule != kShown) return absl::OkStatus();
  ASSIGN_OR_RETURN(out.header, ParseHeader(entry.header.bytes));
  ASSIGN_OR_RETURN(const EventIdentity identity, ReadEventIdentity(shown));
  const bool differs =
      (!Hides(entry, kEventIdField, 0) && identity.event_id != out.header->event_id) ||
      (!Hides(entry, kSourceField, kStreamIdField) &&
       identity.stream_id != out.header->stream_id) ||
      (!Hides(entry, kSourceField, kStreamSequenceField) &&
       identity.stream_sequence != out.header->stream_sequence);
  return differs ? absl::DataLossError("its header names another event") : absl::OkStatus();
}

}  // namespace

// --- inclusion ---

InclusionCheck::InclusionCheck(const BundleFile& bundle, const Pin& pin)
    : bundle_(bundle),
      pin_(pin),
      next_run_(RecordsOf(bundle.frame, BundleSection::kInclusion).begin()) {}

void InclusionCheck::Add(const BundleEntry& entry) {
  if (!run_) {
    run_ = ParseInclusionRun(*next_run_).value();  // ParseBundle has seen to it
    ++next_run_;
  }
  hashes_.push_back(LeafHash(entry.leaf_bytes));
  if (entry.index + 1 == run_->end) FinishRun();
  if (!CheckLeafRules(entry.index, entry.leaf, pin_).ok()) {
    KeepFirst(absl::StrCat("entry ", entry.index, " breaks a rule of its kind"), wrong_leaf_);
  }
  if (count_ > 0 && entry.leaf.recorded_at_us <= last_time_) {
    KeepFirst(absl::StrCat("entry ", entry.index, " was recorded no later than the one before it"),
              wrong_leaf_);
  }
  last_time_ = entry.leaf.recorded_at_us;
  ++count_;
}

void InclusionCheck::FinishRun() {
  const absl::Status proven =
      VerifyRange(run_->begin, hashes_, bundle_.head.size, run_->proof, bundle_.head.root);
  if (!proven.ok()) {
    KeepFirst(absl::StrCat("entries ", run_->begin, " to ", run_->end - 1,
                           ": the proof does not lead to the head's root"),
              wrong_proof_);
  }
  hashes_.clear();
  run_.reset();
}

ClaimFinding InclusionCheck::Finish() {
  if (!wrong_proof_.empty()) return Fail(wrong_proof_);
  if (!wrong_leaf_.empty()) return Fail(wrong_leaf_);
  return Pass(
      absl::StrCat(count_, " entries are in the log under that head, and their times rise"));
}

// --- contents ---

ContentsCheck::ContentsCheck(const std::string& origin, const std::string* index_key)
    : origin_(origin) {
  if (index_key == nullptr) return;
  index_key_.emplace(*index_key);
  index_key_hash_ = IndexKeyHash(*index_key);
}

std::optional<ShownEntry> ContentsCheck::Add(const BundleEntry& entry) {
  const Leaf& leaf = entry.leaf;
  if (leaf.kind == EntryKind::kGenesis && index_key_) {
    const absl::StatusOr<Genesis> genesis = ParseGenesis(leaf.body);
    other_index_key_ = !genesis.ok() || genesis->index_key_hash != index_key_hash_;
  }
  if (leaf.kind == EntryKind::kErasure) {
    absl::StatusOr<Erasure> erasure = ParseErasure(leaf.body);
    if (erasure.ok()) erasures_.emplace_back(entry.index, std::move(erasure->scope.ranges));
  }
  if (HasPayload(leaf.kind) == (entry.content == Content::kNone)) {
    KeepFirst(absl::StrCat("entry ", entry.index, ": ",
                           HasPayload(leaf.kind) ? "no content, though an event stands behind it"
                                                 : "content of an entry that has none"),
              wrong_form_);
    return std::nullopt;
  }
  if (entry.content == Content::kWithheld) ++whole_;
  if (entry.content == Content::kGone) gone_.push_back(entry.index);
  if (entry.content != Content::kOpened) return std::nullopt;
  ++opened_;
  const PartCommitments made = CommitmentsOf(entry);
  ShownEntry shown;
  shown.event_commitment = made.event;
  std::string why;
  if (leaf.commitment != made.entry) {
    why = "what is shown is not what its leaf commits to";
  } else if (const absl::Status agrees = CheckAgreement(entry, shown); !agrees.ok()) {
    why =
        absl::IsDataLoss(agrees) ? std::string(agrees.message()) : "what is shown is not an event";
  }
  if (!why.empty()) {
    KeepFirst(absl::StrCat("entry ", entry.index, ": ", why), wrong_content_);
    return std::nullopt;
  }
  for (const BundlePart& unit : entry.units) {
    ++(unit.rule == kShown ? units_shown_ : units_withheld_);
  }
  if (index_key_) AddTags(entry);
  AddSender(entry, shown);
  return shown;
}

void ContentsCheck::AddTags(const BundleEntry& entry) {
  const bool hidden = std::any_of(
      entry.units.begin(), entry.units.end(),
      [](const BundlePart& unit) { return unit.rule != kShown && MakesTags(unit.path.field); });
  if (hidden) return;
  ++tags_checked_;
  const std::vector<UnitView> shown = ShownUnits(entry);
  const absl::StatusOr<std::vector<Hash>> tags = DeriveTags(*index_key_, shown);
  if (tags.value_or(std::vector<Hash>()) == entry.leaf.tags) return;
  KeepFirst(absl::StrCat("entry ", entry.index, ": its tags are not those of its event"),
            wrong_tags_);
}

void ContentsCheck::AddSender(const BundleEntry& entry, const ShownEntry& shown) {
  if (!shown.header || !shown.header->signature) return;
  ++signed_;
  const std::string message =
      EmitMessage(origin_, shown.header->stream_id, shown.header->event_id, shown.event_commitment);
  const EmitterSignature& signature = *shown.header->signature;
  if (VerifyEd25519(signature.public_key, message, signature.signature).ok()) return;
  KeepFirst(absl::StrCat("entry ", entry.index, ": its emitter's signature does not verify"),
            wrong_signature_);
}

std::string ContentsCheck::GoneText() const {
  std::set<uint64_t> by;
  uint64_t erased = 0;
  for (const uint64_t index : gone_) {
    const auto erasure = std::find_if(erasures_.begin(), erasures_.end(), [&](const auto& each) {
      return Contains(each.second, index);
    });
    if (erasure == erasures_.end()) continue;
    ++erased;
    by.insert(erasure->first);
  }
  std::string out;
  if (erased > 0) absl::StrAppend(&out, "; ", erased, " erased by entry ", absl::StrJoin(by, ", "));
  if (gone_.size() > erased) {
    absl::StrAppend(&out, "; ", gone_.size() - erased,
                    " WITHHELD: not there, and no entry here says why");
  }
  return out;
}

ClaimFinding ContentsCheck::Contents() const {
  if (!wrong_form_.empty()) return Fail(wrong_form_);
  if (!wrong_content_.empty()) return Fail(wrong_content_);
  return Pass(absl::StrCat(
      opened_, " entries opened: ", units_shown_, " units shown, ", units_withheld_, " withheld",
      whole_ > 0 ? absl::StrCat("; ", whole_, " entries withheld whole") : "", GoneText()));
}

ClaimFinding ContentsCheck::Tags() const {
  if (!index_key_) return CannotTell("no index key is given");
  if (other_index_key_) return CannotTell("the index key is not the one that the genesis names");
  if (!wrong_tags_.empty()) return Fail(wrong_tags_);
  const std::string found = absl::StrCat(tags_checked_, " of ", opened_,
                                         " opened entries carry exactly their events' tags");
  if (tags_checked_ == opened_) return Pass(found);
  return CannotTell(absl::StrCat(found, "; the others withhold what tags come from"));
}

ClaimFinding ContentsCheck::Senders() const {
  if (!wrong_signature_.empty()) return Fail(wrong_signature_);
  if (signed_ == 0) {
    return CannotTell("no emitter signed: who sent an event is the ledger's word");
  }
  return Pass(absl::StrCat(signed_,
                           " entries are signed by their emitters; who sent the others is the "
                           "ledger's word"));
}

}  // namespace auditledger
