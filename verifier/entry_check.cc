#include "verifier/entry_check.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "merkle/commitment.h"
#include "merkle/ed25519_verify.h"
#include "merkle/erasure_entries.h"
#include "merkle/header.h"
#include "merkle/index_head.h"
#include "merkle/key_chain.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"
#include "merkle/units.h"

namespace auditledger {
namespace {

absl::Status Broken(absl::string_view why) { return absl::DataLossError(why); }

absl::Status AsBroken(const absl::Status& status) {
  return status.ok() ? status : Broken(status.message());
}

absl::Status CheckGenesis(const Leaf& leaf, const Pin& pin) {
  const absl::StatusOr<Genesis> genesis = ParseGenesis(leaf.body);
  if (!genesis.ok()) return Broken(genesis.status().message());
  if (genesis->origin != pin.origin) {
    return Broken(
        absl::StrCat("genesis names the origin ", genesis->origin, ", pinned is ", pin.origin));
  }
  const std::vector<NoteVerifier> keys = PinnedKeys(pin);
  if (std::none_of(keys.begin(), keys.end(), [&](const NoteVerifier& key) {
        return genesis->log_key_hash == LogKeyHash(key.type(), key.public_key());
      })) {
    return Broken(
        "genesis names another log key than the pinned one (a rotated one's first key is known by "
        "--key-changes or --log)");
  }
  return absl::OkStatus();
}

absl::Status CheckAnchor(uint64_t index, const Leaf& leaf) {
  const absl::StatusOr<Anchor> anchor = ParseAnchor(leaf.body);
  if (!anchor.ok()) return Broken(anchor.status().message());
  if (anchor->size <= index) return absl::OkStatus();
  return Broken(
      absl::StrCat("an anchor of a head of size ", anchor->size, ", which came after the entry"));
}

// That both of its keys signed it; that it fits the log's others is the chain's business.
absl::Status CheckKeyChange(uint64_t index, const Leaf& leaf, const Pin& pin) {
  const absl::StatusOr<KeyChange> change = ParseKeyChange(leaf.body);
  if (!change.ok()) return Broken(change.status().message());
  const auto old_key = NoteVerifier::FromEd25519(pin.origin, change->old_key);
  if (!old_key.ok()) return Broken("the old key of a key change is none");
  return AsBroken(KeyChain::Build(*old_key, {{index, leaf.body}}).status());
}

// That its map is the entries' own is the audit's business (index_audit.h).
absl::Status CheckIndexHead(uint64_t index, const Leaf& leaf) {
  const absl::StatusOr<IndexHead> head = ParseIndexHead(leaf.body);
  if (!head.ok()) return Broken(head.status().message());
  if (head->size <= index) return absl::OkStatus();
  return Broken(
      absl::StrCat("an index head that covers ", head->size, " entries, more than there were"));
}

absl::Status CheckEarlier(uint64_t index, const EntryRanges& ranges) {
  if (ranges.empty() || ranges.back().last < index) return absl::OkStatus();
  return Broken(absl::StrCat("names entry ", ranges.back().last, ", which is not earlier"));
}

absl::Status CheckErasure(uint64_t index, const Leaf& leaf) {
  const absl::StatusOr<Erasure> erasure = ParseErasure(leaf.body);
  if (!erasure.ok()) return Broken(erasure.status().message());
  if (erasure->request >= index) return Broken("an erasure before it was asked for");
  return CheckEarlier(index, erasure->scope.ranges);
}

absl::Status CheckErasureRequest(uint64_t index, const Leaf& leaf) {
  const absl::StatusOr<ErasureScope> request = ParseErasureRequest(leaf.body);
  if (!request.ok()) return Broken(request.status().message());
  return CheckEarlier(index, request->ranges);
}

absl::Status CheckLegalHold(uint64_t index, const Leaf& leaf) {
  const absl::StatusOr<LegalHold> hold = ParseLegalHold(leaf.body);
  if (!hold.ok()) return Broken(hold.status().message());
  if (hold->lifts && hold->placed >= index) return Broken("lifts a legal hold of later");
  return CheckEarlier(index, hold->ranges);
}

absl::Status CheckBody(uint64_t index, const Leaf& leaf, const Pin& pin) {
  switch (leaf.kind) {
    case EntryKind::kEvent:
      return leaf.body.empty() ? absl::OkStatus() : Broken("an event with a body");
    case EntryKind::kGenesis:
      return CheckGenesis(leaf, pin);
    case EntryKind::kConflict: {
      const absl::StatusOr<Conflict> conflict = ParseConflict(leaf.body);
      if (!conflict.ok()) return Broken(conflict.status().message());
      if (conflict->first_index < index) return absl::OkStatus();
      return Broken(
          absl::StrCat("a conflict with entry ", conflict->first_index, ", which is not earlier"));
    }
    case EntryKind::kKeyChange:
      return CheckKeyChange(index, leaf, pin);
    case EntryKind::kFreeze: {
      const absl::StatusOr<Freeze> freeze = ParseFreeze(leaf.body);
      if (!freeze.ok()) return Broken(freeze.status().message());
      if (freeze->confirmed_size <= index) return absl::OkStatus();
      return Broken("a freeze that says to have been confirmed beyond itself");
    }
    case EntryKind::kOperator:
      return AsBroken(ParseOperatorAction(leaf.body).status());
    case EntryKind::kClock:
      return AsBroken(ParseClockStep(leaf.body).status());
    case EntryKind::kAnchor:
      return CheckAnchor(index, leaf);
    case EntryKind::kIndexHead:
      return CheckIndexHead(index, leaf);
    case EntryKind::kErasure:
      return CheckErasure(index, leaf);
    case EntryKind::kErasureRequest:
      return CheckErasureRequest(index, leaf);
    case EntryKind::kLegalHold:
      return CheckLegalHold(index, leaf);
    default:
      return absl::OkStatus();
  }
}

absl::StatusOr<EmitterProof> CheckEmitter(absl::string_view origin, const OpenedEntry& entry) {
  RETURN_IF_ERROR(entry.status);
  const EntryHeader& header = entry.header;
  if (!header.signature) return EmitterProof::kNone;
  const std::string message =
      EmitMessage(origin, header.stream_id, header.event_id, entry.event_commitment);
  const absl::Status status =
      VerifyEd25519(header.signature->public_key, message, header.signature->signature);
  if (!status.ok()) return absl::DataLossError("header: the emitter's signature does not verify");
  return EmitterProof::kSigned;
}

}  // namespace

bool HasPayload(EntryKind kind) { return CarriesEvent(kind); }

bool MayBeErased(EntryKind kind) {
  return kind == EntryKind::kEvent || kind == EntryKind::kConflict;
}

std::string ErasureText(uint64_t index, const Leaf& leaf) {
  if (leaf.kind == EntryKind::kErasure) {
    const absl::StatusOr<Erasure> erasure = ParseErasure(leaf.body);
    if (!erasure.ok()) return "";
    return absl::StrCat("entry ", index, " says that the content of entries ",
                        RangesText(erasure->scope.ranges), " was erased (",
                        ErasureReasonName(erasure->scope.reason), "), as entry ", erasure->request,
                        " asks");
  }
  if (leaf.kind == EntryKind::kErasureRequest) {
    const absl::StatusOr<ErasureScope> request = ParseErasureRequest(leaf.body);
    if (!request.ok()) return "";
    return absl::StrCat("entry ", index, " asks that the content of entries ",
                        RangesText(request->ranges), " be erased (",
                        ErasureReasonName(request->reason), ")");
  }
  if (leaf.kind != EntryKind::kLegalHold) return "";
  const absl::StatusOr<LegalHold> hold = ParseLegalHold(leaf.body);
  if (!hold.ok()) return "";
  if (hold->lifts) {
    return absl::StrCat("entry ", index, " lifts the legal hold of entry ", hold->placed);
  }
  return absl::StrCat("entry ", index, " places a legal hold on ",
                      hold->ranges.empty() ? "the whole log" : "entries ",
                      RangesText(hold->ranges));
}

bool MayHavePayloadLater(EntryKind kind) {
  return !HasPayload(kind) && kind != EntryKind::kGenesis && kind != EntryKind::kClock &&
         kind != EntryKind::kKeyChange && kind != EntryKind::kFreeze &&
         kind != EntryKind::kAnchor && kind != EntryKind::kIndexHead;
}

std::string RefusalText(const Leaf& conflict) {
  const absl::StatusOr<Conflict> body = ParseConflict(conflict.body);
  return absl::StrCat("REFUSED by the ledger when it arrived: contradicts entry ",
                      body.ok() ? absl::StrCat(body->first_index) : "?",
                      "; this proves the refusal is recorded, not that the event was");
}

bool IsKnownKind(EntryKind kind) {
  return HasPayload(kind) || kind == EntryKind::kGenesis || kind == EntryKind::kOperator ||
         kind == EntryKind::kClock || kind == EntryKind::kKeyChange || kind == EntryKind::kFreeze ||
         kind == EntryKind::kAnchor || kind == EntryKind::kIndexHead;
}

absl::Status CheckLeafRules(uint64_t index, const Leaf& leaf, const Pin& pin) {
  if ((leaf.kind == EntryKind::kGenesis) != (index == 0)) {
    return Broken(index == 0
                      ? absl::StrCat("entry 0 is not the genesis but ", EntryKindName(leaf.kind))
                      : "a genesis that is not entry 0");
  }
  RETURN_IF_ERROR(CheckBody(index, leaf, pin));
  if (HasPayload(leaf.kind)) {
    return leaf.commitment ? absl::OkStatus() : Broken("an event without commitment");
  }
  if (IsKnownKind(leaf.kind) && !leaf.tags.empty()) {
    return Broken("an entry of the ledger's own with tags");
  }
  if (!MayHavePayloadLater(leaf.kind) && leaf.commitment) {
    return Broken(absl::StrCat("a ", EntryKindName(leaf.kind), " entry with a commitment"));
  }
  return absl::OkStatus();
}

absl::StatusOr<EmitterProof> CheckOpening(absl::string_view origin, const Leaf& leaf,
                                          const Opening& opening,
                                          std::optional<absl::string_view> index_key) {
  if (!index_key) return CheckOpenings(origin, {&leaf}, {ViewOf(opening)}, nullptr)[0];
  if (index_key->size() != kIndexKeyBytes) {
    return absl::InvalidArgumentError("index key: needs 32 bytes");
  }
  const HmacKey key(*index_key);
  return CheckOpenings(origin, {&leaf}, {ViewOf(opening)}, &key)[0];
}

std::vector<absl::StatusOr<EmitterProof>> CheckOpenings(absl::string_view origin,
                                                        absl::Span<const Leaf* const> leaves,
                                                        absl::Span<const OpeningView> openings,
                                                        const HmacKey* index_key) {
  std::vector<absl::StatusOr<EmitterProof>> proofs;
  proofs.reserve(leaves.size());
  for (const OpenedEntry& entry : VerifyOpenings(leaves, openings, index_key)) {
    proofs.push_back(CheckEmitter(origin, entry));
  }
  return proofs;
}

std::string FormatMicros(uint64_t unix_us) {
  constexpr uint64_t kLatest = kMaxTimestampSeconds * 1'000'000 + 999'999;
  if (unix_us > kLatest) return absl::StrCat(unix_us, " us");
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ",
                          absl::FromUnixMicros(static_cast<int64_t>(unix_us)), absl::UTCTimeZone());
}

}  // namespace auditledger
