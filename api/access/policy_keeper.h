// Keeps the access policy in force in step with its file, and on record: every policy that governed
// a ledger is named in it.
//
//   file read twice alike, or SIGHUP ──▶ sound? ──▶ Authorizer::Use ──▶ an entry in each ledger
//                                          └─▶ no: the last good one stays; log, metric
//
// The entry is an operator's, "access_policy sha256:HEX": whoever has the file can show that it is
// the one, and no name is in it. It follows at once where the ledger takes appends, else as soon as
// it does: a right that is taken away may not wait for a full disk. What a ledger has on record
// last is kept beside it (data_dir/<id>/access-policy), so that a start with the same policy adds
// nothing. A policy in another's place is an event too (access_event.h).
//
// Thread-safety: all methods.
#ifndef AUDITLEDGER_API_ACCESS_POLICY_KEEPER_H_
#define AUDITLEDGER_API_ACCESS_POLICY_KEEPER_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "api/access/access_log.h"
#include "api/access/access_rules.h"
#include "api/access/authorizer.h"
#include "api/notification.h"
#include "api/rpc_log.h"
#include "ledger/clock.h"
#include "ledger/ledger_set.h"
#include "ledger/mutex.h"

namespace auditledger {

// A change is in force within two of them: an editor that writes a file in pieces is not read in
// the middle. Reading a file of some kilobytes costs nothing.
inline constexpr std::chrono::milliseconds kPolicyPoll{1000};

class PolicyKeeper {
 public:
  struct Options {
    std::string file;
    std::string data_root;  // of the daemon: <data_root>/<id> is a ledger's
  };
  struct Report {
    uint64_t loads = 0;     // policies that came into force since the start, the first included
    uint64_t refusals = 0;  // files that were no policy
    bool failing = false;   // the file as it is now is none
    uint64_t in_force = 0;  // grants
    uint64_t next_expiry_us = 0;
  };

  // `authorizer` has the policy of `options.file`. All references must outlive it.
  PolicyKeeper(Authorizer& authorizer, LedgerSet& ledgers, AccessLog& access_log, Clock& clock,
               RpcLog& log, Options options);
  ~PolicyKeeper() { Stop(); }

  // Follows the file from now on.
  void Start();
  void Stop();
  // One look at the file, and what is due in the ledgers. For tests, and for the thread of Start.
  void RunOnce();
  // Reads the file now, whether it changed or not. An error is logged and counted too.
  absl::Status Reload();
  // Puts the policy in force on record in a ledger, unless it is, and waits until that is durable.
  // What cannot be recorded now is in a later round.
  void Record(const std::string& id, Ledger& ledger);
  // The same in all of them.
  void RecordAll();
  Report report() const;

 private:
  absl::Status Take(const absl::StatusOr<std::string>& text);
  absl::Status AppendEvent(Ledger& ledger, const std::string& what);

  Authorizer& authorizer_;
  LedgerSet& ledgers_;
  AccessLog& access_log_;
  Clock& clock_;
  RpcLog& log_;
  const Options options_;
  Notification stopping_;
  std::thread thread_;
  Mutex recording_;  // held while an entry is made, so that none is made twice
  // By ledger id: what is on record, and what could not be put there.
  std::map<std::string, std::string> recorded_ ABSL_GUARDED_BY(recording_);
  std::map<std::string, std::string> told_ ABSL_GUARDED_BY(recording_);
  mutable Mutex mutex_;
  absl::StatusOr<std::string> seen_ ABSL_GUARDED_BY(mutex_);   // at the last look
  absl::StatusOr<std::string> tried_ ABSL_GUARDED_BY(mutex_);  // of what was seen twice, the last
  Report report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_POLICY_KEEPER_H_
