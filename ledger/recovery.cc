#include "ledger/recovery.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/engine_tiles.h"
#include "ledger/errors.h"
#include "ledger/fsck_store.h"
#include "ledger/leveldb_engine.h"
#include "ledger/log_writer.h"
#include "ledger/posix_file.h"
#include "ledger/read_back.h"
#include "ledger/retired_signer.h"
#include "ledger/socket_signer.h"
#include "ledger/state_markers.h"
#include "ledger/strict_env_logs.h"
#include "merkle/leaf.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/tags.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

constexpr absl::string_view kAfterRollback =
    "restore a copy of the data folder that has at least that size, extend this one from a mirror "
    "and a backup (auditledger-fsck repair), or start a successor ledger";

constexpr absl::string_view kAfterDamage =
    "repair the log from a mirror and a backup (auditledger-fsck repair), restore a copy of the "
    "data "
    "folder of at least the signed size, or start a successor ledger";
// The genesis, and in a successor what of its predecessor is not carried over.
constexpr uint64_t kMaxFirstCommit = 2;
constexpr absl::string_view kAdoptFlag = "--adopt_signer_state=LEDGER@SIZE:ROOTHEX";

std::string Describe(const Head& head) {
  return absl::StrCat("size ", head.size, " root ", head.root.ToHex());
}

absl::Status Damaged(absl::string_view what) {
  return WithReason(absl::DataLossError(absl::StrCat("the stored log is damaged: ", what)),
                    kReasonStorageCorrupt);
}

// Leaf `index`, which is there and has the hash the tiles give it.
absl::StatusOr<Leaf> CheckedLeaf(uint64_t index, Engine& engine, NodeReader& nodes) {
  const absl::StatusOr<std::string> bytes = engine.Read(RecordKind::kLeaf, index);
  if (absl::IsNotFound(bytes.status())) return Damaged(absl::StrCat("leaf ", index, " is missing"));
  RETURN_IF_ERROR(bytes.status());
  ASSIGN_OR_RETURN(const std::vector<Hash> hash, nodes.ReadNodes({{0, index}}));
  if (LeafHash(*bytes) != hash[0]) {
    return Damaged(absl::StrCat("leaf ", index, " has another hash than its tile says"));
  }
  absl::StatusOr<Leaf> leaf = ParseLeaf(*bytes);
  if (!leaf.ok()) return Damaged(absl::StrCat("leaf ", index, ": ", leaf.status().message()));
  return leaf;
}

// The log key's hash that it names.
absl::StatusOr<Hash> CheckGenesis(const Leaf& leaf, const std::string& origin,
                                  const LedgerKeys& keys) {
  if (leaf.kind != EntryKind::kGenesis) return Damaged("entry 0 is not a genesis");
  const absl::StatusOr<Genesis> genesis = ParseGenesis(leaf.body);
  if (!genesis.ok()) return Damaged(absl::StrCat("genesis: ", genesis.status().message()));
  if (genesis->origin != origin) {
    return absl::FailedPreconditionError(absl::StrCat("the log in this folder is ", genesis->origin,
                                                      ", not ", origin, ": check the folders"));
  }
  if (genesis->index_key_hash != IndexKeyHash(keys.index_key.Reveal())) {
    return absl::FailedPreconditionError("index.key is not the key that the genesis entry names");
  }
  return genesis->log_key_hash;
}

absl::Status Rollback(const Head& signed_head, absl::string_view stored) {
  return absl::FailedPreconditionError(
      absl::StrCat("rollback: the signer has signed ", Describe(signed_head), ", the log here has ",
                   stored, ". Entries that were acknowledged are missing: ", kAfterRollback));
}

absl::Status Fork(const Head& signed_head, const Head& stored) {
  return absl::FailedPreconditionError(absl::StrCat(
      "fork: the signer has signed ", Describe(signed_head), ", and the log here (",
      Describe(stored),
      ") is another history. Keep this folder as evidence, find out who changed it, and ",
      kAfterRollback));
}

absl::Status CheckSizes(const LedgerOptions& options, const Head& signed_head, const Head& stored) {
  if (signed_head.size > stored.size) {
    return Rollback(signed_head, absl::StrCat("size ", stored.size));
  }
  // Create signs right after its one commit: more than that under an unused state is a lost one.
  const bool creating = HasMarker(options.paths.key_dir, kCreatingMarker);
  const uint64_t first_commit = creating ? kMaxFirstCommit : 1;
  if (signed_head.size > 0 || stored.size <= first_commit) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("lost state: the signer has signed nothing, yet the log has ", stored.size,
                   " entries: restore state_dir, or remove it and give ", kAdoptFlag,
                   " with a head known from outside this machine"));
}

// OK iff the stored log extends what was signed; gives the proof.
absl::StatusOr<std::vector<Hash>> ProveExtension(const LedgerOptions& options,
                                                 const Head& signed_head, const Head& stored,
                                                 NodeReader& nodes) {
  RETURN_IF_ERROR(CheckSizes(options, signed_head, stored));
  if (signed_head.size == 0) return std::vector<Hash>{};
  ASSIGN_OR_RETURN(std::vector<Hash> proof, ConsistencyProof(signed_head.size, stored.size, nodes));
  const bool proven =
      VerifyExtension(signed_head.size, signed_head.root, stored.size, stored.root, proof).ok();
  if (!proven) return Fork(signed_head, stored);
  return proof;
}

absl::Status LostState(const LedgerOptions& options, const absl::Status& cause) {
  if (!options.paths.signer_socket.empty()) return cause;  // says itself what is wrong there
  return absl::FailedPreconditionError(absl::StrCat(
      "lost state: the signer's memory of what it signed cannot be read (", cause.message(),
      "). Without it a rollback would go unnoticed. Bring back ", options.paths.state_dir,
      ", or move a damaged one away and give ", kAdoptFlag,
      " with size and root (in hexadecimal) of the newest head that a witness, a mirror or a "
      "receipt has"));
}

// What the signer remembers; size 0 when it never signed.
absl::StatusOr<Head> SignedHead(const LedgerOptions& options, Signer& signer) {
  const absl::StatusOr<std::optional<Head>> last = signer.LastSigned();
  if (absl::IsNotFound(last.status()) || absl::IsDataLoss(last.status())) {
    return LostState(options, last.status());
  }
  RETURN_IF_ERROR(last.status());
  return last->value_or(Head{});
}

absl::Status AddOperatorEntry(absl::string_view what, Recovered& out) {
  ASSIGN_OR_RETURN(NewEntry entry, OperatorEntry({std::string(what)}));
  out.own_entries.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status ReadOnly(absl::string_view why) {
  return WithReason(absl::FailedPreconditionError(why), kReasonLedgerReadOnly);
}

// Serves reads at the signed head; what lies beyond it is neither signed nor touched.
absl::Status StayAt(const Head& signed_head, absl::string_view why, Signer& signer,
                    Recovered& out) {
  if (signed_head.size == 0) return absl::FailedPreconditionError(why);
  out.read_only = ReadOnly(why);
  ASSIGN_OR_RETURN(out.published.checkpoint, signer.Sign(signed_head, {}));
  out.published.head = signed_head;
  return absl::OkStatus();
}

// A crash leaves at most one commit unsigned. More of it was not left by this ledger.
absl::Status CheckOneCommit(const LedgerLimits& limits, const Head& signed_head,
                            const Head& stored) {
  const uint64_t bound = limits.max_commit_entries + kMaxOwnEntries;
  if (stored.size - signed_head.size <= bound) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the signer has signed ", Describe(signed_head), ", the log here has ",
                   Describe(stored), ": more than the one commit (", bound,
                   " entries) that a crash can leave unsigned. Bring "
                   "back the newest state_dir, or start with the max_commit_entries it was written "
                   "with"));
}

// The note that a retired ledger is held at is a head of its own, by whichever key it had then.
absl::Status Retire(const LedgerOptions& options, const NoteVerifier& log_key, Recovered& out) {
  ASSIGN_OR_RETURN(const KeyChain chain, KeyChain::BuildFromLeaves(log_key, out.log.key_changes));
  RETURN_IF_ERROR(OpenCheckpoint(out.published.checkpoint, options.origin, chain).status());
  out.read_only = WithReason(absl::FailedPreconditionError(absl::StrCat(
                                 "the log was retired at size ", out.published.head.size,
                                 ": its key signs nothing any more. Append to its successor")),
                             kReasonLedgerFrozen);
  return absl::OkStatus();
}

// A crash may have come between a change of the key and the new key's signature.
absl::StatusOr<std::string> SignStored(const StoredLog& log, const std::vector<Hash>& proof,
                                       NodeReader& nodes, Signer& signer) {
  if (!log.key_change_at_end.has_value()) return signer.Sign(log.head, proof);
  ASSIGN_OR_RETURN(const std::vector<Hash> inclusion,
                   InclusionProof(log.head.size - 1, log.head.size, nodes));
  return signer.SignKeyChange(log.head, proof, *log.key_change_at_end, inclusion);
}

// Signs the stored head, or stays at the signed one when what was read may not be on the disk or is
// not what was committed.
absl::Status SettleHead(const LedgerOptions& options, const Head& signed_head, Engine& engine,
                        Signer& signer, Recovered& out) {
  const Head& stored = out.log.head;
  EngineTiles tiles(engine);
  TileNodeReader nodes(tiles, stored.size);
  ASSIGN_OR_RETURN(const std::vector<Hash> proof,
                   ProveExtension(options, signed_head, stored, nodes));
  if (IsRetired(options.paths) && signed_head.size != stored.size) {
    return StayAt(signed_head, "the log was retired", signer, out);
  }
  const bool marked = HasMarker(options.paths.state_dir, kSyncFailedMarker);
  if (signed_head.size != stored.size) {
    RETURN_IF_ERROR(CheckOneCommit(options.limits, signed_head, stored));
    // The commit may be one that its own read-back refused: nothing else would check it again.
    const absl::Status read_back = ReadBackStored(signed_head, stored, engine);
    if (!read_back.ok()) {
      return StayAt(signed_head,
                    absl::StrCat("entries ", signed_head.size, " to ", stored.size - 1,
                                 ", which were never signed nor acknowledged, are damaged (",
                                 read_back.message(),
                                 "). Check disk and memory of the machine, then ", kAfterDamage),
                    signer, out);
    }
    if (SyncFailedThisBoot(options.paths.state_dir)) {
      if (!options.overrides.confirm_after_sync_failure) {
        return StayAt(
            signed_head,
            absl::StrCat(
                "a sync failed and the machine was not restarted since: the log reads as size ",
                stored.size, ", the last signed head is size ", signed_head.size,
                ". Restart the machine, or compare with a mirror and give "
                "--confirm_after_sync_failure"),
            signer, out);
      }
      RETURN_IF_ERROR(AddOperatorEntry("confirm_after_sync_failure", out));
    }
  }
  if (marked) out.to_remove.push_back(kSyncFailedMarker);
  if (options.hold_until_confirmed && signed_head.size > 0 && signed_head.size != stored.size) {
    out.unsigned_proof = proof;
    out.published.head = signed_head;
    ASSIGN_OR_RETURN(out.published.checkpoint, signer.Sign(signed_head, {}));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(out.published.checkpoint, SignStored(out.log, proof, nodes, signer));
  out.published.head = stored;
  return absl::OkStatus();
}

// The wall clock against the last entry.
absl::Status SettleClock(const LedgerOptions& options, Clock& clock, Recovered& out) {
  const uint64_t last = out.log.head.time_us;
  const uint64_t wall = clock.WallMicros();
  const bool behind = last > wall && last - wall > options.limits.max_clock_step_back_us;
  const bool ahead = wall > last && wall - last > options.limits.max_clock_jump_at_start_us;
  if (!behind && !ahead) return absl::OkStatus();
  if (options.overrides.accept_clock) return AddOperatorEntry("accept_clock", out);
  if (!out.read_only.ok()) return absl::OkStatus();
  out.read_only = ReadOnly(absl::StrCat(
      "the clock says ", wall, " us, the last entry was recorded at ", last, " us, which is ",
      behind ? "later" : "long before", ". Set the clock, or give --accept_clock if it is right"));
  return absl::OkStatus();
}

uint64_t CountCutLogs(const LedgerOptions& options) {
  const auto names = ListDirectory(LogPath(options.paths));
  if (!names.ok()) return 0;
  return static_cast<uint64_t>(
      std::count_if(names->begin(), names->end(),
                    [](const std::string& name) { return absl::EndsWith(name, kCutLogSuffix); }));
}

// Nobody remembers what was signed: a batch of which a part is there may have been acknowledged, so
// that none is left out, and LevelDB, which does that, changes nothing.
absl::StatusOr<std::unique_ptr<Engine>> OpenForAdoption(const LedgerOptions& options) {
  if (options.open_engine) return options.open_engine();
  auto store = FsckStore::OpenWhole(LogPath(options.paths));
  if (!absl::IsDataLoss(store.status())) return store;
  return Damaged(absl::StrCat(store.status().message(),
                              ". Whether its last commit was acknowledged cannot be told without "
                              "the signer's state: ",
                              kAfterDamage));
}

}  // namespace

std::string LogPath(const LedgerPaths& paths) { return absl::StrCat(paths.data_dir, "/log"); }
std::string IdentityPath(const LedgerPaths& paths) {
  return absl::StrCat(paths.data_dir, "/identity");
}
std::string LogKeyPath(const LedgerPaths& paths) { return absl::StrCat(paths.key_dir, "/log.key"); }

absl::StatusOr<std::unique_ptr<Engine>> OpenEngine(const LedgerOptions& options, bool create) {
  if (options.open_engine) return options.open_engine();
  LevelDbOptions leveldb;
  leveldb.path = LogPath(options.paths);
  leveldb.create_if_missing = create;
  return OpenLevelDbEngine(leveldb);
}

absl::StatusOr<std::unique_ptr<Signer>> OpenSigner(const LedgerOptions& options) {
  auto signer = options.open_signer ? options.open_signer()
                : !options.paths.signer_socket.empty()
                    ? OpenSocketSigner({options.paths.signer_socket, options.origin})
                    : OpenEmbeddedSigner(
                          {options.paths.state_dir, options.origin, LogKeyPath(options.paths)});
  if (absl::IsNotFound(signer.status()) || absl::IsDataLoss(signer.status())) {
    return LostState(options, signer.status());
  }
  return signer;
}

absl::Status CheckBeforeOpening(const LedgerOptions& options, Signer& signer) {
  if (options.open_engine) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Head signed_head, SignedHead(options, signer));
  const auto store = FsckStore::OpenAsEnginesDo(LogPath(options.paths));
  // No database, or one in use: opening says it and changes nothing.
  if (absl::IsNotFound(store.status()) || absl::IsFailedPrecondition(store.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(store.status());
  ASSIGN_OR_RETURN(const std::optional<Head> head, (*store)->LoadHead());
  if (!head.has_value()) {
    return signed_head.size == 0 ? absl::OkStatus() : Rollback(signed_head, "no entry at all");
  }
  return CheckSizes(options, signed_head, *head);
}

absl::Status Frozen(const Freeze& freeze) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "the log was frozen: its last entry ends it, and nothing is appended any more",
          freeze.successor_origin.empty() ? "" : "; its successor is ", freeze.successor_origin)),
      kReasonLedgerFrozen);
}

absl::Status CheckRotated(const LedgerOptions& options, const LedgerKeys& keys) {
  if (options.open_engine) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> store,
                   FsckStore::OpenAsEnginesDo(LogPath(options.paths)));
  return CheckStoredLog({options.origin, keys, options.paths.key_dir}, *store).status();
}

absl::StatusOr<StoredLog> CheckStoredLog(const StoredLogQuestion& question, Engine& engine) {
  ASSIGN_OR_RETURN(const std::optional<Head> head, engine.LoadHead());
  if (!head.has_value()) return absl::NotFoundError("there is no ledger in this folder");
  if (head->size == 0) return Damaged("its head has size 0");
  EngineTiles tiles(engine);
  StoredLog log;
  log.head = *head;
  ASSIGN_OR_RETURN(log.edge, TreeEdge::Load(head->size, tiles));
  if (log.edge.Root() != head->root) {
    return Damaged(absl::StrCat("its tiles have root ", log.edge.Root().ToHex(), ", its head says ",
                                head->root.ToHex()));
  }
  TileNodeReader nodes(tiles, head->size);
  ASSIGN_OR_RETURN(const Leaf last, CheckedLeaf(head->size - 1, engine, nodes));
  if (last.recorded_at_us != head->time_us) {
    return Damaged("its last leaf has another time than its head");
  }
  const absl::StatusOr<std::string> beyond = engine.Read(RecordKind::kLeaf, head->size);
  if (beyond.ok()) return Damaged(absl::StrCat("it has a leaf beyond its size ", head->size));
  if (!absl::IsNotFound(beyond.status())) return beyond.status();
  ASSIGN_OR_RETURN(const Leaf first, CheckedLeaf(0, engine, nodes));
  ASSIGN_OR_RETURN(const Hash log_key, CheckGenesis(first, question.origin, question.keys));
  const uint64_t counted =
      question.retired ? std::min(question.signed_size, head->size) : head->size;
  ASSIGN_OR_RETURN(log.key_changes,
                   FindKeyHistory({question.key_dir, log_key, question.keys.log_verifier, counted,
                                   question.read_all, question.signed_size},
                                  engine));
  if (last.kind == EntryKind::kFreeze) {
    const absl::StatusOr<Freeze> freeze = ParseFreeze(last.body);
    if (!freeze.ok()) return Damaged(freeze.status().message());
    log.freeze = *freeze;
  }
  if (last.kind == EntryKind::kKeyChange && counted == head->size) {
    log.key_change_at_end = log.key_changes.back().leaf;
  }
  return log;
}

absl::StatusOr<Recovered> Recover(const LedgerOptions& options, const LedgerKeys& keys,
                                  Engine& engine, Signer& signer, Clock& clock) {
  ASSIGN_OR_RETURN(const Head signed_head, SignedHead(options, signer));
  // A signer process's operator knows no time (signer_folder.h).
  const bool adopted_there = signed_head.size > 0 && signed_head.time_us == 0;
  const bool adopted_here = HasMarker(options.paths.state_dir, kAdoptedMarker);
  absl::StatusOr<StoredLog> log =
      CheckStoredLog({options.origin, keys, options.paths.key_dir, adopted_there || adopted_here,
                      signed_head.size, IsRetired(options.paths)},
                     engine);
  if (absl::IsNotFound(log.status()) && signed_head.size > 0) {
    return Rollback(signed_head, "no entry at all");
  }
  RETURN_IF_ERROR(log.status());
  Recovered out;
  out.log = *std::move(log);
  out.cut_logs = CountCutLogs(options);
  RETURN_IF_ERROR(SettleHead(options, signed_head, engine, signer, out));
  // One that is not signed, since what it lies in is damaged, ends nothing yet.
  if (out.log.freeze.has_value() && out.read_only.ok()) out.read_only = Frozen(*out.log.freeze);
  RETURN_IF_ERROR(SettleClock(options, clock, out));
  if (adopted_there || adopted_here) {
    RETURN_IF_ERROR(AddOperatorEntry("adopt_signer_state", out));
  }
  if (adopted_here) {
    out.to_remove.push_back(kAdoptedMarker);
  }
  if (HasMarker(options.paths.state_dir, kRepairedMarker)) {
    ASSIGN_OR_RETURN(const std::string repaired, ReadRepairedMarker(options.paths.state_dir));
    RETURN_IF_ERROR(AddOperatorEntry(repaired.empty() ? "repair" : repaired, out));
    out.to_remove.push_back(kRepairedMarker);
  }
  if (IsRetired(options.paths)) RETURN_IF_ERROR(Retire(options, keys.log_verifier, out));
  return out;
}

absl::Status AdoptSignerState(const LedgerOptions& options, uint64_t size, const Hash& root) {
  if (!options.paths.signer_socket.empty()) {
    return absl::FailedPreconditionError(
        "the state is the signer process's: `auditledger-signer adopt` makes it anew");
  }
  ASSIGN_OR_RETURN(const LedgerKeys keys, LoadKeyFiles(options.paths.key_dir, options.origin,
                                                       options.paths.master_key.get()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenForAdoption(options));
  ASSIGN_OR_RETURN(
      const StoredLog log,
      CheckStoredLog({options.origin, keys, options.paths.key_dir, /*read_all=*/true}, *engine));
  if (log.head.size != size || log.head.root != root) {
    return absl::FailedPreconditionError(
        absl::StrCat("the log here has ", Describe(log.head), ", not the size ", size, " and root ",
                     root.ToHex(), " that were given: nothing was adopted"));
  }
  const EmbeddedSignerOptions signer{options.paths.state_dir, options.origin,
                                     LogKeyPath(options.paths)};
  const absl::Status there = OpenEmbeddedSigner(signer).status();
  if (there.ok()) return absl::AlreadyExistsError("the signer has its state: nothing to adopt");
  RETURN_IF_ERROR(MakeDirectory(options.paths.state_dir));
  // The marker first: an adoption that is not recorded in the log must not be possible.
  RETURN_IF_ERROR(WriteAdoptedMarker(options.paths.state_dir));
  return CreateSignerState(signer, log.head);
}

}  // namespace auditledger
