#include "tools/auditctl_sealing.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"
#include "verifier/mapped_file.h"

namespace auditledger::ctl {

absl::StatusOr<Recipients> LoadRecipients(const std::string& flag,
                                          const std::vector<std::string>& files) {
  Recipients recipients;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> pem = ReadFileLimited(file, kMaxRecipientFileBytes);
    if (!pem.ok()) return absl::InvalidArgumentError(pem.status().message());
    const absl::Status added = recipients.Add(*pem, absl::ToUnixSeconds(absl::Now()));
    if (!added.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(flag, " ", file, ": ", added.message()));
    }
  }
  return recipients;
}

absl::StatusOr<BundleTarget> BundleTarget::Open(const std::string& path,
                                                const Recipients& recipients) {
  BundleTarget target(path);
  if (recipients.size() == 0) return target;
  ASSIGN_OR_RETURN(target.sealer_, Sealer::Create(path, recipients));
  ASSIGN_OR_RETURN(MemoryFile memory, MemoryFile::Create());
  target.memory_.emplace(std::move(memory));
  return target;
}

absl::Status BundleTarget::Publish() {
  if (!sealer_) return absl::OkStatus();
  ASSIGN_OR_RETURN(const MappedFile made, MappedFile::Open(memory_->path()));
  RETURN_IF_ERROR(sealer_->Write(made.bytes()));
  return sealer_->Finish();
}

}  // namespace auditledger::ctl
