// Asks one witness about one log: the client's side of C2SP tlog-witness.
//
//   POST <url>/add-checkpoint      the head, with a proof from the size the witness has
//
// What it has is learnt from its answer of 409, which comes before anything else when the client
// starts ("old 0"), and whenever the witness was asked by somebody else. A cosignature counts once
// it verifies under the key that the policy pins, over this very head, with a time near this
// machine's own: an answer recorded earlier, or one about another head, is refused.
//
// Example:
//   WitnessClient client(policy.witnesses()[0], ledger.origin(), *http, clock);
//   const WitnessReply reply = client.Cosign(*head, prove);
//   if (reply.outcome == WitnessOutcome::kCosigned) lines.push_back(reply.line);
//
// Thread-safety: an object belongs to one thread; what it refers to must outlive it.
// Limits: kMaxConflicts requests a call, answers of kMaxWitnessResponseBytes. No error is an
// exception or a crash: every outcome is a WitnessOutcome, named in metrics and logs.
// Source: c2sp.org/tlog-witness, c2sp.org/tlog-cosignature (standards.md 2.3, 2.5).
#ifndef AUDITLEDGER_API_WITNESS_CLIENT_H_
#define AUDITLEDGER_API_WITNESS_CLIENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/http_transport.h"
#include "ledger/clock.h"
#include "ledger/ledger.h"
#include "merkle/checkpoint.h"
#include "merkle/policy.h"

namespace auditledger {

// A witness whose size changes under us, because somebody else shows it heads too, is told of the
// right one this often before it counts as failed and is asked again later.
inline constexpr int kMaxConflicts = 3;
// How far a cosignature's time may lie from this machine's: that of Kerberos, which every hospital
// keeps already. Beyond it the clock of one of the two is wrong, or the answer is an old one.
inline constexpr uint64_t kMaxWitnessClockSkewSeconds = 300;

enum class WitnessOutcome {
  kCosigned,
  kUnreachable,  // no connection, or it broke
  kTimeout,
  kBusy,        // 429 and 5xx: again later
  kRejected,    // 400, 413: it calls our request malformed
  kUntrusted,   // 403: it does not know the key that signed the head
  kUnknownLog,  // 404: it does not follow this log
  kConflict,    // 409 again and again
  kAhead,       // it has cosigned a larger head than the one offered
  kForked,      // 422, or 409 at its own size: it says the head does not extend what it cosigned
  kBadAnswer,   // not what the specification says, too large, another key, another head
  kWrongClock,  // its cosignature's time is far from ours
  kNoProof,     // the ledger could not make the proof: the log has the cause
};
// "cosigned", "unreachable", ...: as metrics label them.
absl::string_view WitnessOutcomeName(WitnessOutcome outcome);

struct WitnessReply {
  WitnessOutcome outcome = WitnessOutcome::kUnreachable;
  std::string line{};                // kCosigned: its one signature line, verified; no other's
  uint64_t timestamp = 0;            // kCosigned: seconds since 1970, the witness's claim
  uint64_t size = 0;                 // what the witness has cosigned, as far as is known
  bool forgot = false;               // it had cosigned more before: its state was reset
  std::string detail{};              // for the log: what was wrong, nothing that the witness wrote
  uint64_t retry_after_seconds = 0;  // of kBusy, where it said
};

// RFC 6962 consistency of two sizes of the log, 0 < old <= new.
using ConsistencyProver =
    std::function<absl::StatusOr<std::vector<Hash>>(uint64_t old_size, uint64_t new_size)>;

class WitnessClient {
 public:
  // REQUIRES: witness.url passes CheckHttpUrl and witness.key is of type 0x04.
  WitnessClient(PolicyWitness witness, std::string origin, HttpTransport& http, Clock& clock);

  WitnessReply Cosign(const PublishedHead& head, const ConsistencyProver& prove);

  // The checkpoint it cosigned last, from <url>/<hex SHA-256(origin)>/checkpoint, where monitors
  // read (a witness may show that elsewhere, then this is NotFound): a note that this witness has
  // cosigned. Whether the log signed it, which makes it proof, is for the caller to find. Errors as
  // HttpTransport; NotFound; DataLoss and so on for a cosignature that does not verify.
  absl::StatusOr<std::string> LastCosigned();

  const PolicyWitness& witness() const { return witness_; }

 private:
  // One request; false when it is to be repeated with the size in size_.
  bool Ask(const PublishedHead& head, const ConsistencyProver& prove, WitnessReply& reply);
  bool TakeConflict(const HttpAnswer& answer, uint64_t offered, uint64_t head_size,
                    WitnessReply& reply);
  void TakeCosignature(const HttpAnswer& answer, const PublishedHead& head, WitnessReply& reply);

  const PolicyWitness witness_;
  const std::string origin_;
  const std::string prefix_;  // witness_.url without a final slash
  HttpTransport& http_;
  Clock& clock_;
  uint64_t size_ = 0;  // what the witness has, as far as is known
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_WITNESS_CLIENT_H_
