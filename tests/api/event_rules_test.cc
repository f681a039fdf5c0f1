// Covers: api/event_limits, api/field_walk
#include "api/event_rules.h"

#include <functional>

#include "api/limits.h"
#include "google/protobuf/descriptor.h"
#include "merkle/header.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::FirstViolation;
using testing::GoodEvent;

constexpr uint64_t kSecondUs = 1'000'000;

EventVerdict Check(const v1::AuditEvent& event) {
  return CheckEvent(event, event.SerializeAsString(), 65536, Clock::System().WallMicros(), "event");
}

// The fields of all violations, joined.
std::string Fields(const EventVerdict& verdict) {
  std::string out;
  for (const FieldViolation& v : verdict.violations) out += (out.empty() ? "" : " ") + v.field;
  return out;
}

TEST(EventRules, ACarefulEventPassesWithoutAFlag) {
  const EventVerdict verdict = Check(GoodEvent("e"));
  EXPECT_EQ(Fields(verdict), "");
  EXPECT_EQ(FlagNames(verdict.flags), std::vector<std::string>());
}

TEST(EventRules, AnEmptyEventIsToldEverythingItLacks) {
  EXPECT_EQ(
      Fields(Check(v1::AuditEvent())),
      "event.event_id event.schema_version event.recorded.at event.outcome.indicator event.agent "
      "event.source.observer event.source.stream_id");
}

TEST(EventRules, ViolationsAreCappedAtTheNamedLimit) {
  v1::AuditEvent event = GoodEvent("e");
  for (int i = 0; i < 16; ++i) {
    v1::Agent* agent = event.add_agent();
    agent->set_name(std::string(257, 'x'));
    agent->set_alt_id(std::string(257, 'x'));
  }
  event.mutable_agent()->RemoveLast();
  EXPECT_EQ(Check(event).violations.size(), kMaxViolations);
}

TEST(EventRules, EveryRowOfTheTableNamesAFieldAndHoldsAtItsEdge) {
  const auto* pool = v1::AuditEvent::descriptor()->file()->pool();
  for (const FieldLimit& limit : EventFieldLimits()) {
    const auto* field = pool->FindFieldByName(std::string(limit.field));
    ASSERT_NE(field, nullptr) << limit.field;
    EXPECT_EQ(limit.max_elements != 0, field->is_repeated()) << limit.field;
  }
}

// An emitter keeps what may be the fault of a clock, and gives up what is wrong by itself.
TEST(EventRules, AheadOfTheClockIsAReasonOfItsOwnUnlessMoreIsWrong) {
  v1::AuditEvent event = GoodEvent("e");
  const auto check = [&](uint64_t now_us) {
    return CheckEvent(event, event.SerializeAsString(), 65536, now_us, "event");
  };
  const uint64_t recorded_us = static_cast<uint64_t>(event.recorded().at().seconds()) * kSecondUs +
                               static_cast<uint64_t>(event.recorded().at().nanos()) / 1000;
  const uint64_t edge = recorded_us - kMaxFutureMs * 1000;
  EXPECT_OK(check(edge).status());
  EXPECT_EQ(ReasonName(check(edge - 1).status()), "EVENT_AHEAD");
  event.clear_agent();
  EXPECT_EQ(ReasonName(check(edge - 1).status()), "MALFORMED_EVENT");
}

// Each string field of the top level: at the limit accepted, one over refused, and the value never
// shown.
TEST(EventRules, StringsHoldAtTheEdge) {
  struct Case {
    const char* field;
    size_t limit;
    std::function<void(v1::AuditEvent&, std::string)> set;
  };
  const std::vector<Case> cases = {
      {"event.event_id", 128, [](auto& e, std::string v) { e.set_event_id(v); }},
      {"event.tenant_id", 64, [](auto& e, std::string v) { e.set_tenant_id(v); }},
      {"event.outcome.description", 1024,
       [](auto& e, std::string v) { e.mutable_outcome()->set_description(v); }},
      {"event.agent[0].who.reference", 512,
       [](auto& e, std::string v) { e.mutable_agent(0)->mutable_who()->set_reference(v); }},
      {"event.agent[0].policy[0]", 512,
       [](auto& e, std::string v) { e.mutable_agent(0)->add_policy(v); }},
      {"event.agent[0].auth.scope[0]", 512,
       [](auto& e, std::string v) { e.mutable_agent(0)->mutable_auth()->add_scope(v); }},
      {"event.source.host", 128, [](auto& e, std::string v) { e.mutable_source()->set_host(v); }},
      {"event.entity[0].query", 32768,
       [](auto& e, std::string v) { e.mutable_entity(0)->set_query(v); }},
      {"event.original.content", 32768,
       [](auto& e, std::string v) { e.mutable_original()->set_content(v); }},
      {"event.category[0].text", 512,
       [](auto& e, std::string v) { e.mutable_category(0)->set_text(v); }},
  };
  for (const Case& one : cases) {
    v1::AuditEvent event = GoodEvent("e");
    one.set(event, std::string(one.limit, 'S'));
    EXPECT_EQ(Fields(Check(event)), "") << one.field;
    event = GoodEvent("e");
    one.set(event, std::string(one.limit + 1, 'S'));
    const EventVerdict verdict = Check(event);
    EXPECT_EQ(Fields(verdict), one.field);
    EXPECT_EQ(
        verdict.violations[0].description,
        std::to_string(one.limit + 1) + " bytes, over the limit of " + std::to_string(one.limit));
    EXPECT_EQ(verdict.status().ToString().find("SSS"), std::string::npos);
  }
}

TEST(EventRules, CountsHoldAtTheEdge) {
  v1::AuditEvent event = GoodEvent("e");
  while (event.patient_size() < 256) event.add_patient()->set_reference("p");
  while (event.agent_size() < 16) event.add_agent();
  while (event.entity_size() < 64) event.add_entity()->mutable_what()->set_reference("w");
  EXPECT_EQ(Fields(Check(event)), "");
  event.add_patient();
  event.add_agent();
  event.add_entity();
  EXPECT_EQ(Fields(Check(event)), "event.patient event.agent event.entity");
}

TEST(EventRules, DigestsHaveTheirLengthOrAreEmpty) {
  v1::AuditEvent event = GoodEvent("e");
  event.mutable_original()->set_sha256(std::string(32, 'h'));
  EXPECT_EQ(Fields(Check(event)), "");
  event.mutable_original()->set_sha256(std::string(31, 'h'));
  EXPECT_EQ(Fields(Check(event)), "event.original.sha256");
}

TEST(EventRules, TheWholeEventHoldsAtTheEdge) {
  const v1::AuditEvent event = GoodEvent("e");
  EXPECT_OK(CheckEvent(event, std::string(65536, 'x'), 65536, Clock::System().WallMicros(), "event")
                .status());
  const EventVerdict over =
      CheckEvent(event, std::string(65537, 'x'), 65536, Clock::System().WallMicros(), "event");
  EXPECT_TRUE(over.too_large);
  EXPECT_EQ(over.violations[0].description, "65537 bytes, over the limit of 65536");
}

TEST(EventRules, AssignersNestThreeDeepAndNoDeeper) {
  v1::AuditEvent event = GoodEvent("e");
  v1::Reference* reference = event.mutable_encounter();
  for (int i = 0; i < 3; ++i) reference = reference->mutable_identifier()->mutable_assigner();
  reference->set_display("x");
  EXPECT_EQ(Fields(Check(event)), "");
  reference->mutable_identifier()->mutable_assigner()->set_display("x");
  EXPECT_EQ(Check(event).violations[0].description, "assigners nested more than 3 deep");
}

TEST(EventRules, NulAndBrokenUtf8AreRefusedWhereverTheyStand) {
  v1::AuditEvent event = GoodEvent("e");
  event.mutable_agent(0)->set_name(std::string("a\0b", 3));
  event.mutable_entity(0)->set_name("\xff\xfe");
  event.mutable_entity(0)->set_query(std::string("\0\xff", 2));  // bytes may hold anything
  const EventVerdict verdict = Check(event);
  EXPECT_EQ(Fields(verdict), "event.agent[0].name event.entity[0].name");
  EXPECT_EQ(verdict.violations[0].description, "contains a NUL character");
  EXPECT_EQ(verdict.violations[1].description, "is not valid UTF-8");
}

TEST(EventRules, TimesAreJudgedByTheLedgersClock) {
  const uint64_t now = 1'900'000'000 * kSecondUs;
  const auto at = [&](int64_t offset_seconds) {
    v1::AuditEvent event = GoodEvent("e");
    event.mutable_recorded()->mutable_at()->set_seconds(1'900'000'000 + offset_seconds);
    return CheckEvent(event, event.SerializeAsString(), 65536, now, "event");
  };
  EXPECT_EQ(at(600).flags & kFlagClockSkew, 0u);
  EXPECT_NE(at(601).flags & kFlagClockSkew, 0u);
  EXPECT_EQ(Fields(at(24 * 3600)), "");
  EXPECT_EQ(Fields(at(24 * 3600 + 1)), "event.recorded.at");
  EXPECT_EQ(at(-3600).flags & kFlagLate, 0u);
  EXPECT_NE(at(-3601).flags & kFlagLate, 0u);
  EXPECT_EQ(Fields(at(-1'900'000'000)), "") << "1970 itself is a time";
  EXPECT_EQ(Fields(at(-1'900'000'001)), "event.recorded");
}

TEST(EventRules, AnEndBeforeItsStartContradictsItself) {
  v1::AuditEvent event = GoodEvent("e");
  event.mutable_occurred_start()->mutable_at()->set_seconds(100);
  event.mutable_occurred_end()->mutable_at()->set_seconds(100);
  EXPECT_EQ(Fields(Check(event)), "");
  event.mutable_occurred_start()->mutable_at()->set_nanos(1);
  EXPECT_EQ(Fields(Check(event)), "event.occurred_end");
}

// A profile's breach is kept and marked, never refused.
TEST(EventRules, WhatAProfileObjectsToIsAFlag) {
  struct Case {
    const char* flag;
    std::function<void(v1::AuditEvent&)> change;
  };
  const std::vector<Case> cases = {
      {"NO_ZONE", [](auto& e) { e.mutable_recorded()->clear_utc_offset_minutes(); }},
      {"NO_PURPOSE", [](auto& e) { e.clear_purpose_of_use(); }},
      {"NO_NETWORK", [](auto& e) { e.mutable_agent(0)->clear_network(); }},
      {"NO_REQUESTOR_ID", [](auto& e) { e.mutable_agent(0)->clear_who(); }},
      {"UNKNOWN_ENUM", [](auto& e) { e.set_severity(static_cast<v1::Severity>(99)); }},
      {"UNKNOWN_FIELDS",
       [](auto& e) { e.GetReflection()->MutableUnknownFields(&e)->AddVarint(77, 1); }},
      {"PROFILE", [](auto& e) { e.clear_action(); }},
      {"PROFILE", [](auto& e) { e.clear_category(); }},
      {"PROFILE", [](auto& e) { e.mutable_source()->clear_stream_sequence(); }},
      {"PROFILE", [](auto& e) { *e.add_agent() = e.agent(0); }},
      {"PROFILE", [](auto& e) { e.mutable_emergency_access()->set_override_id("o"); }},
  };
  for (const Case& one : cases) {
    v1::AuditEvent event = GoodEvent("e");
    one.change(event);
    const EventVerdict verdict = Check(event);
    EXPECT_EQ(Fields(verdict), "") << one.flag;
    EXPECT_EQ(FlagNames(verdict.flags), std::vector<std::string>{one.flag});
  }
  v1::AuditEvent event = GoodEvent("e");
  event.clear_patient();
  v1::Coding* role = event.mutable_entity(0)->mutable_role()->add_coding();
  role->set_system("http://terminology.hl7.org/CodeSystem/object-role");
  role->set_code("1");
  EXPECT_EQ(FlagNames(Check(event).flags), std::vector<std::string>{"NO_PATIENT"});
}

TEST(EventRules, AGroupAmongUnknownFieldsIsRefused) {
  v1::AuditEvent event = GoodEvent("e");
  event.GetReflection()->MutableUnknownFields(&event)->AddGroup(77)->AddVarint(1, 1);
  EXPECT_EQ(Check(event).violations[0].description, "field 77 is a group, which is not accepted");
}

}  // namespace
}  // namespace auditledger
