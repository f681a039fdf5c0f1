#include "api/config_lines.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "api/config.h"
#include "ledger/posix_file.h"

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

// The configuration with all of one field as the file has it.
config::v1::Config WithFilesOwn(const FieldDescriptor* field, config::v1::Config of_file,
                                config::v1::Config config) {
  std::vector<const FieldDescriptor*> set;
  of_file.GetReflection()->ListFields(of_file, &set);
  for (const FieldDescriptor* other : set) {
    if (other != field) of_file.GetReflection()->ClearField(&of_file, other);
  }
  config.GetReflection()->ClearField(&config, field);
  config.MergeFrom(of_file);
  ApplyDefaults(config);
  return config;
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

absl::Status WithLine(const absl::Status& fault, const std::string& file,
                      const config::v1::Config& of_file, const config::v1::Config& config,
                      bool allow_unix_socket) {
  const absl::StatusOr<std::string> text = ReadWholeFile(file, kMaxConfigBytes);
  const std::pair<absl::string_view, absl::string_view> said =
      absl::StrSplit(fault.message(), absl::MaxSplits(": ", 1));
  const int line = text.ok() ? LineOfField(*text, said.first) : 0;
  if (line == 0) return fault;
  const std::string name(said.first.substr(0, said.first.find_first_of(".[")));
  const auto* const field = config::v1::Config::descriptor()->FindFieldByName(name);
  if (ValidateConfig(WithFilesOwn(field, of_file, config), allow_unix_socket) != fault) {
    return fault;
  }
  return absl::InvalidArgumentError(absl::StrCat(file, ":", line, ": ", fault.message()));
}

}  // namespace auditledger
