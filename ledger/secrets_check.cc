#include "ledger/secrets_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/identity_record.h"
#include "ledger/reader.h"
#include "ledger/state_markers.h"
#include "merkle/commitment.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/units.h"

namespace auditledger {
namespace {

absl::Status Refused(uint64_t index, absl::string_view what, absl::string_view cause) {
  return absl::FailedPreconditionError(
      absl::StrCat("entry ", index, ", the newest with a payload: ", what, ". ", cause));
}

// Whether a repair (repair.h) is what this entry records.
bool RecordsARepair(const Leaf& leaf) {
  if (leaf.kind != EntryKind::kOperator) return false;
  const absl::StatusOr<OperatorAction> action = ParseOperatorAction(leaf.body);
  return action.ok() && absl::StartsWith(action->what, "repair");
}

// Whether the content of an entry is gone, as a repair without a backup of it leaves it; not where
// it is there and does not open.
bool IsLost(Engine& engine, const absl::StatusOr<SeedStore::State>& secret, uint64_t index) {
  if (secret.ok() && *secret == SeedStore::State::kEmpty) return true;
  return absl::IsNotFound(engine.Read(RecordKind::kPayload, index).status());
}

absl::Status CheckCommitment(const Leaf& leaf, const Opening& opening) {
  ASSIGN_OR_RETURN(const std::vector<UnitView> units, CutUnitViews(opening.event));
  const Hash commitment = EntryCommitment(HeaderHash(opening.seed, opening.header),
                                          EventCommitment(DigestUnits(opening.seed, units)));
  if (leaf.commitment == commitment) return absl::OkStatus();
  return absl::DataLossError("the payload is not what the leaf commits to");
}

// The event's MAC covers its identity's: it alone tells for conflicts, which have another identity.
absl::Status CheckMacs(const LedgerKeys& keys, const Leaf& leaf, const Opening& opening,
                       const IdentityRecord& record) {
  ASSIGN_OR_RETURN(const EntryHeader header, ParseHeader(opening.header));
  const HmacKey dedup_key(keys.dedup_key.Reveal());
  const Mac128 identity =
      IdentityMac(dedup_key, header.principal, header.stream_id, header.event_id);
  // Of an event with masked secrets the MAC is that of the event as it came, which nobody has.
  const bool has_all = (header.flags & kFlagSecretsMasked) == 0;
  const bool same = (leaf.kind != EntryKind::kEvent || record.identity_mac == identity) &&
                    (!has_all || record.event_mac == EventMac(dedup_key, identity, opening.event));
  return same ? absl::OkStatus() : absl::DataLossError("its identity has another MAC");
}

absl::Status CheckEntry(const LedgerOptions& options, const LedgerKeys& keys, Engine& engine,
                        const Reader& reader, uint64_t index, const Leaf& leaf) {
  const absl::StatusOr<StoredEntry> entry = reader.Read(index, true);
  absl::Status opens = entry.status();
  if (opens.ok() && entry->opening.has_value()) opens = CheckCommitment(leaf, *entry->opening);
  if (!opens.ok()) {
    return Refused(index, opens.message(),
                   absl::StrCat("wrap-N.key in ", options.paths.key_dir, " or the seeds in ",
                                options.paths.seed_dir,
                                " are another ledger's, or older than the log, or damaged: bring "
                                "back this ledger's"));
  }
  if (!entry->opening.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string bytes, engine.Read(RecordKind::kIdentity, index));
  ASSIGN_OR_RETURN(const IdentityRecord record, ParseIdentityRecord(bytes));
  const absl::Status macs = CheckMacs(keys, leaf, *entry->opening, record);
  if (macs.ok()) return absl::OkStatus();
  return Refused(index, macs.message(),
                 absl::StrCat("dedup.key in ", options.paths.key_dir,
                              " is not this ledger's: with it repeats would be taken for new "
                              "events. Bring back this ledger's"));
}

}  // namespace

absl::Status CheckSecrets(const LedgerOptions& options, const LedgerKeys& keys, Engine& engine,
                          SeedStore& seeds, uint64_t size) {
  const Reader reader(options.origin, engine, seeds);
  const uint64_t end = size - std::min(size, kMaxSecretsLookBack);
  bool was_repaired = HasMarker(options.paths.state_dir, kRepairedMarker);
  absl::Status lost;  // the newest that is, while none that opens was found
  for (uint64_t index = size; index-- > 0;) {
    if (index < end && lost.ok()) break;
    ASSIGN_OR_RETURN(const std::string bytes, engine.Read(RecordKind::kLeaf, index));
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(bytes));
    was_repaired = was_repaired || RecordsARepair(leaf);
    if (!leaf.commitment.has_value()) continue;
    const absl::StatusOr<SeedStore::State> state = seeds.StateOf(index);
    if (state.ok() && *state == SeedStore::State::kErased) continue;
    absl::Status opens;
    if (!state.ok() || *state == SeedStore::State::kEmpty) {
      opens = Refused(index,
                      state.ok() ? "its secret is missing" : std::string(state.status().message()),
                      absl::StrCat("Is the disk of ", options.paths.seed_dir,
                                   " mounted, and the folder this ledger's?"));
    } else {
      opens = CheckEntry(options, keys, engine, reader, index, leaf);
    }
    if (opens.ok() || !was_repaired || !IsLost(engine, state, index)) return opens;
    if (lost.ok()) lost = opens;
  }
  return lost;
}

}  // namespace auditledger
