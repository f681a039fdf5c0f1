// Memory runs out at the n-th allocation: a clean status, or the death of the process, and then
// everything acknowledged is there. A child process dies; its parent opens what it left on a real
// disk and compares it with the receipts that the child wrote down outside.
//
// Each n-th allocation of one append is failed, AUDITLEDGER_ALLOCATION_STRIDE apart (7; nightly 1).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/leveldb_engine.h"
#include "ledger/posix_file.h"
#include "tests/ledger/fault_sanitizers.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/check_ledger.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace {

// Allocations left until one fails; negative: none does.
std::atomic<int64_t> g_allocations_left{-1};

}  // namespace

#ifndef AUDITLEDGER_SANITIZED
// The whole program's: what stands for all of C++ here.
[[gnu::noinline]] void* operator new(size_t size) {
  if (g_allocations_left.load(std::memory_order_relaxed) >= 0 && g_allocations_left-- == 0) {
    throw std::bad_alloc();
  }
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace auditledger::testing {
namespace {

constexpr char kFolder[] = "AUDITLEDGER_ALLOCATION_FOLDER";  // set: this is the child
constexpr char kFailing[] = "AUDITLEDGER_ALLOCATION_FAILING";
constexpr char kReceipt[] = "/receipt";
constexpr unsigned kSecondsAtMost = 60;  // a child that hangs has failed
// How a child ends that does not die.
constexpr int kAcknowledged = 0;
constexpr int kAcknowledgedBeforeTheFault = 10;
constexpr int kCleanStatus = 11;

// A ledger in `folder`, on the machine's own disk.
class RealLedger {
 public:
  explicit RealLedger(const std::string& folder) : random_(::getpid()) {
    options.origin = "test.example/allocations";
    options.paths = {folder + "/data", folder + "/state", folder + "/keys", folder + "/seeds"};
    options.clock = &clock_;
    options.random = &random_;
    options.limits.max_clock_jump_at_start_us = UINT64_MAX / 2;  // each process has its own clock
    options.limits.max_clock_step_back_us = UINT64_MAX / 2;
    options.free_bytes = [] { return uint64_t{1} << 40; };
  }

  absl::StatusOr<AppendOutcome> Append(const std::string& id) {
    SealInput input;
    input.event = MakeEvent(id, "opened a chart");
    input.principal = "spiffe://test/emitter";
    input.stream_id = "s1";
    input.event_id = id;
    input.received_at_us = clock_.WallMicros();
    auto sealed = ledger->sealer().Seal(std::move(input));
    if (!sealed.ok()) return sealed.status();
    std::vector<SealedEvent> events;
    events.push_back(*std::move(sealed));
    Answers answers;
    ledger->Append(std::move(events), answers.Slot());
    return std::move(answers.WaitAll()[0]);
  }

  LedgerOptions options;
  std::unique_ptr<Ledger> ledger;

 private:
  SteppedClock clock_;
  CountedRandom random_;
};

// The child's life. What cannot be allocated ends it here, as in a daemon that catches nothing.
[[noreturn]] void AppendWithoutMemory(const std::string& folder, int64_t failing) noexcept {
  ::alarm(kSecondsAtMost);
  RealLedger real(folder);
  real.ledger = Ledger::Open(real.options).value();
  const std::string id = absl::StrCat("event-", failing);
  const std::string receipt = folder + kReceipt;
  g_allocations_left = failing;
  const absl::StatusOr<AppendOutcome> outcome = real.Append(id);
  const int64_t left = g_allocations_left.exchange(-1);
  if (!outcome.ok()) ::_exit(kCleanStatus);
  ReplaceFile(receipt, absl::StrCat(outcome->entries[0].index)).IgnoreError();
  ::_exit(left >= 0 ? kAcknowledgedBeforeTheFault : kAcknowledged);
}

// Runs this very test as a child; its wait status.
int RunChild(const std::string& folder, int64_t failing) {
  std::vector<std::string> settings = {absl::StrCat(kFolder, "=", folder),
                                       absl::StrCat(kFailing, "=", failing)};
  std::vector<char*> environment;
  for (std::string& setting : settings) environment.push_back(setting.data());
  environment.push_back(nullptr);
  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=FaultAllocationTest.*";
  char* arguments[] = {program.data(), filter.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
  }
  pid_t child = 0;
  EXPECT_EQ(
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environment.data()), 0);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

int64_t Stride() {
  int64_t stride = 7;
  const char* given = std::getenv("AUDITLEDGER_ALLOCATION_STRIDE");
  EXPECT_TRUE(given == nullptr || absl::SimpleAtoi(given, &stride)) << given;
  return stride;
}

// The next start: what the child was told stands, and its event goes in once.
void CheckAfter(const std::string& folder, int64_t failing) {
  RealLedger real(folder);
  ASSERT_OK_AND_ASSIGN(real.ledger, Ledger::Open(real.options));
  ASSERT_EQ(real.ledger->status().state, LedgerState::kServing) << real.ledger->status().reason;
  const std::string id = absl::StrCat("event-", failing);
  ASSERT_OK_AND_ASSIGN(const AppendOutcome again, real.Append(id));
  EXPECT_OK(CheckReceipt(*real.ledger, again, 0, MakeEvent(id, "opened a chart")));
  const absl::StatusOr<std::string> receipt = ReadWholeFile(folder + kReceipt, 20);
  if (!receipt.ok()) return;
  EXPECT_TRUE(again.entries[0].repeated) << "LOST or DOUBLED";
  EXPECT_EQ(absl::StrCat(again.entries[0].index), *receipt);
  ASSERT_OK(RemoveFile(folder + kReceipt));
}

TEST(FaultAllocationTest, ACleanStatusOrDeathAndThenFullRecovery) {
#ifdef AUDITLEDGER_SANITIZED
  GTEST_SKIP() << "the sanitizer has its own operator new";
#endif
  if (const char* folder = std::getenv(kFolder); folder != nullptr) {
    AppendWithoutMemory(folder, std::strtoll(std::getenv(kFailing), nullptr, 10));
  }
  const TempDir dir;
  {
    RealLedger real(dir.path());
    ASSERT_OK_AND_ASSIGN(real.ledger, Ledger::Create(real.options));
  }
  const int64_t stride = Stride();
  int64_t failing = 0;
  int died = 0;
  int clean = 0;
  for (bool reached = true; reached; failing += stride) {
    SCOPED_TRACE(absl::StrCat("allocation ", failing));
    const int status = RunChild(dir.path(), failing);
    ASSERT_FALSE(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) << "it hangs";
    if (WIFSIGNALED(status)) {
      EXPECT_EQ(WTERMSIG(status), SIGABRT);
      ++died;
    } else {
      const int code = WEXITSTATUS(status);
      ASSERT_TRUE(code == kAcknowledged || code == kAcknowledgedBeforeTheFault ||
                  code == kCleanStatus)
          << code;
      clean += code == kCleanStatus ? 1 : 0;
      reached = code != kAcknowledgedBeforeTheFault;
    }
    CheckAfter(dir.path(), failing);
    if (HasFatalFailure()) return;
  }
  std::printf("allocations: %lld, each %lldth failed: %d deaths, %d clean answers\n",
              static_cast<long long>(failing), static_cast<long long>(stride), died, clean);
  EXPECT_GT(died + clean, 0) << "no allocation was failed";
  LevelDbOptions leveldb;
  leveldb.path = dir / "data/log";
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Engine> engine, OpenLevelDbEngine(leveldb));
  EXPECT_OK(CheckLedger(*engine, "test.example/allocations"));
}

}  // namespace
}  // namespace auditledger::testing
