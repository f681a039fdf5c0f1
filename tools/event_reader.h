// Events out of a file or a pipe, one at a time, whatever spelling they come in.
//
//   event-json  one AuditEvent in protobuf's JSON mapping
//   fhir-r4     one FHIR R4 AuditEvent
//   jsonl       one of either on each line; blank lines are skipped
//   auto        jsonl when there is more than one line and the first is a JSON object, else one
//   document
//
// Example:
//   EventReader reader(input, "day.jsonl", EventFormat::kAuto);
//   while (true) {
//     ASSIGN_OR_RETURN(std::optional<v1::AuditEvent> event, reader.Next());
//     if (!event) break;
//   }
//
// Thread-safety: an object belongs to one thread. Memory: one event.
// Errors: InvalidArgument beginning with "NAME:LINE: "; the reader stands behind the bad line after
// it.
#ifndef AUDITLEDGER_TOOLS_EVENT_READER_H_
#define AUDITLEDGER_TOOLS_EVENT_READER_H_

#include <istream>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger {

enum class EventFormat { kAuto, kEventJson, kJsonLines, kFhirR4 };

absl::StatusOr<EventFormat> ParseEventFormat(absl::string_view name);

// One document, either spelling: FHIR says so in resourceType.
absl::StatusOr<v1::AuditEvent> AuditEventFromText(absl::string_view text);

class EventReader {
 public:
  // `input` must outlive the reader; `name` stands in errors.
  EventReader(std::istream& input, std::string name, EventFormat format)
      : input_(input), name_(std::move(name)), format_(format) {}

  // Nothing at the end.
  absl::StatusOr<std::optional<v1::AuditEvent>> Next();
  // Of the event last returned, from 1.
  size_t line() const { return line_; }

 private:
  absl::StatusOr<std::optional<v1::AuditEvent>> NextLine();
  absl::StatusOr<std::optional<v1::AuditEvent>> WholeDocument(std::string text);
  absl::Status Located(const absl::Status& status) const;
  // False at the end of the input. Reads at most one byte more than a document may have.
  bool ReadLine(std::string& line);

  std::istream& input_;
  const std::string name_;
  EventFormat format_;
  size_t line_ = 0;
  bool ended_ = false;  // the line last read ended with a line feed
  bool done_ = false;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_EVENT_READER_H_
