// Events, one in JSON a line, as every kind of report tells them in every form: whatever an event
// says, no crash, rows as wide as their columns, JSON that parses.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_split.h"
#include "tools/json_event.h"
#include "tools/report.h"
#include "tools/report_output.h"

namespace {

using namespace auditledger;

constexpr size_t kMostEvents = 32;

std::vector<ReportEvent> EventsOf(absl::string_view text) {
  std::vector<ReportEvent> out;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::StatusOr<v1::AuditEvent> event = AuditEventFromJson(line);
    if (!event.ok()) continue;
    ReportEvent one;
    one.index = out.size();
    one.event = *event;
    one.header = EntryHeader{};
    one.header->stream_id = event->source().stream_id();
    one.header->stream_sequence = event->source().stream_sequence();
    // Times and numbers from end to end.
    one.recorded_at_us = one.header->received_at_us = ~event->source().stream_sequence();
    if (!event->tenant_id().empty()) one.withheld[{kPatientField, 0, 3}] = 1;
    out.push_back(std::move(one));
    if (out.size() == kMostEvents) break;
  }
  return out;
}

void Need(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<ReportEvent> events =
      EventsOf(absl::string_view(reinterpret_cast<const char*>(data), size));
  const AccessWords words({});
  for (const ReportKind& kind : ReportKinds()) {
    for (const bool names : {true, false}) {
      ReportOptions options;
      options.staff_names = names;
      options.whole_log = names;
      options.discovered_us = 1;
      const std::unique_ptr<Report> report = kind.make(options);
      for (const ReportEvent& event : events) report->Add(event, words.Read(event));
      const ReportTable table = report->Finish();
      for (const auto& row : table.rows) Need(row.size() == table.columns.size());
      for (const uint64_t index : report->entries()) Need(index < events.size());
      Need(nlohmann::json::accept(ReportJson({}, table)));
      ReportCsv(table);
      ReportHtml({}, table);
    }
  }
  return 0;
}
