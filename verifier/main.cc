// auditledger-verify: the auditor's program. Trust model and formats: verifier/README.md.
#include <cstdio>
#include <exception>

#include "verifier/cli/options.h"
#include "verifier/cli/run.h"

int main(int argc, char** argv) {
  // Libraries may throw (memory, streams): even then the answer is "cannot tell", never "verified".
  try {
    auditledger::Options options;
    const int exit_code = auditledger::ParseCommandLine(argc, argv, options);
    return exit_code >= 0 ? exit_code : auditledger::Run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "auditledger-verify: %s\n", error.what());
    return auditledger::kExitCannotTell;
  }
}
