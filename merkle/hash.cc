#include "merkle/hash.h"

#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "merkle/base64.h"
#include "merkle/sha256.h"
#include "merkle/sha256_batch.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// RFC 6962 2.1: the prefixes keep a leaf from passing for a node.
constexpr char kLeafPrefix = 0x00;
constexpr char kNodePrefix = 0x01;

Sha256Batch& BatchOfThread() {
  static thread_local Sha256Batch batch;
  return batch;
}

}  // namespace

absl::StatusOr<Hash> Hash::FromBytes(absl::string_view raw) {
  if (raw.size() != kSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("hash: has ", raw.size(), " bytes, needs ", kSize));
  }
  Hash hash;
  std::memcpy(hash.bytes.data(), raw.data(), kSize);
  return hash;
}

absl::StatusOr<Hash> Hash::FromHex(absl::string_view hex) {
  if (hex.size() != 2 * kSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("hash: has ", hex.size(), " hex digits, needs ", 2 * kSize));
  }
  for (unsigned char c : hex) {
    if (!absl::ascii_isxdigit(c)) return absl::InvalidArgumentError("hash: not a hex digit");
  }
  return FromBytes(absl::HexStringToBytes(hex));
}

absl::StatusOr<Hash> Hash::FromBase64(absl::string_view base64) {
  ASSIGN_OR_RETURN(const std::string raw, DecodeBase64("hash", base64));
  return FromBytes(raw);
}

std::string Hash::ToHex() const { return absl::BytesToHexString(view()); }
std::string Hash::ToBase64() const { return EncodeBase64(view()); }

const Hash& EmptyRoot() {
  static const Hash root = Sha256({});
  return root;
}

Hash LeafHash(absl::string_view leaf) { return Sha256({absl::string_view(&kLeafPrefix, 1), leaf}); }

Hash NodeHash(const Hash& left, const Hash& right) {
  // One update of 65 bytes is cheaper than three.
  std::array<char, 1 + 2 * Hash::kSize> input;
  input[0] = kNodePrefix;
  std::memcpy(&input[1], left.bytes.data(), Hash::kSize);
  std::memcpy(&input[1 + Hash::kSize], right.bytes.data(), Hash::kSize);
  return Sha256({absl::string_view(input.data(), input.size())});
}

std::vector<Hash> LeafHashes(absl::Span<const absl::string_view> leaves) {
  Sha256Batch& batch = BatchOfThread();
  for (absl::string_view leaf : leaves) batch.Add({absl::string_view(&kLeafPrefix, 1), leaf});
  std::vector<Hash> hashes(leaves.size());
  batch.Finish(absl::MakeSpan(hashes));
  return hashes;
}

std::vector<Hash> ParentHashes(absl::Span<const Hash> children) {
  Sha256Batch& batch = BatchOfThread();
  for (size_t i = 0; i + 1 < children.size(); i += 2) {
    batch.Add({absl::string_view(&kNodePrefix, 1), children[i].view(), children[i + 1].view()});
  }
  std::vector<Hash> parents(batch.size());
  batch.Finish(absl::MakeSpan(parents));
  if (children.size() % 2 == 1) parents.push_back(children.back());
  return parents;
}

}  // namespace auditledger
