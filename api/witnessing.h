// The cosigners of a process: one for each ledger that has a witness policy, ledgers made later
// included.
//
// Example:
//   ASSIGN_OR_RETURN(auto witnessing, Witnessing::Start(config.witness(), parts));
//   if (Cosigner* const cosigner = witnessing->Find("clinic")) cosigner->WhenWitnessed(...);
//
// Thread-safety: Find and Update may be called by many threads; Stop by one. Cosigners live until
// it is destroyed.
#ifndef AUDITLEDGER_API_WITNESSING_H_
#define AUDITLEDGER_API_WITNESSING_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cosigner.h"
#include "api/rpc_log.h"
#include "auditledger/config/v1/config.pb.h"
#include "ledger/ledger_set.h"
#include "ledger/mutex.h"

namespace auditledger {

struct WitnessingParts {
  LedgerSet* ledgers = nullptr;  // outlive it, as all pointers here
  Clock* clock = nullptr;
  RpcLog* log = nullptr;
  std::string state_dir;                  // as configured: a folder a ledger below it
  std::map<std::string, Head> vouched{};  // --accept_unwitnessed_start, by ledger id
  HttpTransportFactory transport{};       // nullptr: libcurl with the configured limits
  Random* random = nullptr;               // nullptr: the machine's; jitter only
};

class Witnessing {
 public:
  // Loads the policies and starts a cosigner for each ledger there is. InvalidArgument as
  // LoadWitnessPolicy.
  static absl::StatusOr<std::unique_ptr<Witnessing>> Start(const config::v1::Witness& config,
                                                           WitnessingParts parts);
  ~Witnessing() { Stop(); }

  // nullptr: the ledger has no policy, or is not there.
  Cosigner* Find(const std::string& ledger_id);
  // Whether a ledger of this id is to have its heads cosigned: it has a policy and is not retired.
  bool HasPolicy(const std::string& ledger_id) const;
  // Finds ledgers that were made meanwhile.
  void Update();
  // All at once, so that it takes as long as the slowest request to a witness.
  void Stop();

 private:
  Witnessing(const config::v1::Witness& config, WitnessingParts parts)
      : config_(config), parts_(std::move(parts)) {}
  void Take(const LedgerSet::Slot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const config::v1::Witness config_;
  WitnessingParts parts_;
  std::map<std::string, WitnessPolicy> policies_;  // by file; not changed after Start
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<Cosigner>> cosigners_ ABSL_GUARDED_BY(mutex_);  // by id
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;  // no cosigner comes any more
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_WITNESSING_H_
