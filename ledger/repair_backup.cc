#include "ledger/repair_backup.h"

#include "absl/strings/str_cat.h"
#include "ledger/backup_secrets.h"
#include "ledger/seed_store.h"
#include "merkle/status_macros.h"

namespace auditledger {

absl::StatusOr<std::unique_ptr<BackupLookup>> BackupLookup::Open(const BackupFolders& folders,
                                                                 const NoteVerifier& key) {
  ASSIGN_OR_RETURN(BackupIndex index, LoadBackupIndex(folders.log, key));
  if (index.increments.empty()) {
    return absl::NotFoundError(absl::StrCat(folders.log, " holds no finished backup"));
  }
  return std::unique_ptr<BackupLookup>(new BackupLookup(folders, key.name(), std::move(index)));
}

absl::Status BackupLookup::Load(const BackupSegmentName& name) {
  if (loaded_ == name) return load_status_;
  loaded_ = name;
  absl::StatusOr<std::string> bytes = ReadBackupSegment(folders_.log, name);
  if (!bytes.ok()) return load_status_ = bytes.status();
  bytes_ = *std::move(bytes);
  absl::StatusOr<BackupSegment> segment = ParseNamedSegment(folders_.log, name, origin_, bytes_);
  load_status_ = segment.status();
  if (segment.ok()) segment_ = *std::move(segment);
  return load_status_;
}

absl::StatusOr<BackupEntry> BackupLookup::Entry(uint64_t index) {
  for (const BackupIncrement& increment : index_.increments) {
    if (index >= increment.head.checkpoint.size) continue;
    for (const BackupSegmentName& name : increment.segments) {
      if (index < name.first || index >= name.end) continue;
      RETURN_IF_ERROR(Load(name));
      const BackupEntryView& entry = segment_.entries[index - name.first];
      return BackupEntry{std::string(entry.leaf), std::string(entry.payload),
                         std::string(entry.identity)};
    }
  }
  return absl::NotFoundError(absl::StrCat(folders_.log, " ends before entry ", index));
}

absl::StatusOr<std::string> BackupLookup::Slot(uint64_t index) {
  if (folders_.secrets.empty()) return absl::NotFoundError("no folder of secrets was given");
  const uint64_t first = index - index % kSeedSlotsPerSegment;
  if (slots_first_ != first) {
    slots_first_ = first;
    slots_ = ReadBackupSecrets(folders_.secrets, origin_, first);
  }
  RETURN_IF_ERROR(slots_.status());
  const uint64_t at = (index - first) * kSeedSlotBytes;
  if (at >= slots_->size()) {
    return absl::NotFoundError(absl::StrCat(folders_.secrets, " ends before entry ", index));
  }
  return slots_->substr(at, kSeedSlotBytes);
}

const std::map<uint32_t, std::string>& BackupLookup::Streams() {
  if (streams_.has_value()) return *streams_;
  streams_.emplace();
  for (const BackupIncrement& increment : index_.increments) {
    for (const BackupSegmentName& name : increment.segments) {
      if (!Load(name).ok()) continue;
      uint32_t number = segment_.first_stream;
      for (const absl::string_view record : segment_.streams) {
        if (CheckBackupStream(number, record).ok()) streams_->emplace(number, record);
        ++number;
      }
    }
  }
  return *streams_;
}

}  // namespace auditledger
