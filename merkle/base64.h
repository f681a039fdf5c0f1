// Strict base64 (RFC 4648 section 4): one text for each value, so that what was parsed formats back
// the same.
//
// Thread-safety: pure functions. Errors: InvalidArgument, without the text itself (it may be
// secret).
#ifndef AUDITLEDGER_MERKLE_BASE64_H_
#define AUDITLEDGER_MERKLE_BASE64_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// Standard alphabet, padded, no white space, unused bits zero. `what` names the value in the
// message.
absl::StatusOr<std::string> DecodeBase64(absl::string_view what, absl::string_view text);
std::string EncodeBase64(absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_BASE64_H_
