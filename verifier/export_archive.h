// An export as one stream of bytes: POSIX ustar in one form alone, so that `tar xf` reads what we
// write and we read nothing else.
//
//   each file   header of 512 bytes || its bytes || zeros up to a multiple of 512
//   end         1,024 zeros, and nothing behind them
//   header      name, mode 0600, owner, group and time 0, size, checksum, type '0', "ustar" 0 "00";
//               all else 0, numbers in octal with a zero byte behind them
//
// Why not a library: libarchive reads twenty formats, with links, devices, sparse files and
// attributes, by way of eight further libraries, and everything beyond plain files would have to be
// refused after it was parsed. Here a header is accepted when it equals the one that its name and
// size give, and a name when an export has such a file: there are no paths that lead elsewhere.
//
// Example:
//   FolderSink files(dir);
//   RETURN_IF_ERROR(ReadArchive([&](char* to, size_t n) { return Read(to, n); }, files));
//
// Memory: one file, at most kMaxPayloadFileBytes. Thread-safety: free functions.
#ifndef AUDITLEDGER_VERIFIER_EXPORT_ARCHIVE_H_
#define AUDITLEDGER_VERIFIER_EXPORT_ARCHIVE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verifier/export_sink.h"

namespace auditledger {

inline constexpr size_t kArchiveBlock = 512;
inline constexpr size_t kMaxArchiveName = 100;
inline constexpr size_t kArchiveEndBytes = 2 * kArchiveBlock;

// How large the file `name` of an export may be; nullopt where an export has none of that name.
std::optional<size_t> ExportFileLimit(absl::string_view name);

// What stands before a file's bytes. REQUIRES: an export may have a file of that name and size.
std::string ArchiveHeader(absl::string_view name, size_t size);
// Zeros behind `size` bytes.
std::string ArchivePadding(size_t size);

// Up to `n` bytes into `to`; 0 at the end.
using ByteSource = absl::FunctionRef<absl::StatusOr<size_t>(char* to, size_t n)>;

// Puts each file into `files`, as they come. DataLoss for what is not such an archive, names that
// come twice included; errors of `source` and `files` as they are.
absl::Status ReadArchive(ByteSource source, ExportSink& files);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_EXPORT_ARCHIVE_H_
