#include "verifier/event_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>

#include "absl/strings/match.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"

namespace auditledger {

absl::StatusOr<std::string> EventFromJson(absl::string_view json) {
  v1::AuditEvent event;
  if (!google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &event).ok()) {
    return absl::InvalidArgumentError("event: not the protobuf JSON of an AuditEvent");
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    event.SerializeToCodedStream(&out);
  }
  return bytes;
}

absl::StatusOr<std::string> EventToJson(absl::string_view event) {
  v1::AuditEvent message;
  if (!message.ParseFromArray(event.data(), static_cast<int>(event.size()))) {
    return absl::InvalidArgumentError("event: not the encoding of an AuditEvent");
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
    return absl::InvalidArgumentError("event: has no JSON form");
  }
  return json;
}

absl::StatusOr<std::string> ReadEventFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::string bytes, ReadFileLimited(path, kMaxEventFileBytes));
  if (absl::EndsWith(path, ".json")) return EventFromJson(bytes);
  return bytes;
}

}  // namespace auditledger
