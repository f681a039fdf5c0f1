// Patient access report: each event about a patient, a row.
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/report.h"

namespace auditledger {
namespace {

class PatientAccess : public Report {
 public:
  explicit PatientAccess(const ReportOptions& options) : options_(options) {
    table_.title = "Patient access report";
    table_.columns = {"entry", "time"};
    if (options.patient.empty()) table_.columns.push_back("patient");
    if (options.staff_names) table_.columns.insert(table_.columns.end(), {"user", "name"});
    table_.columns.insert(table_.columns.end(),
                          {"role", "department", "organisation", "event", "action", "what",
                           "purpose", "address", "break-glass", "explained by", "flags"});
    if (!options.staff_names) {
      table_.notes.push_back(
          "Users are told by role and department; what was opened by its kind; addresses are "
          "machines'.");
    }
  }

  void Add(const ReportEvent& event, const Access& access) override {
    if (event.event.patient_size() == 0 || !IsWanted(options_, event, access)) return;
    std::vector<std::string> row = {absl::StrCat(access.index), access.time};
    if (options_.patient.empty()) row.push_back(absl::StrJoin(access.patients, " "));
    const bool names = options_.staff_names;
    if (names) row.insert(row.end(), {access.user, access.user_name});
    row.insert(row.end(), {access.role, access.department, access.organization, access.kind,
                           access.action, names ? access.what : access.kind_of_what, access.purpose,
                           names ? access.address : access.machine, access.override ? "yes" : "no",
                           access.explanation, Flags(access)});
    table_.rows.push_back(std::move(row));
    users_.insert(access.user);
    unexplained_ += access.explanation.empty() ? 1 : 0;
    overrides_ += access.override ? 1 : 0;
    entries_.push_back(event.index);
  }

  ReportTable Finish() override {
    table_.totals = {{"events", absl::StrCat(table_.rows.size())},
                     {"distinct users", absl::StrCat(users_.size())},
                     {"without encounter or order", absl::StrCat(unexplained_)},
                     {"under break-glass", absl::StrCat(overrides_)}};
    return std::move(table_);
  }

 private:
  static std::string Flags(const Access& access) {
    std::vector<std::string> flags;
    if (access.override) flags.push_back("break-glass");
    if (access.explanation.empty()) flags.push_back("unexplained");
    if (access.failed) flags.push_back("refused");
    return absl::StrJoin(flags, ", ");
  }

  const ReportOptions& options_;
  ReportTable table_;
  std::set<std::string> users_;
  uint64_t unexplained_ = 0;
  uint64_t overrides_ = 0;
};

}  // namespace

std::unique_ptr<Report> PatientAccessReport(const ReportOptions& options) {
  return std::make_unique<PatientAccess>(options);
}

}  // namespace auditledger
