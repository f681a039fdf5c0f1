#include "api/wire_check.h"

#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "api/status.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/text.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int kMaxDepth = 100;  // protobuf's own recursion limit

struct Fault {
  std::string path;
  std::string what;
  bool in_event = false;
};

bool IsUtf8(absl::string_view text) {
  char32_t character = 0;
  while (!text.empty()) {
    if (!TakeUtf8(text, character)) return false;
  }
  return true;
}

std::string Join(absl::string_view path, const FieldDescriptor& field, int occurrence) {
  std::string out = absl::StrCat(path, path.empty() ? "" : ".", std::string(field.name()));
  if (field.is_repeated()) absl::StrAppend(&out, "[", occurrence, "]");
  return out;
}

std::optional<Fault> FindFault(const Descriptor& descriptor, absl::string_view bytes,
                               const std::string& path, bool in_event, int depth) {
  in_event = in_event || &descriptor == v1::AuditEvent::descriptor();
  if (depth > kMaxDepth)
    return Fault{path, absl::StrCat("nested more than ", kMaxDepth, " deep"), in_event};
  WireReader reader(bytes);
  std::map<uint32_t, int> occurrences;
  while (!reader.done()) {
    const absl::StatusOr<WireField> field = reader.Next();
    if (!field.ok()) return Fault{path, std::string(field.status().message()), in_event};
    const FieldDescriptor* known = descriptor.FindFieldByNumber(static_cast<int>(field->number));
    if (known == nullptr || field->type != WireType::kLengthDelimited) continue;
    const std::string inner = Join(path, *known, occurrences[field->number]++);
    if (known->type() == FieldDescriptor::TYPE_STRING && !IsUtf8(field->value)) {
      return Fault{inner, "is not valid UTF-8", in_event};
    }
    if (known->type() == FieldDescriptor::TYPE_MESSAGE) {
      auto fault = FindFault(*known->message_type(), field->value, inner, in_event, depth + 1);
      if (fault.has_value()) return fault;
    }
  }
  return std::nullopt;
}

}  // namespace

absl::Status ExplainParseFailure(const Descriptor& descriptor, absl::string_view bytes) {
  const std::optional<Fault> fault = FindFault(descriptor, bytes, "", false, 0);
  if (!fault.has_value()) {
    return InvalidField("request", "does not parse as protobuf", kReasonMalformedRequest);
  }
  return InvalidField(fault->path.empty() ? "request" : fault->path, fault->what,
                      fault->in_event ? kReasonMalformedEvent : kReasonMalformedRequest);
}

}  // namespace auditledger
