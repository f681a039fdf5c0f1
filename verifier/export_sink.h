// Where the files of an export go: a folder (FolderSink), or one sealed file (export_sealer.h).
//
// Example:
//   FolderSink folder(dir);
//   RETURN_IF_ERROR(folder.Put("tile/0/000", hashes));
//   RETURN_IF_ERROR(folder.Commit("checkpoint", note));  // says that the others are there
//
// Thread-safety: a sink belongs to one thread, a folder to one writer at a time.
// Errors: Unavailable where the file system refuses, and what a sink says of its own limits.
#ifndef AUDITLEDGER_VERIFIER_EXPORT_SINK_H_
#define AUDITLEDGER_VERIFIER_EXPORT_SINK_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace auditledger {

class ExportSink {
 public:
  virtual ~ExportSink() = default;
  // `name` is relative to the export, '/' between its parts.
  virtual absl::Status Put(const std::string& name, absl::string_view bytes) = 0;
  // The same for a file that makes those before it count: they are safe first.
  virtual absl::Status Commit(const std::string& name, absl::string_view bytes) {
    return Put(name, bytes);
  }
};

// Replaces files one at a time, by way of one temporary name in ".tmp", which goes with the sink.
// The folder is made when something is put into it. What was put reaches the disk with the next
// Commit.
class FolderSink : public ExportSink {
 public:
  explicit FolderSink(std::string dir) : dir_(std::move(dir)) {}
  FolderSink(const FolderSink&) = delete;
  FolderSink& operator=(const FolderSink&) = delete;
  ~FolderSink() override;
  absl::Status Put(const std::string& name, absl::string_view bytes) override;
  absl::Status Commit(const std::string& name, absl::string_view bytes) override;

 private:
  absl::Status Write(const std::string& name, absl::string_view bytes, bool sync);

  const std::string dir_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_EXPORT_SINK_H_
