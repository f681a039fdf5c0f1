#include "ledger/repair_records.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "ledger/backup_restore.h"
#include "ledger/fsck_payloads.h"
#include "ledger/leveldb_engine.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Of what is proven to be wrong only that it is counts.
constexpr size_t kMaxKeptFindings = 1000;

class RecordTaker {
 public:
  RecordTaker(const RecordsFrom& from, Engine& engine, SeedStore& seeds, Head head,
              Rebuilt& rebuilt)
      : from_(from), engine_(engine), seeds_(seeds), head_(head), rebuilt_(rebuilt) {
    batch_.head = head_;
  }

  absl::Status Take(uint64_t index, bool payload, bool identity);
  absl::Status Flush();
  uint64_t taken() const { return taken_; }

 private:
  bool Finds(FindingPart part, size_t since) const;
  void Put(RecordKind kind, uint64_t index, std::string bytes, IndexRanges& count);

  const RecordsFrom& from_;
  Engine& engine_;
  SeedStore& seeds_;
  const Head head_;
  Rebuilt& rebuilt_;
  std::optional<Findings> findings_;
  std::optional<PayloadCheck> check_;
  CommitBatch batch_;
  size_t batch_bytes_ = 0;
  uint64_t taken_ = 0;
};

bool RecordTaker::Finds(FindingPart part, size_t since) const {
  const std::vector<Finding>& kept = findings_->kept();
  return std::any_of(kept.begin() + static_cast<std::ptrdiff_t>(since), kept.end(),
                     [&](const Finding& finding) { return finding.part == part; });
}

void RecordTaker::Put(RecordKind kind, uint64_t index, std::string bytes, IndexRanges& count) {
  const absl::StatusOr<std::string> own = engine_.Read(kind, index);
  if (own.ok() && *own == bytes) return;
  batch_bytes_ += bytes.size();
  batch_.records.push_back({kind, index, std::move(bytes)});
  count.Add(index);
  ++taken_;
}

absl::Status RecordTaker::Take(uint64_t index, bool payload, bool identity) {
  absl::StatusOr<BackupEntry> offered = from_.backup->Entry(index);
  const absl::StatusOr<std::string> bytes = engine_.Read(RecordKind::kLeaf, index);
  if (!offered.ok() || !bytes.ok() || offered->leaf != *bytes) return absl::OkStatus();
  absl::StatusOr<Leaf> leaf = ParseLeaf(*bytes);
  if (!leaf.ok()) return absl::OkStatus();
  if (!payload) {
    absl::StatusOr<std::string> own = engine_.Read(RecordKind::kPayload, index);
    if (!own.ok()) return absl::OkStatus();
    offered->payload = *std::move(own);
  }
  const absl::StatusOr<IdentityRecord> record = ParseIdentityRecord(offered->identity);
  CheckedEntry entry;
  entry.index = index;
  entry.has_leaf = true;
  entry.leaf = *std::move(leaf);
  if (identity && record.ok()) entry.identity = *record;
  entry.has_payload = !offered->payload.empty();
  entry.payload = offered->payload;
  if (!findings_.has_value() || findings_->total() > kMaxKeptFindings / 2) {
    check_.reset();
    findings_.emplace(kMaxKeptFindings);
    check_.emplace(from_.origin, *from_.keys, engine_, seeds_, from_.max_conflicts, *findings_);
  }
  const size_t before = findings_->kept().size();
  const uint64_t opened = check_->opened();
  check_->Check(entry);
  if (check_->opened() == opened) return absl::OkStatus();  // nothing is proven
  if (payload) {
    Put(RecordKind::kPayload, index, std::move(offered->payload), rebuilt_.payloads);
  }
  if (entry.identity.has_value() && !Finds(FindingPart::kIdentity, before)) {
    Put(RecordKind::kIdentity, index, std::move(offered->identity), rebuilt_.identities);
  }
  const bool full =
      batch_bytes_ >= kRestoreBatchBytes || batch_.records.size() >= kRestoreBatchEntries;
  return full ? Flush() : absl::OkStatus();
}

absl::Status RecordTaker::Flush() {
  if (batch_.records.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(engine_.Commit(head_, batch_));
  batch_.records.clear();
  batch_bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> TakeRecords(const RecordsFrom& from,
                                     const std::vector<WantedRecords>& wanted, Rebuilt& rebuilt) {
  if (wanted.empty()) return 0;
  LevelDbOptions leveldb;
  leveldb.path = from.log;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenLevelDbEngine(leveldb));
  ASSIGN_OR_RETURN(const std::optional<Head> head, engine->LoadHead());
  const std::unique_ptr<KeyProvider> wrapping = NewFileKeyProvider(*from.keys);
  ASSIGN_OR_RETURN(const auto seeds,
                   SeedStore::OpenReadOnly(from.seed_dir, from.origin, *wrapping));
  RecordTaker taker(from, *engine, *seeds, *head, rebuilt);
  for (const WantedRecords& range : wanted) {
    for (uint64_t index = range.begin; index < range.end; ++index) {
      RETURN_IF_ERROR(taker.Take(index, range.payload, range.identity));
    }
  }
  RETURN_IF_ERROR(taker.Flush());
  return taker.taken();
}

std::vector<WantedRecords> WrongRecords(const FsckReport& report) {
  std::map<uint64_t, WantedRecords> wrong;
  for (const Finding& finding : report.findings) {
    const bool payload = finding.part == FindingPart::kPayload;
    const bool identity = finding.part == FindingPart::kIdentity;
    if (!finding.entry.has_value() || (!payload && !identity)) continue;
    const uint64_t index = *finding.entry;
    WantedRecords& records =
        wrong.try_emplace(index, WantedRecords{index, index + 1}).first->second;
    records.payload |= payload;
    records.identity |= identity;
  }
  std::vector<WantedRecords> out;
  for (const auto& [index, records] : wrong) out.push_back(records);
  return out;
}

}  // namespace auditledger
