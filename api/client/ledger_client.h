// The emitter's library: append events, get receipts that were checked.
//
// Example:
//   ASSIGN_OR_RETURN(auto channel, TlsChannel({"ledger.example:8443", "ca.pem", "ehr.pem",
//   "ehr.key"})); ASSIGN_OR_RETURN(NoteVerifier key, NoteVerifier::Parse(pinned_vkey));
//   LedgerClient client(channel, {"ledgers/main", {{"hospital.example/log", key}}});
//   v1::AuditEvent event = ...;         // event_id unique in its stream, stream_sequence 1, 2, 3
//   ... absl::StatusOr<v1::Receipt> receipt = client.Append(event);
//
// OK means: the event is durable, in order, under a signed head, and the receipt proves it. With a
// PinnedLog every receipt is checked (receipt_check.h) against key and origin that came by another
// way than the server; without one nothing is checked, which is for tools that verify later. What
// may be sent again is sent again (retry.h). An error that remains leaves the outcome unknown for
// UNAVAILABLE and DEADLINE_EXCEEDED: keep the event and send it later, with the same id and bytes;
// it is recorded once.
//
// Thread-safety: all methods; each call uses a stream or call of its own. Calls block.
// Errors: the server's code and message; ErrorReason (rpc_error.h) gives the reason. DataLoss: a
// receipt that does not prove what it should; keep it, it is evidence.
// Limits: 64 KiB an event, 1,000 events or 4 MiB a batch; the server says which one was broken.
#ifndef AUDITLEDGER_API_CLIENT_LEDGER_CLIENT_H_
#define AUDITLEDGER_API_CLIENT_LEDGER_CLIENT_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "api/client/emitter_key.h"
#include "api/client/receipt_check.h"
#include "api/client/retry.h"
#include "auditledger/v1/ledger_service.grpc.pb.h"

namespace auditledger {

struct LedgerClientOptions {
  std::string ledger;  // ledgers/{ledger}
  std::optional<PinnedLog> log;
  // Signs each event, and each receipt must say so (but that of an event that was recorded before,
  // perhaps unsigned). REQUIRES: log, whose origin is signed too. nullptr: events are not signed.
  std::shared_ptr<const EmitterKey> key = nullptr;
  // WITNESSED: receipts under a head that the quorum of the ledger's witness policy has cosigned.
  // The client checks the log's signature; whether the cosignatures are those of a policy of its
  // own, auditledger-verify says.
  v1::AckLevel ack = v1::ACK_LEVEL_DURABLE;
  RetryPolicy retry;
  std::chrono::milliseconds timeout{5000};          // of one attempt of Append and AppendBatch
  std::chrono::milliseconds stream_timeout{60000};  // of one attempt of AppendStream
  size_t window = 500;             // unanswered events of a stream; the server's own bound is 1,000
  size_t events_per_message = 50;  // amortises a message's cost of 5 microseconds
};

class LedgerClient {
 public:
  LedgerClient(std::shared_ptr<grpc::Channel> channel, LedgerClientOptions options);

  absl::StatusOr<v1::Receipt> Append(const v1::AuditEvent& event);

  // All or none, next to each other, one receipt each in their order. The new ones are answered
  // with one proof (shared_proof.h), of which their receipts are made here.
  absl::StatusOr<std::vector<v1::Receipt>> AppendBatch(absl::Span<const v1::AuditEvent> events);

  // Each by itself. `on_result` is called once for each event, with its position in `events`, on
  // the calling thread, in order except for events that were sent again. OK when every event has
  // its result, refusals included; else the error after which the rest has none. Outlives an access
  // token whose file (TlsChannelOptions) is replaced in time.
  using ResultCallback = std::function<void(size_t position, const absl::StatusOr<v1::Receipt>&)>;
  absl::Status AppendStream(absl::Span<const v1::AuditEvent> events,
                            const ResultCallback& on_result);

  v1::LedgerService::Stub& stub() { return *stub_; }

 private:
  absl::Status Retry(const std::function<absl::Status()>& attempt);
  // Puts an event into what is sent.
  absl::Status Fill(const v1::AuditEvent& event, v1::AppendEventRequest& request) const;
  absl::Status CheckSignature(const v1::Receipt& receipt) const;
  absl::Status Check(const v1::Receipt& receipt, const v1::AuditEvent& event) const;
  absl::Status CheckAll(absl::Span<const v1::Receipt> receipts,
                        absl::Span<const v1::AuditEvent> events) const;
  // Sends the events at `pending`; takes out those that have a final result.
  absl::Status StreamOnce(absl::Span<const v1::AuditEvent> events, std::vector<size_t>& pending,
                          const ResultCallback& on_result);

  const std::shared_ptr<grpc::Channel> channel_;
  const LedgerClientOptions options_;
  const std::unique_ptr<v1::LedgerService::Stub> stub_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_LEDGER_CLIENT_H_
