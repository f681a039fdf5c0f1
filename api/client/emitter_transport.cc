#include "api/client/emitter_transport.h"

#include <grpcpp/client_context.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/rpc_error.h"
#include "merkle/cosignature.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

LedgerClientOptions ClientOptions(const LedgerTransportOptions& options) {
  LedgerClientOptions out;
  out.ledger = options.ledger;
  out.log = options.log;
  out.key = options.key;
  out.retry.max_attempts = 1;  // the sender waits and tries again, also over restarts
  out.stream_timeout = options.stream_timeout;
  out.timeout = options.timeout;
  return out;
}

std::chrono::system_clock::time_point Deadline(std::chrono::milliseconds timeout) {
  return std::chrono::system_clock::now() + timeout;
}

}  // namespace

LedgerTransport::LedgerTransport(const std::shared_ptr<grpc::Channel>& channel,
                                 LedgerTransportOptions options)
    : options_(std::move(options)), client_(channel, ClientOptions(options_)) {}

absl::Status LedgerTransport::Send(absl::Span<const v1::AuditEvent> events,
                                   const LedgerClient::ResultCallback& on_result) {
  return client_.AppendStream(events, on_result);
}

absl::Status LedgerTransport::CheckExtends(const Checkpoint& older, const Checkpoint& newer) {
  std::vector<Hash> hashes;
  if (older.size != newer.size && older.size != 0) {
    v1::GetConsistencyProofRequest request;
    request.set_ledger(options_.ledger);
    request.set_old_size(older.size);
    request.set_new_size(newer.size);
    grpc::ClientContext context;
    context.set_deadline(Deadline(options_.timeout));
    v1::GetConsistencyProofResponse response;
    const absl::Status status =
        FromGrpc(client_.stub().GetConsistencyProof(&context, request, &response));
    if (absl::IsOutOfRange(status)) {
      return absl::DataLossError(
          absl::StrCat("the ledger does not know size ", newer.size,
                       ", which it has signed: it was rolled back, or this is another one"));
    }
    RETURN_IF_ERROR(status);
    for (const std::string& hash : response.proof().hashes()) {
      ASSIGN_OR_RETURN(hashes.emplace_back(), Hash::FromBytes(hash));
    }
  }
  const absl::Status extends =
      VerifyExtension(older.size, older.root, newer.size, newer.root, hashes);
  if (extends.ok()) return extends;
  return absl::DataLossError(absl::StrCat("the heads of sizes ", older.size, " and ", newer.size,
                                          " are not of one history: ", extends.message()));
}

absl::StatusOr<std::string> LedgerTransport::Follow(const std::string& last,
                                                    const std::string& note) {
  if (!options_.log.has_value() || !options_.follow || last == note) return note;
  ASSIGN_OR_RETURN(const SignedCheckpoint fresh, OpenPinnedHead(note, *options_.log));
  if (last.empty()) return note;
  ASSIGN_OR_RETURN(const SignedCheckpoint seen, OpenPinnedHead(last, *options_.log));
  if (seen.checkpoint == fresh.checkpoint) return note;  // with other cosignatures
  const bool newer = fresh.checkpoint.size >= seen.checkpoint.size;
  RETURN_IF_ERROR(newer ? CheckExtends(seen.checkpoint, fresh.checkpoint)
                        : CheckExtends(fresh.checkpoint, seen.checkpoint));
  return newer ? note : last;
}

absl::StatusOr<WitnessedHead> LedgerTransport::Witnessed() {
  v1::GetCheckpointRequest request;
  request.set_ledger(options_.ledger);
  request.set_witnessed(true);
  grpc::ClientContext context;
  context.set_deadline(Deadline(options_.timeout));
  v1::GetCheckpointResponse response;
  RETURN_IF_ERROR(FromGrpc(client_.stub().GetCheckpoint(&context, request, &response)));
  const std::string& note = response.checkpoint().note();
  if (!options_.log.has_value()) {
    ASSIGN_OR_RETURN(const Note parsed, ParseNote(note));
    ASSIGN_OR_RETURN(const Checkpoint head, ParseCheckpoint(parsed.text));
    return WitnessedHead{note, head.size};
  }
  ASSIGN_OR_RETURN(const SignedCheckpoint head, OpenPinnedHead(note, *options_.log));
  if (options_.witnesses.has_value()) {
    ASSIGN_OR_RETURN(const std::vector<Cosignature> cosignatures,
                     VerifyCosignatures(note, options_.witnesses->WitnessKeys()));
    RETURN_IF_ERROR(options_.witnesses->CheckQuorum(CosigningKeys(cosignatures)));
  }
  return WitnessedHead{note, head.checkpoint.size};
}

}  // namespace auditledger
