#include "ledger/signer_state.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "ledger/crc32c.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kReservedBytes = 7;
constexpr size_t kFileBytes = kSignerSlots * kSignerSlotBytes;

bool AllZero(absl::string_view bytes) {
  return bytes.find_first_not_of('\0') == absl::string_view::npos;
}

absl::Status ReadHash(ByteReader& in, absl::string_view what, Hash& hash) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw(what, Hash::kSize, raw));
  ASSIGN_OR_RETURN(hash, Hash::FromBytes(raw));
  return absl::OkStatus();
}

// A slot without version and reserved bytes, which the caller has read.
absl::StatusOr<SignerState> ReadFields(absl::string_view slot, ByteReader& in) {
  SignerState state;
  RETURN_IF_ERROR(in.U64("sequence", state.sequence));
  RETURN_IF_ERROR(in.U64("size", state.head.size));
  RETURN_IF_ERROR(ReadHash(in, "root", state.head.root));
  RETURN_IF_ERROR(in.U64("time", state.head.time_us));
  RETURN_IF_ERROR(ReadHash(in, "origin hash", state.origin_hash));
  RETURN_IF_ERROR(in.U32("key ID", state.key_id));
  const size_t covered = slot.size() - in.rest().size();
  uint32_t crc = 0;
  RETURN_IF_ERROR(in.U32("CRC", crc));
  if (crc != Crc32c(slot.substr(0, covered))) return absl::DataLossError("CRC does not match");
  if (!AllZero(in.rest())) return absl::DataLossError("bytes behind the record");
  return state;
}

}  // namespace

std::string EncodeSignerSlot(const SignerState& state) {
  std::string slot;
  slot.reserve(kSignerSlotBytes);
  PutU8(slot, kVersion);
  slot.append(kReservedBytes, '\0');
  PutU64(slot, state.sequence);
  PutU64(slot, state.head.size);
  absl::StrAppend(&slot, state.head.root.view());
  PutU64(slot, state.head.time_us);
  absl::StrAppend(&slot, state.origin_hash.view());
  PutU32(slot, state.key_id);
  PutU32(slot, Crc32c(slot));
  slot.resize(kSignerSlotBytes, '\0');
  return slot;
}

absl::StatusOr<SignerState> ParseSignerSlot(absl::string_view slot) {
  if (slot.size() != kSignerSlotBytes) return absl::DataLossError("signer slot: wrong length");
  ByteReader in(slot);
  uint8_t version = 0;
  absl::string_view reserved;
  RETURN_IF_ERROR(in.U8("version", version));
  RETURN_IF_ERROR(in.Raw("reserved", kReservedBytes, reserved));
  if (version != kVersion || !AllZero(reserved)) {
    return absl::DataLossError(absl::StrCat("signer slot: version ", version, " is unknown"));
  }
  absl::StatusOr<SignerState> state = ReadFields(slot, in);
  if (!state.ok()) {
    return absl::DataLossError(absl::StrCat("signer slot: ", state.status().message()));
  }
  return state;
}

absl::StatusOr<SignerState> ParseSignerState(absl::string_view file) {
  if (file.size() != kFileBytes) {
    return absl::DataLossError(
        absl::StrCat("signer state: ", file.size(), " bytes, needs ", kFileBytes));
  }
  const absl::StatusOr<SignerState> first = ParseSignerSlot(file.substr(0, kSignerSlotBytes));
  const absl::StatusOr<SignerState> second = ParseSignerSlot(file.substr(kSignerSlotBytes));
  if (!first.ok() && !second.ok()) {
    return absl::DataLossError(
        absl::StrCat("signer state: both slots are damaged: ", first.status().message(), "; ",
                     second.status().message()));
  }
  if (!second.ok()) return first;
  if (!first.ok()) return second;
  return first->sequence > second->sequence ? first : second;
}

absl::StatusOr<SignerStateFile> SignerStateFile::Open(const std::string& state_dir) {
  const std::string path = absl::StrCat(state_dir, "/", kSignerStateFile);
  ASSIGN_OR_RETURN(PosixFile file, PosixFile::Open(path, O_RDWR));
  // Two signers on one state could each sign another head.
  ASSIGN_OR_RETURN(const bool locked, file.TryLock());
  if (!locked) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": another signer has it open"));
  }
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  if (size != kFileBytes) {
    return absl::DataLossError(absl::StrCat(path, ": has ", size, " bytes, needs ", kFileBytes));
  }
  ASSIGN_OR_RETURN(const std::string bytes, file.ReadExactly(0, kFileBytes));
  const absl::StatusOr<SignerState> last = ParseSignerState(bytes);
  if (!last.ok()) return absl::DataLossError(absl::StrCat(path, ": ", last.status().message()));
  return SignerStateFile(std::move(file), *last);
}

absl::Status SignerStateFile::Create(const std::string& state_dir, const SignerState& state) {
  RETURN_IF_ERROR(MakeDirectory(state_dir, 0700));
  // Whole from the start: overwriting needs no change of the file's size, which a sync would have
  // to journal.
  std::string bytes(kFileBytes, '\0');
  bytes.replace(state.sequence % kSignerSlots * kSignerSlotBytes, kSignerSlotBytes,
                EncodeSignerSlot(state));
  return CreateFile(absl::StrCat(state_dir, "/", kSignerStateFile), bytes);
}

absl::Status SignerStateFile::StoreUnder(uint32_t key_id, const Head& head) {
  SignerState next = last_;
  next.key_id = key_id;
  next.sequence = last_.sequence + 1;
  next.head = head;
  const uint64_t offset = next.sequence % kSignerSlots * kSignerSlotBytes;
  RETURN_IF_ERROR(file_.WriteAt(offset, EncodeSignerSlot(next)));
  RETURN_IF_ERROR(file_.SyncData());
  last_ = next;
  return absl::OkStatus();
}

}  // namespace auditledger
