// A witness of one log, a log that forks, and the world outside, which keeps every cosignature it
// was given and checks that none contradicts another.
#ifndef AUDITLEDGER_TESTS_TOOLS_WITNESS_FIXTURE_H_
#define AUDITLEDGER_TESTS_TOOLS_WITNESS_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ledger/random.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "merkle/sha256.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/test_log.h"
#include "tools/witness.h"

namespace auditledger::testing {

inline constexpr uint64_t kForkSize = 20;  // of every log below
inline constexpr uint64_t kForkPoint = 5;  // entries that all of them share

// The log's history, and others under its key that share its first entries.
class ForkingLog {
 public:
  explicit ForkingLog(uint64_t forks = 2) {
    for (uint64_t fork = 0; fork < forks; ++fork) {
      TestLog& log = logs_.emplace_back();
      while (log.size() < kForkPoint) log.AddEvents(1);
      while (log.size() < kForkSize) log.AddEvent(TestEvent(log.size() + fork * 1000));
    }
  }
  TestLog& operator[](size_t fork) { return logs_[fork]; }
  size_t count() const { return logs_.size(); }
  // An add-checkpoint request, without a proof from size 0.
  std::string Request(size_t fork, uint64_t old_size, uint64_t size) {
    if (old_size == 0) return absl::StrCat("old 0\n\n", logs_[fork].CheckpointAt(size));
    return logs_[fork].UpdateFrom(old_size, size);
  }

 private:
  std::vector<TestLog> logs_;
};

// Everything a witness gave away. Thread-safe.
class WorldOutside {
 public:
  explicit WorldOutside(NoteVerifier witness) : witness_(std::move(witness)) {}

  // An answer of 200 to the checkpoint `note`.
  void Take(const std::string& note, const std::string& lines) {
    const absl::StatusOr<std::string> cosigned = AddCosignatures(note, lines, {witness_});
    ASSERT_OK(cosigned);
    const Checkpoint head = *ParseCheckpoint(ParseNote(*cosigned)->text);
    std::lock_guard<std::mutex> lock(mutex_);
    const auto [known, fresh] = roots_.emplace(head.size, head.root);
    ASSERT_TRUE(fresh || known->second == head.root) << "two roots cosigned at " << head.size;
  }
  // Whether all that was cosigned is one history.
  void CheckOneHistory(ForkingLog& log) {
    std::lock_guard<std::mutex> lock(mutex_);
    size_t agreeing = 0;
    for (size_t fork = 0; fork < log.count(); ++fork) {
      bool all = true;
      for (const auto& [size, root] : roots_) all = all && log[fork].RootAt(size) == root;
      agreeing += all ? 1 : 0;
    }
    ASSERT_GE(agreeing, 1u) << "cosigned heads of more than one history";
  }
  size_t heads() {
    std::lock_guard<std::mutex> lock(mutex_);
    return roots_.size();
  }

 private:
  const NoteVerifier witness_;
  std::mutex mutex_;
  std::map<uint64_t, Hash> roots_;
};

// In memory where the machine has such a folder: syncs of a busy disk are slow, and power is not
// cut here.
struct MemoryForTempDirs {
  MemoryForTempDirs() {
    if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
  }
};

class WitnessFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<NoteVerifier> made = CreateWitness(
        {"witness.example/w1", folder / "w1.key", folder / "state"}, Random::System());
    ASSERT_OK(made);
    key = std::make_unique<NoteVerifier>(*made);
    Start();
  }
  // After the last one ended, however it did.
  void Start() {
    witness.reset();
    WitnessOptions options;
    options.key_file = folder / "w1.key";
    options.state_dir = folder / "state";
    options.logs = {{log[0].origin(), {log[0].verifier()}}};
    options.clock = &clock;
    options.storage_failed = [this](const absl::Status& why) { failures.push_back(why); };
    absl::StatusOr<std::unique_ptr<Witness>> opened = Witness::Open(std::move(options));
    ASSERT_OK(opened);
    witness = *std::move(opened);
  }
  int Send(const std::string& request) {
    last = witness->AddCheckpoint(request);
    return last.status;
  }
  uint64_t KnownSize() { return witness->Sizes().begin()->second; }

  MemoryForTempDirs memory;
  TempDir folder;
  FakeClock clock;
  ForkingLog log;
  std::unique_ptr<NoteVerifier> key;
  std::vector<absl::Status> failures;
  std::unique_ptr<Witness> witness;
  WitnessAnswer last;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TOOLS_WITNESS_FIXTURE_H_
