// auditctl bundle: answers as evidence (verifier/README.md, "The evidence bundle").
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "merkle/complete_answer.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"
#include "tools/auditctl.h"
#include "tools/auditctl_bundler.h"
#include "tools/auditctl_sealing.h"
#include "verifier/bundle_redaction.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

struct BundleOptions {
  std::string out;
  bool all = false;
  std::string range;
  std::vector<std::string> recorded;
  std::string subject;
  std::string answer;
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
  std::vector<std::string> to;
  bool in_clear = false;
  bool progress = false;
};

// 0 for no bound.
absl::StatusOr<uint64_t> ParseMicros(const std::string& text) {
  if (text == "-") return uint64_t{0};
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error) && absl::ToUnixMicros(time) > 0) {
    return static_cast<uint64_t>(absl::ToUnixMicros(time));
  }
  return absl::InvalidArgumentError(
      "--recorded FROM TO: times with their zone, such as 2026-03-01T00:00:00Z, or -");
}

absl::Status ReadWindow(const std::vector<std::string>& recorded, BundleQuery& query) {
  if (recorded.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(query.from_us, ParseMicros(recorded.front()));
  ASSIGN_OR_RETURN(query.to_us, ParseMicros(recorded.back()));
  if (query.to_us == 0 || query.from_us < query.to_us) return absl::OkStatus();
  return absl::InvalidArgumentError("--recorded: FROM is not before TO");
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

absl::StatusOr<Hash> TagOf(const BundleOptions& options) {
  ASSIGN_OR_RETURN(const TagKey subject, SubjectOf(options.subject));
  ASSIGN_OR_RETURN(const std::string text, ReadFileLimited(options.index_key, kMaxKeyFileBytes));
  ASSIGN_OR_RETURN(const std::string key, ParseIndexKey(text));
  return DeriveTag(HmacKey(key), subject);
}

// What was asked for, out of what was typed.
absl::StatusOr<BundleQuery> QueryOf(const BundleOptions& options) {
  BundleQuery query;
  const bool window = !options.recorded.empty();
  const int kinds = (options.all ? 1 : 0) + (options.range.empty() ? 0 : 1) +
                    (options.subject.empty() ? (window ? 1 : 0) : 1);
  if (kinds != 1) {
    return absl::InvalidArgumentError("give one of --all, --range, --recorded, --subject");
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
  RETURN_IF_ERROR(ReadWindow(options.recorded, query));
  if (options.subject.empty()) {
    if (query.to_us == 0) return absl::InvalidArgumentError("--recorded: TO is missing");
    query.kind = BundleQuery::Kind::kRecorded;
    return query;
  }
  query.kind = BundleQuery::Kind::kTag;
  if (options.index_key.empty()) {
    return absl::InvalidArgumentError(
        "--subject needs --index-key FILE, or an --answer about them: without it nobody can tell "
        "which leaves are theirs");
  }
  query.about = absl::StrCat("patient ", options.subject);
  ASSIGN_OR_RETURN(query.tags.emplace_back(), TagOf(options));
  return query;
}

// What an answer was asked, as a bundle says it.
absl::StatusOr<BundleQuery> QueryOfAnswer(const BundleOptions& options,
                                          const AnswerQuery& answered) {
  if (options.subject.empty() || options.all || options.sparse || !options.range.empty() ||
      !options.recorded.empty()) {
    return absl::InvalidArgumentError(
        "--answer takes --subject, whom it is about, and no other question: its window and its "
        "entries are the answer's own");
  }
  if (!(answered.event == TimeWindow())) {
    return absl::InvalidArgumentError(
        "--answer: it is about what happened in a time, and bundles ask what was recorded in one: "
        "ask for that (auditledger-verify answer --recorded)");
  }
  BundleQuery query;
  query.kind = BundleQuery::Kind::kTag;
  query.about = absl::StrCat("patient ", options.subject);
  query.tags = {answered.tag};
  query.from_us = answered.recorded.from_us;
  query.to_us = answered.recorded.to_us == kNoEnd ? 0 : answered.recorded.to_us;
  if (options.index_key.empty()) return query;
  ASSIGN_OR_RETURN(const Hash tag, TagOf(options));
  if (tag == answered.tag) return query;
  return absl::InvalidArgumentError("--answer: it is about another tag than that of --subject");
}

// Payloads leave in the clear only where somebody said so in words; and so does a bundle of which
// all units are withheld, since it still says who asked, about whom and why.
absl::Status CheckReaders(const BundleOptions& options) {
  if (options.to.empty() == options.in_clear) {
    if (options.page.empty() || options.to.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "bundle: --page would have all of it in the clear: make the page where the bundle is read, "
        "with auditledger-verify bundle --recipient-key");
  }
  return absl::InvalidArgumentError(
      "bundle: say by one of these who may read it:\n"
      "  --to CERT.pem   one file that only the recipient reads; again for each recipient\n"
      "  --in-clear      a file that whoever gets it can read");
}

absl::StatusOr<BundleRequest> RequestOf(const BundleOptions& options) {
  BundleRequest request;
  if (options.answer.empty()) {
    ASSIGN_OR_RETURN(request.query, QueryOf(options));
  } else {
    ASSIGN_OR_RETURN(const std::string bytes, ReadFileLimited(options.answer, kMaxAnswerBytes));
    ASSIGN_OR_RETURN(request.answer, ParseCompleteAnswer(bytes));
    ASSIGN_OR_RETURN(request.query, QueryOfAnswer(options, request.answer->query));
  }
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
  return request;
}

void TellMade(const Options& global, const std::string& path, const BundleMade& made) {
  if (global.json) {
    PrintJson({{"bundle", path},
               {"package", made.package},
               {"size", made.size},
               {"entries", made.entries},
               {"recorded_as", made.recorded_as}});
  } else {
    PrintRow({path, made.package, absl::StrCat(made.entries),
              absl::StrCat("recorded as entry ", made.recorded_as)});
  }
}

absl::Status MakeBundle(const Options& global, const BundleOptions& options) {
  RETURN_IF_ERROR(CheckReaders(options));
  ASSIGN_OR_RETURN(const Recipients recipients, LoadRecipients("--to", options.to));
  ASSIGN_OR_RETURN(const BundleRequest request, RequestOf(options));
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(std::string ledger, connection->LedgerName());
  ASSIGN_OR_RETURN(BundleTarget target, BundleTarget::Open(options.out, recipients));
  ASSIGN_OR_RETURN(const BundleMade made,
                   Bundler(request, target, *connection, std::move(ledger)).Run());
  RETURN_IF_ERROR(CheckBundle(*connection, target.working_path(), options.out, options.page));
  RETURN_IF_ERROR(target.Publish());
  TellMade(global, options.out, made);
  return absl::OkStatus();
}

void AddQuery(CLI::App& command, BundleOptions& options) {
  command.add_flag("--all", options.all, "the whole log");
  command.add_option("--range", options.range, "entries FIRST-LAST");
  command
      .add_option("--recorded", options.recorded,
                  "FROM TO: what was recorded in that time, such as 2026-03-01T00:00:00Z; TO "
                  "excluded; - for no bound")
      ->expected(2);
  command.add_option("--subject", options.subject, "about a patient: SYSTEM|ID");
  command.add_option("--index-key", options.index_key, "index key file, for --subject");
  command.add_option("--answer", options.answer,
                     "a complete answer about the subject: shows that no entry is left out, in "
                     "place of the leaves of all others");
  command.add_flag("--sparse", options.sparse,
                   "without the leaves of other entries: smaller, but nothing then shows that no "
                   "entry is left out (--answer does)");
  command
      .add_option("--redact", options.redact,
                  "withhold: other-patients, staff-names, free-text, network")
      ->delimiter(',');
  command.add_flag("--minimum-necessary", options.minimum_necessary, "withhold all of these");
  command.add_option("--earlier", options.earlier, "a head that the receiver holds: prove growth")
      ->allow_extra_args(false);
}

}  // namespace

void AddBundleCommand(CLI::App& app, Run& run) {
  auto options = std::make_shared<BundleOptions>();
  CLI::App* bundle = app.add_subcommand(
      "bundle",
      "Write an answer as evidence: one file with the entries, what proves them, what is withheld "
      "and\nwhy, that anyone can verify offline. That it was made is an entry of the log first. "
      "With --to it is sealed\n(CMS, AES-256-GCM), and lies on no disk in the clear.\n\n"
      "Examples:\n"
      "  auditctl bundle answer.sealed --to officer.pem --to court.pem --index-key index.key \\\n"
      "    --subject 'urn:oid:1.2.3|4711' --recorded 2026-03-01T00:00:00Z "
      "2026-04-01T00:00:00Z \\\n"
      "    --minimum-necessary --case 12 --purpose 'complaint' --requester 'P. Officer' \\\n"
      "    --approver 'C. Counsel'\n"
      "  auditledger-verify bundle answer.sealed --recipient-key court.key --pins pins.txt");
  bundle->add_option("file", options->out, "where to write it")->required();
  bundle
      ->add_option("--to", options->to,
                   "the certificate (PEM, RSA or EC) of one who shall read it; may be given again")
      ->allow_extra_args(false);
  bundle->add_flag("--in-clear", options->in_clear, "a file that whoever gets it can read");
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
}

}  // namespace auditledger::ctl
