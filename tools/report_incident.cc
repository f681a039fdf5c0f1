// Individuals affected by an incident, 45 CFR 164.404 to 164.408: each patient with first and last
// access, by whom, what was opened; and until when they are to be told.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/report.h"

namespace auditledger {
namespace {

constexpr int64_t kDayUs = int64_t{24} * 3600 * 1'000'000;
constexpr int64_t kNotifyWithinDays = 60;  // 164.404(b)
constexpr size_t kManyIndividuals = 500;   // 164.406 and 164.408(b)
constexpr size_t kMostKinds = 8;

class Incident : public Report {
 public:
  explicit Incident(const ReportOptions& options) : options_(options) {}

  void Add(const ReportEvent& event, const Access& access) override {
    if (access.patients.empty() || !IsWanted(options_, event, access)) return;
    if (access.failed) {
      ++refused_;
      return;
    }
    for (const std::string& patient : WantedPatients(options_, event, access)) {
      Affected& one = affected_[patient];
      if (one.count == 0 || access.at_us < one.first.at_us) one.first = access;
      if (one.count == 0 || access.at_us >= one.last.at_us) one.last = access;
      ++one.count;
      one.users.insert(access.user);
      if (!access.what.empty() && one.kinds.size() < kMostKinds) one.kinds.insert(access.what);
    }
    ++events_;
    entries_.push_back(event.index);
  }

  ReportTable Finish() override {
    ReportTable table;
    table.title = "Individuals affected by an incident";
    table.columns = {"patient", "first access",    "last access",         "events",
                     "by",      "what was opened", "first and last entry"};
    for (const auto& [patient, one] : affected_) {
      table.rows.push_back({patient, one.first.time, one.last.time, absl::StrCat(one.count),
                            absl::StrJoin(one.users, " "), absl::StrJoin(one.kinds, "; "),
                            absl::StrCat(one.first.index, " ", one.last.index)});
    }
    table.totals = {{"individuals", absl::StrCat(affected_.size())},
                    {"events", absl::StrCat(events_)},
                    {"refused, and not counted", absl::StrCat(refused_)}};
    AddClock(table);
    return table;
  }

 private:
  struct Affected {
    Access first;
    Access last;
    uint64_t count = 0;
    std::set<std::string> users;
    std::set<std::string> kinds;  // at most kMostKinds
  };

  static int64_t FloorDays(int64_t unix_us) {
    return unix_us / kDayUs - (unix_us % kDayUs < 0 ? 1 : 0);
  }

  void AddClock(ReportTable& table) const {
    if (!options_.discovered_us.has_value()) {
      table.notes.push_back("Give the day of discovery: 60 days from then all are to be told.");
      return;
    }
    // The day itself still counts.
    const int64_t due = *options_.discovered_us + kNotifyWithinDays * kDayUs;
    const int64_t days = FloorDays(due) - FloorDays(options_.now_us);
    table.totals.push_back({"discovered", LocalDay(*options_.discovered_us, 0)});
    table.totals.push_back({"to be told by", LocalDay(due, 0)});
    table.totals.push_back({"as of", LocalDay(options_.now_us, 0)});
    table.totals.push_back({"days left", days < 0
                                             ? absl::StrCat("none: overdue by ", -days, " days")
                                             : absl::StrCat(days)});
    if (affected_.size() >= kManyIndividuals) {
      table.notes.push_back(
          "500 individuals or more: the Secretary is told at the same time (164.408(b)); where "
          "they "
          "live in one state, over 500 of them, prominent media too (164.406).");
    }
  }

  const ReportOptions& options_;
  std::map<std::string, Affected> affected_;
  uint64_t events_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace

std::unique_ptr<Report> IncidentReport(const ReportOptions& options) {
  return std::make_unique<Incident>(options);
}

}  // namespace auditledger
