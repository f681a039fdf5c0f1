#include "ledger/backup_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/reader.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status Missing(absl::string_view what, uint64_t index) {
  return Corrupt(absl::DataLossError(absl::StrCat(what, " of entry ", index, " is missing")));
}

}  // namespace

absl::StatusOr<std::vector<BackupEntry>> BackupSource::ReadEntries(uint64_t begin, uint64_t end,
                                                                   size_t max_bytes) const {
  std::vector<BackupEntry> entries;
  size_t bytes = 0;
  const absl::Status scanned =
      engine_.Scan(RecordKind::kLeaf, begin, end, [&](uint64_t index, absl::string_view leaf) {
        if (index != begin + entries.size()) return false;  // a hole: reported below
        bytes += leaf.size();
        entries.push_back({std::string(leaf), "", ""});
        return bytes < max_bytes;
      });
  RETURN_IF_ERROR(Corrupt(scanned));
  if (bytes < max_bytes && begin + entries.size() < end) {
    return Missing("the leaf", begin + entries.size());
  }
  RETURN_IF_ERROR(AddPayloads(begin, max_bytes, entries));
  RETURN_IF_ERROR(AddIdentities(begin, entries));
  for (size_t i = 0; i < entries.size(); ++i) RETURN_IF_ERROR(CheckPayload(begin + i, entries[i]));
  return entries;
}

// Payloads of `entries`, which is cut where it reaches `max_bytes`.
absl::Status BackupSource::AddPayloads(uint64_t begin, size_t max_bytes,
                                       std::vector<BackupEntry>& entries) const {
  size_t bytes = 0;
  size_t counted = 0;  // entries whose bytes are in `bytes`
  RETURN_IF_ERROR(Corrupt(engine_.Scan(RecordKind::kPayload, begin, begin + entries.size(),
                                       [&](uint64_t index, absl::string_view payload) {
                                         for (; begin + counted <= index; ++counted)
                                           bytes += entries[counted].leaf.size();
                                         bytes += payload.size();
                                         entries[index - begin].payload = std::string(payload);
                                         return bytes < max_bytes;
                                       })));
  if (bytes >= max_bytes) entries.resize(counted);
  return absl::OkStatus();
}

absl::Status BackupSource::AddIdentities(uint64_t begin, std::vector<BackupEntry>& entries) const {
  return Corrupt(engine_.Scan(RecordKind::kIdentity, begin, begin + entries.size(),
                              [&](uint64_t index, absl::string_view identity) {
                                entries[index - begin].identity = std::string(identity);
                                return true;
                              }));
}

// A payload may be absent only where there never was one, or its secret was destroyed.
absl::Status BackupSource::CheckPayload(uint64_t index, const BackupEntry& entry) const {
  if (!entry.payload.empty()) return absl::OkStatus();
  const absl::StatusOr<Leaf> leaf = ParseLeaf(entry.leaf);
  if (!leaf.ok()) {
    return Corrupt(absl::DataLossError(
        absl::StrCat("the leaf of entry ", index, ": ", leaf.status().message())));
  }
  if (!leaf->commitment.has_value()) return absl::OkStatus();
  const absl::StatusOr<SeedStore::State> state = seeds_.StateOf(index);
  RETURN_IF_ERROR(Corrupt(state.status()));
  return *state == SeedStore::State::kErased ? absl::OkStatus() : Missing("the payload", index);
}

absl::StatusOr<std::vector<std::string>> BackupSource::ReadStreams(uint32_t first,
                                                                   size_t max_bytes) const {
  std::vector<std::string> records;
  size_t bytes = 0;
  bool hole = false;
  RETURN_IF_ERROR(Corrupt(engine_.ScanStreams([&](uint32_t number, absl::string_view record) {
    if (number < first) return true;
    hole = number != first + records.size();
    if (hole) return false;
    bytes += record.size();
    records.emplace_back(record);
    return bytes < max_bytes;
  })));
  if (!hole) return records;
  return Corrupt(absl::DataLossError(
      absl::StrCat("the record of stream ", first + records.size(), " is missing")));
}

absl::StatusOr<std::string> BackupSource::ReadSlots(uint64_t begin, uint64_t end) const {
  auto slots = seeds_.ReadSlots(begin, end);
  if (!slots.ok()) return Corrupt(slots.status());
  return slots;
}

}  // namespace auditledger
