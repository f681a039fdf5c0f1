// The daemon's configuration: a file in protobuf text format
// (proto/auditledger/config/v1/config.proto), checked as a whole before anything is opened.
//
// Example:
//   ASSIGN_OR_RETURN(config::v1::Config config, ParseConfig(text));
//   RETURN_IF_ERROR(ValidateConfig(config, /*allow_unix_socket=*/false));
//
// Thread-safety: pure functions.
// Errors: InvalidArgument naming line and column, or the field.
#ifndef AUDITLEDGER_API_CONFIG_H_
#define AUDITLEDGER_API_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cosigner.h"
#include "api/limits.h"
#include "auditledger/config/v1/config.pb.h"
#include "ledger/ledger_set.h"

namespace auditledger {

inline constexpr size_t kMaxConfigBytes = 1 << 20;  // a thousand listeners are a tenth of it

// Unknown fields and repeated scalars are errors.
absl::StatusOr<config::v1::Config> ParseConfig(const std::string& text);
// InvalidArgument when the file cannot be read, or over 1 MiB.
absl::StatusOr<config::v1::Config> ReadConfigFile(const std::string& path);
std::string FormatConfig(const config::v1::Config& config);

// Fills what is empty or 0 with its default, so that --print_config shows what is in force.
void ApplyDefaults(config::v1::Config& config);
// DIR/data, DIR/state, DIR/keys, DIR/seeds for the folders that are empty.
void ApplyRoot(const std::string& root, config::v1::Config& config);
// All that can be said without opening anything; the first fault found. REQUIRES: ApplyDefaults was
// called.
absl::Status ValidateConfig(const config::v1::Config& config, bool allow_unix_socket);

// What Cosigner is to do.
CosignerOptions ToCosignerOptions(const config::v1::Witness& witness);
// The policy file of a ledger; "" for none.
std::string PolicyFileOf(const config::v1::Witness& witness, const std::string& ledger_id);
// A comment for each policy in force: its f and how it was computed. REQUIRES: as below.
std::string DescribePolicies(const config::v1::Witness& witness);

ApiLimits ToApiLimits(const config::v1::Limits& limits);
// REQUIRES: ValidateConfig was OK.
LedgerSetOptions ToLedgerSetOptions(const config::v1::Config& config);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CONFIG_H_
