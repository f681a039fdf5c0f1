// What auditledger-load says of itself and of a server that is not there. Against a server it runs
// in tools/dev bench and overload.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "tests/testing/shared_path.h"
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

}  // namespace
}  // namespace auditledger
