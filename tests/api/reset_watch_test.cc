// Who is taken for an attacker by rapid resets, and who is not.
#include "api/reset_watch.h"

#include <gmock/gmock.h>

#include "api/limits.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using testing::GoodEvent;
using ::testing::IsEmpty;

class ResetWatchTest : public ::testing::Test {
 protected:
  // Each look comes kResetLookMs after the last; `resets` are added to what a connection had.
  std::vector<std::string> After(const std::map<int64_t, uint64_t>& resets) {
    now_us_ += kResetLookMs * 1000;
    for (const auto& [id, count] : resets) {
      connections_[id] += count;
      started_ += count;
    }
    return watch_.Look(now_us_);
  }
  // Ten connections of an address: 0 to 9 are the first's.
  std::vector<ConnectionResets> Connections() {
    ++asked_;
    std::vector<ConnectionResets> out;
    for (const auto& [id, count] : connections_)
      out.push_back({id, absl::StrCat("192.0.2.", id / 10), count});
    return out;
  }

  uint64_t now_us_ = 1'000'000;
  uint64_t started_ = 0;
  int asked_ = 0;
  std::map<int64_t, uint64_t> connections_;
  ResetWatch watch_{[this] { return started_; }, [this] { return Connections(); }};
};

constexpr uint64_t kEachLook = kResetsPerSecond * kResetLookMs / 1000;

TEST_F(ResetWatchTest, NamesTheAddressThatIsOverTheBurst) {
  constexpr uint64_t kMost = kResetBurst * 6 / 10;
  EXPECT_THAT(After({{0, kMost}, {10, 1}}), IsEmpty()) << "what it had before is not counted";
  EXPECT_THAT(After({{0, kMost}, {10, 1}}), IsEmpty());
  EXPECT_THAT(After({{0, kMost}, {10, 1}}), ElementsAre("192.0.2.0"));
}

TEST_F(ResetWatchTest, AddsUpTheConnectionsOfAnAddress) {
  After({{0, kEachLook}});
  EXPECT_THAT(After({{0, kResetBurst / 2}, {1, kResetBurst / 2 + 1}, {10, kResetBurst}}),
              ElementsAre("192.0.2.0"));
}

TEST_F(ResetWatchTest, TheRateAloneIsAllowedForEver) {
  for (int i = 0; i < 1000; ++i) ASSERT_THAT(After({{0, kEachLook}}), IsEmpty()) << i;
  EXPECT_THAT(After({{0, kResetBurst}}), IsEmpty()) << "and a burst";
  EXPECT_THAT(After({{0, kEachLook + 1}}), ElementsAre("192.0.2.0")) << "and not one more";
}

TEST_F(ResetWatchTest, ManyAddressesMayGiveUpCallsAtOnce) {
  std::map<int64_t, uint64_t> all;
  for (int i = 0; i < 20; ++i) all[10 * i] = kResetBurst;
  After(all);
  EXPECT_THAT(After(all), IsEmpty());
}

TEST_F(ResetWatchTest, LooksAtConnectionsOnlyWhereManyCallsBegin) {
  for (int i = 0; i < 10; ++i) After({{0, kEachLook - 1}});
  EXPECT_EQ(asked_, 0);
  After({{0, kEachLook}});
  EXPECT_EQ(asked_, 1);
  for (int i = 0; i < 100; ++i) After({});
  EXPECT_EQ(asked_, kResetLooks) << "and a while longer";
}

TEST_F(ResetWatchTest, WhatWasCancelledInHoursIsNotTakenForOneBurst) {
  for (int i = 0; i < 1000; ++i) After({{0, kEachLook - 1}});
  EXPECT_THAT(After({{0, kEachLook}}), IsEmpty());
  EXPECT_THAT(After({{0, kEachLook}}), IsEmpty());
}

TEST_F(ResetWatchTest, PulsesAreSeen) {
  After({{0, kResetBurst}});
  for (int i = 0; i < 5; ++i) After({});
  EXPECT_THAT(After({{0, kResetBurst + 1}}), ElementsAre("192.0.2.0"));
}

TEST(Channelz, CountsCalls) {
  testing::FakeLedgerSet ledgers;
  testing::ServerUnderTest server(ledgers);
  const uint64_t before = ChannelzStartedCalls();
  ASSERT_OK(server.Append(GoodEvent("1")).status());
  EXPECT_EQ(ChannelzStartedCalls(), before + 1);
  EXPECT_THAT(ChannelzConnections(), IsEmpty()) << "a Unix socket has no address";
}

}  // namespace
}  // namespace auditledger
