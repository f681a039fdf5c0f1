#include "tools/generator.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/sha256.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Bytes(const GeneratedDay& day) {
  std::string out;
  for (const v1::AuditEvent& event : day.events) out += event.SerializeAsString();
  return out;
}

TEST(GeneratorTest, SameOptionsSameBytes) {
  const GeneratorOptions options = {.seed = 7, .events = 500};
  ASSERT_OK_AND_ASSIGN(const GeneratedDay day, GenerateDay(options));
  ASSERT_OK_AND_ASSIGN(const GeneratedDay again, GenerateDay(options));
  EXPECT_EQ(Bytes(day), Bytes(again));
  EXPECT_EQ(TruthJson(options, day), TruthJson(options, again));
  GeneratorOptions other = options;
  other.seed = 8;
  ASSERT_OK_AND_ASSIGN(const GeneratedDay different, GenerateDay(other));
  EXPECT_NE(Bytes(day), Bytes(different));
}

TEST(GeneratorTest, MostAccessesAreExplained) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ASSERT_OK_AND_ASSIGN(const GeneratedDay day, GenerateDay({.seed = seed}));
    size_t accesses = 0;
    size_t explained = 0;
    for (const v1::AuditEvent& event : day.events) {
      accesses += IsAccess(event) ? 1 : 0;
      explained += IsAccess(event) && IsExplained(event) ? 1 : 0;
    }
    const double share = static_cast<double>(explained) / static_cast<double>(accesses);
    std::printf("seed %d: %zu events, %zu accesses, %.1f%% explained\n", static_cast<int>(seed),
                day.events.size(), accesses, 100 * share);
    EXPECT_EQ(day.events.size(), 2000u);
    EXPECT_GT(accesses, 1500u);
    EXPECT_GT(share, 0.90);
    EXPECT_LT(share, 0.95);
  }
}

TEST(GeneratorTest, ThreeEmittersNumberTheirEventsAndOneIsLost) {
  ASSERT_OK_AND_ASSIGN(const GeneratedDay day, GenerateDay({.seed = 3}));
  std::map<std::string, uint64_t> last;
  std::set<std::string> ids;
  size_t gaps = 0;
  int64_t before = 0;
  for (const v1::AuditEvent& event : day.events) {
    uint64_t& sequence = last[event.source().stream_id()];
    ++sequence;
    if (event.source().stream_sequence() != sequence) {
      EXPECT_EQ(event.source().stream_id(), day.gap.stream_id);
      EXPECT_EQ(sequence, day.gap.sequence);
      ++gaps;
      ++sequence;
    }
    EXPECT_EQ(event.source().stream_sequence(), sequence);
    EXPECT_TRUE(ids.insert(event.event_id()).second);
    EXPECT_GE(event.recorded().at().seconds(), before);
    before = event.recorded().at().seconds();
  }
  EXPECT_EQ(last.size(), 3u);
  EXPECT_EQ(gaps, 1u);
}

TEST(GeneratorTest, TheTruthNamesEventsThatAreThereAndNotExplained) {
  const GeneratorOptions options = {.seed = 4, .events = 600, .billing_spree = true};
  ASSERT_OK_AND_ASSIGN(const GeneratedDay day, GenerateDay(options));
  EXPECT_EQ(day.events.size(), options.events + kBillingSpreeEvents);
  std::map<std::string, const v1::AuditEvent*> by_id;
  for (const v1::AuditEvent& event : day.events) by_id[event.event_id()] = &event;
  std::map<std::string, size_t> rules;
  for (const PlantedCase& planted : day.planted) {
    rules[planted.rule] += planted.event_ids.size();
    for (const std::string& id : planted.event_ids) {
      ASSERT_TRUE(by_id.contains(id)) << planted.rule;
      EXPECT_FALSE(IsExplained(*by_id[id])) << planted.rule;
    }
  }
  EXPECT_EQ(rules["S1"], 2u);
  EXPECT_EQ(rules["S2"], 3u);
  EXPECT_EQ(rules["S4"], 2u);
  EXPECT_EQ(rules["S5"], 5u);
  EXPECT_EQ(rules["B1"], 6u);
  EXPECT_EQ(rules["P1"], 1u);
  EXPECT_EQ(rules["V1"], kBillingSpreeEvents);
  const auto truth = nlohmann::json::parse(TruthJson(options, day));
  EXPECT_EQ(truth["planted"].size(), day.planted.size());
  EXPECT_EQ(truth["gaps"][0]["sequence"], day.gap.sequence);
}

TEST(GeneratorTest, BreakGlassIsTiedTogether) {
  ASSERT_OK_AND_ASSIGN(const GeneratedDay day, GenerateDay({.seed = 5, .events = 300}));
  std::map<std::string, std::vector<int>> phases;
  for (const v1::AuditEvent& event : day.events) {
    if (!event.has_emergency_access()) continue;
    phases[event.emergency_access().override_id()].push_back(event.emergency_access().phase());
    EXPECT_EQ(event.purpose_of_use(0).coding(0).code(), "BTG");
  }
  std::set<std::vector<int>> seen;
  for (const auto& [id, sequence] : phases) seen.insert(sequence);
  EXPECT_EQ(seen, (std::set<std::vector<int>>{{1, 2, 2, 2, 3}, {4}}));
}

TEST(GeneratorTest, LimitsHoldAtTheirEdges) {
  EXPECT_OK(GenerateDay({.events = kMinGeneratedEvents}));
  EXPECT_THAT(GenerateDay({.events = kMinGeneratedEvents - 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("200")));
  EXPECT_THAT(GenerateDay({.events = kMaxGeneratedEvents + 1}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(GenerateDay({.date = "tomorrow"}), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
