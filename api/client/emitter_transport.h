// How an emitter reaches its ledger: an interface, so that a test can be the ledger, and the one
// over gRPC.
//
// Example:
//   LedgerTransport transport(channel, {.ledger = "ledgers/main", .log = pinned});
//   RETURN_IF_ERROR(transport.Send(events, on_result));
//   ASSIGN_OR_RETURN(std::string newest, transport.Follow(last_head, note));
//
// **Follow** is what keeps a ledger honest between two visits: the head of each receipt and the
// last head seen must extend one another, by a proof that the ledger gives (role prover). One that
// was rolled back, or shows this emitter another history, is DataLoss: keep both notes, they are
// evidence.
//
// Thread-safety: one thread. Errors: the server's (rpc_error.h), or as receipt_check.h.
#ifndef AUDITLEDGER_API_CLIENT_EMITTER_TRANSPORT_H_
#define AUDITLEDGER_API_CLIENT_EMITTER_TRANSPORT_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "api/client/ledger_client.h"
#include "merkle/policy.h"

namespace auditledger {

struct WitnessedHead {
  std::string note;
  uint64_t size = 0;
};

class EmitterTransport {
 public:
  virtual ~EmitterTransport() = default;
  // One attempt, in order. `on_result` for each event that was answered, with its receipt, which
  // proves it, or with why there is none.
  virtual absl::Status Send(absl::Span<const v1::AuditEvent> events,
                            const LedgerClient::ResultCallback& on_result) = 0;
  // The newer of two heads, after it was shown that it extends the other. `last` may be "".
  virtual absl::StatusOr<std::string> Follow(const std::string& last, const std::string& note) = 0;
  // The newest head that the ledger's witnesses cosigned.
  virtual absl::StatusOr<WitnessedHead> Witnessed() = 0;
};

struct LedgerTransportOptions {
  std::string ledger;                               // ledgers/{ledger}
  std::optional<PinnedLog> log;                     // without it no receipt and no head is checked
  bool follow = true;                               // false: for an emitter without the role prover
  std::shared_ptr<const EmitterKey> key = nullptr;  // signs each event; with `log` alone
  // The cosignatures that count; without one it is the ledger's word that there are enough.
  std::optional<Policy> witnesses;
  std::chrono::milliseconds stream_timeout{20000};  // of a batch; a shutdown waits so long for it
  std::chrono::milliseconds timeout{5000};          // of other calls
};

class LedgerTransport : public EmitterTransport {
 public:
  LedgerTransport(const std::shared_ptr<grpc::Channel>& channel, LedgerTransportOptions options);

  absl::Status Send(absl::Span<const v1::AuditEvent> events,
                    const LedgerClient::ResultCallback& on_result) override;
  absl::StatusOr<std::string> Follow(const std::string& last, const std::string& note) override;
  absl::StatusOr<WitnessedHead> Witnessed() override;

 private:
  absl::Status CheckExtends(const Checkpoint& older, const Checkpoint& newer);
  const LedgerTransportOptions options_;
  LedgerClient client_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_EMITTER_TRANSPORT_H_
