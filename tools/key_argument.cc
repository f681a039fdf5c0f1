#include "tools/key_argument.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"

namespace auditledger {
namespace {

constexpr size_t kMaxKeyFileBytes = 4096;  // one short line

}  // namespace

absl::StatusOr<NoteVerifier> ReadKeyArgument(const std::string& key) {
  absl::StatusOr<NoteVerifier> verifier = NoteVerifier::Parse(key);
  if (verifier.ok()) return verifier;
  const absl::StatusOr<std::string> file = ReadWholeFile(key, kMaxKeyFileBytes);
  if (!file.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("key: neither a vkey (",
                                                   verifier.status().message(), ") nor a file (",
                                                   file.status().message(), ")"));
  }
  return NoteVerifier::Parse(absl::StripAsciiWhitespace(*file));
}

}  // namespace auditledger
