// Resource names: "ledgers/{ledger}" and "ledgers/{ledger}/entries/{index}".
//
// Thread-safety: pure functions. Errors: InvalidArgument naming the request's field, never quoting
// the name.
#ifndef AUDITLEDGER_API_NAMES_H_
#define AUDITLEDGER_API_NAMES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

struct EntryName {
  std::string ledger_id;
  uint64_t index = 0;
};

std::string LedgerName(absl::string_view ledger_id);
absl::StatusOr<std::string> ParseLedgerName(absl::string_view field, absl::string_view name);
absl::StatusOr<EntryName> ParseEntryName(absl::string_view field, absl::string_view name);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_NAMES_H_
