#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "api/client/dev_certs.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

std::string StateText(v1::Ledger::State state) {
  switch (state) {
    case v1::Ledger::STATE_SERVING:
      return "serving";
    case v1::Ledger::STATE_READ_ONLY:
      return "read-only";
    case v1::Ledger::STATE_PAUSED:
      return "paused";
    case v1::Ledger::STATE_REFUSED:
      return "refused";
    case v1::Ledger::STATE_FROZEN:
      return "frozen";
    default:
      return "unknown";
  }
}

std::string HeadTime(const v1::Ledger& ledger) {
  if (!ledger.has_head_time()) return "";
  return TimeText(static_cast<uint64_t>(ledger.head_time().seconds()) * 1'000'000 +
                  static_cast<uint64_t>(ledger.head_time().nanos()) / 1000);
}

nlohmann::ordered_json WitnessingJson(const v1::Witnessing& witnessing) {
  nlohmann::ordered_json witnesses = nlohmann::ordered_json::array();
  for (const v1::WitnessState& witness : witnessing.witnesses()) {
    witnesses.push_back({{"name", witness.name()},
                         {"size", witness.size()},
                         {"last_success", witness.last_success().seconds()},
                         {"failing", witness.failing()},
                         {"detail", witness.detail()}});
  }
  return {{"policy", witnessing.policy()},
          {"f", witnessing.f()},
          {"witnessed_size", witnessing.witnessed_size()},
          {"lag_entries", witnessing.lag_entries()},
          {"lag_seconds", witnessing.lag_seconds()},
          {"quorum_away", witnessing.quorum_away()},
          {"confirmed", witnessing.confirmed()},
          {"witnesses", std::move(witnesses)}};
}

// Below the ledger's own row.
void PrintWitnessing(const v1::Witnessing& witnessing) {
  PrintRow(
      {"  witnessed", absl::StrCat("size ", witnessing.witnessed_size()),
       absl::StrCat("lag ", witnessing.lag_entries(), " entries, ", witnessing.lag_seconds(), " s"),
       !witnessing.confirmed()    ? "start not confirmed"
       : witnessing.quorum_away() ? "quorum away"
                                  : "quorum there",
       absl::StrCat("f ", witnessing.f(), " (", witnessing.policy(), ")")});
  for (const v1::WitnessState& witness : witnessing.witnesses()) {
    const uint64_t last = static_cast<uint64_t>(witness.last_success().seconds());
    PrintRow({"  witness", witness.name(), absl::StrCat("size ", witness.size()),
              last == 0 ? "never" : TimeText(last * 1'000'000),
              witness.failing().empty() ? "cosigns"
                                        : absl::StrCat(witness.failing(), ": ", witness.detail())});
  }
}

void PrintLedger(const v1::Ledger& ledger, bool json, bool with_witnesses = false) {
  if (json) {
    nlohmann::ordered_json out = {{"name", ledger.name()},
                                  {"origin", ledger.origin()},
                                  {"vkey", ledger.vkey()},
                                  {"size", ledger.size()},
                                  {"head_time", HeadTime(ledger)},
                                  {"state", StateText(ledger.state())},
                                  {"state_reason", ledger.state_reason()},
                                  {"wrapping_key_id", ledger.wrapping_key_id()},
                                  {"rewrap_segments_left", ledger.rewrap_segments_left()}};
    if (ledger.has_witnessing()) out["witnessing"] = WitnessingJson(ledger.witnessing());
    return PrintJson(out);
  }
  PrintRow({ledger.name(), ledger.origin(), absl::StrCat(ledger.size()), HeadTime(ledger),
            StateText(ledger.state()), ledger.vkey(), ledger.state_reason()});
  if (with_witnesses && ledger.rewrap_segments_left() > 0) {
    PrintRow({"", absl::StrCat("secrets are rewrapped under key ", ledger.wrapping_key_id(), ", ",
                               ledger.rewrap_segments_left(), " segments left")});
  }
  if (with_witnesses && ledger.has_witnessing()) PrintWitnessing(ledger.witnessing());
}

struct NewLedger {
  std::string id;
  std::string origin;
  std::string predecessor;  // file with its last head
  std::string predecessor_key;
  uint64_t predecessor_end = 0;
};

absl::Status CreateLedger(const Options& global, const NewLedger& made) {
  v1::CreateLedgerRequest request;
  request.set_ledger_id(made.id);
  request.set_origin(made.origin);
  if (!made.predecessor.empty()) {
    ASSIGN_OR_RETURN(const Pin pin, LoadPinOfItself(made.predecessor_key));
    ASSIGN_OR_RETURN(const std::string note, ReadFileLimited(made.predecessor, kMaxNoteBytes));
    const auto opened = OpenCheckpoint(note, pin.origin, pin.key);
    if (!opened.ok()) return NotProven(opened.status());
    request.set_predecessor_checkpoint(note);
    request.set_predecessor_end(made.predecessor_end);
  }
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::CreateLedgerResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection->admin().CreateLedger(connection->Call().get(), request, &response)));
  PrintLedger(response.ledger(), global.json);
  return absl::OkStatus();
}

absl::Status ListLedgers(const Options& global) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::ListLedgersRequest request;
  do {
    v1::ListLedgersResponse response;
    RETURN_IF_ERROR(
        FromRpc(connection->ledgers().ListLedgers(connection->Call().get(), request, &response)));
    for (const v1::Ledger& ledger : response.ledgers()) PrintLedger(ledger, global.json);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

void PrintStream(const v1::Stream& stream, bool json) {
  if (json) {
    nlohmann::ordered_json gaps = nlohmann::ordered_json::array();
    for (const v1::SequenceRange& gap : stream.gaps()) gaps.push_back({gap.first(), gap.last()});
    PrintJson({{"principal", stream.principal()},
               {"stream_id", stream.stream_id()},
               {"received", stream.received_count()},
               {"last_sequence", stream.last_sequence()},
               {"gaps", gaps},
               {"gaps_truncated", stream.gaps_truncated()}});
    return;
  }
  std::vector<std::string> gaps;
  for (const v1::SequenceRange& gap : stream.gaps()) {
    gaps.push_back(gap.first() == gap.last() ? absl::StrCat(gap.first())
                                             : absl::StrCat(gap.first(), "-", gap.last()));
  }
  if (stream.gaps_truncated()) gaps.push_back("...");
  PrintRow({stream.principal(), stream.stream_id(), absl::StrCat(stream.received_count()),
            absl::StrCat(stream.last_sequence()), absl::StrJoin(gaps, ",")});
}

absl::Status ListStreams(const Options& global) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::ListStreamsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), connection->LedgerName());
  do {
    v1::ListStreamsResponse response;
    RETURN_IF_ERROR(
        FromRpc(connection->ledgers().ListStreams(connection->Call().get(), request, &response)));
    for (const v1::Stream& stream : response.streams()) PrintStream(stream, global.json);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::Status Status(const Options& global) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::GetServerStatusResponse response;
  RETURN_IF_ERROR(FromRpc(connection->admin().GetServerStatus(
      connection->Call().get(), v1::GetServerStatusRequest(), &response)));
  if (global.json) {
    PrintJson({{"version", response.version()}, {"uptime_seconds", response.uptime_seconds()}});
  } else {
    PrintRow({absl::StrCat("auditledgerd ", response.version()),
              absl::StrCat("up ", response.uptime_seconds(), " s")});
  }
  for (const v1::Ledger& ledger : response.ledgers()) {
    PrintLedger(ledger, global.json, /*with_witnesses=*/true);
  }
  return absl::OkStatus();
}

constexpr char kDefaultClient[] = "client=spiffe://hospital.example/client";

struct DevIdentities {
  std::string dir;
  std::vector<std::string> clients{kDefaultClient};  // NAME=URI
  std::vector<std::string> listeners;                // on Unix sockets
  std::vector<std::string> grants;                   // NAME=ROLE,ROLE
};

// "key-custodian" as ROLE_KEY_CUSTODIAN.
absl::StatusOr<config::v1::Role> ParseRole(absl::string_view name) {
  const std::string upper = absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}}));
  config::v1::Role role = config::v1::ROLE_UNSPECIFIED;
  if (config::v1::Role_Parse("ROLE_" + upper, &role) && role != config::v1::ROLE_UNSPECIFIED) {
    return role;
  }
  return absl::InvalidArgumentError("--grant NAME=ROLE[,ROLE...], such as ehr=emitter,prover");
}

// Of a client or listener of that name: what --grant says, else everything.
absl::StatusOr<std::vector<config::v1::Role>> RolesOf(const DevIdentities& wanted,
                                                      const std::string& name) {
  for (const std::string& grant : wanted.grants) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(grant, absl::MaxSplits('=', 1));
    if (parts.first != name) continue;
    std::vector<config::v1::Role> roles;
    for (const absl::string_view one : absl::StrSplit(parts.second, ',')) {
      ASSIGN_OR_RETURN(const config::v1::Role role, ParseRole(one));
      roles.push_back(role);
    }
    return roles;
  }
  return AllDevRoles();
}

absl::Status GrantDev(const DevIdentities& wanted, const std::string& name,
                      const std::string& principal) {
  ASSIGN_OR_RETURN(const std::vector<config::v1::Role> roles, RolesOf(wanted, name));
  return AddDevGrants(wanted.dir, principal, roles);
}

// What is there already stays: more clients can be added later.
absl::Status DevCerts(const DevIdentities& wanted) {
  const std::string& dir = wanted.dir;
  for (const absl::Status& made : {MakeDevCa(dir), MakeDevServerCert(dir, "server")}) {
    if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  }
  for (const std::string& client : wanted.clients) {
    const size_t equals = client.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError("--client NAME=URI, such as " +
                                        std::string(kDefaultClient));
    }
    const std::string name = client.substr(0, equals);
    RETURN_IF_ERROR(MakeDevClientCert(dir, name, {client.substr(equals + 1)}));
    RETURN_IF_ERROR(GrantDev(wanted, name, client.substr(equals + 1)));
    PrintRow({client.substr(equals + 1), absl::StrCat(dir, "/", name, ".pem"),
              absl::StrCat(dir, "/", name, ".key")});
  }
  for (const std::string& name : wanted.listeners) {
    RETURN_IF_ERROR(GrantDev(wanted, name, "local:" + name));
  }
  return absl::OkStatus();
}

void AddDevCerts(CLI::App& app, Run& run) {
  auto wanted = std::make_shared<DevIdentities>();
  CLI::App* command = app.add_subcommand(
      "dev-certs",
      "Make a certificate authority, a server certificate for localhost, client certificates, and\n"
      "access.policy, which grants them what they may do. For development only: the authority's "
      "key\n"
      "lies beside them. Prints principal, certificate, key.\n\n"
      "Example:\n  auditctl dev-certs certs/ --client ehr=spiffe://hospital.example/ehr "
      "--grant ehr=emitter");
  command->add_option("dir", wanted->dir, "the folder")->required();
  command->add_option("--client", wanted->clients, "NAME=URI, any number: file name and principal")
      ->capture_default_str();
  command->add_option("--local", wanted->listeners,
                      "NAME of a listener on a Unix socket that gets grants too; any number");
  command->add_option("--grant", wanted->grants,
                      "NAME=ROLE[,ROLE...] for a client or listener: emitter, prover, auditor,\n"
                      "privacy-officer, operator, key-custodian; default: all");
  command->callback([wanted, &run] { run.action = [wanted] { return DevCerts(*wanted); }; });
}

void AddCreateLedger(CLI::App& app, Run& run) {
  auto made = std::make_shared<NewLedger>();
  CLI::App* create = app.add_subcommand(
      "create-ledger",
      "Make a ledger: keys, folder, genesis entry. Prints it, its verifier key (vkey) included: "
      "hand that to\n"
      "auditors yourself, it is what they pin.\n\n"
      "Example:\n  auditctl create-ledger clinic --origin audit.example.org/clinic");
  create->add_option("id", made->id, "last part of its name: [a-z][a-z0-9-]*")->required();
  create
      ->add_option("--origin", made->origin,
                   "what checkpoints call it for ever, like a URL without scheme")
      ->required();
  CLI::Option* predecessor = create->add_option(
      "--successor-of", made->predecessor,
      "file with the last head that counts of the log that this one goes on from; its genesis "
      "holds it");
  create
      ->add_option("--predecessor-key", made->predecessor_key,
                   "the vkey that signed that head, or a file that holds it")
      ->needs(predecessor);
  predecessor->needs("--predecessor-key");
  create
      ->add_option("--predecessor-end", made->predecessor_end,
                   "size that log is known to have reached beyond that head: an entry then says "
                   "what is not carried over")
      ->needs(predecessor);
  create->callback(
      [made, &run] { run.action = [made, &run] { return CreateLedger(run.options, *made); }; });
}

}  // namespace

void AddAdminCommands(CLI::App& app, Run& run) {
  AddDevCerts(app, run);
  AddCreateLedger(app, run);
  app.add_subcommand(
         "ledgers",
         "Print all ledgers: name, origin, size, time of the head, state, vkey, reason.\n\n"
         "Example:\n  auditctl ledgers --json")
      ->callback([&run] { run.action = [&run] { return ListLedgers(run.options); }; });
  app.add_subcommand(
         "streams",
         "Print a ledger's streams: principal, stream, events received, last sequence, and the\n"
         "sequence numbers that never arrived.\n\nExample:\n  auditctl streams --ledger clinic")
      ->callback([&run] { run.action = [&run] { return ListStreams(run.options); }; });
  app.add_subcommand(
         "status",
         "Print the server's version, uptime and ledgers, each with its witnesses: what they have\n"
         "cosigned, how far the quorum is behind, f (for principals with the right to).\n\n"
         "Example:\n  auditctl status")
      ->callback([&run] { run.action = [&run] { return Status(run.options); }; });
}

}  // namespace auditledger::ctl
