#include "tools/json_event.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "merkle/units.h"
#include "tools/strict_json.h"

namespace auditledger {

using google::protobuf::util::JsonParseOptions;
using google::protobuf::util::JsonPrintOptions;
using google::protobuf::util::JsonStringToMessage;
using google::protobuf::util::MessageToJsonString;

namespace {

// The library quotes the value that does not fit; it may be a patient's number.
std::string WithoutValue(std::string message) {
  constexpr absl::string_view kBefore = "invalid value ";
  constexpr absl::string_view kAfter = " for type ";
  const size_t from = message.find(kBefore.data());
  const size_t to = message.rfind(kAfter.data());
  if (from == std::string::npos || to == std::string::npos || to < from) return message;
  return message.substr(0, from) + "a value that does not fit" + message.substr(to);
}

}  // namespace

absl::StatusOr<v1::AuditEvent> AuditEventFromJson(absl::string_view text) {
  // protobuf's own parser takes the last of two equal keys.
  ASSIGN_OR_RETURN(const nlohmann::json value, ParseStrictJson(text, JsonLimits{}));
  if (!value.is_object()) return absl::InvalidArgumentError("an event is a JSON object");
  v1::AuditEvent event;
  const google::protobuf::StringPiece piece(text.data(), text.size());
  const auto status = JsonStringToMessage(piece, &event, JsonParseOptions());
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not an AuditEvent: ", WithoutValue(status.message().as_string())));
  }
  if (event.ByteSizeLong() > kMaxEventBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("event of ", event.ByteSizeLong(), " bytes; at most ", kMaxEventBytes));
  }
  return event;
}

absl::StatusOr<std::string> JsonFromAuditEvent(const v1::AuditEvent& event, bool indented) {
  JsonPrintOptions options;
  options.add_whitespace = indented;
  std::string out;
  if (!MessageToJsonString(event, &out, options).ok()) {
    return absl::InvalidArgumentError("event cannot be written as JSON");
  }
  return out;
}

}  // namespace auditledger
