// The one housekeeping thread: every kSupervisorTickMs it brings health up to date with the ledgers
// and ticks the calls (deadlines, streams that were refused a thread).
//
// grpc.health.v1 names: "ledgers/<id>" for each ledger, "" and the two service names for the
// server. A ledger serves while it accepts appends and its committer moves: work was queued and no
// head came for kStaleHeadMs means it hangs. The server serves while every ledger does and it is
// not draining: an operator is to be called for any of them; whoever routes by ledger asks for the
// ledger's name. "ledgers/<id>/storage" stops serving when the background check finds damage, which
// is logged with the entry; appends and reads go on, and so do the other names.
//
// "ledgers/<id>/witnesses", where there is a witness policy, stops serving while its quorum is away
// for longer than alarm_after_seconds, or has not confirmed the start.
//
// Thread-safety: all methods.
#ifndef AUDITLEDGER_API_HEALTH_SUPERVISOR_H_
#define AUDITLEDGER_API_HEALTH_SUPERVISOR_H_

#include <grpcpp/health_check_service_interface.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "api/notification.h"
#include "api/service_context.h"

namespace auditledger {

class HealthSupervisor {
 public:
  // All must outlive it. The first update is done when this returns.
  HealthSupervisor(ServiceContext& context,
                   std::vector<grpc::HealthCheckServiceInterface*> services);
  ~HealthSupervisor();
  // Everything is NOT_SERVING from now on.
  void BeginDrain();
  // One round; what the thread does.
  void Update();

 private:
  struct Progress {
    uint64_t size = 0;
    uint64_t since_us = 0;  // monotonic: when the head last moved or nothing was queued
  };
  bool IsServing(const LedgerSet::Slot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetStorage(const LedgerSet::Slot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetWitnesses(const LedgerSet::Slot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Set(const std::string& name, bool serving) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();

  ServiceContext& context_;
  const std::vector<grpc::HealthCheckServiceInterface*> services_;
  Mutex mutex_;  // one round at a time
  std::map<std::string, Progress> progress_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> last_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> damage_ ABSL_GUARDED_BY(mutex_);  // as logged, by ledger
  std::atomic<bool> draining_{false};
  Notification stopping_;
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_HEALTH_SUPERVISOR_H_
