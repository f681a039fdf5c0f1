// How much each may send: buckets, limits of principals, ledgers and addresses, and the server's
// refusals.
//
// Covers: api/token_buckets, api/access/caller_address
#include "api/rate_limiter.h"

#include <gmock/gmock.h>

#include "api/access/caller_address.h"
#include "api/limits.h"
#include "api/token_buckets.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::Detail;
using testing::GoodEvent;
using testing::StatusIs;

constexpr uint64_t kSecond = 1'000'000;

TEST(TokenBuckets, HoldABurstAndThenTheRate) {
  TokenBuckets buckets({10, 3});
  const auto take = [&](uint64_t tokens, uint64_t now_us) {
    const uint64_t wait_us = buckets.WaitFor("a", tokens, now_us);
    if (wait_us == 0) buckets.Take("a", tokens, now_us);
    return wait_us;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(take(1, kSecond), 0u) << i;
  EXPECT_EQ(take(1, kSecond), kSecond / 10);
  EXPECT_EQ(take(1, kSecond + kSecond / 10 - 1), 1u) << "a microsecond too early";
  EXPECT_EQ(take(1, kSecond + kSecond / 10), 0u);
  EXPECT_EQ(take(2, kSecond + kSecond / 10), kSecond / 5);
  EXPECT_EQ(buckets.WaitFor("b", 3, kSecond), 0u) << "another's is full";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(take(1, 9 * kSecond), 0u) << "and holds no more than that";
  EXPECT_NE(take(1, 9 * kSecond), 0u);
}

TEST(TokenBuckets, ABatchOverTheBurstNeedsAFullBucketAndIsPaidOff) {
  TokenBuckets buckets({10, 5});
  ASSERT_EQ(buckets.WaitFor("a", 20, 0), 0u);
  buckets.Take("a", 20, 0);
  EXPECT_EQ(buckets.WaitFor("a", 1, 0), 16 * kSecond / 10);
  EXPECT_EQ(buckets.WaitFor("a", 20, 0), 2 * kSecond) << "full again";
  EXPECT_EQ(buckets.WaitFor("a", 20, 2 * kSecond), 0u);
}

TEST(TokenBuckets, WithoutARateThereIsNoLimitAndNoMemory) {
  TokenBuckets buckets({0, 0});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(buckets.WaitFor("a", 1'000'000, 0), 0u);
    buckets.Take("a", 1'000'000, 0);
  }
  EXPECT_EQ(buckets.size(), 0u);
}

TEST(TokenBuckets, AreBoundedAndForgetTheOneUsedLeastRecently) {
  TokenBuckets buckets({1, 1});
  buckets.Take("first", 1, 0);
  buckets.Take("second", 1, 0);
  for (size_t i = 0; i + 2 < kMaxBuckets; ++i) buckets.Take(std::to_string(i), 1, 0);
  EXPECT_EQ(buckets.size(), kMaxBuckets);
  buckets.Take("first", 1, 0);
  buckets.Take("new", 1, 0);
  EXPECT_EQ(buckets.size(), kMaxBuckets);
  EXPECT_NE(buckets.WaitFor("first", 1, 0), 0u) << "was used again";
  EXPECT_EQ(buckets.WaitFor("second", 1, 0), 0u) << "forgotten";
}

TEST(CallerAddress, IsAHostOrASubnetOfSix) {
  EXPECT_EQ(AddressOfPeer("ipv4:192.0.2.1:4711"), "192.0.2.1");
  EXPECT_EQ(AddressOfPeer("ipv6:%5B2001:db8::1%5D:4711"), "2001:db8::/64");
  EXPECT_EQ(AddressOfPeer("ipv6:[2001:db8::ffff:1]:4711"), "2001:db8::/64");
  EXPECT_EQ(AddressOfPeer("ipv6:%5B2001:db8:0:1::1%5D:4711"), "2001:db8:0:1::/64");
  EXPECT_EQ(AddressOfPeer("ipv6:%5Bfe80::1%25eth0%5D:4711"), "fe80::/64");
  EXPECT_EQ(AddressOfPeer("ipv6:%5B::ffff:192.0.2.1%5D:4711"), "192.0.2.1");
  for (const char* none : {"", "unix:/run/socket", "unix:", "inproc", "ipv4:x:1", "ipv6:x:1"})
    EXPECT_EQ(AddressOfPeer(none), "") << none;
  EXPECT_EQ(AddressOfText("2001:db8::1"), "2001:db8::/64");
  EXPECT_EQ(AddressOfText("192.0.2.1, 192.0.2.2"), "");
}

class ManualClock : public Clock {
 public:
  uint64_t WallMicros() override { return now_us; }
  uint64_t MonotonicMicros() override { return now_us; }
  uint64_t now_us = kSecond;
};

class RateLimiterTest : public ::testing::Test {
 protected:
  RateLimiter Limiter(const std::function<void(config::v1::Rates&)>& set) {
    config::v1::Rates rates;
    set(rates);
    return RateLimiter(rates, clock_, [this](const std::string& limit) { refused_[limit]++; });
  }
  static void Set(config::v1::Rate* rate, uint32_t per_second, uint32_t burst) {
    rate->set_per_second(per_second);
    rate->set_burst(burst);
  }
  static uint64_t HintMs(const absl::Status& status) {
    return std::stoull(ReasonOf(status).metadata.at("retry_after_ms"));
  }

  ManualClock clock_;
  std::map<std::string, int> refused_;
};

TEST_F(RateLimiterTest, IsOffByDefault) {
  RateLimiter limiter = Limiter([](auto&) {});
  for (int i = 0; i < 1000; ++i) {
    ASSERT_OK(limiter.TakeCall("a", "192.0.2.1"));
    ASSERT_OK(limiter.TakeLedgerCall("l"));
    ASSERT_OK(limiter.TakeEvents("a", "l", "192.0.2.1", 1000));
  }
}

TEST_F(RateLimiterTest, EachLimitRefusesWithItsNameAndAHintThatIsTrue) {
  RateLimiter limiter = Limiter([](config::v1::Rates& rates) {
    Set(rates.mutable_principal_calls(), 10, 2);
    Set(rates.mutable_address_calls(), 100, 100);
  });
  ASSERT_OK(limiter.TakeCall("a", "x"));
  ASSERT_OK(limiter.TakeCall("a", "y"));
  const absl::Status refused = limiter.TakeCall("a", "x");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(refused).reason, "RATE_LIMITED");
  EXPECT_EQ(ReasonOf(refused).metadata.at("limit"), "principal_calls");
  EXPECT_EQ(HintMs(refused), 100u);
  EXPECT_OK(limiter.TakeCall("b", "x")) << "others go on";
  clock_.now_us += HintMs(refused) * 1000 - 1;
  EXPECT_FALSE(limiter.TakeCall("a", "x").ok()) << "sooner is too soon";
  clock_.now_us += 1;
  EXPECT_OK(limiter.TakeCall("a", "x")) << "then it is let in";
  EXPECT_EQ(refused_["principal_calls"], 2);
}

TEST_F(RateLimiterTest, WhatOneLimitRefusesIsTakenFromNone) {
  RateLimiter limiter = Limiter([](config::v1::Rates& rates) {
    Set(rates.mutable_principal_events(), 1, 10);
    Set(rates.mutable_ledger_events(), 1, 10);
    Set(rates.mutable_address_events(), 1, 5);
  });
  ASSERT_OK(limiter.TakeEvents("a", "l", "x", 5));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(ReasonOf(limiter.TakeEvents("a", "l", "x", 5)).metadata.at("limit"),
              "address_events");
  EXPECT_OK(limiter.TakeEvents("a", "l", "y", 5)) << "principal and ledger had five left";
  EXPECT_FALSE(limiter.TakeEvents("b", "l", "z", 1).ok()) << "the ledger is at its limit";
  EXPECT_OK(limiter.TakeEvents("b", "m", "z", 1));
}

TEST_F(RateLimiterTest, TheLongestWaitIsTheHint) {
  RateLimiter limiter = Limiter([](config::v1::Rates& rates) {
    Set(rates.mutable_principal_events(), 10, 1);
    Set(rates.mutable_ledger_events(), 1, 1);
  });
  ASSERT_OK(limiter.TakeEvents("a", "l", "", 1));
  const absl::Status refused = limiter.TakeEvents("a", "l", "", 1);
  EXPECT_EQ(HintMs(refused), 1000u);
  EXPECT_EQ(ReasonOf(refused).metadata.at("limit"), "ledger_events");
}

// The limiter within a server.
TEST(RatedServer, RefusesCallsOverTheRateAndSaysWhenToComeAgain) {
  testing::FakeLedgerSet ledgers;
  testing::ServerUnderTest server(ledgers, [](config::v1::Config& config) {
    config.mutable_rates()->mutable_principal_calls()->set_per_second(1);
    config.mutable_rates()->mutable_principal_calls()->set_burst(3);
  });
  v1::GetCheckpointRequest request;
  request.set_ledger("ledgers/main");
  const auto call = [&] {
    return server.Call(&v1::LedgerService::Stub::GetCheckpoint, request).status();
  };
  for (int i = 0; i < 3; ++i) EXPECT_OK(call());
  const absl::Status refused = call();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ErrorReason(refused), "RATE_LIMITED");
  const auto retry = Detail<google::rpc::RetryInfo>(refused).retry_delay();
  EXPECT_GT(retry.seconds() * 1'000'000'000 + retry.nanos(), 0);
  EXPECT_LE(retry.seconds(), 1);
  EXPECT_EQ(server.Metric("auditledger_rate_limited_total{limit=\"principal_calls\"} "), 1);
  EXPECT_EQ(server.Metric("auditledger_refusals_total{reason=\"RATE_LIMITED\"} "), 1);
}

TEST(RatedServer, CountsEventsOfBatchesAndStreams) {
  testing::FakeLedgerSet ledgers;
  testing::ServerUnderTest server(ledgers, [](config::v1::Config& config) {
    config.mutable_rates()->mutable_ledger_events()->set_per_second(1);
    config.mutable_rates()->mutable_ledger_events()->set_burst(4);
  });
  v1::BatchAppendEventsRequest batch;
  batch.set_ledger("ledgers/main");
  for (const char* id : {"a", "b", "c"}) *batch.add_requests()->mutable_event() = GoodEvent(id);
  EXPECT_OK(server.Call(&v1::LedgerService::Stub::BatchAppendEvents, batch).status());
  EXPECT_EQ(ErrorReason(server.Call(&v1::LedgerService::Stub::BatchAppendEvents, batch).status()),
            "RATE_LIMITED");
  grpc::ClientContext context;
  const auto stream = server.stub().AppendEventStream(&context);
  v1::AppendEventStreamRequest two;
  two.set_ledger("ledgers/main");
  for (const char* id : {"d", "e"}) *two.add_requests()->mutable_event() = GoodEvent(id);
  ASSERT_TRUE(stream->Write(two));
  stream->WritesDone();
  v1::AppendEventStreamResponse response;
  std::vector<v1::AppendResult> results;
  while (stream->Read(&response)) {
    for (const v1::AppendResult& one : response.results()) results.push_back(one);
  }
  EXPECT_OK(FromGrpc(stream->Finish()));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_TRUE(results[0].has_receipt());
  EXPECT_EQ(results[1].problem().code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << "the stream goes on";
}

}  // namespace
}  // namespace auditledger
