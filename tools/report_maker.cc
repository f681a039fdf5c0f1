#include "tools/report_maker.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "merkle/status_macros.h"
#include "tools/fhir_r4.h"
#include "tools/report_output.h"
#include "tools/strict_json.h"
#include "verifier/bundle_file.h"
#include "verifier/bundle_verify.h"

namespace auditledger {
namespace {

constexpr uint32_t kAgentWho = 3;

int64_t MadeAt(const BundleManifest& manifest) {
  absl::Time time;
  std::string error;
  return absl::ParseTime(absl::RFC3339_full, manifest.created_at, &time, &error)
             ? absl::ToUnixMicros(time)
             : 0;
}

std::string WithheldText(const BundleScope& scope) {
  std::vector<std::string> out;
  for (const BundleRule& rule : scope.rules) {
    const uint64_t count = rule.entries + rule.headers + rule.units;
    if (count > 0) out.push_back(absl::StrCat(rule.name, " (", count, " parts): ", rule.why));
  }
  return out.empty() ? "nothing" : absl::StrJoin(out, "; ");
}

std::string ClaimText(const BundleReport& report, BundleClaim claim) {
  const ClaimFinding& finding = report.findings.of(claim);
  return absl::StrCat(ClaimResultName(finding.result), ": ", finding.reason);
}

std::string GapsText(const std::vector<StreamCoverage>& coverage) {
  std::vector<std::string> out;
  for (const StreamCoverage& stream : coverage) {
    for (const auto& [first, last] : stream.gaps) {
      out.push_back(
          absl::StrCat(stream.stream, " ", first, first == last ? "" : absl::StrCat(" to ", last)));
    }
    if (stream.more) out.push_back(absl::StrCat(stream.stream, " more"));
  }
  return out.empty() ? "none known" : absl::StrJoin(out, "; ");
}

// Entries that a report cannot tell of.
struct NotRead {
  uint64_t absent = 0;
  uint64_t unjudged = 0;
};

ReportAbout AboutOf(const BundleReport& report, const BundleFile& bundle, const NotRead& not_read,
                    const ReportOptions& options) {
  const BundleManifest& manifest = bundle.manifest;
  ReportAbout out = {
      {"log", report.origin},
      {"head", absl::StrCat("size ", bundle.head.size, ", root ", bundle.head.root.ToHex())},
      {"package", manifest.package},
      {"case", manifest.case_id},
      {"requested by", manifest.requester},
      {"approved by", manifest.approver},
      {"purpose", manifest.purpose},
      {"made at", manifest.created_at}};
  if (!options.patient.empty()) out.emplace_back("patient", options.patient);
  if (!options.user.empty()) out.emplace_back("user", options.user);
  if (options.from_us != 0) out.emplace_back("from", LocalTime(options.from_us, 0));
  if (options.to_us != 0) out.emplace_back("before", LocalTime(options.to_us, 0));
  out.emplace_back("verdict", report.Name());
  out.emplace_back("scope", ClaimText(report, BundleClaim::kScope));
  out.emplace_back("completeness", ClaimText(report, BundleClaim::kCompleteness));
  out.emplace_back("withheld", WithheldText(bundle.scope));
  out.emplace_back("gaps of streams", GapsText(bundle.coverage));
  if (not_read.absent > 0) {
    out.emplace_back("not in the report",
                     absl::StrCat(not_read.absent,
                                  " entries whose event is erased, withheld or "
                                  "absent"));
  }
  if (not_read.unjudged > 0) {
    out.emplace_back("not judged",
                     absl::StrCat(not_read.unjudged, " entries whose patient or user is withheld"));
  }
  out.emplace_back("to verify", absl::StrCat("auditledger-verify bundle FILE --origin ",
                                             report.origin, " --key ", report.vkey));
  return out;
}

// Calls `each` with the events that were asked for, and `unread` where one is not there.
absl::Status ForEachEvent(const BundleFile& bundle,
                          absl::FunctionRef<absl::Status(const ReportEvent&)> each,
                          absl::FunctionRef<void()> unread) {
  absl::Status status;
  ForEachEntry(bundle, [&](const BundleEntry& entry) {
    if (entry.role == BundleEntry::Role::kContext) return true;
    if (entry.content == BundleEntry::Content::kNone) return true;
    if (entry.content != BundleEntry::Content::kOpened) {
      unread();
      return true;
    }
    const absl::StatusOr<ReportEvent> event = ReadReportEvent(entry);
    status = event.ok() ? each(*event) : event.status();
    return status.ok();
  });
  return status;
}

// Whom the event is about, or who asked, is withheld, and that is what the report goes by.
bool CannotBeJudged(const ReportEvent& event, const ReportOptions& options) {
  const int requestor = RequestorOf(event.event);
  for (const auto& [path, rule] : event.withheld) {
    if (!options.patient.empty() && path.field == kPatientField) return true;
    if (!options.user.empty() && path.field == kAgentField &&
        path.occurrence == static_cast<uint32_t>(requestor) && path.subfield == kAgentWho) {
      return true;
    }
  }
  return false;
}

// Without other patients than the one that is asked about; marked where something is withheld.
v1::AuditEvent EventToGive(const ReportEvent& event, const ReportOptions& options) {
  v1::AuditEvent out = event.event;
  if (!event.withheld.empty()) {
    v1::Coding& label = *out.add_security_label();
    label.set_system("http://terminology.hl7.org/CodeSystem/v3-ObservationValue");
    label.set_code("REDACTED");
  }
  if (options.patient.empty()) return out;
  std::set<std::string> theirs = {options.patient};
  out.clear_patient();
  for (const v1::Reference& patient : event.event.patient()) {
    const std::vector<std::string> keys = PatientKeys(patient);
    if (std::find(keys.begin(), keys.end(), options.patient) == keys.end()) continue;
    theirs.insert(keys.begin(), keys.end());
    *out.add_patient() = patient;
  }
  out.clear_entity();
  for (const v1::Entity& entity : event.event.entity()) {
    const std::vector<std::string> keys = PatientKeys(entity.what());
    const bool is_theirs = std::any_of(
        keys.begin(), keys.end(), [&](const std::string& key) { return theirs.contains(key); });
    if (!IsPatient(entity) || is_theirs) *out.add_entity() = entity;
  }
  return out;
}

// A Bundle of the events that the report is about.
absl::StatusOr<std::string> FhirText(const BundleFile& bundle, const Report& report,
                                     const ReportOptions& options) {
  std::string entries;
  const auto add = [&](const ReportEvent& event) -> absl::Status {
    const std::vector<uint64_t>& about = report.entries();
    if (!std::binary_search(about.begin(), about.end(), event.index)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const nlohmann::json resource,
                     FhirR4FromAuditEvent(EventToGive(event, options)));
    absl::StrAppend(&entries, entries.empty() ? "" : ",\n", "{\"resource\":", FormatJson(resource),
                    "}");
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ForEachEvent(bundle, add, [] {}));
  return absl::StrCat("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n", entries,
                      "\n]}\n");
}

absl::Status CheckRequest(const ReportRequest& request, const ReportOptions& options) {
  const bool fhir = request.format == "fhir";
  if (!fhir && request.format != "html" && request.format != "csv" && request.format != "json") {
    return absl::InvalidArgumentError("format: must be html, csv, json or fhir");
  }
  if (!options.staff_names && (fhir || request.kind != "patient-access")) {
    return absl::InvalidArgumentError(
        "no-staff-names: only of patient-access, and not as fhir, whose events name them");
  }
  if (!options.suspended.empty() && (fhir || request.kind != "disclosures")) {
    return absl::InvalidArgumentError(
        "suspend: only of disclosures, and not as fhir, whose events name recipients");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReportDocument> MakeReportDocument(absl::string_view bytes, const Pin& pin,
                                                  const ReportRequest& request,
                                                  ReportOptions options) {
  RETURN_IF_ERROR(CheckRequest(request, options));
  BundleInput input;
  input.bytes = bytes;
  const BundleReport verified = VerifyBundle(input, pin);
  if (verified.ExitCode() == 1) return absl::DataLossError(BundleText(verified));
  ASSIGN_OR_RETURN(const BundleFile bundle, ParseBundle(bytes));
  options.coverage = bundle.coverage;
  options.whole_log = bundle.scope.query.kind == BundleQuery::Kind::kAll;
  if (options.now_us == 0) options.now_us = MadeAt(bundle.manifest);
  ASSIGN_OR_RETURN(const std::unique_ptr<Report> report, MakeReport(request.kind, options));

  const AccessWords words(bundle.scope.rules);
  NotRead not_read;
  const auto add = [&](const ReportEvent& event) {
    not_read.unjudged += CannotBeJudged(event, options) ? 1 : 0;
    report->Add(event, words.Read(event));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ForEachEvent(bundle, add, [&] {
    ++not_read.absent;
    report->AddUnread();
  }));

  ReportDocument out;
  out.exit_code = verified.ExitCode();
  out.verdict = BundleText(verified);
  const ReportTable table = report->Finish();
  out.asides = report->Asides();
  const ReportAbout about = AboutOf(verified, bundle, not_read, options);
  if (request.format == "fhir") {
    ASSIGN_OR_RETURN(out.text, FhirText(bundle, *report, options));
  } else {
    out.text = request.format == "csv"    ? ReportCsv(table)
               : request.format == "json" ? ReportJson(about, table)
                                          : ReportHtml(about, table);
  }
  return out;
}

}  // namespace auditledger
