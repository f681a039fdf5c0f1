// Accounting of disclosures, 45 CFR 164.528. What (a)(1) leaves out is left out: for treatment,
// payment and operations, and to the individual. Repeated disclosures to one recipient for one
// purpose are one row, (b)(3). A recipient that asked for a suspension, (a)(2), is not told of
// until it ends.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "tools/report.h"

namespace auditledger {
namespace {

constexpr absl::string_view kExport = "110106";
constexpr absl::string_view kDestinationRole = "110152";
constexpr absl::string_view kRecipient = "IRCP";
constexpr absl::string_view kDisclose = "disclose";
// v3-PurposeOfUse of treatment, payment and operations, and of the individual's own request.
constexpr std::array kLeftOut = {"TREAT",    "ETREAT",   "CAREMGT",  "HPAYMT",   "CLMATTCH",
                                 "COVAUTH",  "COVERAGE", "ELIGDTRM", "ELIGVER",  "ENROLLM",
                                 "REMITADV", "HOPERAT",  "PATADMIN", "HQUALIMP", "PATRQT"};

bool IsDisclosure(const v1::AuditEvent& event) {
  return IsKind(event, kExport) || IsKind(event, kDisclose) ||
         std::any_of(event.entity().begin(), event.entity().end(), [](const v1::Entity& entity) {
           return entity.lifecycle().code() == kDisclose;
         });
}

bool IsLeftOut(const v1::AuditEvent& event) {
  return std::any_of(event.purpose_of_use().begin(), event.purpose_of_use().end(),
                     [](const v1::CodeableConcept& purpose) {
                       return std::any_of(kLeftOut.begin(), kLeftOut.end(),
                                          [&](const char* code) { return HasCode(purpose, code); });
                     });
}

struct Recipient {
  std::string name = "not on record";
  std::string address;
};

Recipient RecipientOf(const v1::AuditEvent& event) {
  Recipient out;
  for (const v1::Agent& agent : event.agent()) {
    if (!HasCode(agent.type(), kDestinationRole) && !HasCode(agent.type(), kRecipient)) continue;
    for (const std::string& name :
         {agent.name(), ReferenceText(agent.who()), ReferenceText(agent.organization())}) {
      if (!name.empty()) {
        out.name = name;
        break;
      }
    }
    out.address = ReferenceText(agent.location());
    if (out.address.empty()) out.address = agent.network().address();
    break;
  }
  return out;
}

class Disclosures : public Report {
 public:
  explicit Disclosures(const ReportOptions& options) : options_(options) {}

  bool Add(const ReportEvent& event, const Access& access) override {
    const v1::AuditEvent& shown = event.event;
    if (shown.patient_size() == 0 || !IsDisclosure(shown) || !IsWanted(options_, event, access)) {
      return false;
    }
    if (IsLeftOut(shown)) {
      ++left_out_;
      return false;
    }
    const Recipient recipient = RecipientOf(shown);
    if (IsSuspended(recipient.name)) {
      ++suspended_[recipient.name];
      return false;
    }
    for (const std::string& patient : WantedPatients(options_, event, access)) {
      Sum& sum = sums_[{patient, recipient.name, access.purpose}];
      if (sum.count++ == 0) sum.first = access;
      sum.last = access;
      if (!recipient.address.empty()) sum.address = recipient.address;
      sum.what.insert(access.what);
    }
    return true;
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
      std::string entries = absl::StrCat(sum.first.index);
      if (sum.count > 1) absl::StrAppend(&entries, " to ", sum.last.index);
      table.rows.push_back({LocalDay(sum.first.at_us, sum.first.offset_minutes), patient, recipient,
                            sum.address, what, purpose.empty() ? "not stated" : purpose,
                            absl::StrCat(sum.count),
                            LocalDay(sum.last.at_us, sum.last.offset_minutes), entries});
    }
    std::stable_sort(table.rows.begin(), table.rows.end(),
                     [](const auto& a, const auto& b) { return a.front() < b.front(); });
    table.totals = {{"disclosures", absl::StrCat(all)},
                    {"left out as 164.528(a)(1) permits", absl::StrCat(left_out_)}};
    table.notes = {
        "Left out: disclosures for treatment, payment and health care operations, and to the "
        "individual. Repeated disclosures to one recipient for one purpose are one row, with their "
        "number and the last date (164.528(b)(3)). The period of an accounting is the six years "
        "before the request."};
    return table;
  }

  std::vector<std::string> Asides() const override {
    std::vector<std::string> out;
    for (const auto& [recipient, count] : suspended_) {
      out.push_back(absl::StrCat(count, " to ", recipient,
                                 " are not told of: suspended, 164.528(a)(2). Make the accounting "
                                 "anew once that has ended"));
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
  };

  bool IsSuspended(const std::string& recipient) const {
    const auto found = options_.suspended.find(recipient);
    return found != options_.suspended.end() && options_.now_us < found->second;
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
