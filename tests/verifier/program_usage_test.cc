// auditledger-verify as a process: what it is told on the command line and cannot be meant, files
// that are not there, and that each command does its own work.
//
// Covers: verifier/cli/run
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/cose_receipt.h"
#include "merkle/proof.h"
#include "merkle/sha256.h"
#include "merkle/timestamp.h"
#include "nlohmann/json.hpp"
#include "tests/testing/shared_path.h"
#include "tests/testing/test_tsa.h"
#include "tests/verifier/program.h"
#include "verifier/cli/options.h"
#include "verifier/verdict.h"

namespace auditledger {
namespace {

using testing::ExportLog;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramTest;
using testing::Ran;
using testing::ReadFile;
using testing::TestLog;
using testing::WriteFile;

class UsageTest : public ProgramTest {
 protected:
  void ExpectUsage(const std::string& arguments, const std::string& why, bool pinned = false) {
    const Ran ran = Run(arguments, pinned);
    EXPECT_EQ(ran.exit_code, kExitUsage) << arguments << ran.out;
    EXPECT_THAT(ran.out, HasSubstr(why)) << arguments;
  }
  void ExpectCannotTell(const std::string& arguments, const std::string& why) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, kExitCannotTell) << arguments << ran.out;
    EXPECT_THAT(ran.out, HasSubstr(why)) << arguments;
  }
  void ExpectUnwitnessed(const std::string& arguments, const std::string& said,
                         bool pinned = true) {
    const Ran ran = Run(arguments, pinned);
    EXPECT_EQ(ran.exit_code, kExitUnwitnessed) << arguments << ran.out;
    EXPECT_THAT(ran.out, HasSubstr(said)) << arguments;
  }
};

TEST_F(UsageTest, TheLogIsPinnedOneWayAndWhole) {
  const std::string receipt = "receipt @r.tlog-proof --no-trust-store";
  const std::string which = "give --origin and --key, or --pins";
  ExpectUsage(receipt, which);
  ExpectUsage(receipt + " --pins @pins --key @vkey --origin " + log_.origin(), which);
  ExpectUsage(receipt + " --key @vkey", "--origin is missing");
  ExpectUsage(receipt + " --pins @none", "none: open: ");
  WriteFile(dir_.File("bad"), "rubbish\n");
  ExpectUsage(receipt + " --pins @bad", "pins: line 1: ");
  ExpectUsage(receipt + " --allow-weak-policy --pins @pins", "--allow-weak-policy without");
}

TEST_F(UsageTest, OfSeveralPinsTheOriginChooses) {
  TestLog::Options options;
  options.origin = "ledger.test/other";
  options.key = 2;
  const TestLog other(options);
  WriteFile(dir_.File("two"), absl::StrCat(other.origin(), " ", other.verifier().ToVkey(), "\n",
                                           log_.origin(), " ", log_.verifier().ToVkey(), "\n"));
  const std::string receipt = "receipt @r.tlog-proof --no-trust-store --pins @two";
  ExpectUsage(receipt, "several origins: say which by --origin");
  ExpectUsage(receipt + " --origin nobody", "does not have this origin");
  ExpectUsage("receipt @r.tlog-proof --no-trust-store --pins @pins --origin nobody",
              "does not have this origin");
  ExpectUnwitnessed(receipt + " --origin " + log_.origin(), "VERIFIED", false);
  EXPECT_EQ(Run(receipt + " --origin " + other.origin(), false).exit_code, 1);
}

TEST_F(UsageTest, APolicyBesideAKeyListsTheKeyOrNone) {
  WriteFile(dir_.File("policy"), "log " + log_.verifier().ToVkey() + "\nquorum none\n");
  const std::string policy = "receipt @r.tlog-proof --no-trust-store --policy @policy";
  ExpectUnwitnessed(policy + " --allow-weak-policy --pins @pins", "VERIFIED", false);
  ExpectUsage(policy + " --pins @none", "none: open: ");
  TestLog::Options options;
  options.key = 2;
  WriteFile(dir_.File("other"),
            absl::StrCat(log_.origin(), " ", TestLog(options).verifier().ToVkey(), "\n"));
  ExpectUsage(policy + " --allow-weak-policy --pins @other", "the pinned key is none of them");
}

TEST_F(UsageTest, FilesThatAreNotThereCannotBeTold) {
  for (const char* arguments :
       {"receipt @none", "receipt @r.tlog-proof --event @none",
        "receipt @r.tlog-proof --index-key @none", "receipt @r.tlog-proof --proof @none",
        "receipt @r.tlog-proof --key-changes @none", "checkpoint @none",
        "checkpoint @export/checkpoint --from @none", "consistency @none @export/checkpoint",
        "consistency @export/checkpoint @none",
        "consistency @export/checkpoint @export/checkpoint --proof @none",
        "consistency @export/checkpoint @export/checkpoint --key-changes @none",
        "log @export --index-key @none", "evidence @none",
        "evidence @export/checkpoint --key-changes @none", "cose @none",
        "receipt @r.tlog-proof --tsa-ca @none --timestamps @none", "log @export --tsa-ca @none",
        "entry @export 7 --tsa-ca @none"}) {
    ExpectCannotTell(arguments, "none: open: ");
    EXPECT_EQ(nlohmann::json::parse(Run(absl::StrCat(arguments, " --json")).out)["exit_code"],
              kExitCannotTell);
  }
  WriteFile(dir_.File("bad"), "rubbish\n");
  ExpectCannotTell("receipt @r.tlog-proof --index-key @bad", "index key: not ");
  ExpectCannotTell("receipt @r.tlog-proof --proof @bad", "CANNOT TELL");
  ExpectCannotTell("receipt @r.tlog-proof --key-changes @bad", "does not begin ");
}

TEST_F(UsageTest, ATrustStoreThatCannotBeOpenedCannotBeTold) {
  WriteFile(dir_.File("trust"), "a file where the folder should be");
  for (const char* arguments :
       {"checkpoint @export/checkpoint", "receipt @r.tlog-proof", "log @export"}) {
    ExpectCannotTell(arguments, "trust/");
  }
  std::filesystem::remove(dir_.File("trust"));
  WriteFile(dir_.File("file"), "");
  for (const char* command :
       {"trust list", "trust show", "trust forget", "checkpoint @export/checkpoint"}) {
    const Ran ran =
        Run(absl::StrCat(command, " --pins @pins --trust-store @file/below/trust"), false);
    EXPECT_EQ(ran.exit_code, kExitCannotTell) << command;
    EXPECT_THAT(ran.out, HasSubstr("file/below: make folder: ")) << command;
  }
}

TEST_F(UsageTest, ATrustStoreThatIsDamagedIsNotListed) {
  EXPECT_EQ(Run("trust list").out, "");
  EXPECT_EQ(Run("checkpoint @export/checkpoint").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("trust list --quiet").out, "");
  EXPECT_EQ(nlohmann::json::parse(Run("trust list --json").out)[0]["size"], 30);
  EXPECT_EQ(Run("trust show --quiet").out, "");
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.File("trust"))) {
    if (entry.path().extension() == ".checkpoint") file = entry.path().string();
  }
  for (const std::string& damaged : {std::string("rubbish"), log_.Sign("no checkpoint\n")}) {
    WriteFile(file, damaged);
    ExpectCannotTell("trust list", "a damaged head in " + dir_.File("trust"));
    ExpectCannotTell("trust show", "does not verify under the pinned key");
    ExpectCannotTell("checkpoint @export/checkpoint", "does not verify under the pinned key");
  }
  std::filesystem::remove(file);
  std::filesystem::create_directories(file + "/folder");
  ExpectCannotTell("trust list", "not a regular file");
}

TEST_F(UsageTest, OneOriginIsForgottenByName) {
  ExpectUsage("trust forget --trust-store @trust", "--origin is missing");
  ExpectUsage("trust show --trust-store @trust", "pin the log");
  ExpectCannotTell("trust forget", "trust store: no head of " + log_.origin());
  ExpectCannotTell("trust show", "has seen no head of this log");
}

TEST_F(UsageTest, WithoutATrustStoreNoneIsMade) {
  EXPECT_EQ(Run("receipt @r.tlog-proof --no-trust-store").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("consistency @export/checkpoint @export/checkpoint").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("entry @export 7").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("evidence @export/checkpoint").exit_code, kExitCannotTell);
  EXPECT_FALSE(std::filesystem::exists(dir_.File("trust")));
}

TEST_F(UsageTest, WhatTheTrustStoreRemembersOfKeysJudgesEvidence) {
  EXPECT_EQ(Run("checkpoint @export/checkpoint").exit_code, kExitUnwitnessed);
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.File("trust"))) {
    if (entry.path().extension() == ".checkpoint") file = entry.path().string();
  }
  WriteFile(std::filesystem::path(file).replace_extension(".keys").string(), "rubbish\n");
  ExpectCannotTell("evidence @export/checkpoint", "memory of the log's keys does not fit the pin");
  EXPECT_THAT(Run("evidence @export/checkpoint --no-trust-store").out, Not(HasSubstr("memory")));
}

TEST_F(UsageTest, AnEntryIsPrintedAsAsked) {
  ExpectUnwitnessed("entry @export 7", "entry 7 (event), recorded ");
  EXPECT_EQ(Run("entry @export 7 --quiet").out, "");
  EXPECT_EQ(Run("entry @export 7 --quiet --json").out, "");
  EXPECT_THAT(Run("entry @export 0 --json").out, Not(HasSubstr("\"event\":")));
}

TEST_F(UsageTest, APredecessorIsComparedWhereOneIsGiven) {
  TestLog::Options options;
  options.origin = "ledger.test/before";
  TestLog before(options);
  before.AddEvents(3);
  ExportLog(before, dir_.File("before"));
  const std::string given =
      absl::StrCat(" --predecessor @before --predecessor-key ", before.verifier().ToVkey());
  ExpectUnwitnessed("log @export", "VERIFIED");
  const Ran ran = Run("log @export" + given);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("the genesis names no predecessor"));
  ExpectUsage("log @export --predecessor @before", "--predecessor-key", true);
}

TEST_F(UsageTest, ACoseReceiptIsCheckedByItsOwnCommand) {
  CoseReceipt receipt = NewCoseReceipt(log_.verifier());
  receipt.size = 30;
  receipt.index = 7;
  receipt.path = InclusionProof(7, 30, log_).value();
  receipt.signature = testing::TestSignature(1, CoseSignedBytes(log_.verifier(), log_.RootAt(30)));
  WriteFile(dir_.File("r.cose"), EncodeCoseReceipt(receipt).value());
  WriteFile(dir_.File("r.leaf"), log_.leaves()[7]);
  ExpectUnwitnessed("cose @r.cose --leaf @r.leaf", "VERIFIED, UNWITNESSED: COSE receipt");
  ExpectUnwitnessed("cose @r.cose --receipt @r.tlog-proof --event @r.event.pb", "VERIFIED");
  ExpectUnwitnessed("cose @r.cose --leaf @r.leaf --checkpoint @export/checkpoint", "VERIFIED");
  EXPECT_FALSE(std::filesystem::exists(dir_.File("trust")));
  for (const char* option : {"leaf", "receipt", "checkpoint", "event"}) {
    ExpectCannotTell(absl::StrCat("cose @r.cose --", option, " @none"), "none: open: ");
  }
}

TEST_F(UsageTest, TimesNeedSomebodyToBelieveAndAPlace) {
  const testing::TestTsa tsa({});
  WriteFile(dir_.File("ca.pem"), tsa.ca_pem());
  const std::string need = "--timestamps and --tsa-policy need --tsa-ca";
  ExpectUsage("log @export --timestamps @stamps", need, true);
  ExpectUsage("log @export --tsa-policy 1.2.3.4", need, true);
  ExpectUsage("receipt @r.tlog-proof --tsa-ca @ca.pem", "--tsa-ca needs --timestamps DIR", true);
  ExpectUsage("log @export --tsa-ca @vkey", "--tsa-ca: timestamp: no certificate", true);
  ExpectUsage("entry @export 7 --tsa-ca @ca.pem --tsa-policy x", "--tsa-ca: timestamp: policy",
              true);
  // The export's own folder, or another.
  const std::string note = log_.CheckpointAt(30);
  const std::string token = tsa.Stamp(ParseNote(note)->text, {});
  const std::string stem = TimestampFileStem(30, Sha256({token}));
  for (const char* folder : {"export/timestamps/", "stamps/"}) {
    WriteFile(dir_.File(folder + stem + ".checkpoint"), note);
    WriteFile(dir_.File(folder + stem + ".tst"), token);
  }
  const std::string shown = "2026-01-01T00:00:0";
  ExpectUnwitnessed("log @export --tsa-ca @ca.pem", shown);
  ExpectUnwitnessed("log @export --tsa-ca @ca.pem --timestamps @stamps", shown);
  ExpectUnwitnessed("entry @export 7 --tsa-ca @ca.pem", shown);
  ExpectUnwitnessed("receipt @r.tlog-proof --tsa-ca @ca.pem --timestamps @stamps", shown);
  EXPECT_THAT(Run("log @export").out, Not(HasSubstr(shown)));
}

// A terminal of its own for standard error.
TEST_F(UsageTest, ProgressIsForTerminalsAlone) {
  log_.AddEvents(1000);
  ExportLog(log_, dir_.File("export"), 1041);
  EXPECT_THAT(Run("log @export --no-trust-store").out, Not(HasSubstr("1041 of 1041 entries")));
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  ASSERT_TRUE(terminal >= 0 && ::grantpt(terminal) == 0 && ::unlockpt(terminal) == 0);
  const std::string name = ::ptsname(terminal);
  const int held = ::open(name.c_str(), O_RDWR | O_NOCTTY);  // so that what was written stays
  const auto written = [&](const std::string& arguments) {
    const std::string command = absl::StrCat(
        AUDITLEDGER_VERIFY_PROGRAM, " ", arguments, " --no-trust-store --origin ", log_.origin(),
        " --key ", dir_.File("vkey"), " >", dir_.File("out"), " 2>", name);
    EXPECT_EQ(WEXITSTATUS(::system(command.c_str())), kExitUnwitnessed);
    std::string text(4096, '\0');
    const ssize_t got = ::read(terminal, text.data(), text.size());
    return got > 0 ? text.substr(0, static_cast<size_t>(got)) : std::string();
  };
  const auto started = std::chrono::steady_clock::now();
  const std::string text = written("log " + dir_.File("export"));
  const auto half_seconds =
      (std::chrono::steady_clock::now() - started) / std::chrono::milliseconds(500);
  EXPECT_THAT(text, HasSubstr("\r1041 of 1041 entries (100 %)"));
  EXPECT_LE(std::count(text.begin(), text.end(), '%'), 1 + half_seconds) << text;
  EXPECT_EQ(written("log --quiet " + dir_.File("export")), "");
  ::close(held);
  ::close(terminal);
}

}  // namespace
}  // namespace auditledger
