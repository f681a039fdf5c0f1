// Break-glass report: each override from its start to its end, what was opened under it, and what
// is still owed for it (rules B1 and B2 of shared/reference/domain.md 5.3).
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/report.h"

namespace auditledger {
namespace {

using Emergency = v1::EmergencyAccess;

// Rule B2: closed or reviewed within so long.
constexpr int64_t kReviewWithinUs = int64_t{72} * 3600 * 1'000'000;
// An event that carries the override's id and this code says that somebody reviewed it.
constexpr absl::string_view kReviewed = "override-reviewed";
constexpr size_t kMostOpened = 5;
constexpr uint32_t kOverrideId = 4;  // of emergency_access

class BreakGlass : public Report {
 public:
  explicit BreakGlass(const ReportOptions& options) : options_(options) {}

  // All of an override is gathered before anything is left out: its review may be another user's,
  // and its end after the window.
  void Add(const ReportEvent& event, const Access& access) override {
    if (!event.event.has_emergency_access()) return;
    if (event.Hides(kEmergencyAccessField, 0, kOverrideId)) {
      ++withheld_;
      return;
    }
    const Emergency& emergency = event.event.emergency_access();
    // Without an id nothing ties them together: each stands alone.
    const std::string id = emergency.override_id().empty() ? absl::StrCat("entry ", access.index)
                                                           : emergency.override_id();
    Override& one = overrides_[id];
    one.entries.push_back(access.index);
    if (IsKind(event.event, kReviewed)) {
      one.reviewed_by = access.user;
      return;
    }
    const bool wanted = IsWanted(options_, event, access);
    if (one.user.empty() || emergency.phase() == Emergency::PHASE_OVERRIDE_STARTED) {
      one.user = access.user;
      one.wanted = wanted;
      if (!access.patients.empty()) one.patient = access.patients.front();
    }
    AddPhase(emergency, access, one);
  }

  ReportTable Finish() override {
    ReportTable table;
    table.title = "Break-glass report";
    table.columns = {"override", "user",  "patient", "reason",     "opened at", "duration",
                     "opened",   "state", "review",  "still owed", "entries"};
    uint64_t open = 0;
    uint64_t abandoned = 0;
    uint64_t owed = 0;
    uint64_t all = 0;
    for (const auto& [id, one] : overrides_) {
      if (!one.wanted) continue;
      ++all;
      entries_.insert(entries_.end(), one.entries.begin(), one.entries.end());
      const std::string owes = Owed(one);
      open += IsOpen(one) ? 1 : 0;
      abandoned += one.abandoned ? 1 : 0;
      owed += owes.empty() ? 0 : 1;
      table.rows.push_back(
          {id, one.user, one.patient, one.reason,
           one.started_us == 0 ? "not on record" : LocalTime(one.started_us, one.offset_minutes),
           Duration(one), Opened(one), State(one),
           one.reviewed_by.empty() ? "none on record" : absl::StrCat("by ", one.reviewed_by), owes,
           absl::StrJoin(one.entries, " ")});
    }
    std::stable_sort(table.rows.begin(), table.rows.end(),
                     [](const auto& a, const auto& b) { return a[4] < b[4]; });
    std::sort(entries_.begin(), entries_.end());
    table.totals = {{"overrides", absl::StrCat(all)},
                    {"not closed", absl::StrCat(open)},
                    {"abandoned", absl::StrCat(abandoned)},
                    {"with open obligations", absl::StrCat(owed)},
                    {"as of", LocalTime(options_.now_us, 0)}};
    if (withheld_ > 0) {
      table.totals.push_back({"events whose override is withheld", absl::StrCat(withheld_)});
    }
    table.notes = {
        "An override is owed a close, and a review within 72 hours of its start. A page that was "
        "seen and left (abandoned) is a signal too: it is owed a review."};
    return table;
  }

 private:
  struct Override {
    bool wanted = false;  // by its start, or the first of it that is here
    std::string user;
    std::string patient;
    std::string reason;
    int64_t started_us = 0;
    int64_t ended_us = 0;
    int offset_minutes = 0;
    bool abandoned = false;
    uint64_t accesses = 0;
    std::vector<std::string> opened;  // distinct, at most kMostOpened
    std::string reviewed_by;
    std::vector<uint64_t> entries;
  };

  static void AddPhase(const Emergency& emergency, const Access& access, Override& one) {
    switch (emergency.phase()) {
      case Emergency::PHASE_OVERRIDE_STARTED: {
        one.started_us = access.at_us;
        one.offset_minutes = access.offset_minutes;
        one.reason = ConceptText(emergency.reason());
        if (!emergency.justification().empty()) {
          absl::StrAppend(&one.reason, one.reason.empty() ? "" : ": ", emergency.justification());
        }
        break;
      }
      case Emergency::PHASE_OVERRIDE_STOPPED:
        one.ended_us = access.at_us;
        break;
      case Emergency::PHASE_OVERRIDE_ABANDONED:
        one.abandoned = true;
        if (one.started_us == 0) one.started_us = access.at_us;
        one.offset_minutes = access.offset_minutes;
        break;
      default:
        ++one.accesses;
        if (!access.what.empty() && one.opened.size() < kMostOpened &&
            std::find(one.opened.begin(), one.opened.end(), access.what) == one.opened.end()) {
          one.opened.push_back(access.what);
        }
    }
  }

  static bool IsOpen(const Override& one) { return !one.abandoned && one.ended_us == 0; }

  static std::string State(const Override& one) {
    return one.abandoned ? "abandoned" : one.ended_us == 0 ? "open" : "closed";
  }

  std::string Duration(const Override& one) const {
    if (one.started_us == 0 || one.abandoned) return "";
    if (one.ended_us != 0) return DurationText(one.ended_us - one.started_us);
    return absl::StrCat(DurationText(options_.now_us - one.started_us), " and open");
  }

  static std::string Opened(const Override& one) {
    return absl::StrCat(one.accesses, one.opened.empty() ? "" : ": ",
                        absl::StrJoin(one.opened, "; "));
  }

  std::string Owed(const Override& one) const {
    std::vector<std::string> out;
    if (IsOpen(one)) out.push_back("close");
    if (one.reviewed_by.empty()) {
      const int64_t due = one.started_us + kReviewWithinUs;
      out.push_back(one.started_us == 0
                        ? "review"
                        : absl::StrCat("review by ", LocalTime(due, one.offset_minutes),
                                       due < options_.now_us ? " (overdue)" : ""));
    }
    return absl::StrJoin(out, ", ");
  }

  const ReportOptions& options_;
  std::map<std::string, Override> overrides_;
  uint64_t withheld_ = 0;
};

}  // namespace

std::unique_ptr<Report> BreakGlassReport(const ReportOptions& options) {
  return std::make_unique<BreakGlass>(options);
}

}  // namespace auditledger
