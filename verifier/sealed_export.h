// Opens what export_sealer.h wrote, with a recipient's private key, into a new folder; and a sealed
// evidence bundle into a new file.
//
//   FILE ──▶ sealed_file.h ──▶ archive ──▶ OUT.XXXXXX, 0700 ──▶ OUT
//                         └──▶ bundle  ──▶ OUT.tmp, 0600    ──▶ OUT
//
// So nothing that was not authenticated reaches a disk, and OUT is there whole or not at all. Which
// of the two it is, its first bytes say.
//
// That a file opens says nothing of who made it nor what is in it: verify the folder (log_audit.h),
// or the bundle (bundle_verify.h).
//
// Example:
//   RETURN_IF_ERROR(OpenSealedExport({.file = "clinic.sealed", .key_file = "k.pem", .out = "e"}));
//
// Memory: as sealed_file.h. Thread-safety: free function.
// Errors: as sealed_file.h; InvalidArgument where OUT is there, DataLoss for what is no export.
#ifndef AUDITLEDGER_VERIFIER_SEALED_EXPORT_H_
#define AUDITLEDGER_VERIFIER_SEALED_EXPORT_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "verifier/sealed_file.h"

namespace auditledger {

struct SealedExport {
  std::string file;
  std::string key_file;  // PEM; a passphrase is asked for on the terminal
  std::string out;
  size_t max_bytes = kMaxSealedBytes;
};

absl::Status OpenSealedExport(const SealedExport& what);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_SEALED_EXPORT_H_
