// The ledger's side of a signer process (signer_server.h): a Signer whose key and memory are
// another process's.
//
// Example:
//   ASSIGN_OR_RETURN(std::unique_ptr<Signer> signer,
//                    OpenSocketSigner({"/run/auditledger-signer/socket", origin}));
//
// It connects again when the connection ends, and asks again: the same head has the same answer, so
// that a question whose answer was lost can be repeated. What it gets is checked with the signer's
// key as it was at the first answer: a process that comes back with another key is refused.
//
// Thread-safety: as Signer.
// Errors: as Signer. Unavailable when there is no answer within `patience`; PermissionDenied when
// the signer does not serve this user; FailedPrecondition with the signer's own words when it
// refuses; DataLoss when its answer is not what was asked for.
#ifndef AUDITLEDGER_LEDGER_SOCKET_SIGNER_H_
#define AUDITLEDGER_LEDGER_SOCKET_SIGNER_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/signer.h"

namespace auditledger {

// How long a question may take, waiting for the process to come back included: systemd starts it
// again within two seconds, and opening its state takes milliseconds. Appends wait meanwhile; after
// it the ledger latches.
inline constexpr std::chrono::milliseconds kSignerPatience{10'000};

struct SocketSignerOptions {
  std::string socket_path;
  std::string origin;
  std::chrono::milliseconds patience = kSignerPatience;
};

// Asks for the public key, which it keeps.
absl::StatusOr<std::unique_ptr<Signer>> OpenSocketSigner(const SocketSignerOptions& options);

// OK once a process listens there: a start asks once, not for each of its ledgers. Unavailable.
absl::Status WaitForSigner(const std::string& socket_path, std::chrono::milliseconds patience);

// "unix:/absolute/path" -> the path. InvalidArgument.
absl::StatusOr<std::string> ParseSignerAddress(absl::string_view address);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SOCKET_SIGNER_H_
