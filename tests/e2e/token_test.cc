// auditctl with an access token against a daemon that asks for one; the issuer changes its keys
// while both run.
//
// Covers: api/client/token_file
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/dev_certs.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/api/test_issuer.h"
#include "tests/e2e/processes.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TokenCliTest : public ::testing::Test {
 protected:
  // By rename, as whoever is careful does.
  void Replace(const std::string& name, const std::string& text) {
    std::ofstream(Path(name + ".new")) << text;
    ASSERT_EQ(std::rename(Path(name + ".new").c_str(), Path(name).c_str()), 0);
  }
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  Ran Ctl(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {"/usr/bin/env",
                                        absl::StrCat("AUDITCTL_TOKEN_FILE=", Path("token")),
                                        Program("auditctl"),
                                        "--server",
                                        daemon_.address(),
                                        "--ca",
                                        certs_ + "/ca.pem",
                                        "--ledger",
                                        "clinic"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunProgram(command);
  }

  const TestIssuer& issuer_ = TestIssuer::Get();
  const int64_t now_s_ = std::time(nullptr);
  TempFolder folder_;
  const std::string certs_ = folder_.path() + "/certs";
  const bool made_ = RunProgram({Program("auditctl"), "dev-certs", certs_}).exit_code == 0;
  const bool granted_ =
      AddDevGrants(certs_, absl::StrCat(TestIssuer::kIssuer, "#ehr"), AllDevRoles()).ok() &&
      AddDevGrants(certs_, absl::StrCat(TestIssuer::kIssuer, "#jane.doe"),
                   {config::v1::ROLE_PROVER})
          .ok();
  const bool written_ = static_cast<bool>(std::ofstream(Path("jwks.json")) << issuer_.Jwks());
  Daemon daemon_{
      folder_.path(),
      {"--listen", DevListener(certs_), "--credential", "main=token", "--tokens",
       absl::StrCat(TestIssuer::kIssuer, ",", TestIssuer::kAudience, ",", Path("jwks.json")),
       "--access_policy", certs_ + "/access.policy"}};
};

TEST_F(TokenCliTest, ATokenIsEnoughAndKeysMayChange) {
  Replace("token", issuer_.Good(now_s_) + "\n");
  const Ran created = Ctl({"create-ledger", "clinic", "--origin", "audit.example.org/clinic"});
  EXPECT_EQ(created.exit_code, 0) << created.err << daemon_.log();
  Replace("token", issuer_.Good(now_s_, "jane.doe"));
  EXPECT_EQ(Ctl({"checkpoint"}).exit_code, 0);
  const Ran not_admin = Ctl({"create-ledger", "other", "--origin", "audit.example.org/other"});
  EXPECT_EQ(not_admin.exit_code, 4);
  EXPECT_THAT(not_admin.err, HasSubstr("NOT_PERMITTED"));
  Replace("token", issuer_.Good(now_s_ - 1000));
  EXPECT_THAT(Ctl({"checkpoint"}).err, HasSubstr("TOKEN_EXPIRED"));

  const TestKey next = TestKey::Ec("P-256");
  Replace("token", TestIssuer::Token(next, "ES256", TestIssuer::Header("ES256", "next").dump(),
                                     TestIssuer::Claims(now_s_).dump()));
  EXPECT_THAT(Ctl({"checkpoint"}).err, HasSubstr("TOKEN_UNKNOWN_KEY"));
  Replace("jwks.json", KeySet({next.Jwk("next", "")}));
  int exit_code = 4;
  for (int tries = 0; exit_code != 0 && tries < 200; ++tries) {
    exit_code = Ctl({"checkpoint"}).exit_code;  // the daemon looks once a second
  }
  EXPECT_EQ(exit_code, 0) << daemon_.log();
  Replace("token", issuer_.Good(now_s_));
  EXPECT_THAT(Ctl({"checkpoint"}).err, HasSubstr("TOKEN_UNKNOWN_KEY")) << "the old key is gone";
  EXPECT_EQ(daemon_.Terminate(), 0);
  EXPECT_THAT(daemon_.log(), Not(HasSubstr("jane")));
}

TEST_F(TokenCliTest, WithoutOneItSaysWhatIsMissing) {
  const auto ctl = [&](const std::vector<std::string>& more) {
    std::vector<std::string> command = {Program("auditctl"), "--server", daemon_.address(),
                                        "--ledger",          "clinic",   "checkpoint"};
    command.insert(command.end(), more.begin(), more.end());
    return RunProgram(command);
  };
  const Ran nothing = ctl({});
  EXPECT_EQ(nothing.exit_code, 64);
  EXPECT_THAT(nothing.err, HasSubstr("--token-file"));
  const Ran no_token = ctl({"--ca", certs_ + "/ca.pem", "--cert", certs_ + "/client.pem",
                            "--key-file", certs_ + "/client.key"});
  EXPECT_EQ(no_token.exit_code, 4);
  EXPECT_THAT(no_token.err, HasSubstr("TOKEN_MISSING"));
  const Ran no_file = ctl({"--ca", certs_ + "/ca.pem", "--token-file", Path("none")});
  EXPECT_NE(no_file.exit_code, 0);
  EXPECT_THAT(no_file.err, HasSubstr(Path("none")));
}

}  // namespace
}  // namespace auditledger::testing
