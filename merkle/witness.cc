#include "merkle/witness.h"

#include "absl/strings/str_cat.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {

std::string FormatWitnessSize(uint64_t size) { return absl::StrCat(size, "\n"); }

absl::StatusOr<uint64_t> ParseWitnessSize(absl::string_view body) {
  constexpr absl::string_view kWhat = "witness's size";
  absl::string_view line;
  RETURN_IF_ERROR(TakeLine(kWhat, body, line));
  if (!body.empty()) return absl::InvalidArgumentError("witness's size: over one line");
  return ParseDecimal(kWhat, line);
}

std::string WitnessedCheckpointPath(absl::string_view origin) {
  return absl::StrCat("/", Sha256({origin}).ToHex(), "/checkpoint");
}

}  // namespace auditledger
