#include "tools/event_reader.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "tools/fhir_r4.h"
#include "tools/json_event.h"
#include "tools/strict_json.h"

namespace auditledger {
namespace {

absl::StatusOr<v1::AuditEvent> Parse(absl::string_view text, EventFormat format) {
  switch (format) {
    case EventFormat::kEventJson:
      return AuditEventFromJson(text);
    case EventFormat::kFhirR4:
      return AuditEventFromFhirR4(text);
    default:
      return AuditEventFromText(text);
  }
}

// What is over the limit was cut, and is for the parser to refuse.
bool IsBlank(absl::string_view text) {
  return text.size() <= JsonLimits{}.max_bytes && absl::StripAsciiWhitespace(text).empty();
}

}  // namespace

absl::StatusOr<EventFormat> ParseEventFormat(absl::string_view name) {
  if (name == "auto") return EventFormat::kAuto;
  if (name == "event-json") return EventFormat::kEventJson;
  if (name == "jsonl") return EventFormat::kJsonLines;
  if (name == "fhir-r4") return EventFormat::kFhirR4;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown format ", name, ": auto, event-json, jsonl or fhir-r4"));
}

absl::StatusOr<v1::AuditEvent> AuditEventFromText(absl::string_view text) {
  ASSIGN_OR_RETURN(const nlohmann::json value, ParseStrictJson(text, JsonLimits{}));
  if (value.is_object() && value.contains("resourceType")) return AuditEventFromFhirR4(text);
  return AuditEventFromJson(text);
}

bool EventReader::ReadLine(std::string& line) {
  const size_t limit = JsonLimits{}.max_bytes + 1;
  line.clear();
  ended_ = false;
  for (int c = input_.get(); c != std::istream::traits_type::eof(); c = input_.get()) {
    if (c == '\n') {
      ++line_;
      ended_ = true;
      return true;
    }
    // What is over the limit is dropped, and the parser refuses what is left for its size.
    if (line.size() < limit) line.push_back(static_cast<char>(c));
  }
  if (line.empty()) return false;
  ++line_;
  return true;
}

absl::Status EventReader::Located(const absl::Status& status) const {
  return absl::Status(status.code(), absl::StrCat(name_, ":", line_, ": ", status.message()));
}

absl::StatusOr<std::optional<v1::AuditEvent>> EventReader::NextLine() {
  std::string line;
  while (ReadLine(line)) {
    if (IsBlank(line)) continue;
    auto event = Parse(line, format_);
    if (!event.ok()) return Located(event.status());
    return *std::move(event);
  }
  done_ = true;
  return std::nullopt;
}

absl::StatusOr<std::optional<v1::AuditEvent>> EventReader::WholeDocument(std::string text) {
  done_ = true;
  // To the byte: a FHIR event's digest is that of the file.
  std::string line;
  while (text.size() <= JsonLimits{}.max_bytes) {
    if (ended_) text.push_back('\n');
    if (!ReadLine(line)) break;
    text.append(line);
  }
  if (IsBlank(text)) return std::nullopt;
  line_ = 1;
  auto event = Parse(text, format_);
  if (!event.ok()) return Located(event.status());
  return *std::move(event);
}

absl::StatusOr<std::optional<v1::AuditEvent>> EventReader::Next() {
  if (done_) return std::nullopt;
  if (format_ == EventFormat::kJsonLines) return NextLine();
  std::string first;
  if (!ReadLine(first)) {
    done_ = true;
    return std::nullopt;
  }
  const bool only_line = input_.peek() == std::istream::traits_type::eof();
  if (format_ != EventFormat::kAuto || only_line) return WholeDocument(std::move(first));
  const auto alone = ParseStrictJson(first, JsonLimits{});
  if (!alone.ok() || !alone->is_object()) return WholeDocument(std::move(first));
  format_ = EventFormat::kJsonLines;
  auto event = Parse(first, format_);
  if (!event.ok()) return Located(event.status());
  return *std::move(event);
}

}  // namespace auditledger
