#include "ledger/reader.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "ledger/payload_cipher.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status Missing(absl::string_view what, uint64_t index) {
  return Corrupt(absl::DataLossError(absl::StrCat(what, " of entry ", index, " is missing")));
}

}  // namespace

absl::Status BeyondSize(uint64_t index, uint64_t size) {
  return WithReason(
      absl::OutOfRangeError(absl::StrCat("entry ", index, " of a log of size ", size)),
      kReasonIndexBeyondSize, {{"index", absl::StrCat(index)}, {"size", absl::StrCat(size)}});
}

absl::Status Corrupt(absl::Status status) {
  if (!absl::IsDataLoss(status)) return status;
  return WithReason(std::move(status), kReasonStorageCorrupt);
}

Reader::Reader(std::string origin, Engine& engine, SeedStore& seeds, const Erasures* erasures)
    : origin_(std::move(origin)), engine_(engine), seeds_(seeds), erasures_(erasures) {}

absl::StatusOr<StoredEntry> Reader::Read(uint64_t index, bool with_opening) const {
  absl::StatusOr<std::string> leaf = engine_.Read(RecordKind::kLeaf, index);
  if (absl::IsNotFound(leaf.status())) return Missing("the leaf", index);
  if (!leaf.ok()) return Corrupt(leaf.status());
  StoredEntry entry;
  entry.index = index;
  entry.leaf = *std::move(leaf);
  if (with_opening) RETURN_IF_ERROR(FillOpening(entry));
  return entry;
}

bool Reader::IsErased(StoredEntry& entry) const {
  const auto by = erasures_ == nullptr ? std::nullopt : erasures_->ErasedBy(entry.index);
  if (!by.has_value()) return false;
  entry.payload = StoredEntry::Payload::kErased;
  entry.erased_by = *by;
  return true;
}

absl::Status Reader::FillOpening(StoredEntry& entry) const {
  const absl::StatusOr<Leaf> leaf = ParseLeaf(entry.leaf);
  if (!leaf.ok()) {
    return Corrupt(absl::DataLossError(
        absl::StrCat("the leaf of entry ", entry.index, ": ", leaf.status().message())));
  }
  if (!leaf->commitment.has_value()) {
    entry.payload = StoredEntry::Payload::kNone;
    return absl::OkStatus();
  }
  // From the erasure entry on nothing is shown, also while it is being carried out.
  if (IsErased(entry)) return absl::OkStatus();
  const absl::StatusOr<SeedStore::State> state = seeds_.StateOf(entry.index);
  if (!state.ok()) return Corrupt(state.status());
  if (*state == SeedStore::State::kErased) {
    entry.payload = StoredEntry::Payload::kErased;
    return absl::OkStatus();
  }
  if (*state == SeedStore::State::kEmpty) return Missing("the secret", entry.index);
  const absl::StatusOr<std::string> secret = seeds_.Get(entry.index);
  if (absl::IsNotFound(secret.status()) && IsErased(entry)) return absl::OkStatus();
  if (!secret.ok()) return Corrupt(secret.status());
  const absl::StatusOr<std::string> record = engine_.Read(RecordKind::kPayload, entry.index);
  // It may have been erased between the two.
  if (absl::IsNotFound(record.status()) && IsErased(entry)) return absl::OkStatus();
  if (absl::IsNotFound(record.status())) return Missing("the payload", entry.index);
  if (!record.ok()) return Corrupt(record.status());
  absl::StatusOr<Payload> payload = DecryptPayload(*secret, origin_, *leaf->commitment, *record);
  if (!payload.ok()) return Corrupt(payload.status());
  entry.payload = StoredEntry::Payload::kPresent;
  entry.opening =
      Opening{std::move(payload->seed), std::move(payload->header), std::move(payload->event)};
  return absl::OkStatus();
}

absl::Status Reader::ReadRange(uint64_t begin, uint64_t end, bool with_opening,
                               absl::FunctionRef<bool(StoredEntry)> visit) const {
  uint64_t next = begin;
  bool stopped = false;
  absl::Status failed;
  const absl::Status scanned =
      engine_.Scan(RecordKind::kLeaf, begin, end, [&](uint64_t index, absl::string_view leaf) {
        if (index != next) return false;  // a hole: reported below
        ++next;
        StoredEntry entry;
        entry.index = index;
        entry.leaf = std::string(leaf);
        if (with_opening) failed = FillOpening(entry);
        stopped = !failed.ok() || !visit(std::move(entry));
        return !stopped;
      });
  if (!scanned.ok()) return Corrupt(scanned);
  RETURN_IF_ERROR(failed);
  if (!stopped && next < end) return Missing("the leaf", next);
  return absl::OkStatus();
}

absl::StatusOr<AppendedEntry> Reader::ReadRepeat(uint64_t index) const {
  ASSIGN_OR_RETURN(StoredEntry stored, Read(index, true));
  AppendedEntry entry;
  entry.index = index;
  entry.leaf = std::move(stored.leaf);
  entry.repeated = true;
  if (!stored.opening.has_value()) return entry;
  entry.seed = std::move(stored.opening->seed);
  entry.header = std::move(stored.opening->header);
  const absl::StatusOr<EntryHeader> header = ParseHeader(entry.header);
  if (!header.ok()) {
    return Corrupt(absl::DataLossError(
        absl::StrCat("the header of entry ", index, ": ", header.status().message())));
  }
  entry.flags = header->flags;
  if (entry.flags & kFlagSecretsMasked) entry.masked_event = std::move(stored.opening->event);
  return entry;
}

}  // namespace auditledger
