// auditctl bundle, hand-over: answers as evidence (verifier/README.md, "The evidence bundle").
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"
#include "tools/auditctl.h"
#include "tools/auditctl_bundler.h"
#include "tools/auditctl_custody.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_file.h"
#include "verifier/bundle_page.h"
#include "verifier/bundle_redaction.h"
#include "verifier/bundle_verify.h"
#include "verifier/file_io.h"
#include "verifier/mapped_file.h"

namespace auditledger::ctl {
namespace {

struct BundleOptions {
  std::string out;
  bool all = false;
  std::string range;
  std::string from;
  std::string to;
  std::string subject;
  std::string index_key;
  bool sparse = false;
  std::vector<std::string> redact;
  bool minimum_necessary = false;
  std::vector<std::string> earlier;
  std::string case_id;
  std::string legal_basis;
  std::string purpose;
  std::string requester;
  std::string approver;
  std::string page;
  std::string to_whom;  // hand-over
  std::string by_whom;
  bool progress = false;
};

absl::StatusOr<uint64_t> ParseMicros(const std::string& flag, const std::string& text) {
  if (text.empty()) return uint64_t{0};
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error) && absl::ToUnixMicros(time) > 0) {
    return static_cast<uint64_t>(absl::ToUnixMicros(time));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": a time with its zone, such as 2026-03-01T00:00:00Z"));
}

absl::StatusOr<RedactionPolicy> PolicyOf(const BundleOptions& options) {
  if (options.minimum_necessary) return RedactionPolicy::MinimumNecessary();
  RedactionPolicy policy;
  for (const std::string& name : options.redact) {
    if (name == "other-patients") {
      policy.other_patients = true;
    } else if (name == "staff-names") {
      policy.staff_names = true;
    } else if (name == "free-text") {
      policy.free_text = true;
    } else if (name == "network") {
      policy.network = true;
    } else {
      return absl::InvalidArgumentError(
          "--redact: other-patients, staff-names, free-text or network");
    }
  }
  return policy;
}

absl::StatusOr<TagKey> SubjectOf(const std::string& text) {
  const size_t bar = text.find('|');
  if (bar == std::string::npos || bar + 1 == text.size()) {
    return absl::InvalidArgumentError(
        "--subject SYSTEM|ID, such as 'urn:oid:1.2.3|4711', or '|Patient/4711' for a reference");
  }
  return TagKey{std::string(kTagKindPatient), text.substr(0, bar), text.substr(bar + 1)};
}

// What was asked for, out of what was typed.
absl::StatusOr<BundleQuery> QueryOf(const BundleOptions& options) {
  BundleQuery query;
  const bool window = !options.from.empty() || !options.to.empty();
  const int kinds = (options.all ? 1 : 0) + (options.range.empty() ? 0 : 1) +
                    (options.subject.empty() ? (window ? 1 : 0) : 1);
  if (kinds != 1) {
    return absl::InvalidArgumentError("give one of --all, --range, --from with --to, --subject");
  }
  if (options.all) return query;
  if (!options.range.empty()) {
    query.kind = BundleQuery::Kind::kRange;
    const std::vector<std::string> ends = absl::StrSplit(options.range, '-');
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &query.begin) ||
        !absl::SimpleAtoi(ends.back(), &query.end) || query.begin > query.end) {
      return absl::InvalidArgumentError("--range FIRST-LAST");
    }
    ++query.end;
    return query;
  }
  ASSIGN_OR_RETURN(query.from_us, ParseMicros("--from", options.from));
  ASSIGN_OR_RETURN(query.to_us, ParseMicros("--to", options.to));
  if (query.to_us != 0 && query.from_us >= query.to_us) {
    return absl::InvalidArgumentError("--from is not before --to");
  }
  if (options.subject.empty()) {
    if (query.to_us == 0) return absl::InvalidArgumentError("--from needs --to");
    query.kind = BundleQuery::Kind::kRecorded;
    return query;
  }
  query.kind = BundleQuery::Kind::kTag;
  if (options.index_key.empty()) {
    return absl::InvalidArgumentError(
        "--subject needs --index-key FILE: without it nobody can tell which leaves are theirs");
  }
  ASSIGN_OR_RETURN(const TagKey subject, SubjectOf(options.subject));
  ASSIGN_OR_RETURN(const std::string text, ReadFileLimited(options.index_key, kMaxKeyFileBytes));
  ASSIGN_OR_RETURN(const std::string key, ParseIndexKey(text));
  query.about = absl::StrCat("patient ", options.subject);
  query.tags = {DeriveTag(HmacKey(key), subject)};
  return query;
}

// What was written is held against the pinned key before anybody relies on it.
absl::Status CheckAndShow(const Connection& connection, const std::string& path,
                          const std::string& page) {
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  std::string vkey;
  if (connection.pinned()) {
    vkey = connection.pin_key().ToVkey();
    BundleInput input;
    input.bytes = file.bytes();
    ASSIGN_OR_RETURN(const Pin pin, MakePin(connection.pin_key().name(), vkey));
    const BundleReport report = VerifyBundle(input, pin);
    std::cerr << BundleText(report);
    if (report.ExitCode() == 1) {
      return NotProven(absl::DataLossError(absl::StrCat(path, " does not verify")));
    }
  }
  if (page.empty()) return absl::OkStatus();
  return WriteFileAtomically({.path = page, .temporary = page + ".tmp", .mode = 0600},
                             BundlePage(file.bytes(), vkey));
}

absl::Status MakeBundle(const Options& global, const BundleOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(std::string ledger, connection->LedgerName());
  BundleRequest request;
  request.path = options.out;
  ASSIGN_OR_RETURN(request.query, QueryOf(options));
  ASSIGN_OR_RETURN(request.policy, PolicyOf(options));
  if (!options.subject.empty()) {
    ASSIGN_OR_RETURN(request.subjects.emplace_back(), SubjectOf(options.subject));
  }
  request.sparse = options.sparse;
  request.earlier = options.earlier;
  request.about.case_id = options.case_id;
  request.about.legal_basis = options.legal_basis;
  request.about.purpose = options.purpose;
  request.about.requester = options.requester;
  request.about.approver = options.approver;
  request.progress = options.progress;
  RETURN_IF_ERROR(Bundler(request, *connection, std::move(ledger)).Run());
  return CheckAndShow(*connection, options.out, options.page);
}

absl::Status HandOver(const Options& global, const BundleOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(const std::string ledger, connection->LedgerName());
  CustodyStep step;
  uint64_t size = 0;
  {
    ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(options.out));
    ASSIGN_OR_RETURN(const BundleFile bundle, ParseBundle(file.bytes()));
    if (bundle.frame.of(BundleSection::kCustody).records == 0) {
      return absl::FailedPreconditionError("the log knows nothing of this bundle: make it anew");
    }
    step.manifest = Sha256({OnlyRecord(bundle.frame, BundleSection::kManifest)});
    step.package = bundle.manifest.package;
    step.case_id = bundle.manifest.case_id;
    size = bundle.head.size;
  }
  step.code = std::string(kCustodyHandOver);
  step.who = options.by_whom;
  step.other = options.to_whom;
  step.purpose = options.purpose;
  ASSIGN_OR_RETURN(const uint64_t index,
                   RecordCustody(*connection, ledger, options.out, size, step));
  PrintRow({options.out, step.package, absl::StrCat("recorded as entry ", index)});
  return CheckAndShow(*connection, options.out, options.page);
}

void AddQuery(CLI::App& command, BundleOptions& options) {
  command.add_flag("--all", options.all, "the whole log");
  command.add_option("--range", options.range, "entries FIRST-LAST");
  command.add_option("--from", options.from, "recorded from then on, such as 2026-03-01T00:00:00Z");
  command.add_option("--to", options.to, "recorded before then");
  command.add_option("--subject", options.subject, "about a patient: SYSTEM|ID");
  command.add_option("--index-key", options.index_key, "index key file, for --subject");
  command.add_flag("--sparse", options.sparse,
                   "without the leaves of other entries: smaller, but nothing then shows that no "
                   "entry is left out");
  command
      .add_option("--redact", options.redact,
                  "withhold: other-patients, staff-names, free-text, network")
      ->delimiter(',');
  command.add_flag("--minimum-necessary", options.minimum_necessary, "withhold all of these");
  command.add_option("--earlier", options.earlier, "a head that the receiver holds: prove growth")
      ->allow_extra_args(false);
}

}  // namespace

void AddBundleCommands(CLI::App& app, Run& run) {
  auto options = std::make_shared<BundleOptions>();
  CLI::App* bundle = app.add_subcommand(
      "bundle",
      "Write an answer as evidence: one file with the entries, what proves them, what is withheld "
      "and\nwhy, that anyone can verify offline. That it was made is an entry of the log first.\n\n"
      "Examples:\n"
      "  auditctl bundle answer.bundle --subject 'urn:oid:1.2.3|4711' --index-key index.key \\\n"
      "    --from 2026-03-01T00:00:00Z --to 2026-04-01T00:00:00Z --minimum-necessary \\\n"
      "    --case 12 --purpose 'complaint' --requester 'P. Officer' --approver 'C. Counsel' \\\n"
      "    --page answer.html\n"
      "  auditledger-verify bundle answer.bundle --pins pins.txt");
  bundle->add_option("file", options->out, "where to write it")->required();
  AddQuery(*bundle, *options);
  bundle->add_option("--case", options->case_id, "case or request it belongs to");
  bundle->add_option("--legal-basis", options->legal_basis, "what permits it");
  bundle->add_option("--purpose", options->purpose, "what it is for")->required();
  bundle->add_option("--requester", options->requester, "who asked for it")->required();
  bundle->add_option("--approver", options->approver, "who approved it")->required();
  bundle->add_option("--page", options->page, "write it as a page to read as well");
  bundle->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  bundle->callback([options, &run] {
    run.action = [options, &run] { return MakeBundle(run.options, *options); };
  });
  CLI::App* hand_over = app.add_subcommand(
      "hand-over",
      "Record that a bundle is handed on, and add that to its chain of custody.\n\n"
      "Example:\n  auditctl hand-over answer.bundle --by 'P. Officer' --to 'District court' "
      "--purpose 'order 7 O 12'");
  hand_over->add_option("file", options->out, "the bundle")->required();
  hand_over->add_option("--by", options->by_whom, "who hands it on")->required();
  hand_over->add_option("--to", options->to_whom, "who receives it")->required();
  hand_over->add_option("--purpose", options->purpose, "what for")->required();
  hand_over->add_option("--page", options->page, "write it as a page to read as well");
  hand_over->callback([options, &run] {
    run.action = [options, &run] { return HandOver(run.options, *options); };
  });
}

}  // namespace auditledger::ctl
