#include "api/access/principal.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/limits.h"

namespace auditledger {

absl::Status CheckPrincipalName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxPrincipalBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("must have 1 to ", kMaxPrincipalBytes, " bytes"));
  }
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!printable) return absl::InvalidArgumentError("must be printable ASCII without blanks");
  if (!absl::StartsWith(name, kLedgerPrefix)) return absl::OkStatus();
  return absl::InvalidArgumentError("\"ledger:\" begins the name of a ledger itself");
}

absl::Status CheckForeignName(absl::string_view name) {
  const absl::Status name_itself = CheckPrincipalName(name);
  if (!name_itself.ok() || !absl::StartsWith(name, kLocalPrefix)) return name_itself;
  return absl::InvalidArgumentError("\"local:\" begins the name of a listener");
}

}  // namespace auditledger
