#include "verifier/trust_store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "gtest/gtest.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

using testing::StatusIs;
using testing::TempDir;
using testing::TestLog;

class TrustStoreTest : public ::testing::Test {
 protected:
  TrustStoreTest() : pin_{log_.origin(), log_.verifier()} { log_.AddEvents(60); }

  // Runs `work` in a process of its own; the exit code says whether it went well.
  template <typename Work>
  static pid_t Fork(const Work& work) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(work() ? 0 : 1);
    return pid;
  }
  static int WaitFor(pid_t pid) {
    int status = -1;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TestLog log_;
  const Pin pin_;
  TempDir dir_;
};

TEST_F(TrustStoreTest, TwoProcessesNeverLoseEachOthersHead) {
  constexpr int kRounds = 25;
  const TrustStore store = TrustStore::Open(dir_.File("trust")).value();
  ASSERT_OK(store.Save(pin_, log_.CheckpointAt(1)));
  std::vector<std::string> notes(1);
  for (uint64_t size = 1; size <= 1 + 2 * kRounds; ++size) notes.push_back(log_.CheckpointAt(size));
  // Each reads the last head and puts the next one: without the lock one overwrites the other.
  const auto advance = [&] {
    for (int i = 0; i < kRounds; ++i) {
      const absl::StatusOr<TrustStore::Lock> lock = store.Acquire(pin_);
      if (!lock.ok()) return false;
      const auto last = store.Load(pin_);
      if (!last.ok() || !last->has_value()) return false;
      if (!store.Save(pin_, notes.at((*last)->checkpoint.size + 1)).ok()) return false;
    }
    return true;
  };
  const pid_t first = Fork(advance);
  const pid_t second = Fork(advance);
  EXPECT_EQ(WaitFor(first), 0);
  EXPECT_EQ(WaitFor(second), 0);
  EXPECT_EQ(store.Load(pin_).value().value().checkpoint.size, 1u + 2 * kRounds);
}

TEST_F(TrustStoreTest, AProcessThatDiesWithTheLockDoesNotKeepIt) {
  const TrustStore store = TrustStore::Open(dir_.File("trust")).value();
  EXPECT_EQ(WaitFor(Fork([&] {
              const absl::StatusOr<TrustStore::Lock> lock = store.Acquire(pin_);
              ::_exit(lock.ok() ? 7 : 1);  // no destructor runs
              return true;
            })),
            7);
  EXPECT_OK(store.Acquire(pin_));
}

TEST_F(TrustStoreTest, OpensAnyWayOfNamingAFolder) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(dir_.path());
  for (const char* name : {"ts", "./ts2", "ts3/", "a/b/c//", "."}) {
    EXPECT_OK(TrustStore::Open(name)) << name;
    EXPECT_TRUE(std::filesystem::is_directory(name)) << name;
  }
  for (const char* name : {"ts", "ts3", "a/b/c"}) {
    EXPECT_EQ(std::filesystem::status(name).permissions(), std::filesystem::perms::owner_all)
        << name << ": it tells which logs someone audits";
  }
  std::filesystem::current_path(before);
  EXPECT_THAT(TrustStore::Open(""), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace auditledger
