// auditledger-report: reports of an evidence bundle, offline (report.h).
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "merkle/status_macros.h"
#include "tools/exit_codes.h"
#include "tools/report_maker.h"
#include "verifier/file_io.h"
#include "verifier/mapped_file.h"
#include "verifier/pins.h"
#include "verifier/sealed_file.h"

namespace auditledger {
namespace {

// Of a list of VIPs or names: a hospital's patients, many times over.
constexpr size_t kMaxListBytes = 256 << 20;

struct Arguments {
  std::string bundle;
  std::string recipient_key;
  ReportRequest request = {"", "html"};
  std::string origin;
  std::string key;
  std::string out;
  std::string from;
  std::string to;
  std::string now;
  std::string discovered;
  std::string vips;
  std::string names;
  std::vector<std::string> suspended;
  bool no_staff_names = false;
  ReportOptions options;
};

absl::StatusOr<int64_t> ParseTime(absl::string_view flag, const std::string& text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error) ||
      absl::ParseTime("%Y-%m-%d", text, &time, &error)) {
    return absl::ToUnixMicros(time);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": a day, or a time with its zone such as 2026-03-01T00:00:00Z"));
}

absl::StatusOr<std::vector<std::string>> ReadLines(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileLimited(path, kMaxListBytes));
  std::vector<std::string> out;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    out.emplace_back(absl::StripAsciiWhitespace(line));
  }
  return out;
}

absl::Status ReadTimes(Arguments& arguments) {
  ReportOptions& options = arguments.options;
  int64_t discovered = 0;
  const struct {
    const char* flag;
    const std::string& text;
    int64_t& out;
  } times[] = {{"--from", arguments.from, options.from_us},
               {"--to", arguments.to, options.to_us},
               {"--as-of", arguments.now, options.now_us},
               {"--discovered", arguments.discovered, discovered}};
  for (const auto& [flag, text, out] : times) {
    if (text.empty()) continue;
    ASSIGN_OR_RETURN(out, ParseTime(flag, text));
  }
  if (!arguments.discovered.empty()) options.discovered_us = discovered;
  return absl::OkStatus();
}

absl::Status ReadLists(Arguments& arguments) {
  ReportOptions& options = arguments.options;
  options.staff_names = !arguments.no_staff_names;
  if (!arguments.vips.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> lines, ReadLines(arguments.vips));
    options.vips.insert(lines.begin(), lines.end());
  }
  if (!arguments.names.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> lines, ReadLines(arguments.names));
    for (size_t i = 0; i < lines.size(); ++i) {
      const size_t tab = lines[i].find('\t');
      if (tab == std::string::npos) {
        return absl::InvalidArgumentError(
            absl::StrCat(arguments.names, ":", i + 1, ": must be an id, a tab, a name"));
      }
      options.names[lines[i].substr(0, tab)] = lines[i].substr(tab + 1);
    }
  }
  for (const std::string& text : arguments.suspended) {
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError("--suspend: RECIPIENT=DAY");
    }
    ASSIGN_OR_RETURN(options.suspended[text.substr(0, equals)],
                     ParseTime("--suspend", text.substr(equals + 1)));
  }
  return absl::OkStatus();
}

// A sealed bundle is opened in memory.
absl::StatusOr<ReportDocument> MakeDocument(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Pin pin, LoadPin(arguments.origin, arguments.key));
  if (!arguments.recipient_key.empty()) {
    ASSIGN_OR_RETURN(const std::string bytes,
                     ReadSealed(arguments.bundle, arguments.recipient_key));
    return MakeReportDocument(bytes, pin, arguments.request, arguments.options);
  }
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(arguments.bundle));
  if (LooksSealed(file.bytes())) {
    return absl::InvalidArgumentError(
        absl::StrCat(arguments.bundle, ": is sealed for its recipients: give --recipient-key"));
  }
  return MakeReportDocument(file.bytes(), pin, arguments.request, arguments.options);
}

absl::StatusOr<int> Run(Arguments& arguments) {
  RETURN_IF_ERROR(ReadTimes(arguments));
  RETURN_IF_ERROR(ReadLists(arguments));
  ASSIGN_OR_RETURN(const ReportDocument document, MakeDocument(arguments));
  std::cerr << document.verdict;
  for (const std::string& aside : document.asides) std::cerr << "note: " << aside << "\n";
  if (arguments.out.empty()) {
    std::cout << document.text;
    if (!std::cout.flush()) return absl::UnavailableError("cannot write to standard output");
  } else {
    // It tells who was treated: nobody else's to read.
    RETURN_IF_ERROR(WriteFileAtomically(
        {.path = arguments.out, .temporary = arguments.out + ".tmp", .mode = 0600}, document.text));
  }
  return document.exit_code;
}

std::string Description() {
  std::string out =
      "Reports of an evidence bundle that `auditctl bundle` made. The bundle is verified first; "
      "nothing\nbut the file and the pinned key is needed.\n\nKinds:\n";
  for (const ReportKind& kind : ReportKinds()) {
    absl::StrAppend(&out, "  ", kind.name, std::string(18 - kind.name.size(), ' '), kind.what,
                    "\n");
  }
  return out +
         "\nExamples:\n"
         "  auditledger-report patient-access answer.bundle --origin audit.example.org/clinic \\\n"
         "    --key clinic.vkey --patient 'urn:oid:1.2.3|4711' --no-staff-names --out report.html\n"
         "  auditledger-report incident month.bundle --origin ... --key ... --user staff-0007 \\\n"
         "    --discovered 2026-04-02 --format csv\n\n"
         "Exit codes: 0 verified, 1 refused, 2 cannot tell, 3 verified but unwitnessed, 64 usage.";
}

void AddOptions(CLI::App& app, Arguments& arguments) {
  app.add_option("kind", arguments.request.kind, "kind of report")->required();
  app.add_option("bundle", arguments.bundle, "the bundle")->required();
  app.add_option("--recipient-key", arguments.recipient_key,
                 "of a sealed bundle: the private key (PEM) that opens it");
  app.add_option("--origin", arguments.origin, "origin of the log that is meant")->required();
  app.add_option("--key", arguments.key, "its vkey, or a file that holds it")->required();
  app.add_option("--format", arguments.request.format, "html, csv, json, fhir")
      ->capture_default_str();
  app.add_option("--out", arguments.out, "where to write it; else to standard output");
  app.add_option("--patient", arguments.options.patient, "only about: SYSTEM|ID, or |REFERENCE");
  app.add_option("--user", arguments.options.user, "only of that user id");
  app.add_option("--from", arguments.from, "happened then or later; a day is UTC's");
  app.add_option("--to", arguments.to, "happened before");
  app.add_option("--as-of", arguments.now,
                 "what is open or overdue then; when the bundle was made");
  app.add_flag("--no-staff-names", arguments.no_staff_names,
               "patient-access: users by role and department; nothing that could name them");
  app.add_option("--suspend", arguments.suspended,
                 "disclosures: RECIPIENT=DAY, not told of before then")
      ->allow_extra_args(false);
  app.add_option("--vips", arguments.vips, "watched: file of patients, one a line");
  app.add_option("--names", arguments.names, "watched: file of id, tab, name; users and patients");
  app.add_option("--discovered", arguments.discovered, "incident: day of its discovery");
  app.add_option("--reviewer", arguments.options.reviewer, "activity-review: who signs it off");
  app.add_option("--decision", arguments.options.decision, "activity-review: the outcome");
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  CLI::App app{auditledger::Description()};
  app.set_version_flag("--version", "auditledger-report " AUDITLEDGER_VERSION);
  auditledger::Arguments arguments;
  auditledger::AddOptions(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? auditledger::kExitOk : auditledger::kExitUsage;
  }
  const absl::StatusOr<int> code = auditledger::Run(arguments);
  if (code.ok()) return *code;
  std::cerr << "auditledger-report: " << code.status().message() << "\n";
  return absl::IsDataLoss(code.status()) ? auditledger::kExitNotProven : auditledger::kExitUsage;
}
