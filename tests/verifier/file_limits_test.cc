// Every limit on a file's size, at its edge: the last byte that is read, the first that is not.
#include <filesystem>
#include <functional>
#include <vector>

#include "gtest/gtest.h"
#include "merkle/note.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/event_file.h"
#include "verifier/file_io.h"
#include "verifier/log_audit.h"
#include "verifier/trust_store.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::TempDir;
using testing::TestLog;
using testing::WriteFile;

class FileLimits : public ::testing::Test {
 protected:
  FileLimits() : pin_{log_.origin(), log_.verifier()} {}

  // A file of zeros, which takes no room on the disk.
  std::string Sparse(const std::string& name, size_t size) {
    const std::string path = dir_.File(name);
    if (!std::filesystem::exists(path)) WriteFile(path, "");
    std::filesystem::resize_file(path, size);
    return path;
  }
  // `read` gives what was said of the file.
  void ExpectLimit(const std::string& name, size_t limit,
                   const std::function<std::string(const std::string&)>& read) {
    const std::string over = absl::StrCat(": over ", limit, " bytes");
    EXPECT_THAT(read(Sparse(name, limit)), Not(HasSubstr(over))) << name;
    EXPECT_THAT(read(Sparse(name, limit + 1)), HasSubstr(over)) << name;
    std::filesystem::remove(dir_.File(name));
  }
  template <typename T>
  static std::string Said(const absl::StatusOr<T>& result) {
    return std::string(result.status().message());
  }
  static std::string Said(const Verdict& verdict) { return VerdictText(verdict); }

  TestLog log_;
  const Pin pin_;
  TempDir dir_;
};

TEST_F(FileLimits, KeysEventsAndTheTrustStore) {
  ExpectLimit("vkey", kMaxKeyFileBytes,
              [&](const std::string& path) { return Said(LoadPin(log_.origin(), path)); });
  ExpectLimit("event.pb", kMaxEventFileBytes,
              [&](const std::string& path) { return Said(ReadEventFile(path)); });
  ExpectLimit("event.json", kMaxEventFileBytes,
              [&](const std::string& path) { return Said(ReadEventFile(path)); });
  const TrustStore store = TrustStore::Open(dir_.path()).value();
  ASSERT_OK(store.Save(pin_, log_.CheckpointAt(1)));
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    if (entry.path().extension() == ".checkpoint") file = entry.path().filename();
  }
  ExpectLimit(file, kMaxNoteBytes, [&](const std::string&) { return Said(store.Load(pin_)); });
  ExpectLimit(file, kMaxNoteBytes, [&](const std::string&) { return Said(store.List()); });
}

TEST_F(FileLimits, AnExportsFiles) {
  ExpectLimit("tile/0/000", kMaxTileFileBytes, [&](const std::string&) {
    return Said(ExportTileReader(dir_.path()).ReadTile({0, 0}, kTileWidth));
  });
  ExpectLimit("tile/entries/000", kMaxEntriesFileBytes, [&](const std::string&) {
    return Said(ReadEntriesFile(dir_.path(), 0, kTileWidth));
  });
  ExpectLimit("payload/000", kMaxPayloadFileBytes, [&](const std::string&) {
    return Said(ReadPayloadFile(dir_.path(), 0, kTileWidth));
  });
  ExpectLimit("checkpoint", kMaxNoteBytes, [&](const std::string&) {
    LogInput input;
    input.dir = dir_.path();
    return Said(VerifyLog(input, pin_, {}));
  });
}

// The largest files that can be made fit the limits exactly: none is refused for its size.
TEST_F(FileLimits, TheLargestEntriesAndTilesFit) {
  EXPECT_EQ(
      EncodeEntryBundle(std::vector<std::string>(kTileWidth, std::string(kMaxEntryBytes, 'x')))
          .value()
          .size(),
      kMaxEntriesFileBytes);
  Opening opening;
  opening.seed = std::string(32, 's');
  opening.header = std::string(65535, 'h');
  opening.event = std::string(65536, 'e');
  EXPECT_EQ((4 + EncodeOpening(opening).value().size()) * kTileWidth, kMaxPayloadFileBytes);
}

}  // namespace
}  // namespace auditledger
