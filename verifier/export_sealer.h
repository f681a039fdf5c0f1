// An export as one file that only its recipients can read: an archive (export_archive.h) in CMS
// AuthEnvelopedData (RFC 5083, 5084), AES-256-GCM under a fresh key, wrapped for each certificate.
//
//   files of the export ──▶ archive ──▶ AES-256-GCM ──▶ FILE.tmp, 0600 ──▶ FILE
//
// OpenSSL makes all of it. No plaintext touches a disk, and memory does not grow with the export.
// An RSA key wraps by OAEP with SHA-256, an EC key by ECDH with SHA-256 and AES-256.
// Who made the file is not in it: whoever has a certificate can make one. What is in it the
// recipient proves, as of any export, with `auditledger-verify log`.
//
// Example:
//   ExportRecipients recipients;
//   RETURN_IF_ERROR(recipients.Add(pem, now_s));
//   ASSIGN_OR_RETURN(auto sealer, ExportSealer::Create(path, recipients));
//   auto out = ExportWriter::Into(*sealer);
//   ...
//   RETURN_IF_ERROR(sealer->Finish());
//
// Thread-safety: an object belongs to one thread.
// Errors: InvalidArgument for a certificate, OutOfRange over the limit, Unavailable of the disk.
#ifndef AUDITLEDGER_VERIFIER_EXPORT_SEALER_H_
#define AUDITLEDGER_VERIFIER_EXPORT_SEALER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verifier/export_sink.h"

struct x509_st;  // OpenSSL's X509

namespace auditledger {

// Whoever opens a file holds it in memory, OpenSSL's own program nearly three times over.
inline constexpr size_t kMaxSealedExportBytes = size_t{1} << 30;
// A certificate's file: one certificate, the text that some tools put before it included.
inline constexpr size_t kMaxRecipientFileBytes = 64 << 10;

class ExportRecipients {
 public:
  // `pem` has one certificate: RSA of 2,048 bits or more, or EC of 224 or more, valid at `now_s`
  // (Unix seconds), and, where it names uses of its key, good for wrapping one. That an authority
  // vouches for it is for the caller to know: it is named, not believed.
  absl::Status Add(absl::string_view pem, int64_t now_s);
  size_t size() const { return certificates_.size(); }

 private:
  friend class ExportSealer;
  std::vector<std::shared_ptr<x509_st>> certificates_;
};

class ExportSealer : public ExportSink {
 public:
  // InvalidArgument without recipients.
  static absl::StatusOr<std::unique_ptr<ExportSealer>> Create(
      const std::string& path, const ExportRecipients& recipients,
      size_t max_bytes = kMaxSealedExportBytes);
  // Without Finish nothing stays.
  ~ExportSealer() override;

  // REQUIRES: an export may have a file of that name and size.
  absl::Status Put(const std::string& name, absl::string_view bytes) override;
  // The file is there, whole and on disk. Once, at the end.
  absl::Status Finish();

 private:
  struct Parts;
  ExportSealer();
  absl::Status Open(const std::string& path, const ExportRecipients& recipients);
  absl::Status Write(absl::string_view bytes);
  absl::Status CheckSize() const;

  std::unique_ptr<Parts> parts_;
  std::string path_;
  size_t max_bytes_ = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_EXPORT_SEALER_H_
