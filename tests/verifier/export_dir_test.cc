#include "verifier/export_dir.h"

#include <algorithm>
#include <map>

#include "gtest/gtest.h"
#include "merkle/frontier.h"
#include "merkle/status_macros.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/verifier/test_export.h"

namespace auditledger {
namespace {

using testing::AppendExport;
using testing::ExportLog;
using ::testing::HasSubstr;
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
  EXPECT_THAT(writer->Finish(log.CheckpointSaying(11, log.RootAt(10))),
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

// Whoever makes a file where a folder is wanted, or the other way round, is told which.
class BlockedExport : public ::testing::Test {
 protected:
  static absl::Status Fill(ExportWriter& writer, uint64_t count,
                           const std::optional<Opening>& opening = {}) {
    for (uint64_t i = 0; i < count; ++i) RETURN_IF_ERROR(writer.Append("x", opening));
    return absl::OkStatus();
  }
  void Block(const std::string& name) { testing::WriteFile(dir_.File(name), ""); }
  static auto CannotMake(const std::string& folder) {
    return StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder + ": make folder: "));
  }
  static const Opening& Opened() {
    static const Opening opening{std::string(32, 's'), "", ""};
    return opening;
  }
  const TempDir dir_;
};

TEST_F(BlockedExport, CannotBeOpened) {
  Block("file");
  EXPECT_THAT(ExportWriter::Open(dir_.File("file")), CannotMake("/file"));
  std::filesystem::create_directories(dir_.File("checkpoint"));
  EXPECT_THAT(ExportWriter::Open(dir_.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
}

TEST_F(BlockedExport, ABundleThatIsFullIsWrittenOrTold) {
  for (const char* folder : {"tile/entries", "tile/0", "payload"}) {
    const TempDir dir;
    ASSERT_OK_AND_ASSIGN(const auto writer, ExportWriter::Open(dir.path()));
    testing::WriteFile(dir.File(folder), "");
    EXPECT_OK(Fill(*writer, 255, Opened()));
    EXPECT_THAT(Fill(*writer, 1, Opened()), CannotMake(folder)) << folder;
  }
}

TEST_F(BlockedExport, ATileOfAHigherLevelIsWrittenOrTold) {
  ASSERT_OK_AND_ASSIGN(const auto writer, ExportWriter::Open(dir_.path()));
  Block("tile/1");
  EXPECT_OK(Fill(*writer, 65'535));
  EXPECT_THAT(Fill(*writer, 1), CannotMake("tile/1"));
}

TEST_F(BlockedExport, WhatIsPendingIsWrittenOrTold) {
  TestLog log;
  log.AddEvents(299);
  for (const char* folder :
       {"tile/entries/001.p", "payload/001.p", "tile/0/001.p", "tile/1/000.p"}) {
    const TempDir dir;
    ASSERT_OK_AND_ASSIGN(const auto writer, AppendExport(log, dir.path(), 300));
    testing::WriteFile(dir.File(folder), "");
    EXPECT_THAT(writer->Finish(log.CheckpointAt(300)), CannotMake(folder)) << folder;
    EXPECT_FALSE(std::filesystem::exists(dir.File("checkpoint"))) << folder;
  }
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const auto writer, AppendExport(log, dir.path(), 300));
  std::filesystem::create_directories(dir.File("checkpoint/in/the/way"));
  EXPECT_THAT(writer->Finish(log.CheckpointAt(300)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("checkpoint: rename to: ")));
}

TEST_F(BlockedExport, AFolderThatIsGoneCannotBeSynced) {
  TestLog log = TestLog::Empty({});
  ASSERT_OK_AND_ASSIGN(const auto writer, ExportWriter::Open(dir_.File("export")));
  std::filesystem::remove_all(dir_.File("export"));
  EXPECT_THAT(writer->Finish(log.CheckpointSaying(0, EmptyRoot())),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/export: open: ")));
}

TEST_F(BlockedExport, ADamagedEdgeIsNotContinued) {
  TestLog log;
  log.AddEvents(299);
  const auto open = [&](const std::string& name, const std::string& bytes) {
    ExportLog(log, dir_.File("export"), 300);
    testing::WriteFile(dir_.File("export/" + name), bytes);
    const absl::Status status = ExportWriter::Open(dir_.File("export")).status();
    std::filesystem::remove_all(dir_.File("export"));
    return status;
  };
  EXPECT_THAT(open("tile/0/001.p/44", std::string(44 * 32 - 1, 'x')),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("001.p/44: is cut short")));
  EXPECT_THAT(open("payload/001.p/44", "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("payload bundle")));
  EXPECT_THAT(open("tile/entries/001.p/44", "x"), StatusIs(absl::StatusCode::kInvalidArgument));
  ExportLog(log, dir_.File("export"), 300);
  std::filesystem::remove(dir_.File("export/payload/001.p/44"));
  EXPECT_OK(ExportWriter::Open(dir_.File("export"))) << "nothing of it was disclosed";
  std::filesystem::create_directories(dir_.File("export/payload/001.p/44"));
  EXPECT_THAT(ExportWriter::Open(dir_.File("export")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("payload/001.p/44")));
}

TEST(ExportTileReader, ReadsTheFullTileWhereThePartialOneGaveWayToIt) {
  TestLog log;
  log.AddEvents(299);
  const TempDir dir;
  ExportLog(log, dir.path());
  ExportTileReader tiles(dir.path());
  EXPECT_EQ(tiles.ReadTile({0, 0}, 7).value(), tiles.ReadTile({0, 0}, 256).value());
  EXPECT_THAT(tiles.ReadTile({0, 2}, 7),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("tile/0/002.p/7: ")));
}

}  // namespace
}  // namespace auditledger
