#include "merkle/sha256_block.h"

// The low-level call, which OpenSSL 3 calls deprecated: EVP's bookkeeping costs more than the
// hashing of a node, and sealing an event hashes some hundred short messages
// (tests/bench/parts_bench measures it).
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace auditledger {
namespace {

void StoreU64(uint64_t value, unsigned char* out) {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(out, &value, sizeof(value));
}

}  // namespace

void CloseSha256(size_t bytes, uint64_t before, unsigned char* message) {
  message[bytes] = 0x80;
  const uint64_t bits = (before * kSha256BlockBytes + bytes) * 8;
  StoreU64(bits, message + Sha256Blocks(bytes) * kSha256BlockBytes - sizeof(bits));
}

void CompressSha256(const unsigned char* blocks, size_t count, Sha256State& state) {
  SHA256_CTX context;
  std::copy(state.begin(), state.end(), context.h);
  for (size_t i = 0; i < count; ++i) SHA256_Transform(&context, blocks + i * kSha256BlockBytes);
  std::copy_n(context.h, state.size(), state.begin());
}

Hash ToHash(const Sha256State& state) {
  Hash hash;
  for (size_t i = 0; i < state.size(); ++i) StoreSha256Word(state[i], &hash.bytes[4 * i]);
  return hash;
}

}  // namespace auditledger
