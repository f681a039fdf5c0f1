#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_receipt.h"
#include "tools/auditctl_timestamps.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

struct ProveOptions {
  uint64_t index = 0;
  uint64_t size = 0;
  uint64_t old_size = 0;
  bool witnessed = false;
  std::string out;
  std::string timestamps;
};

absl::Status Deliver(const std::string& out, const std::string& text) {
  if (!out.empty()) {
    return WriteFileAtomically({.path = out, .temporary = out + ".tmp", .sync = false}, text);
  }
  std::cout << text;
  return absl::OkStatus();
}

std::string HashesJson(const char* first, uint64_t first_value, const char* second,
                       uint64_t second_value, const std::vector<Hash>& hashes) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Hash& hash : hashes) list.push_back(hash.ToBase64());
  const nlohmann::ordered_json out = {
      {first, first_value}, {second, second_value}, {"hashes", std::move(list)}};
  return out.dump() + "\n";
}

absl::Status PrintCheckpoint(const Options& global, const ProveOptions& options) {
  const std::string& out = options.out;
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::GetCheckpointRequest request;
  request.set_witnessed(options.witnessed);
  ASSIGN_OR_RETURN(*request.mutable_ledger(), connection->LedgerName());
  v1::GetCheckpointResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection->ledgers().GetCheckpoint(connection->Call().get(), request, &response)));
  ASSIGN_OR_RETURN(const SignedCheckpoint head, connection->Open(response.checkpoint()));
  if (!global.json) return Deliver(out, head.note);
  const nlohmann::ordered_json json = {{"origin", head.checkpoint.origin},
                                       {"size", head.checkpoint.size},
                                       {"root", head.checkpoint.root.ToBase64()},
                                       {"verified", connection->pinned()},
                                       {"note", head.note}};
  return Deliver(out, json.dump() + "\n");
}

// A tree that is not the newest has no signed head any more: its proof is given bare.
absl::Status ProveInOldTree(Connection& connection, const std::string& ledger,
                            const ProveOptions& options) {
  v1::GetInclusionProofRequest request;
  request.set_ledger(ledger);
  request.set_leaf_index(options.index);
  request.set_tree_size(options.size);
  v1::GetInclusionProofResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection.ledgers().GetInclusionProof(connection.Call().get(), request, &response)));
  if (response.proof().leaf_index() != options.index ||
      response.proof().tree_size() != options.size) {
    return NotProven(absl::DataLossError("the answer is for another entry or another tree"));
  }
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes, ProofHashes(response.proof().hashes()));
  return Deliver(options.out,
                 HashesJson("leaf_index", options.index, "tree_size", options.size, hashes));
}

absl::Status Prove(const Options& global, const ProveOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(const std::string ledger, connection->LedgerName());
  if (options.size != 0) return ProveInOldTree(*connection, ledger, options);
  v1::GetEntryRequest request;
  request.set_name(absl::StrCat(ledger, "/entries/", options.index));
  request.set_view(v1::ENTRY_VIEW_FULL);
  request.set_witnessed(options.witnessed);
  v1::GetEntryResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection->ledgers().GetEntry(connection->Call().get(), request, &response)));
  ProvenEntry entry;
  entry.index = response.entry().index();
  entry.leaf = response.entry().leaf();
  if (response.entry().has_opening()) entry.opening = response.entry().opening();
  entry.inclusion = response.inclusion();
  entry.checkpoint = response.checkpoint();
  RETURN_IF_ERROR(CheckEntry(*connection, entry, response.entry().opening().event()));
  if (!options.timestamps.empty()) {
    ASSIGN_OR_RETURN(const SignedCheckpoint head, connection->Open(entry.checkpoint));
    RETURN_IF_ERROR(SaveTimeBracket(*connection, ledger, options.index, head, options.timestamps));
  }
  ASSIGN_OR_RETURN(const std::string text, TlogProofText(entry));
  return Deliver(options.out, text);
}

absl::Status ProveConsistency(const Options& global, const ProveOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::GetConsistencyProofRequest request;
  ASSIGN_OR_RETURN(*request.mutable_ledger(), connection->LedgerName());
  request.set_old_size(options.old_size);
  request.set_new_size(options.size);
  request.set_witnessed(options.witnessed);
  v1::GetConsistencyProofResponse response;
  RETURN_IF_ERROR(FromRpc(
      connection->ledgers().GetConsistencyProof(connection->Call().get(), request, &response)));
  ASSIGN_OR_RETURN(const SignedCheckpoint head, connection->Open(response.checkpoint()));
  ASSIGN_OR_RETURN(std::vector<Hash> hashes, ProofHashes(response.proof().hashes()));
  if (response.proof().old_size() != options.old_size ||
      (options.size != 0 && response.proof().new_size() != options.size)) {
    return NotProven(absl::DataLossError("the answer is for other sizes than were asked for"));
  }
  if (response.proof().new_size() != head.checkpoint.size) {
    return Deliver(options.out, HashesJson("old_size", response.proof().old_size(), "new_size",
                                           response.proof().new_size(), hashes));
  }
  CheckpointUpdate update;
  update.old_size = response.proof().old_size();
  update.proof = std::move(hashes);
  update.checkpoint = head.note;
  return Deliver(options.out, FormatCheckpointUpdate(update));
}

void AddOut(CLI::App& command, ProveOptions& options) {
  command.add_option("--out", options.out, "write to this file instead of standard output");
  command.add_flag(
      "--witnessed", options.witnessed,
      "the newest head that the witness policy's quorum cosigned, not the newest signed");
}

}  // namespace

void AddProveCommands(CLI::App& app, Run& run) {
  auto options = std::make_shared<ProveOptions>();
  CLI::App* checkpoint =
      app.add_subcommand("checkpoint",
                         "Print the newest signed head, a C2SP checkpoint. With --pin-key its "
                         "signature is verified.\n\n"
                         "Example:\n  auditctl checkpoint --ledger clinic > head.txt");
  AddOut(*checkpoint, *options);
  checkpoint->callback([options, &run] {
    run.action = [options, &run] { return PrintCheckpoint(run.options, *options); };
  });

  CLI::App* prove = app.add_subcommand(
      "prove",
      "Print the proof that an entry is in the log: a C2SP tlog-proof under the newest head, "
      "which\n"
      "auditledger-verify reads. With --size the bare hashes for that tree, as JSON, "
      "unverified.\n\n"
      "Example:\n  auditctl prove 12 --ledger clinic --out 12.tlog-proof");
  prove->add_option("index", options->index, "index of the entry")->required();
  prove->add_option("--timestamps", options->timestamps,
                    "folder that gets the timestamps which bound when the entry came, for "
                    "`auditledger-verify receipt --timestamps`");
  prove->add_option("--size", options->size, "size of the tree (default: the newest head)");
  AddOut(*prove, *options);
  prove->callback(
      [options, &run] { run.action = [options, &run] { return Prove(run.options, *options); }; });

  CLI::App* consistency = app.add_subcommand(
      "prove-consistency",
      "Print the proof that the tree of NEW entries (default: the newest head) extends that of "
      "OLD: a C2SP\n"
      "add-checkpoint body, or bare hashes as JSON where NEW is not the newest.\n\n"
      "Example:\n  auditctl prove-consistency 1000 --ledger clinic > update.txt");
  consistency->add_option("old", options->old_size, "entries of the older tree, at least 1")
      ->required();
  consistency->add_option("new", options->size, "entries of the newer tree");
  AddOut(*consistency, *options);
  consistency->callback([options, &run] {
    run.action = [options, &run] { return ProveConsistency(run.options, *options); };
  });
}

}  // namespace auditledger::ctl
