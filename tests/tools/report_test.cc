// What each kind of report makes of events that are known.
//
// Covers: tools/report_patient, tools/report_disclosures, tools/report_user
// Covers: tools/report_break_glass, tools/report_watched, tools/report_review
// Covers: tools/report_incident
// tools/report_incident
#include "tools/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/tools/report_fixture.h"

namespace auditledger {
namespace {

using Emergency = v1::EmergencyAccess;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kDay0;
using testing::kHour;
using testing::kMicros;
using ::testing::Not;
using ::testing::Pair;
using testing::ReportTest;
using testing::StatusIs;

v1::AuditEvent Access(const std::string& user, const std::string& patient, int64_t at_s) {
  return testing::AccessEvent(user, patient, at_s);
}

void SetPurpose(v1::AuditEvent& event, const char* code) {
  event.add_purpose_of_use()->add_coding()->set_code(code);
}

TEST_F(ReportTest, KindsAreKnownByName) {
  EXPECT_EQ(ReportKinds().size(), 8u);
  EXPECT_THAT(MakeReport("audit", options_), StatusIs(absl::StatusCode::kInvalidArgument,
                                                      HasSubstr("patient-access, disclosures")));
}

TEST_F(ReportTest, PatientAccessTellsEachEventOfThePatientAndNoOther) {
  v1::AuditEvent explained = Access("u1", "1", kDay0);
  explained.mutable_encounter()->set_reference("Encounter/9");
  v1::AuditEvent refused = Access("u2", "1", kDay0 + 60);
  refused.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SERIOUS_FAILURE);
  options_.patient = "urn:mrn|1";
  const ReportTable table = Make(
      "patient-access", {explained, Access("u3", "2", kDay0), refused, Access("u4", "", kDay0)});
  EXPECT_THAT(selected_, ElementsAre(0, 2));
  EXPECT_THAT(table.rows[0],
              ElementsAre("0", "2025-03-03 11:06:40 +00:00", "u1", "", "nurse", "", "", "", "",
                          "results", "", "", "no", "encounter Encounter/9", ""));
  EXPECT_EQ(table.rows[1].back(), "unexplained, refused");
  EXPECT_THAT(table.totals, Contains(Pair("distinct users", "2")));
  EXPECT_THAT(table.totals, Contains(Pair("without encounter or order", "1")));
  options_.patient = "|Patient/2";
  EXPECT_THAT(Make("patient-access", {explained, Access("u3", "2", kDay0)}).rows.size(), 1u);
}

TEST_F(ReportTest, WithoutStaffNamesNobodyIsNamed) {
  options_.staff_names = false;
  v1::AuditEvent named = Access("u1", "1", kDay0);
  v1::Agent& agent = *named.mutable_agent(0);
  agent.set_name("Jane Doe");
  agent.set_alt_id("Jane Doe");
  agent.set_user_agent("Jane Doe");
  agent.mutable_who()->set_display("Jane Doe");
  agent.mutable_network()->set_type(v1::NetworkAccessPoint::TYPE_EMAIL);
  agent.mutable_network()->set_address("Jane Doe");
  named.mutable_entity(0)->set_description("letter of Jane Doe");
  named.mutable_entity(0)->mutable_what()->set_reference("DocumentReference/9");
  v1::Entity& provider = *named.add_entity();
  provider.mutable_role()->add_coding()->set_code("15");
  provider.set_name("Jane Doe");
  named.add_entity()->mutable_what()->set_reference("Patient/777");
  const ReportTable table = Make("patient-access", {named, Access("u1", "1", kDay0 + 5)});
  EXPECT_THAT(table.columns, Not(Contains("user")));
  EXPECT_THAT(table.columns, Not(Contains("name")));
  for (const auto& row : table.rows) EXPECT_THAT(row, Not(Contains("u1")));
  for (const std::string& cell : table.rows[0]) EXPECT_THAT(cell, Not(HasSubstr("Jane Doe")));
  for (const std::string& cell : table.rows[0]) EXPECT_THAT(cell, Not(HasSubstr("777")));
  EXPECT_THAT(table.rows[0], Contains("DocumentReference"));
  EXPECT_THAT(table.totals, Contains(Pair("distinct users", "1"))) << "still told apart";
}

TEST_F(ReportTest, TheWindowHasItsStartAndNotItsEnd) {
  options_.from_us = kDay0 * kMicros;
  options_.to_us = (kDay0 + 10) * kMicros;
  Make("patient-access", {Access("u", "1", kDay0 - 1), Access("u", "1", kDay0),
                          Access("u", "1", kDay0 + 9), Access("u", "1", kDay0 + 10)});
  EXPECT_THAT(selected_, ElementsAre(1, 2));
}

v1::AuditEvent Disclosure(const std::string& to, const std::string& patient, int64_t at_s,
                          const char* purpose) {
  v1::AuditEvent event = Access("clerk", patient, at_s);
  event.add_code()->add_coding()->set_code("disclose");
  SetPurpose(event, purpose);
  v1::Agent& recipient = *event.add_agent();
  recipient.mutable_type()->add_coding()->set_code("IRCP");
  recipient.set_name(to);
  recipient.mutable_location()->set_display("1 Main St");
  return event;
}

TEST_F(ReportTest, DisclosuresToOneRecipientForOnePurposeAreOneRow) {
  const ReportTable table =
      Make("disclosures", {Disclosure("Court", "1", kDay0, "HLEGAL"),
                           Disclosure("Court", "1", kDay0 + 30 * 24 * kHour, "HLEGAL"),
                           Disclosure("Court", "1", kDay0 + 60, "PUBHLTH"),
                           Disclosure("Court", "2", kDay0 + 90, "HLEGAL")});
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_THAT(table.rows, Contains(ElementsAre("2025-03-03", "urn:mrn|1", "Court", "1 Main St",
                                               "results", "HLEGAL", "2", "2025-04-02", "0 1")));
  EXPECT_THAT(table.totals, Contains(Pair("disclosures", "4")));
}

TEST_F(ReportTest, DisclosuresLeaveOutWhatTheRuleLeavesOutAndSayHowMany) {
  v1::AuditEvent lifecycle = Access("clerk", "1", kDay0);
  lifecycle.mutable_entity(0)->mutable_lifecycle()->set_code("disclose");
  const ReportTable table =
      Make("disclosures",
           {Disclosure("Insurer", "1", kDay0, "HPAYMT"), Disclosure("Clinic", "1", kDay0, "TREAT"),
            lifecycle, Access("nurse", "1", kDay0), Disclosure("Press", "", kDay0, "HMARKT")});
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][2], "not on record");
  EXPECT_EQ(table.rows[0][5], "not stated");
  EXPECT_THAT(table.totals, Contains(Pair("left out as 164.528(a)(1) permits", "2")));
  EXPECT_THAT(selected_, ElementsAre(2));
}

TEST_F(ReportTest, ASuspendedRecipientIsNotToldOfUntilTheDay) {
  options_.suspended["Police"] = (kDay0 + 100) * kMicros;
  options_.now_us = (kDay0 + 99) * kMicros;
  const std::vector<v1::AuditEvent> events = {Disclosure("Police", "1", kDay0, "HLEGAL"),
                                              Disclosure("Court", "1", kDay0, "HLEGAL")};
  ReportTable table = Make("disclosures", events);
  ASSERT_EQ(table.rows.size(), 1u);
  for (const auto& [name, value] : table.totals) EXPECT_THAT(value, Not(HasSubstr("Police")));
  EXPECT_THAT(asides_, ElementsAre(HasSubstr("1 to Police")));
  options_.now_us = (kDay0 + 100) * kMicros;
  EXPECT_EQ(Make("disclosures", events).rows.size(), 2u);
  EXPECT_THAT(asides_, ElementsAre(HasSubstr("its suspension has ended")));
}

TEST_F(ReportTest, ASuspendedRecipientIsKnownByEachOfItsNamesAndHidesNobodyElse) {
  options_.suspended = {{"FBI", (kDay0 + 100) * kMicros}, {"FIB", (kDay0 + 100) * kMicros}};
  options_.now_us = kDay0 * kMicros;
  v1::AuditEvent agent = Disclosure("Agent Smith", "1", kDay0, "HLEGAL");
  agent.mutable_agent(1)->mutable_organization()->set_display("FBI");
  v1::AuditEvent both = Disclosure("FBI", "1", kDay0, "PUBHLTH");
  *both.add_agent() = Disclosure("Registry", "1", kDay0, "PUBHLTH").agent(1);
  *both.add_agent() = Disclosure("Court", "1", kDay0, "PUBHLTH").agent(1);
  const ReportTable table = Make("disclosures", {agent, both});
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0][2], "Court");
  EXPECT_EQ(table.rows[1][2], "Registry");
  EXPECT_THAT(selected_, ElementsAre(1));
  EXPECT_THAT(asides_, ElementsAre(HasSubstr("2 to FBI"), HasSubstr("0 to FIB")))
      << "a name that nobody has is told";
}

TEST_F(ReportTest, OnePurposeOutsideOfCareMakesADisclosure) {
  v1::AuditEvent mixed = Disclosure("Registry", "1", kDay0, "TREAT");
  SetPurpose(mixed, "PUBHLTH");
  v1::AuditEvent of_agent = Disclosure("Clinic", "1", kDay0, "TREAT");
  *of_agent.mutable_agent(0)->add_purpose_of_use() = of_agent.purpose_of_use(0);
  of_agent.clear_purpose_of_use();
  v1::AuditEvent dicom = Access("clerk", "1", kDay0);
  dicom.mutable_entity(0)->mutable_lifecycle()->set_code("11");
  v1::AuditEvent refused = Disclosure("Press", "1", kDay0, "HMARKT");
  refused.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SERIOUS_FAILURE);
  Make("disclosures", {mixed, of_agent, dicom, refused});
  EXPECT_THAT(selected_, ElementsAre(0, 2));
}

TEST_F(ReportTest, FirstAndLastGoByTheSourcesTime) {
  const ReportTable disclosures =
      Make("disclosures", {Disclosure("Court", "1", kDay0 + 8 * 24 * kHour, "HLEGAL"),
                           Disclosure("Court", "1", kDay0, "HLEGAL")});
  EXPECT_EQ(disclosures.rows[0][0], "2025-03-03");
  EXPECT_EQ(disclosures.rows[0][7], "2025-03-11");
  const ReportTable users =
      Make("user-activity", {Access("u", "1", kDay0 + 600), Access("u", "1", kDay0)});
  EXPECT_EQ(users.rows[0][6], "2025-03-03 11:06:40 +00:00");
  EXPECT_EQ(users.rows[0][7], "2025-03-03 11:16:40 +00:00");
}

TEST_F(ReportTest, OnlyTheDisclosedPatientThatIsAskedAboutIsNamed) {
  v1::AuditEvent both = Disclosure("Registry", "1", kDay0, "HRESCH");
  both.add_patient()->mutable_identifier()->set_value("other");
  options_.patient = "urn:mrn|1";
  const ReportTable table = Make("disclosures", {both});
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][1], "urn:mrn|1");
}

TEST_F(ReportTest, UserActivityCountsByDayAndPatientBesidePeers) {
  v1::AuditEvent explained = Access("u1", "1", kDay0 + 60);
  explained.add_based_on()->set_reference("ServiceRequest/1");
  std::vector<v1::AuditEvent> events = {Access("u1", "1", kDay0), explained,
                                        Access("u1", "2", kDay0 + 24 * kHour)};
  for (const char* patient : {"1", "2", "3"}) events.push_back(Access("u2", patient, kDay0));
  options_.user = "u1";
  const ReportTable table = Make("user-activity", events);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_THAT(table.rows[0],
              ElementsAre("u1", "nurse", "2025-03-03", "urn:mrn|1", "2", "1",
                          "2025-03-03 11:06:40 +00:00", "2025-03-03 11:07:40 +00:00"));
  EXPECT_THAT(table.totals, Contains(Pair("unexplained", "2 (66.7 %)")));
  EXPECT_THAT(table.totals, Contains(Pair("median of patients a day, role nurse", "1")))
      << "of 1, 1 and 3, peers too";
  EXPECT_THAT(selected_, ElementsAre(0, 1, 2));
}

v1::AuditEvent Override(const std::string& id, Emergency::Phase phase, int64_t at_s) {
  v1::AuditEvent event = Access("u1", "1", at_s);
  event.mutable_emergency_access()->set_phase(phase);
  event.mutable_emergency_access()->set_override_id(id);
  event.mutable_emergency_access()->mutable_reason()->set_text("unconscious");
  return event;
}

TEST_F(ReportTest, BreakGlassTellsWhatIsOwed) {
  v1::AuditEvent review = Override("a", Emergency::PHASE_UNSPECIFIED, kDay0 + kHour);
  review.add_code()->add_coding()->set_code("override-reviewed");
  review.mutable_agent(0)->mutable_who()->set_reference("officer");
  options_.now_us = (kDay0 + 73 * kHour) * kMicros;
  const ReportTable table =
      Make("break-glass", {Override("a", Emergency::PHASE_OVERRIDE_STARTED, kDay0),
                           Override("a", Emergency::PHASE_ACCESS_UNDER_OVERRIDE, kDay0 + 5),
                           Override("a", Emergency::PHASE_OVERRIDE_STOPPED, kDay0 + 600), review,
                           Override("b", Emergency::PHASE_OVERRIDE_STARTED, kDay0 + 2 * kHour),
                           Override("c", Emergency::PHASE_OVERRIDE_ABANDONED, kDay0 + 3 * kHour),
                           Access("u2", "1", kDay0)});
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_THAT(table.rows[0],
              ElementsAre("a", "u1", "urn:mrn|1", "unconscious", "2025-03-03 11:06:40 +00:00",
                          "10 min", "1: results", "closed", "by officer", "", "0 1 2 3"));
  EXPECT_EQ(table.rows[1][5], "71.0 h and open");
  EXPECT_EQ(table.rows[1][7], "open");
  EXPECT_EQ(table.rows[1][9], "close, review by 2025-03-06 13:06:40 +00:00");
  EXPECT_EQ(table.rows[2][7], "abandoned");
  EXPECT_THAT(table.rows[2][9], HasSubstr("review by 2025-03-06 14:06:40"));
  EXPECT_THAT(table.totals, Contains(Pair("with open obligations", "2")));
  options_.now_us += 2 * kHour * kMicros;
  EXPECT_THAT(
      Make("break-glass", {Override("b", Emergency::PHASE_OVERRIDE_STARTED, kDay0)}).rows[0][9],
      HasSubstr("(overdue)"));
}

TEST_F(ReportTest, AnOverrideIsWholeWhateverIsAskedFor) {
  v1::AuditEvent review = Override("a", Emergency::PHASE_UNSPECIFIED, kDay0 + 10 * kHour);
  review.add_code()->add_coding()->set_code("override-reviewed");
  review.mutable_agent(0)->mutable_who()->set_reference("chief");
  const std::vector<v1::AuditEvent> events = {
      Override("a", Emergency::PHASE_OVERRIDE_STARTED, kDay0),
      Override("a", Emergency::PHASE_OVERRIDE_STOPPED, kDay0 + 5 * kHour), review};
  options_.now_us = (kDay0 + 100 * kHour) * kMicros;
  options_.user = "u1";
  EXPECT_EQ(Make("break-glass", events).rows.at(0)[8], "by chief");
  EXPECT_THAT(selected_, ElementsAre(0, 1, 2));
  options_.to_us = (kDay0 + kHour) * kMicros;
  EXPECT_EQ(Make("break-glass", events).rows.at(0)[7], "closed");
  options_.user = "chief";
  EXPECT_THAT(Make("break-glass", events).rows, IsEmpty());
  options_ = {};
  options_.from_us = (kDay0 + kHour) * kMicros;
  EXPECT_THAT(Make("break-glass", events).rows, IsEmpty()) << "it began before";
}

TEST_F(ReportTest, OverridesWhoseIdIsWithheldAreCountedNotMadeUp) {
  auto report = BreakGlassReport(options_);
  ReportEvent event;
  event.event = Override("", Emergency::PHASE_ACCESS_UNDER_OVERRIDE, kDay0);
  event.withheld[{kEmergencyAccessField, 0, 4}] = 1;
  report->Add(event, AccessWords({}).Read(event));
  const ReportTable table = report->Finish();
  EXPECT_THAT(table.rows, IsEmpty());
  EXPECT_THAT(table.totals, Contains(Pair("events whose override is withheld", "1")));
}

TEST_F(ReportTest, OverridesWithoutAnIdAreNotTiedTogether) {
  EXPECT_EQ(Make("break-glass", {Override("", Emergency::PHASE_OVERRIDE_STARTED, kDay0),
                                 Override("", Emergency::PHASE_OVERRIDE_STOPPED, kDay0 + 1)})
                .rows.size(),
            2u);
}

TEST_F(ReportTest, WatchedFindsVipsByLabelAndListAndTheSameName) {
  v1::AuditEvent labelled = Access("u1", "1", kDay0);
  labelled.mutable_entity(0)->add_security_label()->add_coding()->set_code("VIP");
  v1::AuditEvent namesake = Access("u2", "3", kDay0);
  namesake.mutable_agent(0)->set_name("Roe, Richard");
  namesake.mutable_patient(0)->set_display("Jane ROE");
  v1::AuditEvent from_list = Access("u3", "4", kDay0);
  options_.vips = {"urn:mrn|2"};
  options_.names = {{"u3", "Ann Poe"}, {"urn:mrn|4", "Poe, Edgar"}};
  const ReportTable table = Make("watched", {labelled, Access("u1", "2", kDay0), namesake,
                                             from_list, Access("u9", "9", kDay0)});
  EXPECT_THAT(selected_, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(table.rows[2][7], "same name");
  EXPECT_EQ(table.rows[3][7], "same name");
  EXPECT_THAT(table.totals, Contains(Pair("to VIPs", "2")));
  EXPECT_THAT(table.totals, Contains(Pair("of the same name", "2")));
}

TEST_F(ReportTest, IncidentTellsFirstAndLastAccessAndTheClock) {
  options_.user = "u1";
  options_.discovered_us = kDay0 * kMicros;
  options_.now_us = (kDay0 + 24 * kHour) * kMicros;
  ReportTable table = Make("incident", {Access("u1", "1", kDay0 + 60), Access("u1", "1", kDay0),
                                        Access("u1", "2", kDay0 + 5), Access("u2", "3", kDay0)});
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_THAT(table.rows[0], ElementsAre("urn:mrn|1", "2025-03-03 11:06:40 +00:00",
                                         "2025-03-03 11:07:40 +00:00", "2", "u1", "results", "1 0"))
      << "late events come later in the log";
  EXPECT_THAT(table.totals, Contains(Pair("to be told by", "2025-05-02")));
  EXPECT_THAT(table.totals, Contains(Pair("days left", "59")));
  v1::AuditEvent refused = Access("u1", "9", kDay0);
  refused.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_MINOR_FAILURE);
  EXPECT_THAT(Make("incident", {refused}).rows, IsEmpty());
  options_.now_us = (kDay0 + 60 * 24 * kHour + kHour) * kMicros;
  EXPECT_THAT(Make("incident", {}).totals, Contains(Pair("days left", "0"))) << "the day itself";
  options_.now_us = (kDay0 + 62 * 24 * kHour) * kMicros;
  EXPECT_THAT(Make("incident", {}).totals, Contains(Pair("days left", "none: overdue by 2 days")));
}

TEST_F(ReportTest, FiveHundredIndividualsAreTheSecretarysToKnow) {
  options_.discovered_us = kDay0 * kMicros;
  options_.now_us = options_.discovered_us.value();
  std::vector<v1::AuditEvent> events;
  for (int i = 0; i < 499; ++i) events.push_back(Access("u", absl::StrCat(i), kDay0));
  EXPECT_THAT(Make("incident", events).notes, IsEmpty());
  events.push_back(Access("u", "499", kDay0));
  EXPECT_THAT(Make("incident", events).notes, ElementsAre(HasSubstr("164.408(b)")));
}

TEST_F(ReportTest, ReviewFindsFiveHundredPatientsWithinAnHourAlsoOutOfOrder) {
  std::vector<v1::AuditEvent> events;
  for (int i = 0; i < 500; ++i) events.push_back(Access("u", absl::StrCat(i), kDay0 + i));
  std::reverse(events.begin(), events.end());
  EXPECT_THAT(Make("activity-review", events).totals, Contains(Pair("V1 u", "500")));
  // The last one an hour after the first: never 500 within one.
  events.front() = Access("u", "499", kDay0 + kHour);
  EXPECT_THAT(Make("activity-review", events).totals, Contains(Pair("V1", "nothing found")));
}

TEST_F(ReportTest, ReviewRunsItsRulesAndLeavesRoomForASignature) {
  std::vector<v1::AuditEvent> events;
  for (int i = 0; i < 10; ++i) {
    v1::AuditEvent login = Access("u1", "", kDay0 + i);
    login.add_code()->add_coding()->set_code("110122");
    login.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_MINOR_FAILURE);
    events.push_back(login);
  }
  v1::AuditEvent clerk = Access("u2", "1", kDay0);
  clerk.mutable_agent(0)->mutable_role(0)->set_text("billing-clerk");
  SetPurpose(clerk, "TREAT");
  events.push_back(clerk);
  events.push_back(Override("a", Emergency::PHASE_OVERRIDE_ABANDONED, kDay0 + 24 * kHour));
  StreamCoverage stream;
  stream.stream = "ehr-1";
  stream.gaps = {{17, 18}};
  options_.coverage = {stream};
  options_.reviewer = "P. Officer";
  const ReportTable table = Make("activity-review", events);
  EXPECT_THAT(table.totals, Contains(Pair("L3 u1", "10")));
  EXPECT_THAT(table.totals, Contains(Pair("P1 u2", HasSubstr("entry 10"))));
  EXPECT_THAT(table.totals, Contains(Pair("B1 u1", HasSubstr("entry 11"))));
  EXPECT_THAT(table.totals, Contains(Pair("G1 ehr-1", "missing 17 to 18")));
  EXPECT_THAT(table.totals, Contains(Pair("reviewed by", "P. Officer")));
  EXPECT_THAT(table.totals, Contains(Pair("decision", HasSubstr("____"))));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_THAT(table.rows[0], ElementsAre("2025-03-03", "11", "2", "1", "1", "10", "0", "0"));
  EXPECT_THAT(table.rows[1], ElementsAre("2025-03-04", "1", "1", "1", "1", "0", "1", "0"));
}

}  // namespace
}  // namespace auditledger
