// An event is read from a bundle as it was sealed; what is withheld keeps its place.
//
// Covers: tools/report_access
#include "tools/report_event.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tools/generator.h"
#include "tools/report_access.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::StatusIs;

constexpr uint8_t kStaffNames = 2;

// The entry of an event, without those units for which `hides` says so.
class Shown {
 public:
  explicit Shown(
      const v1::AuditEvent& event,
      const std::function<bool(UnitPath)>& hides = [](UnitPath) { return false; })
      : bytes_(event.SerializeAsString()) {
    entry_.index = 7;
    entry_.leaf.recorded_at_us = 1'000'000;
    entry_.content = BundleEntry::Content::kOpened;
    entry_.header.rule = kStaffNames;
    const std::vector<UnitView> units = CutUnitViews(bytes_).value();
    for (const UnitView& unit : units) {
      BundlePart part;
      part.path = unit.path;
      if (hides(unit.path)) {
        part.rule = kStaffNames;
      } else {
        part.bytes = unit.bytes;
      }
      entry_.units.push_back(part);
    }
  }
  BundleEntry& entry() { return entry_; }
  ReportEvent Read() { return ReadReportEvent(entry_).value(); }

 private:
  std::string bytes_;
  BundleEntry entry_;
};

AccessWords Words() {
  BundleRule rule;
  rule.rule = kStaffNames;
  rule.name = "staff-names";
  return AccessWords({rule});
}

v1::AuditEvent TwoPatients() {
  v1::AuditEvent event;
  event.mutable_recorded()->mutable_at()->set_seconds(1'741'000'000);
  event.mutable_recorded()->set_utc_offset_minutes(60);
  for (const char* id : {"1", "2"}) {
    event.add_patient()->mutable_identifier()->set_system("urn:mrn");
    event.mutable_patient()->rbegin()->mutable_identifier()->set_value(id);
  }
  v1::Agent& agent = *event.add_agent();
  agent.mutable_who()->set_reference("Practitioner/p1");
  agent.set_name("Jane Doe");
  agent.set_department("oncology");
  event.add_entity()->set_description("results");
  return event;
}

TEST(ReportEventTest, WhatIsShownWholeIsTheEvent) {
  const GeneratedDay day = GenerateDay({.seed = 3, .events = 400}).value();
  for (const v1::AuditEvent& event : day.events) {
    const ReportEvent read = Shown(event).Read();
    EXPECT_EQ(read.event.SerializeAsString(), event.SerializeAsString());
    EXPECT_THAT(read.withheld, IsEmpty());
    EXPECT_EQ(read.index, 7u);
    EXPECT_EQ(read.recorded_at_us, 1'000'000u);
  }
}

TEST(ReportEventTest, AWithheldPatientKeepsItsPlace) {
  const ReportEvent read = Shown(TwoPatients(), [](UnitPath path) {
                             return path.field == kPatientField && path.occurrence == 0;
                           }).Read();
  ASSERT_EQ(read.event.patient_size(), 2);
  EXPECT_EQ(read.event.patient(1).identifier().value(), "2");
  EXPECT_TRUE(read.Hides(kPatientField, 0, 3));
  EXPECT_FALSE(read.Hides(kPatientField, 1, 3));
  EXPECT_THAT(Words().Read(read).patients, ElementsAre("withheld: staff-names", "urn:mrn|2"));
}

TEST(ReportEventTest, AWithheldNameIsToldSoBesideTheId) {
  const ReportEvent read = Shown(TwoPatients(), [](UnitPath path) {
                             return path.field == kAgentField && path.subfield == 5;
                           }).Read();
  const Access access = Words().Read(read);
  EXPECT_EQ(access.user, "Practitioner/p1");
  EXPECT_EQ(access.user_name, "withheld: staff-names");
  EXPECT_EQ(access.department, "oncology");
  EXPECT_EQ(access.what, "results");
  EXPECT_EQ(access.time, "2025-03-03 12:06:40 +01:00");
  EXPECT_EQ(access.explanation, "");
}

TEST(ReportEventTest, WithoutATimeOfItsOwnTheLedgersCounts) {
  const ReportEvent read =
      Shown(TwoPatients(), [](UnitPath path) { return path.field == kRecordedField; }).Read();
  EXPECT_EQ(Words().Read(read).at_us, 1'000'000);
}

TEST(ReportEventTest, TheRequestorIsWhoAsked) {
  v1::AuditEvent event = TwoPatients();
  v1::Agent& second = *event.add_agent();
  second.mutable_who()->mutable_identifier()->set_value("svc-2");
  second.mutable_who()->set_reference("Device/2");
  second.set_requestor(true);
  EXPECT_EQ(Words().Read(Shown(event).Read()).user, "svc-2");
  event.clear_agent();
  EXPECT_EQ(Words().Read(Shown(event).Read()).user, "");
}

TEST(ReportEventTest, TheHeaderIsReadUnlessItIsWithheld) {
  Shown shown(TwoPatients());
  EXPECT_FALSE(shown.Read().header.has_value());
  EntryHeader header;
  header.principal = "p";
  header.stream_sequence = 9;
  const std::string bytes = EncodeHeader(header).value();
  shown.entry().header.rule = kShown;
  shown.entry().header.bytes = bytes;
  EXPECT_EQ(shown.Read().header, header);
  shown.entry().header.bytes = "?";
  EXPECT_THAT(ReadReportEvent(shown.entry()), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ReportEventTest, PartsThatAreNoEventAreRefused) {
  Shown shown(TwoPatients());
  shown.entry().units.front().bytes = "\x0a\x7f";
  EXPECT_THAT(ReadReportEvent(shown.entry()), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
