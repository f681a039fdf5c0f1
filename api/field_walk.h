// The generic half of the event rules: one walk over a message by reflection that checks sizes,
// counts, depth, text and times against the table of limits.h, and notices what this version does
// not know.
//
// Thread-safety: pure function. Costs one visit of each field that is set.
#ifndef AUDITLEDGER_API_FIELD_WALK_H_
#define AUDITLEDGER_API_FIELD_WALK_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "api/status.h"
#include "google/protobuf/message.h"

namespace auditledger {

struct WalkFindings {
  std::vector<FieldViolation> violations;  // at most kMaxViolations
  bool unknown_fields = false;
  bool unknown_enum = false;
};
WalkFindings WalkFields(const google::protobuf::Message& message, absl::string_view path);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_FIELD_WALK_H_
