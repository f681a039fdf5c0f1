#include "ledger/repair_secrets.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSegmentBytes = kSeedSlotsPerSegment * kSeedSlotBytes;
constexpr char kFolder[] = "/repairing";
constexpr char kView[] = "/repairing/view";

std::string SegmentName(uint64_t first) { return absl::StrFormat("seeds-%016x", first); }

bool IsSegmentName(const std::string& name) {
  return absl::StartsWith(name, "seeds-") && name.size() == SegmentName(0).size();
}

absl::Status RemoveAll(const std::string& dir) {
  std::error_code error;
  fs::remove_all(dir, error);
  if (error) return absl::UnavailableError(absl::StrCat(dir, ": ", error.message()));
  return absl::OkStatus();
}

bool IsEmpty(absl::string_view slot) {
  return slot.find_first_not_of('\0') == absl::string_view::npos;
}

std::string ErasedSlot() { return std::string("\xff") + std::string(kSeedSlotBytes - 1, '\0'); }

bool IsErased(absl::string_view slot) {
  const absl::StatusOr<SeedStore::State> state = SeedSlotState(slot);
  return state.ok() && *state == SeedStore::State::kErased;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SecretsRepair>> SecretsRepair::Open(const std::string& seed_dir,
                                                                   const std::string& origin,
                                                                   const LedgerKeys& keys) {
  auto wrapping = NewFileKeyProvider(keys);
  ASSIGN_OR_RETURN(auto seeds, SeedStore::OpenReadOnly(seed_dir, origin, *wrapping));
  RETURN_IF_ERROR(RemoveAll(seed_dir + kFolder));
  RETURN_IF_ERROR(MakeDirectory(seed_dir + kFolder));
  return std::unique_ptr<SecretsRepair>(
      new SecretsRepair(seed_dir, origin, std::move(wrapping), std::move(seeds)));
}

SecretsRepair::~SecretsRepair() {
  if (!kept_) RemoveAll(dir_ + kFolder).IgnoreError();
}

// Where bytes came or went before a slot that was destroyed, its mark is behind its place or
// before.
bool SecretsRepair::WasErased(uint64_t index) const {
  const absl::string_view slots = segment_->slots;
  const auto at = static_cast<int64_t>((index - segment_->first) * kSeedSlotBytes);
  for (int moved = 0; moved < static_cast<int>(kSeedSlotBytes); ++moved) {
    const int64_t from = at + moved * segment_->moved;
    if (from < 0 || from + kSeedSlotBytes > slots.size()) break;
    if (IsErased(slots.substr(from, kSeedSlotBytes))) return true;
  }
  return false;
}

// One by one where the disk does not give many.
void SecretsRepair::ReadSlots(const std::string& path) {
  constexpr uint64_t kSlotsPerRead = 1024;
  Segment& segment = *segment_;
  const absl::StatusOr<PosixFile> file = PosixFile::Open(path, O_RDONLY);
  segment.is_missing = absl::IsNotFound(file.status());
  if (segment.is_missing) return;
  for (uint64_t at = 0; at < kSeedSlotsPerSegment; at += kSlotsPerRead) {
    char* const out = segment.slots.data() + at * kSeedSlotBytes;
    if (file.ok() && file->ReadAt(at * kSeedSlotBytes, out, kSlotsPerRead * kSeedSlotBytes).ok()) {
      continue;
    }
    for (uint64_t slot = at; slot < at + kSlotsPerRead; ++slot) {
      char* const one = segment.slots.data() + slot * kSeedSlotBytes;
      if (file.ok() && file->ReadAt(slot * kSeedSlotBytes, one, kSeedSlotBytes).ok()) continue;
      std::fill(one, one + kSeedSlotBytes, '\0');
      segment.unread.insert(segment.first + slot);
    }
  }
  const absl::StatusOr<uint64_t> size = file.ok() ? file->Size() : file.status();
  if (size.ok() && *size != kSegmentBytes) segment.moved = *size > kSegmentBytes ? 1 : -1;
  segment.is_whole = segment.unread.empty() && size.ok() && *size == kSegmentBytes;
}

absl::Status SecretsRepair::Load(uint64_t index) {
  const uint64_t first = index - index % kSeedSlotsPerSegment;
  if (segment_.has_value() && segment_->first == first) return absl::OkStatus();
  RETURN_IF_ERROR(WriteSegment());
  segment_ = Segment{};
  segment_->first = first;
  segment_->slots.assign(kSegmentBytes, '\0');
  ReadSlots(absl::StrCat(dir_, "/", SegmentName(first)));
  if (segment_->is_whole || segment_->is_missing) return absl::OkStatus();
  RETURN_IF_ERROR(
      ReplaceFile(absl::StrCat(dir_, kFolder, "/", SegmentName(first)), segment_->slots));
  ASSIGN_OR_RETURN(trial_, SeedStore::OpenReadOnly(dir_ + kFolder, origin_, *wrapping_));
  return absl::OkStatus();
}

absl::Status SecretsRepair::Look(uint64_t index, const Wanted& wanted, BackupLookup* backup) {
  RETURN_IF_ERROR(Load(index));
  const absl::string_view own =
      absl::string_view(segment_->slots)
          .substr((index - segment_->first) * kSeedSlotBytes, kSeedSlotBytes);
  const bool is_unread = segment_->unread.contains(index);
  if (!wanted.has_secret) {
    if (is_unread || !IsEmpty(own)) slots_.emplace(index, std::string(kSeedSlotBytes, '\0'));
    return absl::OkStatus();
  }
  if (!is_unread && IsErased(own)) return absl::OkStatus();
  if (wanted.is_erased || (!is_unread && WasErased(index))) {
    slots_.emplace(index, ErasedSlot());
    return absl::OkStatus();
  }
  SeedStore& store = trial_ != nullptr ? *trial_ : *seeds_;
  if (!is_unread && store.Get(index).ok()) return absl::OkStatus();
  if (is_unread) segment_->lost.insert(index);
  if (backup == nullptr) return absl::OkStatus();
  absl::StatusOr<std::string> slot = backup->Slot(index);
  if (slot.ok()) slots_.emplace(index, *std::move(slot));  // else it stays a finding
  return absl::OkStatus();
}

// Those of the new slots that open; the others go back to what they were.
absl::StatusOr<std::vector<uint64_t>> SecretsRepair::DropWhatDoesNotOpen(const std::string& path,
                                                                         std::string& mended) {
  std::vector<uint64_t> opened;
  RETURN_IF_ERROR(ReplaceFile(path, mended));
  ASSIGN_OR_RETURN(const auto trial, SeedStore::OpenReadOnly(dir_ + kFolder, origin_, *wrapping_));
  for (const auto& [index, slot] : slots_) {
    if (IsEmpty(slot) || IsErased(slot) || trial->Get(index).ok()) {
      opened.push_back(index);
      segment_->lost.erase(index);
      continue;
    }
    const uint64_t at = (index - segment_->first) * kSeedSlotBytes;
    mended.replace(at, kSeedSlotBytes, segment_->slots, at, kSeedSlotBytes);
  }
  return opened;
}

absl::Status SecretsRepair::WriteSegment() {
  if (!segment_.has_value()) return absl::OkStatus();
  const std::string name = SegmentName(segment_->first);
  const std::string path = absl::StrCat(dir_, kFolder, "/", name);
  std::string mended = segment_->slots;
  for (const auto& [index, slot] : slots_) {
    mended.replace((index - segment_->first) * kSeedSlotBytes, kSeedSlotBytes, slot);
  }
  trial_.reset();
  std::vector<uint64_t> opened;
  if (!slots_.empty()) {
    ASSIGN_OR_RETURN(opened, DropWhatDoesNotOpen(path, mended));
  }
  slots_.clear();
  const bool as_it_was = opened.empty() && (segment_->is_whole || segment_->is_missing);
  const bool given_up = !segment_->lost.empty();
  segment_.reset();
  if (given_up) mended_.given_up.push_back(name);
  if (given_up || as_it_was) return RemoveAll(path);
  RETURN_IF_ERROR(ReplaceFile(path, mended));
  mended_.files.push_back(name);
  for (const uint64_t index : opened) mended_.repaired.Add(index);
  return absl::OkStatus();
}

absl::Status SecretsRepair::MakeView() {
  mended_.view = dir_ + kView;
  RETURN_IF_ERROR(MakeDirectory(mended_.view));
  std::set<std::string> names(mended_.files.begin(), mended_.files.end());
  ASSIGN_OR_RETURN(const std::vector<std::string> own, ListDirectory(dir_));
  names.insert(own.begin(), own.end());
  for (const std::string& name : names) {
    if (!IsSegmentName(name)) continue;
    const std::string made = absl::StrCat(dir_, kFolder, "/", name);
    std::error_code error;
    fs::create_hard_link(PathExists(made) ? made : absl::StrCat(dir_, "/", name),
                         absl::StrCat(mended_.view, "/", name), error);
    if (error) return absl::UnavailableError(absl::StrCat(name, ": ", error.message()));
  }
  return absl::OkStatus();
}

absl::StatusOr<MendedSecrets> SecretsRepair::Finish() {
  RETURN_IF_ERROR(WriteSegment());
  if (!mended_.files.empty()) RETURN_IF_ERROR(MakeView());
  return mended_;
}

absl::Status PutSecretsInPlace(const std::string& seed_dir) {
  const std::string folder = seed_dir + kFolder;
  if (!PathExists(folder)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  for (const std::string& name : names) {
    if (!IsSegmentName(name)) continue;
    const std::string place = absl::StrCat(seed_dir, "/", name);
    if (PathExists(place)) {
      int number = 1;
      while (PathExists(absl::StrCat(place, ".damaged-", number))) ++number;
      RETURN_IF_ERROR(RenameDurably(place, absl::StrCat(place, ".damaged-", number)));
    }
    RETURN_IF_ERROR(RenameDurably(absl::StrCat(folder, "/", name), place));
  }
  return RemoveAll(folder);
}

}  // namespace auditledger
