// Messages to and from gRPC's bytes. The service takes raw bytes (gRPC's raw callback methods),
// because gRPC itself answers an unparsable request with UNIMPLEMENTED and no counter of ours would
// move.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_MESSAGE_IO_H_
#define AUDITLEDGER_API_MESSAGE_IO_H_

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace auditledger {

// InvalidArgument naming the field (wire_check.h).
absl::Status ParseMessage(const grpc::ByteBuffer& buffer, google::protobuf::Message& out);
grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_MESSAGE_IO_H_
