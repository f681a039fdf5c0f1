// Covers: verifier/export_archive, verifier/export_sink
#include "verifier/export_archive.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "merkle/note.h"
#include "merkle/sha256.h"
#include "merkle/timestamp.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/run_shell.h"
#include "tests/verifier/test_export.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ReadFile;
using testing::StatusIs;
using testing::TempDir;

using Files = std::vector<std::pair<std::string, std::string>>;

class MemorySink : public ExportSink {
 public:
  absl::Status Put(const std::string& name, absl::string_view bytes) override {
    files.emplace_back(name, bytes);
    return status;
  }
  Files files;
  absl::Status status;
};

std::string Archive(const Files& files) {
  std::string out;
  for (const auto& [name, bytes] : files) {
    absl::StrAppend(&out, ArchiveHeader(name, bytes.size()), bytes, ArchivePadding(bytes.size()));
  }
  return out.append(kArchiveEndBytes, '\0');
}

// In pieces of `step` bytes, as a decryption gives them.
absl::Status Read(absl::string_view archive, ExportSink& sink, size_t step = 1000) {
  return ReadArchive(
      [&](char* to, size_t n) -> absl::StatusOr<size_t> {
        const size_t got = archive.copy(to, std::min(n, step));
        archive.remove_prefix(got);
        return got;
      },
      sink);
}

absl::Status ReadOnly(absl::string_view archive) {
  MemorySink sink;
  return Read(archive, sink);
}

// A header with other bytes at `at`, and the checksum that fits them.
std::string Bent(std::string header, size_t at, absl::string_view bytes) {
  header.replace(at, bytes.size(), std::string(bytes));
  header.replace(148, 8, "        ");
  unsigned int sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 7, absl::StrFormat("%06o", sum).append(1, '\0'));
  return header;
}

Files SomeFiles() {
  return {{"tile/0/000.p/2", std::string(64, 'h')},
          {"tile/entries/000.p/2", std::string(513, 'e')},
          {"payload/000.p/2", std::string(512, 'p')},
          {"log.vkey", ""},
          {"checkpoint", "note"},
          {"timestamps/000000000002-" + std::string(16, 'a') + ".tst", "token"}};
}

TEST(ExportArchive, WhatIsWrittenIsReadWhateverThePieces) {
  const std::string archive = Archive(SomeFiles());
  for (const size_t step : {size_t{1}, size_t{511}, size_t{512}, archive.size()}) {
    MemorySink sink;
    ASSERT_OK(Read(archive, sink, step));
    EXPECT_EQ(sink.files, SomeFiles()) << step;
  }
  EXPECT_OK(ReadOnly(std::string(kArchiveEndBytes, '\0'))) << "no file at all";
}

TEST(ExportArchive, OneThatEndsEarlyIsRefusedWhereverItEnds) {
  const Files files = {{"checkpoint", "note"}, {"log.vkey", std::string(513, 'k')}};
  const std::string archive = Archive(files);
  for (size_t size = 0; size < archive.size(); ++size) {
    MemorySink sink;
    EXPECT_THAT(Read(archive.substr(0, size), sink), StatusIs(absl::StatusCode::kDataLoss)) << size;
    for (size_t i = 0; i < sink.files.size(); ++i) EXPECT_EQ(sink.files[i], files[i]) << size;
  }
}

TEST(ExportArchive, TarReadsItToo) {
  const TempDir dir;
  testing::WriteFile(dir.File("a.tar"), Archive(SomeFiles()));
  const testing::Ran ran = testing::RunShell(
      absl::StrCat("cd ", dir.path(), " && tar tf a.tar && tar xf a.tar && rm a.tar"));
  ASSERT_EQ(ran.exit_code, 0) << ran.out;
  std::string names;
  for (const auto& [name, bytes] : SomeFiles()) {
    absl::StrAppend(&names, name, "\n");
    EXPECT_EQ(ReadFile(dir.File(name)), bytes) << name;
  }
  EXPECT_EQ(ran.out, names);
}

TEST(ExportArchive, NamesAreThoseOfAnExportAndNoOthers) {
  const std::string stem = TimestampFileStem(42, Sha256({"token"}));
  const std::map<std::string, size_t> known = {
      {"checkpoint", kMaxNoteBytes},
      {"log.vkey", kMaxKeyFileBytes},
      {"tile/0/000", kMaxTileFileBytes},
      {"tile/2/x001/000.p/255", kMaxTileFileBytes},
      {"tile/entries/x123/456", kMaxEntriesFileBytes},
      {"payload/000.p/7", kMaxPayloadFileBytes},
      {"payload/x123/456", kMaxPayloadFileBytes},
      {absl::StrCat("timestamps/", stem, ".checkpoint"), kMaxNoteBytes},
      {absl::StrCat("timestamps/", stem, ".tst"), kMaxTimestampBytes},
      {absl::StrCat("timestamps/", stem, ".tlog-proof"), kMaxProofFileBytes},
  };
  for (const auto& [name, limit] : known) {
    EXPECT_EQ(ExportFileLimit(name), limit) << name;
    EXPECT_LE(name.size(), kMaxArchiveName);
  }
  const std::string stems = absl::StrCat("timestamps/", stem);
  for (const std::string& name : {std::string(""),
                                  std::string("."),
                                  std::string(".."),
                                  std::string("/checkpoint"),
                                  std::string("../checkpoint"),
                                  std::string("./checkpoint"),
                                  std::string("checkpoint/"),
                                  std::string("tile"),
                                  std::string("tile/"),
                                  std::string("tile/0/../0/000"),
                                  std::string("tile//0/000"),
                                  std::string("tile/0/000.p/256"),
                                  std::string("tile/0/000.p/0"),
                                  std::string("tile/0/000.p"),
                                  std::string("tile/0/0"),
                                  std::string("payload/"),
                                  std::string("payload/0/000"),
                                  std::string("payload/entries/000"),
                                  std::string("payload/../000"),
                                  std::string("payload/../../etc/passwd"),
                                  std::string("timestamps/"),
                                  std::string("timestamps/x.tst"),
                                  stems,
                                  stems + ".consistency",
                                  stems + ".tst.tst",
                                  "timestamps/../" + stem + ".tst",
                                  stem + ".tst",
                                  std::string("refused-checkpoint"),
                                  std::string(".tmp/writing"),
                                  std::string("checkpoint\n"),
                                  std::string("C:\\checkpoint")}) {
    EXPECT_EQ(ExportFileLimit(name), std::nullopt) << name;
  }
}

TEST(ExportArchive, TheLongestNamesFit) {
  constexpr uint64_t kLast = ~uint64_t{0} / kTileWidth;
  for (const std::string& name :
       {TilePath({63, kLast}, 255), EntriesPath(kLast, 255), PayloadPath(kLast, 255)}) {
    EXPECT_LE(name.size(), kMaxArchiveName) << name;
  }
}

TEST(ExportArchive, ANameThatLeadsElsewhereIsRefused) {
  for (const absl::string_view name :
       {"../evil", "/etc/passwd", "tile/../../evil", "\x1b[2J", ""}) {
    const std::string header = ArchiveHeader(name, 0);
    EXPECT_THAT(ReadOnly(header + std::string(kArchiveEndBytes, '\0')),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no export has a file named")))
        << name;
  }
  // What is shown of it can do nothing to a terminal.
  EXPECT_THAT(ReadOnly(ArchiveHeader("\x1b[2J", 0)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("'\\x1b[2J'")));
  // A name without an end.
  EXPECT_THAT(ReadOnly(std::string(kArchiveBlock, 'a')),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("a size is no number")));
  EXPECT_THAT(ReadOnly(Bent(ArchiveHeader("checkpoint", 0), 0, std::string(100, 'a'))),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("'" + std::string(100, 'a') + "'")));
}

TEST(ExportArchive, EachFileHasItsLimit) {
  for (const auto& [name, limit] : {std::pair<std::string, size_t>("log.vkey", kMaxKeyFileBytes),
                                    {"tile/0/000", kMaxTileFileBytes}}) {
    const std::string at(limit, 'x');
    EXPECT_OK(ReadOnly(Archive({{name, at}}))) << name;
    EXPECT_THAT(ReadOnly(Archive({{name, at + "x"}})),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr(absl::StrCat(limit + 1, " bytes, at most ", limit))));
  }
  // Of eight gigabytes that are announced nothing is read, and no memory taken.
  EXPECT_THAT(ReadOnly(ArchiveHeader("payload/000", (size_t{1} << 33) - 1)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("at most")));
}

TEST(ExportArchive, OneFormAloneIsRead) {
  const std::string good = ArchiveHeader("checkpoint", 4);
  const std::string rest = "note" + ArchivePadding(4) + std::string(kArchiveEndBytes, '\0');
  ASSERT_OK(ReadOnly(good + rest));
  // Links, folders, devices and extensions; other modes, owners, times; a prefix.
  const std::vector<std::pair<size_t, std::string>> others = {
      {100, "0000755"}, {108, "0000001"}, {116, "0000001"}, {136, "00000000001"},
      {156, "1"},       {156, "2"},       {156, "5"},       {156, "L"},
      {156, "x"},       {156, "g"},       {157, "target"},  {257, "USTAR"},
      {263, "  "},      {265, "root"},    {297, "root"},    {329, "1"},
      {337, "1"},       {345, "../.."},   {500, "x"}};
  for (const auto& [at, bytes] : others) {
    EXPECT_THAT(ReadOnly(Bent(good, at, bytes) + rest),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is not as export writes it")))
        << at << " " << bytes;
  }
  // The size in other bases: blanks, base 256.
  for (const absl::string_view size : {"          4", "\x80         \x04", "0000000000 "}) {
    EXPECT_THAT(ReadOnly(Bent(good, 124, size) + rest),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("a size is no number")));
  }
  // Each byte of a header counts.
  for (size_t at = 0; at < kArchiveBlock; ++at) {
    std::string bent = good;
    bent[at] = static_cast<char>(bent[at] ^ 1);
    EXPECT_FALSE(ReadOnly(bent + rest).ok()) << at;
  }
}

TEST(ExportArchive, EndsWhereExportEndsIt) {
  const std::string archive = Archive(SomeFiles());
  for (const size_t size : {archive.size() - 1, archive.size() - kArchiveBlock, size_t{512},
                            size_t{700}, size_t{513}, size_t{0}, size_t{100}}) {
    EXPECT_THAT(ReadOnly(archive.substr(0, size)), StatusIs(absl::StatusCode::kDataLoss)) << size;
  }
  EXPECT_THAT(ReadOnly(archive + "x"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not end")));
  std::string bent = archive;
  bent.back() = 'x';
  EXPECT_THAT(ReadOnly(bent), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not end")));
  EXPECT_THAT(ReadOnly(archive + std::string(kArchiveBlock, '\0')),
              StatusIs(absl::StatusCode::kDataLoss))
      << "tar pads to 10 KiB, we do not";
  const size_t padding = kArchiveBlock + 64;  // of the first file
  bent = archive;
  bent[padding] = 'x';
  EXPECT_THAT(ReadOnly(bent),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is not followed by zeros")));
}

TEST(ExportArchive, NothingComesTwice) {
  EXPECT_THAT(ReadOnly(Archive({{"checkpoint", "a"}, {"log.vkey", "k"}, {"checkpoint", "b"}})),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has checkpoint twice")));
}

TEST(ExportArchive, ErrorsOfBothEndsAreHandedOn) {
  MemorySink full;
  full.status = absl::UnavailableError("disk full");
  EXPECT_THAT(Read(Archive(SomeFiles()), full), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(full.files, ::testing::SizeIs(1));
  // A source that fails at each of its reads, in the midst of a block too.
  const std::string archive = Archive({{"checkpoint", "note"}});
  for (size_t fails_at = 0; fails_at < archive.size() / 256 + 1; ++fails_at) {
    size_t reads = 0;
    absl::string_view rest = archive;
    MemorySink sink;
    EXPECT_THAT(ReadArchive(
                    [&](char* to, size_t n) -> absl::StatusOr<size_t> {
                      if (reads++ == fails_at) return absl::AbortedError("source");
                      const size_t got = rest.copy(to, std::min(n, size_t{256}));
                      rest.remove_prefix(got);
                      return got;
                    },
                    sink),
                StatusIs(absl::StatusCode::kAborted))
        << fails_at;
  }
}

TEST(FolderSink, KeepsWhatHangsTogetherAndLeavesNoTemporaryName) {
  const TempDir dir;
  {
    FolderSink folder(dir.File("new/export"));
    ASSERT_OK(folder.Put("tile/0/000", "one"));
    ASSERT_OK(folder.Put("tile/0/000", "two"));
    ASSERT_OK(folder.Commit("checkpoint", "note"));
    EXPECT_TRUE(std::filesystem::exists(dir.File("new/export/.tmp")));
  }
  EXPECT_EQ(ReadFile(dir.File("new/export/tile/0/000")), "two");
  EXPECT_EQ(ReadFile(dir.File("new/export/checkpoint")), "note");
  EXPECT_FALSE(std::filesystem::exists(dir.File("new/export/.tmp")));
  testing::WriteFile(dir.File("blocked/.tmp"), "");
  EXPECT_THAT(FolderSink(dir.File("blocked")).Put("checkpoint", "note"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(".tmp: make folder")));
  testing::WriteFile(dir.File("file"), "");
  FolderSink nowhere(dir.File("file"));
  EXPECT_FALSE(nowhere.Put("checkpoint", "note").ok());
  EXPECT_FALSE(FolderSink(dir.File("absent")).Commit("checkpoint", "note").ok());
}

}  // namespace
}  // namespace auditledger
