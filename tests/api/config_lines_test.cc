// Covers: api/config_lines, api/flags
#include "api/config_lines.h"

#include <gmock/gmock.h>

#include <fstream>

#include "api/client/dev_certs.h"
#include "api/daemon.h"
#include "api/flags.h"
#include "tests/api/api_fixture.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::TempDir;

constexpr char kText[] = R"(data_dir: "/l/data"
listeners { name: "app" address: "unix:/l/app" }
listeners {
  name: "edge"
  address: "nowhere"
}
rates {
  ledger_calls { burst: 5 }
}
)";

TEST(ConfigLines, NameTheFieldsLineOrThatOfWhatItShouldStandIn) {
  EXPECT_EQ(LineOfField(kText, "data_dir"), 1);
  EXPECT_EQ(LineOfField(kText, "listeners[0].address"), 2);
  EXPECT_EQ(LineOfField(kText, "listeners[1].address"), 5);
  EXPECT_EQ(LineOfField(kText, "listeners[1].tls.certificate_file"), 3) << "tls is absent";
  EXPECT_EQ(LineOfField(kText, "rates.ledger_calls.per_second"), 8);
}

TEST(ConfigLines, WhatTheFileDoesNotSayHasNoLine) {
  for (const char* field : {"", "seed_dir", "listeners[2].address", "listeners[x", "bogus.field"}) {
    const int line = LineOfField(kText, field);
    EXPECT_EQ(line, std::string(field) == "listeners[x" ? 2 : 0) << field;
  }
  EXPECT_EQ(LineOfField("data_dir: 1", "data_dir"), 0) << "does not parse";
}

class ConfigFileTest : public ::testing::Test {
 protected:
  std::string Parse(std::vector<std::string> more) {
    std::ofstream(file_) << kText;
    EXPECT_OK(AddDevGrants(dir_.path(), "local:a", AllDevRoles()));
    std::vector<std::string> all = {"auditledgerd",
                                    "--config",
                                    file_,
                                    "--root",
                                    dir_.path(),
                                    "--allow_unix_socket",
                                    "--access_policy",
                                    dir_.path() + "/access.policy"};
    all.insert(all.end(), more.begin(), more.end());
    std::vector<const char*> argv;
    for (const std::string& one : all) argv.push_back(one.c_str());
    const ParsedFlags flags = ParseFlags(static_cast<int>(argv.size()), argv.data());
    EXPECT_EQ(flags.exit_code, kExitConfig);
    return flags.text;
  }
  const TempDir dir_;
  const std::string file_ = dir_.path() + "/a.textproto";
};

TEST_F(ConfigFileTest, AFaultOfTheFileIsToldWithItsLine) {
  EXPECT_THAT(Parse({}), HasSubstr(file_ + ":5: listeners[1].address: must be host:port"));
}

TEST_F(ConfigFileTest, AFaultOfAFlagIsNot) {
  EXPECT_THAT(Parse({"--data_dir", dir_.path() + "/state"}), Not(HasSubstr(file_ + ":")));
}

}  // namespace
}  // namespace auditledger
