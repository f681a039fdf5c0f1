// What can be said of the configuration's token issuers, and of the listeners that want tokens,
// without opening anything.
//
// Example: RETURN_IF_ERROR(CheckTokenConfig(config));
//
// Thread-safety: a pure function. Errors: InvalidArgument, "field: what to do".
#ifndef AUDITLEDGER_API_ACCESS_TOKEN_CONFIG_H_
#define AUDITLEDGER_API_ACCESS_TOKEN_CONFIG_H_

#include <cstddef>

#include "absl/status/status.h"
#include "auditledger/config/v1/config.pb.h"

namespace auditledger {

inline constexpr int kMaxTokenIssuers = 8;  // each has a thread that keeps its keys current
// Leaves half of a principal to the subject.
inline constexpr size_t kMaxIssuerBytes = 256;
inline constexpr size_t kMaxAudienceBytes = 256;

absl::Status CheckTokenConfig(const config::v1::Config& config);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_TOKEN_CONFIG_H_
