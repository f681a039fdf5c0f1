#include "tests/ledger/ledger_fixture.h"

#include <stdlib.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "ledger/leveldb_engine.h"
#include "ledger/memory_engine.h"
#include "ledger/recovery.h"
#include "merkle/checkpoint.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/units.h"
#include "merkle/verify.h"
#include "merkle/wire.h"
#include "tests/testing/check_ledger.h"

namespace auditledger::testing {
namespace {

using How = Faults::How;

absl::Status Injected() { return absl::InternalError("injected"); }

class FaultyEngine : public Engine {
 public:
  FaultyEngine(std::shared_ptr<Engine> engine, std::shared_ptr<Faults> faults)
      : engine_(std::move(engine)), faults_(std::move(faults)) {}
  absl::StatusOr<std::optional<Head>> LoadHead() override { return engine_->LoadHead(); }
  absl::Status Commit(const std::optional<Head>& expected, const CommitBatch& batch) override {
    if (faults_->before_commit) faults_->before_commit();
    const How how = faults_->commit;
    if (how == How::kErrorAndAbsent) return Injected();
    const absl::Status status = engine_->Commit(expected, batch);
    return how == How::kErrorButPresent ? Injected() : status;
  }
  absl::Status Forget(absl::Span<const Forgotten> entries) override {
    if (faults_->forget == How::kErrorAndAbsent) return Injected();
    const absl::Status status = engine_->Forget(entries);
    return faults_->forget == How::kErrorButPresent ? Injected() : status;
  }
  size_t CommitBytesNow() const override { return faults_->commit_bytes_now; }
  absl::StatusOr<std::string> Read(RecordKind kind, uint64_t index) override {
    auto bytes = engine_->Read(kind, index);
    if (bytes.ok() && faults_->on_read) faults_->on_read(kind, index, *bytes);
    return bytes;
  }
  absl::Status Scan(RecordKind kind, uint64_t begin, uint64_t end,
                    absl::FunctionRef<bool(uint64_t, absl::string_view)> visit) override {
    return engine_->Scan(kind, begin, end, [&](uint64_t index, absl::string_view bytes) {
      if (!faults_->on_read) return visit(index, bytes);
      std::string changed(bytes);
      faults_->on_read(kind, index, changed);
      return visit(index, changed);
    });
  }
  absl::StatusOr<std::string> ReadTile(TileId id) override { return engine_->ReadTile(id); }
  absl::Status ScanStreams(absl::FunctionRef<bool(uint32_t, absl::string_view)> visit) override {
    return engine_->ScanStreams(visit);
  }
  absl::Status latched() const override { return engine_->latched(); }
  bool SyncFailed() const override { return faults_->sync_failed; }

 private:
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Faults> faults_;
};

class FaultySigner : public Signer {
 public:
  FaultySigner(std::unique_ptr<Signer> signer, std::shared_ptr<Faults> faults)
      : signer_(std::move(signer)), faults_(std::move(faults)) {}
  absl::StatusOr<std::optional<Head>> LastSigned() override { return signer_->LastSigned(); }
  absl::StatusOr<std::string> Sign(const Head& head, absl::Span<const Hash> proof) override {
    const How how = faults_->sign;
    if (how == How::kErrorAndAbsent) return Injected();
    auto note = signer_->Sign(head, proof);
    if (how == How::kErrorButPresent) return Injected();
    return note;
  }
  absl::StatusOr<std::string> SignCoseHead(const Head& head) override {
    if (faults_->sign != How::kNone) return Injected();
    return signer_->SignCoseHead(head);
  }
  absl::StatusOr<std::optional<std::string>> PendingKeyChange() override {
    return signer_->PendingKeyChange();
  }
  absl::StatusOr<std::string> SignKeyChange(const Head& head, absl::Span<const Hash> proof,
                                            absl::string_view leaf,
                                            absl::Span<const Hash> inclusion) override {
    const How how = faults_->sign;
    if (how == How::kErrorAndAbsent) return Injected();
    auto note = signer_->SignKeyChange(head, proof, leaf, inclusion);
    if (how == How::kErrorButPresent) return Injected();
    return note;
  }
  const NoteVerifier& verifier() const override { return signer_->verifier(); }

 private:
  std::unique_ptr<Signer> signer_;
  std::shared_ptr<Faults> faults_;
};

class FaultySeeds : public SeedStore {
 public:
  FaultySeeds(std::unique_ptr<SeedStore> seeds, std::shared_ptr<Faults> faults)
      : seeds_(std::move(seeds)), faults_(std::move(faults)) {}
  absl::Status Put(uint64_t first_index, absl::Span<const std::string> seeds) override {
    const How how = faults_->seed_put;
    if (how == How::kErrorAndAbsent) return Injected();
    const absl::Status status = seeds_->Put(first_index, seeds);
    return how == How::kErrorButPresent ? Injected() : status;
  }
  absl::StatusOr<std::string> Get(uint64_t index) override { return seeds_->Get(index); }
  absl::StatusOr<State> StateOf(uint64_t index) override { return seeds_->StateOf(index); }
  absl::Status Erase(uint64_t index) override { return seeds_->Erase(index); }
  absl::StatusOr<uint64_t> Rewrap(uint64_t segment) override { return seeds_->Rewrap(segment); }
  absl::Status EraseAll(absl::Span<const uint64_t> indices) override {
    if (faults_->seed_erase == How::kErrorAndAbsent) return Injected();
    const absl::Status status = seeds_->EraseAll(indices);
    return faults_->seed_erase == How::kErrorButPresent ? Injected() : status;
  }

 private:
  std::unique_ptr<SeedStore> seeds_;
  std::shared_ptr<Faults> faults_;
};

void PutField(std::string& out, uint32_t field, const std::string& value) {
  PutLengthDelimitedPrefix(out, field, value.size());
  out += value;
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "auditledger-XXXXXX").string();
  path_ = ::mkdtemp(name.data());
}

ScratchFolder::~ScratchFolder() { std::filesystem::remove_all(path_); }

std::string CountedRandom::Bytes(size_t count) {
  std::string out;
  while (out.size() < count) {
    out += std::string(Sha256({absl::StrCat("random", counter_++)}).view());
  }
  out.resize(count);
  return out;
}

std::string MakeEvent(const std::string& id, const std::string& content,
                      const EventSource& source) {
  std::string event;
  PutField(event, kEventIdField, id);
  // recorded: a Timestamp of 2023
  PutField(event, kRecordedField, "\x0a\x06\x08\x80\x9c\xfd\xa9\x06");
  PutField(event, 5, content);
  std::string reference;
  PutField(reference, 1, "Patient/7");
  PutField(event, kPatientField, reference);
  std::string from;
  PutField(from, 8, source.stream);
  if (source.sequence != 0) {
    from += "\x48";  // field 9, a varint
    uint64_t rest = source.sequence;
    for (; rest >= 128; rest >>= 7) from += static_cast<char>(rest | 128);
    from += static_cast<char>(rest);
  }
  PutField(event, kSourceField, from);
  return event;
}

std::unique_ptr<Engine> WrapEngine(std::shared_ptr<Engine> engine, std::shared_ptr<Faults> faults) {
  return std::make_unique<FaultyEngine>(std::move(engine), std::move(faults));
}
std::unique_ptr<Signer> WrapSigner(std::unique_ptr<Signer> signer, std::shared_ptr<Faults> faults) {
  return std::make_unique<FaultySigner>(std::move(signer), std::move(faults));
}
std::unique_ptr<SeedStore> WrapSeedStore(std::unique_ptr<SeedStore> seeds,
                                         std::shared_ptr<Faults> faults) {
  return std::make_unique<FaultySeeds>(std::move(seeds), std::move(faults));
}

TestLedger::TestLedger(Store store, const std::string& origin) : store_(store) {
  options.origin = origin;
  options.paths = {folder() + "/data", folder() + "/state", folder() + "/keys",
                   folder() + "/seeds"};
  options.clock = &clock;
  options.random = &random;
  options.on_sync_failure = [this] { ++sync_failures; };
  options.free_bytes = [] { return uint64_t{1} << 40; };
  if (store == Store::kMemory) memory_ = NewMemoryEngine();
  UseFaults();
}

TestLedger::~TestLedger() { Close(); }

void TestLedger::UseFaults() {
  options.open_engine = [this]() -> absl::StatusOr<std::unique_ptr<Engine>> {
    if (memory_ != nullptr) return WrapEngine(memory_, faults);
    LevelDbOptions leveldb;
    leveldb.path = LogPath(options.paths);
    leveldb.create_if_missing = true;
    ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, OpenLevelDbEngine(leveldb));
    return WrapEngine(std::move(engine), faults);
  };
  options.open_signer = [this]() -> absl::StatusOr<std::unique_ptr<Signer>> {
    ASSIGN_OR_RETURN(auto signer, OpenEmbeddedSigner({options.paths.state_dir, options.origin,
                                                      LogKeyPath(options.paths)}));
    return WrapSigner(std::move(signer), faults);
  };
  options.open_seed_store = [this](const KeyProvider& keys,
                                   Random& source) -> absl::StatusOr<std::unique_ptr<SeedStore>> {
    ASSIGN_OR_RETURN(auto seeds,
                     SeedStore::Open(options.paths.seed_dir, options.origin, keys, source));
    return WrapSeedStore(std::move(seeds), faults);
  };
}

absl::Status TestLedger::Create() {
  Close();
  ASSIGN_OR_RETURN(ledger, Ledger::Create(options));
  return absl::OkStatus();
}

absl::Status TestLedger::Open() {
  Close();
  ASSIGN_OR_RETURN(ledger, Ledger::Open(options));
  return absl::OkStatus();
}

void TestLedger::Heal() {
  Close();
  faults->commit = How::kNone;
  faults->seed_put = How::kNone;
  faults->sign = How::kNone;
  faults->seed_erase = How::kNone;
  faults->forget = How::kNone;
  faults->sync_failed = false;
  faults->before_commit = nullptr;
  faults->on_read = nullptr;
}

SealedEvent TestLedger::Seal(const std::string& id, const std::string& content, uint64_t sequence,
                             const std::string& stream) {
  SealInput input;
  input.event = MakeEvent(id, content, {stream, sequence});
  input.principal = principal;
  input.stream_id = stream;
  input.event_id = id;
  input.stream_sequence = sequence;
  input.flags = kFlagLate;
  input.received_at_us = clock.WallMicros();
  return ledger->sealer().Seal(std::move(input)).value();
}

absl::StatusOr<AppendOutcome> TestLedger::Append(std::vector<SealedEvent> events) {
  Answers answers;
  ledger->Append(std::move(events), answers.Slot());
  return std::move(answers.WaitAll()[0]);
}

absl::StatusOr<AppendOutcome> TestLedger::AppendOne(const std::string& id,
                                                    const std::string& content, uint64_t sequence,
                                                    const std::string& stream) {
  std::vector<SealedEvent> events;
  events.push_back(Seal(id, content, sequence, stream));
  return Append(std::move(events));
}

absl::StatusOr<uint64_t> TestLedger::Erase(const EntryRanges& ranges) {
  const uint64_t n = ledger->head()->head.size;
  const std::string asked_by = std::exchange(principal, "spiffe://test/officer");
  SealedEvent why = Seal(absl::StrCat("ask-", n), "asks for an erasure");
  principal = "spiffe://test/approver";
  SealedEvent approval = Seal(absl::StrCat("approve-", n), "approves it");
  principal = asked_by;
  ASSIGN_OR_RETURN(
      const AppendOutcome request,
      ledger->RequestErasure({ErasureReason::kSubjectRequest, ranges}, std::move(why)));
  ASSIGN_OR_RETURN(const AppendOutcome erasure,
                   ledger->Erase(request.entries.at(0).index, std::move(approval)));
  return erasure.entries.at(0).index;
}

std::unique_ptr<Engine> TestLedger::RawEngine() {
  return memory_ != nullptr ? WrapEngine(memory_, std::make_shared<Faults>())
                            : options.open_engine().value();
}

absl::Status TestLedger::Check() {
  Close();
  return CheckLedger(*RawEngine(), options.origin);
}

absl::Status CheckReceipt(const Ledger& ledger, const AppendOutcome& outcome, size_t position,
                          const std::string& event) {
  const AppendedEntry& entry = outcome.entries.at(position);
  ASSIGN_OR_RETURN(const SignedCheckpoint checkpoint,
                   OpenCheckpoint(outcome.head->checkpoint, ledger.origin(), ledger.verifier()));
  RETURN_IF_ERROR(VerifyInclusion(entry.index, checkpoint.checkpoint.size, LeafHash(entry.leaf),
                                  entry.inclusion, checkpoint.checkpoint.root));
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entry.leaf));
  return VerifyOpening(leaf, {entry.seed, entry.header, event}, std::nullopt);
}

AppendCallback Answers::Slot() {
  size_t slot = 0;
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    slot = state_->answers.size();
    state_->answers.emplace_back(absl::UnknownError("not answered"));
    state_->calls.push_back(0);
  }
  return [state = state_, slot](absl::StatusOr<AppendOutcome> outcome) {
    std::lock_guard<std::mutex> lock(state->mutex);
    state->answers[slot] = std::move(outcome);
    if (++state->calls[slot] == 1) ++state->answered;
    state->changed.notify_all();
  };
}

std::vector<absl::StatusOr<AppendOutcome>> Answers::WaitAll() {
  std::unique_lock<std::mutex> lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->answered == state_->answers.size(); });
  return state_->answers;
}

std::vector<int> Answers::CallsPerSlot() {
  std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->calls;
}

}  // namespace auditledger::testing
