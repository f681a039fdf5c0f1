#include "merkle/sha256.h"

// The low-level calls, as in sha256_block.cc.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "merkle/sha256_block.h"

namespace auditledger {
namespace {

constexpr size_t kBlockBytes = kSha256BlockBytes;
constexpr size_t kShortBlocks = 2;

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

// What follows `before` blocks that `state` has taken: up to two blocks, padded here.
Hash ShortHash(Sha256State state, uint64_t before, std::initializer_list<absl::string_view> pieces,
               size_t total) {
  std::array<unsigned char, kShortBlocks * kBlockBytes> blocks{};
  unsigned char* at = blocks.data();
  for (absl::string_view piece : pieces) {
    if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  CloseSha256(total, before, blocks.data());
  CompressSha256(blocks.data(), Sha256Blocks(total), state);
  explicit_bzero(blocks.data(), blocks.size());  // it may have held a seed
  return ToHash(state);
}

size_t TotalOf(std::initializer_list<absl::string_view> pieces) {
  size_t total = 0;
  for (absl::string_view piece : pieces) total += piece.size();
  return total;
}

// SHA-256 of the key's padded block, whose state is `key`, and `pieces`.
Hash HashBehindKey(const Sha256State& key, std::initializer_list<absl::string_view> pieces) {
  const size_t total = TotalOf(pieces);
  if (Sha256Blocks(total) <= kShortBlocks) return ShortHash(key, 1, pieces, total);
  SHA256_CTX state = Begin();
  std::copy(key.begin(), key.end(), state.h);
  state.Nl = 8 * kBlockBytes;  // bits so far
  for (absl::string_view piece : pieces) Absorb(state, piece);
  const Hash hash = End(state);
  explicit_bzero(&state, sizeof(state));
  return hash;
}

Sha256State StateBehind(const std::array<unsigned char, kBlockBytes>& block) {
  Sha256State state = kSha256Initial;
  CompressSha256(block.data(), 1, state);
  return state;
}

}  // namespace

Hash Sha256(std::initializer_list<absl::string_view> pieces) {
  const size_t total = TotalOf(pieces);
  if (Sha256Blocks(total) <= kShortBlocks) return ShortHash(kSha256Initial, 0, pieces, total);
  SHA256_CTX state = Begin();
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
  explicit_bzero(pad.data(), pad.size());
  explicit_bzero(short_key.bytes.data(), short_key.bytes.size());
}

HmacKey::~HmacKey() {
  explicit_bzero(inner_.data(), sizeof(inner_));
  explicit_bzero(outer_.data(), sizeof(outer_));
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
