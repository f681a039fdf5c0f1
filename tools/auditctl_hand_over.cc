// auditctl hand-over: a bundle is handed on, and its chain of custody says so
// (verifier/README.md, "The evidence bundle").
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_bundler.h"
#include "tools/auditctl_custody.h"
#include "tools/auditctl_sealing.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_file.h"
#include "verifier/file_io.h"
#include "verifier/mapped_file.h"
#include "verifier/sealed_file.h"

namespace auditledger::ctl {
namespace {

struct HandOverOptions {
  std::string file;
  std::string recipient_key;
  std::string out;
  std::vector<std::string> to;
  bool in_clear = false;
  std::string by_whom;
  std::string receiver;
  std::string purpose;
  std::string page;
};

// A file in the clear grows where it lies; another one is written only where it was said who can
// read it.
absl::Status CheckHandOver(const HandOverOptions& options) {
  const int chosen = (options.to.empty() ? 0 : 1) + (options.in_clear ? 1 : 0);
  if (options.out.empty() ? chosen == 0 : chosen == 1) {
    if (options.page.empty() || options.to.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "hand-over: --page would have all of it in the clear: whoever receives the file makes the "
        "page, with auditledger-verify bundle --recipient-key");
  }
  return absl::InvalidArgumentError(
      "hand-over: with --out FILE say by one of these who may read it; without it the file grows "
      "where it lies:\n"
      "  --to CERT.pem   one file that only the receiver reads; again for each\n"
      "  --in-clear      a file that whoever gets it can read");
}

absl::StatusOr<std::string> BundleBytes(const HandOverOptions& options) {
  if (!options.recipient_key.empty()) return ReadSealed(options.file, options.recipient_key);
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(options.file));
  if (!LooksSealed(file.bytes())) return std::string(file.bytes());
  return absl::InvalidArgumentError(
      absl::StrCat(options.file,
                   ": is sealed: open it with --recipient-key KEY.pem, and write what is handed on "
                   "with --out FILE and --to CERT.pem"));
}

// The bundle lies where its next record of custody is added.
absl::Status Copy(const std::string& bytes, const BundleTarget& target) {
  if (target.memory() == nullptr) {
    return WriteFileAtomically(
        {.path = target.path(), .temporary = target.path() + ".tmp", .mode = 0600}, bytes);
  }
  std::FILE* const file = std::fopen(target.working_path().c_str(), "wbe");
  const bool written =
      file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const bool closed = file == nullptr || std::fclose(file) == 0;
  if (written && closed) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("a file in memory: ", std::strerror(errno)));
}

struct Handing {
  CustodyStep step;
  uint64_t size = 0;  // of the bundle's head
};

absl::StatusOr<Handing> HandingOf(const HandOverOptions& options, absl::string_view bytes) {
  ASSIGN_OR_RETURN(const BundleFile bundle, ParseBundle(bytes));
  if (bundle.frame.of(BundleSection::kCustody).records == 0) {
    return absl::FailedPreconditionError("the log knows nothing of this bundle: make it anew");
  }
  Handing out;
  out.size = bundle.head.size;
  out.step.manifest = Sha256({OnlyRecord(bundle.frame, BundleSection::kManifest)});
  out.step.package = bundle.manifest.package;
  out.step.case_id = bundle.manifest.case_id;
  out.step.code = std::string(kCustodyHandOver);
  out.step.who = options.by_whom;
  out.step.other = options.receiver;
  out.step.purpose = options.purpose;
  return out;
}

absl::Status HandOver(const Options& global, const HandOverOptions& options) {
  RETURN_IF_ERROR(CheckHandOver(options));
  ASSIGN_OR_RETURN(const Recipients recipients, LoadRecipients("--to", options.to));
  const bool in_place = options.out.empty();
  if (in_place && !options.recipient_key.empty()) {
    return absl::InvalidArgumentError(
        "hand-over: with --recipient-key give --out FILE too: a sealed file cannot grow");
  }
  ASSIGN_OR_RETURN(const std::string bytes, BundleBytes(options));
  ASSIGN_OR_RETURN(const Handing handing, HandingOf(options, bytes));
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(const std::string ledger, connection->LedgerName());
  const std::string path = in_place ? options.file : options.out;
  ASSIGN_OR_RETURN(BundleTarget target, BundleTarget::Open(path, recipients));
  if (!in_place) RETURN_IF_ERROR(Copy(bytes, target));
  const absl::StatusOr<uint64_t> index =
      RecordCustody(*connection, ledger, target.working_path(), handing.size, handing.step);
  if (!index.ok()) {
    if (!in_place) ::unlink(path.c_str());  // what is not recorded is not handed on
    return index.status();
  }
  RETURN_IF_ERROR(CheckBundle(*connection, target.working_path(), path, options.page));
  RETURN_IF_ERROR(target.Publish());
  PrintRow({path, handing.step.package, absl::StrCat("recorded as entry ", *index)});
  return absl::OkStatus();
}

}  // namespace

void AddHandOverCommand(CLI::App& app, Run& run) {
  auto options = std::make_shared<HandOverOptions>();
  CLI::App* command = app.add_subcommand(
      "hand-over",
      "Record that a bundle is handed on, and add that to its chain of custody: in the file, or in "
      "a copy for\nits receiver. A sealed one is opened in memory with a recipient's key.\n\n"
      "Examples:\n"
      "  auditctl hand-over answer.bundle --by 'P. Officer' --receiver 'District court' "
      "--purpose 'order 7 O 12'\n"
      "  auditctl hand-over answer.sealed --recipient-key officer.key --out court.sealed \\\n"
      "    --to court.pem --by 'P. Officer' --receiver 'District court' --purpose 'order 7 O 12'");
  command->add_option("file", options->file, "the bundle")->required();
  command->add_option("--by", options->by_whom, "who hands it on")->required();
  command->add_option("--receiver", options->receiver, "who receives it")->required();
  command->add_option("--purpose", options->purpose, "what for")->required();
  command->add_option("--recipient-key", options->recipient_key,
                      "of a sealed bundle: the private key (PEM) that opens it");
  command->add_option("--out", options->out, "where to write what is handed on");
  command
      ->add_option("--to", options->to,
                   "the certificate (PEM, RSA or EC) of one who shall read it; may be given again")
      ->allow_extra_args(false);
  command->add_flag("--in-clear", options->in_clear, "a file that whoever gets it can read");
  command->add_option("--page", options->page, "write it as a page to read as well");
  command->callback([options, &run] {
    run.action = [options, &run] { return HandOver(run.options, *options); };
  });
}

}  // namespace auditledger::ctl
