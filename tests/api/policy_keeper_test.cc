// The policy's file is followed, what is wrong leaves the last good one in force, and every policy
// that governed a ledger is an entry in it.
//
// Covers: api/access/policy_keeper
#include "api/access/policy_keeper.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/leaf.h"
#include "merkle/sha256.h"
#include "merkle/system_entries.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string PolicyFor(absl::string_view principal) {
  return absl::StrCat("grants { principal: \"", principal,
                      "\" role: ROLE_PROVER ledgers: \"*\" expires: \"2030-01-01T00:00:00Z\" "
                      "approved_by: \"x\" }\n");
}
std::string EntryOf(const std::string& policy) {
  return "access_policy sha256:" + Sha256({policy}).ToHex();
}

class PolicyKeeperTest : public ::testing::Test {
 protected:
  PolicyKeeperTest() {
    LedgerSetOptions options;
    options.roots = {dir_ / "data", dir_ / "state", dir_ / "keys", dir_ / "seeds"};
    ledgers_ = LedgerSet::Open(options).value();
    ledger_ = ledgers_->Create("main", "test.example/log").value();
    log_ = RpcLog::Open("debug", dir_ / "log").value();
    access_log_ = std::make_unique<AccessLog>(*ledgers_, clock_, random_);
    Write(first_);
    Restart();
  }
  // As a process that starts anew.
  void Restart() {
    keeper_.reset();
    authorizer_ = std::make_unique<Authorizer>(AccessRules::Load(dir_ / "policy").value(), clock_);
    keeper_ = std::make_unique<PolicyKeeper>(*authorizer_, *ledgers_, *access_log_, clock_, *log_,
                                             PolicyKeeper::Options{dir_ / "policy", dir_ / "data"});
  }
  void Write(const std::string& text) { std::ofstream(dir_ / "policy") << text; }
  bool InForce(const std::string& principal) {
    return authorizer_->Screen({principal, "", false}, "LedgerService/GetCheckpoint").ok();
  }
  std::vector<std::string> OnRecord() {
    std::vector<std::string> out;
    EXPECT_OK(
        ledger_->ReadEntries(0, ledger_->head()->head.size, false, [&](const StoredEntry& entry) {
          const Leaf leaf = ParseLeaf(entry.leaf).value();
          if (leaf.kind == EntryKind::kOperator) {
            out.push_back(ParseOperatorAction(leaf.body).value().what);
          }
          return true;
        }));
    return out;
  }
  // Events of the ledger's own, by their codes.
  std::vector<std::string> Events() {
    std::vector<std::string> out;
    EXPECT_OK(
        ledger_->ReadEntries(0, ledger_->head()->head.size, true, [&](const StoredEntry& entry) {
          if (!entry.opening.has_value()) return true;
          v1::AuditEvent event;
          EXPECT_TRUE(event.ParseFromString(entry.opening->event));
          out.push_back(
              absl::StrCat(event.code(0).coding(0).code(), " ", event.entity(0).what().display()));
          return true;
        }));
    return out;
  }
  std::string Log() {
    std::ifstream file(dir_ / "log");
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  const std::string first_ = PolicyFor("one");
  const std::string second_ = PolicyFor("two");
  testing::TempDir dir_;
  testing::FakeClock clock_;
  testing::FakeRandom random_{7};
  std::unique_ptr<LedgerSet> ledgers_;
  Ledger* ledger_ = nullptr;
  std::unique_ptr<AccessLog> access_log_;
  std::unique_ptr<RpcLog> log_;
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<PolicyKeeper> keeper_;
};

TEST_F(PolicyKeeperTest, WhatIsInForceIsOnRecordOnce) {
  keeper_->RecordAll();
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(first_)));
  keeper_->RecordAll();
  Restart();
  keeper_->RecordAll();
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(first_))) << "a start changes nothing";
  Write(second_);
  Restart();
  keeper_->RecordAll();
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(first_), EntryOf(second_)))
      << "nor can a policy be exchanged while the server is down";
  std::filesystem::remove(dir_ / "data/main/access-policy");
  Restart();
  keeper_->RecordAll();
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(first_), EntryOf(second_), EntryOf(second_)))
      << "rather twice than not";
  EXPECT_THAT(Events(), ElementsAre("110136 " + EntryOf(second_))) << "the one change";
}

TEST_F(PolicyKeeperTest, ALedgerThatIsMadeLaterHasItToo) {
  keeper_->RecordAll();
  ledger_ = ledgers_->Create("second", "test.example/second").value();
  keeper_->Record("second", *ledger_);
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(first_)));
}

TEST_F(PolicyKeeperTest, AChangeIsTakenOnceItStandsStill) {
  keeper_->RunOnce();
  EXPECT_TRUE(InForce("one"));
  Write(second_.substr(0, 20));
  keeper_->RunOnce();
  Write(second_);
  keeper_->RunOnce();
  EXPECT_TRUE(InForce("one")) << "a half that nobody meant was never tried";
  EXPECT_EQ(keeper_->report().refusals, 0u);
  keeper_->RunOnce();
  EXPECT_TRUE(InForce("two"));
  EXPECT_FALSE(InForce("one"));
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(first_), EntryOf(second_)));
  EXPECT_EQ(keeper_->report().loads, 2u);
  EXPECT_EQ(keeper_->report().in_force, 1u);
}

TEST_F(PolicyKeeperTest, AReloadIsAtOnce) {
  Write(second_);
  EXPECT_OK(keeper_->Reload());
  EXPECT_TRUE(InForce("two"));
  EXPECT_OK(keeper_->Reload());
  EXPECT_EQ(keeper_->report().loads, 2u) << "the same is no change";
  keeper_->RunOnce();
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(second_)));
}

TEST_F(PolicyKeeperTest, WhatIsWrongLeavesTheLastGoodOneInForce) {
  for (const std::string& wrong : {std::string("grants {"), std::string()}) {
    const uint64_t refusals = keeper_->report().refusals;
    Write(wrong);
    keeper_->RunOnce();
    keeper_->RunOnce();
    keeper_->RunOnce();
    EXPECT_TRUE(InForce("one"));
    EXPECT_TRUE(keeper_->report().failing);
    EXPECT_EQ(keeper_->report().refusals, refusals + 1) << "told once, not each second";
  }
  EXPECT_THAT(Log(), HasSubstr("access_policy_refused"));
  EXPECT_THAT(Log(), HasSubstr("policy:1: "));
  std::filesystem::remove(dir_ / "policy");
  EXPECT_FALSE(keeper_->Reload().ok());
  EXPECT_TRUE(InForce("one")) << "nor does it go with its file";
  Write(second_);
  keeper_->RunOnce();
  keeper_->RunOnce();
  EXPECT_TRUE(InForce("two"));
  EXPECT_FALSE(keeper_->report().failing);
}

// A right that is taken away does not wait for a ledger that takes no appends; its entry does.
TEST_F(PolicyKeeperTest, WhatCannotBeRecordedNowIsLater) {
  keeper_->RecordAll();
  ledger_->Hold(absl::UnavailableError("paused"));
  Write(second_);
  EXPECT_OK(keeper_->Reload());
  keeper_->RunOnce();
  keeper_->RunOnce();
  EXPECT_FALSE(InForce("one"));
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(first_)));
  EXPECT_THAT(Log(), HasSubstr("access_policy_not_recorded"));
  ledger_->Hold(absl::OkStatus());
  keeper_->RunOnce();
  EXPECT_THAT(OnRecord(), ElementsAre(EntryOf(first_), EntryOf(second_)));
}

TEST_F(PolicyKeeperTest, ALedgerThatHasEndedIsLeftAsItIs) {
  ASSERT_OK(ledger_->FreezeLog({}));
  keeper_->RecordAll();
  EXPECT_THAT(OnRecord(), IsEmpty());
  EXPECT_THAT(Log(), ::testing::Not(HasSubstr("not_recorded")));
}

TEST_F(PolicyKeeperTest, TellsWhenTheNextGrantEnds) {
  const uint64_t end = ParseRfc3339("2030-01-01T00:00:00Z").value();
  EXPECT_EQ(keeper_->report().next_expiry_us, end);
  clock_.SetWall(end);
  EXPECT_EQ(keeper_->report().next_expiry_us, 0u);
  EXPECT_EQ(keeper_->report().in_force, 0u);
}

}  // namespace
}  // namespace auditledger
