// The parts of one ledger put together. Private to ledger.cc: callers see ledger.h.
//
// Thread-safety: as Ledger.
#ifndef AUDITLEDGER_LEDGER_LEDGER_IMPL_H_
#define AUDITLEDGER_LEDGER_LEDGER_IMPL_H_

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/background_check.h"
#include "ledger/committer.h"
#include "ledger/engine_tiles.h"
#include "ledger/eraser.h"
#include "ledger/erasures.h"
#include "ledger/identity_index.h"
#include "ledger/key_files.h"
#include "ledger/ledger.h"
#include "ledger/recovery.h"
#include "ledger/wrap_rotation.h"

namespace auditledger {

class LedgerImpl : public Ledger {
 public:
  // What was opened; the ledger owns it.
  struct Stores {
    std::unique_ptr<LedgerKeys> keys;
    std::unique_ptr<FileKeyProvider> wrapping;
    std::unique_ptr<Engine> engine;
    std::unique_ptr<SeedStore> seeds;
    std::unique_ptr<Signer> signer;
  };
  // `recovered` is nothing for a ledger that is being made: its genesis is committed first.
  static absl::StatusOr<std::unique_ptr<Ledger>> Start(const LedgerOptions& options, Stores stores,
                                                       std::optional<Recovered> recovered);
  ~LedgerImpl() override;

  const std::string& origin() const override { return options_.origin; }
  const NoteVerifier& verifier() const override { return *verifier_; }
  std::vector<LoggedKeyChange> key_changes() const override;
  const Sealer& sealer() const override { return sealer_; }
  Clock& clock() const override { return clock_; }
  void Append(std::vector<SealedEvent> events, AppendCallback done) override;
  void AppendAnchor(const Anchor& anchor, AppendCallback done) override;
  void AppendOperator(const OperatorAction& action, AppendCallback done) override;
  void SignCoseHead(CoseHeadCallback done) override { committer_->SignCoseHead(std::move(done)); }
  absl::Status FreezeLog(const Freeze& freeze) override;
  absl::StatusOr<uint16_t> RotateWrappingKey(OldKey old_key) override;
  KeyUses key_uses() const override { return stores_.wrapping->uses(); }
  absl::StatusOr<AppendOutcome> RequestErasure(const ErasureScope& scope,
                                               SealedEvent why) override {
    return eraser_->Request(scope, std::move(why));
  }
  absl::StatusOr<AppendOutcome> Erase(uint64_t request, SealedEvent approval) override {
    return eraser_->Erase(request, std::move(approval));
  }
  absl::StatusOr<AppendOutcome> SetLegalHold(const LegalHold& hold, SealedEvent why) override {
    return eraser_->Hold(hold, std::move(why));
  }
  std::optional<uint64_t> ErasedBy(uint64_t index) const override {
    return erasures_.ErasedBy(index);
  }
  std::shared_ptr<const PublishedHead> head() const override { return feed_.head(); }
  LedgerStatus status() const override;
  LedgerCounters counters() const override;
  absl::StatusOr<StoredEntry> ReadEntry(uint64_t index, bool with_opening) override;
  absl::Status ReadEntries(uint64_t begin, uint64_t end, bool with_opening,
                           absl::FunctionRef<bool(StoredEntry)> visit) override;
  absl::StatusOr<std::vector<Hash>> Inclusion(uint64_t index, uint64_t size) override;
  absl::StatusOr<std::vector<Hash>> Consistency(uint64_t old_size, uint64_t new_size) override;
  absl::StatusOr<std::vector<std::vector<Hash>>> Inclusions(absl::Span<const uint64_t> indices,
                                                            uint64_t size) override;
  absl::Status CheckPrefix(uint64_t size, const Hash& root) const override;
  bool held() const override {
    MutexLock lock(held_mutex_);
    return held_.has_value();
  }
  absl::Status Confirm(const std::optional<Head>& vouched) override;
  void Hold(const absl::Status& why) override;
  std::vector<StreamInfo> Streams(uint32_t first, size_t limit, size_t max_gaps) override;
  uint64_t AddHeadListener(HeadListener listener) override;
  void RemoveHeadListener(uint64_t id) override;
  const BackupSource* backup_source() const override { return &backup_source_; }
  void Drain() override { committer_->Drain(); }

 private:
  LedgerImpl(const LedgerOptions& options, Stores stores);
  absl::Status LoadIndexes(uint64_t size);
  void Assemble(const std::optional<Head>& stored, TreeEdge edge);
  absl::Status CommitGenesis();
  absl::Status FinishRecovery(Recovered recovered);
  absl::Status SignStored() ABSL_EXCLUSIVE_LOCKS_REQUIRED(held_mutex_);
  absl::Status Settle(Recovered& recovered);
  void Serve();
  absl::Status ChangeKey();
  void TakeVerifier();
  absl::Status RecordKeys();
  absl::Status CheckSize(uint64_t size) const;
  absl::Status CheckAnchor(const Anchor& anchor);
  void StartBackgroundCheck();
  absl::Status LoadRotation();
  void StartRotation();

  const LedgerOptions options_;
  Clock& clock_;
  Stores stores_;
  const BackupSource backup_source_{*stores_.engine, *stores_.seeds};
  Sealer sealer_;
  Erasures erasures_;
  Reader reader_;
  EngineTiles tiles_;
  StreamTable streams_;
  HeadFeed feed_;
  mutable Mutex keys_mutex_;
  std::vector<LoggedKeyChange> key_changes_ ABSL_GUARDED_BY(keys_mutex_);
  std::list<NoteVerifier> verifiers_ ABSL_GUARDED_BY(keys_mutex_);  // the last is the log's
  std::atomic<const NoteVerifier*> verifier_{nullptr};              // of them
  uint64_t cut_logs_ = 0;                                           // set before it serves
  Head stored_;               // what was stored when it was opened
  mutable Mutex held_mutex_;  // one Confirm at a time
  std::optional<Recovered> held_ ABSL_GUARDED_BY(held_mutex_);  // waits for Confirm
  bool vouch_taken_ ABSL_GUARDED_BY(held_mutex_) = false;       // its entry is made
  std::unique_ptr<IdentityIndex> identities_;
  std::unique_ptr<PauseGate> gate_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<RequestPlanner> planner_;
  std::unique_ptr<Committer> committer_;  // its threads use all the others
  std::unique_ptr<Eraser> eraser_;
  std::unique_ptr<BackgroundCheck> check_;  // last, for the same reason; may be none
  Mutex rotate_mutex_;                      // one RotateWrappingKey at a time
  std::unique_ptr<KeyUseLog> key_use_log_;
  std::unique_ptr<WrapRotation> rotation_;
  std::atomic<bool> may_rotate_{false};  // its thread is there
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_LEDGER_IMPL_H_
