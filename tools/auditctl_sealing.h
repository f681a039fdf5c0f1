// Where what leaves a ledger's protection goes: a file for its recipients alone, or in the clear
// where somebody said so in words.
//
// Example:
//   ASSIGN_OR_RETURN(const Recipients recipients, LoadRecipients("--to", files));
//   ASSIGN_OR_RETURN(BundleTarget target, BundleTarget::Open("answer.sealed", recipients));
//   RETURN_IF_ERROR(Make(target.working_path()));   // in memory, as there are recipients
//   RETURN_IF_ERROR(target.Publish());
//
// Thread-safety: one thread.
// Errors: InvalidArgument for what is no certificate, naming flag and file; else as sealer.h.
#ifndef AUDITLEDGER_TOOLS_AUDITCTL_SEALING_H_
#define AUDITLEDGER_TOOLS_AUDITCTL_SEALING_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "verifier/memory_file.h"
#include "verifier/sealer.h"

namespace auditledger::ctl {

absl::StatusOr<Recipients> LoadRecipients(const std::string& flag,
                                          const std::vector<std::string>& files);

// An evidence bundle's file while it is made: where nobody is named, the file itself; else one in
// memory, which becomes the sealed file when it is whole.
class BundleTarget {
 public:
  static absl::StatusOr<BundleTarget> Open(const std::string& path, const Recipients& recipients);

  const std::string& path() const { return path_; }
  // In memory; nullptr where the bundle is written in the clear.
  const MemoryFile* memory() const { return memory_ ? &*memory_ : nullptr; }
  std::string working_path() const { return memory_ ? memory_->path() : path_; }
  // The file is at path(), whole. Without it nothing sealed is.
  absl::Status Publish();

 private:
  explicit BundleTarget(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::optional<MemoryFile> memory_;
  std::unique_ptr<Sealer> sealer_;
};

}  // namespace auditledger::ctl

#endif  // AUDITLEDGER_TOOLS_AUDITCTL_SEALING_H_
