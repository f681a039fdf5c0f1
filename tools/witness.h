// A C2SP witness: cosigns a log's checkpoint only if it extends the last one it cosigned of that
// log. The one place where that is decided, for HTTP (witness_server.h) and for heads brought as
// files.
//
// Example:
//   ASSIGN_OR_RETURN(auto witness, Witness::Open(std::move(options)));
//   const WitnessAnswer answer = witness->AddCheckpoint(body);      // HTTP status and body
//
// Invariants, of one origin, over crashes and any number of processes:
//   1. never two cosignatures for one size with different roots, never one for a smaller size than
//      was cosigned before, never one with an earlier time;
//   2. a head is on the disk before its cosignature leaves AddCheckpoint;
//   3. comparing with the last head and storing the new one is one step, under the log's lock.
// Where the disk cannot be trusted any more (any error of storing but a full disk), the log is not
// cosigned again by this object, and `storage_failed` ends the process.
//
// Thread-safety: all methods may be called by many threads; different logs do not wait for each
// other. Source: c2sp.org/tlog-witness (standards.md 2.5).
#ifndef AUDITLEDGER_TOOLS_WITNESS_H_
#define AUDITLEDGER_TOOLS_WITNESS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"
#include "merkle/tlog_proof.h"
#include "tools/witness_logs.h"
#include "tools/witness_state.h"

namespace auditledger {

struct WitnessOptions {
  std::string key_file;
  std::string state_dir;
  std::vector<WitnessedLog> logs;
  Clock* clock = &Clock::System();
  // Must not return in production: what the disk holds is then unknown.
  std::function<void(const absl::Status&)> storage_failed;
};

struct WitnessAnswer {
  int status = 500;          // WitnessStatus, or 500 and 503 with a reason in `body`
  std::string content_type;  // "" means text/plain
  std::string body;
  // For the witness's own log: a followed origin and the head it offered, where it got so far.
  std::string origin;
  uint64_t size = 0;
};

class Witness {
 public:
  static absl::StatusOr<std::unique_ptr<Witness>> Open(WitnessOptions options);

  // `body`: an add-checkpoint request.
  WitnessAnswer AddCheckpoint(absl::string_view body);
  // The last cosigned checkpoint of the log whose origin has this SHA-256, in lower-case hex.
  // NotFound for another log, and for one never cosigned.
  absl::StatusOr<std::string> LastCheckpoint(absl::string_view origin_hash);
  // The sizes last cosigned, 0 for none, by origin.
  std::map<std::string, uint64_t> Sizes();

  const NoteVerifier& verifier() const { return key_.verifier; }

 private:
  // One log; `head` changes under `mutex`.
  struct Log {
    WitnessedLog config;
    Mutex mutex;
    std::optional<WitnessedHead> head ABSL_GUARDED_BY(mutex);
    bool storage_failed ABSL_GUARDED_BY(mutex) = false;
  };
  // A request whose signature was checked.
  struct Offer {
    CheckpointUpdate update;
    Checkpoint checkpoint;
    Note note;  // with the lines of the log's keys alone
  };

  Witness(WitnessOptions options, WitnessKey key, WitnessState state);
  absl::Status CheckExtends(const Offer& offer, Log& log) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log.mutex);
  void StorageFailed(const absl::Status& why, Log& log) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log.mutex);
  void KeepForkEvidence(const Offer& offer, Log& log) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log.mutex);
  WitnessAnswer Cosign(Offer offer, Log& log);

  const WitnessOptions options_;
  const WitnessKey key_;
  const WitnessState state_;
  std::map<std::string, std::unique_ptr<Log>> logs_;  // by origin; not changed after Open
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_WITNESS_H_
