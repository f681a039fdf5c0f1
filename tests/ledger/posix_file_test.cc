#include "ledger/posix_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

class PosixFileTest : public ::testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_ / "file";
};

TEST_F(PosixFileTest, WritesAndReadsAtAnyOffset) {
  ASSERT_OK_AND_ASSIGN(const PosixFile file, PosixFile::Open(path_, O_RDWR | O_CREAT));
  ASSERT_OK(file.WriteAt(5, "world"));
  ASSERT_OK(file.WriteAt(0, "hello"));
  ASSERT_OK(file.SyncData());
  ASSERT_OK(file.Sync());
  EXPECT_EQ(file.Size().value(), 10u);
  EXPECT_EQ(file.ReadExactly(3, 4).value(), "lowo");
  char buffer[20];
  EXPECT_EQ(file.ReadAt(8, buffer, sizeof(buffer)).value(), 2u);
  EXPECT_THAT(file.ReadExactly(8, 3), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path_)));
  EXPECT_EQ(ModeOf(path_), 0600u);
}

TEST_F(PosixFileTest, ErrorsNameOperationAndPath) {
  EXPECT_THAT(PosixFile::Open(path_, O_RDONLY),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("open " + path_)));
  ASSERT_EQ(::symlink("elsewhere", path_.c_str()), 0);
  EXPECT_FALSE(PosixFile::Open(path_, O_RDWR | O_CREAT).ok()) << "a link is not followed";
  ASSERT_OK_AND_ASSIGN(const PosixFile full, PosixFile::Open("/dev/full", O_RDWR));
  EXPECT_THAT(full.WriteAt(0, "x"), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(PosixFileTest, AnUnreadableSectorIsDataLoss) {
  ASSERT_OK(CreateFile(path_, "x"));
  ASSERT_OK_AND_ASSIGN(const PosixFile file, PosixFile::Open(path_, O_RDONLY));
  const FileFaults faults(FileOperation::kRead, path_, EIO);
  EXPECT_THAT(file.ReadExactly(0, 1), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("EIO")));
}

TEST_F(PosixFileTest, WholeFilesAreReadUpToTheLimit) {
  ASSERT_OK(CreateFile(path_, "12345"));
  EXPECT_EQ(ReadWholeFile(path_, 5).value(), "12345");
  EXPECT_THAT(ReadWholeFile(path_, 4), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(PosixFileTest, CreateNeverReplacesAndReplaceDoes) {
  ASSERT_OK(CreateFile(path_, "first", 0640));
  EXPECT_EQ(ModeOf(path_), 0640u);
  EXPECT_THAT(CreateFile(path_, "second"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(ReadWholeFile(path_, 100).value(), "first");
  ASSERT_OK(ReplaceFile(path_, "second"));
  EXPECT_EQ(ReadWholeFile(path_, 100).value(), "second");
  EXPECT_THAT(ListDirectory(dir_.path()).value(), ElementsAre("file"));
}

// Each step of both, failing in turn: the file is as before or whole, and the next try works.
TEST_F(PosixFileTest, AFaultAtAnyStepLeavesTheOldFileOrTheWholeNewOne) {
  for (const FileOperation operation : {FileOperation::kOpen, FileOperation::kWrite,
                                        FileOperation::kSync, FileOperation::kRename}) {
    for (uint64_t skip = 0; skip < 2; ++skip) {
      ASSERT_OK(ReplaceFile(path_, "old"));
      {
        const FileFaults faults(operation, dir_.path(), ENOSPC, skip, 1);
        const absl::Status status = ReplaceFile(path_, "new");
        EXPECT_EQ(status.ok(), faults.seen() <= skip);
      }
      const std::string found = ReadWholeFile(path_, 100).value();
      EXPECT_TRUE(found == "old" || found == "new") << found;
      EXPECT_OK(ReplaceFile(path_, "new"));

      const std::string made = dir_ / "made";
      {
        const FileFaults faults(operation, dir_.path(), ENOSPC, skip, 1);
        CreateFile(made, "made").IgnoreError();
      }
      if (!PathExists(made)) {
        EXPECT_OK(CreateFile(made, "made"));
      }
      EXPECT_EQ(ReadWholeFile(made, 100).value(), "made");
      ASSERT_OK(RemoveFile(made));
    }
  }
}

TEST_F(PosixFileTest, FoldersAreMadeOnceAndPrivate) {
  const std::string sub = dir_ / "sub";
  ASSERT_OK(MakeDirectory(sub));
  ASSERT_OK(MakeDirectory(sub));
  EXPECT_EQ(ModeOf(sub), 0700u);
  ASSERT_OK(CreateFile(path_, ""));
  EXPECT_FALSE(MakeDirectory(path_).ok()) << "a file stands there";
  EXPECT_THAT(ListDirectory(dir_.path()).value(), ElementsAre("file", "sub"));
  EXPECT_OK(SyncDirectory(sub));
  EXPECT_THAT(SyncDirectory(dir_ / "none"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PosixFileTest, TheFolderOfAPathIsWhatStandsBeforeTheLastSlash) {
  EXPECT_EQ(DirectoryOf("/a/b"), "/a");
  EXPECT_EQ(DirectoryOf("/a"), "/");
  EXPECT_EQ(DirectoryOf("a"), ".");
}

}  // namespace
}  // namespace auditledger
