// auditctl patient-key, patient-capability, patient-entries: who may read what a ledger has about
// one patient, and reading it.
#include <cstdio>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "api/access/patient_access.h"
#include "auditledger/v1/patient_service.pb.h"
#include "ledger/ed25519_key.h"
#include "ledger/key_files.h"
#include "ledger/key_text.h"
#include "ledger/posix_file.h"
#include "ledger/random.h"
#include "merkle/note.h"
#include "merkle/patient_capability.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_receipt.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

struct PatientOptions {
  std::string name;
  std::string signing_key;
  std::string out;
  std::string origin;
  std::string holder;
  std::string system;
  std::string id;
  std::string expires;
  bool payloads = false;
  std::string capability;
};

absl::Status MakeKey(const PatientOptions& options) {
  const SecretString seed(Random::System().Bytes(kEd25519SeedBytes));
  ASSIGN_OR_RETURN(const SecretString text, FormatNoteSigningKey(options.name, seed.Reveal()));
  ASSIGN_OR_RETURN(const NoteSigningKey key, ParseNoteSigningKey(text.Reveal()));
  RETURN_IF_ERROR(CreateFile(options.out, text.Reveal()));
  std::cout << key.verifier.ToVkey() << "\n";
  return absl::OkStatus();
}

// That a server would refuse it is found out here, and not by the patient.
absl::StatusOr<uint64_t> ParseExpiry(const std::string& text) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr) || time < absl::UnixEpoch() ||
      time == absl::InfiniteFuture()) {
    return absl::InvalidArgumentError("--expires: must be RFC 3339, as 2027-01-31T00:00:00Z");
  }
  if (time - absl::Now() > absl::Seconds(kMaxCapabilitySeconds)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--expires: at most ", kMaxCapabilitySeconds / 86'400, " days from now: ask again then"));
  }
  return static_cast<uint64_t>(absl::ToUnixSeconds(time));
}

absl::Status MakeCapability(const PatientOptions& options) {
  PatientCapability capability{options.origin,  options.holder, options.system, options.id, 0,
                               options.payloads};
  ASSIGN_OR_RETURN(capability.expires_s, ParseExpiry(options.expires));
  ASSIGN_OR_RETURN(const SecretString text, ReadPrivateFile(options.signing_key));
  ASSIGN_OR_RETURN(const NoteSigningKey key, ParseNoteSigningKey(text.Reveal()));
  ASSIGN_OR_RETURN(const Ed25519Key signer, Ed25519Key::FromSeed(key.seed.Reveal()));
  ASSIGN_OR_RETURN(std::string signed_text, FormatPatientCapability(capability));
  ASSIGN_OR_RETURN(std::string signature, signer.Sign(signed_text));
  const std::string note =
      FormatNote({std::move(signed_text),
                  {{key.verifier.name(), key.verifier.key_id(), std::move(signature)}}});
  if (note.size() > kMaxPatientCapabilityBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the capability would have over ", kMaxPatientCapabilityBytes, " bytes"));
  }
  return CreateFile(options.out, note);  // it names a patient: for its holder's eyes
}

absl::Status ListPatientEntries(const Options& global, const PatientOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::ListPatientEntriesRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), connection->LedgerName());
  ASSIGN_OR_RETURN(*request.mutable_capability(),
                   ReadFileLimited(options.capability, kMaxPatientCapabilityBytes));
  do {
    v1::ListPatientEntriesResponse response;
    RETURN_IF_ERROR(FromRpc(
        connection->patients().ListPatientEntries(connection->Call().get(), request, &response)));
    for (const v1::PatientEntry& one : response.entries()) {
      ProvenEntry proven{one.entry().index(), one.entry().leaf(), std::nullopt, one.inclusion(),
                         response.checkpoint()};
      if (one.entry().has_opening()) proven.opening = one.entry().opening();
      RETURN_IF_ERROR(CheckEntry(*connection, proven, one.entry().opening().event()));
      RETURN_IF_ERROR(PrintEntryRow(one.entry(), global.json));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

void AddPatientKey(CLI::App& app, Run& run) {
  auto options = std::make_shared<PatientOptions>();
  CLI::App* command = app.add_subcommand(
      "patient-key",
      "Make a key that signs capabilities, for a privacy office; keep it off the server. Prints "
      "the "
      "vkey for\npatient_keys of the access policy.\n\n"
      "Example:\n  auditctl patient-key --name privacy.hospital.example/2027 --out privacy.key");
  command->add_option("--name", options->name, "the key's name, as \"privacy.hospital.example/1\"")
      ->required();
  command->add_option("--out", options->out, "file to make")->required();
  command->callback([options, &run] { run.action = [options] { return MakeKey(*options); }; });
}

void AddPatientCapability(CLI::App& app, Run& run) {
  auto options = std::make_shared<PatientOptions>();
  CLI::App* command = app.add_subcommand(
      "patient-capability",
      "Let somebody read what a ledger has about one patient, for at most 92 days. Needs no "
      "server; "
      "worth nothing to\nanybody but the holder, who needs the role patient too.\n\n"
      "Example:\n"
      "  auditctl patient-capability --signing-key privacy.key --origin audit.example.org/clinic "
      "\\\n"
      "    --holder https://idp.example#jane --patient-system urn:oid:1.2.3 --patient-id 4711 \\\n"
      "    --expires 2027-01-31T00:00:00Z --out jane.capability");
  command->add_option("--signing-key", options->signing_key, "of patient-key")->required();
  command->add_option("--origin", options->origin, "the ledger's")->required();
  command->add_option("--holder", options->holder, "the principal who may use it")->required();
  command->add_option("--patient-system", options->system,
                      "system of the patient's identifier, as events have it; without: "
                      "--patient-id is a reference, as Patient/4711");
  command->add_option("--patient-id", options->id, "the identifier's value")->required();
  command->add_option("--expires", options->expires, "when it ends (RFC 3339)")->required();
  command->add_flag("--payloads", options->payloads,
                    "what was recorded, names of staff included; without: when alone");
  command->add_option("--out", options->out, "file to make")->required();
  command->callback(
      [options, &run] { run.action = [options] { return MakeCapability(*options); }; });
}

void AddPatientEntries(CLI::App& app, Run& run) {
  auto options = std::make_shared<PatientOptions>();
  CLI::App* command = app.add_subcommand(
      "patient-entries",
      "Print what a ledger has about the patient of a capability, as `list` does. Each proof is "
      "checked, with\n--pin-key against the pinned key; that nothing is left out is the server's "
      "word.\n\n"
      "Example:\n  auditctl patient-entries --ledger clinic --capability jane.capability --json");
  command->add_option("--capability", options->capability, "the file")->required();
  command->callback([options, &run] {
    run.action = [options, &run] { return ListPatientEntries(run.options, *options); };
  });
}

}  // namespace

void AddPatientCommands(CLI::App& app, Run& run) {
  AddPatientKey(app, run);
  AddPatientCapability(app, run);
  AddPatientEntries(app, run);
}

}  // namespace auditledger::ctl
