#include "api/client/ledger_client.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/client/rpc_error.h"
#include "api/client/shared_proof.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using Clock = std::chrono::system_clock;

constexpr char kTokenExpired[] = "TOKEN_EXPIRED";  // api/access/token_verifier.h

// Events sent in a stream, in order, that wait for their result.
struct Window {
  const std::vector<size_t>& order;  // positions in the caller's events
  size_t sent = 0;
  size_t answered = 0;
  size_t open() const { return sent - answered; }
};

// The head of the receipt before: those of one commit share it, and a signature costs more than all
// else there is to check.
struct HeadSeen {
  std::string note;  // "": none
  Checkpoint head;
};

absl::Status CheckAfter(HeadSeen& seen, const v1::Receipt& receipt, const v1::AuditEvent& event,
                        const PinnedLog& log) {
  const std::string& note = receipt.checkpoint().note();
  if (seen.note.empty() || seen.note != note) {
    ASSIGN_OR_RETURN(SignedCheckpoint opened, OpenPinnedHead(note, log));
    seen = {note, std::move(opened.checkpoint)};
  }
  return CheckReceiptUnder(seen.head, receipt, event.SerializeAsString());
}

}  // namespace

LedgerClient::LedgerClient(std::shared_ptr<grpc::Channel> channel, LedgerClientOptions options)
    : channel_(std::move(channel)),
      options_(std::move(options)),
      stub_(v1::LedgerService::NewStub(channel_)) {}

absl::Status LedgerClient::Retry(const std::function<absl::Status()>& attempt) {
  std::mt19937_64 random{std::random_device()()};
  for (int made = 1;; ++made) {
    const absl::Status status = attempt();
    if (status.ok() || !IsRetryable(status) || made >= options_.retry.max_attempts) return status;
    Sleep(options_.retry, RetryDelay(options_.retry, made, status, random));
  }
}

absl::Status LedgerClient::Fill(const v1::AuditEvent& event,
                                v1::AppendEventRequest& request) const {
  *request.mutable_event() = event;
  request.set_include_opening(true);
  if (options_.key == nullptr) return absl::OkStatus();
  if (!options_.log.has_value()) {
    return absl::InvalidArgumentError("LedgerClientOptions.key needs a pinned log: it is signed");
  }
  ASSIGN_OR_RETURN(*request.mutable_seal(), options_.key->Seal(options_.log->origin, event));
  return absl::OkStatus();
}

absl::Status LedgerClient::CheckSignature(const v1::Receipt& receipt) const {
  if (options_.key == nullptr || receipt.repeated_event()) return absl::OkStatus();
  return options_.key->CheckSigned(receipt);
}

absl::Status LedgerClient::Check(const v1::Receipt& receipt, const v1::AuditEvent& event) const {
  if (!options_.log.has_value()) return absl::OkStatus();
  RETURN_IF_ERROR(CheckReceipt(receipt, event.SerializeAsString(), *options_.log));
  return CheckSignature(receipt);
}

absl::Status LedgerClient::CheckAll(absl::Span<const v1::Receipt> receipts,
                                    absl::Span<const v1::AuditEvent> events) const {
  if (!options_.log.has_value()) return absl::OkStatus();
  HeadSeen seen;
  for (size_t i = 0; i < receipts.size(); ++i) {
    RETURN_IF_ERROR(CheckAfter(seen, receipts[i], events[i], *options_.log));
    RETURN_IF_ERROR(CheckSignature(receipts[i]));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Receipt> LedgerClient::Append(const v1::AuditEvent& event) {
  v1::AppendEventRequest request;
  request.set_ledger(options_.ledger);
  RETURN_IF_ERROR(Fill(event, request));
  request.set_ack(options_.ack);
  v1::AppendEventResponse response;
  RETURN_IF_ERROR(Retry([&] {
    grpc::ClientContext context;
    context.set_deadline(Clock::now() + options_.timeout);
    response.Clear();
    return FromGrpc(stub_->AppendEvent(&context, request, &response));
  }));
  RETURN_IF_ERROR(Check(response.receipt(), event));
  return std::move(*response.mutable_receipt());
}

absl::StatusOr<std::vector<v1::Receipt>> LedgerClient::AppendBatch(
    absl::Span<const v1::AuditEvent> events) {
  v1::BatchAppendEventsRequest request;
  request.set_ledger(options_.ledger);
  request.set_ack(options_.ack);
  request.set_share_proof(true);
  for (const v1::AuditEvent& event : events) {
    RETURN_IF_ERROR(Fill(event, *request.add_requests()));
  }
  v1::BatchAppendEventsResponse response;
  RETURN_IF_ERROR(Retry([&] {
    grpc::ClientContext context;
    context.set_deadline(Clock::now() + options_.timeout);
    response.Clear();
    return FromGrpc(stub_->BatchAppendEvents(&context, request, &response));
  }));
  ASSIGN_OR_RETURN(std::vector<v1::Receipt> receipts,
                   WholeReceipts(std::move(response), events.size()));
  RETURN_IF_ERROR(CheckAll(receipts, events));
  return receipts;
}

absl::Status LedgerClient::StreamOnce(absl::Span<const v1::AuditEvent> events,
                                      std::vector<size_t>& pending,
                                      const ResultCallback& on_result) {
  grpc::ClientContext context;
  context.set_deadline(Clock::now() + options_.stream_timeout);
  const auto stream = stub_->AppendEventStream(&context);
  const std::vector<size_t> order = pending;
  Window window{order};
  std::vector<size_t> again;
  HeadSeen seen;
  const auto check = [&](const v1::Receipt& receipt, const v1::AuditEvent& event) {
    if (!options_.log.has_value()) return absl::OkStatus();
    const absl::Status proven = CheckAfter(seen, receipt, event, *options_.log);
    return proven.ok() ? CheckSignature(receipt) : proven;
  };
  absl::Status retryable;
  bool writing = true;
  while (true) {
    while (writing && window.sent < order.size() && window.open() < options_.window) {
      v1::AppendEventStreamRequest message;
      if (window.sent == 0) message.set_ledger(options_.ledger);
      const size_t end = std::min(order.size(), window.sent + options_.events_per_message);
      for (; window.sent < end; ++window.sent) {
        v1::AppendEventRequest* added = message.add_requests();
        const absl::Status filled = Fill(events[order[window.sent]], *added);
        if (!filled.ok()) {
          context.TryCancel();
          return filled;
        }
        added->set_ack(options_.ack);
      }
      writing = stream->Write(message);
    }
    if (writing && window.sent == order.size()) {
      stream->WritesDone();
      writing = false;
    }
    v1::AppendEventStreamResponse response;
    if (!stream->Read(&response)) break;
    for (const v1::AppendResult& result : response.results()) {
      if (result.position() != window.answered || window.answered >= window.sent) {
        context.TryCancel();
        return absl::DataLossError("results come out of order");
      }
      const size_t position = order[window.answered++];
      absl::Status status = result.has_problem() ? FromProblem(result.problem())
                                                 : check(result.receipt(), events[position]);
      if (IsRetryable(status)) {
        again.push_back(position);
        retryable = status;
      } else if (status.ok()) {
        on_result(position, result.receipt());
      } else {
        on_result(position, status);
      }
    }
  }
  const absl::Status ended = FromGrpc(stream->Finish());
  again.insert(again.end(), order.begin() + static_cast<std::ptrdiff_t>(window.answered),
               order.end());
  std::sort(again.begin(), again.end());
  pending = std::move(again);
  if (!ended.ok()) return ended;
  if (pending.empty()) return absl::OkStatus();
  return retryable.ok() ? absl::UnavailableError("the stream ended before all results") : retryable;
}

absl::Status LedgerClient::AppendStream(absl::Span<const v1::AuditEvent> events,
                                        const ResultCallback& on_result) {
  std::vector<size_t> pending(events.size());
  for (size_t i = 0; i < events.size(); ++i) pending[i] = i;
  if (pending.empty()) return absl::OkStatus();
  std::mt19937_64 random{std::random_device()()};
  for (int failed = 1;; ++failed) {
    const size_t before = pending.size();
    const absl::Status status = StreamOnce(events, pending, on_result);
    if (pending.empty()) return absl::OkStatus();
    // A token that was good for some of the events: its file may hold the next one by now.
    const bool renewed = ErrorReason(status) == kTokenExpired && pending.size() < before;
    if (!IsRetryable(status) && !renewed) return status;
    if (pending.size() < before) failed = 1;  // it goes on: attempts count between two results
    if (failed >= options_.retry.max_attempts) return status;
    Sleep(options_.retry, RetryDelay(options_.retry, failed, status, random));
  }
}

}  // namespace auditledger
