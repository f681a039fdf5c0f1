// auditledger-fsck as an operator runs it: what it prints, and what a script sees.
//
// Covers: tools/fsck_repair
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ledger/key_rotation.h"
#include "ledger/ledger.h"
#include "ledger/tile_folder.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class FsckProgramTest : public ::testing::Test {
 protected:
  struct Result {
    int code = -1;
    std::string out;  // both streams
  };
  void SetUp() override {
    options.origin = "fsck.example/log";
    options.paths = {folder / "data/clinic", folder / "state/clinic", folder / "keys/clinic",
                     folder / "seeds/clinic"};
    for (const char* root : {"data", "state", "keys", "seeds"}) {
      fs::create_directory(folder / root);
      fs::permissions(folder / root, fs::perms::owner_all);
    }
    fs::create_directory(options.paths.data_dir);
    std::ofstream(options.paths.data_dir + "/ledger.origin") << options.origin << "\n";
    ledger = Ledger::Create(options).value();
  }
  void Close() { ledger.reset(); }
  Result Run(const std::string& arguments) {
    const std::string command =
        absl::StrCat(BinaryPath("tools/auditledger-fsck"), " ", arguments, " 2>&1");
    FILE* pipe = ::popen(command.c_str(), "r");
    Result result;
    char buffer[4096];
    while (const size_t got = std::fread(buffer, 1, sizeof(buffer), pipe)) {
      result.out.append(buffer, got);
    }
    const int status = ::pclose(pipe);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
  }
  std::string All() { return absl::StrCat("--root ", folder.path(), " --ledger clinic "); }
  // The genesis has no secret: a bit in its slot is one finding.
  void DamageASecret() {
    std::fstream file(options.paths.seed_dir + "/seeds-0000000000000000",
                      std::ios::in | std::ios::out | std::ios::binary);
    if (!file) {
      std::ofstream(options.paths.seed_dir + "/seeds-0000000000000000") << std::string(4 << 20, 0);
      file.open(options.paths.seed_dir + "/seeds-0000000000000000",
                std::ios::in | std::ios::out | std::ios::binary);
    }
    file.seekp(7);
    file.put(1);
  }

  TempDir folder;
  LedgerOptions options;
  std::unique_ptr<Ledger> ledger;
};

TEST_F(FsckProgramTest, SaysThatAWholeLedgerIsWhole) {
  Close();
  const Result result = Run(All());
  EXPECT_EQ(result.code, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("fsck.example/log: whole, size 1, root "));
  EXPECT_THAT(result.out, HasSubstr("0 findings"));
  EXPECT_EQ(Run("--data " + options.paths.data_dir).code, 0);
}

TEST_F(FsckProgramTest, PrintsEachFindingAndExitsWith1) {
  Close();
  DamageASecret();
  Result result = Run(All());
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out, HasSubstr("secret\tentry 0: "));
  EXPECT_THAT(result.out, HasSubstr("damaged"));
  result = Run(All() + "--json");
  EXPECT_EQ(result.code, 1);
  std::istringstream lines(result.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto finding = nlohmann::json::parse(line);
  EXPECT_EQ(finding["part"], "secret");
  EXPECT_EQ(finding["entry"], 0);
  EXPECT_EQ(finding["rebuildable"], false);
  ASSERT_TRUE(std::getline(lines, line));
  const auto summary = nlohmann::json::parse(line);
  EXPECT_EQ(summary["result"], "damaged");
  EXPECT_EQ(summary["findings"], 1);
  EXPECT_EQ(summary["signed_size"], 1);
}

TEST_F(FsckProgramTest, CannotTellWhereThereIsNoLedger) {
  EXPECT_EQ(Run("--data " + (folder / "nothing")).code, 2);
}

TEST_F(FsckProgramTest, RefusesALedgerInUse) {
  const Result result = Run(All());
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(result.out, HasSubstr("in use"));
}

// What a monitor keeps: every leaf under the ledger's signed head.
void MakeMirror(Ledger& ledger, const std::string& origin, const std::string& dir) {
  ASSERT_OK_AND_ASSIGN(const auto mirror, TileFolder::Open({dir, origin, ledger.verifier()}));
  ASSERT_OK(ledger.ReadEntries(0, ledger.head()->head.size, false, [&](const StoredEntry& entry) {
    return mirror->Append(entry.leaf).ok();
  }));
  ASSERT_OK(mirror->Publish(ledger.head()->checkpoint));
}

TEST_F(FsckProgramTest, RepairsALostLogFromAMirrorAndTheNextStartLogsIt) {
  MakeMirror(*ledger, options.origin, folder / "mirror");
  std::ofstream(folder / "vkey") << ledger->verifier().ToVkey() << "\n";
  const std::string arguments = absl::StrCat("repair ", All(), "--pin-key ", folder / "vkey");
  EXPECT_EQ(Run(arguments + " --from " + (folder / "mirror")).code, 4) << "it is in use";
  Close();
  const Result whole = Run(arguments);
  EXPECT_EQ(whole.code, 0) << whole.out;
  EXPECT_THAT(whole.out, HasSubstr("nothing to repair"));

  fs::remove_all(options.paths.data_dir + "/log");
  EXPECT_EQ(Run(arguments).code, 1) << "no copy was given";
  EXPECT_EQ(Run(arguments + " --from " + (folder / "nowhere")).code, 2);
  const Result repaired = Run(arguments + " --json --quiet --from " + (folder / "mirror"));
  EXPECT_EQ(repaired.code, 0) << repaired.out;
  const auto json = nlohmann::json::parse(repaired.out);
  EXPECT_EQ(json["size"], 1);
  EXPECT_EQ(json["log_changed"], true);
  EXPECT_EQ(json["leaves"]["count"], 1);
  EXPECT_EQ(json["leaves"]["ranges"][0][1], 0);
  EXPECT_THAT(json["logged"].get<std::string>(), HasSubstr("repair to size 1: leaves 1 [0]"));
  EXPECT_EQ(Run(All()).code, 0);
  ASSERT_OK_AND_ASSIGN(ledger, Ledger::Open(options));
  EXPECT_EQ(ledger->head()->head.size, 2u) << "the genesis and the logged repair";
}

TEST_F(FsckProgramTest, AMirrorWhoseHeadIsAnEarlierKeysIsTaken) {
  MakeMirror(*ledger, options.origin, folder / "mirror");
  Close();
  ASSERT_OK(
      PrepareKeyChange(options.paths.key_dir, options.origin, OldKey::kDestroy, Random::System()));
  ASSERT_OK_AND_ASSIGN(ledger, Ledger::Open(options));
  const std::string vkey = ledger->verifier().ToVkey();
  Close();
  DamageASecret();
  const Result repaired =
      Run(absl::StrCat("repair ", All(), "--pin-key ", vkey, " --from ", folder / "mirror"));
  EXPECT_EQ(repaired.code, 0) << repaired.out;
}

TEST_F(FsckProgramTest, RepairTakesNothingOfAnotherLog) {
  MakeMirror(*ledger, options.origin, folder / "mirror");
  Close();
  fs::remove_all(options.paths.data_dir + "/log");
  const std::string other =
      "fsck.example/other+5d7a1c0e+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
  const Result bad_key =
      Run(absl::StrCat("repair ", All(), "--pin-key ", other, " --from ", folder / "mirror"));
  EXPECT_EQ(bad_key.code, 64) << bad_key.out;
  const std::string vkey =
      NoteVerifier::FromEd25519("fsck.example/other", std::string(32, 'k'), kNoteEd25519)->ToVkey();
  const Result other_log =
      Run(absl::StrCat("repair ", All(), "--pin-key ", vkey, " --from ", folder / "mirror"));
  EXPECT_EQ(other_log.code, 4) << other_log.out;
  EXPECT_THAT(other_log.out, HasSubstr("does not show this log"));
  EXPECT_EQ(Run("repair " + All()).code, 64) << "--pin-key is missing";
}

TEST_F(FsckProgramTest, WantsItsFoldersTogether) {
  EXPECT_EQ(Run("").code, 64);
  EXPECT_EQ(Run("--root " + folder.path()).code, 64);
  EXPECT_EQ(Run("--data x --keys y").code, 64);
  EXPECT_EQ(Run("--nonsense").code, 64);
  EXPECT_EQ(Run("--help").code, 0);
}

}  // namespace
}  // namespace auditledger::testing
