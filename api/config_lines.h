// Where a configuration file says what an error of it names.
//
// Example:
//   LineOfField(text, "listeners[1].tls.certificate_file")   // 7: the line, or that of its
//   listener
//
// Thread-safety: pure function.
#ifndef AUDITLEDGER_API_CONFIG_LINES_H_
#define AUDITLEDGER_API_CONFIG_LINES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace auditledger {

// 1-based; of a field that is absent the line of what it should stand in, else 0. `text`: a
// config::v1::Config in text format.
int LineOfField(const std::string& text, absl::string_view field);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CONFIG_LINES_H_
