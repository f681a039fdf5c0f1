// An evidence bundle that is sealed: made in memory, opened by its recipients into memory or into a
// file, and by nobody else.
//
// Covers: verifier/memory_file, verifier/sealed_file, verifier/sealer
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include "gmock/gmock.h"
#include "merkle/status_macros.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_recipient.h"
#include "tests/verifier/test_bundle.h"
#include "tests/verifier/test_export.h"
#include "verifier/bundle_writer.h"
#include "verifier/mapped_file.h"
#include "verifier/memory_file.h"
#include "verifier/sealed_export.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReadFile;
using testing::StatusIs;
using testing::TempDir;
using testing::TestBundleEntry;
using testing::TestLog;
using testing::TestRecipient;
using testing::WriteFile;

constexpr int64_t kNow = 1'800'000'000;

const TestRecipient& Court() {
  static const TestRecipient* const recipient = new TestRecipient({.name = "court"});
  return *recipient;
}

class SealedBundleTest : public ::testing::Test {
 protected:
  SealedBundleTest() {
    log_.AddEvents(3);
    EXPECT_OK(recipients_.Add(Court().pem(), kNow));
    WriteFile(Path("court.key"), Court().key_pem());
  }
  std::string Path(const std::string& name) const { return dir_.File(name); }

  // All of the log, by whatever writer.
  absl::Status WriteAll(BundleWriter& writer) {
    for (uint64_t i = 0; i < log_.size(); ++i) {
      RETURN_IF_ERROR(writer.Add(TestBundleEntry(log_, i)));
    }
    BundleParts parts;
    parts.size = parts.examined = log_.size();
    parts.head = log_.CheckpointAt(log_.size());
    parts.inclusion = {{0, log_.size(), {}}};
    parts.manifest.package = "package-1";
    return writer.Finish(parts).status();
  }
  std::string BytesOf(const MemoryFile& file) {
    return std::string(MappedFile::Open(file.path()).value().bytes());
  }
  std::string MadeInMemory() {
    const MemoryFile memory = MemoryFile::Create().value();
    EXPECT_OK(WriteAll(*BundleWriter::Into(memory).value()));
    return BytesOf(memory);
  }
  void Seal(const std::string& bytes) {
    const auto sealer = Sealer::Create(Path("sealed"), recipients_).value();
    EXPECT_OK(sealer->Write(bytes));
    EXPECT_OK(sealer->Finish());
  }
  absl::Status Open(const std::string& key = "court.key") {
    return OpenSealedExport({.file = Path("sealed"), .key_file = Path(key), .out = Path("out")});
  }
  std::set<std::string> Beside() const {
    std::set<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
      names.insert(file.path().filename().string());
    }
    return names;
  }

  TestLog log_;
  TempDir dir_;
  Recipients recipients_;
};

TEST_F(SealedBundleTest, OneMadeInMemoryIsTheOneMadeOnDiskAndNoDiskSeesIt) {
  const std::set<std::string> before = Beside();
  const std::string made = MadeInMemory();
  EXPECT_EQ(Beside(), before);
  EXPECT_OK(WriteAll(*BundleWriter::Create(Path("x.bundle")).value()));
  EXPECT_EQ(made, ReadFile(Path("x.bundle")));
}

TEST_F(SealedBundleTest, CustodyIsAddedInMemoryToo) {
  const MemoryFile memory = MemoryFile::Create().value();
  ASSERT_OK(WriteAll(*BundleWriter::Into(memory).value()));
  const std::string before = BytesOf(memory);
  ASSERT_OK(AppendCustody(memory.path(), "a step"));
  std::string step;
  AppendBundleRecord(BundleSection::kCustody, "a step", step);
  EXPECT_EQ(BytesOf(memory), before + step);
}

TEST_F(SealedBundleTest, WhatCannotBeSealedIsRefusedWhileItIsMade) {
  EXPECT_LT(kMaxSealedBundleBytes + kMaxBundleRecordBytes, kMaxSealedBytes);
  // Of records alone: magic and frames come on top.
  const BundleFrame frame = ParseBundleFrame(MadeInMemory()).value();
  uint64_t all = 0;
  uint64_t entries = 0;
  for (uint8_t number = 1; number <= kBundleSections; ++number) {
    const auto section = static_cast<BundleSection>(number);
    all += frame.of(section).content_bytes;
    if (section == BundleSection::kEntries) entries = frame.of(section).content_bytes;
  }
  const auto made = [&](uint64_t limit) {
    const MemoryFile memory = MemoryFile::Create().value();
    return WriteAll(*BundleWriter::Into(memory, limit).value());
  };
  const MemoryFile none = MemoryFile::Create().value();
  EXPECT_THAT(BundleWriter::Into(none, 0).value()->Add(TestBundleEntry(log_, 1)),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_OK(made(all));
  for (const uint64_t limit : {all - 1, entries, entries - 1, uint64_t{0}}) {
    EXPECT_THAT(made(limit), StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("--recorded")))
        << limit;
  }
}

TEST_F(SealedBundleTest, ItsRecipientOpensItIntoAFileOfItsOwner) {
  const std::string made = MadeInMemory();
  Seal(made);
  EXPECT_THAT(ReadFile(Path("sealed")), Not(HasSubstr("package-1")));
  ASSERT_OK(Open());
  EXPECT_EQ(ReadFile(Path("out")), made);
  struct stat info {};
  ASSERT_EQ(::stat(Path("out").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
  EXPECT_EQ(Beside(), (std::set<std::string>{"court.key", "out", "sealed"}));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is there already")));
}

TEST_F(SealedBundleTest, AnotherKeyOpensNothing) {
  Seal(MadeInMemory());
  WriteFile(Path("other.key"), TestRecipient({.name = "other"}).key_pem());
  const std::set<std::string> before = Beside();
  EXPECT_THAT(Open("other.key"),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("none of the recipients")));
  EXPECT_THAT(SealedFile::Open(Path("sealed"), Path("other.key")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(Path("sealed"))));
  EXPECT_EQ(Beside(), before);
}

TEST_F(SealedBundleTest, AChangedByteOpensNothingElse) {
  const std::string made = MadeInMemory();
  Seal(made);
  const std::string sealed = ReadFile(Path("sealed"));
  const std::set<std::string> before = Beside();
  // What stands before the content, and the tag behind it, byte for byte; of the content some.
  constexpr size_t kBegin = 700;
  constexpr size_t kEnd = 60;
  size_t refused = 0;
  for (size_t at = 0; at < sealed.size(); at += at < kBegin || at + kEnd > sealed.size() ? 1 : 61) {
    std::string bent = sealed;
    bent[at] = static_cast<char>(bent[at] ^ 0x04);
    WriteFile(Path("sealed"), bent);
    if (Open().ok()) {  // who a recipient is, by name, is not authenticated
      EXPECT_EQ(ReadFile(Path("out")), made) << at;
      std::filesystem::remove(Path("out"));
      continue;
    }
    ++refused;
    EXPECT_EQ(Beside(), before) << at;
  }
  EXPECT_GT(refused, (made.size() - kBegin) / 61);
}

TEST_F(SealedBundleTest, OneCutShortOpensNothing) {
  Seal(MadeInMemory());
  const std::string sealed = ReadFile(Path("sealed"));
  const std::set<std::string> before = Beside();
  for (size_t size = 0; size < sealed.size(); size += 1 + size / 7) {
    WriteFile(Path("sealed"), sealed.substr(0, size));
    EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition)) << size;
    EXPECT_EQ(Beside(), before) << size;
  }
}

TEST_F(SealedBundleTest, WhereItCannotBeWrittenNothingStays) {
  Seal(MadeInMemory());
  std::filesystem::create_directory(Path("out.tmp"));  // in the way
  const std::set<std::string> before = Beside();
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("out.tmp")));
  EXPECT_EQ(Beside(), before);
}

TEST_F(SealedBundleTest, WhatWasSealedIsReadInPiecesOrAtOnce) {
  for (const size_t size : {1, 63, 64, 65, 200'000}) {
    std::string bytes(size, 'x');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
    Seal(bytes);
    SealedFile whole = SealedFile::Open(Path("sealed"), Path("court.key")).value();
    EXPECT_EQ(whole.beginning(), bytes.substr(0, 64));
    EXPECT_EQ(whole.ReadAll().value(), bytes);
    EXPECT_EQ(ReadSealed(Path("sealed"), Path("court.key")).value(), bytes);
    SealedFile file = SealedFile::Open(Path("sealed"), Path("court.key")).value();
    std::string read;
    char piece[999];
    for (size_t got; (got = file.Read(piece, sizeof(piece)).value()) > 0;) read.append(piece, got);
    EXPECT_EQ(read, bytes);
  }
}

TEST_F(SealedBundleTest, WhatIsSealedShowsAtItsBeginning) {
  const std::string made = MadeInMemory();
  EXPECT_FALSE(LooksSealed(made));
  Seal(made);
  std::string sealed = ReadFile(Path("sealed"));
  EXPECT_TRUE(LooksSealed(sealed));
  EXPECT_TRUE(LooksSealed(sealed.substr(0, 32)));
  EXPECT_FALSE(LooksSealed(sealed.substr(0, 12))) << "no type yet";
  EXPECT_FALSE(LooksSealed(""));
  EXPECT_FALSE(LooksSealed(made + sealed));
  EXPECT_FALSE(LooksSealed(std::string(1, '\x30') + std::string(40, '\0') + sealed));
  sealed[0] = 'a';
  EXPECT_FALSE(LooksSealed(sealed));
}

TEST(MemoryFileTest, LivesAsLongAsItsObject) {
  std::string path;
  {
    MemoryFile first = MemoryFile::Create().value();
    const MemoryFile file = std::move(first);
    path = file.path();
    WriteFile(path, "here");
    EXPECT_EQ(ReadFile(path), "here");
    EXPECT_NE(MemoryFile::Create().value().path(), path);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace auditledger
