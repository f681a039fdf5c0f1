#include "merkle/sha256.h"

// The low-level calls, which OpenSSL 3 calls deprecated: EVP's bookkeeping costs more than the
// hashing of a node, and sealing an event hashes some hundred short messages (ledger/README.md has
// the profile).
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace auditledger {
namespace {

constexpr size_t kBlockBytes = SHA256_CBLOCK;
// A message is closed by 0x80, zeros, and its length in bits as 8 bytes (FIPS 180-4 section 5.1.1).
constexpr size_t kLengthBytes = 8;
constexpr size_t kShortBytes = 2 * kBlockBytes - 1 - kLengthBytes;

SHA256_CTX Begin() {
  SHA256_CTX state;
  SHA256_Init(&state);
  return state;
}

void Absorb(SHA256_CTX& state, absl::string_view piece) {
  SHA256_Update(&state, piece.data(), piece.size());
}

Hash End(SHA256_CTX& state) {
  Hash hash;
  SHA256_Final(hash.bytes.data(), &state);
  return hash;
}

// Whole words at a time: byte by byte took as long as a block's hashing.
void StoreU64(uint64_t value, unsigned char* out) {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(out, &value, sizeof(value));
}

void StoreU32(uint32_t value, unsigned char* out) {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  std::memcpy(out, &value, sizeof(value));
}

// Messages of one or two blocks, padded here.
Hash ShortHash(std::initializer_list<absl::string_view> pieces, size_t total) {
  std::array<unsigned char, 2 * kBlockBytes> blocks{};
  unsigned char* at = blocks.data();
  for (absl::string_view piece : pieces) {
    if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  *at = 0x80;
  const size_t used = total + 1 + kLengthBytes <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  StoreU64(uint64_t{total} * 8, blocks.data() + used - kLengthBytes);

  SHA256_CTX state = Begin();
  for (size_t i = 0; i < used; i += kBlockBytes) SHA256_Transform(&state, blocks.data() + i);
  OPENSSL_cleanse(blocks.data(), used);  // it may have held a seed
  Hash hash;
  for (size_t i = 0; i < Hash::kSize / 4; ++i) StoreU32(state.h[i], hash.bytes.data() + 4 * i);
  return hash;
}

Hash PaddedHash(std::array<char, kBlockBytes>& pad,
                std::initializer_list<absl::string_view> pieces) {
  SHA256_CTX state = Begin();
  Absorb(state, absl::string_view(pad.data(), pad.size()));
  for (absl::string_view piece : pieces) Absorb(state, piece);
  const Hash hash = End(state);
  OPENSSL_cleanse(&state, sizeof(state));  // its first block was the key
  return hash;
}

}  // namespace

Hash Sha256(std::initializer_list<absl::string_view> pieces) {
  size_t total = 0;
  for (absl::string_view piece : pieces) total += piece.size();
  if (total <= kShortBytes) return ShortHash(pieces, total);
  SHA256_CTX state = Begin();
  for (absl::string_view piece : pieces) Absorb(state, piece);
  return End(state);
}

Hash HmacSha256(absl::string_view key, std::initializer_list<absl::string_view> pieces) {
  std::array<char, kBlockBytes> pad{};
  Hash short_key;
  if (key.size() > kBlockBytes) {
    short_key = Sha256({key});
    key = short_key.view();
  }
  if (!key.empty()) std::memcpy(pad.data(), key.data(), key.size());
  for (char& c : pad) c = static_cast<char>(c ^ 0x36);
  const Hash inner = PaddedHash(pad, pieces);
  for (char& c : pad) c = static_cast<char>(c ^ 0x36 ^ 0x5c);
  const Hash outer = PaddedHash(pad, {inner.view()});
  // The pad and the shortened key are the key.
  OPENSSL_cleanse(pad.data(), pad.size());
  OPENSSL_cleanse(short_key.bytes.data(), short_key.bytes.size());
  return outer;
}

struct Sha256Stream::Impl {
  SHA256_CTX state = Begin();
};

Sha256Stream::Sha256Stream() : impl_(std::make_unique<Impl>()) {}
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Update(absl::string_view piece) { Absorb(impl_->state, piece); }

Hash Sha256Stream::Finish() {
  const Hash hash = End(impl_->state);
  impl_->state = Begin();
  return hash;
}

}  // namespace auditledger
