// The rotation of a ledger's wrapping key (wrap_rotation.h), as the ledger has it.
#include <errno.h>

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/ledger_impl.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

std::string DescribeLoad(const LedgerKeys& keys, const MasterKey* master) {
  std::string wrap;
  for (const auto& [id, key] : keys.wrapping_keys) {
    absl::StrAppend(&wrap, wrap.empty() ? "" : ",", id);
  }
  return absl::StrCat("load program=", program_invocation_short_name,
                      " master=", master != nullptr ? master->fingerprint() : "none",
                      " index=1 dedup=1 wrap=", wrap);
}

}  // namespace

absl::Status LedgerImpl::LoadRotation() {
  WrapRotationParts parts;
  parts.key_dir = options_.paths.key_dir;
  parts.origin = options_.origin;
  parts.master = options_.paths.master_key.get();
  parts.keys = stores_.wrapping.get();
  parts.seeds = stores_.seeds.get();
  parts.random = options_.random != nullptr ? options_.random : &Random::System();
  parts.size = [this] { return head()->head.size; };
  key_use_log_ = std::make_unique<KeyUseLog>(options_.paths.state_dir, clock_,
                                             [this] { return stores_.wrapping->uses(); });
  key_use_log_->Add(DescribeLoad(*stores_.keys, parts.master));
  parts.log = key_use_log_.get();
  rotation_ = std::make_unique<WrapRotation>(std::move(parts));
  return rotation_->Load();
}

// A ledger that may not write leaves its secrets as they are too.
void LedgerImpl::StartRotation() {
  if (committer_->status().state == LedgerState::kReadOnly) return;
  rotation_->Start();
  may_rotate_ = true;
}

absl::StatusOr<uint16_t> LedgerImpl::RotateWrappingKey(OldKey old_key) {
  MutexLock lock(rotate_mutex_);
  const WrapRotationState state = rotation_->state();
  if (!may_rotate_ || state.is_running) {
    return absl::FailedPreconditionError(
        state.is_running ? absl::StrCat("the rotation to wrapping key ", state.key_id,
                                        " is under way: wait until it is done")
                         : std::string("this ledger may not write: its keys stay as they are"));
  }
  auto answer = std::make_shared<std::promise<absl::Status>>();
  AppendOperator({absl::StrCat("rotate wrapping key ", state.key_id, ", old one ",
                               old_key == OldKey::kKeep ? "kept" : "destroyed")},
                 [answer](const absl::StatusOr<AppendOutcome>& outcome) {
                   answer->set_value(outcome.status());
                 });
  RETURN_IF_ERROR(answer->get_future().get());
  return rotation_->Begin(old_key);
}

}  // namespace auditledger
