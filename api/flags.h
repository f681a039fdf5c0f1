// The daemon's command line over its configuration file.
//
// Thread-safety: pure but for the files named by --config.
#ifndef AUDITLEDGER_API_FLAGS_H_
#define AUDITLEDGER_API_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "auditledger/config/v1/config.pb.h"
#include "ledger/ledger.h"
#include "ledger/signer.h"

namespace auditledger {

// --adopt_signer_state=LEDGER@SIZE:ROOTHEX
struct AdoptedHead {
  std::string ledger_id;
  uint64_t size = 0;
  Hash root;
};

// --accept_unwitnessed_start has the same form.

struct DaemonOptions {
  config::v1::Config config;  // file, then flags, then defaults; validated
  OperatorOverrides overrides;
  std::vector<AdoptedHead> adopt;
  std::vector<AdoptedHead> accept_unwitnessed;
  bool allow_unix_socket = false;
  bool print_config = false;
  std::string ready_file;
  std::string root;  // of --root, as given
};

// Documented in api/README.md, never renumbered (sysexits.h where one fits).
inline constexpr int kExitOk = 0;
inline constexpr int kExitUsage = 64;
inline constexpr int kExitConfig = 65;
inline constexpr int kExitStorage = 70;
inline constexpr int kExitListen = 71;

struct ParsedFlags {
  DaemonOptions options;
  int exit_code = -1;  // -1: go on; else print `text` (to stderr unless 0) and exit
  std::string text;
};

// Parses argv, reads the file, applies flags over it, fills defaults and validates.
ParsedFlags ParseFlags(int argc, const char* const* argv);

// `flag` names it in errors.
absl::StatusOr<AdoptedHead> ParseAdoptedHead(const std::string& text,
                                             const std::string& flag = "--adopt_signer_state");

}  // namespace auditledger

#endif  // AUDITLEDGER_API_FLAGS_H_
