// An entry before it has a place: what the committer hands to the writer.
//
// Thread-safety: values and pure functions.
#ifndef AUDITLEDGER_LEDGER_NEW_ENTRY_H_
#define AUDITLEDGER_LEDGER_NEW_ENTRY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/identity_record.h"
#include "ledger/sealer.h"
#include "merkle/leaf.h"
#include "merkle/system_entries.h"

namespace auditledger {

struct NewEntry {
  Leaf leaf;  // without recorded_at_us
  std::optional<IdentityRecord> identity;
  std::string secret;   // for the key store; empty: none
  std::string payload;  // encrypted record; empty: none
};

// Entries of one commit, and the streams first seen in it.
struct CommitPlan {
  std::vector<NewEntry> entries;
  std::vector<std::pair<uint32_t, std::string>> stream_records;  // number -> record
};

// REQUIRES of these: `event` came from a Sealer. Secret, payload and tags are moved out; seed and
// header stay for the answer.
NewEntry EventEntry(SealedEvent& event, uint32_t stream_number);
// Evidence that another event was refused under the identity of entry `first_index`.
NewEntry ConflictEntry(SealedEvent& event, const Mac128& conflict_identity, uint64_t first_index);

// The ledger's own, behind which an event stands: an erasure, a request for one, a legal hold.
// `body` as of erasure_entries.h.
NewEntry OwnEventEntry(EntryKind kind, std::string body, SealedEvent& event);
// The ledger's own.
absl::StatusOr<NewEntry> GenesisEntry(const Genesis& genesis);
absl::StatusOr<NewEntry> OperatorEntry(const OperatorAction& action);
absl::StatusOr<NewEntry> FreezeEntry(const Freeze& freeze);
NewEntry ClockEntry(const ClockStep& step);
NewEntry AnchorEntry(const Anchor& anchor);
// `body` as of EncodeKeyChange. It has to be the only entry of its commit.
NewEntry KeyChangeEntryOf(std::string body);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_NEW_ENTRY_H_
