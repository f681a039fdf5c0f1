// Asks a timestamping authority over HTTP: POST of application/timestamp-query, the answer of which
// is application/timestamp-reply (RFC 3161 3.4).
//
// http and https, certificates checked by the machine's store, no redirects: what is believed is
// the token, by the certificates pinned for it (merkle/timestamp.h), so plain http will do.
//
// Example: ASSIGN_OR_RETURN(const std::string reply, PostTimestampQuery(url, query, timeout));
//
// Thread-safety: from many threads. Blocks until the answer is there or `timeout` has passed.
// Errors: Unavailable for no answer or one that is no 200 reply; ResourceExhausted for one of over
// kMaxTimestampBytes.
#ifndef AUDITLEDGER_API_TSA_CLIENT_H_
#define AUDITLEDGER_API_TSA_CLIENT_H_

#include <chrono>
#include <string>

#include "absl/status/statusor.h"

namespace auditledger {

absl::StatusOr<std::string> PostTimestampQuery(const std::string& url, const std::string& query,
                                               std::chrono::milliseconds timeout);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_TSA_CLIENT_H_
