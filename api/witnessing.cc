#include "api/witnessing.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/config.h"
#include "ledger/retired_signer.h"
#include "merkle/status_macros.h"

namespace auditledger {

absl::StatusOr<std::unique_ptr<Witnessing>> Witnessing::Start(const config::v1::Witness& config,
                                                              WitnessingParts parts) {
  if (!parts.transport) {
    const HttpTransportOptions http{std::chrono::milliseconds(config.timeout_ms()),
                                    config.ca_file()};
    parts.transport = [http] { return NewHttpTransport(http); };
  }
  if (parts.random == nullptr) parts.random = &Random::System();
  std::unique_ptr<Witnessing> out(new Witnessing(config, std::move(parts)));
  std::vector<std::string> files = {config.policy_file()};
  for (const config::v1::LedgerPolicy& one : config.ledgers()) files.push_back(one.policy_file());
  for (const std::string& file : files) {
    if (file.empty() || out->policies_.count(file) > 0) continue;
    ASSIGN_OR_RETURN(WitnessPolicy policy, LoadWitnessPolicy(file, config.allow_weak_policy()));
    out->parts_.log->Event("witness_policy",
                           {{"file", file},
                            {"policy", policy.policy.ExplainSurvived()},
                            {"f", absl::StrCat(policy.policy.DishonestWitnessesSurvived())}});
    out->policies_.emplace(file, std::move(policy));
  }
  MutexLock lock(out->mutex_);
  for (const LedgerSet::Slot& slot : out->parts_.ledgers->List()) out->Take(slot);
  return out;
}

bool Witnessing::HasPolicy(const std::string& ledger_id) const {
  if (policies_.count(PolicyFileOf(config_, ledger_id)) == 0) return false;
  // A retired one says no more than the head it was retired at, from which witnesses may be far.
  LedgerPaths paths;
  paths.state_dir = absl::StrCat(parts_.state_dir, "/", ledger_id);
  return !IsRetired(paths);
}

void Witnessing::Take(const LedgerSet::Slot& slot) {
  const auto policy = policies_.find(PolicyFileOf(config_, slot.id));
  if (slot.ledger == nullptr || policy == policies_.end() || cosigners_.count(slot.id) > 0) return;
  if (stopping_ || !HasPolicy(slot.id)) return;
  const auto refuse = [ledgers = parts_.ledgers, id = slot.id](const absl::Status& why) {
    ledgers->Refuse(id, why);
  };
  const absl::Status listed = CheckListsLog(policy->second, slot.ledger->verifier());
  if (!listed.ok()) {
    parts_.log->Error("ledger_refused",
                      {{"ledger", slot.id}, {"why", std::string(listed.message())}});
    return refuse(listed);
  }
  CosignerParts parts;
  parts.ledger_id = slot.id;
  parts.ledger = slot.ledger;
  parts.policy = &policy->second;
  parts.options = ToCosignerOptions(config_);
  parts.dir = absl::StrCat(parts_.state_dir, "/", slot.id, "/witnessed");
  if (const auto vouched = parts_.vouched.find(slot.id); vouched != parts_.vouched.end()) {
    parts.vouched = vouched->second;
  }
  parts.transport = parts_.transport;
  parts.clock = parts_.clock;
  parts.random = parts_.random;
  parts.log = parts_.log;
  parts.refuse = refuse;
  auto cosigner = std::make_unique<Cosigner>(std::move(parts));
  cosigner->Start();
  cosigners_.emplace(slot.id, std::move(cosigner));
}

void Witnessing::Update() {
  const std::vector<LedgerSet::Slot> slots = parts_.ledgers->List();
  MutexLock lock(mutex_);
  for (const LedgerSet::Slot& slot : slots) Take(slot);
}

Cosigner* Witnessing::Find(const std::string& ledger_id) {
  if (!HasPolicy(ledger_id)) return nullptr;
  {
    MutexLock lock(mutex_);
    const auto found = cosigners_.find(ledger_id);
    if (found != cosigners_.end()) return found->second.get();
  }
  Update();
  MutexLock lock(mutex_);
  const auto found = cosigners_.find(ledger_id);
  return found == cosigners_.end() ? nullptr : found->second.get();
}

void Witnessing::Stop() {
  std::vector<Cosigner*> cosigners;  // they live as long as this
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& [id, cosigner] : cosigners_) cosigners.push_back(cosigner.get());
  }
  for (Cosigner* const cosigner : cosigners) cosigner->BeginStop();
  for (Cosigner* const cosigner : cosigners) cosigner->Stop();
}

}  // namespace auditledger
