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
    table_.columns = {"entry", "time", "user"};
    if (options.staff_names) table_.columns.push_back("name");
    for (const char* name : {"role", "department", "organisation", "event", "action", "what",
                             "purpose", "address", "break-glass", "explained by", "flags"}) {
      table_.columns.push_back(name);
    }
  }

  bool Add(const ReportEvent& event, const Access& access) override {
    if (event.event.patient_size() == 0 || !IsWanted(options_, event, access)) return false;
    std::vector<std::string> row = {absl::StrCat(access.index), access.time,
                                    options_.staff_names ? access.user : ""};
    if (options_.staff_names) row.push_back(access.user_name);
    for (const std::string& cell :
         {access.role, access.department, access.organization, access.kind, access.action,
          access.what, access.purpose, access.address, std::string(access.override ? "yes" : "no"),
          access.explanation, Flags(access)}) {
      row.push_back(cell);
    }
    table_.rows.push_back(std::move(row));
    users_.insert(access.user);
    unexplained_ += access.explanation.empty() ? 1 : 0;
    overrides_ += access.override ? 1 : 0;
    return true;
  }

  ReportTable Finish() override {
    if (!options_.staff_names) DropUsers();
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

  // Whom the report does not name is told apart by role and department alone.
  void DropUsers() {
    constexpr ptrdiff_t kUser = 2;
    table_.columns.erase(table_.columns.begin() + kUser);
    for (std::vector<std::string>& row : table_.rows) row.erase(row.begin() + kUser);
    table_.notes.push_back("Users are told by role and department; their names are withheld.");
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
