#include "ledger/crc32c.h"

#include <array>

namespace auditledger {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;

constexpr size_t kAtOnce = 8;
// tables[n][b]: what byte b does to the value when n more bytes follow.
using Tables = std::array<std::array<uint32_t, 256>, kAtOnce>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? kPolynomial : 0);
    tables[0][i] = value;
  }
  for (size_t n = 1; n < kAtOnce; ++n) {
    for (size_t i = 0; i < 256; ++i) {
      const uint32_t before = tables[n - 1][i];
      tables[n][i] = before >> 8 ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

}  // namespace

// Eight bytes at a time, a look-up each; the rest one by one.
uint32_t Crc32c(absl::string_view bytes, uint32_t before) {
  uint32_t crc = ~before;
  const auto byte = [&bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  while (bytes.size() >= kAtOnce) {
    uint32_t next = 0;
    for (size_t i = 0; i < kAtOnce; ++i) {
      const uint32_t mixed = i < 4 ? byte(i) ^ (crc >> 8 * i & 0xFF) : byte(i);
      next ^= kTables[kAtOnce - 1 - i][mixed];
    }
    crc = next;
    bytes.remove_prefix(kAtOnce);
  }
  for (const char c : bytes) crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}

}  // namespace auditledger
