#include "tools/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace auditledger {
namespace {

bool IsNamed(const v1::Reference& patient, const std::string& key) {
  const std::vector<std::string> keys = PatientKeys(patient);
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool IsAbout(const v1::AuditEvent& event, const std::string& patient) {
  return std::any_of(event.patient().begin(), event.patient().end(),
                     [&](const v1::Reference& one) { return IsNamed(one, patient); });
}

}  // namespace

const std::vector<ReportKind>& ReportKinds() {
  static const auto* const kinds = new std::vector<ReportKind>{
      {"patient-access", "who opened a patient's record, when, why", &PatientAccessReport},
      {"disclosures", "accounting of disclosures, 45 CFR 164.528", &DisclosuresReport},
      {"user-activity", "what users opened, by day and patient, beside their peers",
       &UserActivityReport},
      {"break-glass", "emergency overrides, and what is still owed for them", &BreakGlassReport},
      {"watched", "accesses to VIPs, and to patients of the user's own name", &WatchedReport},
      {"activity-review", "regular review of the log, 45 CFR 164.308(a)(1)(ii)(D), with sign-off",
       &ActivityReview},
      {"incident", "individuals affected, first and last access, the 60-day clock",
       &IncidentReport},
      {"coverage", "what of each stream arrived, gaps, outages, recording stopped, clocks",
       &CoverageReport}};
  return *kinds;
}

absl::StatusOr<std::unique_ptr<Report>> MakeReport(absl::string_view name,
                                                   const ReportOptions& options) {
  for (const ReportKind& kind : ReportKinds()) {
    if (kind.name == name) return kind.make(options);
  }
  const auto name_of = [](std::string* out, const ReportKind& kind) {
    absl::StrAppend(out, kind.name);
  };
  return absl::InvalidArgumentError(
      absl::StrCat("kind of report: must be one of ", absl::StrJoin(ReportKinds(), ", ", name_of)));
}

bool IsWanted(const ReportOptions& options, const ReportEvent& event, const Access& access) {
  return (options.from_us == 0 || access.at_us >= options.from_us) &&
         (options.to_us == 0 || access.at_us < options.to_us) &&
         (options.user.empty() || access.user == options.user) &&
         (options.patient.empty() || IsAbout(event.event, options.patient));
}

std::vector<std::string> WantedPatients(const ReportOptions& options, const ReportEvent& event,
                                        const Access& access) {
  if (options.patient.empty()) return access.patients;
  std::vector<std::string> out;
  for (int i = 0; i < event.event.patient_size(); ++i) {
    if (IsNamed(event.event.patient(i), options.patient)) {
      out.push_back(access.patients[static_cast<size_t>(i)]);
    }
  }
  return out;
}

std::string DurationText(int64_t micros) {
  const double seconds = static_cast<double>(micros) / 1e6;
  if (seconds < 60) return absl::StrFormat("%.0f s", seconds);
  if (seconds < 3600) return absl::StrFormat("%.0f min", seconds / 60);
  return absl::StrFormat("%.1f h", seconds / 3600);
}

}  // namespace auditledger
