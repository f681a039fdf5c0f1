// Accesses that are looked at one by one: to VIPs (rule S5), by users to a patient of their own
// name (rules S1 and S3 without personnel data: domain.md 5.3).
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/report.h"

namespace auditledger {
namespace {

constexpr absl::string_view kVip = "VIP";

bool IsLabelledVip(const v1::AuditEvent& event) {
  const auto is_vip = [](const v1::Coding& label) { return label.code() == kVip; };
  return std::any_of(event.security_label().begin(), event.security_label().end(), is_vip) ||
         std::any_of(event.entity().begin(), event.entity().end(), [](const v1::Entity& entity) {
           return std::any_of(entity.security_label().begin(), entity.security_label().end(),
                              [](const v1::CodeableConcept& one) { return HasCode(one, kVip); });
         });
}

// "Doe, Jane" and "Jane Doe" are both "doe".
std::string FamilyName(const std::string& name) {
  std::string family = name.substr(0, name.find(','));
  if (family.size() == name.size()) {
    const size_t space = family.find_last_of(" \t");
    if (space != std::string::npos) family = family.substr(space + 1);
  }
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(family));
}

class Watched : public Report {
 public:
  explicit Watched(const ReportOptions& options) : options_(options) {
    table_.title = "VIP and same-name accesses";
    table_.columns = {"entry",   "time", "user", "role",    "department",
                      "patient", "what", "why",  "purpose", "explained by"};
    table_.notes = {
        "VIP: labelled so in the event, or listed. Same name: the family names of user and "
        "patient, "
        "from the event or the given list, are equal; that is a hint, not a finding."};
  }

  void Add(const ReportEvent& event, const Access& access) override {
    if (access.patients.empty() || !IsWanted(options_, event, access)) return;
    std::vector<std::string> why;
    if (IsVip(event.event)) why.push_back("VIP");
    if (IsSameName(event.event, access)) why.push_back("same name");
    if (why.empty()) return;
    vips_ += why.front() == "VIP" ? 1 : 0;
    names_ += why.back() == "same name" ? 1 : 0;
    unexplained_ += access.explanation.empty() ? 1 : 0;
    table_.rows.push_back({absl::StrCat(access.index), access.time, access.user, access.role,
                           access.department, absl::StrJoin(access.patients, " "), access.what,
                           absl::StrJoin(why, ", "), access.purpose, access.explanation});
    entries_.push_back(event.index);
  }

  ReportTable Finish() override {
    table_.totals = {{"accesses", absl::StrCat(table_.rows.size())},
                     {"to VIPs", absl::StrCat(vips_)},
                     {"of the same name", absl::StrCat(names_)},
                     {"without encounter or order", absl::StrCat(unexplained_)}};
    return std::move(table_);
  }

 private:
  bool IsVip(const v1::AuditEvent& event) const {
    if (IsLabelledVip(event)) return true;
    for (const v1::Reference& patient : event.patient()) {
      for (const std::string& key : PatientKeys(patient)) {
        if (options_.vips.contains(key)) return true;
      }
    }
    return false;
  }

  std::string NameOf(const std::string& key, const std::string& told) const {
    const auto found = options_.names.find(key);
    return FamilyName(found == options_.names.end() ? told : found->second);
  }

  bool IsSameName(const v1::AuditEvent& event, const Access& access) const {
    const std::string user = NameOf(access.user, access.user_name);
    if (user.empty()) return false;
    for (const v1::Reference& patient : event.patient()) {
      if (FamilyName(patient.display()) == user) return true;
      for (const std::string& key : PatientKeys(patient)) {
        if (NameOf(key, "") == user) return true;
      }
    }
    return false;
  }

  const ReportOptions& options_;
  ReportTable table_;
  uint64_t vips_ = 0;
  uint64_t names_ = 0;
  uint64_t unexplained_ = 0;
};

}  // namespace

std::unique_ptr<Report> WatchedReport(const ReportOptions& options) {
  return std::make_unique<Watched>(options);
}

}  // namespace auditledger
