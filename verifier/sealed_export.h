// Opens what export_sealer.h wrote, with a recipient's private key, into a new folder.
//
//   FILE ──▶ OpenSSL's CMS ──▶ 1. all of it is decrypted and dropped: does the tag verify?
//                              2. again ──▶ archive ──▶ OUT.XXXXXX, 0700 ──▶ OUT
//
// So nothing that was not authenticated reaches a disk, and OUT is there whole or not at all.
// `openssl cms -decrypt` reads the same file, but writes as it goes: only its exit code says
// whether what it wrote is what was encrypted.
//
// That a file opens says nothing of who made it nor what is in it: verify the folder (log_audit.h).
//
// Example:
//   RETURN_IF_ERROR(OpenSealedExport({.file = "clinic.sealed", .key_file = "k.pem", .out = "e"}));
//
// Memory: some two and a half times the file, which is at most kMaxSealedExportBytes.
// Thread-safety: free function.
// Errors: InvalidArgument (the key, or OUT is there), DataLoss (changed on its way, or no export),
// PermissionDenied (the key is no recipient's), FailedPrecondition (not sealed so), else as
// ReadFileLimited.
#ifndef AUDITLEDGER_VERIFIER_SEALED_EXPORT_H_
#define AUDITLEDGER_VERIFIER_SEALED_EXPORT_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "verifier/export_sealer.h"

namespace auditledger {

// A private key in PEM form; one of 16,384 bits has 13 KiB.
inline constexpr size_t kMaxPrivateKeyFileBytes = 64 << 10;

struct SealedExport {
  std::string file;
  std::string key_file;  // PEM; a passphrase is asked for on the terminal
  std::string out;
  size_t max_bytes = kMaxSealedExportBytes;
};

absl::Status OpenSealedExport(const SealedExport& what);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_SEALED_EXPORT_H_
