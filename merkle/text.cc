#include "merkle/text.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace auditledger {

absl::Status TakeLine(absl::string_view what, absl::string_view& rest, absl::string_view& line) {
  const size_t end = rest.find('\n');
  if (end == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": line missing or without its LF"));
  }
  line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ParseDecimal(absl::string_view what, absl::string_view text) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat(what, ": no digits"));
  if (text.size() > 1 && text[0] == '0') {
    return absl::InvalidArgumentError(absl::StrCat(what, ": leading zero"));
  }
  uint64_t value = 0;
  for (unsigned char c : text) {
    if (!absl::ascii_isdigit(c)) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": not a decimal number"));
    }
    const uint64_t digit = c - uint64_t{'0'};
    if (value > (kMax - digit) / 10) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": over 2^63 - 1"));
    }
    value = value * 10 + digit;
  }
  return value;
}

bool TakeUtf8(absl::string_view& rest, char32_t& character) {
  if (rest.empty()) return false;
  const auto lead = static_cast<uint8_t>(rest[0]);
  size_t length = 0;
  char32_t smallest = 0;
  if (lead < 0x80) {
    length = 1, character = lead;
  } else if (lead >> 5 == 0x06) {
    length = 2, character = lead & 0x1f, smallest = 0x80;
  } else if (lead >> 4 == 0x0e) {
    length = 3, character = lead & 0x0f, smallest = 0x800;
  } else if (lead >> 3 == 0x1e) {
    length = 4, character = lead & 0x07, smallest = 0x10000;
  } else {
    return false;
  }
  if (rest.size() < length) return false;
  for (size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<uint8_t>(rest[i]);
    if (byte >> 6 != 0x02) return false;
    character = character << 6 | (byte & 0x3f);
  }
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < smallest || surrogate || character > 0x10ffff) return false;
  rest.remove_prefix(length);
  return true;
}

absl::Status CheckNoteCharacters(absl::string_view what, absl::string_view text) {
  absl::string_view rest = text;
  char32_t character = 0;
  while (!rest.empty()) {
    const size_t offset = text.size() - rest.size();
    if (!TakeUtf8(rest, character)) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": invalid UTF-8 at byte ", offset));
    }
    if (character < 0x20 && character != '\n') {
      return absl::InvalidArgumentError(absl::StrCat(what, ": control character at byte ", offset));
    }
  }
  return absl::OkStatus();
}

}  // namespace auditledger
