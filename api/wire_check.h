// Why a protobuf message did not parse: protobuf itself only says that it did not.
//
// Example: if (!request.ParseFromArray(...)) return ExplainParseFailure(*request.GetDescriptor(),
// bytes);
//
// Thread-safety: pure function. Runs on failures only; recursion is bounded as protobuf's own, at
// 100.
#ifndef AUDITLEDGER_API_WIRE_CHECK_H_
#define AUDITLEDGER_API_WIRE_CHECK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace auditledger {

// InvalidArgument (MALFORMED_EVENT when the fault lies in an event, else MALFORMED_REQUEST), naming
// the innermost field that is cut short, has a broken encoding or is not UTF-8. Never OK: without a
// finding it names the whole message.
absl::Status ExplainParseFailure(const google::protobuf::Descriptor& descriptor,
                                 absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_WIRE_CHECK_H_
