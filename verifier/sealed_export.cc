#include "verifier/sealed_export.h"

#include <stdlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/status_macros.h"
#include "verifier/bundle_framing.h"
#include "verifier/export_archive.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

// A folder that is gone again unless it was renamed.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& out) : path_(out + ".XXXXXX") {
    made_ = ::mkdtemp(path_.data()) != nullptr;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (made_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  bool made() const { return made_; }

  absl::Status RenameTo(const std::string& out) {
    if (std::rename(path_.c_str(), out.c_str()) != 0) {
      return absl::UnavailableError(absl::StrCat(out, ": rename: ", std::strerror(errno)));
    }
    made_ = false;
    return SyncFileSystem(out);
  }

 private:
  std::string path_;
  bool made_ = false;
};

absl::Status ExtractExport(SealedFile& file, const std::string& out) {
  TemporaryFolder folder(out);
  if (!folder.made()) {
    return absl::UnavailableError(absl::StrCat(folder.path(), ": ", std::strerror(errno)));
  }
  {
    FolderSink files(folder.path());
    RETURN_IF_ERROR(
        ReadArchive([&file](char* to, size_t size) { return file.Read(to, size); }, files));
  }
  return folder.RenameTo(out);
}

absl::Status ExtractBundle(SealedFile& file, const std::string& out) {
  ASSIGN_OR_RETURN(const std::string bundle, file.ReadAll());
  return WriteFileAtomically({.path = out, .temporary = out + ".tmp", .mode = 0600}, bundle);
}

}  // namespace

absl::Status OpenSealedExport(const SealedExport& what) {
  const std::string out(absl::StripSuffix(what.out, "/"));
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(out, ignored))) {
    return absl::InvalidArgumentError(
        absl::StrCat(out, ": is there already; name one that is not"));
  }
  ASSIGN_OR_RETURN(SealedFile file, SealedFile::Open(what.file, what.key_file, what.max_bytes));
  const absl::Status status = absl::StartsWith(file.beginning(), BundleMagic())
                                  ? ExtractBundle(file, out)
                                  : ExtractExport(file, out);
  // One that is OK has no words, and stays OK.
  return absl::Status(status.code(), absl::StrCat(what.file, ": ", status.message()));
}

}  // namespace auditledger
