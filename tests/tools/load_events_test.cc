#include "tools/load_events.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "auditledger/v1/event.pb.h"
#include "auditledger/v1/ledger_service.pb.h"

namespace auditledger {
namespace {

constexpr int64_t kNow = 1'760'000'000;

LoadEvents Make(size_t bytes, uint64_t run = 7) {
  return LoadEvents::Make({.event_bytes = bytes, .run = run, .recorded_unix_s = kNow}).value();
}

std::string Event(const LoadEvents& events, uint32_t stream, uint64_t sequence) {
  std::string out;
  events.AppendEvent(out, stream, sequence);
  return out;
}

TEST(LoadEventsTest, WhatIsPutTogetherIsWhatProtobufItselfSerialises) {
  for (const size_t bytes : {300u, 700u, 1199u, 1200u, 4096u}) {
    const LoadEvents events = Make(bytes);
    for (uint64_t sequence : {1ull, 2ull, 127ull, 128ull, 16384ull, 1ull << 40}) {
      const std::string encoded = Event(events, 5, sequence);
      v1::AuditEvent event;
      ASSERT_TRUE(event.ParseFromString(encoded));
      EXPECT_EQ(event.SerializeAsString(), encoded);
      EXPECT_EQ(event.source().stream_sequence(), sequence);
      EXPECT_NEAR(static_cast<double>(encoded.size()), static_cast<double>(bytes), 10);
    }
  }
}

TEST(LoadEventsTest, EveryEventHasAnIdOfItsOwnAcrossStreamsAndRuns) {
  std::set<std::string> ids;
  std::set<std::string> streams;
  for (const uint64_t run : {1, 2}) {
    const LoadEvents events = Make(300, run);
    for (uint32_t stream : {0u, 1u, 70000u}) {
      for (uint64_t sequence = 1; sequence <= 100; ++sequence) {
        v1::AuditEvent event;
        ASSERT_TRUE(event.ParseFromString(Event(events, stream, sequence)));
        EXPECT_EQ(event.event_id().size(), 36u);
        EXPECT_EQ(event.recorded().at().seconds(), kNow);
        ids.insert(event.event_id());
        streams.insert(event.source().stream_id());
      }
    }
  }
  EXPECT_EQ(ids.size(), 600u);
  EXPECT_EQ(streams.size(), 6u);
}

TEST(LoadEventsTest, LongEventsHaveThePartsThatTagsAndReportsAreMadeOf) {
  v1::AuditEvent event;
  ASSERT_TRUE(event.ParseFromString(Event(Make(1200), 1, 1)));
  EXPECT_EQ(event.patient_size(), 1);
  EXPECT_GE(event.entity_size(), 2);
  EXPECT_TRUE(event.has_encounter());
  ASSERT_TRUE(event.ParseFromString(Event(Make(300), 1, 1)));
  EXPECT_EQ(event.patient_size(), 1);
  EXPECT_EQ(event.entity_size(), 0);
}

TEST(LoadEventsTest, ARequestStandsAloneOrInABatch) {
  const LoadEvents events = Make(300);
  std::string alone;
  events.AppendRequest(alone, 0, "ledgers/main", 2, 9);
  v1::AppendEventRequest request;
  ASSERT_TRUE(request.ParseFromString(alone));
  EXPECT_EQ(request.ledger(), "ledgers/main");
  EXPECT_TRUE(request.include_opening());
  EXPECT_EQ(request.event().SerializeAsString(), Event(events, 2, 9));

  const LoadEvents witnessed = *LoadEvents::Make({.event_bytes = 300, .witnessed = true});
  alone.clear();
  witnessed.AppendRequest(alone, 0, "ledgers/main", 2, 9);
  ASSERT_TRUE(request.ParseFromString(alone));
  EXPECT_EQ(request.ack(), v1::ACK_LEVEL_WITNESSED);

  std::string batch;
  events.AppendRequest(batch, 2, "", 2, 10);
  events.AppendRequest(batch, 2, "", 2, 11);
  v1::BatchAppendEventsRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(batch));
  ASSERT_EQ(parsed.requests_size(), 2);
  EXPECT_EQ(parsed.requests(1).event().source().stream_sequence(), 11u);
}

TEST(LoadEventsTest, SizesOutOfTheLimitsAreRefused) {
  EXPECT_TRUE(LoadEvents::Make({.event_bytes = kMinLoadEventBytes}).ok());
  EXPECT_TRUE(LoadEvents::Make({.event_bytes = kMaxLoadEventBytes}).ok());
  EXPECT_TRUE(
      absl::IsInvalidArgument(LoadEvents::Make({.event_bytes = kMinLoadEventBytes - 1}).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(LoadEvents::Make({.event_bytes = kMaxLoadEventBytes + 1}).status()));
}

}  // namespace
}  // namespace auditledger
