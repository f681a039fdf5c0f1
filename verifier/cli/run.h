// Runs one command of auditledger-verify: reads files, asks the library, prints the verdict.
#ifndef AUDITLEDGER_VERIFIER_CLI_RUN_H_
#define AUDITLEDGER_VERIFIER_CLI_RUN_H_

#include "verifier/cli/options.h"

namespace auditledger {

// The exit code.
int Run(const Options& options);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_CLI_RUN_H_
