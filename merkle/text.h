// Strict reading of the line-based text formats: notes, checkpoints, proofs, tile paths.
//
// Thread-safety: pure functions. Errors: InvalidArgument naming `what`, never quoting the text.
#ifndef AUDITLEDGER_MERKLE_TEXT_H_
#define AUDITLEDGER_MERKLE_TEXT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// Moves the first line of `rest`, without its LF, to `line`. A last line without LF is an error.
absl::Status TakeLine(absl::string_view what, absl::string_view& rest, absl::string_view& line);

// As written by printf("%u"): digits only, no leading zero, at most 2^63 - 1.
absl::StatusOr<uint64_t> ParseDecimal(absl::string_view what, absl::string_view text);

// Moves the first character of `rest` to `character`; false when `rest` is empty or does not begin
// with well-formed UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
bool TakeUtf8(absl::string_view& rest, char32_t& character);

// What a signed note may hold: well-formed UTF-8 without bytes below 0x20 other than LF.
absl::Status CheckNoteCharacters(absl::string_view what, absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_TEXT_H_
