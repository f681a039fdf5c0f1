#include "api/witness_policy.h"

#include <gmock/gmock.h>

#include <fstream>

#include "absl/strings/str_replace.h"
#include "api/client/dev_certs.h"
#include "api/config.h"
#include "api/flags.h"
#include "ledger/posix_file.h"
#include "tests/api/fake_witness.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class WitnessPolicyTest : public ::testing::Test {
 protected:
  absl::StatusOr<WitnessPolicy> Load(const std::string& text, bool allow_weak = false) {
    std::ofstream(path_, std::ios::trunc) << text;
    return LoadWitnessPolicy(path_, allow_weak);
  }
  void Refused(const std::string& text, const std::string& why) {
    EXPECT_THAT(Load(text), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                              AllOf(HasSubstr(path_), HasSubstr(why))));
  }

  testing::TempDir dir_;
  const std::string path_ = dir_ / "policy";
  testing::FakeClock clock_;
  testing::FakeWitnesses witnesses_{clock_};
};

TEST_F(WitnessPolicyTest, FourOfFiveAreAsked) {
  const auto policy = Load(witnesses_.PolicyText());
  ASSERT_OK(policy);
  EXPECT_EQ(policy->asked.size(), 5u);
  EXPECT_EQ(policy->policy.DishonestWitnessesSurvived(), 2);
}

TEST_F(WitnessPolicyTest, FaultsNameFileAndLine) {
  EXPECT_THAT(LoadWitnessPolicy(dir_ / "none", false),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("none")));
  Refused("\n\nwitnes w1\nquorum none\n", "line 3");
  Refused(absl::StrReplaceAll(witnesses_.PolicyText(), {{"http://w2", "ftp://w2"}}), "witness w2");
  Refused(absl::StrReplaceAll(witnesses_.PolicyText(), {{"http://w2", "http://me:pw@w2"}}),
          "credentials");
}

TEST_F(WitnessPolicyTest, AWeakPolicyIsTakenOnlyKnowingly) {
  Refused(witnesses_.PolicyText("3"), "one dishonest witness is enough");
  EXPECT_OK(Load(witnesses_.PolicyText("3"), /*allow_weak=*/true));
  Refused("quorum none\n", "asks for no witness");
  EXPECT_FALSE(Load("quorum none\n", /*allow_weak=*/true).ok());
}

TEST_F(WitnessPolicyTest, TheQuorumMustBeWithinReach) {
  std::string text = witnesses_.PolicyText();
  text = absl::StrReplaceAll(text, {{" http://w1.test/", ""}});
  const auto one_offline = Load(text);
  ASSERT_OK(one_offline);
  EXPECT_EQ(one_offline->asked, (std::vector<size_t>{1, 2, 3, 4}));
  Refused(absl::StrReplaceAll(text, {{" http://w2.test/", ""}}), "cannot meet the quorum");
}

TEST_F(WitnessPolicyTest, NoMoreThanAThreadEachIsAffordable) {
  testing::FakeWitnesses most(clock_, kMaxAskedWitnesses);
  EXPECT_OK(Load(most.PolicyText("all")));
  testing::FakeWitnesses over(clock_, kMaxAskedWitnesses + 1);
  Refused(over.PolicyText("all"), "over the limit of 32");
}

TEST_F(WitnessPolicyTest, APolicyThatListsLogsListsThisOne) {
  testing::TestLog log;
  testing::TestLog other({.key = 9});
  EXPECT_OK(CheckListsLog(*Load(witnesses_.PolicyText()), log.verifier()));
  const auto listed = Load("log " + log.verifier().ToVkey() + "\n" + witnesses_.PolicyText());
  ASSERT_OK(listed);
  EXPECT_OK(CheckListsLog(*listed, log.verifier()));
  EXPECT_THAT(CheckListsLog(*listed, other.verifier()),
              testing::StatusIs(absl::StatusCode::kFailedPrecondition,
                                HasSubstr("log " + other.verifier().ToVkey())));
}

// The configuration around it, as auditledgerd takes it.
class WitnessConfigTest : public WitnessPolicyTest {
 protected:
  ParsedFlags Parse(std::vector<std::string> more) {
    if (!PathExists(access_)) {
      EXPECT_OK(AddDevGrants(dir_.path(), "local:a", AllDevRoles()));
    }
    std::vector<std::string> all = {"auditledgerd",        "--root",   dir_.path(),
                                    "--allow_unix_socket", "--listen", "a,unix:/tmp/a.sock",
                                    "--access_policy",     access_,    "--print_config"};
    all.insert(all.end(), more.begin(), more.end());
    std::vector<const char*> argv;
    for (const std::string& one : all) argv.push_back(one.c_str());
    return ParseFlags(static_cast<int>(argv.size()), argv.data());
  }
  void Write(const std::string& text) { std::ofstream(path_, std::ios::trunc) << text; }

  const std::string access_ = dir_.path() + "/access.policy";
};

TEST_F(WitnessConfigTest, WhatIsInForceIsPrintedWithF) {
  Write(witnesses_.PolicyText());
  const ParsedFlags flags = Parse({"--witness_policy", path_, "--witness_interval_ms", "500"});
  EXPECT_EQ(flags.exit_code, kExitOk) << flags.text;
  for (const char* line :
       {"interval_ms: 500", "timeout_ms: 2000", "ack_timeout_ms: 5000", "max_lag_entries: 1000000",
        "max_lag_seconds: 14400", "alarm_after_seconds: 60", "f = 3 - 1 = 2"}) {
    EXPECT_THAT(flags.text, HasSubstr(line));
  }
  EXPECT_OK(ParseConfig(flags.text)) << "what is printed can be read";
  EXPECT_THAT(Parse({}).text, Not(HasSubstr("witness")));
}

TEST_F(WitnessConfigTest, FaultsEndTheStartAndNameTheFieldTheFileAndTheLine) {
  Write("# who\nnobody\n");
  const ParsedFlags broken = Parse({"--witness_policy", path_});
  EXPECT_EQ(broken.exit_code, kExitConfig);
  EXPECT_THAT(broken.text,
              AllOf(HasSubstr("witness.policy_file"), HasSubstr(path_), HasSubstr("line 2")));
  Write(witnesses_.PolicyText("3"));
  EXPECT_EQ(Parse({"--witness_policy", path_}).exit_code, kExitConfig);
  EXPECT_EQ(Parse({"--witness_policy", path_, "--allow_weak_policy"}).exit_code, kExitOk);
}

TEST_F(WitnessConfigTest, TimesStayWithinACallsLongest) {
  Write(witnesses_.PolicyText());
  EXPECT_EQ(Parse({"--witness_policy", path_, "--ack_timeout_ms", "9999"}).exit_code, kExitOk);
  EXPECT_THAT(Parse({"--witness_policy", path_, "--ack_timeout_ms", "10000"}).text,
              HasSubstr("witness.ack_timeout_ms: must end before the longest call"));
  EXPECT_EQ(Parse({"--witness_policy", path_, "--witness_timeout_ms", "10000"}).exit_code, kExitOk);
  EXPECT_EQ(Parse({"--witness_policy", path_, "--witness_timeout_ms", "10001"}).exit_code,
            kExitConfig);
}

TEST_F(WitnessConfigTest, ALedgerMayHaveAPolicyOfItsOwnOrNone) {
  config::v1::Witness witness;
  witness.set_policy_file("all");
  witness.add_ledgers()->set_ledger_id("other");
  witness.mutable_ledgers(0)->set_policy_file("own");
  witness.add_ledgers()->set_ledger_id("alone");
  EXPECT_EQ(PolicyFileOf(witness, "main"), "all");
  EXPECT_EQ(PolicyFileOf(witness, "other"), "own");
  EXPECT_EQ(PolicyFileOf(witness, "alone"), "");
}

TEST_F(WitnessConfigTest, TheOperatorsWordForAStartHasOneForm) {
  const std::string root(64, 'a');
  const ParsedFlags flags = Parse({"--accept_unwitnessed_start", "main@7:" + root});
  ASSERT_EQ(flags.options.accept_unwitnessed.size(), 1u);
  EXPECT_EQ(flags.options.accept_unwitnessed[0].size, 7u);
  const ParsedFlags wrong = Parse({"--accept_unwitnessed_start", "main:7"});
  EXPECT_EQ(wrong.exit_code, kExitUsage);
  EXPECT_THAT(wrong.text, HasSubstr("--accept_unwitnessed_start"));
}

}  // namespace
}  // namespace auditledger
