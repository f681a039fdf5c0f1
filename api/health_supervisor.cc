#include "api/health_supervisor.h"

#include <chrono>
#include <utility>

#include "api/names.h"
#include "api/witnessing.h"
#include "auditledger/v1/admin_service.grpc.pb.h"
#include "auditledger/v1/erasure_service.grpc.pb.h"
#include "auditledger/v1/ledger_service.grpc.pb.h"
#include "auditledger/v1/proof_service.grpc.pb.h"

namespace auditledger {

namespace {

bool IsFrozen(const LedgerSet::Slot& slot) {
  return slot.ledger != nullptr && slot.ledger->status().state == LedgerState::kFrozen;
}

}  // namespace

HealthSupervisor::HealthSupervisor(ServiceContext& context,
                                   std::vector<grpc::HealthCheckServiceInterface*> services)
    : context_(context), services_(std::move(services)) {
  Update();
  thread_ = std::thread([this] { Run(); });
}

HealthSupervisor::~HealthSupervisor() {
  stopping_.Notify();
  thread_.join();
}

void HealthSupervisor::BeginDrain() {
  draining_ = true;
  Update();
}

void HealthSupervisor::Run() {
  while (!stopping_.WaitFor(std::chrono::milliseconds(kSupervisorTickMs))) {
    Update();
    context_.tracker.Tick(context_.clock.MonotonicMicros());
  }
}

void HealthSupervisor::Update() {
  MutexLock lock(mutex_);
  bool all = !draining_;
  for (const LedgerSet::Slot& slot : context_.ledgers.List()) {
    const bool serving = IsServing(slot) && !draining_;
    // One that has ended is as it should be.
    all = all && (serving || IsFrozen(slot));
    Set(LedgerName(slot.id), serving);
    SetStorage(slot);
    SetWitnesses(slot);
  }
  Set("", all);
  Set(v1::LedgerService::service_full_name(), all);
  Set(v1::AdminService::service_full_name(), all);
  Set(v1::ProofService::service_full_name(), all);
  Set(v1::ErasureService::service_full_name(), all);
}

bool HealthSupervisor::IsServing(const LedgerSet::Slot& slot) {
  if (slot.ledger == nullptr || slot.ledger->status().state != LedgerState::kServing) return false;
  const uint64_t now = context_.clock.MonotonicMicros();
  const uint64_t size = slot.ledger->head()->head.size;
  Progress& progress = progress_[slot.id];
  if (progress.size != size || slot.ledger->counters().queued_entries == 0) progress = {size, now};
  return now - progress.since_us < kStaleHeadMs * 1000;
}

void HealthSupervisor::SetStorage(const LedgerSet::Slot& slot) {
  const std::string damage = slot.ledger == nullptr ? "" : slot.ledger->status().damage;
  Set(LedgerName(slot.id) + "/storage", slot.ledger != nullptr && damage.empty() && !draining_);
  std::string& logged = damage_[slot.id];
  if (damage != logged && !damage.empty()) {
    context_.log.Error("storage_damaged", {{"ledger", slot.id}, {"what", damage}});
  }
  logged = damage;
}

void HealthSupervisor::SetWitnesses(const LedgerSet::Slot& slot) {
  if (context_.witnessing == nullptr || !context_.witnessing->HasPolicy(slot.id)) return;
  Cosigner* const cosigner = context_.witnessing->Find(slot.id);
  const bool serving =
      slot.ledger != nullptr && cosigner != nullptr && !cosigner->Report().alarm && !draining_;
  Set(LedgerName(slot.id) + "/witnesses", serving);
}

void HealthSupervisor::Set(const std::string& name, bool serving) {
  const auto [it, added] = last_.try_emplace(name, serving);
  if (!added && it->second == serving) return;
  it->second = serving;
  for (grpc::HealthCheckServiceInterface* service : services_)
    service->SetServingStatus(name, serving);
  context_.log.Event("health", {{"name", name}, {"status", serving ? "SERVING" : "NOT_SERVING"}});
}

}  // namespace auditledger
