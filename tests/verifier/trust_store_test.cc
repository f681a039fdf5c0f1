#include "verifier/trust_store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/key_change_list.h"
#include "merkle/note.h"
#include "merkle/sha256.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
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

TEST_F(TrustStoreTest, AFolderThatCannotBeMadeIsTold) {
  EXPECT_THAT(TrustStore::Open(dir_.File(std::string(300, 'x'))),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("File name too long")));
}

// What a store holds of one log, and what stands in its way.
class StoredLogTest : public TrustStoreTest {
 protected:
  StoredLogTest() { EXPECT_OK(store_.Save(pin_, log_.CheckpointAt(9))); }
  std::string File(const std::string& suffix) const {
    return absl::StrCat(dir_.File("trust/"), Sha256({log_.origin()}).ToHex(), suffix);
  }
  static void Block(const std::string& path) {
    std::filesystem::create_directories(path + "/in/the/way");
  }
  static auto IsNoFile() {
    return StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a regular file"));
  }
  const TrustStore store_ = TrustStore::Open(dir_.File("trust")).value();
};

TEST_F(StoredLogTest, WhatCannotBeReadIsNotTakenForNothing) {
  EXPECT_OK(store_.LoadKeyChanges(pin_));
  Block(File(".keys"));
  EXPECT_THAT(store_.LoadKeyChanges(pin_), IsNoFile());
  EXPECT_THAT(store_.Load(pin_), IsNoFile());
  std::filesystem::remove_all(File(".keys"));
  EXPECT_OK(store_.Load(pin_));
  std::filesystem::remove(File(".checkpoint"));
  Block(File(".checkpoint"));
  EXPECT_THAT(store_.Load(pin_), IsNoFile());
}

TEST_F(StoredLogTest, KeysThatTheStoreDoesNotWriteAreRefused) {
  KeyChangeList list{log_.origin(), 0, {}};
  const auto load = [&] {
    testing::WriteFile(File(".keys"), FormatKeyChangeList(list));
    return store_.LoadKeyChanges(pin_).status();
  };
  EXPECT_OK(load());
  list.size = 9;
  EXPECT_THAT(load(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not what this store")));
  list = {"ledger.test/other", 0, {}};
  EXPECT_THAT(load(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not what this store")));
  list = {log_.origin(), 0, {{3, log_.leaves()[3], {}}}};
  EXPECT_THAT(load(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("of another kind")));
}

TEST_F(StoredLogTest, OfALogWhoseKeyStayedNoKeysAreKept) {
  EXPECT_OK(store_.SaveKeyChanges(pin_, {}));
  EXPECT_FALSE(std::filesystem::exists(File(".keys")));
  Block(File(".keys.tmp"));
  EXPECT_THAT(store_.SaveKeyChanges(pin_, {{3, log_.leaves()[3], {}}}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(".keys.tmp: open: ")));
}

TEST_F(StoredLogTest, WhatCannotBeForgottenIsSaid) {
  Block(File(".keys"));
  EXPECT_THAT(store_.Forget(log_.origin()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_OK(ReadFileLimited(File(".checkpoint"), kMaxNoteBytes)) << "the head is not forgotten";
}

TEST_F(StoredLogTest, EvidenceThatCannotBeKeptIsSaid) {
  const Evidence fork{.kind = Evidence::Kind::kFork,
                      .first = log_.CheckpointAt(9),
                      .second = log_.CheckpointSaying(9, Hash())};
  ASSERT_OK_AND_ASSIGN(const std::string path, store_.KeepEvidence(pin_, fork));
  Block(path + ".tmp");
  EXPECT_THAT(store_.KeepEvidence(pin_, fork),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(".tmp: open: ")));
  std::filesystem::remove_all(dir_.File("trust/evidence"));
  testing::WriteFile(dir_.File("trust/evidence"), "a file where the folder should be");
  EXPECT_THAT(store_.KeepEvidence(pin_, fork),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("evidence: make folder: ")));
}

}  // namespace
}  // namespace auditledger
