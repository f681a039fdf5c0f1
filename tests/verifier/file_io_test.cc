// What the file system refuses, is told with what was tried and on which file.
#include "verifier/file_io.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"

namespace auditledger {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;
using testing::ReadFile;
using testing::StatusIs;
using testing::TempDir;
using testing::WriteFile;

AtomicWrite To(const TempDir& dir, const std::string& name) {
  return {.path = dir.File(name), .temporary = dir.File(".tmp")};
}

// A pipe with a reader: what takes bytes like a file and can be neither read whole nor synced.
class Fifo {
 public:
  explicit Fifo(const std::string& path) : path_(path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    fd_ = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  }
  ~Fifo() { ::close(fd_); }
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  int fd_;
};

TEST(FileIo, ReadsUpToTheLimitAndNothingThatIsNoFile) {
  const TempDir dir;
  const std::string path = WriteFile(dir.File("f"), std::string(100, 'x'));
  EXPECT_OK(ReadFileLimited(path, 100));
  EXPECT_THAT(ReadFileLimited(path, 99),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("f: over 99 bytes")));
  EXPECT_EQ(ReadFileLimited(WriteFile(dir.File("empty"), ""), 0).value(), "");
  EXPECT_THAT(ReadFileLimited(dir.path(), 99),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  const Fifo fifo(dir.File("fifo"));
  EXPECT_THAT(ReadFileLimited(fifo.path(), 99), StatusIs(StatusCode::kFailedPrecondition))
      << "and does not wait for a writer";
}

TEST(FileIo, AFileThatIsNotThereIsToldFromOneThatCannotBeRead) {
  const TempDir dir;
  WriteFile(dir.File("f"), "");
  for (const char* absent : {"none", "none/f", "f/below"}) {
    EXPECT_THAT(ReadFileLimited(dir.File(absent), 9),
                StatusIs(StatusCode::kNotFound, HasSubstr(": open: ")))
        << absent;
  }
  ASSERT_EQ(::symlink("loop", dir.File("loop").c_str()), 0);
  EXPECT_THAT(ReadFileLimited(dir.File("loop"), 9),
              StatusIs(StatusCode::kUnavailable, HasSubstr("loop: open: ")));
  // Of a process's memory nothing lies at its beginning.
  EXPECT_THAT(ReadFileLimited("/proc/self/mem", 9),
              StatusIs(StatusCode::kUnavailable, HasSubstr("mem: read: ")));
}

// Like one that grows while it is read: /proc states no size.
TEST(FileIo, AFileLargerThanItSaysIsReadToTheLimitAndNoFurther) {
  const std::string whole = ReadFileLimited("/proc/self/cmdline", 1 << 20).value();
  ASSERT_GT(whole.size(), 8u);
  EXPECT_EQ(ReadFileLimited("/proc/self/cmdline", whole.size()).value(), whole);
  EXPECT_THAT(ReadFileLimited("/proc/self/cmdline", whole.size() - 1),
              StatusIs(StatusCode::kOutOfRange));
}

TEST(FileIo, AWriteReplacesTheFileAndLeavesNoOther) {
  const TempDir dir;
  WriteFile(dir.File(".tmp"), "of a run that was cut short, and longer than what is written");
  for (const char* bytes : {"one", "two", ""}) {
    EXPECT_OK(WriteFileAtomically(To(dir, "f"), bytes));
    EXPECT_EQ(ReadFile(dir.File("f")), bytes);
    EXPECT_FALSE(std::filesystem::exists(dir.File(".tmp")));
  }
}

TEST(FileIo, EachStepOfAWriteMayFail) {
  const TempDir dir;
  WriteFile(dir.File("f"), "old");
  AtomicWrite to = To(dir, "f");
  to.temporary = dir.File("none/.tmp");
  EXPECT_THAT(WriteFileAtomically(to, "new"),
              StatusIs(StatusCode::kNotFound, HasSubstr(".tmp: open: ")));
  to.temporary = dir.File("link");
  ASSERT_EQ(::symlink(dir.File("elsewhere").c_str(), to.temporary.c_str()), 0);
  EXPECT_THAT(WriteFileAtomically(to, "new"), StatusIs(StatusCode::kUnavailable)) << "is followed";
  to.temporary = "/dev/full";
  EXPECT_THAT(WriteFileAtomically(to, "new"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("/dev/full: write: ")));
  const Fifo fifo(dir.File("fifo"));
  to.temporary = fifo.path();
  EXPECT_THAT(WriteFileAtomically(to, "new"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("fifo: fsync: ")));
  EXPECT_EQ(ReadFile(dir.File("f")), "old");
  WriteFile(dir.File("folder/f"), "");
  EXPECT_THAT(WriteFileAtomically(To(dir, "folder"), "new"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("folder: rename to: ")));
}

std::atomic<int> signals = 0;

std::string StatOfThisThread() { return absl::StrCat("/proc/self/task/", ::gettid(), "/stat"); }
bool Sleeps(const std::string& stat) { return absl::StrContains(ReadFile(stat), ") S "); }

TEST(FileIo, AWriteThatASignalInterruptsGoesOn) {
  const TempDir dir;
  const Fifo fifo(dir.File("fifo"));
  struct sigaction interrupt {
  }, before{};
  interrupt.sa_handler = [](int) { ++signals; };  // without SA_RESTART
  ASSERT_EQ(::sigaction(SIGUSR1, &interrupt, &before), 0);
  const std::string sent(300'000, 'x');  // more than a pipe holds
  std::string got;
  std::atomic<bool> gave_up = false;
  std::thread reader([&, writer = ::pthread_self(), stat = StatOfThisThread()] {
    for (int held = 0; held < ::fcntl(fifo.fd(), F_GETPIPE_SZ);)
      ::ioctl(fifo.fd(), FIONREAD, &held);
    for (int i = 0; i < 5; ++i) {
      while (!Sleeps(stat)) std::this_thread::yield();  // until there is room again
      ::pthread_kill(writer, SIGUSR1);
      while (signals <= i) std::this_thread::yield();
    }
    char buffer[4096];
    while (got.size() < sent.size()) {
      const ssize_t some = ::read(fifo.fd(), buffer, sizeof(buffer));
      if (some > 0) got.append(buffer, static_cast<size_t>(some));
      if (some <= 0 && gave_up) break;
    }
  });
  const absl::Status status =
      WriteFileAtomically({.path = dir.File("f"), .temporary = fifo.path(), .sync = false}, sent);
  gave_up = !status.ok();
  reader.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_OK(status);
  EXPECT_EQ(got, sent);
}

TEST(FileIo, FoldersThatCannotBeMadeAreTold) {
  const TempDir dir;
  EXPECT_OK(MakeFolders(dir.File("a/b/c")));
  EXPECT_OK(MakeFolders(dir.File("a/b/c"))) << "they are there";
  WriteFile(dir.File("f"), "");
  EXPECT_THAT(MakeFolders(dir.File("f/below")),
              StatusIs(StatusCode::kNotFound, HasSubstr("f/below: make folder: ")));
}

TEST(FileIo, AFileSystemIsSyncedByAnyPathOnIt) {
  const TempDir dir;
  EXPECT_OK(SyncFileSystem(dir.path()));
  EXPECT_THAT(SyncFileSystem(dir.File("none")),
              StatusIs(StatusCode::kNotFound, HasSubstr("none: open: ")));
}

// Whoever may not read a folder may still put files in it, and cannot sync it.
TEST(FileIo, AFolderThatCannotBeOpenedCannotBeSynced) {
  const TempDir dir;
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(::chmod(dir.path().c_str(), root ? 0733 : 0300), 0);
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const absl::Status status = WriteFileAtomically(To(dir, "f"), "new");
  if (root) {
    EXPECT_EQ(::seteuid(0), 0);
  }
  ::chmod(dir.path().c_str(), 0700);
  EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable, HasSubstr(": open: Permission denied")));
  EXPECT_EQ(ReadFile(dir.File("f")), "new") << "it is there, and may be gone when power fails";
}

}  // namespace
}  // namespace auditledger
