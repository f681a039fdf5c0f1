// Events that are known, and what a report makes of them.
#ifndef AUDITLEDGER_TESTS_TOOLS_REPORT_FIXTURE_H_
#define AUDITLEDGER_TESTS_TOOLS_REPORT_FIXTURE_H_

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tools/report.h"

namespace auditledger::testing {

inline constexpr int64_t kDay0 = 1'741'000'000;  // 2025-03-03T11:06:40Z
inline constexpr int64_t kHour = 3600;
inline constexpr int64_t kMicros = 1'000'000;

inline v1::AuditEvent AccessEvent(const std::string& user, const std::string& patient,
                                  int64_t at_s) {
  v1::AuditEvent event;
  event.mutable_recorded()->mutable_at()->set_seconds(at_s);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  v1::Agent& agent = *event.add_agent();
  agent.mutable_who()->set_reference(user);
  agent.add_role()->set_text("nurse");
  if (!patient.empty()) {
    event.add_patient()->mutable_identifier()->set_system("urn:mrn");
    event.mutable_patient(0)->mutable_identifier()->set_value(patient);
    event.mutable_patient(0)->set_reference("Patient/" + patient);
  }
  event.add_entity()->set_description("results");
  return event;
}

class ReportTest : public ::testing::Test {
 protected:
  // What a report says of the events, given in order as entries 0, 1 ...
  ReportTable Make(absl::string_view kind, const std::vector<v1::AuditEvent>& events) {
    auto report = MakeReport(kind, options_).value();
    for (size_t i = 0; i < events.size(); ++i) {
      ReportEvent event;
      event.index = i;
      event.event = events[i];
      report->Add(event, AccessWords({}).Read(event));
    }
    ReportTable table = report->Finish();
    selected_ = report->entries();
    asides_ = report->Asides();
    for (const auto& row : table.rows) EXPECT_EQ(row.size(), table.columns.size());
    return table;
  }

  ReportOptions options_;
  std::vector<uint64_t> selected_;
  std::vector<std::string> asides_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TOOLS_REPORT_FIXTURE_H_
