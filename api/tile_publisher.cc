#include "api/tile_publisher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/witnessing.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"

namespace auditledger {

TilePublisher::TilePublisher(LedgerSet& ledgers, RpcLog& log, Options options)
    : ledgers_(ledgers), log_(log), options_(std::move(options)) {}

void TilePublisher::Start() {
  thread_ = std::thread([this] { Run(); });
}

void TilePublisher::Stop() {
  if (!thread_.joinable()) return;
  stopping_.Notify();
  thread_.join();
  RunOnce();
}

void TilePublisher::Run() {
  do {
    RunOnce();
  } while (!stopping_.WaitFor(options_.interval));
}

bool TilePublisher::RunOnce() {
  MutexLock lock(round_mutex_);
  bool more = false;
  for (const LedgerSet::Slot& found : ledgers_.List()) {
    if (found.ledger == nullptr) continue;  // refused: metrics and log say so already
    Slot& slot = slots_[found.id];
    const absl::Status status = Advance(found.id, *found.ledger, slot);
    Note(found.id, slot, found.ledger->head()->head.size, status);
    more = more || slot.target != nullptr;
  }
  return more;
}

// One turn: towards `target`, which is published when its last entry is written.
absl::Status TilePublisher::Advance(const std::string& id, Ledger& ledger, Slot& slot) {
  if (slot.folder == nullptr) RETURN_IF_ERROR(OpenFolder(id, ledger, slot));
  TileFolder& folder = *slot.folder;
  if (slot.target == nullptr) slot.target = Wanted(id, ledger);
  const uint64_t begin = folder.size();
  if (slot.target->head.size < begin) {
    slot.target = nullptr;  // published before there was a policy, or a quorum: it comes
    return absl::OkStatus();
  }
  const uint64_t end = std::min(slot.target->head.size, begin + options_.max_entries_per_turn);
  absl::Status appended;
  RETURN_IF_ERROR(ledger.ReadEntries(begin, end, /*with_opening=*/false, [&](StoredEntry entry) {
    appended = folder.Append(std::move(entry.leaf));
    return appended.ok();
  }));
  RETURN_IF_ERROR(appended);
  if (folder.size() != end) {
    return absl::DataLossError(absl::StrCat("entries end at ", folder.size(), ", not at ", end));
  }
  if (end < slot.target->head.size) return absl::OkStatus();
  const std::shared_ptr<const PublishedHead> target = std::exchange(slot.target, nullptr);
  // The same head again is published where witnesses have cosigned it meanwhile.
  if (folder.published() && folder.published()->note == target->checkpoint) return absl::OkStatus();
  return folder.Publish(target->checkpoint);
}

std::shared_ptr<const PublishedHead> TilePublisher::Wanted(const std::string& id,
                                                           Ledger& ledger) const {
  Cosigner* const cosigner =
      options_.witnessing == nullptr ? nullptr : options_.witnessing->Find(id);
  std::shared_ptr<const PublishedHead> witnessed =
      cosigner == nullptr ? nullptr : cosigner->witnessed();
  return witnessed != nullptr ? witnessed : ledger.head();
}

absl::Status TilePublisher::OpenFolder(const std::string& id, Ledger& ledger, Slot& slot) const {
  RETURN_IF_ERROR(MakeDirectory(options_.root, 0755));
  const std::string dir = absl::StrCat(options_.root, "/", id);
  ASSIGN_OR_RETURN(
      std::unique_ptr<TileFolder> folder,
      TileFolder::Open({dir, ledger.origin(), ledger.verifier(), ledger.key_changes()}));
  if (folder->published()) {
    const Checkpoint& old = folder->published()->checkpoint;
    const std::shared_ptr<const PublishedHead> head = ledger.head();
    if (old.size > head->head.size) {
      return absl::FailedPreconditionError(absl::StrCat(dir, ": its head is of size ", old.size,
                                                        ", the ledger's of ", head->head.size,
                                                        ": the ledger lost what it had published"));
    }
    if (old.size > 0) {
      ASSIGN_OR_RETURN(const std::vector<Hash> proof,
                       ledger.Consistency(old.size, head->head.size));
      const absl::Status extends =
          VerifyConsistency(old.size, old.root, head->head.size, head->head.root, proof);
      if (!extends.ok()) {
        return absl::FailedPreconditionError(absl::StrCat(
            dir, ": the ledger does not extend the head published there: ", extends.message()));
      }
    }
  }
  slot.folder = std::move(folder);
  return absl::OkStatus();
}

void TilePublisher::Note(const std::string& id, Slot& slot, uint64_t head_size,
                         const absl::Status& status) {
  const std::string why(status.message());
  if (!status.ok() && why != slot.logged) {
    log_.Error("publish_failed", {{"ledger", id}, {"why", why}});
  } else if (status.ok() && !slot.logged.empty()) {
    log_.Event("publish_resumed", {{"ledger", id}});
  }
  slot.logged = why;
  if (!status.ok()) {  // what was written beyond the head is written again
    slot.folder = nullptr;
    slot.target = nullptr;
  }
  MutexLock lock(report_mutex_);
  Published& published = report_[id];
  published.ledger_id = id;
  published.failing = !status.ok();
  if (slot.folder != nullptr && slot.folder->published()) {
    published.size = slot.folder->published()->checkpoint.size;
  }
  published.lag = head_size > published.size ? head_size - published.size : 0;
}

std::vector<TilePublisher::Published> TilePublisher::Report() const {
  MutexLock lock(report_mutex_);
  std::vector<Published> out;
  for (const auto& [id, published] : report_) out.push_back(published);
  return out;
}

}  // namespace auditledger
