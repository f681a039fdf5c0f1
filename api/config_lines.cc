#include "api/config_lines.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "auditledger/config/v1/config.pb.h"

namespace auditledger {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

// What does not parse has its line from the parser.
class NoErrors : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
};

// "listeners[1]" is listeners and 1; "tls" is tls and 0.
std::pair<std::string, int> NameAndIndex(absl::string_view part) {
  const std::pair<absl::string_view, absl::string_view> both =
      absl::StrSplit(part, absl::MaxSplits('[', 1));
  int index = 0;
  if (!absl::SimpleAtoi(absl::StripSuffix(both.second, "]"), &index)) index = 0;
  return {std::string(both.first), index};
}

}  // namespace

int LineOfField(const std::string& text, absl::string_view field) {
  NoErrors errors;
  TextFormat::ParseInfoTree root;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&root);
  config::v1::Config config;
  if (!parser.ParseFromString(text, &config)) return 0;
  int line = 0;
  const TextFormat::ParseInfoTree* tree = &root;
  const google::protobuf::Descriptor* type = config.GetDescriptor();
  for (const absl::string_view part : absl::StrSplit(field, '.')) {
    const auto [name, number] = NameAndIndex(part);
    const FieldDescriptor* const known = type->FindFieldByName(name);
    if (known == nullptr) break;
    const int index = known->is_repeated() ? number : -1;
    const TextFormat::ParseLocation at = tree->GetLocation(known, index);
    if (at.line < 0) break;
    line = at.line + 1;
    type = known->message_type();
    if (type == nullptr) break;
    tree = tree->GetTreeForNested(known, index);
    if (tree == nullptr) break;
  }
  return line;
}

}  // namespace auditledger
