// Log-activity review, 45 CFR 164.308(a)(1)(ii)(D): what the period held, what the rules of
// shared/reference/domain.md 5.3 that need nothing but the log make of it, and who signs it off.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "tools/report.h"

namespace auditledger {
namespace {

constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
constexpr int64_t kMinuteUs = int64_t{60} * 1'000'000;
constexpr size_t kManyPatientsAnHour = 500;  // rule V1's start value
constexpr size_t kManyFailedLogins = 10;     // rule L3's, in ten minutes
constexpr absl::string_view kLogin = "110122";
constexpr absl::string_view kTreatment = "TREAT";
constexpr absl::string_view kBilling = "billing-clerk";
constexpr absl::string_view kExport = "110106";

// When which value was seen. Late events come out of order, so nothing is counted before the end.
using Seen = std::vector<std::pair<int64_t, std::string>>;

// The most distinct values within any `length_us`.
size_t MostWithin(Seen seen, int64_t length_us) {
  std::sort(seen.begin(), seen.end());
  std::map<std::string, size_t> counts;
  size_t most = 0;
  size_t begin = 0;
  for (const auto& [at_us, value] : seen) {
    ++counts[value];
    for (; seen[begin].first <= at_us - length_us; ++begin) {
      const auto found = counts.find(seen[begin].second);
      if (--found->second == 0) counts.erase(found);
    }
    most = std::max(most, counts.size());
  }
  return most;
}

class Review : public Report {
 public:
  explicit Review(const ReportOptions& options) : options_(options) {}

  void Add(const ReportEvent& event, const Access& access) override {
    if (!IsWanted(options_, event, access)) return;
    Day& day = days_[LocalDay(access.at_us, access.offset_minutes)];
    const v1::AuditEvent& shown = event.event;
    const bool access_to_patient = shown.patient_size() > 0;
    ++day.events;
    day.accesses += access_to_patient ? 1 : 0;
    day.unexplained += access_to_patient && access.explanation.empty() ? 1 : 0;
    day.failed += access.failed ? 1 : 0;
    day.overrides += access.override ? 1 : 0;
    day.exports += IsKind(shown, kExport) ? 1 : 0;
    day.users.insert(access.user);
    ApplyRules(shown, access);
    entries_.push_back(event.index);
  }

  ReportTable Finish() override {
    ReportTable table;
    table.title = "Review of the log's activity";
    table.columns = {"day",         "events", "users",       "accesses to patients",
                     "unexplained", "failed", "break-glass", "exports"};
    for (const auto& [day, of_day] : days_) {
      table.rows.push_back({day, absl::StrCat(of_day.events), absl::StrCat(of_day.users.size()),
                            absl::StrCat(of_day.accesses), absl::StrCat(of_day.unexplained),
                            absl::StrCat(of_day.failed), absl::StrCat(of_day.overrides),
                            absl::StrCat(of_day.exports)});
    }
    AddFindings(table);
    table.totals.push_back({"reviewed by", Filled(options_.reviewer)});
    table.totals.push_back({"decision", Filled(options_.decision)});
    table.totals.push_back({"date and signature", Filled("")});
    table.notes = {
        "Rules run: V1 (500 distinct patients of a user within an hour), P1 (treatment as the "
        "purpose of a billing clerk), B1 (break-glass abandoned), L3 (ten failed logins of a user "
        "within ten minutes), G1 (gaps of streams). Rules that need schedules or personnel data "
        "are "
        "not run here."};
    return table;
  }

 private:
  struct Day {
    uint64_t events = 0;
    uint64_t accesses = 0;
    uint64_t unexplained = 0;
    uint64_t failed = 0;
    uint64_t overrides = 0;
    uint64_t exports = 0;
    std::set<std::string> users;
  };

  static std::string Filled(const std::string& text) {
    return text.empty() ? "____________________" : text;
  }

  void ApplyRules(const v1::AuditEvent& event, const Access& access) {
    for (const std::string& patient : access.patients) {
      patients_of_[access.user].emplace_back(access.at_us, patient);
    }
    if (access.failed && IsKind(event, kLogin)) {
      failed_logins_[access.user].emplace_back(access.at_us, absl::StrCat(access.index));
    }
    for (const v1::CodeableConcept& purpose : event.purpose_of_use()) {
      if (access.role == kBilling && HasCode(purpose, kTreatment)) odd_purpose_.push_back(access);
    }
    if (event.emergency_access().phase() == v1::EmergencyAccess::PHASE_OVERRIDE_ABANDONED) {
      abandoned_.push_back(access);
    }
  }

  static void TellMost(const char* rule, const std::map<std::string, Seen>& of_users, size_t many,
                       int64_t length_us, ReportTable& table) {
    bool found = false;
    for (const auto& [user, seen] : of_users) {
      const size_t most = seen.size() < many ? 0 : MostWithin(seen, length_us);
      if (most < many) continue;
      found = true;
      table.totals.push_back({absl::StrCat(rule, " ", user), absl::StrCat(most)});
    }
    if (!found) table.totals.push_back({rule, "nothing found"});
  }

  static void TellEach(const char* rule, const std::vector<Access>& found, ReportTable& table) {
    if (found.empty()) table.totals.push_back({rule, "nothing found"});
    for (const Access& one : found) {
      table.totals.push_back(
          {absl::StrCat(rule, " ", one.user), absl::StrCat("entry ", one.index, ", ", one.time)});
    }
  }

  void AddFindings(ReportTable& table) const {
    TellMost("V1", patients_of_, kManyPatientsAnHour, kHourUs, table);
    TellEach("P1", odd_purpose_, table);
    TellEach("B1", abandoned_, table);
    TellMost("L3", failed_logins_, kManyFailedLogins, 10 * kMinuteUs, table);
    uint64_t missing = 0;
    for (const StreamCoverage& stream : options_.coverage) {
      for (const auto& [first, last] : stream.gaps) {
        missing += last - first + 1;
        table.totals.push_back(
            {absl::StrCat("G1 ", stream.stream), absl::StrCat("missing ", first, " to ", last)});
      }
    }
    if (missing == 0) table.totals.push_back({"G1", "nothing found"});
  }

  const ReportOptions& options_;
  std::map<std::string, Day> days_;
  std::map<std::string, Seen> patients_of_;
  std::map<std::string, Seen> failed_logins_;
  std::vector<Access> odd_purpose_;
  std::vector<Access> abandoned_;
};

}  // namespace

std::unique_ptr<Report> ActivityReview(const ReportOptions& options) {
  return std::make_unique<Review>(options);
}

}  // namespace auditledger
