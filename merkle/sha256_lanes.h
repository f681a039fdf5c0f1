// The compression function of SHA-256 over sixteen messages at once, for sha256_batch.h.
//
// SHA extensions work on one message, whose blocks wait for each other; a vector of 512 bits holds
// one word of sixteen messages. On processors with both it takes less than half of the time a
// block (merkle/README.md, "Hashing many at once").
//
// Thread-safety: pure functions.
// Source: FIPS 180-4 sections 4.1.2, 4.2.2 and 6.2.2.
#ifndef AUDITLEDGER_MERKLE_SHA256_LANES_H_
#define AUDITLEDGER_MERKLE_SHA256_LANES_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace auditledger {

inline constexpr size_t kSha256Lanes = 16;

// Word i of the state of each lane: states[i][lane].
using Sha256LaneStates = std::array<std::array<uint32_t, kSha256Lanes>, 8>;

// Whether this processor and system can run what follows: AVX-512 F and BW.
bool HaveSha256Lanes();

// Takes one block of 64 bytes into each lane's state. REQUIRES: HaveSha256Lanes().
void CompressSha256Lanes(const std::array<const unsigned char*, kSha256Lanes>& blocks,
                         Sha256LaneStates& states);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_SHA256_LANES_H_
