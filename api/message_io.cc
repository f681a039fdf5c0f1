#include "api/message_io.h"

#include "api/status.h"
#include "api/wire_check.h"

namespace auditledger {

absl::Status ParseMessage(const grpc::ByteBuffer& buffer, google::protobuf::Message& out) {
  grpc::Slice slice;
  if (!buffer.TrySingleSlice(&slice).ok() && !buffer.DumpToSingleSlice(&slice).ok()) {
    return InvalidField("request", "cannot be read", kReasonMalformedRequest);
  }
  if (out.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) return absl::OkStatus();
  return ExplainParseFailure(
      *out.GetDescriptor(),
      absl::string_view(reinterpret_cast<const char*>(slice.begin()), slice.size()));
}

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace auditledger
