#include "ledger/erasures.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/bytes.h"
#include "merkle/leaf.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kHeadBytes = 1 + 8 + 8 + 4;
// Requests and holds beside a million erasures of one piece each.
constexpr size_t kMaxListed = 4 * kMaxErasedRanges;
constexpr size_t kMaxFileBytes = kHeadBytes + kMaxListed * 8 + Hash::kSize;

// Without parsing the leaf: most are events.
bool BelongsHere(absl::string_view leaf) {
  return leaf.size() >= 2 &&
         ErasureHistory::Takes(static_cast<EntryKind>(static_cast<uint8_t>(leaf[1])));
}

}  // namespace

std::string ErasuresPath(const std::string& data_dir) {
  return absl::StrCat(data_dir, "/erasures");
}

absl::Status RemoveErasuresFile(const std::string& data_dir) {
  const std::string path = ErasuresPath(data_dir);
  if (!PathExists(path)) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveFile(path));
  return SyncDirectory(data_dir);
}

Erasures::Erasures(std::string data_dir, Engine& engine)
    : data_dir_(std::move(data_dir)), engine_(engine) {}

absl::StatusOr<Erasures::File> Erasures::Parse(absl::string_view bytes) {
  if (bytes.size() < kHeadBytes + Hash::kSize) return absl::DataLossError("truncated");
  const absl::string_view hashed = bytes.substr(0, bytes.size() - Hash::kSize);
  if (Sha256({hashed}).view() != bytes.substr(hashed.size())) {
    return absl::DataLossError("its checksum is another");
  }
  ByteReader in(hashed);
  File file;
  uint8_t version = 0;
  uint32_t count = 0;
  RETURN_IF_ERROR(in.U8("version", version));
  RETURN_IF_ERROR(in.U64("size", file.size));
  RETURN_IF_ERROR(in.U64("carried_out", file.carried_out));
  RETURN_IF_ERROR(in.U32("count", count));
  if (version != kVersion || in.rest().size() != uint64_t{count} * 8) {
    return absl::DataLossError("of another version or length");
  }
  for (uint32_t i = 0; i < count; ++i) {
    RETURN_IF_ERROR(in.U64("index", file.indices.emplace_back()));
  }
  return file;
}

// What the file says, if it can be of a log of that size and names what belongs here.
absl::StatusOr<Erasures::File> Erasures::Read(uint64_t size) const {
  ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(ErasuresPath(data_dir_), kMaxFileBytes));
  ASSIGN_OR_RETURN(File file, Parse(bytes));
  uint64_t least = 0;
  for (const uint64_t index : file.indices) {
    if (index < least || index >= file.size) return absl::DataLossError("indices do not ascend");
    least = index + 1;
  }
  if (file.size > size) return absl::DataLossError("of a longer log");
  return file;
}

absl::Status Erasures::Load(uint64_t size) {
  ASSIGN_OR_RETURN(const uint64_t covered, LoadFile(size));
  RETURN_IF_ERROR(engine_.Scan(RecordKind::kLeaf, covered, size,
                               [this](uint64_t index, absl::string_view leaf) {
                                 Committed(index, leaf);
                                 return true;
                               }));
  return size - covered > kMaxUnsavedErasureTail ? Save(size) : absl::OkStatus();
}

// Up to where it covers the log. A file that was damaged, or is of another log, says nothing.
absl::StatusOr<uint64_t> Erasures::LoadFile(uint64_t size) {
  const absl::StatusOr<File> file = Read(size);
  if (!file.ok()) return 0;
  MutexLock lock(mutex_);
  for (const uint64_t index : file->indices) {
    const absl::StatusOr<std::string> leaf = engine_.Read(RecordKind::kLeaf, index);
    if (!leaf.ok() && !absl::IsNotFound(leaf.status())) return leaf.status();
    if (leaf.ok()) Take(index, *leaf);
  }
  if (indices_ == file->indices) {
    carried_out_ = file->carried_out;
    return file->size;
  }
  history_ = {};
  indices_.clear();
  erasures_.clear();
  return 0;
}

void Erasures::Take(uint64_t index, absl::string_view bytes) {
  if (!BelongsHere(bytes)) return;
  const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
  if (!leaf.ok()) return;  // fsck names it
  indices_.push_back(index);
  const absl::Status fits = history_.Add(index, leaf->kind, leaf->body);
  if (fits.ok() && leaf->kind == EntryKind::kErasure) erasures_.push_back(index);
}

void Erasures::Committed(uint64_t index, absl::string_view leaf) {
  if (!BelongsHere(leaf)) return;
  MutexLock lock(mutex_);
  Take(index, leaf);
}

std::optional<uint64_t> Erasures::ErasedBy(uint64_t index) const {
  MutexLock lock(mutex_);
  return history_.ErasedBy(index);
}

std::optional<ErasureHistory::Erased> Erasures::FirstErased(
    absl::Span<const EntryRange> ranges) const {
  MutexLock lock(mutex_);
  return history_.FirstErased(ranges);
}

std::optional<uint64_t> Erasures::HeldBy(absl::Span<const EntryRange> ranges) const {
  MutexLock lock(mutex_);
  return history_.HeldBy(ranges);
}

bool Erasures::HoldStands(uint64_t placed) const {
  MutexLock lock(mutex_);
  return history_.HoldStands(placed);
}

std::optional<ErasureHistory::Request> Erasures::FindRequest(uint64_t index) const {
  MutexLock lock(mutex_);
  const ErasureHistory::Request* const request = history_.FindRequest(index);
  if (request == nullptr) return std::nullopt;
  return *request;
}

size_t Erasures::ranges() const {
  MutexLock lock(mutex_);
  return history_.ranges();
}

std::vector<uint64_t> Erasures::Pending(uint64_t size) const {
  MutexLock lock(mutex_);
  const auto first = std::lower_bound(erasures_.begin(), erasures_.end(), carried_out_);
  const auto last = std::lower_bound(first, erasures_.end(), size);
  return {first, last};
}

bool Erasures::IsCarriedOut(uint64_t erasure) const {
  MutexLock lock(mutex_);
  return erasure < carried_out_;
}

void Erasures::SetCarriedOut(uint64_t erasure) {
  MutexLock lock(mutex_);
  carried_out_ = std::max(carried_out_, erasure + 1);
}

absl::Status Erasures::Save(uint64_t size) {
  MutexLock save_lock(save_mutex_);
  std::string out;
  {
    MutexLock lock(mutex_);
    const auto end = std::lower_bound(indices_.begin(), indices_.end(), size);
    PutU8(out, kVersion);
    PutU64(out, size);
    PutU64(out, carried_out_);
    PutU32(out, static_cast<uint32_t>(end - indices_.begin()));
    for (auto index = indices_.begin(); index != end; ++index) PutU64(out, *index);
  }
  absl::StrAppend(&out, Sha256({out}).view());
  return ReplaceFile(ErasuresPath(data_dir_), out);
}

}  // namespace auditledger
