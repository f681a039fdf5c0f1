#include "ledger/carry_out.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/identity_record.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Its record with the MAC of the event zeroed; empty when there is none.
absl::StatusOr<std::string> WithoutEventMac(uint64_t index, Engine& engine) {
  const absl::StatusOr<std::string> bytes = engine.Read(RecordKind::kIdentity, index);
  if (absl::IsNotFound(bytes.status())) return std::string();
  RETURN_IF_ERROR(bytes.status());
  ASSIGN_OR_RETURN(IdentityRecord record, ParseIdentityRecord(*bytes));
  record.event_mac = {};
  return EncodeIdentityRecord(record);
}

}  // namespace

absl::Status CarryOutErasure(absl::Span<const EntryRange> ranges, Engine& engine,
                             SeedStore* seeds) {
  std::vector<uint64_t> indices;
  for (const EntryRange& range : ranges) {
    for (uint64_t i = range.first; i <= range.last; ++i) indices.push_back(i);
  }
  if (seeds != nullptr) RETURN_IF_ERROR(seeds->EraseAll(indices));
  std::vector<Engine::Forgotten> records;
  records.reserve(indices.size());
  for (const uint64_t index : indices) {
    ASSIGN_OR_RETURN(std::string identity, WithoutEventMac(index, engine));
    records.push_back({index, std::move(identity)});
  }
  return engine.Forget(records);
}

}  // namespace auditledger
