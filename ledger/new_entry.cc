#include "ledger/new_entry.h"

#include "ledger/stream_table.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

NewEntry Sealed(EntryKind kind, SealedEvent& event, IdentityRecord identity) {
  NewEntry entry;
  entry.leaf.kind = kind;
  entry.leaf.event_time_us = event.event_time_us;
  entry.leaf.tags = std::move(event.tags);
  entry.leaf.commitment = event.commitment;
  entry.identity = identity;
  entry.secret = std::move(event.secret);
  entry.payload = std::move(event.payload_record);
  return entry;
}

NewEntry System(EntryKind kind, std::string body) {
  NewEntry entry;
  entry.leaf.kind = kind;
  entry.leaf.body = std::move(body);
  return entry;
}

}  // namespace

NewEntry EventEntry(SealedEvent& event, uint32_t stream_number) {
  return Sealed(EntryKind::kEvent, event,
                {event.identity_mac, event.event_mac, stream_number, event.stream_sequence});
}

NewEntry ConflictEntry(SealedEvent& event, const Mac128& conflict_identity, uint64_t first_index) {
  // No stream and no number: a refused event has not arrived.
  NewEntry entry =
      Sealed(EntryKind::kConflict, event, {conflict_identity, event.event_mac, kGapsUnknown, 0});
  entry.leaf.body = EncodeConflict({first_index});
  return entry;
}

NewEntry OwnEventEntry(EntryKind kind, std::string body, SealedEvent& event) {
  NewEntry entry = Sealed(kind, event, {event.identity_mac, event.event_mac, kGapsUnknown, 0});
  entry.leaf.body = std::move(body);
  return entry;
}

absl::StatusOr<NewEntry> GenesisEntry(const Genesis& genesis) {
  ASSIGN_OR_RETURN(std::string body, EncodeGenesis(genesis));
  return System(EntryKind::kGenesis, std::move(body));
}

absl::StatusOr<NewEntry> OperatorEntry(const OperatorAction& action) {
  ASSIGN_OR_RETURN(std::string body, EncodeOperatorAction(action));
  return System(EntryKind::kOperator, std::move(body));
}

absl::StatusOr<NewEntry> FreezeEntry(const Freeze& freeze) {
  ASSIGN_OR_RETURN(std::string body, EncodeFreeze(freeze));
  return System(EntryKind::kFreeze, std::move(body));
}

NewEntry ClockEntry(const ClockStep& step) {
  return System(EntryKind::kClock, EncodeClockStep(step));
}

NewEntry AnchorEntry(const Anchor& anchor) {
  return System(EntryKind::kAnchor, EncodeAnchor(anchor));
}

NewEntry KeyChangeEntryOf(std::string body) {
  return System(EntryKind::kKeyChange, std::move(body));
}

}  // namespace auditledger
