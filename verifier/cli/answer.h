// `auditledger-verify answer`: the asker's question out of the command line, and its answer.
#ifndef AUDITLEDGER_VERIFIER_CLI_ANSWER_H_
#define AUDITLEDGER_VERIFIER_CLI_ANSWER_H_

#include <string>

#include "absl/status/statusor.h"
#include "verifier/answer_report.h"
#include "verifier/cli/options.h"

namespace auditledger {

// The question that --tag or --index-key with --subject, and --recorded or --happened, ask.
// InvalidArgument saying what is missing or does not parse; errors of reading the files.
absl::StatusOr<AnswerInput> AnswerInputOf(const Options& options);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_CLI_ANSWER_H_
