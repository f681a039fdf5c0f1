#include "verifier/successor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/leaf.h"
#include "merkle/note.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/tile.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"
#include "verifier/heads.h"
#include "verifier/key_changes.h"
#include "verifier/log_audit.h"

namespace auditledger {
namespace {

absl::StatusOr<Checkpoint> HeadOfExport(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::string text,
                   ReadFileLimited(absl::StrCat(dir, "/", kCheckpointFile), kMaxNoteBytes));
  ASSIGN_OR_RETURN(const Note note, ParseNote(text));
  return ParseCheckpoint(note.text);
}

absl::StatusOr<Genesis> ReadGenesis(const std::string& dir) {
  ASSIGN_OR_RETURN(const Checkpoint head, HeadOfExport(dir));
  const uint64_t width = std::min(kTileWidth, head.size);
  ASSIGN_OR_RETURN(const std::string bytes, ReadEntriesFile(dir, 0, width));
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, ParseEntryBundle(bytes, width));
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entries.at(0)));
  return ParseGenesis(leaf.body);
}

void LowerBy(const Verdict& other, absl::string_view what, Verdict& verdict) {
  for (const std::string& reason : other.reasons) {
    verdict.Lower(other.outcome, absl::StrCat(what, ": ", reason));
  }
}

// What the old log says of its end, against the new one.
void CompareFreeze(const Landmarks& old, const Genesis& genesis, const Checkpoint& named,
                   Verdict& verdict) {
  if (!old.freeze) {
    verdict.not_proven.push_back(
        "that the predecessor ended by its own word: no freeze is in its export");
    return;
  }
  const Freeze& freeze = old.freeze->second;
  if (!freeze.successor_origin.empty() && freeze.successor_origin != genesis.origin) {
    return verdict.Refuse(absl::StrCat("the predecessor's freeze names another successor: ",
                                       freeze.successor_origin));
  }
  if (freeze.successor_key_hash && *freeze.successor_key_hash != genesis.log_key_hash) {
    return verdict.Refuse("the predecessor's freeze names another key of its successor");
  }
  verdict.proven.push_back(absl::StrCat("the predecessor: ", FreezeText(*old.freeze)));
  if (freeze.successor_origin.empty()) {
    verdict.not_proven.push_back("that the predecessor meant this log: its freeze names nobody");
  }
  if (named.size > old.freeze->first) {
    verdict.proven.push_back("the head named in the genesis is the predecessor's last");
  }
}

void CompareEnds(const PredecessorInput& input, const Pin& old_pin, const Genesis& genesis,
                 const Checkpoint& old_head, Verdict& verdict) {
  const Landmarks landmarks = ReadLandmarks(input.dir, old_head.size);
  Verdict named_verdict = Verdict::About("checkpoint", old_pin);
  const std::optional<SignedCheckpoint> named =
      OpenHead(genesis.predecessor_checkpoint, old_pin, named_verdict, landmarks.key_changes);
  LowerBy(named_verdict, "the predecessor's head that the genesis names", verdict);
  if (!named) return;
  const uint64_t size = named->checkpoint.size;
  if (size > old_head.size) {
    return verdict.CannotTell(absl::StrCat("the genesis names a head of size ", size,
                                           ", and the predecessor's export ends at ",
                                           old_head.size));
  }
  ExportTileReader tiles(input.dir);
  TileNodeReader nodes(tiles, old_head.size);
  const absl::StatusOr<Hash> root = RootAt(size, nodes);
  if (!root.ok()) return verdict.CannotTell(root.status().message());
  if (*root != named->checkpoint.root) {
    return verdict.Refuse(absl::StrCat("FORK: the genesis names a head of the predecessor of size ",
                                       size, " that its export contradicts; both are signed"));
  }
  verdict.proven.push_back(absl::StrCat("the genesis names the predecessor's head of size ", size,
                                        ", and its export has it: entries 0 to ", size - 1,
                                        " are the past of this log"));
  if (named_verdict.witnessed()) {
    verdict.proven.push_back("the predecessor's head that the genesis names is witnessed");
  } else {
    verdict.not_proven.push_back(
        "that the predecessor's head that the genesis names was shown to others: its own key alone "
        "vouches for it");
  }
  if (size < old_head.size) {
    verdict.not_proven.push_back(absl::StrCat(
        "entries ", size, " to ", old_head.size - 1, " of the predecessor (", old_head.size - size,
        "): NOT CARRIED OVER, they lie behind the head that the genesis names"));
  }
  CompareFreeze(landmarks, genesis, named->checkpoint, verdict);
}

}  // namespace

void CheckPredecessor(const std::string& new_dir, const Pin& new_pin,
                      const PredecessorInput& predecessor, const History& history,
                      Verdict& verdict) {
  const absl::StatusOr<Genesis> genesis = ReadGenesis(new_dir);
  if (!genesis.ok()) return verdict.CannotTell(genesis.status().message());
  if (genesis->predecessor_checkpoint.empty()) {
    return verdict.Refuse("the genesis names no predecessor");
  }
  const absl::StatusOr<Checkpoint> old_head = HeadOfExport(predecessor.dir);
  if (!old_head.ok()) {
    return verdict.CannotTell(
        absl::StrCat("the predecessor's export: ", old_head.status().message()));
  }
  // Whose log it is, the pinned key says: its name has to be the origin.
  absl::StatusOr<Pin> old_pin = LoadPin(old_head->origin, predecessor.key);
  if (!old_pin.ok()) {
    return verdict.CannotTell(absl::StrCat("--predecessor-key: ", old_pin.status().message()));
  }
  LogInput input;
  input.dir = predecessor.dir;
  History old_history;  // of this log's own proofs and changes nothing is the predecessor's
  old_history.store = history.store;
  const Verdict old_verdict = VerifyLog(input, *old_pin, old_history);
  LowerBy(old_verdict, "the predecessor", verdict);
  if (old_verdict.outcome != Outcome::kVerified) return;
  old_pin->policy = new_pin.policy;
  old_pin->allow_weak_policy = new_pin.allow_weak_policy;
  CompareEnds(predecessor, *old_pin, *genesis, *old_head, verdict);
}

}  // namespace auditledger
