// Makes a report of an evidence bundle: verifies it against the pinned key, reads its entries, and
// writes the report in a format. What does not verify is not reported on.
//
// Example:
//   ASSIGN_OR_RETURN(const ReportDocument document,
//                    MakeReportDocument(file.bytes(), pin, {"patient-access", "html"}, options));
//   std::cout << document.text;
//
// Memory: rows and sums (report.h); with FHIR, the text of the events that it is about.
// Thread-safety: a pure function.
// Errors: DataLoss for a bundle that is refused, with the verdict's text; InvalidArgument naming
// the option.
#ifndef AUDITLEDGER_TOOLS_REPORT_MAKER_H_
#define AUDITLEDGER_TOOLS_REPORT_MAKER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/report.h"
#include "verifier/pins.h"

namespace auditledger {

struct ReportRequest {
  std::string kind;    // one of ReportKinds()
  std::string format;  // html, csv, json, fhir
};

struct ReportDocument {
  std::string text;
  int exit_code = 0;                // as auditledger-verify: 0, 2 or 3
  std::string verdict;              // its claims, for people
  std::vector<std::string> asides;  // for the one who makes it
};

// `options.coverage` is taken from the bundle, and `options.now_us`, if 0, from its manifest.
absl::StatusOr<ReportDocument> MakeReportDocument(absl::string_view bundle, const Pin& pin,
                                                  const ReportRequest& request,
                                                  ReportOptions options);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_REPORT_MAKER_H_
