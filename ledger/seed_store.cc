#include "ledger/seed_store.h"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/aes_gcm.h"
#include "ledger/mutex.h"
#include "ledger/posix_file.h"
#include "ledger/secret_string.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kErasedVersion = 255;
constexpr uint8_t kAes256Gcm = 1;
constexpr size_t kSeedBytes = 32;
constexpr uint64_t kSegmentBytes = kSeedSlotsPerSegment * kSeedSlotBytes;
// Open files of segments read lately; reading at random in a large ledger opens them again.
constexpr size_t kMaxOpenSegments = 16;
constexpr absl::string_view kLabel("auditledger/seed/v1", 20);  // with its closing 0x00

struct Slot {
  SeedStore::State state = SeedStore::State::kEmpty;
  uint16_t key_id = 0;
  absl::string_view nonce;
  absl::string_view wrapped;  // with its tag
};

absl::StatusOr<Slot> ParseSlot(absl::string_view bytes) {
  Slot slot;
  const auto version = static_cast<uint8_t>(bytes[0]);
  const bool rest_is_zero = bytes.find_first_not_of('\0', 1) == absl::string_view::npos;
  if (version == 0 && rest_is_zero) return slot;
  if (version == kErasedVersion && rest_is_zero) {
    slot.state = SeedStore::State::kErased;
    return slot;
  }
  if (version != kVersion || static_cast<uint8_t>(bytes[1]) != kAes256Gcm) {
    return absl::DataLossError("version or algorithm is unknown");
  }
  ByteReader in(bytes.substr(2));
  slot.state = SeedStore::State::kPresent;
  RETURN_IF_ERROR(in.U16("key id", slot.key_id));
  RETURN_IF_ERROR(in.Raw("nonce", kAesGcmNonceBytes, slot.nonce));
  slot.wrapped = in.rest();
  return slot;
}

std::string ErasedSlot() {
  std::string slot(kSeedSlotBytes, '\0');
  slot[0] = static_cast<char>(kErasedVersion);
  return slot;
}

class FileSeedStore : public SeedStore {
 public:
  FileSeedStore(std::string dir, absl::string_view origin, const KeyProvider& keys, Random& random)
      : dir_(std::move(dir)), keys_(keys), random_(random) {
    absl::StrAppend(&associated_prefix_, kLabel);
    PutBytes16(associated_prefix_, origin);
  }

  absl::Status Put(uint64_t first_index, absl::Span<const std::string> seeds) override;
  absl::StatusOr<std::string> Get(uint64_t index) override;
  absl::StatusOr<State> StateOf(uint64_t index) override;
  absl::Status Erase(uint64_t index) override;

 private:
  using SharedFile = std::shared_ptr<const PosixFile>;

  absl::StatusOr<std::string> WrapAll(uint64_t first_index, absl::Span<const std::string> seeds)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status WriteSlots(uint64_t first_index, absl::string_view slots)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status Latch(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status CheckLatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  std::string PathOf(uint64_t segment) const {
    return absl::StrFormat("%s/seeds-%016x", dir_, segment * kSeedSlotsPerSegment);
  }
  // NotFound for a segment that was never made.
  absl::StatusOr<SharedFile> OpenSegment(uint64_t segment);
  absl::Status CreateSegment(uint64_t segment);
  // The 64 bytes of a slot; zeros where there is no segment.
  absl::StatusOr<std::string> ReadSlot(uint64_t index);
  absl::StatusOr<std::string> ReadSeed(uint64_t index);
  std::string Associated(uint64_t index) const {
    std::string out = associated_prefix_;
    PutU64(out, index);
    return out;
  }

  const std::string dir_;
  const KeyProvider& keys_;
  Random& random_;
  std::string associated_prefix_;

  Mutex write_mutex_;
  absl::Status latched_ ABSL_GUARDED_BY(write_mutex_);
  AesGcm wrapper_ ABSL_GUARDED_BY(write_mutex_);
  std::optional<uint16_t> wrapper_key_id_ ABSL_GUARDED_BY(write_mutex_);

  Mutex files_mutex_;
  std::map<uint64_t, SharedFile> files_ ABSL_GUARDED_BY(files_mutex_);
};

absl::Status FileSeedStore::Latch(absl::Status status) {
  if (latched_.ok()) latched_ = status;
  return status;
}

absl::Status FileSeedStore::CheckLatch() {
  if (latched_.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the seed store has stopped after: ", latched_.message()));
}

absl::StatusOr<FileSeedStore::SharedFile> FileSeedStore::OpenSegment(uint64_t segment) {
  MutexLock lock(files_mutex_);
  const auto known = files_.find(segment);
  if (known != files_.end()) return known->second;
  ASSIGN_OR_RETURN(PosixFile opened, PosixFile::Open(PathOf(segment), O_RDWR));
  ASSIGN_OR_RETURN(const uint64_t size, opened.Size());
  if (size != kSegmentBytes) {
    return absl::DataLossError(
        absl::StrCat(opened.path(), ": has ", size, " bytes, needs ", kSegmentBytes));
  }
  auto file = std::make_shared<const PosixFile>(std::move(opened));
  // The newest segment, which is written, has the highest number and stays.
  if (files_.size() >= kMaxOpenSegments) files_.erase(files_.begin());
  files_.emplace(segment, file);
  return file;
}

// Zeros first: writing over them later changes no size, which a sync would have to journal
// (performance.md 3).
absl::Status FileSeedStore::CreateSegment(uint64_t segment) {
  return ReplaceFile(PathOf(segment), std::string(kSegmentBytes, '\0'));
}

absl::Status FileSeedStore::WriteSlots(uint64_t first_index, absl::string_view slots) {
  while (!slots.empty()) {
    const uint64_t segment = first_index / kSeedSlotsPerSegment;
    const uint64_t offset = first_index % kSeedSlotsPerSegment * kSeedSlotBytes;
    const size_t bytes = std::min<size_t>(slots.size(), kSegmentBytes - offset);
    absl::StatusOr<SharedFile> file = OpenSegment(segment);
    if (absl::IsNotFound(file.status())) {
      RETURN_IF_ERROR(CreateSegment(segment));
      file = OpenSegment(segment);
    }
    RETURN_IF_ERROR(file.status());
    RETURN_IF_ERROR((*file)->WriteAt(offset, slots.substr(0, bytes)));
    RETURN_IF_ERROR((*file)->SyncData());
    slots.remove_prefix(bytes);
    first_index += bytes / kSeedSlotBytes;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FileSeedStore::WrapAll(uint64_t first_index,
                                                   absl::Span<const std::string> seeds) {
  const uint16_t key_id = keys_.current_key_id();
  if (wrapper_key_id_ != key_id) {
    ASSIGN_OR_RETURN(std::string raw_key, keys_.WrappingKey(key_id));
    const SecretString key(std::move(raw_key));
    wrapper_key_id_.reset();
    RETURN_IF_ERROR(wrapper_.SetKey(key.Reveal()));
    wrapper_key_id_ = key_id;
  }
  const std::string nonces = random_.Bytes(seeds.size() * kAesGcmNonceBytes);
  std::string associated = Associated(first_index);
  std::string slots;
  slots.reserve(seeds.size() * kSeedSlotBytes);
  for (size_t i = 0; i < seeds.size(); ++i) {
    if (seeds[i].empty()) {
      slots.append(kSeedSlotBytes, '\0');
      continue;
    }
    if (seeds[i].size() != kSeedBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("seed of ", seeds[i].size(), " bytes, needs ", kSeedBytes));
    }
    associated.resize(associated_prefix_.size());
    PutU64(associated, first_index + i);
    const absl::string_view nonce =
        absl::string_view(nonces).substr(i * kAesGcmNonceBytes, kAesGcmNonceBytes);
    PutU8(slots, kVersion);
    PutU8(slots, kAes256Gcm);
    PutU16(slots, key_id);
    absl::StrAppend(&slots, nonce);
    RETURN_IF_ERROR(wrapper_.Seal(nonce, associated, {seeds[i]}, slots));
  }
  return slots;
}

absl::Status FileSeedStore::Put(uint64_t first_index, absl::Span<const std::string> seeds) {
  MutexLock lock(write_mutex_);
  RETURN_IF_ERROR(CheckLatch());
  ASSIGN_OR_RETURN(const std::string slots, WrapAll(first_index, seeds));
  return Latch(WriteSlots(first_index, slots));
}

absl::Status FileSeedStore::Erase(uint64_t index) {
  MutexLock lock(write_mutex_);
  RETURN_IF_ERROR(CheckLatch());
  return Latch(WriteSlots(index, ErasedSlot()));
}

absl::StatusOr<std::string> FileSeedStore::ReadSlot(uint64_t index) {
  const absl::StatusOr<SharedFile> file = OpenSegment(index / kSeedSlotsPerSegment);
  if (absl::IsNotFound(file.status())) return std::string(kSeedSlotBytes, '\0');
  RETURN_IF_ERROR(file.status());
  return (*file)->ReadExactly(index % kSeedSlotsPerSegment * kSeedSlotBytes, kSeedSlotBytes);
}

absl::StatusOr<std::string> FileSeedStore::ReadSeed(uint64_t index) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadSlot(index));
  ASSIGN_OR_RETURN(const Slot slot, ParseSlot(bytes));
  if (slot.state == State::kErased) return absl::NotFoundError("erased: the seed is destroyed");
  if (slot.state == State::kEmpty) return absl::NotFoundError("no seed");
  absl::StatusOr<std::string> raw_key = keys_.WrappingKey(slot.key_id);
  if (absl::IsNotFound(raw_key.status())) return absl::DataLossError(raw_key.status().message());
  RETURN_IF_ERROR(raw_key.status());
  const SecretString key(*std::move(raw_key));
  static thread_local AesGcm cipher;
  RETURN_IF_ERROR(cipher.SetKey(key.Reveal()));
  return cipher.Open(slot.nonce, Associated(index), slot.wrapped);
}

absl::StatusOr<std::string> FileSeedStore::Get(uint64_t index) {
  absl::StatusOr<std::string> seed = ReadSeed(index);
  if (absl::IsDataLoss(seed.status())) {
    // It may have been read halfway through Erase: once more without a writer.
    MutexLock lock(write_mutex_);
    seed = ReadSeed(index);
  }
  if (seed.ok()) return seed;
  return absl::Status(seed.status().code(),
                      absl::StrCat("seed of entry ", index, ": ", seed.status().message()));
}

absl::StatusOr<SeedStore::State> FileSeedStore::StateOf(uint64_t index) {
  MutexLock lock(write_mutex_);
  ASSIGN_OR_RETURN(const std::string bytes, ReadSlot(index));
  ASSIGN_OR_RETURN(const Slot slot, ParseSlot(bytes));
  return slot.state;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SeedStore>> SeedStore::Open(const std::string& dir,
                                                           const std::string& origin,
                                                           const KeyProvider& keys,
                                                           Random& random) {
  RETURN_IF_ERROR(MakeDirectory(dir, 0700));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    // A segment whose making a crash cut short: it was never used.
    if (absl::StartsWith(name, "seeds-") && absl::EndsWith(name, ".tmp")) {
      RETURN_IF_ERROR(RemoveFile(absl::StrCat(dir, "/", name)));
    }
  }
  return std::make_unique<FileSeedStore>(dir, origin, keys, random);
}

}  // namespace auditledger
