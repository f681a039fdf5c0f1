// Reports over the verified entries of an evidence bundle (shared/reference/domain.md 5.4).
//
// A report is given the events one by one, in the log's order, and makes a table of what it saw.
// Which entries it is about is known at the end.
//
// Example:
//   ASSIGN_OR_RETURN(std::unique_ptr<Report> report, MakeReport("patient-access", options));
//   for (...) report->Add(event, words.Read(event));
//   const ReportTable table = report->Finish();
//
// Memory: rows, or what is summed up; not the events. Thread-safety: one thread.
// Errors: InvalidArgument naming the option.
#ifndef AUDITLEDGER_TOOLS_REPORT_H_
#define AUDITLEDGER_TOOLS_REPORT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/report_access.h"
#include "tools/report_event.h"
#include "verifier/bundle_scope.h"

namespace auditledger {

struct ReportOptions {
  // Which events: by the source's time; 0 is open, the end is not included.
  int64_t from_us = 0;
  int64_t to_us = 0;
  std::string patient;  // SYSTEM|ID or |REFERENCE; empty: all
  std::string user;     // id; empty: all
  int64_t now_us = 0;   // "open" and "days left" are as of then
  bool staff_names = true;
  std::set<std::string> vips;                // patients, as `patient`
  std::map<std::string, std::string> names;  // of users and patients, by id or as `patient`
  std::map<std::string, int64_t> suspended;  // disclosures: recipient, until when
  std::optional<int64_t> discovered_us;      // incident: begins the 60 days
  std::string reviewer;                      // activity-review: who signs it off
  std::string decision;                      //
  bool whole_log = false;                    // the bundle has every entry under its head
  std::vector<StreamCoverage> coverage;      // of the bundle
};

struct ReportTable {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // as many cells as columns
  std::vector<std::pair<std::string, std::string>> totals;
  std::vector<std::string> notes;
};

class Report {
 public:
  virtual ~Report() = default;
  // `access` is read from `event`.
  virtual void Add(const ReportEvent& event, const Access& access) = 0;
  // An entry whose event is not there: erased, withheld whole.
  virtual void AddUnread() {}
  virtual ReportTable Finish() = 0;
  // The entries that it is about, ascending. REQUIRES: Finish.
  const std::vector<uint64_t>& entries() const { return entries_; }
  // For the one who makes the report, not for those who are given it.
  virtual std::vector<std::string> Asides() const { return {}; }

 protected:
  std::vector<uint64_t> entries_;
};

struct ReportKind {
  absl::string_view name;
  absl::string_view what;
  std::unique_ptr<Report> (*make)(const ReportOptions& options);
};
const std::vector<ReportKind>& ReportKinds();
absl::StatusOr<std::unique_ptr<Report>> MakeReport(absl::string_view name,
                                                   const ReportOptions& options);

// Whether the options' window, patient and user let it through.
bool IsWanted(const ReportOptions& options, const ReportEvent& event, const Access& access);
// Those of the event's patients that are asked about, as `access` names them.
std::vector<std::string> WantedPatients(const ReportOptions& options, const ReportEvent& event,
                                        const Access& access);
// "3.5 h", "12 min", "9 s"
std::string DurationText(int64_t micros);

// The kinds, each in a file of its own. `options` must outlive the report.
std::unique_ptr<Report> PatientAccessReport(const ReportOptions& options);
std::unique_ptr<Report> DisclosuresReport(const ReportOptions& options);
std::unique_ptr<Report> UserActivityReport(const ReportOptions& options);
std::unique_ptr<Report> BreakGlassReport(const ReportOptions& options);
std::unique_ptr<Report> WatchedReport(const ReportOptions& options);
std::unique_ptr<Report> ActivityReview(const ReportOptions& options);
std::unique_ptr<Report> IncidentReport(const ReportOptions& options);
std::unique_ptr<Report> CoverageReport(const ReportOptions& options);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_REPORT_H_
