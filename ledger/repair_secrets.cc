#include "ledger/repair_secrets.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint64_t kSegmentBytes = kSeedSlotsPerSegment * kSeedSlotBytes;
constexpr char kFolder[] = "/repairing";

std::string SegmentName(uint64_t index) {
  return absl::StrFormat("seeds-%016x", index - index % kSeedSlotsPerSegment);
}

absl::Status MakeAnew(const std::string& dir) {
  std::error_code error;
  std::filesystem::remove_all(dir, error);
  if (error) return absl::UnavailableError(absl::StrCat(dir, ": ", error.message()));
  return MakeDirectory(dir);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SecretsRepair>> SecretsRepair::Open(const std::string& seed_dir,
                                                                   const std::string& origin,
                                                                   const LedgerKeys& keys) {
  auto wrapping = NewFileKeyProvider(keys);
  ASSIGN_OR_RETURN(auto seeds, SeedStore::OpenReadOnly(seed_dir, origin, *wrapping));
  return std::unique_ptr<SecretsRepair>(
      new SecretsRepair(seed_dir, origin, std::move(wrapping), std::move(seeds)));
}

absl::Status SecretsRepair::Look(uint64_t index, bool has_secret, BackupLookup* backup) {
  const absl::StatusOr<SeedStore::State> state = seeds_->StateOf(index);
  const SeedStore::State wanted = has_secret ? SeedStore::State::kErased : SeedStore::State::kEmpty;
  if (state.ok() && *state == wanted) return absl::OkStatus();
  absl::StatusOr<std::string> slot = std::string(kSeedSlotBytes, '\0');
  if (has_secret) {
    if (seeds_->Get(index).ok() || backup == nullptr) return absl::OkStatus();
    slot = backup->Slot(index);
    if (!slot.ok()) return absl::OkStatus();  // it stays a finding
  }
  if (!slots_.empty() && SegmentName(slots_.begin()->first) != SegmentName(index)) {
    RETURN_IF_ERROR(WriteSegment());
  }
  slots_.emplace(index, *std::move(slot));
  return absl::OkStatus();
}

// A copy of the segment with these slots in it; those that do not open go back to what they were.
absl::Status SecretsRepair::WriteSegment() {
  if (slots_.empty()) return absl::OkStatus();
  const std::string name = SegmentName(slots_.begin()->first);
  const uint64_t first = slots_.begin()->first - slots_.begin()->first % kSeedSlotsPerSegment;
  const std::string folder = dir_ + kFolder;
  const std::string copy = absl::StrCat(folder, "/", name);
  std::string own = ReadWholeFile(absl::StrCat(dir_, "/", name), kSegmentBytes).value_or("");
  own.resize(kSegmentBytes, '\0');
  std::string mended = own;
  for (const auto& [index, slot] : slots_) {
    mended.replace((index - first) * kSeedSlotBytes, kSeedSlotBytes, slot);
  }
  RETURN_IF_ERROR(MakeAnew(folder));
  RETURN_IF_ERROR(CreateFile(copy, mended));
  IndexRanges opened = repaired_;
  {
    ASSIGN_OR_RETURN(const auto trial, SeedStore::OpenReadOnly(folder, origin_, *wrapping_));
    for (const auto& [index, slot] : slots_) {
      const bool is_empty = slot.find_first_not_of('\0') == std::string::npos;
      if (is_empty || trial->Get(index).ok()) {
        opened.Add(index);
        continue;
      }
      const uint64_t at = (index - first) * kSeedSlotBytes;
      mended.replace(at, kSeedSlotBytes, own, at, kSeedSlotBytes);
    }
  }
  slots_.clear();
  if (opened.count() > repaired_.count()) {
    RETURN_IF_ERROR(ReplaceFile(copy, mended));
    RETURN_IF_ERROR(RenameDurably(copy, absl::StrCat(dir_, "/", name)));
    repaired_ = opened;
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return absl::OkStatus();
}

absl::StatusOr<IndexRanges> SecretsRepair::Finish() {
  RETURN_IF_ERROR(WriteSegment());
  return repaired_;
}

}  // namespace auditledger
