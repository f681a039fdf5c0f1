// Refused calls, on record and bounded: of a caller, in a ledger, and while one takes nothing.
//
// Covers: api/access/access_refusals
#include "api/access/access_refusals.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/api/access_record.h"
#include "tests/api/api_fixture.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_random.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::OnRecord;
using ::testing::SizeIs;

class AccessRefusalsTest : public ::testing::Test {
 protected:
  AccessRefusalsTest() {
    one_ = ledgers_->Create("one", "test.example/one").value();
    two_ = ledgers_->Create("two", "test.example/two").value();
  }
  // All that was handed over is durable.
  std::vector<std::string> Recorded(Ledger& ledger, size_t count) {
    EXPECT_TRUE(Eventually([&] { return OnRecord(ledger).size() >= count; }));
    return OnRecord(ledger);
  }
  void EndWindow() {
    clock_.Advance(kRefusalWindowMicros);
    refusals_.RunOnce();
  }

  std::unique_ptr<LedgerSet> OpenSet() {
    LedgerSetOptions options;
    options.roots = {dir_ / "data", dir_ / "state", dir_ / "keys", dir_ / "seeds"};
    return LedgerSet::Open(options).value();
  }

  testing::TempDir dir_;
  std::unique_ptr<LedgerSet> ledgers_ = OpenSet();
  Ledger* one_ = nullptr;
  Ledger* two_ = nullptr;
  testing::FakeClock clock_;
  testing::FakeRandom random_{7};
  AccessLog log_{*ledgers_, clock_, random_};
  AccessRefusals refusals_{log_, *ledgers_, clock_};
};

TEST_F(AccessRefusalsTest, AFloodIsTheFirstAndACount) {
  for (int i = 0; i < 10'000; ++i)
    refusals_.Count("mallory", "LedgerService/GetEntry", "ledgers/one");
  EndWindow();
  EXPECT_THAT(Recorded(*one_, 2), ElementsAre("110113 110132 LedgerService/GetEntry by mallory: "
                                              "ledger:test.example/one x1",
                                              "110113 110132 LedgerService/GetEntry by mallory: "
                                              "ledger:test.example/one x9999"));
  EXPECT_THAT(OnRecord(*two_), IsEmpty());
  EndWindow();
  EXPECT_THAT(OnRecord(*one_), SizeIs(2)) << "nothing since";
}

TEST_F(AccessRefusalsTest, WhoIsNotKnownIsCountedOnceAMinuteForAll) {
  for (int i = 0; i < 50; ++i) refusals_.Count("", "LedgerService/GetEntry", "");
  EXPECT_THAT(OnRecord(*one_), IsEmpty());
  EndWindow();
  for (Ledger* const ledger : {one_, two_}) {
    EXPECT_THAT(Recorded(*ledger, 1),
                ElementsAre("110113 110126  by : ledger:" + ledger->origin() + " x50"));
  }
}

TEST_F(AccessRefusalsTest, ACallThatNamesNoLedgerThatIsThereConcernsAll) {
  refusals_.Count("mallory", "LedgerService/GetEntry", "ledgers/nowhere");
  EXPECT_THAT(Recorded(*one_, 1), SizeIs(1));
  EXPECT_THAT(Recorded(*two_, 1), SizeIs(1));
}

TEST_F(AccessRefusalsTest, HoweverManyCallersThereAreTheEntriesAreBounded) {
  constexpr size_t kCallers = kMaxRefusalKinds * 10;
  for (size_t i = 0; i < kCallers; ++i) {
    for (int twice = 0; twice < 2; ++twice) {
      refusals_.Count(absl::StrCat("caller-", i), "LedgerService/GetEntry", "ledgers/one");
    }
  }
  EndWindow();
  const std::vector<std::string> record = Recorded(*one_, 2 * kMaxRefusalKinds + 1);
  EXPECT_THAT(record, SizeIs(2 * kMaxRefusalKinds + 1));
  uint64_t counted = 0;
  for (const std::string& line : record) counted += std::stoull(line.substr(line.rfind('x') + 1));
  EXPECT_EQ(counted, 2 * kCallers) << "none is left out";
}

// What each line names as refused.
std::vector<std::string> MethodsOf(const std::vector<std::string>& record) {
  std::vector<std::string> out;
  for (const std::string& line : record) {
    out.push_back(std::vector<std::string>(absl::StrSplit(line, ' '))[2]);
  }
  return out;
}

TEST_F(AccessRefusalsTest, OfOneCallerTenKindsAreToldApartAndNoMore) {
  EXPECT_EQ(kMaxRefusalKindsPerPrincipal, 10u);
  for (size_t i = 0; i < kMaxRefusalKindsPerPrincipal; ++i) {
    refusals_.Count("mallory", absl::StrCat("Method-", i), "ledgers/one");
    EXPECT_THAT(Recorded(*one_, i + 1), SizeIs(i + 1)) << "the tenth is at once on record too";
  }
  refusals_.Count("mallory", "Method-10", "ledgers/one");
  refusals_.Count("mallory", "Method-0", "ledgers/one");
  refusals_.Count("mallory", "Method-0", "ledgers/two");
  refusals_.Count("alice", "Method-0", "ledgers/one");
  EXPECT_THAT(Recorded(*two_, 1), SizeIs(1)) << "another ledger has room of its own";
  EXPECT_THAT(Recorded(*one_, kMaxRefusalKindsPerPrincipal + 1),
              SizeIs(kMaxRefusalKindsPerPrincipal + 1))
      << "another caller too";
  EndWindow();
  const std::vector<std::string> methods =
      MethodsOf(Recorded(*one_, kMaxRefusalKindsPerPrincipal + 3));
  ASSERT_THAT(methods, SizeIs(kMaxRefusalKindsPerPrincipal + 3));
  EXPECT_THAT(std::vector<std::string>(methods.end() - 2, methods.end()),
              ::testing::UnorderedElementsAre("several", "Method-0"));
}

TEST_F(AccessRefusalsTest, FiftyKindsAreToldApartAndNoMore) {
  EXPECT_EQ(kMaxRefusalKinds, 50u);
  const auto count = [&](size_t i) {
    refusals_.Count(absl::StrCat("caller-", i), "LedgerService/GetEntry", "ledgers/one");
  };
  for (size_t i = 0; i < kMaxRefusalKinds; ++i) count(i);
  EXPECT_THAT(Recorded(*one_, kMaxRefusalKinds), SizeIs(kMaxRefusalKinds));
  count(kMaxRefusalKinds);
  EndWindow();
  const std::vector<std::string> record = Recorded(*one_, kMaxRefusalKinds + 1);
  ASSERT_THAT(record, SizeIs(kMaxRefusalKinds + 1));
  EXPECT_THAT(record.back(), HasSubstr(" several by : "));
}

TEST_F(AccessRefusalsTest, ALatchedLedgersRefusalsTakeNoOthersRoomAndDoNotGrow) {
  one_->Hold(absl::UnavailableError("latched"));
  constexpr size_t kMinutes = 5;
  constexpr size_t kCallers = 2 * kMaxRefusalKinds;
  for (size_t minute = 0; minute < kMinutes; ++minute) {
    // New callers each minute, some of whose calls concern all ledgers, so the latched one too.
    for (size_t i = 0; i < kCallers; ++i) {
      const std::string caller = absl::StrCat("caller-", minute, "-", i);
      refusals_.Count(caller, "LedgerService/GetEntry", i % 2 == 0 ? "ledgers/one" : "");
    }
    EndWindow();
  }
  EXPECT_THAT(OnRecord(*one_), IsEmpty());
  // A minute of the other ledger's is told apart as if there were none of that.
  const size_t before = Recorded(*two_, kMinutes * kCallers / 2).size();
  for (size_t i = 0; i < kMaxRefusalKinds; ++i) {
    refusals_.Count(absl::StrCat("late-", i), "LedgerService/GetEntry", "ledgers/two");
  }
  EXPECT_THAT(Recorded(*two_, before + kMaxRefusalKinds), SizeIs(before + kMaxRefusalKinds));
  // When it can, the latched one gets each that was counted, in as many entries as it has room for.
  one_->Hold(absl::OkStatus());
  refusals_.Stop();
  const std::vector<std::string> record = Recorded(*one_, kMaxRefusalKinds + 1);
  EXPECT_THAT(record, SizeIs(kMaxRefusalKinds + 1));
  uint64_t counted = 0;
  for (const std::string& line : record) counted += std::stoull(line.substr(line.rfind('x') + 1));
  EXPECT_EQ(counted, kMinutes * kCallers) << "none is left out";
}

TEST_F(AccessRefusalsTest, WhatALedgerCannotTakeNowItGetsLater) {
  one_->Hold(absl::UnavailableError("paused"));
  refusals_.Count("mallory", "LedgerService/GetEntry", "ledgers/one");
  EndWindow();
  EXPECT_THAT(OnRecord(*one_), IsEmpty());
  one_->Hold(absl::OkStatus());
  refusals_.Stop();
  EXPECT_THAT(Recorded(*one_, 1), ElementsAre(HasSubstr("by mallory: ledger:test.example/one x1")));
}

}  // namespace
}  // namespace auditledger
