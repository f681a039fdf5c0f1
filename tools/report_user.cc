// User activity report: what a user opened, by day and patient, beside the users of the same role.
#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/report.h"

namespace auditledger {
namespace {

class UserActivity : public Report {
 public:
  explicit UserActivity(const ReportOptions& options) : options_(options) {}

  // Peers count whoever is asked about; the window does.
  void Add(const ReportEvent& event, const Access& access) override {
    ReportOptions window = {};
    window.from_us = options_.from_us;
    window.to_us = options_.to_us;
    if (access.patients.empty() || !IsWanted(window, event, access)) return;
    const std::string day = LocalDay(access.at_us, access.offset_minutes);
    for (const std::string& patient : access.patients) {
      patients_of_[{access.role, access.user, day}].insert(patient);
    }
    if (!IsWanted(options_, event, access)) return;
    for (const std::string& patient : WantedPatients(options_, event, access)) {
      Sum& sum = sums_[{access.user, day, patient}];
      if (sum.count == 0 || access.at_us < sum.first.at_us) sum.first = access;
      if (sum.count == 0 || access.at_us >= sum.last.at_us) sum.last = access;
      ++sum.count;
      sum.unexplained += access.explanation.empty() ? 1 : 0;
    }
    ++events_;
    unexplained_ += access.explanation.empty() ? 1 : 0;
    entries_.push_back(event.index);
  }

  ReportTable Finish() override {
    ReportTable table;
    table.title = "User activity report";
    table.columns = {"user", "role", "day", "patient", "events", "unexplained", "first", "last"};
    std::set<std::string> users;
    std::set<std::string> patients;
    for (const auto& [key, sum] : sums_) {
      const auto& [user, day, patient] = key;
      users.insert(user);
      patients.insert(patient);
      table.rows.push_back({user, sum.first.role, day, patient, absl::StrCat(sum.count),
                            absl::StrCat(sum.unexplained), sum.first.time, sum.last.time});
    }
    table.totals = {{"users", absl::StrCat(users.size())},
                    {"patients", absl::StrCat(patients.size())},
                    {"events", absl::StrCat(events_)},
                    {"unexplained", Share(unexplained_, events_)}};
    AddPeers(users, table);
    return table;
  }

 private:
  struct Sum {
    Access first;
    Access last;
    uint64_t count = 0;
    uint64_t unexplained = 0;
  };

  static std::string Share(uint64_t part, uint64_t all) {
    return all == 0 ? "0" : absl::StrFormat("%d (%.1f %%)", part, 100.0 * part / all);
  }

  // Patients a user and day, the median over each role that occurs in the report.
  void AddPeers(const std::set<std::string>& users, ReportTable& table) const {
    std::map<std::string, std::vector<size_t>> counts;
    std::set<std::string> roles;
    for (const auto& [key, patients] : patients_of_) {
      const auto& [role, user, day] = key;
      counts[role].push_back(patients.size());
      if (users.contains(user)) roles.insert(role);
    }
    for (const std::string& role : roles) {
      std::vector<size_t>& of_role = counts[role];
      std::sort(of_role.begin(), of_role.end());
      table.totals.push_back(
          {absl::StrCat("median of patients a day, role ", role.empty() ? "not on record" : role),
           absl::StrCat(of_role[(of_role.size() - 1) / 2])});
    }
  }

  const ReportOptions& options_;
  std::map<std::tuple<std::string, std::string, std::string>, Sum> sums_;
  std::map<std::tuple<std::string, std::string, std::string>, std::set<std::string>> patients_of_;
  uint64_t events_ = 0;
  uint64_t unexplained_ = 0;
};

}  // namespace

std::unique_ptr<Report> UserActivityReport(const ReportOptions& options) {
  return std::make_unique<UserActivity>(options);
}

}  // namespace auditledger
