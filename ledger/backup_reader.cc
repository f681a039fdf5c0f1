#include "ledger/backup_reader.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/backup_secrets.h"
#include "ledger/identity_record.h"
#include "ledger/key_history.h"
#include "ledger/posix_file.h"
#include "ledger/seed_store.h"
#include "ledger/stream_table.h"
#include "merkle/frontier.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status Damaged(uint64_t index, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("entry ", index, ": ", what));
}

absl::Status In(absl::string_view file, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(file, ": ", status.message()));
}

class BackupCheck {
 public:
  BackupCheck(const BackupFolders& folders, const NoteVerifier& key, BackupVisitor& visitor)
      : folders_(folders), key_(key), visitor_(visitor) {}

  absl::StatusOr<BackupSummary> Run();

 private:
  absl::Status ReadSegment(const BackupSegmentName& name);
  absl::Status VisitEntries(const BackupSegment& segment);
  absl::Status CheckKeyChanges() const;
  absl::StatusOr<absl::string_view> SlotOf(uint64_t index, const BackupEntryView& entry,
                                           bool committed);

  const BackupFolders& folders_;
  const NoteVerifier& key_;
  BackupVisitor& visitor_;
  Frontier frontier_;
  uint64_t last_time_us_ = 0;
  std::string slots_;  // of the segment that was asked for last
  std::optional<uint64_t> slots_first_;
  std::vector<LoggedKeyChange> changes_;  // among the entries so far
  BackupSummary summary_;
};

absl::StatusOr<BackupSummary> BackupCheck::Run() {
  ASSIGN_OR_RETURN(const BackupIndex index, LoadBackupIndex(folders_.log, key_));
  if (index.increments.empty()) {
    return absl::NotFoundError(absl::StrCat(folders_.log, " holds no finished backup"));
  }
  for (const BackupIncrement& increment : index.increments) {
    for (const BackupSegmentName& name : increment.segments) {
      RETURN_IF_ERROR(In(BackupSegmentPath(folders_.log, name), ReadSegment(name)));
    }
    const Checkpoint& head = increment.head.checkpoint;
    if (frontier_.Root() != head.root) {
      return absl::DataLossError(absl::StrCat(BackupHeadPath(folders_.log, head.size),
                                              ": the entries before it do not lead to its root"));
    }
  }
  RETURN_IF_ERROR(CheckKeyChanges());
  summary_.head = index.increments.back().head;
  summary_.increments = index.increments.size();
  summary_.unproven_segments = index.unproven.size();
  return std::move(summary_);
}

// The heads were opened with what the file says; it has to be what the entries say.
absl::Status BackupCheck::CheckKeyChanges() const {
  std::vector<LoggedKeyChange> told = ReadKeyChangesFile(folders_.log, key_.name());
  while (!told.empty() && told.back().index >= frontier_.size()) told.pop_back();
  if (told == changes_) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(folders_.log, "/", kKeyChangesFile,
                                          ": these are not the key changes among the entries"));
}

absl::Status BackupCheck::ReadSegment(const BackupSegmentName& name) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadBackupSegment(folders_.log, name));
  ASSIGN_OR_RETURN(const BackupSegment segment,
                   ParseNamedSegment(folders_.log, name, key_.name(), bytes));
  if (segment.first_stream != summary_.streams) {
    return absl::DataLossError(
        absl::StrCat("begins with stream ", segment.first_stream, ", not ", summary_.streams));
  }
  for (const absl::string_view record : segment.streams) {
    RETURN_IF_ERROR(CheckBackupStream(summary_.streams, record));
    RETURN_IF_ERROR(visitor_.Stream(summary_.streams, record));
    ++summary_.streams;
  }
  RETURN_IF_ERROR(VisitEntries(segment));
  if (frontier_.nodes() != segment.frontier) {
    return absl::DataLossError("its frontier is not that of its entries");
  }
  ++summary_.segments;
  summary_.bytes += bytes.size();
  return absl::OkStatus();
}

absl::Status BackupCheck::VisitEntries(const BackupSegment& segment) {
  for (const BackupEntryView& record : segment.entries) {
    const uint64_t index = frontier_.size();
    ASSIGN_OR_RETURN(const Leaf leaf, CheckBackupEntry(index, record, summary_.streams));
    if (leaf.recorded_at_us <= last_time_us_) return Damaged(index, "its time does not rise");
    last_time_us_ = leaf.recorded_at_us;
    if (leaf.kind == EntryKind::kKeyChange) {
      changes_.push_back({index, std::string(record.leaf), {}});
    }
    VisitedEntry entry{index, record, leaf, LeafHash(record.leaf), ""};
    if (!folders_.secrets.empty()) {
      ASSIGN_OR_RETURN(entry.slot, SlotOf(index, record, leaf.commitment.has_value()));
    }
    RETURN_IF_ERROR(visitor_.Entry(entry));
    frontier_.Append(entry.leaf_hash);
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> BackupCheck::SlotOf(uint64_t index, const BackupEntryView& entry,
                                                      bool committed) {
  const uint64_t first = index - index % kSeedSlotsPerSegment;
  if (slots_first_ != first) {
    ASSIGN_OR_RETURN(slots_, ReadBackupSecrets(folders_.secrets, key_.name(), first));
    slots_first_ = first;
  }
  const uint64_t at = (index - first) * kSeedSlotBytes;
  if (at >= slots_.size()) {
    return Damaged(
        index, absl::StrCat(folders_.secrets, " ends before it: it is older than ", folders_.log));
  }
  const absl::string_view slot = absl::string_view(slots_).substr(at, kSeedSlotBytes);
  const absl::StatusOr<SeedStore::State> state = SeedSlotState(slot);
  if (!state.ok()) return Damaged(index, state.status().message());
  if (*state == SeedStore::State::kEmpty && !entry.payload.empty()) {
    return Damaged(index, absl::StrCat("its secret is not in ", folders_.secrets));
  }
  if (committed && entry.payload.empty() && *state != SeedStore::State::kErased) {
    return Damaged(index, "its payload is missing, and its secret was not destroyed");
  }
  return slot;
}

}  // namespace

absl::StatusOr<BackupSummary> ReadBackup(const BackupFolders& folders, const NoteVerifier& key,
                                         BackupVisitor& visitor) {
  return BackupCheck(folders, key, visitor).Run();
}

absl::StatusOr<std::string> ReadBackupSegment(const std::string& dir,
                                              const BackupSegmentName& name) {
  return ReadWholeFile(BackupSegmentPath(dir, name), kMaxBackupSegmentBytes);
}

absl::StatusOr<BackupSegment> ParseNamedSegment(const std::string& dir,
                                                const BackupSegmentName& name,
                                                absl::string_view origin, absl::string_view bytes) {
  auto segment = ParseBackupSegment(bytes);
  RETURN_IF_ERROR(In(BackupSegmentPath(dir, name), segment.status()));
  if (segment->origin == origin && segment->first == name.first && segment->end == name.end) {
    return segment;
  }
  return absl::DataLossError(
      absl::StrCat(BackupSegmentPath(dir, name), ": is of another log or place than its name"));
}

absl::StatusOr<Leaf> CheckBackupEntry(uint64_t index, const BackupEntryView& entry,
                                      uint32_t streams) {
  absl::StatusOr<Leaf> leaf = ParseLeaf(entry.leaf);
  if (!leaf.ok()) return Damaged(index, leaf.status().message());
  if (!entry.payload.empty() && !leaf->commitment.has_value()) {
    return Damaged(index, "has a payload that its leaf does not commit to");
  }
  if (entry.identity.empty()) {
    if (leaf->kind == EntryKind::kEvent) return Damaged(index, "its identity record is missing");
    return leaf;
  }
  const absl::StatusOr<IdentityRecord> identity = ParseIdentityRecord(entry.identity);
  if (!identity.ok()) return Damaged(index, identity.status().message());
  if (identity->stream_number != kGapsUnknown && identity->stream_number >= streams) {
    return Damaged(index, "the record of its stream is missing");
  }
  return leaf;
}

absl::Status CheckBackupStream(uint32_t number, absl::string_view record) {
  const absl::Status parsed = ParseStreamRecord(record).status();
  if (parsed.ok()) return parsed;
  return absl::DataLossError(absl::StrCat("stream ", number, ": ", parsed.message()));
}

}  // namespace auditledger
