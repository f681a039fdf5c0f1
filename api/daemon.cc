#include "api/daemon.h"

#include <google/protobuf/stubs/logging.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "api/config.h"
#include "ledger/master_key_source.h"
#include "ledger/posix_file.h"
#include "ledger/recovery.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

RpcLog* protobuf_log = nullptr;

void LogProtobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  if (protobuf_log != nullptr) protobuf_log->Debug("protobuf", {{"message", message}});
}

absl::Status Adopt(const LedgerSetOptions& set, const AdoptedHead& head) {
  LedgerOptions options;
  const auto below = [&](const std::string& root) {
    return absl::StrCat(root, "/", head.ledger_id);
  };
  options.paths = {below(set.roots.data_dir), below(set.roots.state_dir), below(set.roots.key_dir),
                   below(set.roots.seed_dir), set.roots.signer_socket,    set.roots.master_key};
  std::ifstream file(options.paths.data_dir + "/ledger.origin");
  if (!std::getline(file, options.origin)) {
    return absl::NotFoundError(absl::StrCat("--adopt_signer_state: no ledger ", head.ledger_id));
  }
  return AdoptSignerState(options, head.size, head.root);
}

}  // namespace

absl::Status MakeRoot(const DaemonOptions& options) {
  if (options.root.empty()) return absl::OkStatus();
  const absl::Status made = MakeDirectory(options.root, 0700);
  if (made.ok()) return made;
  return absl::InvalidArgumentError(absl::StrCat("--root: ", made.message()));
}

absl::StatusOr<std::unique_ptr<LedgerSet>> OpenLedgers(const DaemonOptions& options, RpcLog& log) {
  LedgerSetOptions set = ToLedgerSetOptions(options.config);
  set.overrides = options.overrides;
  ASSIGN_OR_RETURN(set.roots.master_key, LoadMasterKeyIfGiven(options.config.master_key()));
  if (set.roots.master_key != nullptr) {
    log.Event("master_key_loaded", {{"fingerprint", set.roots.master_key->fingerprint()}});
  }
  for (const AdoptedHead& head : options.adopt) {
    RETURN_IF_ERROR(Adopt(set, head));
    log.Warning("signer_state_adopted",
                {{"ledger", head.ledger_id}, {"size", absl::StrCat(head.size)}});
  }
  ASSIGN_OR_RETURN(std::unique_ptr<LedgerSet> ledgers, LedgerSet::Open(set));
  for (const config::v1::AutoCreate& wanted : options.config.auto_create()) {
    const absl::Status found = ledgers->Find(wanted.ledger_id()).status();
    if (!absl::IsNotFound(found))
      continue;  // there, or there and refused: then it is not made anew
    RETURN_IF_ERROR(ledgers->Create(wanted.ledger_id(), wanted.origin()).status());
    log.Event("ledger_created", {{"ledger", wanted.ledger_id()}, {"origin", wanted.origin()}});
  }
  for (const LedgerSet::Slot& slot : ledgers->List()) {
    if (slot.ledger == nullptr) {
      log.Error("ledger_refused",
                {{"ledger", slot.id}, {"why", std::string(slot.refused.message())}});
    } else {
      log.Event("ledger_open", {{"ledger", slot.id},
                                {"origin", slot.origin},
                                {"size", absl::StrCat(slot.ledger->head()->head.size)}});
    }
  }
  return ledgers;
}

std::map<std::string, Head> VouchedHeads(const DaemonOptions& options) {
  std::map<std::string, Head> out;
  for (const AdoptedHead& head : options.accept_unwitnessed) {
    out[head.ledger_id] = Head{head.size, head.root, 0};
  }
  return out;
}

absl::Status WriteReadyFile(const std::string& path, const Server& server) {
  const std::string partial = path + ".partial";
  std::ofstream file(partial);
  for (const BoundListener& listener : server.listeners())
    file << listener.name << ' ' << listener.address << '\n';
  if (!server.metrics_address().empty()) file << "metrics " << server.metrics_address() << '\n';
  if (!server.tiles_address().empty()) file << "tiles " << server.tiles_address() << '\n';
  file.close();
  if (file && std::rename(partial.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError("--ready_file: cannot be written");
}

void RouteProtobufLog(RpcLog& log) {
  protobuf_log = &log;
  google::protobuf::SetLogHandler(LogProtobuf);
}

}  // namespace auditledger
