#include "api/field_walk.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "api/field_rules.h"
#include "api/limits.h"
#include "auditledger/v1/event.pb.h"
#include "google/protobuf/unknown_field_set.h"

namespace auditledger {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

class Walker {
 public:
  explicit Walker(absl::string_view path) : path_(path) { steps_.reserve(kMaxEventDepth + 1); }

  void Walk(const Message& message, int depth, int assigners) {
    if (depth > kMaxEventDepth)
      return Add(absl::StrCat("nested more than ", kMaxEventDepth, " deep"));
    const Reflection& reflection = *message.GetReflection();
    CheckUnknown(reflection.GetUnknownFields(message));
    if (message.GetDescriptor() == v1::Time::descriptor())
      CheckTime(static_cast<const v1::Time&>(message));
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      steps_.push_back({field, -1});
      if (field->is_repeated()) {
        Repeated(message, field, depth, assigners);
      } else {
        Single(message, field, -1, depth, assigners);
      }
      steps_.pop_back();
    }
  }

  WalkFindings Take() { return std::move(findings_); }

 private:
  void Add(std::string description) {
    if (findings_.violations.size() < kMaxViolations) {
      findings_.violations.push_back({Path(), std::move(description)});
    }
  }

  std::string Path() const {
    std::string path(path_);
    for (const Step& step : steps_) {
      absl::StrAppend(&path, path.empty() ? "" : ".", std::string(step.field->name()));
      if (step.element >= 0) absl::StrAppend(&path, "[", step.element, "]");
    }
    return path;
  }

  void CheckUnknown(const google::protobuf::UnknownFieldSet& unknown) {
    if (unknown.empty()) return;
    findings_.unknown_fields = true;
    for (int i = 0; i < unknown.field_count(); ++i) {
      if (unknown.field(i).type() != google::protobuf::UnknownField::TYPE_GROUP) continue;
      Add(absl::StrCat("field ", unknown.field(i).number(), " is a group, which is not accepted"));
    }
  }

  void CheckTime(const v1::Time& time) {
    if (time.at().seconds() < 0) Add("at: lies before 1970");
    if (time.at().seconds() > kMaxTimeSeconds) Add("at: lies after the year 9999");
    if (time.at().nanos() < 0 || time.at().nanos() > 999'999'999)
      Add("at: nanos are not 0..999999999");
    if (std::abs(int64_t{time.utc_offset_minutes()}) > kMaxOffsetMinutes) {
      Add(absl::StrCat("utc_offset_minutes: beyond ", kMaxOffsetMinutes));
    }
    if (time.fraction_digits() > kMaxFractionDigits) {
      Add(absl::StrCat("fraction_digits: over the limit of ", kMaxFractionDigits));
    }
  }

  void Repeated(const Message& message, const FieldDescriptor* field, int depth, int assigners) {
    const int count = message.GetReflection()->FieldSize(message, field);
    const size_t limit = MaxElements(LimitOf(*field));
    if (static_cast<size_t>(count) > limit) {
      return Add(absl::StrCat(count, " elements, over the limit of ", limit));
    }
    for (int i = 0; i < count; ++i) {
      steps_.back().element = i;
      Single(message, field, i, depth, assigners);
    }
  }

  // `i` is the element of a repeated field, else -1.
  void Single(const Message& message, const FieldDescriptor* field, int i, int depth,
              int assigners) {
    const Reflection& reflection = *message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        CheckBytes(field, i < 0
                              ? reflection.GetStringReference(message, field, &scratch)
                              : reflection.GetRepeatedStringReference(message, field, i, &scratch));
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int value = i < 0 ? reflection.GetEnumValue(message, field)
                                : reflection.GetRepeatedEnumValue(message, field, i);
        if (field->enum_type()->FindValueByNumber(value) == nullptr) findings_.unknown_enum = true;
        return;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        static const FieldDescriptor* const kAssigner =
            v1::Identifier::descriptor()->FindFieldByName("assigner");
        if (field == kAssigner && ++assigners > kMaxAssignerDepth) {
          return Add(absl::StrCat("assigners nested more than ", kMaxAssignerDepth, " deep"));
        }
        Walk(i < 0 ? reflection.GetMessage(message, field)
                   : reflection.GetRepeatedMessage(message, field, i),
             depth + 1, assigners);
        return;
      }
      default:
        return;
    }
  }

  void CheckBytes(const FieldDescriptor* field, const std::string& value) {
    const FieldLimit& limit = LimitOf(*field);
    if (limit.exact_bytes != 0 && !value.empty() && value.size() != limit.exact_bytes) {
      return Add(absl::StrCat(value.size(), " bytes, must be ", limit.exact_bytes));
    }
    const size_t max = MaxBytes(limit);
    if (value.size() > max)
      return Add(absl::StrCat(value.size(), " bytes, over the limit of ", max));
    if (field->type() != FieldDescriptor::TYPE_STRING) return;
    const Text text = CheckText(value);
    if (text == Text::kNul) Add("contains a NUL character");
    if (text == Text::kNotUtf8) Add("is not valid UTF-8");
  }

  struct Step {
    const FieldDescriptor* field;
    int element;  // of a repeated field, else -1
  };
  const absl::string_view path_;
  std::vector<Step> steps_;  // rendered only for a violation: most events have none
  WalkFindings findings_;
};

}  // namespace

WalkFindings WalkFields(const Message& message, absl::string_view path) {
  Walker walker(path);
  walker.Walk(message, 1, 0);
  return walker.Take();
}

}  // namespace auditledger
