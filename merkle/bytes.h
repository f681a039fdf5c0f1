// Big-endian integers and length-prefixed strings: how every layout of ours is written and
// strictly read.
//
// Example:
//   std::string out;
//   PutU8(out, 1);
//   PutBytes16(out, origin);
//
//   ByteReader in(out);
//   uint8_t version;
//   RETURN_IF_ERROR(in.U8("version", version));
//   ...
//   return in.Finish("genesis");
//
// Thread-safety: an object belongs to one thread. A ByteReader keeps a view: the bytes must
// outlive it.
#ifndef AUDITLEDGER_MERKLE_BYTES_H_
#define AUDITLEDGER_MERKLE_BYTES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace auditledger {

inline void PutU8(std::string& out, uint8_t v) { out.push_back(static_cast<char>(v)); }
// At once: an event's commitment alone appends a hundred numbers.
template <size_t N>
void PutBigEndian(std::string& out, uint64_t v) {
  char bytes[N];
  for (size_t i = N; i-- > 0; v >>= 8) bytes[i] = static_cast<char>(v);
  out.append(bytes, N);
}
inline void PutU16(std::string& out, uint16_t v) { PutBigEndian<2>(out, v); }
inline void PutU32(std::string& out, uint32_t v) { PutBigEndian<4>(out, v); }
inline void PutU64(std::string& out, uint64_t v) { PutBigEndian<8>(out, v); }
// BE16 length || bytes. REQUIRES: bytes.size() <= 65535.
inline void PutBytes16(std::string& out, absl::string_view bytes) {
  PutU16(out, static_cast<uint16_t>(bytes.size()));
  out.append(bytes.data(), bytes.size());
}

// Reads a layout from front to back. Each call names what it reads, for the error message.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  absl::Status Raw(absl::string_view what, size_t count, absl::string_view& out) {
    if (rest_.size() < count) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": needs ", count, " bytes, ", rest_.size(), " left"));
    }
    out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return absl::OkStatus();
  }
  absl::Status U8(absl::string_view what, uint8_t& out) { return Unsigned(what, out); }
  absl::Status U16(absl::string_view what, uint16_t& out) { return Unsigned(what, out); }
  absl::Status U32(absl::string_view what, uint32_t& out) { return Unsigned(what, out); }
  absl::Status U64(absl::string_view what, uint64_t& out) { return Unsigned(what, out); }
  absl::Status Bytes16(absl::string_view what, absl::string_view& out) {
    uint16_t length = 0;
    absl::Status status = U16(what, length);
    return status.ok() ? Raw(what, length, out) : status;
  }
  // OK iff nothing is left.
  absl::Status Finish(absl::string_view what) const {
    if (rest_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", rest_.size(), " trailing bytes"));
  }
  absl::string_view rest() const { return rest_; }

 private:
  template <typename T>
  absl::Status Unsigned(absl::string_view what, T& out) {
    absl::string_view raw;
    absl::Status status = Raw(what, sizeof(T), raw);
    if (!status.ok()) return status;
    uint64_t value = 0;
    for (char c : raw) value = value << 8 | static_cast<uint8_t>(c);
    out = static_cast<T>(value);
    return status;
  }
  absl::string_view rest_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_BYTES_H_
