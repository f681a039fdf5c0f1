#include "api/field_rules.h"

#include <algorithm>
#include <unordered_map>

#include "absl/strings/match.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/text.h"

namespace auditledger {

const FieldLimit& LimitOf(const google::protobuf::FieldDescriptor& field) {
  static const auto* const limits = [] {
    auto* map = new std::unordered_map<const google::protobuf::FieldDescriptor*, const FieldLimit*>;
    const auto* pool = v1::AuditEvent::descriptor()->file()->pool();
    for (const FieldLimit& limit : EventFieldLimits()) {
      (*map)[pool->FindFieldByName(std::string(limit.field))] = &limit;
    }
    return map;
  }();
  static const FieldLimit kDefault;
  const auto it = limits->find(&field);
  return it == limits->end() ? kDefault : *it->second;
}

Text CheckText(absl::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
  if (ascii) return Text::kGood;
  if (absl::StrContains(text, '\0')) return Text::kNul;
  char32_t character = 0;
  while (!text.empty()) {
    if (!TakeUtf8(text, character)) return Text::kNotUtf8;
  }
  return Text::kGood;
}

}  // namespace auditledger
