// Accounting of disclosures, 45 CFR 164.528. What (a)(1) leaves out is left out: for treatment,
// payment and operations, and to the individual. Repeated disclosures to one recipient for one
// purpose are one row, (b)(3). A recipient that asked for a suspension, (a)(2), is not told of
// until it ends.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/report.h"

namespace auditledger {
namespace {

constexpr absl::string_view kExport = "110106";
constexpr absl::string_view kDisclose = "disclose";   // ISO 21089
constexpr absl::string_view kDicomDisclosure = "11";  // DICOM's life cycle of an object
// v3-PurposeOfUse of treatment, payment and operations, and of the individual's own request.
constexpr std::array kLeftOut = {"TREAT",    "ETREAT",   "CAREMGT",  "HPAYMT",   "CLMATTCH",
                                 "COVAUTH",  "COVERAGE", "ELIGDTRM", "ELIGVER",  "ENROLLM",
                                 "REMITADV", "HOPERAT",  "PATADMIN", "HQUALIMP", "PATRQT"};

bool IsDisclosure(const v1::AuditEvent& event) {
  return IsKind(event, kExport) || IsKind(event, kDisclose) ||
         std::any_of(event.entity().begin(), event.entity().end(), [](const v1::Entity& entity) {
           return entity.lifecycle().code() == kDisclose ||
                  entity.lifecycle().code() == kDicomDisclosure;
         });
}

// Only where every purpose is: one that is not makes it a disclosure to account for.
bool IsLeftOut(const v1::AuditEvent& event) {
  const std::vector<v1::CodeableConcept> purposes = PurposesOf(event);
  return !purposes.empty() &&
         std::all_of(purposes.begin(), purposes.end(), [](const v1::CodeableConcept& purpose) {
           return std::any_of(kLeftOut.begin(), kLeftOut.end(),
                              [&](const char* code) { return HasCode(purpose, code); });
         });
}

class Disclosures : public Report {
 public:
  explicit Disclosures(const ReportOptions& options) : options_(options) {}

  void Add(const ReportEvent& event, const Access& access) override {
    const v1::AuditEvent& shown = event.event;
    if (shown.patient_size() == 0 || access.failed || !IsDisclosure(shown) ||
        !IsWanted(options_, event, access)) {
      return;
    }
    if (IsLeftOut(shown)) {
      ++left_out_;
      return;
    }
    bool told = false;
    std::vector<Recipient> recipients = access.recipients;
    if (recipients.empty()) recipients.push_back({"not on record", "", {}});
    for (const Recipient& recipient : recipients) {
      if (IsSuspended(recipient)) continue;
      told = true;
      for (const std::string& patient : WantedPatients(options_, event, access)) {
        Count(access, recipient, sums_[{patient, recipient.name, access.purpose}]);
      }
    }
    if (told) entries_.push_back(event.index);
  }

  ReportTable Finish() override {
    ReportTable table;
    table.title = "Accounting of disclosures";
    table.columns = {"date",    "patient", "recipient", "address", "what",
                     "purpose", "number",  "last date", "entries"};
    uint64_t all = 0;
    for (const auto& [key, sum] : sums_) {
      const auto& [patient, recipient, purpose] = key;
      all += sum.count;
      std::string what;
      for (const std::string& one : sum.what) {
        absl::StrAppend(&what, what.empty() ? "" : "; ", one);
      }
      table.rows.push_back(
          {LocalDay(sum.first.at_us, sum.first.offset_minutes), patient, recipient, sum.address,
           what, purpose.empty() ? "not stated" : purpose, absl::StrCat(sum.count),
           LocalDay(sum.last.at_us, sum.last.offset_minutes), absl::StrJoin(sum.entries, " ")});
    }
    std::stable_sort(table.rows.begin(), table.rows.end(),
                     [](const auto& a, const auto& b) { return a.front() < b.front(); });
    table.totals = {{"disclosures", absl::StrCat(all)},
                    {"left out as 164.528(a)(1) permits", absl::StrCat(left_out_)}};
    table.notes = {
        "Left out: disclosures for treatment, payment and health care operations, and to the "
        "individual. Repeated disclosures to one recipient for one purpose are one row, with their "
        "number and the last date (164.528(b)(3)). The period of an accounting is the six years "
        "before the request. Exports that were refused disclosed nothing."};
    return table;
  }

  std::vector<std::string> Asides() const override {
    std::vector<std::string> out;
    for (const auto& [recipient, until] : options_.suspended) {
      const auto found = suspended_.find(recipient);
      out.push_back(absl::StrCat(
          found == suspended_.end() ? 0 : found->second, " to ", recipient,
          until <= options_.now_us
              ? " are left out: its suspension has ended"
              : " are not told of: suspended, 164.528(a)(2). Make the accounting anew once that "
                "has ended"));
    }
    return out;
  }

 private:
  struct Sum {
    Access first;
    Access last;
    uint64_t count = 0;
    std::string address;
    std::set<std::string> what;
    std::vector<uint64_t> entries;
  };

  // By the source's time: late events come later in the log.
  static void Count(const Access& access, const Recipient& recipient, Sum& sum) {
    if (sum.count == 0 || access.at_us < sum.first.at_us) sum.first = access;
    if (sum.count == 0 || access.at_us >= sum.last.at_us) sum.last = access;
    ++sum.count;
    if (!recipient.address.empty()) sum.address = recipient.address;
    sum.what.insert(access.what);
    sum.entries.push_back(access.index);
  }

  // By any of its names.
  bool IsSuspended(const Recipient& recipient) {
    for (const std::string& name : recipient.names) {
      const auto found = options_.suspended.find(name);
      if (found == options_.suspended.end() || options_.now_us >= found->second) continue;
      ++suspended_[name];
      return true;
    }
    return false;
  }

  const ReportOptions& options_;
  std::map<std::tuple<std::string, std::string, std::string>, Sum> sums_;
  std::map<std::string, uint64_t> suspended_;
  uint64_t left_out_ = 0;
};

}  // namespace

std::unique_ptr<Report> DisclosuresReport(const ReportOptions& options) {
  return std::make_unique<Disclosures>(options);
}

}  // namespace auditledger
