#include "verifier/export_sealer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "verifier/export_archive.h"

namespace auditledger {
namespace {

absl::Status WithAdvice(const absl::Status& status) {
  if (!absl::IsOutOfRange(status)) return status;
  return absl::OutOfRangeError(absl::StrCat(status.message(),
                                            ": export into a folder on an encrypted disk "
                                            "(--in-clear), or without payloads (--leaves-only)"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ExportSealer>> ExportSealer::Create(const std::string& path,
                                                                   const Recipients& recipients,
                                                                   size_t max_bytes) {
  ASSIGN_OR_RETURN(std::unique_ptr<Sealer> sealer, Sealer::Create(path, recipients, max_bytes));
  return std::unique_ptr<ExportSealer>(new ExportSealer(std::move(sealer)));
}

absl::Status ExportSealer::Put(const std::string& name, absl::string_view bytes) {
  return WithAdvice(sealer_->Write(
      absl::StrCat(ArchiveHeader(name, bytes.size()), bytes, ArchivePadding(bytes.size()))));
}

absl::Status ExportSealer::Finish() {
  RETURN_IF_ERROR(WithAdvice(sealer_->Write(std::string(kArchiveEndBytes, '\0'))));
  return WithAdvice(sealer_->Finish());
}

}  // namespace auditledger
