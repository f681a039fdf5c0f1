// The 32-byte SHA-256 value every other file speaks of, and RFC 6962 leaf and node hashing.
//
// Example:
//   Hash leaf = LeafHash(leaf_bytes);
//   Hash root = NodeHash(leaf, LeafHash(other_bytes));
//
// Thread-safety: values and pure functions; safe everywhere.
// Source: RFC 6962 section 2.1 (identical in RFC 9162 section 2.1.1).
#ifndef AUDITLEDGER_MERKLE_HASH_H_
#define AUDITLEDGER_MERKLE_HASH_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace auditledger {

// A SHA-256 digest. Compares and orders as bytes.
struct Hash {
  static constexpr size_t kSize = 32;
  std::array<uint8_t, kSize> bytes{};

  // InvalidArgument unless `raw` has exactly 32 bytes.
  static absl::StatusOr<Hash> FromBytes(absl::string_view raw);
  // Strict: 64 hex digits, either case.
  static absl::StatusOr<Hash> FromHex(absl::string_view hex);
  // Strict: standard alphabet, padded, canonical (unused bits zero).
  static absl::StatusOr<Hash> FromBase64(absl::string_view base64);

  // A view of the 32 bytes; valid as long as this object.
  absl::string_view view() const {
    return absl::string_view(reinterpret_cast<const char*>(bytes.data()), kSize);
  }
  std::string ToHex() const;
  std::string ToBase64() const;

  friend bool operator==(const Hash&, const Hash&) = default;
  friend auto operator<=>(const Hash&, const Hash&) = default;
};

// MTH({}) = SHA-256("").
const Hash& EmptyRoot();
// SHA-256(0x00 || leaf).
Hash LeafHash(absl::string_view leaf);
// SHA-256(0x01 || left || right).
Hash NodeHash(const Hash& left, const Hash& right);
// The same for many, hashed side by side (sha256_batch.h): the leaves', and the parents' of
// neighbours, where a last one without neighbour stands for itself.
std::vector<Hash> LeafHashes(absl::Span<const absl::string_view> leaves);
std::vector<Hash> ParentHashes(absl::Span<const Hash> children);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_HASH_H_
