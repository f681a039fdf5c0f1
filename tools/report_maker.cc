#include "tools/report_maker.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

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

ReportAbout AboutOf(const BundleReport& report, const BundleFile& bundle, uint64_t unread,
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
  if (unread > 0) {
    out.emplace_back("not in the report",
                     absl::StrCat(unread, " entries whose event is erased, withheld or absent"));
  }
  out.emplace_back("to verify", absl::StrCat("auditledger-verify bundle FILE --origin ",
                                             report.origin, " --key ", report.vkey));
  return out;
}

// The events that the report is about.
class FhirBundle {
 public:
  absl::Status Add(const v1::AuditEvent& event) {
    ASSIGN_OR_RETURN(const nlohmann::json resource, FhirR4FromAuditEvent(event));
    absl::StrAppend(&entries_, entries_.empty() ? "" : ",\n",
                    "{\"resource\":", FormatJson(resource), "}");
    return absl::OkStatus();
  }
  std::string Text() const {
    return absl::StrCat("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n",
                        entries_, "\n]}\n");
  }

 private:
  std::string entries_;
};

}  // namespace

absl::StatusOr<ReportDocument> MakeReportDocument(absl::string_view bytes, const Pin& pin,
                                                  const ReportRequest& request,
                                                  ReportOptions options) {
  const bool fhir = request.format == "fhir";
  if (!fhir && request.format != "html" && request.format != "csv" && request.format != "json") {
    return absl::InvalidArgumentError("format: must be html, csv, json or fhir");
  }
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
  FhirBundle events;
  uint64_t unread = 0;
  absl::Status status;
  ForEachEntry(bundle, [&](const BundleEntry& entry) {
    if (entry.role == BundleEntry::Role::kContext) return true;
    if (entry.content != BundleEntry::Content::kOpened) {
      unread += entry.content == BundleEntry::Content::kNone ? 0 : 1;
      return true;
    }
    const absl::StatusOr<ReportEvent> event = ReadReportEvent(entry);
    status = event.status();
    if (!status.ok()) return false;
    if (report->Add(*event, words.Read(*event)) && fhir) status = events.Add(event->event);
    return status.ok();
  });
  RETURN_IF_ERROR(status);

  ReportDocument out;
  out.exit_code = verified.ExitCode();
  out.verdict = BundleText(verified);
  const ReportTable table = report->Finish();
  out.asides = report->Asides();
  const ReportAbout about = AboutOf(verified, bundle, unread, options);
  out.text = fhir                       ? events.Text()
             : request.format == "csv"  ? ReportCsv(table)
             : request.format == "json" ? ReportJson(about, table)
                                        : ReportHtml(about, table);
  return out;
}

}  // namespace auditledger
