// Runs a program that prints a secret: how a vault or a hardware module of any make gives the
// master key (master_key_source.h).
//
// Example:
//   ASSIGN_OR_RETURN(SecretString text, RunSecretCommand({"/usr/bin/vault-key", "clinic"}, {}));
//
// No shell: the first word is the program's absolute path, the others are its arguments as they
// are. Environment, standard input and standard error are this process's. What it prints is read
// through a pipe and touches no file.
// Thread-safety: by many threads. Errors: NotFound and so on when it cannot be started;
// DeadlineExceeded when it is not at its end in time: it is killed; ResourceExhausted when it
// prints more than it may; FailedPrecondition with its exit code or signal. None quotes what it
// printed.
#ifndef AUDITLEDGER_LEDGER_SECRET_COMMAND_H_
#define AUDITLEDGER_LEDGER_SECRET_COMMAND_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/secret_string.h"

namespace auditledger {

struct SecretCommandLimits {
  // A vault across the network, with a retry or two; a start waits no longer.
  std::chrono::milliseconds deadline = std::chrono::seconds(30);
  // As a key file's: a key's text takes some 80.
  size_t max_bytes = 4096;
};

// REQUIRES: `words` is not empty.
absl::StatusOr<SecretString> RunSecretCommand(const std::vector<std::string>& words,
                                              const SecretCommandLimits& limits);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SECRET_COMMAND_H_
