// An export as one file that only its recipients can read: an archive (export_archive.h) that is
// sealed (sealer.h).
//
// What is in it the recipient proves, as of any export, with `auditledger-verify log`.
//
// Example:
//   Recipients recipients;
//   RETURN_IF_ERROR(recipients.Add(pem, now_s));
//   ASSIGN_OR_RETURN(auto sealer, ExportSealer::Create(path, recipients));
//   auto out = ExportWriter::Into(*sealer);
//   ...
//   RETURN_IF_ERROR(sealer->Finish());
//
// Thread-safety: an object belongs to one thread. Errors: as sealer.h.
#ifndef AUDITLEDGER_VERIFIER_EXPORT_SEALER_H_
#define AUDITLEDGER_VERIFIER_EXPORT_SEALER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verifier/export_sink.h"
#include "verifier/sealer.h"

namespace auditledger {

class ExportSealer : public ExportSink {
 public:
  // InvalidArgument without recipients. Without Finish nothing stays.
  static absl::StatusOr<std::unique_ptr<ExportSealer>> Create(const std::string& path,
                                                              const Recipients& recipients,
                                                              size_t max_bytes = kMaxSealedBytes);

  // REQUIRES: an export may have a file of that name and size.
  absl::Status Put(const std::string& name, absl::string_view bytes) override;
  // The file is there, whole and on disk. Once, at the end.
  absl::Status Finish();

 private:
  explicit ExportSealer(std::unique_ptr<Sealer> sealer) : sealer_(std::move(sealer)) {}

  const std::unique_ptr<Sealer> sealer_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_EXPORT_SEALER_H_
