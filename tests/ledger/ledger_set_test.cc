#include "ledger/ledger_set.h"

#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/errors.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class LedgerSetTest : public ::testing::Test {
 protected:
  LedgerSetTest() {
    const std::string base = folder.path();
    options.roots = {base + "/data", base + "/state", base + "/keys", base + "/seeds"};
    options.clock = &clock;
    options.random = &random;
  }
  void Open() {
    set.reset();
    ASSERT_OK_AND_ASSIGN(set, LedgerSet::Open(options));
  }
  void AppendTo(Ledger& ledger, const std::string& id) {
    SealInput input;
    input.event = MakeEvent(id, "x");
    input.event_id = id;
    std::vector<SealedEvent> events;
    events.push_back(ledger.sealer().Seal(std::move(input)).value());
    Answers answers;
    ledger.Append(std::move(events), answers.Slot());
    EXPECT_OK(answers.WaitAll()[0]);
  }
  ScratchFolder folder;
  SteppedClock clock;
  CountedRandom random;
  LedgerSetOptions options;
  std::unique_ptr<LedgerSet> set;
};

TEST_F(LedgerSetTest, KeepsManyLedgersApart) {
  Open();
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK_AND_ASSIGN(Ledger * ledger,
                         set->Create(absl::StrCat("l", i), absl::StrCat("example.org/l", i)));
    for (int j = 0; j < i; ++j) AppendTo(*ledger, "same-id");
    for (int j = 0; j < i; ++j) AppendTo(*ledger, absl::StrCat(j));
  }
  for (int round = 0; round < 2; ++round) {
    const auto slots = set->List();
    ASSERT_EQ(slots.size(), 5u);
    for (uint64_t i = 0; i < 5; ++i) {
      EXPECT_EQ(slots[i].origin, absl::StrCat("example.org/l", i));
      EXPECT_EQ(slots[i].ledger->head()->head.size, 1 + i + (i > 0 ? 1 : 0));
      EXPECT_EQ(set->Find(slots[i].id).value(), slots[i].ledger);
    }
    Open();
  }
  EXPECT_EQ(ReasonOf(set->Find("nobody").status()).reason, kReasonLedgerNotFound);
}

TEST_F(LedgerSetTest, OneIdAndOneOriginEach) {
  Open();
  ASSERT_OK(set->Create("a", "example.org/a").status());
  EXPECT_EQ(ReasonOf(set->Create("a", "example.org/b").status()).reason, kReasonLedgerExists);
  EXPECT_EQ(ReasonOf(set->Create("b", "example.org/a").status()).reason, kReasonLedgerExists);
  EXPECT_THAT(set->Create("A", "example.org/c"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(set->Create("c", "has space"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LedgerSetTest, IsBounded) {
  options.max_ledgers = 2;
  Open();
  ASSERT_OK(set->Create("a", "example.org/a").status());
  ASSERT_OK(set->Create("b", "example.org/b").status());
  EXPECT_EQ(ReasonOf(set->Create("c", "example.org/c").status()).reason, kReasonTooManyLedgers);
  Open();
  options.max_ledgers = 1;
  set.reset();
  EXPECT_THAT(LedgerSet::Open(options), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(LedgerSetTest, ARefusedLedgerIsListedAndTheOthersServe) {
  Open();
  ASSERT_OK(set->Create("bad", "example.org/bad").status());
  ASSERT_OK(set->Create("good", "example.org/good").status());
  set.reset();
  fs::remove_all(options.roots.state_dir + "/bad");
  Open();
  const auto slots = set->List();
  EXPECT_EQ(slots[0].ledger, nullptr);
  EXPECT_THAT(slots[0].refused,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("lost state")));
  EXPECT_EQ(set->Find("bad").status(), slots[0].refused);
  EXPECT_OK(set->Find("good").status());
  EXPECT_FALSE(set->Create("bad", "example.org/bad").ok());
}

// A folder copied for a test, and found by the daemon: two of them would sign as one log.
TEST_F(LedgerSetTest, RefusesEveryLedgerOfAnOriginThatIsThereTwice) {
  Open();
  ASSERT_OK(set->Create("a", "example.org/a").status());
  ASSERT_OK(set->Create("good", "example.org/good").status());
  set.reset();
  for (const std::string& root : {options.roots.data_dir, options.roots.state_dir,
                                  options.roots.key_dir, options.roots.seed_dir}) {
    fs::copy(root + "/a", root + "/b", fs::copy_options::recursive);
  }
  Open();
  for (const char* id : {"a", "b"}) {
    EXPECT_THAT(set->Find(id), StatusIs(absl::StatusCode::kFailedPrecondition,
                                        HasSubstr("origin example.org/a is that of 2 ledgers")));
  }
  EXPECT_OK(set->Find("good").status());
  EXPECT_FALSE(set->Create("b", "example.org/a").ok());
}

TEST_F(LedgerSetTest, TakesUpACreateThatWasCutShort) {
  Open();
  fs::create_directory(options.roots.data_dir + "/a");
  Open();
  EXPECT_THAT(set->Find("a"), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("origin")));
  ASSERT_OK(set->Create("a", "example.org/a").status());
  EXPECT_OK(set->Find("a").status());
}

TEST_F(LedgerSetTest, RootsLieApartAlsoBehindLinks) {
  const LedgerPaths apart = options.roots;
  fs::create_directory(apart.data_dir);
  fs::permissions(apart.data_dir, fs::perms::owner_all);
  fs::create_symlink(apart.data_dir, folder.path() + "/link");
  for (const std::string& state :
       {apart.data_dir, apart.data_dir + "/state", folder.path() + "/link/state",
        apart.data_dir + "/../data/state", folder.path() + "/link"}) {
    options.roots.state_dir = state;
    EXPECT_THAT(LedgerSet::Open(options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lies inside")))
        << state;
  }
  options.roots.state_dir = "";
  EXPECT_THAT(LedgerSet::Open(options), StatusIs(absl::StatusCode::kInvalidArgument));
  options.roots = apart;  // a common prefix of the name is not inside
  options.roots.state_dir = apart.data_dir + "2";
  EXPECT_OK(LedgerSet::Open(options).status());
}

TEST_F(LedgerSetTest, RootsAreClosedToOthers) {
  Open();
  set.reset();
  fs::permissions(options.roots.seed_dir, fs::perms::group_read, fs::perm_options::add);
  EXPECT_THAT(LedgerSet::Open(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("chmod 700")));
}

TEST(LedgerIdTest, IsALabel) {
  EXPECT_OK(CheckLedgerId("a"));
  EXPECT_OK(CheckLedgerId("a" + std::string(62, '9')));
  for (const std::string& bad :
       {std::string(), std::string("A"), std::string("1a"), std::string("-a"), std::string("a_b"),
        std::string("a/b"), "a" + std::string(63, 'b')}) {
    EXPECT_FALSE(CheckLedgerId(bad).ok()) << bad;
  }
}

TEST(OriginTest, IsANameWithoutScheme) {
  EXPECT_OK(CheckOrigin("example.org/hospital"));
  EXPECT_OK(CheckOrigin(std::string(255, 'a')));
  for (const std::string& bad :
       {std::string(), std::string("https://example.org"), std::string("a b"), std::string("a+b"),
        std::string("a\n"), std::string(256, 'a')}) {
    EXPECT_FALSE(CheckOrigin(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace auditledger::testing
