// What auditledger-load says of itself, of a server that is not there, and of one that is.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/client/dev_certs.h"
#include "merkle/note.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/test_log.h"
#include "tools/exit_codes.h"

namespace auditledger {
namespace {

struct Ran {
  int exit_code = -1;
  std::string out;  // with what it said on standard error
};

Ran RunLoad(const std::string& arguments) {
  const std::string command =
      "'" + testing::BinaryPath("tools/auditledger-load") + "' " + arguments + " 2>&1";
  Ran ran;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return ran;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.out.append(buffer, n);
  ran.exit_code = WEXITSTATUS(pclose(pipe));
  return ran;
}

TEST(LoadProgramTest, HelpNamesModesAndExitCodes) {
  const Ran ran = RunLoad("--help");
  EXPECT_EQ(ran.exit_code, kExitOk);
  for (const char* word : {"--mode", "--rate", "--verify", "Closed loop", "Exit codes"}) {
    EXPECT_NE(ran.out.find(word), std::string::npos) << word;
  }
}

TEST(LoadProgramTest, WhatCannotBeMeantIsRefusedBeforeAnythingIsSent) {
  for (const char* wrong :
       {"", "--ledger a --mode trickle", "--ledger a --verify some", "--ledger a --verify 0",
        "--ledger a --mode stream --rate 5", "--ledger a --mode stream --seconds 600",
        "--ledger a --mode stream --per-message 600", "--ledger a --mode batch --batch 1001",
        "--ledger a --event-bytes 299", "--ledger a --event-bytes 4097", "--ledger a --callers 0",
        "--ledger a --rate -1", "--ledger a"}) {
    EXPECT_EQ(RunLoad(wrong).exit_code, kExitUsage) << wrong;
  }
}

TEST(LoadProgramTest, NoServerIsNoAnswer) {
  const Ran ran = RunLoad("--ledger a --server unix:/nonexistent/socket --timeout 0.2 --seconds 1");
  EXPECT_EQ(ran.exit_code, kExitUnreachable);
  EXPECT_NE(ran.out.find("no connection"), std::string::npos) << ran.out;
}

// A daemon on a Unix socket; the load generator itself waits until it serves.
class LoadServerTest : public ::testing::Test {
 protected:
  LoadServerTest() {
    EXPECT_OK(AddDevGrants(dir_.path(), "local:main", AllDevRoles()));
    std::vector<std::string> words = {testing::BinaryPath("api/auditledgerd"),
                                      "--root",
                                      dir_.path() + "/root",
                                      "--access_policy",
                                      dir_.path() + "/access.policy",
                                      "--allow_unix_socket",
                                      "--listen",
                                      "main," + address_,
                                      "--auto_create",
                                      "bench=load.test/log",
                                      "--log_level",
                                      "error"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, argv[0], nullptr, nullptr, argv.data(), environ), 0);
  }
  ~LoadServerTest() override {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }

  std::string Arguments(const std::string& more) const {
    return "--ledger bench --server " + address_ + " --timeout 20 --warmup 0.1 --json " + more;
  }
  static nlohmann::json Json(const Ran& ran) {
    return nlohmann::json::parse(ran.out, nullptr, /*allow_exceptions=*/false);
  }

  testing::TempDir dir_;
  const std::string address_ = "unix:" + dir_.path() + "/socket";
  pid_t pid_ = -1;
};

TEST_F(LoadServerTest, EveryModeVerifiesEveryReceipt) {
  for (const std::string mode : {"--callers 8", "--mode batch --batch 20 --callers 2",
                                 "--mode stream --callers 2 --event-bytes 300", "--rate 200"}) {
    const Ran ran = RunLoad(Arguments(mode + " --seconds 0.5"));
    ASSERT_EQ(ran.exit_code, kExitOk) << mode << ": " << ran.out;
    const nlohmann::json report = Json(ran);
    EXPECT_GT(report["events"], 0) << mode;
    EXPECT_GE(report["verified"], report["events"]) << mode;
    EXPECT_EQ(report["refused_events"], 0) << mode;
    EXPECT_GT(report["latency"]["p50_ms"], 0) << mode;
    EXPECT_LE(report["latency"]["p50_ms"], report["latency"]["max_ms"]) << mode;
  }
}

TEST_F(LoadServerTest, MeasuresTheServersProcessAndFolder) {
  const Ran ran = RunLoad(Arguments("--callers 4 --seconds 0.5 --server-pid " +
                                    std::to_string(pid_) + " --data-dir " + dir_.path()));
  ASSERT_EQ(ran.exit_code, kExitOk) << ran.out;
  EXPECT_GT(Json(ran)["server_resident_bytes"], 1 << 20);
  EXPECT_GT(Json(ran)["disk_bytes_per_event"], 0);
}

TEST_F(LoadServerTest, WhatNoRetryMendsEndsTheRun) {
  const Ran ran = RunLoad("--ledger other --server " + address_ + " --timeout 20 --verify none");
  EXPECT_EQ(ran.exit_code, kExitRefused);
  EXPECT_NE(ran.out.find("LEDGER_NOT_FOUND"), std::string::npos) << ran.out;
}

TEST_F(LoadServerTest, AReceiptOfAnotherKeyIsNotProven) {
  const std::string other =
      NoteVerifier::FromEd25519("load.test/log", testing::TestPublicKey(2)).value().ToVkey();
  const Ran ran = RunLoad(Arguments("--callers 1 --seconds 0.3 --pin-key '" + other + "'"));
  EXPECT_EQ(ran.exit_code, kExitNotProven) << ran.out;
  const std::string vkey = dir_.path() + "/root/keys/bench/log.vkey";
  EXPECT_EQ(
      RunLoad(Arguments("--callers 1 --seconds 0.3 --pin-key '" + other + "' --other-key " + vkey))
          .exit_code,
      kExitOk);
}

TEST_F(LoadServerTest, AnInterruptEndsItWithItsSummary) {
  const std::string command = "timeout --preserve-status -s INT 2 '" +
                              testing::BinaryPath("tools/auditledger-load") + "' " +
                              Arguments("--callers 1 --seconds 100");
  FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string out;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  EXPECT_EQ(WEXITSTATUS(pclose(pipe)), kExitOk);
  EXPECT_LT(Json({0, out})["seconds"], 100) << out;
}

}  // namespace
}  // namespace auditledger
