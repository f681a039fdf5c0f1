#include "ledger/repair.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/erasures.h"
#include "ledger/fsck_store.h"
#include "ledger/key_files.h"
#include "ledger/log_writer.h"
#include "ledger/posix_file.h"
#include "ledger/recovery.h"
#include "ledger/repair_backup.h"
#include "ledger/repair_rebuild.h"
#include "ledger/repair_records.h"
#include "ledger/repair_secrets.h"
#include "ledger/signer_state.h"
#include "ledger/state_markers.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kMaxSignerFileBytes = kSignerSlots * kSignerSlotBytes;
constexpr size_t kMaxReadyBytes = 4096;
// Findings of one look at the new log whose records are taken; then it is looked at again.
constexpr size_t kMaxTakenAtOnce = 100'000;
// A payload that was exchanged can show that its identity record is wrong too, and no more.
constexpr int kMaxUselessLooks = 2;

std::string RepairingPath(const std::string& data_dir) {
  return absl::StrCat(data_dir, "/repairing");
}
std::string ReadyPath(const std::string& data_dir) {
  return absl::StrCat(RepairingPath(data_dir), "/ready");
}

// There when `ready` is to put secrets in place too.
std::string SecretsToPlacePath(const std::string& data_dir) {
  return absl::StrCat(RepairingPath(data_dir), "/secrets");
}

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
  return SyncDirectory(DirectoryOf(path));
}

// Of the log itself: nothing given can be wrong about these and the repair go on.
bool IsOfTheTree(FindingPart part) {
  switch (part) {
    case FindingPart::kDatabase:
    case FindingPart::kOrigin:
    case FindingPart::kHead:
    case FindingPart::kLeaf:
    case FindingPart::kTile:
    case FindingPart::kKey:
    case FindingPart::kSigner:
    case FindingPart::kKeyFiles:
      return true;
    default:
      return false;
  }
}

class Repairer {
 public:
  explicit Repairer(const RepairOptions& options) : options_(options) {}
  absl::StatusOr<RepairReport> Run();

 private:
  absl::Status CheckOptions() const;
  absl::StatusOr<Head> SignedHead() const;
  absl::Status CheckHead(const std::string& name, const Checkpoint& head) const;
  absl::Status OpenSources();
  absl::StatusOr<FsckReport> Look(const std::string& data_dir, size_t max_findings) const;
  absl::Status CheckOneCommitBeyond(const std::optional<Head>& stored) const;
  absl::StatusOr<ProvenLeaves> Prove();
  absl::Status Build(const ProvenLeaves& proven);
  absl::Status TakeUntilNothingHelps(const std::string& log, Rebuilt& rebuilt);
  bool LogChanges() const;
  std::string Logged() const;
  absl::Status PutInPlace();

  const RepairOptions& options_;
  Head signed_head_;
  std::optional<FsckReport> before_;  // nothing: not a database any more
  std::unique_ptr<FsckStore> store_;
  std::optional<LedgerKeys> keys_;
  std::unique_ptr<SecretsRepair> secrets_;
  MendedSecrets mended_;
  std::unique_ptr<BackupLookup> backup_;
  std::unique_ptr<LeafSource> backup_leaves_;
  std::unique_ptr<LeafPicker> picker_;
  RepairReport report_;
};

class BackupLeaves : public LeafSource {
 public:
  explicit BackupLeaves(BackupLookup& backup) : backup_(backup) {}
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t index, uint64_t width) override {
    std::vector<std::string> out;
    for (uint64_t i = 0; i < width; ++i) {
      absl::StatusOr<BackupEntry> entry = backup_.Entry(index * kTileWidth + i);
      if (!entry.ok()) break;
      out.push_back(std::move(entry->leaf));
    }
    return out;
  }

 private:
  BackupLookup& backup_;
};

absl::Status Repairer::CheckOptions() const {
  const LedgerPaths& paths = options_.paths;
  if (paths.data_dir.empty() || paths.state_dir.empty()) {
    return absl::InvalidArgumentError("data_dir and state_dir must be given");
  }
  if (paths.key_dir.empty() != paths.seed_dir.empty()) {
    return absl::InvalidArgumentError("key_dir and seed_dir go together");
  }
  if (!options_.backup.log.empty() && paths.key_dir.empty()) {
    return absl::InvalidArgumentError(
        "what a backup has is proven with the keys: give key_dir and seed_dir");
  }
  return absl::OkStatus();
}

absl::StatusOr<Head> Repairer::SignedHead() const {
  const std::string dir =
      options_.signer_dir.empty() ? options_.paths.state_dir : options_.signer_dir;
  const std::string path = absl::StrCat(dir, "/", kSignerStateFile);
  const absl::StatusOr<std::string> bytes = ReadWholeFile(path, kMaxSignerFileBytes);
  absl::StatusOr<SignerState> state = bytes.ok() ? ParseSignerState(*bytes) : bytes.status();
  if (!state.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": ", state.status().message(),
                     ": without what was signed nothing can be proven right. Bring it back, or "
                     "restore a backup and adopt a state (ledger/README.md, \"Start\")"));
  }
  if (state->origin_hash != Sha256({options_.key.name()})) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is of another ledger"));
  }
  if (state->head.size == 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": nothing was signed yet"));
  }
  return state->head;
}

// Signed by the log's key: it is older than what the signer remembers, or something is very wrong.
absl::Status Repairer::CheckHead(const std::string& name, const Checkpoint& head) const {
  if (head.size > signed_head_.size) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, " has a signed head of size ", head.size, ", the signer's state says ",
                     signed_head_.size,
                     ": the state is an old copy. Bring back the newest one: repaired to less "
                     "than what was signed, the log would fork"));
  }
  if (head.size == signed_head_.size && head.root != signed_head_.root) {
    return absl::FailedPreconditionError(
        absl::StrCat("fork: ", name, " has another signed head of size ", head.size,
                     " than the signer's state. Keep both as evidence"));
  }
  return absl::OkStatus();
}

absl::StatusOr<FsckReport> Repairer::Look(const std::string& data_dir, size_t max_findings) const {
  FsckOptions fsck;
  fsck.paths = options_.paths;
  fsck.paths.data_dir = data_dir;
  fsck.origin = options_.key.name();
  fsck.limits = options_.limits;
  fsck.max_findings = max_findings;
  if (!options_.signer_dir.empty()) fsck.paths.state_dir = options_.signer_dir;
  if (!mended_.view.empty()) fsck.paths.seed_dir = mended_.view;
  return Fsck(fsck);
}

absl::Status Repairer::OpenSources() {
  const std::string path = LogPath(options_.paths);
  auto store = FsckStore::Open(path, false);
  if (absl::IsDataLoss(store.status())) store = FsckStore::Open(path, true);
  if (absl::IsDataLoss(store.status()) || absl::IsNotFound(store.status())) {
    store = FsckStore::OpenRescued(path);
  }
  if (absl::IsFailedPrecondition(store.status())) return store.status();
  if (store.ok()) store_ = *std::move(store);
  std::vector<LeafSource*> others;
  for (const RepairOptions::Mirror& mirror : options_.mirrors) {
    RETURN_IF_ERROR(CheckHead(mirror.name, mirror.head));
    others.push_back(mirror.leaves);
  }
  if (!options_.paths.key_dir.empty()) {
    ASSIGN_OR_RETURN(LedgerKeys keys, LoadKeyFiles(options_.paths.key_dir, options_.key.name(),
                                                   options_.paths.master_key.get()));
    keys_.emplace(std::move(keys));
  }
  if (!options_.backup.log.empty()) {
    ASSIGN_OR_RETURN(backup_, BackupLookup::Open(options_.backup, options_.key));
    RETURN_IF_ERROR(CheckHead(options_.backup.log, backup_->head()));
    backup_leaves_ = std::make_unique<BackupLeaves>(*backup_);
    others.push_back(backup_leaves_.get());
  }
  picker_ = std::make_unique<LeafPicker>(store_.get(), std::move(others));
  return absl::OkStatus();
}

// As the start does: more than one commit beyond the signed head no crash leaves, so it is the
// state that is old, and entries that were acknowledged would be cut off. Without a head the leaves
// count.
absl::Status Repairer::CheckOneCommitBeyond(const std::optional<Head>& stored) const {
  if (store_ == nullptr) return absl::OkStatus();
  const uint64_t most = signed_head_.size + options_.limits.max_commit_entries + kMaxOwnEntries;
  uint64_t size = 0;
  if (stored.has_value()) {
    size = stored->size;
  } else {
    store_
        ->Scan(RecordKind::kLeaf, most, UINT64_MAX,
               [&](uint64_t index, absl::string_view) {
                 size = index + 1;
                 return false;
               })
        .IgnoreError();
  }
  if (size <= most) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the log here has size ", size, ", the signer's state says ", signed_head_.size,
                   ": more than the one commit that a crash can leave unsigned, so the state is an "
                   "old copy. Bring back the newest one: repaired to less than what was signed, "
                   "the log would fork. Or give the max_commit_entries it was written with"));
}

absl::StatusOr<ProvenLeaves> Repairer::Prove() {
  std::optional<Head> stored;
  if (store_ != nullptr) {
    const absl::StatusOr<std::optional<Head>> head = store_->LoadHead();
    if (head.ok()) stored = *head;
  }
  RETURN_IF_ERROR(CheckOneCommitBeyond(stored));
  ASSIGN_OR_RETURN(const ProvenLeaves proven, ProveLeaves(signed_head_, stored, *picker_));
  if (stored.has_value() && stored->size > proven.head.size) {
    report_.left_out = stored->size - proven.head.size;
  }
  return proven;
}

absl::Status Repairer::TakeUntilNothingHelps(const std::string& log, Rebuilt& rebuilt) {
  const std::string repairing = RepairingPath(options_.paths.data_dir);
  const auto take = [&](const std::vector<WantedRecords>& wanted) -> absl::StatusOr<uint64_t> {
    if (backup_ == nullptr) return 0;
    const std::string& seeds = mended_.view.empty() ? options_.paths.seed_dir : mended_.view;
    return TakeRecords({log, seeds, options_.key.name(), &*keys_, backup_.get(),
                        options_.limits.max_conflicts_per_identity},
                       wanted, rebuilt);
  };
  RETURN_IF_ERROR(take(rebuilt.missing).status());
  uint64_t findings = UINT64_MAX;
  for (int useless = 0; useless < kMaxUselessLooks;) {
    ASSIGN_OR_RETURN(report_.after, Look(repairing, kMaxTakenAtOnce));
    useless += report_.after.findings_total >= findings ? 1 : 0;
    findings = report_.after.findings_total;
    ASSIGN_OR_RETURN(const uint64_t taken, take(WrongRecords(report_.after)));
    if (taken == 0) break;
  }
  return absl::OkStatus();
}

absl::Status Repairer::Build(const ProvenLeaves& proven) {
  const std::string repairing = RepairingPath(options_.paths.data_dir);
  RETURN_IF_ERROR(RemoveTree(repairing));
  RETURN_IF_ERROR(MakeDirectory(repairing));
  const std::string log = absl::StrCat(repairing, "/log");
  if (keys_.has_value()) {
    ASSIGN_OR_RETURN(secrets_,
                     SecretsRepair::Open(options_.paths.seed_dir, options_.key.name(), *keys_));
  }
  ASSIGN_OR_RETURN(Rebuilt rebuilt,
                   RebuildLog({store_.get(), backup_.get(), secrets_.get(), picker_.get()}, proven,
                              signed_head_.size, log, options_.progress));
  if (secrets_ != nullptr) {
    ASSIGN_OR_RETURN(mended_, secrets_->Finish());
    report_.secrets = mended_.repaired;
    report_.secrets_given_up = mended_.given_up;
  }
  RETURN_IF_ERROR(TakeUntilNothingHelps(log, rebuilt));
  report_.leaves = rebuilt.leaves;
  report_.payloads = rebuilt.payloads;
  report_.identities = rebuilt.identities;
  report_.streams = rebuilt.streams;
  for (const Finding& finding : report_.after.findings) {
    if (!IsOfTheTree(finding.part)) continue;
    return absl::DataLossError(
        absl::StrCat("the log that was made anew is not right, and is not used: ", finding.what));
  }
  return absl::OkStatus();
}

bool Repairer::LogChanges() const {
  if (!before_.has_value() || before_->findings_total > before_->findings.size()) return true;
  if (report_.leaves.count() + report_.payloads.count() + report_.identities.count() +
          report_.streams >
      0) {
    return true;
  }
  return std::any_of(before_->findings.begin(), before_->findings.end(), [](const Finding& f) {
    return IsOfTheTree(f.part) && f.part != FindingPart::kOrigin;
  });
}

// No personal data: it will stand in a leaf.
std::string Repairer::Logged() const {
  return absl::StrCat("repair to size ", report_.after.head.size, ": leaves ",
                      report_.leaves.ToString(), ", payloads ", report_.payloads.ToString(),
                      ", identities ", report_.identities.ToString(), ", secrets ",
                      report_.secrets.ToString(), ", streams ", report_.streams, ", left out ",
                      report_.left_out, ", still damaged ",
                      report_.after.findings_total - report_.after.findings_rebuildable);
}

// From here on every step may be cut short and done again.
absl::Status Repairer::PutInPlace() {
  const LedgerPaths& paths = options_.paths;
  const std::string log = LogPath(paths);
  const std::string made = absl::StrCat(RepairingPath(paths.data_dir), "/log");
  ASSIGN_OR_RETURN(const std::string ready,
                   ReadWholeFile(ReadyPath(paths.data_dir), kMaxReadyBytes));
  report_.logged = std::string(absl::StripSuffix(ready, "\n"));
  if (PathExists(made)) {
    if (PathExists(log)) {
      int number = 1;
      while (PathExists(absl::StrCat(log, ".damaged-", number))) ++number;
      report_.damaged_log = absl::StrCat(log, ".damaged-", number);
      RETURN_IF_ERROR(RenameDurably(log, report_.damaged_log));
    }
    RETURN_IF_ERROR(RenameDurably(made, log));
  }
  if (PathExists(SecretsToPlacePath(paths.data_dir))) {
    RETURN_IF_ERROR(PutSecretsInPlace(paths.seed_dir));
  }
  RETURN_IF_ERROR(ReplaceFile(absl::StrCat(paths.data_dir, "/ledger.origin"),
                              absl::StrCat(options_.key.name(), "\n")));
  // What an older backup brought back of erased entries the next start destroys once more.
  RETURN_IF_ERROR(RemoveErasuresFile(paths.data_dir));
  RETURN_IF_ERROR(AddRepairedMarker(paths.state_dir, report_.logged));
  RETURN_IF_ERROR(RemoveFile(ReadyPath(paths.data_dir)));
  RETURN_IF_ERROR(SyncDirectory(RepairingPath(paths.data_dir)));
  return RemoveTree(RepairingPath(paths.data_dir));
}

absl::StatusOr<RepairReport> Repairer::Run() {
  RETURN_IF_ERROR(CheckOptions());
  const std::string& data_dir = options_.paths.data_dir;
  if (PathExists(ReadyPath(data_dir))) {
    if (options_.paths.seed_dir.empty() && PathExists(SecretsToPlacePath(data_dir))) {
      return absl::InvalidArgumentError(
          "the repair that was cut short mended secrets: give key_dir and seed_dir as it was "
          "given");
    }
    report_.resumed = true;
    report_.log_changed = true;
    RETURN_IF_ERROR(PutInPlace());
    ASSIGN_OR_RETURN(report_.after, Look(data_dir, kDefaultMaxFindings));
    return std::move(report_);
  }
  ASSIGN_OR_RETURN(signed_head_, SignedHead());
  absl::StatusOr<FsckReport> before = Look(data_dir, kDefaultMaxFindings);
  if (before.ok()) {
    report_.after = *before;
    if (before->findings_total == before->findings_rebuildable) return std::move(report_);
    before_ = *std::move(before);
  } else if (!absl::IsNotFound(before.status()) && !absl::IsDataLoss(before.status())) {
    return before.status();
  }
  RETURN_IF_ERROR(OpenSources());
  ASSIGN_OR_RETURN(const ProvenLeaves proven, Prove());
  RETURN_IF_ERROR(Build(proven));
  report_.log_changed = LogChanges();
  const bool origin_changed =
      before_.has_value() &&
      std::any_of(before_->findings.begin(), before_->findings.end(),
                  [](const Finding& f) { return f.part == FindingPart::kOrigin; });
  if (!report_.log_changed && !origin_changed && mended_.files.empty()) {
    RETURN_IF_ERROR(RemoveTree(RepairingPath(data_dir)));
    return std::move(report_);
  }
  if (!report_.log_changed) {
    RETURN_IF_ERROR(RemoveTree(absl::StrCat(RepairingPath(data_dir), "/log")));
  }
  if (!mended_.files.empty()) {
    RETURN_IF_ERROR(CreateFile(SecretsToPlacePath(data_dir), "to be put in place\n"));
    secrets_->Keep();
  }
  RETURN_IF_ERROR(CreateFile(ReadyPath(data_dir), absl::StrCat(Logged(), "\n")));
  mended_.view.clear();
  store_.reset();  // gives the lock back with the log
  RETURN_IF_ERROR(PutInPlace());
  ASSIGN_OR_RETURN(report_.after, Look(data_dir, kDefaultMaxFindings));
  return std::move(report_);
}

}  // namespace

absl::StatusOr<RepairReport> RepairLedger(const RepairOptions& options) {
  return Repairer(options).Run();
}

absl::Status CheckNoRepairPending(const std::string& data_dir) {
  if (!PathExists(ReadyPath(data_dir))) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      ReadyPath(data_dir),
      " is there: a repair was cut short. Run the same `auditledger-fsck repair` again"));
}

}  // namespace auditledger
