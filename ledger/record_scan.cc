#include "ledger/record_scan.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "ledger/key_format.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr RecordKind kRecordKinds[] = {RecordKind::kIdentity, RecordKind::kLeaf,
                                       RecordKind::kPayload};

absl::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

// The prefix that `key` shares with a kind's records, if any.
std::optional<std::string> RecordPrefixOf(absl::string_view key) {
  const absl::StatusOr<uint64_t> chunk = ChunkOfKey(key);
  if (!chunk.ok()) return std::nullopt;
  for (const RecordKind kind : kRecordKinds) {
    std::string prefix = RecordKeyPrefix(kind, *chunk);
    if (absl::StartsWith(key, prefix)) return prefix;
  }
  return std::nullopt;
}

}  // namespace

absl::Status ScanRecords(leveldb::Iterator& it, RecordKind kind, uint64_t begin, uint64_t end,
                         absl::FunctionRef<bool(uint64_t, absl::string_view)> visit,
                         absl::FunctionRef<absl::Status(absl::string_view key)> strange) {
  if (begin >= end) return absl::OkStatus();
  const uint64_t last_chunk = (end - 1) / kChunkEntries;
  uint64_t chunk = begin / kChunkEntries;
  it.Seek(RecordKey(kind, begin));
  while (true) {
    const std::string prefix = RecordKeyPrefix(kind, chunk);
    for (; it.Valid() && absl::StartsWith(ToView(it.key()), prefix); it.Next()) {
      const absl::StatusOr<uint64_t> index = IndexOfRecordKey(kind, ToView(it.key()));
      if (!index.ok()) {
        RETURN_IF_ERROR(strange(ToView(it.key())));
      } else if (*index >= end || !visit(*index, ToView(it.value()))) {
        return absl::OkStatus();
      }
    }
    // Chunks without any key at all are passed over.
    const absl::StatusOr<uint64_t> found =
        it.Valid() ? ChunkOfKey(ToView(it.key())) : absl::NotFoundError("the end");
    if (!found.ok() || chunk == last_chunk) return absl::OkStatus();
    chunk = std::max(chunk + 1, *found);
    if (chunk > last_chunk) return absl::OkStatus();
    it.Seek(RecordKeyPrefix(kind, chunk));
  }
}

void ScanOtherKeys(leveldb::Iterator& it,
                   absl::FunctionRef<void(absl::string_view, absl::string_view)> visit) {
  it.SeekToFirst();
  while (it.Valid()) {
    std::optional<std::string> prefix = RecordPrefixOf(ToView(it.key()));
    if (prefix.has_value()) {
      ++prefix->back();
      it.Seek(*prefix);
    } else {
      visit(ToView(it.key()), ToView(it.value()));
      it.Next();
    }
  }
}

}  // namespace auditledger
