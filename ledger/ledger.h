// One ledger: the durable log behind the service. Start here.
//
// Example:
//   auto ledger = Ledger::Open(options).value();
//   SealedEvent event = ledger->sealer().Seal(input).value();
//   ledger->Append({std::move(event)}, [](absl::StatusOr<AppendOutcome> outcome) { ... });
//
// Acknowledged means durable, ordered, signed and provable: the callback gets OK only after the
// commit was synced, re-read and recomputed, and its head signed. ONE committer thread makes order
// (committer.h); callbacks run on an acknowledging thread and must not block.
//
// Thread-safety: all methods may be called by many threads.
// Errors: reasons of errors.h are attached.
#ifndef AUDITLEDGER_LEDGER_LEDGER_H_
#define AUDITLEDGER_LEDGER_LEDGER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ledger/backup_source.h"
#include "ledger/clock.h"
#include "ledger/engine.h"
#include "ledger/key_rotation.h"
#include "ledger/key_use.h"
#include "ledger/options.h"
#include "ledger/random.h"
#include "ledger/sealer.h"
#include "ledger/seed_store.h"
#include "ledger/signer.h"
#include "ledger/stream_table.h"
#include "merkle/cose_receipt.h"
#include "merkle/erasure_entries.h"
#include "merkle/hash.h"
#include "merkle/key_chain.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/system_entries.h"

namespace auditledger {

// A head somebody vouches for.
struct PublishedHead {
  Head head;
  std::string checkpoint;  // signed note
  bool witnessed = false;  // the note carries a quorum's cosignatures (api/cosigner.h)
};

// One event's place.
struct AppendedEntry {
  uint64_t index = 0;
  std::string leaf;
  std::vector<Hash> inclusion;  // in the tree of AppendOutcome::head
  uint64_t flags = 0;
  bool repeated = false;  // it was there before; this is its first place
  std::string seed;       // with header: what opens the commitment
  std::string header;
  std::string masked_event;  // with kFlagSecretsMasked: what was sealed in place of what was sent
};

struct AppendOutcome {
  std::shared_ptr<const PublishedHead> head;
  std::vector<AppendedEntry> entries;  // one for each event given, in order
};
using AppendCallback = absl::AnyInvocable<void(absl::StatusOr<AppendOutcome>)>;

// The newest head, signed for COSE receipts of its entries: `receipt` lacks index and path.
struct CoseHead {
  std::shared_ptr<const PublishedHead> head;
  CoseReceipt receipt;
};
using CoseHeadCallback = absl::AnyInvocable<void(absl::StatusOr<CoseHead>)>;

// What is read of an entry.
struct StoredEntry {
  enum class Payload { kNone, kPresent, kNotRequested, kErased };
  uint64_t index = 0;
  std::string leaf;
  Payload payload = Payload::kNotRequested;
  std::optional<Opening> opening;
  uint64_t erased_by = 0;  // kErased: the entry that says so; 0: none does
};

// kFrozen: nothing is ever appended again, by an entry that ends the log or since it was retired.
enum class LedgerState { kServing, kReadOnly, kPaused, kFrozen };

struct LedgerStatus {
  LedgerState state = LedgerState::kServing;
  std::string reason;  // why, and what to do
  // What the background check found damaged, naming the entry; empty: nothing. Appends go on.
  std::string damage{};
};

// Counters for metrics; all since start.
struct LedgerCounters {
  uint64_t appended = 0;
  uint64_t repeated = 0;
  uint64_t conflicts = 0;
  uint64_t streams_over_cap = 0;  // numbered events accepted with their stream's gaps unknown
  uint64_t refused_overload = 0;
  uint64_t commits = 0;
  uint64_t commit_micros = 0;          // summed over commits
  uint64_t queued_entries = 0;         // now
  uint64_t queued_bytes = 0;           // now
  uint64_t identity_memory_bytes = 0;  // now
  uint64_t checked_entries = 0;        // by the background check
  uint64_t check_rounds = 0;           // of it, through the whole log
  uint64_t damage_findings = 0;        // now
  // Logs kept as data_dir/log/*.cut since their torn last commit, which nobody was told of, was
  // left out at this start or an earlier one.
  uint64_t cut_logs = 0;
  uint64_t wrapping_key_id = 0;  // that secrets are wrapped under now
  // Of the pass of a rotation that is under way (wrap_rotation.h), its end included; 0: none is.
  uint64_t rewrap_segments_left = 0;
};

// Overrides of safety stops that an operator gives at start; each use is an entry in the log.
struct OperatorOverrides {
  bool accept_clock = false;  // the clock is right although it jumped
  bool confirm_after_sync_failure =
      false;  // the head read back after a failed sync is the right one
};

// The log that a new one goes on from.
struct Predecessor {
  std::string checkpoint;  // its last head that counts, a signed note; empty: none
  // How far it is known to have gone beyond that head; 0: not. An entry says which of its entries
  // are not carried over.
  uint64_t end = 0;
};
// As long as a genesis can hold, with room for the rest of its leaf.
inline constexpr size_t kMaxPredecessorBytes = 32768;

struct LedgerOptions {
  std::string origin;
  Predecessor predecessor;  // of Create
  LedgerPaths paths;
  LedgerLimits limits;
  OperatorOverrides overrides;
  // Open signs nothing that was not signed before and appends nothing until Confirm: for a ledger
  // whose witnesses are asked first whether its heads are a prefix of this log.
  bool hold_until_confirmed = false;
  Clock* clock = nullptr;    // not owned; nullptr = the machine's
  Random* random = nullptr;  // not owned; nullptr = the machine's
  // Tests give their own engine or signer; nullptr = LevelDB in data_dir, the embedded signer on
  // state_dir.
  std::function<absl::StatusOr<std::unique_ptr<Engine>>()> open_engine;
  std::function<absl::StatusOr<std::unique_ptr<Signer>>()> open_signer;
  // The same for the key store (seed_store.h); it keeps `keys` and `random`, which outlive it.
  std::function<absl::StatusOr<std::unique_ptr<SeedStore>>(const KeyProvider& keys, Random& random)>
      open_seed_store;
  // Free bytes where data and seeds are kept; nullptr = statvfs.
  std::function<absl::StatusOr<uint64_t>()> free_bytes;
  // Called once when a sync failed: the process must end at once, without a clean close. Default:
  // _exit(70).
  std::function<void()> on_sync_failure;
  ErasureRules erasure;
};

class Ledger {
 public:
  // Makes folders, keys, signer state and the genesis entry; goes on where a Create was cut short.
  // AlreadyExists when there is a ledger. FailedPrecondition when keys, state or seeds of one are
  // there without its log: another log under the same key would be a fork.
  static absl::StatusOr<std::unique_ptr<Ledger>> Create(const LedgerOptions& options);

  // Recovers in O(log n) and starts; makes a change of the log's key that was prepared an entry.
  // FailedPrecondition when the log is not what the signer signed (rollback, fork, lost state) or
  // keys and seeds are not the log's: the message says what was found and what to do.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(const LedgerOptions& options);

  virtual ~Ledger() = default;

  virtual const std::string& origin() const = 0;
  virtual const NoteVerifier& verifier() const = 0;
  // The changes of the log's key up to now, without proofs; fixed from Open on, since a key that
  // was prepared (key_rotation.h) takes over at a start.
  virtual std::vector<LoggedKeyChange> key_changes() const { return {}; }
  virtual const Sealer& sealer() const = 0;
  virtual Clock& clock() const = 0;

  // Queues events that are to stand next to each other, all or none. `done` is called exactly once,
  // always, on another thread or before Append returns. REQUIRES: 1 <= events.size() <=
  // max_commit_entries. AlreadyExists (EVENT_ID_CONFLICT), FailedPrecondition, ResourceExhausted
  // (OVERLOADED), Unavailable.
  virtual void Append(std::vector<SealedEvent> events, AppendCallback done) = 0;

  // Queues an entry of the ledger's own that says: this head of it was stamped, by this token.
  // InvalidArgument unless the head is one of this log's; else as Append.
  virtual void AppendAnchor(const Anchor& anchor, AppendCallback done) = 0;
  // Queues an entry of the ledger's own that says what its operator did; never who. InvalidArgument
  // when that is over 65,535 bytes; else as Append.
  virtual void AppendOperator(const OperatorAction& action, AppendCallback done) {
    (void)action;
    done(absl::UnimplementedError("this ledger takes no entries of an operator"));
  }
  // Begins a rotation of the key that secrets are wrapped under (wrap_rotation.h), with an entry
  // that says so first; the new key's id. FailedPrecondition while one is under way, or when this
  // ledger may not write; the errors of Append.
  virtual absl::StatusOr<uint16_t> RotateWrappingKey(OldKey /*old_key*/) {
    return absl::UnimplementedError("this ledger cannot rotate its wrapping key");
  }
  // How often wrapping keys were used since the start.
  virtual KeyUses key_uses() const { return {}; }
  // Has the signer sign the newest head once more, for COSE receipts, in turn with the appends, and
  // under the same bounds and refusals.
  virtual void SignCoseHead(CoseHeadCallback done) = 0;
  // Ends the log: this entry is its last. Waits until it is durable and signed; afterwards appends
  // are refused for ever (LEDGER_FROZEN), and reads go on. InvalidArgument when more is said to be
  // confirmed than there is; the errors of Append.
  virtual absl::Status FreezeLog(const Freeze& freeze) {
    (void)freeze;
    return absl::UnimplementedError("this ledger cannot be frozen");
  }

  // The newest signed head; never null.
  virtual std::shared_ptr<const PublishedHead> head() const = 0;
  virtual LedgerStatus status() const = 0;
  virtual LedgerCounters counters() const = 0;

  // OutOfRange unless index < size of the newest signed head.
  virtual absl::StatusOr<StoredEntry> ReadEntry(uint64_t index, bool with_opening) = 0;
  // Entries [begin, end) in order, until `visit` returns false. OutOfRange beyond the newest signed
  // head.
  virtual absl::Status ReadEntries(uint64_t begin, uint64_t end, bool with_opening,
                                   absl::FunctionRef<bool(StoredEntry)> visit) = 0;
  virtual absl::StatusOr<std::vector<Hash>> Inclusion(uint64_t index, uint64_t size) = 0;
  virtual absl::StatusOr<std::vector<Hash>> Consistency(uint64_t old_size, uint64_t new_size) = 0;
  // Inclusion of each of `indices` in one tree: the same nodes are read once.
  virtual absl::StatusOr<std::vector<std::vector<Hash>>> Inclusions(
      absl::Span<const uint64_t> indices, uint64_t size);

  // Whether a head that somebody outside vouches for is the stored log's own past. OK;
  // FailedPrecondition "rollback: ..." when the log here is shorter, "fork: ..." when its first
  // `size` entries have another root: with what to do.
  virtual absl::Status CheckPrefix(uint64_t size, const Hash& root) const;
  // Whether hold_until_confirmed still holds.
  virtual bool held() const { return false; }
  // Ends hold_until_confirmed: signs what is stored, appends what the start has to record, and
  // serves. With `vouched`, the stored head that an operator vouches for in the witnesses' place,
  // which must be exactly that and is recorded: FailedPrecondition otherwise. OK when nothing is
  // held. Errors of signing and storage leave it held.
  virtual absl::Status Confirm(const std::optional<Head>& vouched);
  // Appends are answered `why` (not OK) until the next Hold, OK ends it; what is queued is still
  // committed. Unavailable shows as paused, any other code as read only. With reason
  // LEDGER_READ_ONLY it is for ever: no later Hold and no Confirm undoes it.
  virtual void Hold(const absl::Status& why);

  virtual std::vector<StreamInfo> Streams(uint32_t first, size_t limit, size_t max_gaps) = 0;

  // Calls `listener` with each new head, on the acknowledging thread, and once before this returns
  // with the newest. It must not block or call back into Add/RemoveHeadListener. After
  // RemoveHeadListener returns it is not running and is never called again.
  using HeadListener = std::function<void(const std::shared_ptr<const PublishedHead>&)>;
  virtual uint64_t AddHeadListener(HeadListener listener) = 0;
  virtual void RemoveHeadListener(uint64_t id) = 0;

  // The records as they are stored, for a backup; nothing where a ledger stores none (a test's).
  virtual const BackupSource* backup_source() const { return nullptr; }

  // Stops admission, finishes what is queued, acknowledges it, joins the threads. Reads go on.
  // Idempotent.
  virtual void Drain() = 0;

  // Erasing, by two persons: what each promises and refuses stands in eraser.h. The event says who
  // and why; it stands behind the entry, in the outcome's one place, and names no stream and no
  // sequence. They block until the answer: never on a thread that acknowledges.
  virtual absl::StatusOr<AppendOutcome> RequestErasure(const ErasureScope&, SealedEvent) {
    return absl::UnimplementedError("nothing can be erased from this ledger");
  }
  // Carries out the request of that entry. OK: the content is gone from this ledger's disks.
  virtual absl::StatusOr<AppendOutcome> Erase(uint64_t /*request*/, SealedEvent /*approval*/) {
    return absl::UnimplementedError("nothing can be erased from this ledger");
  }
  virtual absl::StatusOr<AppendOutcome> SetLegalHold(const LegalHold&, SealedEvent) {
    return absl::UnimplementedError("this ledger knows no legal holds");
  }

  // The entry that erased the content of `index`.
  virtual std::optional<uint64_t> ErasedBy(uint64_t /*index*/) const { return std::nullopt; }
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_LEDGER_H_
