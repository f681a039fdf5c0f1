#include "ledger/seed_store.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/aes_gcm.h"
#include "ledger/mutex.h"
#include "ledger/posix_file.h"
#include "ledger/secret_string.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kErasedVersion = 255;
constexpr uint8_t kAes256Gcm = 1;
constexpr size_t kSecretBytes = 32;
constexpr uint64_t kSegmentBytes = kSeedSlotsPerSegment * kSeedSlotBytes;
// Open files of segments read lately; reading at random in a large ledger opens them again.
constexpr size_t kMaxOpenSegments = 16;
// A backup's copy keeps a commit waiting for as long as 256 KiB take from the page cache.
constexpr uint64_t kSlotsPerRead = 4096;
// With their closing 0x00.
constexpr absl::string_view kSlotLabel("auditledger/seed/v1", 20);
constexpr absl::string_view kWrapLabel("auditledger/wrap/v1", 20);

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

// What stands before the wrapped secret.
void BeginSlot(uint16_t key_id, absl::string_view nonce, std::string& out) {
  PutU8(out, kVersion);
  PutU8(out, kAes256Gcm);
  PutU16(out, key_id);
  absl::StrAppend(&out, nonce);
}

std::string ErasedSlot() {
  std::string slot(kSeedSlotBytes, '\0');
  slot[0] = static_cast<char>(kErasedVersion);
  return slot;
}

class FileSeedStore : public SeedStore {
 public:
  // `access`: O_RDWR or O_RDONLY.
  FileSeedStore(std::string dir, absl::string_view origin, const KeyProvider& keys, Random& random,
                int access)
      : dir_(std::move(dir)), access_(access), keys_(keys), random_(random) {
    PutBytes16(framed_origin_, origin);
    associated_prefix_ = absl::StrCat(kSlotLabel, framed_origin_);
  }

  absl::Status Put(uint64_t first_index, absl::Span<const std::string> secrets) override;
  absl::StatusOr<std::string> Get(uint64_t index) override;
  absl::StatusOr<State> StateOf(uint64_t index) override;
  absl::StatusOr<std::string> ReadSlots(uint64_t begin, uint64_t end) override;
  absl::Status Erase(uint64_t index) override;
  absl::Status EraseAll(absl::Span<const uint64_t> indices) override;
  absl::StatusOr<uint64_t> Rewrap(uint64_t segment) override;
  bool SyncFailed() const override { return sync_failed_.load(); }

 private:
  // A segment as it was read and as it is to be.
  struct Rewrapped {
    std::string before;
    std::string after;
    uint64_t count = 0;
    uint16_t key_id = 0;  // the wrapper's
    AesGcm wrapper;
    AesGcm opener;
    std::optional<uint16_t> opener_id;
  };
  using SharedFile = std::shared_ptr<const PosixFile>;

  absl::StatusOr<std::string> WrapAll(uint64_t first_index, absl::Span<const std::string> secrets)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status SetSegmentKey(AesGcm& cipher, uint16_t key_id, uint64_t segment) const;
  absl::Status KeyWrapper(uint16_t key_id, uint64_t segment)
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
  absl::Status CheckMayBeNew(uint64_t segment, uint64_t offset) const;
  absl::Status CreateSegment(uint64_t segment);
  // The 64 bytes of a slot; zeros where there is no segment.
  absl::StatusOr<std::string> ReadSlot(uint64_t index);
  absl::StatusOr<std::string> ReadSecret(uint64_t index);
  absl::StatusOr<std::string> ReadSegment(uint64_t segment);
  absl::Status RewrapSlot(uint64_t index, Rewrapped& out);
  absl::Status CarryOver(uint64_t segment, const PosixFile& made, Rewrapped& slots)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  std::string Associated(uint64_t index) const {
    std::string out = associated_prefix_;
    PutU64(out, index);
    return out;
  }

  const std::string dir_;
  const int access_;
  const KeyProvider& keys_;
  Random& random_;
  std::string framed_origin_;
  std::string associated_prefix_;
  std::atomic<bool> sync_failed_{false};

  Mutex write_mutex_;
  absl::Status latched_ ABSL_GUARDED_BY(write_mutex_);
  AesGcm wrapper_ ABSL_GUARDED_BY(write_mutex_);
  // Key id and segment that the wrapper is keyed for.
  std::optional<std::pair<uint16_t, uint64_t>> wrapper_for_ ABSL_GUARDED_BY(write_mutex_);

  Mutex files_mutex_;
  std::map<uint64_t, SharedFile> files_ ABSL_GUARDED_BY(files_mutex_);
};

absl::Status FileSeedStore::Latch(absl::Status status) {
  if (latched_.ok()) latched_ = status;
  if (IsSyncFailure(status)) sync_failed_.store(true);
  return status;
}

absl::Status FileSeedStore::CheckLatch() {
  if (access_ == O_RDONLY) {
    return absl::FailedPreconditionError(absl::StrCat(dir_, " was opened for reading only"));
  }
  if (latched_.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the seed store has stopped after: ", latched_.message()));
}

absl::StatusOr<FileSeedStore::SharedFile> FileSeedStore::OpenSegment(uint64_t segment) {
  MutexLock lock(files_mutex_);
  const auto known = files_.find(segment);
  if (known != files_.end()) return known->second;
  ASSIGN_OR_RETURN(PosixFile opened, PosixFile::Open(PathOf(segment), access_));
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

// The log ends in a segment that is there, or at the end of one.
absl::Status FileSeedStore::CheckMayBeNew(uint64_t segment, uint64_t offset) const {
  const bool is_begun = offset != 0;
  if (!is_begun && (segment == 0 || PathExists(PathOf(segment - 1)))) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      PathOf(is_begun ? segment : segment - 1),
      " is missing: is the folder mounted? Restore it, for it holds the keys of stored payloads"));
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
      RETURN_IF_ERROR(CheckMayBeNew(segment, offset));
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

absl::Status FileSeedStore::SetSegmentKey(AesGcm& cipher, uint16_t key_id, uint64_t segment) const {
  ASSIGN_OR_RETURN(std::string raw_key, keys_.WrappingKey(key_id));
  const SecretString key(std::move(raw_key));
  std::string first;
  PutU64(first, segment * kSeedSlotsPerSegment);
  const SecretString derived(
      std::string(HmacSha256(key.Reveal(), {kWrapLabel, framed_origin_, first}).view()));
  return cipher.SetKey(derived.Reveal());
}

absl::Status FileSeedStore::KeyWrapper(uint16_t key_id, uint64_t segment) {
  const std::pair<uint16_t, uint64_t> wanted(key_id, segment);
  if (wrapper_for_ == wanted) return absl::OkStatus();
  wrapper_for_.reset();
  RETURN_IF_ERROR(SetSegmentKey(wrapper_, key_id, segment));
  wrapper_for_ = wanted;
  return absl::OkStatus();
}

absl::StatusOr<std::string> FileSeedStore::WrapAll(uint64_t first_index,
                                                   absl::Span<const std::string> secrets) {
  const uint16_t key_id = keys_.current_key_id();
  const std::string nonces = random_.Bytes(secrets.size() * kAesGcmNonceBytes);
  std::string associated = Associated(first_index);
  std::string slots;
  slots.reserve(secrets.size() * kSeedSlotBytes);
  uint64_t wrapped = 0;
  for (size_t i = 0; i < secrets.size(); ++i) {
    if (secrets[i].empty()) {
      slots.append(kSeedSlotBytes, '\0');
      continue;
    }
    if (secrets[i].size() != kSecretBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("secret of ", secrets[i].size(), " bytes, needs ", kSecretBytes));
    }
    RETURN_IF_ERROR(KeyWrapper(key_id, (first_index + i) / kSeedSlotsPerSegment));
    associated.resize(associated_prefix_.size());
    PutU64(associated, first_index + i);
    const absl::string_view nonce =
        absl::string_view(nonces).substr(i * kAesGcmNonceBytes, kAesGcmNonceBytes);
    BeginSlot(key_id, nonce, slots);
    RETURN_IF_ERROR(wrapper_.Seal(nonce, associated, {secrets[i]}, slots));
    ++wrapped;
  }
  keys_.Wrapped(key_id, wrapped);
  return slots;
}

absl::Status FileSeedStore::Put(uint64_t first_index, absl::Span<const std::string> secrets) {
  MutexLock lock(write_mutex_);
  RETURN_IF_ERROR(CheckLatch());
  ASSIGN_OR_RETURN(const std::string slots, WrapAll(first_index, secrets));
  return Latch(WriteSlots(first_index, slots));
}

absl::Status FileSeedStore::Erase(uint64_t index) {
  MutexLock lock(write_mutex_);
  RETURN_IF_ERROR(CheckLatch());
  return Latch(WriteSlots(index, ErasedSlot()));
}

// Commits go on in between: what is overwritten under one lock is bounded.
absl::Status FileSeedStore::EraseAll(absl::Span<const uint64_t> indices) {
  const std::string erased = ErasedSlot();
  while (!indices.empty()) {
    const uint64_t segment = indices.front() / kSeedSlotsPerSegment;
    MutexLock lock(write_mutex_);
    RETURN_IF_ERROR(CheckLatch());
    const absl::StatusOr<SharedFile> file = OpenSegment(segment);
    if (absl::IsNotFound(file.status())) {
      return absl::DataLossError(absl::StrCat(PathOf(segment), " is missing: is it mounted?"));
    }
    RETURN_IF_ERROR(Latch(file.status()));
    size_t count = 0;
    for (; count < indices.size() && count < kSlotsPerRead; ++count) {
      if (indices[count] / kSeedSlotsPerSegment != segment) break;
      const uint64_t offset = indices[count] % kSeedSlotsPerSegment * kSeedSlotBytes;
      RETURN_IF_ERROR(Latch((*file)->WriteAt(offset, erased)));
    }
    RETURN_IF_ERROR(Latch((*file)->SyncData()));
    indices.remove_prefix(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FileSeedStore::ReadSlot(uint64_t index) {
  const absl::StatusOr<SharedFile> file = OpenSegment(index / kSeedSlotsPerSegment);
  if (absl::IsNotFound(file.status())) return std::string(kSeedSlotBytes, '\0');
  RETURN_IF_ERROR(file.status());
  return (*file)->ReadExactly(index % kSeedSlotsPerSegment * kSeedSlotBytes, kSeedSlotBytes);
}

absl::StatusOr<std::string> FileSeedStore::ReadSlots(uint64_t begin, uint64_t end) {
  const uint64_t segment = begin / kSeedSlotsPerSegment;
  std::string slots;
  slots.reserve((end - begin) * kSeedSlotBytes);
  for (uint64_t at = begin; at < end;) {
    const uint64_t count = std::min(end - at, kSlotsPerRead);
    // Without a writer: a slot that is halfway through Erase is neither, and a segment that was
    // rewrapped is another file.
    MutexLock lock(write_mutex_);
    const absl::StatusOr<SharedFile> file = OpenSegment(segment);
    // Each commit makes the segment it falls in: zeros in its place would pass for a copy.
    if (absl::IsNotFound(file.status())) {
      return absl::DataLossError(absl::StrCat(PathOf(segment), " is missing: is it mounted?"));
    }
    RETURN_IF_ERROR(file.status());
    ASSIGN_OR_RETURN(
        const std::string part,
        (*file)->ReadExactly(at % kSeedSlotsPerSegment * kSeedSlotBytes, count * kSeedSlotBytes));
    slots += part;
    at += count;
  }
  return slots;
}

absl::StatusOr<std::string> FileSeedStore::ReadSecret(uint64_t index) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadSlot(index));
  ASSIGN_OR_RETURN(const Slot slot, ParseSlot(bytes));
  if (slot.state == State::kErased) return absl::NotFoundError("erased: the secret is destroyed");
  if (slot.state == State::kEmpty) return absl::NotFoundError("no secret");
  static thread_local AesGcm cipher;
  const absl::Status keyed = SetSegmentKey(cipher, slot.key_id, index / kSeedSlotsPerSegment);
  if (absl::IsNotFound(keyed)) return absl::DataLossError(keyed.message());
  RETURN_IF_ERROR(keyed);
  keys_.Opened(slot.key_id, 1);
  return cipher.Open(slot.nonce, Associated(index), slot.wrapped);
}

absl::StatusOr<std::string> FileSeedStore::Get(uint64_t index) {
  absl::StatusOr<std::string> secret = ReadSecret(index);
  if (!secret.ok()) {
    // It may have been read halfway through Erase, or out of a file that was rewrapped and zeroed:
    // once more without a writer.
    MutexLock lock(write_mutex_);
    secret = ReadSecret(index);
  }
  if (secret.ok()) return secret;
  return absl::Status(secret.status().code(),
                      absl::StrCat("secret of entry ", index, ": ", secret.status().message()));
}

absl::StatusOr<SeedStore::State> FileSeedStore::StateOf(uint64_t index) {
  MutexLock lock(write_mutex_);
  ASSIGN_OR_RETURN(const std::string bytes, ReadSlot(index));
  return SeedSlotState(bytes);
}

// As ReadSlots reads, so that no slot is one that is halfway written.
absl::StatusOr<std::string> FileSeedStore::ReadSegment(uint64_t segment) {
  RETURN_IF_ERROR(OpenSegment(segment).status());
  const uint64_t begin = segment * kSeedSlotsPerSegment;
  return ReadSlots(begin, begin + kSeedSlotsPerSegment);
}

// The slot of `out.before` in `out.after`, where it is under another key than the wrapper's.
absl::Status FileSeedStore::RewrapSlot(uint64_t index, Rewrapped& out) {
  const size_t offset = index % kSeedSlotsPerSegment * kSeedSlotBytes;
  ASSIGN_OR_RETURN(const Slot slot,
                   ParseSlot(absl::string_view(out.before).substr(offset, kSeedSlotBytes)));
  if (slot.state != State::kPresent || slot.key_id == out.key_id) return absl::OkStatus();
  if (out.opener_id != slot.key_id) {
    out.opener_id.reset();
    RETURN_IF_ERROR(SetSegmentKey(out.opener, slot.key_id, index / kSeedSlotsPerSegment));
    out.opener_id = slot.key_id;
  }
  const std::string associated = Associated(index);
  ASSIGN_OR_RETURN(std::string opened, out.opener.Open(slot.nonce, associated, slot.wrapped));
  const SecretString secret(std::move(opened));
  const std::string nonce = random_.Bytes(kAesGcmNonceBytes);
  std::string made;
  BeginSlot(out.key_id, nonce, made);
  RETURN_IF_ERROR(out.wrapper.Seal(nonce, associated, {secret.Reveal()}, made));
  out.after.replace(offset, kSeedSlotBytes, made);
  keys_.Opened(slot.key_id, 1);
  keys_.Wrapped(out.key_id, 1);
  ++out.count;
  return absl::OkStatus();
}

// What writers changed since `slots.before` was read: the newer slot counts, whatever it is.
absl::Status FileSeedStore::CarryOver(uint64_t segment, const PosixFile& made, Rewrapped& slots) {
  ASSIGN_OR_RETURN(const SharedFile file, OpenSegment(segment));
  ASSIGN_OR_RETURN(const std::string now, file->ReadExactly(0, kSegmentBytes));
  for (uint64_t offset = 0; offset < kSegmentBytes; offset += kSeedSlotBytes) {
    const absl::string_view slot = absl::string_view(now).substr(offset, kSeedSlotBytes);
    if (slot == absl::string_view(slots.before).substr(offset, kSeedSlotBytes)) continue;
    RETURN_IF_ERROR(made.WriteAt(offset, slot));
  }
  return made.SyncData();
}

absl::StatusOr<uint64_t> FileSeedStore::Rewrap(uint64_t segment) {
  {
    MutexLock lock(write_mutex_);
    RETURN_IF_ERROR(CheckLatch());
  }
  Rewrapped slots;
  slots.key_id = keys_.current_key_id();
  RETURN_IF_ERROR(SetSegmentKey(slots.wrapper, slots.key_id, segment));
  ASSIGN_OR_RETURN(slots.before, ReadSegment(segment));
  slots.after = slots.before;
  const uint64_t begin = segment * kSeedSlotsPerSegment;
  for (uint64_t index = begin; index < begin + kSeedSlotsPerSegment; ++index) {
    const absl::Status status = RewrapSlot(index, slots);
    if (status.ok()) continue;
    return absl::DataLossError(absl::StrCat("secret of entry ", index, ": ", status.message()));
  }
  if (slots.count == 0) return 0;
  const std::string path = PathOf(segment);
  const std::string temporary = path + ".tmp";
  if (PathExists(temporary)) RETURN_IF_ERROR(RemoveFile(temporary));
  ASSIGN_OR_RETURN(const PosixFile made,
                   PosixFile::Open(temporary, O_RDWR | O_CREAT | O_EXCL, 0600));
  RETURN_IF_ERROR(made.WriteAt(0, slots.after));
  // Most of it; what is left to sync with the writers held is little.
  absl::Status synced = made.Sync();
  ASSIGN_OR_RETURN(const SharedFile old, OpenSegment(segment));
  {
    MutexLock lock(write_mutex_);
    RETURN_IF_ERROR(CheckLatch());
    RETURN_IF_ERROR(Latch(std::move(synced)));
    RETURN_IF_ERROR(Latch(CarryOver(segment, made, slots)));
    RETURN_IF_ERROR(Latch(RenameDurably(temporary, path)));
    MutexLock files_lock(files_mutex_);
    files_.erase(segment);
  }
  // Nobody writes to it any more.
  absl::Status zeroed = old->WriteAt(0, std::string(kSegmentBytes, '\0'));
  if (zeroed.ok()) zeroed = old->SyncData();
  MutexLock lock(write_mutex_);
  RETURN_IF_ERROR(Latch(std::move(zeroed)));
  return slots.count;
}

}  // namespace

absl::Status SeedStore::EraseAll(absl::Span<const uint64_t> indices) {
  for (const uint64_t index : indices) RETURN_IF_ERROR(Erase(index));
  return absl::OkStatus();
}

absl::StatusOr<SeedStore::State> SeedSlotState(absl::string_view slot) {
  ASSIGN_OR_RETURN(const Slot parsed, ParseSlot(slot));
  return parsed.state;
}

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
  return std::make_unique<FileSeedStore>(dir, origin, keys, random, O_RDWR);
}

absl::StatusOr<std::unique_ptr<SeedStore>> SeedStore::OpenReadOnly(const std::string& dir,
                                                                   const std::string& origin,
                                                                   const KeyProvider& keys) {
  RETURN_IF_ERROR(ListDirectory(dir).status());
  return std::make_unique<FileSeedStore>(dir, origin, keys, Random::System(), O_RDONLY);
}

}  // namespace auditledger
