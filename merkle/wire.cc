#include "merkle/wire.h"

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr int kMaxVarintBytes = 10;
constexpr uint32_t kMaxFieldNumber = (1u << 29) - 1;

absl::Status Malformed(uint32_t number, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("field ", number, ": ", why));
}

// The reason a varint is refused, or nullptr.
const char* TakeVarint(absl::string_view& rest, uint64_t& value) {
  // Nearly all tags and lengths have one byte.
  if (!rest.empty() && static_cast<uint8_t>(rest.front()) < 0x80) {
    value = static_cast<uint8_t>(rest.front());
    rest.remove_prefix(1);
    return nullptr;
  }
  value = 0;
  for (int i = 0; i < kMaxVarintBytes; ++i) {
    if (rest.empty()) return "truncated varint";
    const uint8_t byte = static_cast<uint8_t>(rest.front());
    rest.remove_prefix(1);
    if (i == kMaxVarintBytes - 1 && byte > 1) return "varint over 64 bits";
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return byte == 0 && i > 0 ? "varint is not minimal" : nullptr;
  }
  return "varint over 64 bits";
}

const char* TakeFixed(absl::string_view& rest, size_t size, uint64_t& value) {
  if (rest.size() < size) return "truncated fixed-width value";
  value = 0;
  for (size_t i = 0; i < size; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(rest[i])) << (8 * i);
  }
  rest.remove_prefix(size);
  return nullptr;
}

const char* TakeBytes(absl::string_view& rest, absl::string_view& value) {
  uint64_t length = 0;
  if (const char* why = TakeVarint(rest, length)) return why;
  if (length > rest.size()) return "truncated: length exceeds what is left";
  value = rest.substr(0, length);
  rest.remove_prefix(length);
  return nullptr;
}

void PutVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

const char* TakeValue(absl::string_view& rest, WireField& field) {
  switch (field.type) {
    case WireType::kVarint:
      return TakeVarint(rest, field.scalar);
    case WireType::kFixed64:
      return TakeFixed(rest, 8, field.scalar);
    case WireType::kLengthDelimited:
      return TakeBytes(rest, field.value);
    case WireType::kFixed32:
      return TakeFixed(rest, 4, field.scalar);
  }
  return "wire type is a group or unknown";
}

}  // namespace

absl::StatusOr<WireField> WireReader::Next() {
  WireField field;
  RETURN_IF_ERROR(Next(field));
  return field;
}

absl::Status WireReader::Next(WireField& field) {
  const absl::string_view start = rest_;
  uint64_t tag = 0;
  if (const char* why = TakeVarint(rest_, tag)) {
    return absl::InvalidArgumentError(absl::StrCat("tag: ", why));
  }
  const uint64_t number = tag >> 3;
  if (number == 0 || number > kMaxFieldNumber) {
    return absl::InvalidArgumentError("tag: field number out of range");
  }
  field = WireField();
  field.number = static_cast<uint32_t>(number);
  field.type = static_cast<WireType>(tag & 7);
  if (const char* why = TakeValue(rest_, field)) return Malformed(field.number, why);
  field.record = start.substr(0, start.size() - rest_.size());
  return absl::OkStatus();
}

absl::Status ReadSingularFields(absl::string_view what, absl::string_view message,
                                std::initializer_list<SingularField> wanted) {
  WireReader reader(message);
  WireField field;
  while (!reader.done()) {
    if (const absl::Status status = reader.Next(field); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": ", status.message()));
    }
    for (const SingularField& want : wanted) {
      if (want.number != field.number) continue;
      if (want.type != field.type) {
        return absl::InvalidArgumentError(
            absl::StrCat(what, ": field ", field.number, " has the wrong wire type"));
      }
      if (want.out->has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat(what, ": field ", field.number, " occurs twice"));
      }
      *want.out = field;
    }
  }
  return absl::OkStatus();
}

void PutLengthDelimitedPrefix(std::string& out, uint32_t number, size_t length) {
  PutVarint(out,
            static_cast<uint64_t>(number) << 3 | static_cast<uint64_t>(WireType::kLengthDelimited));
  PutVarint(out, length);
}

void PutLengthDelimited(std::string& out, uint32_t number, absl::string_view value) {
  PutLengthDelimitedPrefix(out, number, value.size());
  out.append(value.data(), value.size());
}

void PutVarintField(std::string& out, uint32_t number, uint64_t value) {
  PutVarint(out, static_cast<uint64_t>(number) << 3 | static_cast<uint64_t>(WireType::kVarint));
  PutVarint(out, value);
}

}  // namespace auditledger
