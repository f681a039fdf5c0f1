// A ledger whose commits happen when the test says so, and a set of one. It keeps leaves in memory
// and proves nothing: what it is for are order, flow control, faults and ends of calls. Receipts
// are tested on a real LedgerSet.
#ifndef AUDITLEDGER_TESTS_API_FAKE_LEDGERS_H_
#define AUDITLEDGER_TESTS_API_FAKE_LEDGERS_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ledger/errors.h"
#include "ledger/ledger_set.h"
#include "ledger/mutex.h"
#include "merkle/leaf.h"

namespace auditledger::testing {

inline LedgerKeys FakeKeys() {
  LedgerKeys keys(NoteVerifier::FromEd25519("test.example/log", std::string(32, '\x07')).value());
  keys.index_key = SecretString(std::string(32, 'i'));
  keys.dedup_key = SecretString(std::string(32, 'd'));
  keys.wrapping_keys.emplace(uint16_t{1}, SecretString(std::string(32, 'w')));
  return keys;
}

class FakeLedger : public Ledger {
 public:
  FakeLedger() : keys_(FakeKeys()), sealer_("test.example/log", keys_, Random::System()) {
    Publish();
  }

  const std::string& origin() const override { return origin_; }
  const NoteVerifier& verifier() const override { return keys_.log_verifier; }
  const Sealer& sealer() const override { return sealer_; }
  Clock& clock() const override { return Clock::System(); }

  void Append(std::vector<SealedEvent> events, AppendCallback done) override {
    absl::Status refusal;
    {
      MutexLock lock(mutex_);
      refusal = refusal_;
      if (refusal.ok()) {
        queue_.push_back({std::move(events), std::move(done)});
        highest_queue_ = std::max(highest_queue_, queue_.size());
        ++taken_;
      }
    }
    if (!refusal.ok()) return done(refusal);
    if (!holding()) Release(1);
  }

  // Commits the first `count` waiting appends.
  void Release(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      Waiting waiting;
      {
        MutexLock lock(mutex_);
        if (queue_.empty()) return;
        waiting = std::move(queue_.front());
        queue_.pop_front();
      }
      waiting.done(Commit(waiting.events));
    }
  }

  void Hold(bool hold) {
    MutexLock lock(mutex_);
    holding_ = hold;
  }
  void Refuse(const absl::Status& status) {
    MutexLock lock(mutex_);
    refusal_ = status;
  }
  void SetStatus(LedgerStatus status) {
    MutexLock lock(mutex_);
    status_ = std::move(status);
  }
  bool holding() const {
    MutexLock lock(mutex_);
    return holding_;
  }
  size_t waiting() const {
    MutexLock lock(mutex_);
    return queue_.size();
  }
  size_t taken() const {
    MutexLock lock(mutex_);
    return taken_;
  }
  size_t highest_queue() const {
    MutexLock lock(mutex_);
    return highest_queue_;
  }
  size_t listeners() const {
    MutexLock lock(mutex_);
    return listeners_.size();
  }

  void AppendAnchor(const Anchor&, AppendCallback done) override {
    done(absl::UnavailableError("this ledger takes no anchors"));
  }
  void SignCoseHead(CoseHeadCallback done) override {
    done(absl::UnavailableError("this ledger signs no receipts"));
  }
  std::shared_ptr<const PublishedHead> head() const override {
    MutexLock lock(mutex_);
    return head_;
  }
  LedgerStatus status() const override {
    MutexLock lock(mutex_);
    return status_;
  }
  LedgerCounters counters() const override {
    LedgerCounters out;
    out.queued_entries = waiting();
    return out;
  }
  absl::StatusOr<StoredEntry> ReadEntry(uint64_t index, bool) override {
    MutexLock lock(mutex_);
    if (index >= leaves_.size()) return Beyond();
    return Stored(index);
  }
  absl::Status ReadEntries(uint64_t begin, uint64_t end, bool,
                           absl::FunctionRef<bool(StoredEntry)> visit) override {
    for (uint64_t i = begin; i < end; ++i) {
      absl::StatusOr<StoredEntry> entry = ReadEntry(i, false);
      if (!entry.ok()) return entry.status();
      if (!visit(*std::move(entry))) break;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Hash>> Inclusion(uint64_t index, uint64_t size) override {
    MutexLock lock(mutex_);
    if (size > leaves_.size() || index >= size) return Beyond();
    return std::vector<Hash>();
  }
  absl::StatusOr<std::vector<Hash>> Consistency(uint64_t, uint64_t size) override {
    MutexLock lock(mutex_);
    if (size > leaves_.size()) return Beyond();
    return std::vector<Hash>();
  }
  std::vector<StreamInfo> Streams(uint32_t, size_t, size_t) override { return {}; }

  uint64_t AddHeadListener(HeadListener listener) override {
    listener(head());
    MutexLock lock(mutex_);
    listeners_[++last_listener_] = std::move(listener);
    return last_listener_;
  }
  void RemoveHeadListener(uint64_t id) override {
    MutexLock calling(calling_);
    MutexLock lock(mutex_);
    listeners_.erase(id);
  }
  void Drain() override { Release(waiting()); }

 private:
  struct Waiting {
    std::vector<SealedEvent> events;
    AppendCallback done;
  };

  static absl::Status Beyond() {
    return WithReason(absl::OutOfRangeError("beyond"), kReasonIndexBeyondSize);
  }
  StoredEntry Stored(uint64_t index) const {
    StoredEntry entry;
    entry.index = index;
    entry.leaf = leaves_[index];
    return entry;
  }

  AppendOutcome Commit(const std::vector<SealedEvent>& events) {
    AppendOutcome outcome;
    {
      MutexLock lock(mutex_);
      for (const SealedEvent& event : events) {
        Leaf leaf;
        leaf.recorded_at_us = leaves_.size() + 1;
        leaf.commitment = event.commitment;
        AppendedEntry entry;
        entry.index = leaves_.size();
        entry.leaf = EncodeLeaf(leaf).value();
        entry.flags = event.flags;
        entry.seed = event.seed;
        entry.header = event.header;
        leaves_.push_back(entry.leaf);
        outcome.entries.push_back(std::move(entry));
      }
    }
    Publish();
    outcome.head = head();
    return outcome;
  }

  void Publish() {
    MutexLock calling(calling_);
    std::vector<HeadListener> listeners;
    auto head = std::make_shared<PublishedHead>();
    {
      MutexLock lock(mutex_);
      head->head.size = leaves_.size();
      head->checkpoint = "checkpoint " + std::to_string(leaves_.size());
      head_ = head;
      for (const auto& [id, listener] : listeners_) listeners.push_back(listener);
    }
    for (const HeadListener& listener : listeners) listener(head);
  }

  const std::string origin_ = "test.example/log";
  const LedgerKeys keys_;
  const Sealer sealer_;
  Mutex calling_;  // held while listeners run
  mutable Mutex mutex_;
  std::deque<Waiting> queue_;
  std::vector<std::string> leaves_;
  std::map<uint64_t, HeadListener> listeners_;
  std::shared_ptr<const PublishedHead> head_;
  uint64_t last_listener_ = 0;
  LedgerStatus status_;
  absl::Status refusal_;
  bool holding_ = false;
  size_t taken_ = 0;
  size_t highest_queue_ = 0;
};

// ledgers/main is the fake; ledgers/broken was refused at start.
class FakeLedgerSet : public LedgerSet {
 public:
  FakeLedger& main() { return main_; }
  absl::StatusOr<Ledger*> Create(absl::string_view id, absl::string_view,
                                 const Predecessor&) override {
    if (id == "main") return WithReason(absl::AlreadyExistsError("exists"), kReasonLedgerExists);
    return absl::InternalError("cannot write /var/lib/auditledger/data/x");
  }
  absl::StatusOr<Ledger*> Find(absl::string_view id) override {
    if (id == "main") return &main_;
    if (id == "broken" && has_broken_) return Refusal();
    return WithReason(absl::NotFoundError("no such ledger"), kReasonLedgerNotFound);
  }
  std::vector<Slot> List() override {
    std::vector<Slot> out;
    if (has_broken_) out.push_back({"broken", "broken.example/log", nullptr, Refusal()});
    out.push_back({"main", main_.origin(), &main_, absl::OkStatus()});
    return out;
  }
  void Drain() override {
    main_.Drain();
    ++drains_;
  }
  void AddBroken() { has_broken_ = true; }
  int drains() const { return drains_; }

 private:
  static absl::Status Refusal() {
    return absl::FailedPreconditionError(
        "rollback: /var/lib/auditledger/state is ahead of the log");
  }
  FakeLedger main_;
  bool has_broken_ = false;
  int drains_ = 0;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_FAKE_LEDGERS_H_
