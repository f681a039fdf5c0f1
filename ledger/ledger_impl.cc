#include "ledger/ledger_impl.h"

#include <unistd.h>

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/disk_space.h"
#include "ledger/errors.h"
#include "ledger/key_history.h"
#include "ledger/retired_signer.h"
#include "ledger/state_markers.h"
#include "ledger/stream_ranges_file.h"
#include "ledger/timestamp_store.h"
#include "merkle/checkpoint.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

constexpr int kSyncFailureExitCode = 70;  // EX_SOFTWARE: a supervisor may tell it from a crash

absl::Status WaitsForWitnesses(const Head& stored) {
  return WithReason(
      absl::UnavailableError(absl::StrCat(
          "reads only until the witnesses confirm this start; the log here has size ", stored.size,
          " and root ", stored.root.ToHex(),
          ". If they are lost for good, --accept_unwitnessed_start=LEDGER@SIZE:ROOTHEX takes the "
          "operator's word")),
      kReasonLedgerPaused);
}

}  // namespace

LedgerImpl::LedgerImpl(const LedgerOptions& options, Stores stores)
    : options_(options),
      clock_(options.clock != nullptr ? *options.clock : Clock::System()),
      stores_(std::move(stores)),
      sealer_(options.origin, *stores_.keys,
              options.random != nullptr ? *options.random : Random::System()),
      erasures_(options.paths.data_dir, *stores_.engine),
      reader_(options.origin, *stores_.engine, *stores_.seeds, &erasures_),
      tiles_(*stores_.engine),
      streams_(options.limits),
      feed_(nullptr) {
  TakeVerifier();
}

LedgerImpl::~LedgerImpl() {
  if (committer_ != nullptr) committer_->Drain();
}

absl::StatusOr<std::unique_ptr<Ledger>> LedgerImpl::Start(const LedgerOptions& options,
                                                          Stores stores,
                                                          std::optional<Recovered> recovered) {
  std::unique_ptr<LedgerImpl> ledger(new LedgerImpl(options, std::move(stores)));
  RETURN_IF_ERROR(ledger->LoadIndexes(recovered.has_value() ? recovered->log.head.size : 0));
  if (!recovered.has_value()) {
    ledger->Assemble(std::nullopt, TreeEdge());
    RETURN_IF_ERROR(ledger->CommitGenesis());
  } else {
    ledger->stored_ = recovered->log.head;
    ledger->Assemble(recovered->log.head, std::move(recovered->log.edge));
    RETURN_IF_ERROR(ledger->FinishRecovery(*std::move(recovered)));
  }
  // The genesis is signed: from here on the keys are used.
  RETURN_IF_ERROR(RemoveMarker(options.paths.key_dir, kCreatingMarker));
  RETURN_IF_ERROR(ledger->LoadRotation());
  MutexLock lock(ledger->held_mutex_);
  if (!ledger->held_.has_value()) {
    ledger->committer_->Start();
    ledger->StartRotation();
  }
  ledger->StartBackgroundCheck();
  // Without it a full disk takes an operator to make room elsewhere.
  MakeBallast(options).IgnoreError();
  return ledger;
}

// Identities and streams are exact once the log's tail, beyond what their files cover, was
// replayed.
absl::Status LedgerImpl::LoadIndexes(uint64_t size) {
  const std::string dir = IdentityPath(options_.paths);
  ASSIGN_OR_RETURN(identities_, IdentityIndex::Open(dir, size, options_.limits));
  absl::Status restored;
  RETURN_IF_ERROR(stores_.engine->ScanStreams([&](uint32_t number, absl::string_view record) {
    restored = streams_.Restore(number, record);
    return restored.ok();
  }));
  RETURN_IF_ERROR(restored);
  const uint64_t identities_from = identities_->covered();
  const uint64_t streams_from = LoadStreamRanges(dir, size, streams_);
  absl::Status replayed;
  RETURN_IF_ERROR(stores_.engine->Scan(
      RecordKind::kIdentity, std::min(identities_from, streams_from), size,
      [&](uint64_t index, absl::string_view bytes) {
        const absl::StatusOr<IdentityRecord> record = ParseIdentityRecord(bytes);
        if (!record.ok()) {
          replayed = absl::DataLossError(
              absl::StrCat("identity of entry ", index, ": ", record.status().message()));
          return false;
        }
        if (index >= identities_from) replayed = identities_->Insert(record->identity_mac, index);
        if (index >= streams_from)
          streams_.Received(record->stream_number, record->stream_sequence);
        return replayed.ok();
      }));
  RETURN_IF_ERROR(replayed);
  RETURN_IF_ERROR(erasures_.Load(size));
  return identities_->Advance(size);
}

void LedgerImpl::Assemble(const std::optional<Head>& stored, TreeEdge edge) {
  auto free_bytes = options_.free_bytes;
  if (!free_bytes) {
    free_bytes = [paths = options_.paths] { return SpareDiskBytes(paths); };
  }
  gate_ = std::make_unique<PauseGate>(options_.limits, clock_, std::move(free_bytes));
  writer_ = std::make_unique<LogWriter>(*stores_.engine, *stores_.seeds, *stores_.signer, clock_,
                                        stored, std::move(edge));
  planner_ = std::make_unique<RequestPlanner>(options_.limits, stores_.keys->dedup_key.Reveal(),
                                              *stores_.engine, *identities_, streams_, erasures_);
  CommitterParts parts;
  parts.limits = options_.limits;
  parts.clock = &clock_;
  parts.writer = writer_.get();
  parts.planner = planner_.get();
  parts.identities = identities_.get();
  parts.streams = &streams_;
  parts.gate = gate_.get();
  parts.reader = &reader_;
  parts.feed = &feed_;
  parts.erasures = &erasures_;
  parts.on_sync_failure = [state_dir = options_.paths.state_dir, then = options_.on_sync_failure] {
    WriteSyncFailedMarker(state_dir).IgnoreError();  // the disk is failing: best effort
    if (then) return then();
    _exit(kSyncFailureExitCode);
  };
  parts.save_ranges = [this, dir = IdentityPath(options_.paths)](uint64_t size,
                                                                 const std::string& ranges) {
    // Without the files the next start replays more of the log.
    SaveStreamRanges(dir, size, ranges).IgnoreError();
    erasures_.Save(size).IgnoreError();
  };
  committer_ = std::make_unique<Committer>(std::move(parts));
  EraserParts eraser;
  eraser.rules = options_.erasure;
  eraser.clock = &clock_;
  eraser.engine = stores_.engine.get();
  eraser.seeds = stores_.seeds.get();
  eraser.erasures = &erasures_;
  eraser.reader = &reader_;
  eraser.feed = &feed_;
  eraser.committer = committer_.get();
  eraser_ = std::make_unique<Eraser>(std::move(eraser));
}

absl::Status LedgerImpl::CommitGenesis() {
  const NoteVerifier& verifier = stores_.keys->log_verifier;
  Genesis genesis;
  genesis.origin = options_.origin;
  genesis.log_key_hash = LogKeyHash(verifier.type(), verifier.public_key());
  genesis.index_key_hash = IndexKeyHash(stores_.keys->index_key.Reveal());
  const Predecessor& predecessor = options_.predecessor;
  genesis.predecessor_checkpoint = predecessor.checkpoint;
  ASSIGN_OR_RETURN(NewEntry entry, GenesisEntry(genesis));
  std::vector<NewEntry> entries;
  entries.push_back(std::move(entry));
  if (predecessor.end > 0) {
    ASSIGN_OR_RETURN(const Note note, ParseNote(predecessor.checkpoint));
    ASSIGN_OR_RETURN(const Checkpoint head, ParseCheckpoint(note.text));
    ASSIGN_OR_RETURN(NewEntry lost,
                     OperatorEntry({absl::StrCat("predecessor entries ", head.size, " to ",
                                                 predecessor.end - 1, " not carried over")}));
    entries.push_back(std::move(lost));
  }
  return committer_->CommitOwn(std::move(entries));
}

absl::Status LedgerImpl::FinishRecovery(Recovered recovered) {
  cut_logs_ = recovered.cut_logs;
  {
    MutexLock lock(keys_mutex_);
    key_changes_ = std::move(recovered.log.key_changes);
  }
  feed_.Publish(std::make_shared<const PublishedHead>(recovered.published));
  // A retired one is read at its head for ever: there is nothing to confirm.
  if (!options_.hold_until_confirmed || IsRetired(options_.paths)) return Settle(recovered);
  committer_->Hold(WaitsForWitnesses(stored_));
  MutexLock lock(held_mutex_);
  held_ = std::move(recovered);
  return absl::OkStatus();
}

// What is stored beyond the published head was not signed yet. A freeze at its end is why nothing
// follows it, not why it would stay unsigned.
absl::Status LedgerImpl::SignStored() {
  const bool ends_in_freeze = held_->log.freeze.has_value() && !IsRetired(options_.paths) &&
                              ReasonOf(held_->read_only).reason == kReasonLedgerFrozen;
  if (held_->published.head.size == stored_.size) return absl::OkStatus();
  if (!held_->read_only.ok() && !ends_in_freeze) return absl::OkStatus();
  PublishedHead signed_head{stored_, ""};
  const std::optional<std::string>& change = held_->log.key_change_at_end;
  if (change.has_value()) {
    NodeCache nodes(tiles_, stored_.size);
    ASSIGN_OR_RETURN(const std::vector<Hash> inclusion,
                     InclusionProof(stored_.size - 1, stored_.size, nodes));
    ASSIGN_OR_RETURN(
        signed_head.checkpoint,
        stores_.signer->SignKeyChange(stored_, held_->unsigned_proof, *change, inclusion));
    TakeVerifier();
  } else {
    ASSIGN_OR_RETURN(signed_head.checkpoint, stores_.signer->Sign(stored_, held_->unsigned_proof));
  }
  held_->published = signed_head;
  feed_.Publish(std::make_shared<const PublishedHead>(std::move(signed_head)));
  feed_.Notify(feed_.head());
  return absl::OkStatus();
}

absl::Status LedgerImpl::Confirm(const std::optional<Head>& vouched) {
  MutexLock lock(held_mutex_);
  if (!held_.has_value()) return absl::OkStatus();
  // Refused meanwhile, or a commit of an earlier try failed: nothing more is signed.
  RETURN_IF_ERROR(committer_->stopped());
  if (vouched.has_value()) {
    if (vouched->size != stored_.size || vouched->root != stored_.root) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the log here has size ", stored_.size, " and root ", stored_.root.ToHex(),
          ", not the size ", vouched->size, " and root ", vouched->root.ToHex(), " given"));
    }
  }
  RETURN_IF_ERROR(SignStored());
  if (vouched.has_value() && !std::exchange(vouch_taken_, true)) {
    ASSIGN_OR_RETURN(NewEntry entry, OperatorEntry({"accept_unwitnessed_start"}));
    held_->own_entries.push_back(std::move(entry));
  }
  // Held until all of it is done: who tries again goes on where this ended.
  RETURN_IF_ERROR(Settle(*held_));
  held_.reset();
  committer_->Hold(absl::OkStatus());
  feed_.Notify(feed_.head());
  committer_->Start();
  StartRotation();
  return absl::OkStatus();
}

// LEDGER_READ_ONLY, a refusal (LedgerSet::Refuse), is for ever: no later Hold or Confirm undoes it.
void LedgerImpl::Hold(const absl::Status& why) {
  if (ReasonOf(why).reason == kReasonLedgerReadOnly) return committer_->RefuseAppends(why);
  committer_->Hold(why);
}

absl::Status LedgerImpl::CheckPrefix(uint64_t size, const Hash& root) const {
  const uint64_t newest = std::max(stored_.size, head()->head.size);
  const auto differs = [&](absl::string_view what) {
    return absl::FailedPreconditionError(absl::StrCat(
        what, "size ", size, " root ", root.ToHex(), " was signed and witnessed, the log here ",
        size > newest ? absl::StrCat("has only size ", newest) : std::string("has another history"),
        ". Restore a copy of the data folder that has at least that size, or start a successor "
        "ledger: from here nothing can be signed that witnesses would accept"));
  };
  if (size > newest) return differs("rollback: ");
  EngineTiles tiles(*stores_.engine);
  ASSIGN_OR_RETURN(const TreeEdge edge, TreeEdge::Load(size, tiles));
  return edge.Root() == root ? absl::OkStatus() : differs("fork: ");
}

// May be called again after an error: what is done is not done twice, and a commit that failed has
// latched.
absl::Status LedgerImpl::Settle(Recovered& recovered) {
  const bool frozen = ReasonOf(recovered.read_only).reason == kReasonLedgerFrozen;
  // A log that ends has its erasures carried out all the same.
  if (recovered.read_only.ok() || frozen) RETURN_IF_ERROR(eraser_->FinishPending());
  if (!recovered.read_only.ok()) {
    // Nothing may be written, not even that an override was given; the next start will.
    committer_->RefuseAppends(std::move(recovered.read_only));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(committer_->CommitOwn(std::exchange(recovered.own_entries, {})));
  for (const std::string& marker : recovered.to_remove) {
    RETURN_IF_ERROR(RemoveMarker(options_.paths.state_dir, marker));
  }
  RETURN_IF_ERROR(ChangeKey());
  return RecordKeys();
}

// A change that was prepared becomes an entry, alone in its commit: the head that holds it is the
// new key's first (log_writer.h).
absl::Status LedgerImpl::ChangeKey() {
  ASSIGN_OR_RETURN(const std::optional<std::string> body, stores_.signer->PendingKeyChange());
  if (!body.has_value()) return absl::OkStatus();
  const uint64_t index = head()->head.size;
  const absl::Status holds = CheckNextKeyChange(verifier(), key_changes(), index, *body);
  if (!holds.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the key change that is prepared (next.change beside the signing key) cannot "
                     "be used: ",
                     holds.message(), ". Nothing was changed: remove it"));
  }
  std::vector<NewEntry> entries;
  entries.push_back(KeyChangeEntryOf(*body));
  RETURN_IF_ERROR(committer_->CommitOwn(std::move(entries)));
  TakeVerifier();
  absl::StatusOr<StoredEntry> entry = reader_.Read(index, /*with_opening=*/false);
  if (!entry.ok()) {  // the change stands: a try again would not find it, the next start does
    committer_->RefuseAppends(entry.status());
    return entry.status();
  }
  MutexLock lock(keys_mutex_);
  key_changes_.push_back({index, std::move(entry->leaf), {}});
  return absl::OkStatus();
}

// Others may be looking at the key while it changes: where they look does not move.
void LedgerImpl::TakeVerifier() {
  MutexLock lock(keys_mutex_);
  verifiers_.push_back(stores_.signer->verifier());
  verifier_ = &verifiers_.back();
}

std::vector<LoggedKeyChange> LedgerImpl::key_changes() const {
  MutexLock lock(keys_mutex_);
  return key_changes_;
}

// What the next start and whoever asks find beside the keys. All of it can be made anew.
absl::Status LedgerImpl::RecordKeys() {
  const std::string& dir = options_.paths.key_dir;
  RETURN_IF_ERROR(SaveKeyChangesFile(dir, options_.origin, key_changes()));
  if (options_.paths.signer_socket.empty()) return absl::OkStatus();
  return ReplaceSignerVkey(dir, verifier());
}

void LedgerImpl::StartBackgroundCheck() {
  if (options_.limits.check_entries_per_second == 0) return;
  BackgroundCheckParts parts;
  parts.origin = options_.origin;
  parts.keys = stores_.keys.get();
  parts.engine = stores_.engine.get();
  parts.seeds = stores_.seeds.get();
  parts.max_conflicts = options_.limits.max_conflicts_per_identity;
  parts.signed_head = [this] { return head()->head; };
  parts.verify_indexes = [this] { return identities_->Verify(); };
  parts.erasures = &erasures_;
  check_ = std::make_unique<BackgroundCheck>(std::move(parts));
  check_->Start(options_.limits.check_entries_per_second);
}

LedgerStatus LedgerImpl::status() const {
  LedgerStatus status = committer_->status();
  if (check_ != nullptr) status.damage = check_->state().first_finding;
  return status;
}

LedgerCounters LedgerImpl::counters() const {
  LedgerCounters counters = committer_->counters();
  counters.cut_logs = cut_logs_;
  const WrapRotationState rotation = rotation_->state();
  counters.wrapping_key_id = rotation.key_id;
  if (rotation.is_running) {
    counters.rewrap_segments_left =
        std::max(rotation.segments, rotation.segments_done) - rotation.segments_done + 1;
  }
  if (check_ == nullptr) return counters;
  const BackgroundCheckState state = check_->state();
  counters.checked_entries = state.checked_entries;
  counters.check_rounds = state.rounds;
  counters.damage_findings = state.findings;
  return counters;
}

absl::Status LedgerImpl::FreezeLog(const Freeze& freeze) {
  if (freeze.confirmed_size > head()->head.size) {
    return absl::InvalidArgumentError(
        absl::StrCat("confirmed_size: ", freeze.confirmed_size, " is beyond the log's size"));
  }
  ASSIGN_OR_RETURN(NewEntry entry, FreezeEntry(freeze));
  auto answer = std::make_shared<std::promise<absl::Status>>();
  committer_->AppendLast(std::move(entry), Frozen(freeze),
                         [answer](const absl::StatusOr<AppendOutcome>& outcome) {
                           answer->set_value(outcome.status());
                         });
  return answer->get_future().get();
}

void LedgerImpl::Append(std::vector<SealedEvent> events, AppendCallback done) {
  committer_->Append(std::move(events), std::move(done));
}

void LedgerImpl::AppendAnchor(const Anchor& anchor, AppendCallback done) {
  if (absl::Status wrong = CheckAnchor(anchor); !wrong.ok()) return done(std::move(wrong));
  committer_->AppendOwn(AnchorEntry(anchor), std::move(done));
}

void LedgerImpl::AppendOperator(const OperatorAction& action, AppendCallback done) {
  absl::StatusOr<NewEntry> entry = OperatorEntry(action);
  if (!entry.ok()) return done(entry.status());
  committer_->AppendOwn(*std::move(entry), std::move(done));
}

absl::Status LedgerImpl::CheckAnchor(const Anchor& anchor) {
  const Head newest = head()->head;
  if (anchor.size == 0 || anchor.size > newest.size) {
    return absl::InvalidArgumentError(
        absl::StrCat("an anchor of size ", anchor.size, " in a log of size ", newest.size));
  }
  const uint64_t now_us = clock_.WallMicros();
  if (anchor.time_us > now_us && anchor.time_us - now_us > kMaxAnchorAheadMicros) {
    return absl::InvalidArgumentError(
        absl::StrCat("an anchor of ", (anchor.time_us - now_us) / 1'000'000,
                     " s from now: the clock of the timestamping authority or that here is wrong"));
  }
  ASSIGN_OR_RETURN(const std::vector<Hash> proof, Consistency(anchor.size, newest.size));
  if (!VerifyConsistency(anchor.size, anchor.root, newest.size, newest.root, proof).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("an anchor of size ", anchor.size, " with a root that this log never had"));
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredEntry> LedgerImpl::ReadEntry(uint64_t index, bool with_opening) {
  const uint64_t size = head()->head.size;
  if (index >= size) return BeyondSize(index, size);
  return reader_.Read(index, with_opening);
}

absl::Status LedgerImpl::ReadEntries(uint64_t begin, uint64_t end, bool with_opening,
                                     absl::FunctionRef<bool(StoredEntry)> visit) {
  const uint64_t size = head()->head.size;
  if (begin > end || end > size) return BeyondSize(std::max(begin, end), size);
  return reader_.ReadRange(begin, end, with_opening, visit);
}

absl::Status LedgerImpl::CheckSize(uint64_t size) const {
  const uint64_t newest = head()->head.size;
  if (size > 0 && size <= newest) return absl::OkStatus();
  return WithReason(
      absl::OutOfRangeError(absl::StrCat("size ", size, ": proofs are for 1 to ", newest)),
      kReasonTreeSizeUnknown, {{"size", absl::StrCat(size)}, {"newest", absl::StrCat(newest)}});
}

absl::StatusOr<std::vector<Hash>> LedgerImpl::Inclusion(uint64_t index, uint64_t size) {
  RETURN_IF_ERROR(CheckSize(size));
  if (index >= size) return BeyondSize(index, size);
  NodeCache nodes(tiles_, size);
  auto proof = InclusionProof(index, size, nodes);
  if (!proof.ok()) return Corrupt(proof.status());
  return proof;
}

absl::StatusOr<std::vector<Hash>> LedgerImpl::Consistency(uint64_t old_size, uint64_t new_size) {
  RETURN_IF_ERROR(CheckSize(new_size));
  RETURN_IF_ERROR(CheckSize(old_size));
  if (old_size > new_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("the old size ", old_size, " is larger than the new one, ", new_size));
  }
  NodeCache nodes(tiles_, new_size);
  auto proof = ConsistencyProof(old_size, new_size, nodes);
  if (!proof.ok()) return Corrupt(proof.status());
  return proof;
}

std::vector<StreamInfo> LedgerImpl::Streams(uint32_t first, size_t limit, size_t max_gaps) {
  return streams_.List(first, limit, max_gaps);
}

absl::StatusOr<std::vector<std::vector<Hash>>> LedgerImpl::Inclusions(
    absl::Span<const uint64_t> indices, uint64_t size) {
  RETURN_IF_ERROR(CheckSize(size));
  NodeCache nodes(tiles_, size);
  std::vector<std::vector<Hash>> proofs;
  proofs.reserve(indices.size());
  for (const uint64_t index : indices) {
    if (index >= size) return BeyondSize(index, size);
    auto proof = InclusionProof(index, size, nodes);
    if (!proof.ok()) return Corrupt(proof.status());
    proofs.push_back(*std::move(proof));
  }
  return proofs;
}

uint64_t LedgerImpl::AddHeadListener(HeadListener listener) {
  return feed_.Add(std::move(listener));
}

void LedgerImpl::RemoveHeadListener(uint64_t id) { feed_.Remove(id); }

}  // namespace auditledger
