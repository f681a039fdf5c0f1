#include "verifier/heads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/base64.h"
#include "merkle/cosignature.h"
#include "merkle/note.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"
#include "merkle/verify.h"
#include "nlohmann/json.hpp"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"
#include "verifier/witnesses.h"

namespace auditledger {
namespace {

using Kind = HeadRelation::Kind;

absl::StatusOr<HeadProof> ParseBareHashes(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      "consistency proof: neither an add-checkpoint body nor old_size, new_size and hashes as "
      "JSON");
  const nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object() || json.size() != 3) return bad;
  for (const char* name : {"old_size", "new_size"}) {
    if (!json.value(name, nlohmann::json()).is_number_unsigned()) return bad;
  }
  const nlohmann::json hashes = json.value("hashes", nlohmann::json());
  if (!hashes.is_array()) return bad;
  HeadProof proof;
  proof.old_size = json["old_size"].get<uint64_t>();
  proof.new_size = json["new_size"].get<uint64_t>();
  if (hashes.size() > kMaxProofHashes) return bad;
  for (const nlohmann::json& item : hashes) {
    if (!item.is_string()) return bad;
    ASSIGN_OR_RETURN(const std::string bytes,
                     DecodeBase64("consistency proof", item.get_ref<const std::string&>()));
    ASSIGN_OR_RETURN(const Hash hash, Hash::FromBytes(bytes));
    proof.hashes.push_back(hash);
  }
  return proof;
}

std::string HeadName(const Checkpoint& head) {
  return absl::StrCat("size ", head.size, ", root ", head.root.ToHex());
}

// Follows the proofs from `older` towards `newer`, each used once at most: a tree that extends a
// tree that extends `older` extends it too, whoever signed what lies between.
bool LinkedByProofs(const Checkpoint& older, const Checkpoint& newer,
                    const std::vector<HeadProof>& proofs) {
  struct Tree {
    uint64_t size;
    Hash root;
  };
  std::vector<Tree> reached = {{older.size, older.root}};
  std::vector<bool> used(proofs.size());
  for (size_t at = 0; at < reached.size(); ++at) {
    const Tree from = reached[at];
    for (size_t i = 0; i < proofs.size(); ++i) {
      const HeadProof& proof = proofs[i];
      if (used[i] || proof.old_size != from.size || proof.new_size > newer.size) continue;
      const bool arrives = proof.new_size == newer.size;
      if (!arrives && !proof.new_root) continue;  // leads to a head that nobody has named
      const Hash root = arrives ? newer.root : *proof.new_root;
      if (!VerifyExtension(from.size, from.root, proof.new_size, root, proof.hashes).ok()) continue;
      if (arrives) return true;
      used[i] = true;
      reached.push_back({proof.new_size, root});
    }
  }
  return false;
}

// Whether one of the proofs claims to link exactly these two.
bool IsBetween(const HeadProof& proof, const Checkpoint& older, const Checkpoint& newer) {
  return proof.old_size == older.size && proof.new_size == newer.size &&
         (!proof.new_root || *proof.new_root == newer.root);
}

// How many entries the export says it has. A hint about file names, nothing rests on it.
uint64_t SizeOfExport(const std::string& dir) {
  const absl::StatusOr<std::string> bytes =
      ReadFileLimited(absl::StrCat(dir, "/", kCheckpointFile), kMaxNoteBytes);
  const absl::StatusOr<Note> note = bytes.ok() ? ParseNote(*bytes) : bytes.status();
  const absl::StatusOr<Checkpoint> head = note.ok() ? ParseCheckpoint(note->text) : note.status();
  return head.ok() ? head->size : 0;
}

HeadRelation RelateByTiles(const Checkpoint& older, const Checkpoint& newer, Kind if_proven,
                           const std::string& dir) {
  ExportTileReader tiles(dir);
  TileNodeReader nodes(tiles, std::max(newer.size, SizeOfExport(dir)));
  const absl::StatusOr<std::vector<Hash>> proof =
      older.size == 0 ? std::vector<Hash>() : ConsistencyProof(older.size, newer.size, nodes);
  const absl::StatusOr<Hash> old_root = RootAt(older.size, nodes);
  if (!proof.ok() || !old_root.ok()) {
    const absl::Status& why = proof.ok() ? old_root.status() : proof.status();
    return {Kind::kUnproven, absl::StrCat("the export's tiles cannot be read: ", why.message())};
  }
  if (VerifyExtension(older.size, older.root, newer.size, newer.root, *proof).ok()) {
    return {if_proven, "proven by the export's tiles"};
  }
  // Only if that other root is part of the larger head by proof has its signer forked: tiles alone
  // are anybody's word, and a damaged one is no evidence.
  if (VerifyExtension(older.size, *old_root, newer.size, newer.root, *proof).ok()) {
    return {Kind::kFork,
            absl::StrCat("the first ", older.size, " entries under the larger head ", "have root ",
                         old_root->ToHex(), ", not the smaller head's"),
            *old_root, *proof};
  }
  return {Kind::kUnproven,
          "the export's tiles do not lead to the larger head: damaged, or of another log"};
}

// A witness that cosigned both heads of a fork lied, and its two lines prove it.
void AccuseWitnesses(const SignedCheckpoint& known, const SignedCheckpoint& other, const Pin& pin,
                     Verdict& verdict) {
  const std::vector<std::string> names = CosignersOfBoth(known.note, other.note, pin);
  if (names.empty()) return;
  verdict.Refuse(absl::StrCat("DISHONEST: these witnesses cosigned both histories: ",
                              absl::StrJoin(names, ", ")));
}

// The changes first: a head that is remembered without them could be of a key nobody knows. Another
// run may have seen more of them since the head was opened: it is opened again with all of them.
// REQUIRES: the lock is held.
void Remember(const SignedCheckpoint& head, const Pin& pin,
              const std::vector<LoggedKeyChange>& changes, const TrustStore& store,
              Verdict& verdict) {
  if (verdict.outcome != Outcome::kVerified) return;
  absl::StatusOr<std::vector<LoggedKeyChange>> remembered = store.LoadKeyChanges(pin);
  if (!remembered.ok()) return verdict.CannotTell(remembered.status().message());
  const uint64_t size = head.checkpoint.size;
  const absl::StatusOr<ChangesForHead> all =
      JoinChanges(*std::move(remembered), KeyChangeList{pin.origin, size, changes}, "", pin, size);
  const absl::Status opened =
      all.ok() ? OpenRotated(head.note, pin, all->changes).status() : all.status();
  if (!opened.ok()) {
    return verdict.Refuse(absl::StrCat("with all changes of the log's key that the trust store ",
                                       "remembers: ", opened.message()));
  }
  absl::Status saved = store.SaveKeyChanges(pin, all->changes);
  if (saved.ok()) saved = store.Save(pin, head.note);
  if (!saved.ok()) {
    verdict.CannotTell(
        absl::StrCat("trust store: the head could not be remembered: ", saved.message()));
  }
}

// `head` with the lines that only `last`, the same checkpoint, carries: who cosigned is not
// forgotten. A wrong line of a known witness would have the whole note refused, and is left out.
std::string WithLinesOf(const SignedCheckpoint& last, const SignedCheckpoint& head,
                        const Policy& policy) {
  const absl::StatusOr<Note> known = ParseNote(last.note);
  absl::StatusOr<Note> merged = ParseNote(head.note);
  if (!known.ok() || !merged.ok() || known->text != merged->text) return head.note;
  const std::vector<NoteVerifier> keys = policy.WitnessKeys();
  for (const NoteSignature& line : known->signatures) {
    std::vector<NoteSignature>& lines = merged->signatures;
    const bool there = std::any_of(lines.begin(), lines.end(), [&](const NoteSignature& other) {
      return other.key_id == line.key_id && other.name == line.name;
    });
    if (there || !VerifyCosignatures(FormatNote({known->text, {line}}), keys).ok()) continue;
    if (lines.size() == kMaxNoteSignatures) break;
    lines.push_back(line);
  }
  std::string note = FormatNote(*merged);
  return note.size() > kMaxNoteBytes ? head.note : note;
}

void Unproven(const Checkpoint& known, const Checkpoint& head, const HeadRelation& relation,
              HeadUse use, Verdict& verdict) {
  if (head.size < known.size && use != HeadUse::kReceipt) {
    verdict.Refuse(absl::StrCat("ROLLBACK: this head has size ", head.size, ", and a head of size ",
                                known.size,
                                " of this log was verified before: entries are being hidden"));
    return;
  }
  const std::string what =
      absl::StrCat("consistency with the head of size ", known.size, " last seen",
                   relation.detail.empty() ? "" : ": ", relation.detail);
  verdict.not_proven.push_back(what);
  const std::string remedy = absl::StrCat(
      "give --proof FILE, made by `auditctl prove-consistency ", std::min(known.size, head.size),
      " ", std::max(known.size, head.size), "`, or --log DIR, an export of at least ",
      std::max(known.size, head.size), " entries");
  verdict.CannotTell(use == HeadUse::kReceipt
                         ? absl::StrCat("not linked: ", what,
                                        ". A stolen key could sign this receipt's head (size ",
                                        head.size, ") over a private history; ", remedy,
                                        "; --no-trust-store checks the receipt alone")
                         : absl::StrCat("missing proof: ", what, "; ", remedy));
}

}  // namespace

absl::StatusOr<HeadProof> HeadProofOf(const CheckpointUpdate& update) {
  ASSIGN_OR_RETURN(const Note note, ParseNote(update.checkpoint));
  ASSIGN_OR_RETURN(const Checkpoint head, ParseCheckpoint(note.text));
  return HeadProof{update.old_size, head.size, head.root, update.proof};
}

absl::StatusOr<HeadProof> ParseHeadProof(absl::string_view text) {
  if (absl::StartsWith(text, "{")) return ParseBareHashes(text);
  ASSIGN_OR_RETURN(const CheckpointUpdate update, ParseCheckpointUpdate(text));
  return HeadProofOf(update);
}

HeadRelation RelateHeads(const Checkpoint& known, const Checkpoint& other, const History& history) {
  if (known.size == other.size) {
    if (known.root == other.root) return {Kind::kSame, ""};
    return {Kind::kFork, absl::StrCat("two signed heads of one size: ", HeadName(known), ", and ",
                                      HeadName(other))};
  }
  const bool grew = other.size > known.size;
  const Checkpoint& older = grew ? known : other;
  const Checkpoint& newer = grew ? other : known;
  const Kind proven = grew ? Kind::kExtends : Kind::kExtendedBy;
  if (LinkedByProofs(older, newer, history.proofs)) {
    return {proven, "proven by the consistency proof"};
  }
  HeadRelation relation{Kind::kUnproven, ""};
  if (!history.log_dir.empty()) relation = RelateByTiles(older, newer, proven, history.log_dir);
  if (relation.kind != Kind::kUnproven || history.proofs.empty()) return relation;
  for (const HeadProof& proof : history.proofs) {
    if (!IsBetween(proof, older, newer)) continue;
    return {Kind::kBadProof, absl::StrCat("the consistency proof from size ", older.size, " to ",
                                          newer.size, " does not verify")};
  }
  if (relation.detail.empty()) relation.detail = "no proof given links these two heads";
  return relation;
}

Evidence ForkEvidence(const SignedCheckpoint& known, const SignedCheckpoint& other,
                      const HeadRelation& fork) {
  if (known.checkpoint.size == other.checkpoint.size) {
    return {.kind = Evidence::Kind::kFork, .first = known.note, .second = other.note};
  }
  const bool grew = known.checkpoint.size < other.checkpoint.size;
  return {.kind = Evidence::Kind::kHistory,
          .first = (grew ? known : other).note,
          .second = (grew ? other : known).note,
          .prefix = fork.prefix,
          .proof = fork.proof};
}

void KeepEvidence(const Evidence& evidence, const Pin& pin, const TrustStore& store,
                  Verdict& verdict) {
  absl::StatusOr<std::string> path = store.KeepEvidence(pin, evidence);
  if (path.ok()) return verdict.evidence.push_back(*std::move(path));
  // Then the verdict itself carries it: it must not get lost.
  verdict.Refuse(absl::StrCat("the evidence could not be saved (", path.status().message(),
                              "); keep these lines as a file:\n", FormatEvidence(evidence)));
}

std::optional<SignedCheckpoint> OpenHead(absl::string_view note, const Pin& pin, Verdict& verdict,
                                         const std::vector<LoggedKeyChange>& changes) {
  NoteVerifier key = pin.key;
  absl::StatusOr<SignedCheckpoint> head = OpenRotated(note, pin, changes, &key);
  if (head.ok()) {
    verdict.head = head->checkpoint;
    verdict.vkey = key.ToVkey();
    verdict.key_id = key.key_id();
    CheckWitnesses(*head, pin, verdict);
    return *std::move(head);
  }
  if (absl::IsInvalidArgument(head.status())) {
    verdict.CannotTell(head.status().message());
  } else {
    verdict.Refuse(head.status().message());
  }
  return std::nullopt;
}

std::optional<OpenedHead> OpenHeadOf(absl::string_view note, const Pin& pin, const History& history,
                                     Verdict& verdict) {
  std::vector<LoggedKeyChange> remembered;
  if (history.store != nullptr) {
    absl::StatusOr<std::vector<LoggedKeyChange>> loaded = history.store->LoadKeyChanges(pin);
    if (!loaded.ok()) {
      verdict.CannotTell(loaded.status().message());
      return std::nullopt;
    }
    remembered = *std::move(loaded);
  }
  // What does not parse is said when it is opened.
  const absl::StatusOr<Note> parsed = ParseNote(note);
  const absl::StatusOr<Checkpoint> claimed =
      parsed.ok() ? ParseCheckpoint(parsed->text) : parsed.status();
  const absl::StatusOr<ChangesForHead> known =
      JoinChanges(std::move(remembered), history.key_changes, history.log_dir, pin,
                  claimed.ok() ? claimed->size : 0);
  if (!known.ok()) {
    verdict.CannotTell(known.status().message());
    return std::nullopt;
  }
  std::optional<SignedCheckpoint> head = OpenHead(note, pin, verdict, known->changes);
  if (!head) {
    if (claimed.ok() && history.key_changes && history.key_changes->size != claimed->size) {
      verdict.CannotTell(absl::StrCat("the key changes given are for a head of size ",
                                      history.key_changes->size, ", this one is of size ",
                                      claimed->size, ": `auditctl key-changes --size ",
                                      claimed->size, "`"));
    }
    return std::nullopt;
  }
  for (const LoggedKeyChange& change : known->unproven) {
    const absl::Status included =
        VerifyInclusion(change.index, head->checkpoint.size, LeafHash(change.leaf),
                        change.inclusion, head->checkpoint.root);
    if (included.ok()) continue;
    verdict.CannotTell(absl::StrCat("the change of the log's key at entry ", change.index,
                                    " is not shown to be under this head: ", included.message()));
    return std::nullopt;
  }
  return OpenedHead{*std::move(head), known->changes};
}

void CompareWithStore(const SignedCheckpoint& head, const Pin& pin, const History& history,
                      HeadUse use, Verdict& verdict, const std::vector<LoggedKeyChange>& changes) {
  if (history.store == nullptr) {
    verdict.not_proven.push_back("consistency with heads seen earlier: no trust store was used");
    return;
  }
  const absl::StatusOr<TrustStore::Lock> lock = history.store->Acquire(pin);
  if (!lock.ok()) return verdict.CannotTell(lock.status().message());
  const absl::StatusOr<std::optional<SignedCheckpoint>> known = history.store->Load(pin);
  if (!known.ok()) return verdict.CannotTell(known.status().message());
  if (!known->has_value()) {
    verdict.not_proven.push_back(
        "consistency with earlier heads: this is the first of this log that the trust store sees");
    return Remember(head, pin, changes, *history.store, verdict);
  }
  const SignedCheckpoint& last = **known;
  const HeadRelation relation = RelateHeads(last.checkpoint, head.checkpoint, history);
  switch (relation.kind) {
    case Kind::kSame:
      verdict.proven.push_back("the head is the last one seen");
      // Seen without them, perhaps: the store keeps the cosignatures that were asked for.
      if (verdict.witnessed() && head.note != last.note) {
        SignedCheckpoint merged = head;
        merged.note = WithLinesOf(last, head, *pin.policy);
        Remember(merged, pin, changes, *history.store, verdict);
      }
      return;
    case Kind::kExtends:
      verdict.proven.push_back(absl::StrCat("everything under the head of size ",
                                            last.checkpoint.size,
                                            " last seen stands unchanged, in order, in this one"));
      return Remember(head, pin, changes, *history.store, verdict);
    case Kind::kExtendedBy:
      if (use == HeadUse::kReceipt) {
        verdict.proven.push_back(absl::StrCat("the head of size ", last.checkpoint.size,
                                              " last seen extends this receipt's"));
        return;
      }
      return Unproven(last.checkpoint, head.checkpoint, relation, use, verdict);
    case Kind::kUnproven:
      return Unproven(last.checkpoint, head.checkpoint, relation, use, verdict);
    case Kind::kBadProof:
      return verdict.Refuse(relation.detail);
    case Kind::kFork:
      verdict.Refuse(
          absl::StrCat("FORK: the log's key has signed two histories: ", relation.detail));
      AccuseWitnesses(last, head, pin, verdict);
      return KeepEvidence(ForkEvidence(last, head, relation), pin, *history.store, verdict);
  }
}

}  // namespace auditledger
