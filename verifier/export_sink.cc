#include "verifier/export_sink.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

// Apart from the files: what a crash leaves there is no part of the export.
constexpr absl::string_view kTemporaryFolder = ".tmp";

}  // namespace

FolderSink::~FolderSink() {
  std::error_code ignored;  // what a crash left in it is looked at by whoever finds it
  std::filesystem::remove(absl::StrCat(dir_, "/", kTemporaryFolder), ignored);
}

absl::Status FolderSink::Put(const std::string& name, absl::string_view bytes) {
  return Write(name, bytes, /*sync=*/false);
}

absl::Status FolderSink::Commit(const std::string& name, absl::string_view bytes) {
  // One sync for thousands of files, then the one that makes them count.
  RETURN_IF_ERROR(SyncFileSystem(dir_));
  return Write(name, bytes, /*sync=*/true);
}

absl::Status FolderSink::Write(const std::string& name, absl::string_view bytes, bool sync) {
  const std::string path = absl::StrCat(dir_, "/", name);
  const std::string temporary = absl::StrCat(dir_, "/", kTemporaryFolder);
  RETURN_IF_ERROR(MakeFolders(temporary));
  RETURN_IF_ERROR(MakeFolders(std::filesystem::path(path).parent_path().string()));
  return WriteFileAtomically(
      {.path = path, .temporary = absl::StrCat(temporary, "/writing"), .sync = sync}, bytes);
}

}  // namespace auditledger
