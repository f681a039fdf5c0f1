// A thief has every file of a ledger and of its backups, and not the master key: nothing of what
// was recorded is in them, and nothing of it can be opened.
//
// Covers: ledger/master_key, ledger/key_files
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "ledger/fsck.h"
#include "ledger/key_files.h"
#include "ledger/master_key.h"
#include "tests/ledger/backup_fixture.h"

namespace auditledger {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using testing::BackupTest;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::StatusIs;

// What a file may hold of `marker` when it holds it at all: as it is, as 16-bit characters, in hex,
// and in base64 wherever in a text it begins.
std::vector<std::string> WaysToSay(const std::string& marker) {
  std::vector<std::string> out = {marker};
  std::string little;
  std::string big;
  for (const char c : marker) {
    little += {c, '\0'};
    big += {'\0', c};
  }
  out.push_back(little);
  out.push_back(big);
  const std::string hex = absl::BytesToHexString(marker);
  out.push_back(hex);
  out.push_back(absl::AsciiStrToUpper(hex));
  for (size_t skip = 0; skip < 3; ++skip) {
    // Only whole groups of three bytes have the same characters whatever stands around them.
    const size_t whole = (marker.size() - skip) / 3 * 3;
    const std::string group = marker.substr(skip, whole);
    out.push_back(absl::Base64Escape(group));
    out.push_back(absl::WebSafeBase64Escape(group));
  }
  return out;
}

std::string ReadAllOf(const fs::path& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

// The files below `dirs` that hold a marker in any way, each as "marker in path".
std::vector<std::string> Search(const std::vector<std::string>& dirs,
                                const std::map<std::string, std::string>& markers,
                                size_t* files = nullptr) {
  std::vector<std::string> found;
  for (const std::string& dir : dirs) {
    for (const auto& entry : fs::recursive_directory_iterator(dir)) {
      if (!entry.is_regular_file()) continue;
      if (files != nullptr) ++*files;
      const std::string bytes = ReadAllOf(entry.path());
      for (const auto& [name, marker] : markers) {
        for (const std::string& said : WaysToSay(marker)) {
          if (bytes.find(said) == std::string::npos) continue;
          found.push_back(absl::StrCat(name, " in ", entry.path().string()));
          break;
        }
      }
    }
  }
  return found;
}

class StolenDiskTest : public BackupTest {
 protected:
  StolenDiskTest() {
    ledger_.Close();
    for (const std::string& dir : LedgerFolders()) fs::remove_all(dir);
    ledger_.options.paths.master_key = std::make_shared<const MasterKey>(
        MasterKey::FromBytes(SecretString(std::string(32, 'm'))).value());
    EXPECT_OK(ledger_.Create());
    key_ = std::make_unique<NoteVerifier>(ledger_.ledger->verifier());
  }
  std::vector<std::string> LedgerFolders() const {
    const LedgerPaths& paths = ledger_.options.paths;
    return {paths.data_dir, paths.state_dir, paths.key_dir, paths.seed_dir};
  }
  // All that the thief has: the ledger's folders, and the backups beside them.
  std::vector<std::string> Stolen() const { return {ledger_.folder(), scratch_.path()}; }

  // A day: events, a restart, a backup, more events, an erasure, a backup, a start.
  void Live() {
    ledger_.principal = "spiffe://hospital/MARKER-emitter-Zq8";
    for (int i = 0; i < 3; ++i) {
      ASSERT_OK(ledger_.AppendOne(absl::StrCat(kEventId, i), absl::StrCat("saw ", kPatient, i),
                                  static_cast<uint64_t>(i) + 1, kStream));
    }
    ASSERT_OK(ledger_.Open());
    ASSERT_OK(Backup());
    ASSERT_OK(ledger_.AppendOne(absl::StrCat(kEventId, 9), absl::StrCat(kPatient, 9), 4, kStream));
    ASSERT_OK(ledger_.Erase({{1, 1}}));
    ASSERT_OK(Backup());
    ASSERT_OK(ledger_.Open());
    ledger_.Close();
  }
  // The content, and the keys that it is under.
  std::map<std::string, std::string> Markers() const {
    const LedgerPaths& paths = ledger_.options.paths;
    const LedgerKeys keys =
        LoadKeyFiles(paths.key_dir, ledger_.options.origin, paths.master_key.get()).value();
    return {{"the patient", kPatient},
            {"the event id", kEventId},
            {"wrap-1.key", std::string(keys.wrapping_keys.at(1).Reveal())},
            {"index.key", std::string(keys.index_key.Reveal())},
            {"dedup.key", std::string(keys.dedup_key.Reveal())},
            {"the master key", std::string(32, 'm')}};
  }

  const std::string kPatient = "MARKER-Maria-Muster-4711-";
  const std::string kEventId = "MARKER-event-id-Xk3-";
  const std::string kStream = "MARKER-stream-Pw7";
};

TEST_F(StolenDiskTest, NoFileHoldsContentOrAKeyInTheClear) {
  ASSERT_NO_FATAL_FAILURE(Live());
  size_t files = 0;
  EXPECT_THAT(Search(Stolen(), Markers(), &files), IsEmpty());
  EXPECT_GE(files, 15u) << "of data, state, keys, seeds and two backups";
}

// The test can fail: each way to say a marker is found, wherever it is planted.
TEST_F(StolenDiskTest, APlantedMarkerIsFoundInEveryWayItCanBeSaid) {
  ASSERT_NO_FATAL_FAILURE(Live());
  const std::vector<std::string> ways = WaysToSay(kPatient);
  ASSERT_EQ(ways.size(), 11u);
  const std::map<std::string, std::string> patient = {{"the patient", kPatient}};
  std::vector<std::string> dirs = LedgerFolders();
  dirs.push_back(scratch_.path());
  for (const std::string& dir : dirs) {
    for (const std::string& said : ways) {
      Write(dir + "/planted", "before" + said + "behind");
      EXPECT_THAT(Search({dir}, patient), ElementsAre(HasSubstr("/planted"))) << said;
      fs::remove(dir + "/planted");
    }
  }
  for (const size_t before : {0, 1, 2}) {
    const std::string text = std::string(before, 'x') + kPatient + "behind";
    Write(Path("base64"), absl::Base64Escape(text));
    EXPECT_THAT(Search({scratch_.path()}, patient), ElementsAre(HasSubstr("/base64"))) << before;
  }
}

// Without a master key the keys lie there: the search finds them.
TEST_F(StolenDiskTest, ClearKeysAreFound) {
  const std::map<std::string, std::string> markers = Markers();
  const LedgerKeys keys = LoadKeyFiles(ledger_.options.paths.key_dir, ledger_.options.origin,
                                       ledger_.options.paths.master_key.get())
                              .value();
  Write(Path("clear.key"),
        std::string(FormatSymmetricKey("wrap", 1, keys.wrapping_keys.at(1).Reveal()).Reveal()));
  EXPECT_THAT(Search(Stolen(), markers), ElementsAre(HasSubstr("wrap-1.key in ")));
}

// Whose emitter wrote, and by which stream, is said in the clear (ledger/README.md): nobody who is
// treated is named by it. Nowhere but in the log and its backup.
TEST_F(StolenDiskTest, EmittersAndStreamsAreNamedInTheLogAndItsBackupAlone) {
  ASSERT_NO_FATAL_FAILURE(Live());
  const std::vector<std::string> found =
      Search(Stolen(), {{"emitter", ledger_.principal}, {"stream", kStream}});
  EXPECT_THAT(found,
              Each(AnyOf(HasSubstr(ledger_.options.paths.data_dir), HasSubstr(Path("backup")))));
  EXPECT_THAT(found, Not(IsEmpty()));
}

TEST_F(StolenDiskTest, NothingOpensWithoutTheMasterKey) {
  ASSERT_NO_FATAL_FAILURE(Live());
  const std::shared_ptr<const MasterKey> right = ledger_.options.paths.master_key;
  const auto another = std::make_shared<const MasterKey>(
      MasterKey::FromBytes(SecretString(std::string(32, 'x'))).value());
  for (const auto& thiefs : {std::shared_ptr<const MasterKey>(), another}) {
    ledger_.options.paths.master_key = thiefs;
    const auto refused =
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 AllOf(HasSubstr("--master_key"), HasSubstr(right->fingerprint())));
    EXPECT_THAT(ledger_.Open(), refused);
    FsckOptions fsck;
    fsck.paths = ledger_.options.paths;
    EXPECT_THAT(Fsck(fsck), refused);
    RestoreOptions restore = RestoreTo("stolen", /*with_keys=*/true);
    restore.master_key = thiefs;
    EXPECT_THAT(RestoreBackup(restore, *key_), refused);
  }
  ledger_.options.paths.master_key = right;
  ASSERT_OK(ledger_.Open());
  ledger_.Close();
  FsckOptions fsck;
  fsck.paths = ledger_.options.paths;
  ASSERT_OK_AND_ASSIGN(const FsckReport report, Fsck(fsck));
  EXPECT_EQ(report.payloads_opened, 5u);
  EXPECT_EQ(report.payloads_erased, 1u);
  RestoreOptions restore = RestoreTo("own", /*with_keys=*/true);
  restore.master_key = right;
  EXPECT_OK(RestoreBackup(restore, *key_));
}

}  // namespace
}  // namespace auditledger
