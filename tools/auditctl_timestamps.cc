// What ProofService gives: timestamps beside exports and proofs, and COSE receipts.
#include "tools/auditctl_timestamps.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/cose_receipt.h"
#include "merkle/opening.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/timestamp.h"
#include "tools/auditctl_receipt.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

constexpr int kPageTimestamps = 100;  // pages also end at 1 MiB

struct CoseOptions {
  uint64_t index = 0;
  std::string out;
  std::string leaf;
};

absl::Status WriteBeside(const std::string& path, absl::string_view bytes) {
  return WriteFileAtomically({.path = path, .temporary = path + ".tmp", .sync = false}, bytes);
}

// The head that was stamped, and that the name is that of this head and token: what is not so is
// not written. The token itself is the verifier's to check, who knows whom to believe.
absl::StatusOr<Checkpoint> CheckForm(Connection& connection, const v1::HeadTimestamp& timestamp) {
  v1::Checkpoint note;
  note.set_note(timestamp.checkpoint());
  ASSIGN_OR_RETURN(const SignedCheckpoint head, connection.Open(note));
  if (TimestampFileStem(head.checkpoint.size, Sha256({timestamp.token()})) == timestamp.name()) {
    return head.checkpoint;
  }
  return NotProven(absl::DataLossError("a timestamp is not the one that its name says"));
}

// By `put`, the files' names beginning with `stem`.
template <typename Put>
absl::Status WriteTimestamp(const v1::HeadTimestamp& timestamp, const std::string& stem,
                            const Put& put) {
  RETURN_IF_ERROR(put(stem + ".checkpoint", timestamp.checkpoint()));
  return put(stem + ".tst", timestamp.token());
}

// Links the stamped head to `head`, as the verifier reads it.
absl::Status WriteLink(Connection& connection, const std::string& ledger, const Checkpoint& stamped,
                       const Checkpoint& head, const std::string& path) {
  if (stamped.size == head.size) return absl::OkStatus();
  v1::GetConsistencyProofRequest request;
  request.set_ledger(ledger);
  request.set_old_size(std::min(stamped.size, head.size));
  request.set_new_size(std::max(stamped.size, head.size));
  v1::GetConsistencyProofResponse response;
  RETURN_IF_ERROR(FromRpc(
      connection.ledgers().GetConsistencyProof(connection.Call().get(), request, &response)));
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes, ProofHashes(response.proof().hashes()));
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Hash& hash : hashes) list.push_back(hash.ToBase64());
  const nlohmann::ordered_json json = {{"old_size", request.old_size()},
                                       {"new_size", request.new_size()},
                                       {"hashes", std::move(list)}};
  return WriteBeside(path, json.dump() + "\n");
}

// The receipt of the entry that names the token, made anew under `head`.
absl::Status WriteReceipt(Connection& connection, const std::string& ledger,
                          const std::string& stored, const SignedCheckpoint& head,
                          const std::string& path) {
  absl::StatusOr<TlogProof> proof = ParseTlogProof(stored);
  if (!proof.ok()) return NotProven(proof.status());
  v1::GetInclusionProofRequest request;
  request.set_ledger(ledger);
  request.set_leaf_index(proof->index);
  request.set_tree_size(head.checkpoint.size);
  v1::GetInclusionProofResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection.ledgers().GetInclusionProof(connection.Call().get(), request, &response)));
  ASSIGN_OR_RETURN(proof->path, ProofHashes(response.proof().hashes()));
  proof->checkpoint = head.note;
  return WriteBeside(path, FormatTlogProof(*proof));
}

absl::Status ReceiptCose(const Options& global, const CoseOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(const std::string ledger, connection->LedgerName());
  v1::GetEntryRequest entry;
  entry.set_name(absl::StrCat(ledger, "/entries/", options.index));
  entry.set_view(v1::ENTRY_VIEW_LEAF);
  v1::GetEntryResponse found;
  RETURN_IF_ERROR(FromRpc(connection->ledgers().GetEntry(connection->Call().get(), entry, &found)));
  v1::GetCoseReceiptRequest request;
  request.set_ledger(ledger);
  request.set_index(options.index);
  v1::GetCoseReceiptResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection->proofs().GetCoseReceipt(connection->Call().get(), request, &response)));
  const absl::StatusOr<CoseReceipt> receipt = ParseCoseReceipt(response.receipt());
  if (!receipt.ok()) return NotProven(receipt.status());
  if (receipt->index != options.index) {
    return NotProven(absl::DataLossError("the answer is for another entry"));
  }
  if (connection->pinned()) {
    RETURN_IF_ERROR(NotProven(
        VerifyCoseInclusion(*receipt, LeafHash(found.entry().leaf()), connection->pin_key())));
  }
  RETURN_IF_ERROR(WriteBeside(options.out, response.receipt()));
  if (!options.leaf.empty()) RETURN_IF_ERROR(WriteBeside(options.leaf, found.entry().leaf()));
  if (global.json) {
    PrintJson({{"index", options.index},
               {"size", receipt->size},
               {"file", options.out},
               {"verified", connection->pinned()}});
  } else {
    PrintRow({options.out, absl::StrCat(options.index), absl::StrCat(receipt->size)});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> ExportTimestamps(Connection& connection, const std::string& ledger,
                                          uint64_t size, ExportSink& files) {
  const auto put = [&files](const std::string& name, const std::string& bytes) {
    return files.Put(name, bytes);
  };
  v1::ListTimestampsRequest request;
  request.set_parent(ledger);
  request.set_page_size(kPageTimestamps);
  uint64_t written = 0;
  do {
    v1::ListTimestampsResponse response;
    RETURN_IF_ERROR(
        FromRpc(connection.proofs().ListTimestamps(connection.Call().get(), request, &response)));
    for (const v1::HeadTimestamp& timestamp : response.timestamps()) {
      ASSIGN_OR_RETURN(const Checkpoint stamped, CheckForm(connection, timestamp));
      if (stamped.size > size) continue;  // of what came later than this export
      ++written;
      const std::string stem = absl::StrCat("timestamps/", timestamp.name());
      RETURN_IF_ERROR(WriteTimestamp(timestamp, stem, put));
      const absl::StatusOr<TlogProof> receipt = ParseTlogProof(timestamp.receipt());
      const absl::StatusOr<Note> note =
          receipt.ok() ? ParseNote(receipt->checkpoint) : receipt.status();
      const absl::StatusOr<Checkpoint> head =
          note.ok() ? ParseCheckpoint(note->text) : note.status();
      if (!head.ok() || head->size > size) continue;  // the next export links it
      RETURN_IF_ERROR(put(stem + ".tlog-proof", timestamp.receipt()));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return written;
}

absl::Status SaveTimeBracket(Connection& connection, const std::string& ledger, uint64_t index,
                             const SignedCheckpoint& head, const std::string& dir) {
  v1::GetTimeBracketRequest request;
  request.set_ledger(ledger);
  request.set_index(index);
  v1::GetTimeBracketResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection.proofs().GetTimeBracket(connection.Call().get(), request, &response)));
  RETURN_IF_ERROR(MakeFolders(dir));
  for (const v1::HeadTimestamp* timestamp : {&response.before(), &response.after()}) {
    if (timestamp->name().empty()) continue;
    ASSIGN_OR_RETURN(const Checkpoint stamped, CheckForm(connection, *timestamp));
    const std::string path = absl::StrCat(dir, "/", timestamp->name());
    RETURN_IF_ERROR(WriteTimestamp(*timestamp, path, WriteBeside));
    RETURN_IF_ERROR(WriteLink(connection, ledger, stamped, head.checkpoint, path + ".consistency"));
    if (timestamp != &response.before()) continue;
    RETURN_IF_ERROR(
        WriteReceipt(connection, ledger, timestamp->receipt(), head, path + ".tlog-proof"));
  }
  return absl::OkStatus();
}

void AddCoseCommand(CLI::App& app, Run& run) {
  auto options = std::make_shared<CoseOptions>();
  CLI::App* command = app.add_subcommand(
      "receipt-cose",
      "Write a COSE receipt (RFC 9942) of an entry, which auditledger-verify cose and other tools "
      "read;\n"
      "with --leaf what it is a receipt of. Prints file, index and size of the tree.\n\n"
      "Example:\n  auditctl receipt-cose 12 --ledger clinic --out 12.cose --leaf 12.leaf");
  command->add_option("index", options->index, "index of the entry")->required();
  command->add_option("--out", options->out, "the file to write")->required();
  command->add_option("--leaf", options->leaf, "write the entry's leaf to this file");
  command->callback([options, &run] {
    run.action = [options, &run] { return ReceiptCose(run.options, *options); };
  });
}

}  // namespace auditledger::ctl
