// Covers: api/field_rules
// The scan may only err towards the walk: a random event is never "nothing to report" when the walk
// finds something, and ordinary events are, or the walk would never be skipped.
#include "api/field_scan.h"

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "api/field_rules.h"
#include "api/field_walk.h"
#include "google/protobuf/descriptor.h"
#include "tests/api/api_fixture.h"
#include "tests/testing/seed.h"

namespace auditledger {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using testing::GoodEvent;

bool Finds(const v1::AuditEvent& event) {
  const WalkFindings walk = WalkFields(event, "event");
  return !walk.violations.empty() || walk.unknown_fields || walk.unknown_enum;
}

TEST(FieldScan, AnOrdinaryEventNeedsNoWalk) {
  EXPECT_TRUE(HasNothingToReport(GoodEvent("e").SerializeAsString()));
  EXPECT_TRUE(HasNothingToReport(""));
  v1::AuditEvent event = GoodEvent("e");
  event.mutable_agent(0)->set_name("J\xc3\xbcrgen \xe6\x97\xa5");
  event.mutable_recorded()->set_utc_offset_minutes(-kMaxOffsetMinutes);
  event.mutable_recorded()->mutable_at()->set_seconds(kMaxTimeSeconds);
  event.mutable_recorded()->mutable_at()->set_nanos(kMaxTimeNanos);
  event.mutable_recorded()->set_fraction_digits(kMaxFractionDigits);
  EXPECT_TRUE(HasNothingToReport(event.SerializeAsString()));
}

TEST(FieldScan, WhatTheWalkWouldReportIsLeftToIt) {
  const std::vector<std::function<void(v1::AuditEvent&)>> faults = {
      [](auto& e) { e.mutable_recorded()->mutable_at()->set_seconds(-1); },
      [](auto& e) { e.mutable_recorded()->mutable_at()->set_seconds(kMaxTimeSeconds + 1); },
      [](auto& e) { e.mutable_recorded()->mutable_at()->set_nanos(-1); },
      [](auto& e) { e.mutable_recorded()->mutable_at()->set_nanos(kMaxTimeNanos + 1); },
      [](auto& e) { e.mutable_recorded()->set_utc_offset_minutes(kMaxOffsetMinutes + 1); },
      [](auto& e) { e.mutable_recorded()->set_utc_offset_minutes(-kMaxOffsetMinutes - 1); },
      [](auto& e) { e.mutable_recorded()->set_fraction_digits(kMaxFractionDigits + 1); },
      [](auto& e) { e.set_action(static_cast<v1::Action>(6)); },
      [](auto& e) { e.set_action(static_cast<v1::Action>(-1)); },
      [](auto& e) { e.set_action(static_cast<v1::Action>(64)); },
      [](auto& e) { e.set_event_id(std::string(129, 'x')); },
      [](auto& e) { e.set_event_id(std::string("a\0b", 3)); },
      [](auto& e) { e.mutable_agent(0)->mutable_auth()->set_token_digest("short"); },
      [](auto& e) {
        for (int i = 0; i < 9; ++i) e.add_category()->set_text("x");
      },
      [](auto& e) {
        v1::Reference* who = e.mutable_agent(0)->mutable_who();
        for (int i = 0; i <= kMaxAssignerDepth; ++i) {
          who = who->mutable_identifier()->mutable_assigner();
        }
      },
      [](auto& e) { e.GetReflection()->MutableUnknownFields(&e)->AddVarint(1000, 1); },
      [](auto& e) {
        e.GetReflection()->MutableUnknownFields(e.mutable_outcome())->AddVarint(77, 1);
      },
      [](auto& e) { e.GetReflection()->MutableUnknownFields(&e)->AddGroup(1001); },
  };
  for (size_t i = 0; i < faults.size(); ++i) {
    v1::AuditEvent event = GoodEvent("e");
    faults[i](event);
    ASSERT_TRUE(Finds(event)) << i;
    EXPECT_FALSE(HasNothingToReport(event.SerializeAsString())) << i;
  }
}

// Sets fields at random, sizes around their limits.
class RandomEvent {
 public:
  explicit RandomEvent(uint64_t seed) : random_(seed) {}

  v1::AuditEvent Next() {
    v1::AuditEvent event;
    Fill(event, 0);
    return event;
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  std::string Bytes(const FieldDescriptor& field) {
    const FieldLimit& limit = LimitOf(field);
    const size_t usual = limit.exact_bytes != 0 ? limit.exact_bytes : Below(20);
    std::string out(Below(200) == 0 ? MaxBytes(limit) + Below(2) : usual, 'x');
    if (Below(200) == 0 && !out.empty()) out[0] = '\0';
    if (Below(50) == 0) out += "\xc3\xa9";
    return out;
  }

  void Set(Message& message, const FieldDescriptor& field) {
    const Reflection& r = *message.GetReflection();
    const bool many = field.is_repeated();
    const auto number = [&]() -> uint64_t { return Below(20) == 0 ? random_() : Below(10); };
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        many ? r.AddString(&message, &field, Bytes(field))
             : r.SetString(&message, &field, Bytes(field));
        return;
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int value = Below(60) == 0 ? 99 : static_cast<int>(Below(3));
        many ? r.AddEnumValue(&message, &field, value) : r.SetEnumValue(&message, &field, value);
        return;
      }
      case FieldDescriptor::CPPTYPE_INT32:
        if (!many) r.SetInt32(&message, &field, static_cast<int32_t>(number()));
        return;
      case FieldDescriptor::CPPTYPE_INT64:
        if (!many) r.SetInt64(&message, &field, static_cast<int64_t>(number()));
        return;
      case FieldDescriptor::CPPTYPE_UINT32:
        if (!many) r.SetUInt32(&message, &field, static_cast<uint32_t>(number()));
        return;
      case FieldDescriptor::CPPTYPE_UINT64:
        if (!many) r.SetUInt64(&message, &field, number());
        return;
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!many) r.SetBool(&message, &field, true);
        return;
      default:
        return;
    }
  }

  void Fill(Message& message, int depth) {
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (Below(4 + static_cast<uint64_t>(depth)) != 0) continue;
      const size_t edge = MaxElements(LimitOf(field));
      const size_t count = !field.is_repeated()          ? 1
                           : Below(40) == 0 && depth < 2 ? edge + Below(2)
                                                         : 1 + Below(2);
      for (size_t n = 0; n < count; ++n) {
        if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
          Set(message, field);
        } else if (depth < 20) {
          const Reflection& r = *message.GetReflection();
          Fill(field.is_repeated() ? *r.AddMessage(&message, &field)
                                   : *r.MutableMessage(&message, &field),
               depth + 1);
        }
      }
    }
  }

  std::mt19937_64 random_;
};

TEST(FieldScan, NeverPassesWhatTheWalkReports) {
  RandomEvent events(testing::TestSeed());
  int passed = 0, reported = 0;
  for (int i = 0; i < 3000; ++i) {
    const v1::AuditEvent event = events.Next();
    const bool finds = Finds(event);
    const bool nothing = HasNothingToReport(event.SerializeAsString());
    ASSERT_FALSE(nothing && finds) << event.ShortDebugString().substr(0, 2000);
    passed += nothing ? 1 : 0;
    reported += finds ? 1 : 0;
    // All rules of the walk are the scan's too: it need not look closely at anything else.
    EXPECT_EQ(nothing, !finds);
  }
  EXPECT_GT(passed, 100);
  EXPECT_GT(reported, 100);
}

}  // namespace
}  // namespace auditledger
