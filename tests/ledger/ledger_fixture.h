// What tests of the core share: a folder, a clock and randomness of their own, events, faulty
// parts.
#ifndef AUDITLEDGER_TESTS_LEDGER_LEDGER_FIXTURE_H_
#define AUDITLEDGER_TESTS_LEDGER_LEDGER_FIXTURE_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ledger/clock.h"
#include "ledger/engine.h"
#include "ledger/ledger.h"
#include "ledger/random.h"
#include "ledger/seed_store.h"
#include "ledger/signer.h"

namespace auditledger::testing {

// A folder that is removed with all its contents.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Each reading moves it by a microsecond; the test moves it by more.
class SteppedClock : public Clock {
 public:
  uint64_t WallMicros() override { return wall_us += 1; }
  uint64_t MonotonicMicros() override { return monotonic_us += 1; }
  void Pass(uint64_t us) {
    wall_us += us;
    monotonic_us += us;
  }
  std::atomic<uint64_t> wall_us{1'700'000'000'000'000};
  std::atomic<uint64_t> monotonic_us{1'000'000};
};

// SHA-256 over a counter.
class CountedRandom : public Random {
 public:
  explicit CountedRandom(uint64_t seed = 1) : counter_(seed << 32) {}
  std::string Bytes(size_t count) override;

 private:
  std::atomic<uint64_t> counter_;
};

// An event in canonical encoding: id, time, what happened, whose chart it was, and its stream.
struct EventSource {
  std::string stream = "s1";
  uint64_t sequence = 0;
};
std::string MakeEvent(const std::string& id, const std::string& content,
                      const EventSource& source = {});

// What a test can do to the parts of a ledger. Shared by all wrappers made from it.
struct Faults {
  enum class How { kNone, kErrorAndAbsent, kErrorButPresent };
  std::atomic<How> commit{How::kNone};
  std::atomic<How> seed_put{How::kNone};
  std::atomic<How> sign{How::kNone};
  std::atomic<How> seed_erase{How::kNone};
  std::atomic<How> forget{How::kNone};
  std::atomic<bool> sync_failed{false};  // what the engine says of its error
  std::atomic<size_t> commit_bytes_now{SIZE_MAX};
  // Called before each engine commit, on the committer's thread.
  std::function<void()> before_commit;
  // Changes what is read back after a commit.
  std::function<void(RecordKind, uint64_t, std::string&)> on_read;
};

// Keeps `engine` alive over several ledgers: how a memory engine is reopened.
std::unique_ptr<Engine> WrapEngine(std::shared_ptr<Engine> engine, std::shared_ptr<Faults> faults);
std::unique_ptr<Signer> WrapSigner(std::unique_ptr<Signer> signer, std::shared_ptr<Faults> faults);
std::unique_ptr<SeedStore> WrapSeedStore(std::unique_ptr<SeedStore> seeds,
                                         std::shared_ptr<Faults> faults);

// A ledger in a folder of its own.
class TestLedger {
 public:
  enum class Store { kLevelDb, kMemory };
  explicit TestLedger(Store store = Store::kMemory, const std::string& origin = "test.example/log");
  ~TestLedger();

  absl::Status Create();
  absl::Status Open();  // closes first
  void Close() { ledger.reset(); }
  void Heal();  // closes, and takes all faults back

  SealedEvent Seal(const std::string& id, const std::string& content, uint64_t sequence = 0,
                   const std::string& stream = "s1");
  // Waits for the answer.
  absl::StatusOr<AppendOutcome> Append(std::vector<SealedEvent> events);
  absl::StatusOr<AppendOutcome> AppendOne(const std::string& id, const std::string& content,
                                          uint64_t sequence = 0, const std::string& stream = "s1");
  // Asked for by one principal, approved by another; the erasure entry's index.
  absl::StatusOr<uint64_t> Erase(const EntryRanges& ranges);
  // A raw view of what is stored. LevelDB: the ledger must be closed.
  std::unique_ptr<Engine> RawEngine();
  // CheckLedger on it.
  absl::Status Check();
  std::string folder() const { return folder_.path(); }

  SteppedClock clock;
  CountedRandom random;
  std::shared_ptr<Faults> faults = std::make_shared<Faults>();
  LedgerOptions options;
  std::unique_ptr<Ledger> ledger;
  std::atomic<int> sync_failures{0};
  std::string principal = "spiffe://test/emitter";  // who appends

 private:
  void UseFaults();
  ScratchFolder folder_;
  const Store store_;
  std::shared_ptr<Engine> memory_;
};

// Every claim of a receipt: checkpoint signature, inclusion, commitment under its opening.
absl::Status CheckReceipt(const Ledger& ledger, const AppendOutcome& outcome, size_t position,
                          const std::string& event);

// Collects answers that arrive on other threads.
class Answers {
 public:
  AppendCallback Slot();                                 // the next one
  std::vector<absl::StatusOr<AppendOutcome>> WaitAll();  // in the order of Slot() calls
  std::vector<int> CallsPerSlot();

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<absl::StatusOr<AppendOutcome>> answers;
    std::vector<int> calls;
    size_t answered = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_LEDGER_LEDGER_FIXTURE_H_
