// What of each stream is in the log, by the log's own entries.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/tools/report_fixture.h"
#include "tools/report.h"

namespace auditledger {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kDay0;
using testing::kMicros;
using ::testing::Pair;
using testing::ReportTest;

ReportEvent Arrived(uint64_t sequence, int64_t at_s, const std::string& stream = "s") {
  ReportEvent event;
  event.recorded_at_us = static_cast<uint64_t>(at_s * kMicros);
  event.event = testing::AccessEvent("u", "", at_s);
  event.header = EntryHeader{};
  event.header->received_at_us = event.recorded_at_us;
  event.header->principal = "p";
  event.header->stream_id = stream;
  event.header->stream_sequence = sequence;
  return event;
}

ReportEvent State(uint64_t sequence, int64_t at_s, const char* code) {
  ReportEvent event = Arrived(sequence, at_s);
  event.event.add_code()->add_coding()->set_code(code);
  return event;
}

class CoverageReportTest : public ReportTest {
 protected:
  ReportTable Cover(const std::vector<ReportEvent>& events) {
    auto report = CoverageReport(options_);
    for (const ReportEvent& event : events) report->Add(event, AccessWords({}).Read(event));
    for (int i = 0; i < unread_; ++i) report->AddUnread();
    return report->Finish();
  }

  int unread_ = 0;
};

TEST_F(CoverageReportTest, GapsAreToldFromTheFirstNumberOnWhereEverythingIsThere) {
  options_.whole_log = true;
  const std::vector<ReportEvent> events = {Arrived(2, kDay0), Arrived(5, kDay0 + 1),
                                           Arrived(4, kDay0 + 2), Arrived(9, kDay0 + 3),
                                           Arrived(0, kDay0 + 4, "unnumbered")};
  ReportTable table = Cover(events);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_THAT(table.rows[0],
              ElementsAre("p", "s", "4", "1 to 9", "5: 1, 3, 6 to 8", "1",
                          "2025-03-03 11:06:40 +00:00", "2025-03-03 11:06:43 +00:00", "", "", "on",
                          "at most 0 s ahead, 0 s behind; flagged: 0 ahead, 0 late"));
  EXPECT_EQ(table.rows[1][4], "not known");
  EXPECT_THAT(table.totals, Contains(Pair("numbers missing", "5")));
  EXPECT_THAT(table.notes[0], HasSubstr("never arrived"));
  unread_ = 2;
  EXPECT_THAT(Cover(events).notes[0],
              HasSubstr("never arrived, or is one of the 2 entries that are erased or withheld"));
  options_.whole_log = false;
  EXPECT_EQ(Cover(events).rows[0][4], "4: 3, 6 to 8") << "what was before is not judged";
  options_.whole_log = true;
  options_.from_us = (kDay0 + 1) * kMicros;
  EXPECT_EQ(Cover(events).rows[0][3], "4 to 9");
}

TEST_F(CoverageReportTest, TheLargestNumberAndTimeAreNumbersLikeOthers) {
  ReportEvent last = Arrived(UINT64_MAX, kDay0);
  last.header->received_at_us = UINT64_MAX;
  last.recorded_at_us = UINT64_MAX >> 1;
  last.event.mutable_recorded()->mutable_at()->set_seconds(INT64_MAX);
  last.event.mutable_recorded()->mutable_at()->set_nanos(INT32_MIN);
  const ReportTable table = Cover({Arrived(UINT64_MAX - 1, kDay0), last});
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][4], "none");
}

TEST_F(CoverageReportTest, OutagesStopsHeartbeatsAndClocksAreTold) {
  ReportEvent outage = State(3, kDay0 + 20, "110133");
  outage.event.add_code()->add_coding()->set_code("outage");
  outage.event.mutable_occurred_start()->mutable_at()->set_seconds(kDay0 + 10);
  outage.event.mutable_occurred_end()->mutable_at()->set_seconds(kDay0 + 15);
  outage.event.mutable_entity(0)->set_record_count(12);
  outage.event.mutable_outcome()->set_description("the disk was full");
  ReportEvent skewed = Arrived(6, kDay0 + 60);
  skewed.header->received_at_us -= 3'600'000'000;
  skewed.header->flags = kFlagClockSkew | kFlagLate;
  ReportEvent hidden = Arrived(7, kDay0);
  hidden.header.reset();
  const ReportTable table =
      Cover({State(1, kDay0, "heartbeat"), State(2, kDay0 + 5, "heartbeat"), outage,
             State(4, kDay0 + 30, "110133"), State(5, kDay0 + 50, "110134"), skewed, hidden});
  ASSERT_EQ(table.rows.size(), 1u);
  const std::vector<std::string>& row = table.rows[0];
  EXPECT_EQ(row[8], "2025-03-03 11:06:45 +00:00");
  EXPECT_EQ(
      row[9],
      "2025-03-03 11:06:50 +00:00 to 2025-03-03 11:06:55 +00:00, 12 events: the disk was full");
  EXPECT_EQ(row[10], "stopped 2025-03-03 11:07:10 +00:00 to 2025-03-03 11:07:30 +00:00");
  EXPECT_EQ(row[11], "at most 1.0 h ahead, 0 s behind; flagged: 1 ahead, 1 late");
  EXPECT_THAT(table.totals, Contains(Pair("events whose sender is withheld", "1")));
  EXPECT_EQ(Cover({State(1, kDay0, "110133")}).rows[0][10],
            "stopped since 2025-03-03 11:06:40 +00:00");
}

}  // namespace
}  // namespace auditledger
