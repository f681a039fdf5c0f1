#include "ledger/identity_filter.h"

namespace auditledger {
namespace {

constexpr int kProbes = 7;
constexpr int kBitsPerProbe = 9;  // one of the 512 bits of a block

uint64_t BigEndian(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

uint64_t MacPrefix(const Mac128& key) { return BigEndian(key.data()); }

uint64_t FilterBytes(uint64_t keys) {
  const uint64_t bits = keys * kFilterBitsPerKey;
  const uint64_t block_bits = kFilterBlockBytes * 8;
  const uint64_t blocks = bits == 0 ? 1 : (bits + block_bits - 1) / block_bits;
  return blocks * kFilterBlockBytes;
}

uint64_t FilterBlockOf(const Mac128& key, uint64_t blocks) {
  __extension__ using Uint128 = unsigned __int128;
  return static_cast<uint64_t>(Uint128{MacPrefix(key)} * blocks >> 64);
}

void FilterAdd(const Mac128& key, uint8_t* block) {
  uint64_t bits = BigEndian(key.data() + 8);
  for (int i = 0; i < kProbes; ++i, bits >>= kBitsPerProbe) {
    block[bits >> 3 & 63] = static_cast<uint8_t>(block[bits >> 3 & 63] | 1 << (bits & 7));
  }
}

bool FilterMayContain(const Mac128& key, const uint8_t* block) {
  uint64_t bits = BigEndian(key.data() + 8);
  for (int i = 0; i < kProbes; ++i, bits >>= kBitsPerProbe) {
    if ((block[bits >> 3 & 63] & 1 << (bits & 7)) == 0) return false;
  }
  return true;
}

}  // namespace auditledger
