#include "ledger/errors.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace auditledger {
namespace {

constexpr absl::string_view kPayloadUrl = "auditledger/reason";

}  // namespace

absl::Status WithReason(absl::Status status, absl::string_view reason,
                        const std::map<std::string, std::string>& metadata) {
  if (status.ok()) return status;
  std::string payload(reason);
  for (const auto& [key, value] : metadata) absl::StrAppend(&payload, "\n", key, "=", value);
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

Reason ReasonOf(const absl::Status& status) {
  Reason result;
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return result;
  const std::vector<std::string> lines = absl::StrSplit(std::string(*payload), '\n');
  result.reason = lines[0];
  for (size_t i = 1; i < lines.size(); ++i) {
    std::pair<std::string, std::string> pair = absl::StrSplit(lines[i], absl::MaxSplits('=', 1));
    result.metadata.insert(std::move(pair));
  }
  return result;
}

}  // namespace auditledger
