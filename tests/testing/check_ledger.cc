#include "tests/testing/check_ledger.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ledger/identity_record.h"
#include "ledger/stream_table.h"
#include "merkle/erasure_history.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "tests/testing/reference_merkle.h"

namespace auditledger::testing {
namespace {

absl::Status Wrong(const std::string& what) { return absl::DataLossError(what); }

absl::Status CheckAbsent(Engine& engine, RecordKind kind, uint64_t index) {
  const auto read = engine.Read(kind, index);
  if (absl::IsNotFound(read.status())) return absl::OkStatus();
  return Wrong(absl::StrCat("record ", std::string(1, static_cast<char>(kind)), index,
                            " must not be there: ", read.status().ToString()));
}

absl::Status CheckStreams(Engine& engine, uint32_t& count) {
  absl::Status status;
  RETURN_IF_ERROR(engine.ScanStreams([&](uint32_t number, absl::string_view record) {
    if (number != count++) status = Wrong(absl::StrCat("stream ", number, " out of order"));
    if (!ParseStreamRecord(record).ok()) status = Wrong(absl::StrCat("stream ", number));
    return status.ok();
  }));
  return status;
}

// An event or a piece of evidence has payload and identity, the ledger's own entries have neither.
absl::Status CheckRecords(Engine& engine, uint64_t index, const Leaf& leaf, uint32_t streams,
                          std::set<Mac128>& identities) {
  const bool sealed = CarriesEvent(leaf.kind);
  if (sealed != leaf.commitment.has_value()) return Wrong(absl::StrCat("commitment of ", index));
  if (!sealed) {
    RETURN_IF_ERROR(CheckAbsent(engine, RecordKind::kPayload, index));
    return CheckAbsent(engine, RecordKind::kIdentity, index);
  }
  ASSIGN_OR_RETURN(const std::string bytes, engine.Read(RecordKind::kIdentity, index));
  ASSIGN_OR_RETURN(const IdentityRecord record, ParseIdentityRecord(bytes));
  if (!identities.insert(record.identity_mac).second) {
    return Wrong(absl::StrCat("the identity of entry ", index, " is there twice"));
  }
  const bool known = record.stream_number < streams || record.stream_number == kGapsUnknown;
  if (!known) return Wrong(absl::StrCat("entry ", index, " names an unknown stream"));
  if (leaf.kind == EntryKind::kConflict) {
    ASSIGN_OR_RETURN(const Conflict conflict, ParseConflict(leaf.body));
    if (conflict.first_index >= index) return Wrong(absl::StrCat("conflict ", index));
  }
  return absl::OkStatus();
}

// A payload is there, unless an erasure names its entry: then it is not, nor the event's MAC.
absl::Status CheckPayloads(Engine& engine, const std::vector<std::string>& leaves) {
  ErasureHistory history;
  for (uint64_t i = 0; i < leaves.size(); ++i) {
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(leaves[i]));
    if (ErasureHistory::Takes(leaf.kind)) RETURN_IF_ERROR(history.Add(i, leaf.kind, leaf.body));
  }
  for (uint64_t i = 0; i < leaves.size(); ++i) {
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(leaves[i]));
    if (!CarriesEvent(leaf.kind)) continue;
    const bool erased = history.ErasedBy(i).has_value();
    ASSIGN_OR_RETURN(const std::string bytes, engine.Read(RecordKind::kIdentity, i));
    ASSIGN_OR_RETURN(const IdentityRecord record, ParseIdentityRecord(bytes));
    if (erased != engine.Read(RecordKind::kPayload, i).status().ok()) {
      if (erased == (record.event_mac == Mac128{})) continue;
    }
    return Wrong(absl::StrCat("payload or MAC of ", i, erased ? ", which was erased" : ""));
  }
  return absl::OkStatus();
}

absl::Status CheckTiles(Engine& engine, ReferenceTree& tree) {
  uint64_t covered = 1;  // leaves under one hash of the level
  for (uint8_t level = 0; tree.size() / covered > 0; ++level, covered *= kTileWidth) {
    const uint64_t count = tree.size() / covered;
    for (uint64_t tile = 0; tile * kTileWidth < count; ++tile) {
      std::string expected;
      for (uint64_t i = tile * kTileWidth; i < count && i < (tile + 1) * kTileWidth; ++i) {
        expected += std::string(tree.Root(i * covered, (i + 1) * covered).view());
      }
      ASSIGN_OR_RETURN(const std::string stored, engine.ReadTile({level, tile}));
      if (stored != expected) return Wrong(absl::StrCat("tile ", level, "/", tile));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckLedger(Engine& engine, const std::string& origin) {
  ASSIGN_OR_RETURN(const std::optional<Head> head, engine.LoadHead());
  if (!head.has_value()) return Wrong("no head");
  uint32_t streams = 0;
  RETURN_IF_ERROR(CheckStreams(engine, streams));
  std::vector<std::string> leaves;
  std::set<Mac128> identities;
  uint64_t last_time = 0;
  for (uint64_t i = 0; i < head->size; ++i) {
    ASSIGN_OR_RETURN(const std::string bytes, engine.Read(RecordKind::kLeaf, i));
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(bytes));
    if (leaf.recorded_at_us <= last_time) return Wrong(absl::StrCat("time of ", i));
    last_time = leaf.recorded_at_us;
    if ((leaf.kind == EntryKind::kGenesis) != (i == 0)) return Wrong(absl::StrCat("genesis ", i));
    RETURN_IF_ERROR(CheckRecords(engine, i, leaf, streams, identities));
    leaves.push_back(bytes);
  }
  RETURN_IF_ERROR(CheckPayloads(engine, leaves));
  ASSIGN_OR_RETURN(const Leaf first, ParseLeaf(leaves.at(0)));
  ASSIGN_OR_RETURN(const Genesis genesis, ParseGenesis(first.body));
  if (genesis.origin != origin) return Wrong("origin");
  if (last_time != head->time_us) return Wrong("the head's time");
  ReferenceTree tree(leaves);
  if (tree.Root(head->size) != head->root) return Wrong("the head's root");
  RETURN_IF_ERROR(CheckTiles(engine, tree));
  for (const RecordKind kind : {RecordKind::kLeaf, RecordKind::kPayload, RecordKind::kIdentity}) {
    RETURN_IF_ERROR(CheckAbsent(engine, kind, head->size));
  }
  return absl::OkStatus();
}

}  // namespace auditledger::testing
