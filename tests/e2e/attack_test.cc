// An administrator with root and the signing key against the programs as they are run: the daemon,
// its client, the verifier, a witness, a monitor and fsck. What each of them says is a row of the
// table in verifier/README.md ("Attacks").
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/checkpoint.h"
#include "tests/e2e/processes.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::nlohmann::json;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr char kOrigin[] = "audit.example.org/clinic";
constexpr int kRefused = 1;
constexpr int kCannotTell = 2;
constexpr int kUnwitnessed = 3;
constexpr uint64_t kEvents = 300;
constexpr uint64_t kVictim = 150;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}
std::string Origin() { return kOrigin; }

// A hospital's ledger with a day of events, its public tiles, and everything an administrator of it
// can reach: each test plays on copies of the folders.
class AttackTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder();
    ASSERT_EQ(RunProgram({Program("auditctl"), "dev-certs", Path("certs")}).exit_code, 0);
    fs::create_directory(Path("live"));
    {
      const std::unique_ptr<Daemon> daemon = Serve("live");
      const Ran made = Ctl(*daemon, {"create-ledger", "clinic", "--origin", Origin(), "--json"});
      ASSERT_EQ(made.exit_code, 0) << made.err;
      vkey_ = json::parse(made.out)["vkey"];
      const Ran day = RunProgram(
          {Program("auditledger-generate"), "--events", absl::StrCat(kEvents), "--seed", "7"});
      Write("day.jsonl", day.out);
      // Two thirds, a copy, and the rest: that copy is what a rollback goes back to.
      const std::vector<std::string> lines = absl::StrSplit(day.out, '\n', absl::SkipEmpty());
      std::string first;
      for (size_t i = 0; i < lines.size() * 2 / 3; ++i) absl::StrAppend(&first, lines[i], "\n");
      Write("morning.jsonl", first);
      ASSERT_EQ(Ctl(*daemon, {"append", Path("morning.jsonl")}).exit_code, 0);
      ASSERT_EQ(daemon->Terminate(), 0);
    }
    Copy("live", "older");
    const std::unique_ptr<Daemon> daemon = Serve("live");
    const Ran appended =
        Ctl(*daemon, {"append", Path("day.jsonl"), "--receipts", Path("receipts")});
    ASSERT_EQ(appended.exit_code, 0) << appended.err;
    ASSERT_EQ(Ctl(*daemon, {"export", Path("export"), "--in-clear"}).exit_code, 0);
    SaveHead(*daemon);
    ASSERT_EQ(daemon->Terminate(), 0) << daemon->log();
    MakeWitness();
  }
  static void TearDownTestSuite() { delete folder_; }

  // The newest head, which has the entry that says who exported, and its proof from the export's.
  static void SaveHead(const Daemon& daemon) {
    const Ran head = Ctl(daemon, {"checkpoint"});
    ASSERT_EQ(head.exit_code, 0) << head.err;
    Write("head", head.out);
    const auto size_of = [](const std::string& note) {
      return absl::StrCat(ParseCheckpoint(ParseNote(note)->text)->size);
    };
    const Ran proof =
        Ctl(daemon,
            {"prove-consistency", size_of(ReadFile(Path("export/checkpoint"))), size_of(head.out)});
    ASSERT_EQ(proof.exit_code, 0) << proof.err;
    Write("proof", proof.out);
  }
  // As somebody who has verified the export and the newest head.
  void SeeTheTruth() {
    ASSERT_EQ(Verify({"log", Path("export")}).exit_code, kUnwitnessed);
    const Ran head = Verify({"checkpoint", Path("head"), "--proof", Path("proof")});
    ASSERT_EQ(head.exit_code, kUnwitnessed) << head.out;
  }

  static void MakeWitness() {
    const Ran made =
        RunProgram({Program("auditledger-witness"), "keygen", "--name", "witness.union.example/w1",
                    "--key", Path("w1.key"), "--state", Path("w1")});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    Write("policy", absl::StrCat("log ", vkey_, "\nwitness union ", made.out, "quorum union\n"));
    const Ran cosigned = Cosign(Path("head"));
    ASSERT_EQ(cosigned.exit_code, 0) << cosigned.err;
    Write("cosigned", cosigned.out);
  }
  // By a union's witness, which has no network: the head is brought as a file.
  static Ran Cosign(const std::string& head) {
    return RunProgram({Program("auditledger-witness"), "cosign", "--key", Path("w1.key"), "--state",
                       Path("w1"), "--log", vkey_, "--note", head});
  }

  static std::string Path(const std::string& name) { return folder_->path() + "/" + name; }
  static void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  static void Copy(const std::string& from, const std::string& to) {
    fs::copy(Path(from), Path(to), fs::copy_options::recursive);
  }
  static std::unique_ptr<Daemon> Serve(const std::string& root,
                                       const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--listen",        DevListener(Path("certs")),
                                          "--access_policy", Path("certs/access.policy"),
                                          "--publish_dir",   Path(root) + ".public"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::make_unique<Daemon>(Path(root), arguments);
  }
  static Ran Ctl(const Daemon& daemon, const std::vector<std::string>& arguments) {
    return RunCtl({daemon.address(), Path("certs"), vkey_}, arguments);
  }
  static Ran Rogue(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Program("auditledger-rogue"));
    return RunProgram(arguments);
  }
  Ran Verify(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Program("auditledger-verify"));
    arguments.insert(arguments.end(),
                     {"--origin", Origin(), "--key", vkey_, "--trust-store", trust_->path()});
    return RunProgram(arguments);
  }
  Ran Fsck(const std::string& root) {
    return RunProgram(
        {Program("auditledger-fsck"), "--root", Path(root), "--ledger", "clinic", "--json"});
  }
  Ran Monitor(const std::vector<std::string>& places, const std::string& state = "") {
    std::vector<std::string> command = {Program("auditledger-monitor"),
                                        "--key",
                                        vkey_,
                                        "--once",
                                        "--max-age",
                                        "0",
                                        "--state",
                                        state.empty() ? trust_->path() : state};
    for (const std::string& place : places) command.insert(command.end(), {"--place", place});
    return RunProgram(command);
  }
  static std::string Tiles(const std::string& root) { return Path(root) + ".public/clinic"; }
  // The whole store made to fit another history, and that signed with the true key by a daemon that
  // was made to adopt it. The name of its folder.
  static std::string ForkedLedger() {
    if (fs::exists(Path("forked"))) return "forked";
    Copy("live", "forked");
    EXPECT_EQ(
        Rogue({"edit-consistent", Path("forked/data/clinic"), absl::StrCat(kVictim)}).exit_code, 0);
    const Ran forged =
        Rogue({"fork", Path("forked/data/clinic"), Path("live/keys/clinic/log.key")});
    EXPECT_EQ(forged.exit_code, 0) << forged.err;
    Write("forged", forged.out);
    fs::remove_all(Path("forked/state/clinic"));
    const Checkpoint head = *ParseCheckpoint(ParseNote(forged.out)->text);
    const std::unique_ptr<Daemon> daemon =
        Serve("forked",
              {"--adopt_signer_state", absl::StrCat("clinic@", head.size, ":", head.root.ToHex())});
    EXPECT_EQ(Ctl(*daemon, {"export", Path("forked-export"), "--in-clear"}).exit_code, 0);
    EXPECT_EQ(daemon->Terminate(), 0) << daemon->log();
    return "forked";
  }

  static TempFolder* folder_;
  static std::string vkey_;
  std::unique_ptr<TempFolder> trust_ = std::make_unique<TempFolder>();
};
TempFolder* AttackTest::folder_ = nullptr;
std::string AttackTest::vkey_;

TEST_F(AttackTest, AnEditedEntryIsRefusedByTheNextReaderTheExportAndFsck) {
  Copy("live", "edited");
  ASSERT_EQ(Rogue({"edit", Path("edited/data/clinic"), absl::StrCat(kVictim)}).exit_code, 0);
  EXPECT_EQ(Fsck("edited").exit_code, kRefused);
  EXPECT_THAT(Fsck("edited").out, HasSubstr(absl::StrCat("entry ", kVictim)));
  const std::unique_ptr<Daemon> daemon = Serve("edited");
  const Ran read = Ctl(*daemon, {"get", absl::StrCat(kVictim)});
  EXPECT_EQ(read.exit_code, kRefused);
  EXPECT_THAT(read.err, HasSubstr("NOT PROVEN"));
  EXPECT_EQ(Ctl(*daemon, {"export", Path("edited-export"), "--in-clear"}).exit_code, kRefused);
}

TEST_F(AttackTest, AnEditThatFitsTheWholeStoreIsRefusedByTheSignersMemory) {
  Copy("live", "fitted");
  ASSERT_EQ(Rogue({"edit-consistent", Path("fitted/data/clinic"), absl::StrCat(kVictim)}).exit_code,
            0);
  const std::unique_ptr<Daemon> daemon = Serve("fitted");
  EXPECT_THAT(Ctl(*daemon, {"ledgers"}).out, HasSubstr("fork: "));
}

TEST_F(AttackTest, ADroppedEntryIsRefusedByTheSignersMemory) {
  Copy("live", "dropped");
  ASSERT_EQ(Rogue({"drop", Path("dropped/data/clinic"), absl::StrCat(kVictim)}).exit_code, 0);
  const std::unique_ptr<Daemon> daemon = Serve("dropped");
  EXPECT_THAT(Ctl(*daemon, {"ledgers"}).out, HasSubstr("rollback: "));
}

TEST_F(AttackTest, WithTheSignersMemoryTakenAwayNothingIsServed) {
  Copy("live", "forgetful");
  fs::remove_all(Path("forgetful/state/clinic"));
  const std::unique_ptr<Daemon> daemon = Serve("forgetful");
  EXPECT_THAT(Ctl(*daemon, {"ledgers"}).out, HasSubstr("refused"));
}

TEST_F(AttackTest, AnAdoptedForkIsRefusedByWhoeverSawTheTruthAndDeniedByItsOwnEvents) {
  ForkedLedger();
  SeeTheTruth();
  const Ran forked = Verify({"log", Path("forked-export")});
  EXPECT_EQ(forked.exit_code, kRefused);
  EXPECT_THAT(forked.out, HasSubstr("FORK: "));
  EXPECT_THAT(forked.out, HasSubstr(absl::StrCat("entry ", kVictim, " ")));
  EXPECT_THAT(forked.out, HasSubstr("evidence kept in"));
  const Ran head = Verify({"checkpoint", Path("forged")});
  EXPECT_EQ(head.exit_code, kRefused);
  EXPECT_THAT(head.out, HasSubstr("FORK: "));
}

// To one who never saw the other history a signed fork without payloads is as good as the truth.
TEST_F(AttackTest, WithoutMemoryOrWitnessesAForkIsNotNoticed) {
  ForkedLedger();
  const Ran first_sight = Verify({"checkpoint", Path("forged")});
  EXPECT_EQ(first_sight.exit_code, kUnwitnessed);
  EXPECT_THAT(first_sight.out, HasSubstr("no witness policy given"));
  // The memory reset, it forgets that it was refused.
  ASSERT_EQ(Verify({"trust", "forget"}).exit_code, 0);
  ASSERT_EQ(Verify({"checkpoint", Path("cosigned")}).exit_code, kUnwitnessed);
  EXPECT_EQ(Verify({"checkpoint", Path("forged")}).exit_code, kRefused);
  ASSERT_EQ(Verify({"trust", "forget"}).exit_code, 0);
  EXPECT_EQ(Verify({"checkpoint", Path("forged")}).exit_code, kUnwitnessed);
}

TEST_F(AttackTest, AWitnessDoesNotCosignTheForkAndThePolicyMissesIt) {
  ForkedLedger();
  const std::vector<std::string> policy = {"--policy", Path("policy"), "--allow-weak-policy"};
  const auto checked = [&](const std::string& name) {
    std::vector<std::string> arguments = {"checkpoint", Path(name), "--no-trust-store"};
    arguments.insert(arguments.end(), policy.begin(), policy.end());
    return Verify(arguments);
  };
  EXPECT_EQ(checked("cosigned").exit_code, 0);
  const Ran refused = Cosign(Path("forged"));
  EXPECT_EQ(refused.exit_code, kRefused) << refused.err;
  const Ran unwitnessed = checked("forged");
  EXPECT_EQ(unwitnessed.exit_code, kRefused);
  EXPECT_THAT(unwitnessed.out, HasSubstr("union has not cosigned"));
  // The cosignature of the true head, moved over.
  std::string moved = ReadFile(Path("forged"));
  const std::string cosigned = ReadFile(Path("cosigned"));
  moved += cosigned.substr(cosigned.rfind("\xe2\x80\x94 witness.union.example"));
  Write("moved", moved);
  EXPECT_EQ(checked("moved").exit_code, kRefused);
}

TEST_F(AttackTest, AMonitorOfTwoPlacesProvesTheForkToAThird) {
  ForkedLedger();
  EXPECT_EQ(Monitor({Tiles("live")}).exit_code, 0);
  TempFolder state;
  const Ran found = Monitor({Tiles("live"), Tiles("forked")}, state.path());
  EXPECT_EQ(found.exit_code, kRefused) << found.err;
  std::vector<std::string> files;
  for (const auto& file : fs::recursive_directory_iterator(state.path())) {
    if (file.path().extension() == ".evidence") files.push_back(file.path());
  }
  ASSERT_EQ(files.size(), 1u);
  const Ran judged =
      RunProgram({Program("auditledger-monitor"), "evidence", files[0], "--key", vkey_});
  EXPECT_EQ(judged.exit_code, kRefused);
  EXPECT_THAT(judged.out, HasSubstr("FORK: "));
}

TEST_F(AttackTest, DataRolledBackAreRefusedByTheSignersMemory) {
  Copy("live", "rolled");
  for (const char* part : {"data", "seeds"}) {
    fs::remove_all(Path(absl::StrCat("rolled/", part)));
    Copy(absl::StrCat("older/", part), absl::StrCat("rolled/", part));
  }
  const std::unique_ptr<Daemon> daemon = Serve("rolled");
  EXPECT_THAT(Ctl(*daemon, {"ledgers"}).out, HasSubstr("rollback: "));
}

TEST_F(AttackTest, RolledBackWithItsMemoryItIsRefusedByVerifierWitnessAndMonitor) {
  Copy("older", "forgot");
  const std::unique_ptr<Daemon> daemon = Serve("forgot");
  EXPECT_THAT(Ctl(*daemon, {"ledgers"}).out, HasSubstr("serving")) << "to itself it is honest";
  const Ran head = Ctl(*daemon, {"checkpoint"});
  Write("rolled-head", head.out);
  ASSERT_EQ(daemon->Terminate(), 0);
  ASSERT_EQ(Verify({"checkpoint", Path("cosigned")}).exit_code, kUnwitnessed);
  const Ran refused = Verify({"checkpoint", Path("rolled-head")});
  EXPECT_EQ(refused.exit_code, kRefused);
  EXPECT_THAT(refused.out, HasSubstr("ROLLBACK: "));
  EXPECT_EQ(Cosign(Path("rolled-head")).exit_code, kRefused);
  TempFolder state;
  ASSERT_EQ(Monitor({Tiles("live")}, state.path()).exit_code, 0);
  Copy("live.public", "went-back.public");
  fs::remove_all(Tiles("went-back"));
  fs::copy(Tiles("forgot"), Tiles("went-back"), fs::copy_options::recursive);
  fs::rename(Tiles("live"), Path("kept-tiles"));
  fs::rename(Tiles("went-back"), Tiles("live"));
  const Ran went_back = Monitor({Tiles("live")}, state.path());
  fs::rename(Tiles("live"), Path("went-back-tiles"));
  fs::rename(Path("kept-tiles"), Tiles("live"));
  EXPECT_EQ(went_back.exit_code, kCannotTell) << "no signature dates a head";
  EXPECT_THAT(went_back.out, HasSubstr("went_back"));
  // A receipt of what is gone: its holder has the log's signature on the larger head.
  const Ran receipt = Verify(
      {"receipt", Path(absl::StrCat("receipts/", "000000000290.tlog-proof")), "--no-trust-store"});
  EXPECT_EQ(receipt.exit_code, kUnwitnessed) << receipt.out;
}

TEST_F(AttackTest, AForgottenIdentityDoublesAnEventAndFsckNamesIt) {
  Copy("live", "doubled");
  ASSERT_EQ(Rogue({"forget", Path("doubled/data/clinic"), absl::StrCat(kVictim)}).exit_code, 0);
  std::unique_ptr<Daemon> daemon = Serve("doubled");
  const auto size = [&] {
    return json::parse(Ctl(*daemon, {"checkpoint", "--json"}).out)["size"].get<uint64_t>();
  };
  const uint64_t before = size();
  ASSERT_EQ(Ctl(*daemon, {"append", Path("day.jsonl")}).exit_code, 0);
  EXPECT_EQ(size(), before + 1) << "the one event that was forgotten";
  ASSERT_EQ(Ctl(*daemon, {"export", Path("doubled-export"), "--in-clear"}).exit_code, 0);
  ASSERT_EQ(daemon->Terminate(), 0);
  // The log has both, in order, for good: the verifier has nothing to object to.
  EXPECT_EQ(Verify({"log", Path("doubled-export")}).exit_code, kUnwitnessed);
  const Ran checked = Fsck("doubled");
  EXPECT_EQ(checked.exit_code, kRefused);
  EXPECT_THAT(checked.out, HasSubstr(absl::StrCat("entry ", kVictim)));
}

TEST_F(AttackTest, ATamperedExportIsRefused) {
  Copy("export", "tampered");
  fs::remove(Path("tampered/payload/000"));
  const Ran withheld = Verify({"log", Path("tampered")});
  EXPECT_EQ(withheld.exit_code, kUnwitnessed);
  EXPECT_THAT(withheld.out, HasSubstr("WITHHELD: "));
  Copy("export", "bent");
  std::string leaves = ReadFile(Path("bent/tile/entries/000"));
  leaves[leaves.size() / 2] ^= 1;
  Write("bent/tile/entries/000", leaves);
  EXPECT_EQ(Verify({"log", Path("bent"), "--no-trust-store"}).exit_code, kRefused);
}

}  // namespace
}  // namespace auditledger::testing
