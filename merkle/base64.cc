#include "merkle/base64.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace auditledger {

absl::StatusOr<std::string> DecodeBase64(absl::string_view what, absl::string_view text) {
  std::string bytes;
  // Abseil skips white space and forgives padding and unused bits; encoding again shows all of
  // that.
  if (!absl::Base64Unescape(text, &bytes) || EncodeBase64(bytes) != text) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": not canonical base64"));
  }
  return bytes;
}

std::string EncodeBase64(absl::string_view bytes) { return absl::Base64Escape(bytes); }

}  // namespace auditledger
