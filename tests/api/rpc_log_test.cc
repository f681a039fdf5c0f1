#include "api/rpc_log.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>

#include "ledger/errors.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;
using testing::TempDir;

class RpcLogTest : public ::testing::Test {
 protected:
  // What `write` leaves in a log of `level`.
  std::string Written(const std::string& level, const std::function<void(RpcLog&)>& write) {
    const std::string path = dir_ / level;
    {
      const std::unique_ptr<RpcLog> log = RpcLog::Open(level, path).value();
      write(*log);
    }
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  TempDir dir_;
};

TEST_F(RpcLogTest, ARefusedCallIsLoggedWithItsReasonAndWithoutItsMessage) {
  const std::string text = Written("info", [](RpcLog& log) {
    log.Rpc("LedgerService/AppendEvent", "spiffe://a/ehr",
            WithReason(absl::InvalidArgumentError("Patient/1 Smith"), "MALFORMED_EVENT"), 7);
    log.Rpc("LedgerService/AppendEvent", "spiffe://a/quiet", absl::OkStatus(), 7);
  });
  EXPECT_THAT(text, HasSubstr(R"("level":"info","event":"rpc")"));
  EXPECT_THAT(text, HasSubstr(R"("principal":"spiffe://a/ehr","micros":"7")"));
  EXPECT_THAT(text, HasSubstr(R"("reason":"MALFORMED_EVENT")"));
  EXPECT_THAT(text, Not(HasSubstr("Smith")));
  EXPECT_THAT(text, Not(HasSubstr("quiet"))) << "success is for debug";
}

TEST_F(RpcLogTest, TheCauseThatCallersAreNotToldStandsInTheLog) {
  const std::string text = Written("error", [](RpcLog& log) {
    log.Rpc("LedgerService/GetEntry", "p", absl::DataLossError("tile 3 of /d"), 1);
    log.Rpc("LedgerService/GetEntry", "p", absl::NotFoundError("below this level"), 1);
  });
  EXPECT_THAT(text, HasSubstr(R"("cause":"tile 3 of /d")"));
  EXPECT_THAT(text, Not(HasSubstr("below this level")));
}

TEST_F(RpcLogTest, WhateverAPrincipalIsCalledALineStaysOneObject) {
  const std::string text = Written("debug", [](RpcLog& log) {
    log.Event("seen", {{"who", "a\"}\n{\"level\":\"error\\\xff"}});
  });
  EXPECT_THAT(text, HasSubstr(R"("who":"a\"}\u000a{\"level\":\"error\\\u00ff"})"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(RpcLogTest, RefusesLevelsAndFilesThatAreNone) {
  EXPECT_THAT(RpcLog::Open("loud", "").status(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(RpcLog::Open("info", "/proc/no/log").status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
