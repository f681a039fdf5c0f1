#include "merkle/sha256.h"

// The low-level calls, which OpenSSL 3 calls deprecated: EVP's bookkeeping costs more than the
// hashing of a node, and sealing an event hashes some hundred short messages
// (tests/bench/parts_bench measures it).
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
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

Hash ToHash(const SHA256_CTX& state) {
  Hash hash;
  for (size_t i = 0; i < Hash::kSize / 4; ++i) StoreU32(state.h[i], hash.bytes.data() + 4 * i);
  return hash;
}

// What follows `before` bytes, whole blocks that `state` has taken: up to two blocks, padded here.
Hash ShortHash(SHA256_CTX& state, uint64_t before, std::initializer_list<absl::string_view> pieces,
               size_t total) {
  std::array<unsigned char, 2 * kBlockBytes> blocks{};
  unsigned char* at = blocks.data();
  for (absl::string_view piece : pieces) {
    if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  *at = 0x80;
  const size_t used = total + 1 + kLengthBytes <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  StoreU64((before + total) * 8, blocks.data() + used - kLengthBytes);
  for (size_t i = 0; i < used; i += kBlockBytes) SHA256_Transform(&state, blocks.data() + i);
  OPENSSL_cleanse(blocks.data(), used);  // it may have held a seed
  return ToHash(state);
}

size_t TotalOf(std::initializer_list<absl::string_view> pieces) {
  size_t total = 0;
  for (absl::string_view piece : pieces) total += piece.size();
  return total;
}

using Words = std::array<uint32_t, 8>;

// SHA-256 of the key's padded block, whose state is `key`, and `pieces`.
Hash HashBehindKey(const Words& key, std::initializer_list<absl::string_view> pieces) {
  SHA256_CTX state = Begin();
  std::copy(key.begin(), key.end(), state.h);
  const size_t total = TotalOf(pieces);
  Hash hash;
  if (total <= kShortBytes) {
    hash = ShortHash(state, kBlockBytes, pieces, total);
  } else {
    state.Nl = 8 * kBlockBytes;  // bits so far
    for (absl::string_view piece : pieces) Absorb(state, piece);
    hash = End(state);
  }
  OPENSSL_cleanse(&state, sizeof(state));
  return hash;
}

Words StateBehind(const std::array<unsigned char, kBlockBytes>& block) {
  SHA256_CTX state = Begin();
  SHA256_Transform(&state, block.data());
  Words words;
  std::copy_n(state.h, words.size(), words.begin());
  OPENSSL_cleanse(&state, sizeof(state));
  return words;
}

}  // namespace

Hash Sha256(std::initializer_list<absl::string_view> pieces) {
  SHA256_CTX state = Begin();
  const size_t total = TotalOf(pieces);
  if (total <= kShortBytes) return ShortHash(state, 0, pieces, total);
  for (absl::string_view piece : pieces) Absorb(state, piece);
  return End(state);
}

HmacKey::HmacKey(absl::string_view key) {
  std::array<unsigned char, kBlockBytes> pad{};
  Hash short_key;
  if (key.size() > kBlockBytes) {
    short_key = Sha256({key});
    key = short_key.view();
  }
  if (!key.empty()) std::memcpy(pad.data(), key.data(), key.size());
  for (unsigned char& c : pad) c ^= 0x36;
  inner_ = StateBehind(pad);
  for (unsigned char& c : pad) c ^= 0x36 ^ 0x5c;
  outer_ = StateBehind(pad);
  // The pad and the shortened key are the key.
  OPENSSL_cleanse(pad.data(), pad.size());
  OPENSSL_cleanse(short_key.bytes.data(), short_key.bytes.size());
}

HmacKey::~HmacKey() {
  OPENSSL_cleanse(inner_.data(), sizeof(inner_));
  OPENSSL_cleanse(outer_.data(), sizeof(outer_));
}

Hash HmacKey::Mac(std::initializer_list<absl::string_view> pieces) const {
  return HashBehindKey(outer_, {HashBehindKey(inner_, pieces).view()});
}

Hash HmacSha256(absl::string_view key, std::initializer_list<absl::string_view> pieces) {
  return HmacKey(key).Mac(pieces);
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
