// A file that only its recipients can read: CMS AuthEnvelopedData (RFC 5083, 5084), AES-256-GCM
// under a fresh key, wrapped for each certificate.
//
//   bytes ──▶ AES-256-GCM ──▶ FILE.tmp, 0600 ──▶ FILE
//
// OpenSSL makes all of it. No plaintext touches a disk, and memory does not grow with the file.
// An RSA key wraps by OAEP with SHA-256, an EC key by ECDH with SHA-256 and AES-256.
// Who made the file is not in it: whoever has a certificate can make one.
//
// Example:
//   Recipients recipients;
//   RETURN_IF_ERROR(recipients.Add(pem, now_s));
//   ASSIGN_OR_RETURN(const auto sealer, Sealer::Create(path, recipients));
//   RETURN_IF_ERROR(sealer->Write(bytes));
//   RETURN_IF_ERROR(sealer->Finish());
//
// Thread-safety: an object belongs to one thread.
// Errors: InvalidArgument for a certificate, OutOfRange over the limit, Unavailable of the disk.
#ifndef AUDITLEDGER_VERIFIER_SEALER_H_
#define AUDITLEDGER_VERIFIER_SEALER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct x509_st;  // OpenSSL's X509

namespace auditledger {

// Whoever opens a file holds it in memory, OpenSSL's own program nearly three times over.
inline constexpr size_t kMaxSealedBytes = size_t{1} << 30;
// A certificate's file: one certificate, the text that some tools put before it included.
inline constexpr size_t kMaxRecipientFileBytes = 64 << 10;

class Recipients {
 public:
  // `pem` has one certificate: RSA of 2,048 bits or more, or EC of 224 or more, valid at `now_s`
  // (Unix seconds), and, where it names uses of its key, good for wrapping one. That an authority
  // vouches for it is for the caller to know: it is named, not believed.
  absl::Status Add(absl::string_view pem, int64_t now_s);
  size_t size() const { return certificates_.size(); }

 private:
  friend class Sealer;
  std::vector<std::shared_ptr<x509_st>> certificates_;
};

class Sealer {
 public:
  // InvalidArgument without recipients. `max_bytes` is what the file may have.
  static absl::StatusOr<std::unique_ptr<Sealer>> Create(const std::string& path,
                                                        const Recipients& recipients,
                                                        size_t max_bytes = kMaxSealedBytes);
  // Without Finish nothing stays.
  ~Sealer();

  absl::Status Write(absl::string_view bytes);
  // The file is there, whole and on disk. Once, at the end. REQUIRES: something was written.
  absl::Status Finish();

 private:
  struct Parts;
  Sealer();
  absl::Status Open(const std::string& path, const Recipients& recipients);
  absl::Status CheckSize() const;

  std::unique_ptr<Parts> parts_;
  std::string path_;
  size_t max_bytes_ = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_SEALER_H_
