#include "tools/report_event.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint32_t kLengthDelimited = 2;

bool IsCutDeeper(uint32_t field) {
  return field == kEmergencyAccessField || field == kPatientField || field == kAgentField ||
         field == kSourceField || field == kEntityField || field == kOriginalField;
}

// What is shown, each element of a field that is cut deeper in its place.
std::string ShownBytes(const std::vector<BundlePart>& parts) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream bytes(&out);
    google::protobuf::io::CodedOutputStream coded(&bytes);
    for (size_t i = 0; i < parts.size();) {
      const UnitPath first = parts[i].path;
      std::string element;
      do {
        if (parts[i].rule == kShown) absl::StrAppend(&element, parts[i].bytes);
        ++i;
      } while (i < parts.size() && parts[i].path.field == first.field &&
               parts[i].path.occurrence == first.occurrence);
      if (IsCutDeeper(first.field)) {
        coded.WriteTag(first.field << 3 | kLengthDelimited);
        coded.WriteVarint32(static_cast<uint32_t>(element.size()));
      }
      coded.WriteString(element);
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<ReportEvent> ReadReportEvent(const BundleEntry& entry) {
  ReportEvent out;
  out.index = entry.index;
  out.recorded_at_us = entry.leaf.recorded_at_us;
  if (entry.header.rule == kShown) {
    ASSIGN_OR_RETURN(out.header, ParseHeader(entry.header.bytes));
  }
  for (const BundlePart& part : entry.units) {
    if (part.rule != kShown) out.withheld[part.path] = part.rule;
  }
  if (!out.event.ParseFromString(ShownBytes(entry.units))) {
    return absl::InvalidArgumentError(absl::StrCat("entry ", entry.index, ": not an event"));
  }
  return out;
}

}  // namespace auditledger
