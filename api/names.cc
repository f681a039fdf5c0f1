#include "api/names.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/limits.h"
#include "api/status.h"
#include "ledger/ledger_set.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr absl::string_view kLedgers = "ledgers/";
constexpr absl::string_view kEntries = "/entries/";

}  // namespace

std::string LedgerName(absl::string_view ledger_id) { return absl::StrCat(kLedgers, ledger_id); }

absl::StatusOr<std::string> ParseLedgerName(absl::string_view field, absl::string_view name) {
  if (name.empty()) return InvalidField(field, "is required: ledgers/{ledger}");
  if (name.size() > kMaxResourceNameBytes) {
    return InvalidField(
        field, absl::StrCat(name.size(), " bytes, over the limit of ", kMaxResourceNameBytes));
  }
  if (!absl::ConsumePrefix(&name, kLedgers) || !CheckLedgerId(name).ok()) {
    return InvalidField(field, "must be ledgers/{ledger} with {ledger} as [a-z][a-z0-9-]{0,62}");
  }
  return std::string(name);
}

absl::StatusOr<EntryName> ParseEntryName(absl::string_view field, absl::string_view name) {
  const size_t at = name.find(kEntries);
  if (at == absl::string_view::npos) {
    return InvalidField(field, "must be ledgers/{ledger}/entries/{index}");
  }
  EntryName out;
  ASSIGN_OR_RETURN(out.ledger_id, ParseLedgerName(field, name.substr(0, at)));
  const absl::StatusOr<uint64_t> index = ParseDecimal("index", name.substr(at + kEntries.size()));
  if (!index.ok()) return InvalidField(field, index.status().message());
  out.index = *index;
  return out;
}

}  // namespace auditledger
