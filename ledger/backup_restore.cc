#include "ledger/backup_restore.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/carry_out.h"
#include "ledger/engine.h"
#include "ledger/fsck_findings.h"
#include "ledger/fsck_log.h"
#include "ledger/fsck_payloads.h"
#include "ledger/key_files.h"
#include "ledger/leveldb_engine.h"
#include "ledger/posix_file.h"
#include "ledger/read_back.h"
#include "ledger/seed_store.h"
#include "ledger/tree_edge.h"
#include "merkle/erasure_history.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kRestoring[] = "restoring";
constexpr char kOriginFile[] = "ledger.origin";
constexpr char kLostAndFound[] = "lost+found";  // what stays on a disk of its own

// What an attempt that was cut short may have given its name before the log has one.
bool IsPublishedFirst(absl::string_view name) {
  return absl::StartsWith(name, kOriginFile) || absl::StartsWith(name, "seeds-");
}

// Makes `dir` and an empty `dir`/restoring. What an attempt before left of it is cleared away;
// anything else is somebody's.
absl::StatusOr<std::string> PrepareFolder(const std::string& dir, bool is_repeated) {
  RETURN_IF_ERROR(MakeDirectory(dir));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    if (name == kRestoring || name == kLostAndFound) continue;
    if (is_repeated && IsPublishedFirst(name)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(dir, " is not empty (", name,
                     "): nothing is overwritten. Move it away, or give another folder"));
  }
  const std::string restoring = absl::StrCat(dir, "/", kRestoring);
  std::error_code error;
  std::filesystem::remove_all(restoring, error);
  if (error) return absl::UnavailableError(absl::StrCat(restoring, ": ", error.message()));
  RETURN_IF_ERROR(MakeDirectory(restoring));
  return restoring;
}

// Slots into files as the key store keeps them.
class SecretsRestore {
 public:
  explicit SecretsRestore(std::string dir) : dir_(std::move(dir)) {}

  absl::Status Add(uint64_t index, absl::string_view slot) {
    if (index % kSeedSlotsPerSegment == 0) RETURN_IF_ERROR(WriteSegment());
    slots_.append(slot.data(), slot.size());
    return absl::OkStatus();
  }
  // What is left of the last segment.
  absl::Status Finish() { return WriteSegment(); }
  // Gives the files their names.
  absl::Status Publish(const std::string& seed_dir) {
    for (const std::string& name : names_) {
      const std::string path = absl::StrCat(seed_dir, "/", name);
      if (PathExists(path)) RETURN_IF_ERROR(CheckSame(absl::StrCat(dir_, "/", name), path));
      RETURN_IF_ERROR(RenameDurably(absl::StrCat(dir_, "/", name), path));
    }
    std::error_code ignored;
    std::filesystem::remove(dir_, ignored);
    return absl::OkStatus();
  }
  const std::string& dir() const { return dir_; }

 private:
  // Secrets are never overwritten by others: they may be the only ones.
  static absl::Status CheckSame(const std::string& made, const std::string& there) {
    constexpr size_t kBytes = kSeedSlotsPerSegment * kSeedSlotBytes;
    ASSIGN_OR_RETURN(const std::string wanted, ReadWholeFile(made, kBytes));
    const absl::StatusOr<std::string> found = ReadWholeFile(there, kBytes);
    if (found.ok() && *found == wanted) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        there, " is there with other secrets than this backup's: what a restore of another backup ",
        "left, or a ledger's own. Remove ", DirectoryOf(there), " only if it is the former"));
  }

  absl::Status WriteSegment() {
    if (slots_.empty()) return absl::OkStatus();
    slots_.resize(kSeedSlotsPerSegment * kSeedSlotBytes, '\0');
    names_.push_back(absl::StrFormat("seeds-%016x", names_.size() * kSeedSlotsPerSegment));
    RETURN_IF_ERROR(CreateFile(absl::StrCat(dir_, "/", names_.back()), slots_));
    slots_.clear();
    return absl::OkStatus();
  }

  const std::string dir_;
  std::string slots_;
  std::vector<std::string> names_;
};

// Erasing needs none.
class NoKeys : public KeyProvider {
 public:
  uint16_t current_key_id() const override { return 0; }
  absl::StatusOr<std::string> WrappingKey(uint16_t) const override {
    return absl::NotFoundError("a restore unwraps nothing");
  }
};

class LogRestore : public BackupVisitor {
 public:
  LogRestore(Engine& engine, SecretsRestore* secrets, const RestoreOptions& options)
      : engine_(engine), secrets_(secrets), options_(options) {}

  absl::Status Stream(uint32_t number, absl::string_view record) override {
    batch_.stream_records.emplace_back(number, record);
    batch_bytes_ += record.size();
    return absl::OkStatus();
  }

  absl::Status Entry(const VisitedEntry& entry) override {
    edge_.Append(entry.leaf_hash);
    TakeErasure(entry);
    Put(RecordKind::kLeaf, entry.index, entry.record.leaf);
    Put(RecordKind::kPayload, entry.index, entry.record.payload);
    Put(RecordKind::kIdentity, entry.index, entry.record.identity);
    batch_.head.time_us = entry.leaf.recorded_at_us;
    if (secrets_ != nullptr) RETURN_IF_ERROR(secrets_->Add(entry.index, entry.slot));
    const bool full =
        batch_bytes_ >= kRestoreBatchBytes || edge_.size() - SizeBefore() >= kRestoreBatchEntries;
    return full ? Commit() : absl::OkStatus();
  }

  // What the log says was erased, an older copy of payloads and secrets may have: it is destroyed
  // before anything has its name. After Finish.
  absl::Status DestroyErased(const std::string& origin) {
    if (erased_.empty()) return absl::OkStatus();
    const NoKeys keys;
    std::unique_ptr<SeedStore> seeds;
    if (secrets_ != nullptr) {
      ASSIGN_OR_RETURN(seeds, SeedStore::Open(secrets_->dir(), origin, keys, Random::System()));
    }
    for (const EntryRanges& ranges : erased_) {
      RETURN_IF_ERROR(CarryOutErasure(ranges, engine_, seeds.get()));
    }
    return absl::OkStatus();
  }

  // What is left of the last batch; then the engine holds what leads to `head`.
  absl::Status Finish(const Checkpoint& head) {
    if (edge_.size() > SizeBefore()) RETURN_IF_ERROR(Commit());
    ASSIGN_OR_RETURN(const std::optional<Head> stored, engine_.LoadHead());
    if (stored == last_ && stored->size == head.size && stored->root == head.root) {
      return absl::OkStatus();
    }
    return absl::DataLossError("what was written does not read back as the backup's head");
  }

 private:
  void TakeErasure(const VisitedEntry& entry) {
    if (!ErasureHistory::Takes(entry.leaf.kind)) return;
    const absl::Status fits = history_.Add(entry.index, entry.leaf.kind, entry.leaf.body);
    const absl::StatusOr<Erasure> erasure = ParseErasure(entry.leaf.body);
    if (fits.ok() && entry.leaf.kind == EntryKind::kErasure && erasure.ok()) {
      erased_.push_back(erasure->scope.ranges);
    }
  }

  uint64_t SizeBefore() const { return last_.has_value() ? last_->size : 0; }

  void Put(RecordKind kind, uint64_t index, absl::string_view bytes) {
    if (bytes.empty()) return;
    batch_.records.push_back({kind, index, std::string(bytes)});
    batch_bytes_ += bytes.size();
  }

  absl::Status Commit() {
    batch_.tiles = edge_.TakeChangedTiles();
    batch_.head.size = edge_.size();
    batch_.head.root = edge_.Root();
    RETURN_IF_ERROR(engine_.Commit(last_, batch_));
    RETURN_IF_ERROR(ReadBackStored(last_.value_or(Head{}), batch_.head, engine_));
    last_ = batch_.head;
    batch_ = CommitBatch();
    batch_bytes_ = 0;
    if (options_.progress) options_.progress(last_->size);
    return absl::OkStatus();
  }

  Engine& engine_;
  SecretsRestore* const secrets_;  // nullptr: the key store is left as it is
  const RestoreOptions& options_;
  TreeEdge edge_;
  CommitBatch batch_;
  size_t batch_bytes_ = 0;
  std::optional<Head> last_;
  ErasureHistory history_;
  std::vector<EntryRanges> erased_;
};

// What fsck says of these parts of the log in `engine`.
absl::Status CheckPayloads(const RestoreOptions& options, const Checkpoint& head, uint32_t streams,
                           const std::string& seed_dir, Engine& engine) {
  ASSIGN_OR_RETURN(const LedgerKeys keys,
                   LoadKeyFiles(options.key_dir, head.origin, options.master_key.get()));
  const auto wrapping = NewFileKeyProvider(keys);
  ASSIGN_OR_RETURN(const auto seeds, SeedStore::OpenReadOnly(seed_dir, head.origin, *wrapping));
  ASSIGN_OR_RETURN(const std::optional<Head> stored, engine.LoadHead());
  Findings findings(1);
  PayloadCheck payloads(head.origin, keys, engine, *seeds,
                        options.limits.max_conflicts_per_identity, findings);
  LogCheckOptions log_options;
  log_options.keep_payloads = true;
  log_options.streams = streams;
  log_options.on_entry = [&payloads](const CheckedEntry& entry) { payloads.Check(entry); };
  LogCheck log(engine, *stored, log_options, findings);
  while (log.next() < stored->size) log.Step();
  log.Finish();
  payloads.Finish();
  if (findings.total() == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      findings.total(), " findings of a check with ", options.key_dir, ": the backup is not what ",
      "the ledger wrote, or these are not its keys. The first: ", findings.kept()[0].what));
}

absl::StatusOr<BackupSummary> WriteLog(const RestoreOptions& options, const NoteVerifier& key,
                                       const std::string& path, SecretsRestore* secrets) {
  LevelDbOptions leveldb;
  leveldb.path = path;
  leveldb.create_if_missing = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenLevelDbEngine(leveldb));
  LogRestore log(*engine, secrets, options);
  ASSIGN_OR_RETURN(BackupSummary summary, ReadBackup(options.from, key, log));
  RETURN_IF_ERROR(log.Finish(summary.head.checkpoint));
  if (secrets != nullptr) RETURN_IF_ERROR(secrets->Finish());
  RETURN_IF_ERROR(log.DestroyErased(key.name()));
  if (options.key_dir.empty()) return summary;
  RETURN_IF_ERROR(CheckPayloads(options, summary.head.checkpoint, summary.streams,
                                secrets != nullptr ? secrets->dir() : options.seed_dir, *engine));
  return summary;
}

}  // namespace

absl::StatusOr<BackupSummary> RestoreBackup(const RestoreOptions& options,
                                            const NoteVerifier& key) {
  if (!options.key_dir.empty()) {  // before hours of work
    RETURN_IF_ERROR(LoadKeyFiles(options.key_dir, key.name(), options.master_key.get()).status());
  }
  std::optional<SecretsRestore> secrets;
  const bool is_repeated = PathExists(absl::StrCat(options.data_dir, "/", kRestoring));
  ASSIGN_OR_RETURN(const std::string restoring, PrepareFolder(options.data_dir, is_repeated));
  if (!options.from.secrets.empty()) {
    ASSIGN_OR_RETURN(std::string seeds, PrepareFolder(options.seed_dir, is_repeated));
    secrets.emplace(std::move(seeds));
  }
  // A database of its own inside: the folder that is renamed has no other contents.
  const std::string log = absl::StrCat(restoring, "/log");
  ASSIGN_OR_RETURN(BackupSummary summary,
                   WriteLog(options, key, log, secrets.has_value() ? &*secrets : nullptr));
  if (secrets.has_value()) RETURN_IF_ERROR(secrets->Publish(options.seed_dir));
  RETURN_IF_ERROR(ReplaceFile(absl::StrCat(options.data_dir, "/", kOriginFile),
                              absl::StrCat(key.name(), "\n")));
  // The log last: until it has its name, there is nothing to start from.
  RETURN_IF_ERROR(RenameDurably(log, absl::StrCat(options.data_dir, "/log")));
  std::error_code ignored;
  std::filesystem::remove(restoring, ignored);
  return summary;
}

}  // namespace auditledger
