// Where a configuration file says what an error of it names.
//
// Example:
//   return WithLine(ValidateConfig(config, false), path, of_file, config, false);
//   LineOfField(text, "listeners[1].tls.certificate_file")   // 7: the line, or that of its
//   listener
//
// Thread-safety: pure function.
#ifndef AUDITLEDGER_API_CONFIG_LINES_H_
#define AUDITLEDGER_API_CONFIG_LINES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "auditledger/config/v1/config.pb.h"

namespace auditledger {

// 1-based; of a field that is absent the line of what it should stand in, else 0. `text`: a
// config::v1::Config in text format.
int LineOfField(const std::string& text, absl::string_view field);

// What ValidateConfig says of `config`, as "FILE:LINE: field: what" where it is the file's own
// fault: what a flag says stands in no line. `of_file`: what the file says, before flags.
absl::Status WithLine(const absl::Status& fault, const std::string& file,
                      const config::v1::Config& of_file, const config::v1::Config& config,
                      bool allow_unix_socket);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CONFIG_LINES_H_
