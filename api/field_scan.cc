#include "api/field_scan.h"

#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

#include "api/field_rules.h"
#include "auditledger/v1/event.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr uint64_t kAnyScalar = std::numeric_limits<uint64_t>::max();
constexpr int kMaskedValues = 64;

struct MessageRules;

struct FieldRules {
  enum Kind : uint8_t { kLookClosely, kScalar, kEnum, kText, kBytes, kMessage };
  Kind kind = kLookClosely;
  WireType wire = WireType::kVarint;
  bool assigner = false;
  size_t max_elements = 1;
  size_t max_bytes = 0;
  size_t exact_bytes = 0;
  uint64_t max_scalar = kAnyScalar;  // of the varint as it is encoded
  uint64_t known_values = 0;         // of an enum: bit n for value n
  const MessageRules* message = nullptr;
};

struct MessageRules {
  std::vector<FieldRules> fields;  // by number; gaps are "look closely"
};

using Cache = std::unordered_map<const Descriptor*, std::unique_ptr<MessageRules>>;

const MessageRules* RulesOf(const Descriptor& descriptor, Cache& cache);

uint64_t KnownValues(const google::protobuf::EnumDescriptor& values) {
  uint64_t mask = 0;
  for (int i = 0; i < values.value_count(); ++i) {
    const int number = values.value(i)->number();
    if (number >= 0 && number < kMaskedValues) mask |= uint64_t{1} << number;
  }
  return mask;
}

// Of the varints that a Time is made of; signed ones as they are encoded, so that a negative
// number of seconds is over every limit.
uint64_t MaxScalar(const FieldDescriptor& field) {
  const Descriptor* const message = field.containing_type();
  if (message == google::protobuf::Timestamp::descriptor()) {
    return field.number() == google::protobuf::Timestamp::kSecondsFieldNumber
               ? uint64_t{kMaxTimeSeconds}
               : uint64_t{kMaxTimeNanos};
  }
  if (message != v1::Time::descriptor()) return kAnyScalar;
  // ZigZag: n stands as 2n, -n as 2n - 1.
  if (field.number() == v1::Time::kUtcOffsetMinutesFieldNumber) return 2 * kMaxOffsetMinutes;
  return kMaxFractionDigits;
}

FieldRules MakeField(const FieldDescriptor& field, Cache& cache) {
  FieldRules rules;
  const FieldLimit& limit = LimitOf(field);
  if (field.is_repeated()) rules.max_elements = MaxElements(limit);
  rules.max_bytes = MaxBytes(limit);
  rules.exact_bytes = limit.exact_bytes;
  switch (field.type()) {
    case FieldDescriptor::TYPE_STRING:
      rules.kind = FieldRules::kText;
      rules.wire = WireType::kLengthDelimited;
      return rules;
    case FieldDescriptor::TYPE_BYTES:
      rules.kind = FieldRules::kBytes;
      rules.wire = WireType::kLengthDelimited;
      return rules;
    case FieldDescriptor::TYPE_MESSAGE:
      rules.kind = FieldRules::kMessage;
      rules.wire = WireType::kLengthDelimited;
      rules.message = RulesOf(*field.message_type(), cache);
      rules.assigner = field.full_name() == "auditledger.v1.Identifier.assigner";
      return rules;
    case FieldDescriptor::TYPE_ENUM:
      rules.kind = FieldRules::kEnum;
      rules.known_values = KnownValues(*field.enum_type());
      break;
    case FieldDescriptor::TYPE_BOOL:
    case FieldDescriptor::TYPE_INT32:
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_SINT32:
    case FieldDescriptor::TYPE_SINT64:
      rules.kind = FieldRules::kScalar;
      rules.max_scalar = MaxScalar(field);
      break;
    default:
      return rules;
  }
  if (field.is_repeated()) rules.kind = FieldRules::kLookClosely;  // packed
  return rules;
}

const MessageRules* RulesOf(const Descriptor& descriptor, Cache& cache) {
  std::unique_ptr<MessageRules>& slot = cache[&descriptor];
  if (slot != nullptr) return slot.get();
  slot = std::make_unique<MessageRules>();
  MessageRules* const rules = slot.get();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const size_t number = static_cast<size_t>(field.number());
    FieldRules made = MakeField(field, cache);
    if (rules->fields.size() <= number) rules->fields.resize(number + 1);
    rules->fields[number] = made;
  }
  return rules;
}

const MessageRules& EventRules() {
  static const MessageRules& rules = [&]() -> const MessageRules& {
    static auto* const cache = new Cache;
    return *RulesOf(*v1::AuditEvent::descriptor(), *cache);
  }();
  return rules;
}

bool Scan(const MessageRules& rules, absl::string_view message, int depth, int assigners);

bool ScanField(const FieldRules& rules, const WireField& field, int depth, int assigners) {
  if (field.type != rules.wire) return false;
  switch (rules.kind) {
    case FieldRules::kScalar:
      return field.scalar <= rules.max_scalar;
    case FieldRules::kEnum:
      return field.scalar < kMaskedValues && (rules.known_values >> field.scalar & 1) != 0;
    case FieldRules::kMessage:
      assigners += rules.assigner ? 1 : 0;
      return assigners <= kMaxAssignerDepth &&
             Scan(*rules.message, field.value, depth + 1, assigners);
    case FieldRules::kText:
    case FieldRules::kBytes:
      if (rules.exact_bytes != 0 && !field.value.empty() &&
          field.value.size() != rules.exact_bytes) {
        return false;
      }
      return field.value.size() <= rules.max_bytes &&
             (rules.kind == FieldRules::kBytes || CheckText(field.value) == Text::kGood);
    case FieldRules::kLookClosely:
      return false;
  }
  return false;
}

bool Scan(const MessageRules& rules, absl::string_view message, int depth, int assigners) {
  if (depth > kMaxEventDepth) return false;
  WireReader reader(message);
  uint32_t number = 0;
  size_t elements = 0;
  while (!reader.done()) {
    const absl::StatusOr<WireField> field = reader.Next();
    if (!field.ok() || field->number < number || field->number >= rules.fields.size()) return false;
    elements = field->number == number ? elements + 1 : 1;
    number = field->number;
    const FieldRules& its = rules.fields[number];
    if (elements > its.max_elements || !ScanField(its, *field, depth, assigners)) return false;
  }
  return true;
}

}  // namespace

bool HasNothingToReport(absl::string_view event) { return Scan(EventRules(), event, 1, 0); }

}  // namespace auditledger
