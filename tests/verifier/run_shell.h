// A command line, run: its exit code and what it said.
#ifndef AUDITLEDGER_TESTS_VERIFIER_RUN_SHELL_H_
#define AUDITLEDGER_TESTS_VERIFIER_RUN_SHELL_H_

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace auditledger::testing {

struct Ran {
  int exit_code = -1;
  std::string out;  // standard output and standard error
};

inline Ran RunShell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> buffer{};
  for (size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    ran.out.append(buffer.data(), got);
  }
  ran.exit_code = WEXITSTATUS(::pclose(pipe));
  return ran;
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_VERIFIER_RUN_SHELL_H_
