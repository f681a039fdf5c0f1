// SHA-256 below the message: its state, its padding, and the taking of one block after another, by
// OpenSSL's code for the processor at hand. For sha256.h and sha256_batch.h alone.
//
// Thread-safety: pure functions.
// Source: FIPS 180-4 sections 5.1.1, 5.3.3 and 6.2.2.
#ifndef AUDITLEDGER_MERKLE_SHA256_BLOCK_H_
#define AUDITLEDGER_MERKLE_SHA256_BLOCK_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "merkle/hash.h"

namespace auditledger {

inline constexpr size_t kSha256BlockBytes = 64;

using Sha256State = std::array<uint32_t, 8>;
inline constexpr Sha256State kSha256Initial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// How many blocks `bytes` and what closes them take.
constexpr size_t Sha256Blocks(size_t bytes) {
  constexpr size_t kClosing = 1 + 8;  // 0x80, and the length in bits
  return (bytes + kClosing + kSha256BlockBytes - 1) / kSha256BlockBytes;
}

// Closes a message that ends in `message`: its last `bytes` are there, after `before` whole blocks
// of it elsewhere. REQUIRES: there is room for Sha256Blocks(bytes) blocks, zero behind the message.
void CloseSha256(size_t bytes, uint64_t before, unsigned char* message);

void CompressSha256(const unsigned char* blocks, size_t count, Sha256State& state);

// A word of the state as it stands in a digest. At once: byte by byte took as long as a block.
inline void StoreSha256Word(uint32_t word, uint8_t* out) {
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap32(word);
  std::memcpy(out, &word, sizeof(word));
}
Hash ToHash(const Sha256State& state);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_SHA256_BLOCK_H_
