// Covers: verifier/file_io
#include "verifier/export_dir.h"

#include <algorithm>
#include <map>

#include "gtest/gtest.h"
#include "merkle/frontier.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/verifier/test_export.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

using testing::AppendExport;
using testing::ExportLog;
using testing::ReadFile;
using testing::StatusIs;
using testing::TempDir;
using testing::TestLog;

std::map<std::string, std::string> FilesUnder(const std::string& dir) {
  std::map<std::string, std::string> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(dir)) {
    if (!file.is_regular_file()) continue;
    files[std::filesystem::relative(file.path(), dir).string()] = ReadFile(file.path().string());
  }
  return files;
}

TEST(ExportDir, LaysOutTilesEntriesAndPayloadsAsTlogTilesSays) {
  TestLog log;
  log.AddEvents(299);
  const TempDir dir;
  ExportLog(log, dir.path());
  std::vector<std::string> names;
  for (const auto& [name, bytes] : FilesUnder(dir.path())) names.push_back(name);
  EXPECT_THAT(names,
              ::testing::UnorderedElementsAre("checkpoint", "payload/000", "payload/001.p/44",
                                              "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1",
                                              "tile/entries/000", "tile/entries/001.p/44"));
  EXPECT_EQ(ReadFile(dir.File("tile/0/000")).size(), 8192u);
}

TEST(ExportDir, WithoutPayloadsWritesNoPayloadFile) {
  TestLog log;
  log.AddEvents(3);
  const TempDir dir;
  ExportLog(log, dir.path(), log.size(), false);
  EXPECT_FALSE(std::filesystem::exists(dir.File("payload")));
}

TEST(ExportDir, ContinuingGivesTheSameFilesAsOneExport) {
  TestLog log;
  log.AddEvents(530);
  const TempDir whole;
  ExportLog(log, whole.path(), 530);
  const std::map<std::string, std::string> expected = FilesUnder(whole.path());
  for (const uint64_t first : {1, 255, 256, 257, 511, 512, 529, 530}) {
    const TempDir dir;
    ExportLog(log, dir.path(), first);
    ExportLog(log, dir.path(), 530);
    std::map<std::string, std::string> files = FilesUnder(dir.path());
    for (const auto& [name, bytes] : expected) EXPECT_EQ(files[name], bytes) << first << name;
    for (const auto& [name, bytes] : files) {
      if (expected.contains(name)) continue;
      EXPECT_EQ(name.substr(0, 5), "tile/") << "only tiles of former sizes stay: " << name;
    }
  }
}

TEST(ExportDir, RefusesACheckpointThatIsNotOfItsEntries) {
  TestLog log;
  log.AddEvents(20);
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const auto writer, AppendExport(log, dir.path(), 10));
  EXPECT_THAT(writer->Finish(log.CheckpointAt(11)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(writer->Finish(log.CheckpointSaying(10, EmptyRoot())),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(std::filesystem::exists(dir.File("checkpoint")));
  EXPECT_OK(writer->Finish(log.CheckpointAt(10)));
}

TEST(ExportDir, DoesNotContinueADamagedExport) {
  TestLog log;
  log.AddEvents(20);
  const TempDir dir;
  ExportLog(log, dir.path(), 10);
  std::string tile = ReadFile(dir.File("tile/0/000.p/10"));
  tile[5] ^= 1;
  testing::WriteFile(dir.File("tile/0/000.p/10"), tile);
  EXPECT_THAT(ExportWriter::Open(dir.path()), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ExportDir, RefusesALeafOverTheLimit) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const auto writer, ExportWriter::Open(dir.path()));
  EXPECT_OK(writer->Append(std::string(kMaxLeafBytes, 'x'), std::nullopt));
  EXPECT_THAT(writer->Append(std::string(kMaxLeafBytes + 1, 'x'), std::nullopt),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(FileIo, ReadsUpToTheLimitAndNothingThatIsNoFile) {
  const TempDir dir;
  const std::string path = testing::WriteFile(dir.File("f"), std::string(100, 'x'));
  EXPECT_OK(ReadFileLimited(path, 100));
  EXPECT_THAT(ReadFileLimited(path, 99), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(ReadFileLimited(dir.File("none"), 99), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ReadFileLimited(dir.path(), 99), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace auditledger
