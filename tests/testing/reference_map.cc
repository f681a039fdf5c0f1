#include "tests/testing/reference_map.h"

#include "absl/strings/str_cat.h"
#include "merkle/sha256.h"

namespace auditledger::testing {
namespace {

constexpr size_t kPaddedBytes = 1040;

std::string Varint(size_t value) {
  std::string out;
  for (; value >= 128; value /= 128) out.push_back(static_cast<char>(value % 128 + 128));
  out.push_back(static_cast<char>(value));
  return out;
}

std::string Counted(const std::string& bytes) { return Varint(bytes.size()) + bytes; }

}  // namespace

ReferenceMap::ReferenceMap(const std::map<std::string, std::string>& pairs) {
  for (const auto& [key, value] : pairs) by_bits_[Bits(key)] = {key, value};
}

std::string ReferenceMap::Bits(const std::string& key) {
  std::string padded = key + '\0';
  padded.resize(kPaddedBytes, '\xff');
  std::string bits;
  for (const char byte : padded) {
    for (int bit = 7; bit >= 0; --bit) bits.push_back((byte >> bit & 1) != 0 ? '1' : '0');
  }
  return bits;
}

size_t ReferenceMap::ForkOf(const Pairs& pairs) {
  const std::string& first = pairs.begin()->first;
  const std::string& last = pairs.rbegin()->first;
  size_t bit = 0;
  while (first[bit] == last[bit]) ++bit;
  return bit;
}

ReferenceMap::Pairs ReferenceMap::SideOf(const Pairs& pairs, size_t bit, char side) {
  Pairs out;
  for (const auto& [bits, pair] : pairs) {
    if (bits[bit] == side) out[bits] = pair;
  }
  return out;
}

Hash ReferenceMap::RootOf(const Pairs& pairs) {
  if (pairs.empty()) return Sha256({""});
  if (pairs.size() == 1) {
    const Pair& pair = pairs.begin()->second;
    return Sha256({std::string(1, '\0'), Counted(pair.key), Counted(pair.value)});
  }
  const size_t bit = ForkOf(pairs);
  return Sha256({"\x01", Varint(bit), RootOf(SideOf(pairs, bit, '0')).view(),
                 RootOf(SideOf(pairs, bit, '1')).view()});
}

Hash ReferenceMap::Root() const { return RootOf(by_bits_); }

std::string ReferenceMap::Proof(const std::string& key) const {
  if (by_bits_.empty()) return "";
  const std::string bits = Bits(key);
  std::string steps;
  Pairs pairs = by_bits_;
  while (pairs.size() > 1) {
    const size_t bit = ForkOf(pairs);
    const Pairs other = SideOf(pairs, bit, bits[bit] == '0' ? '1' : '0');
    steps = absl::StrCat(Varint(bit), RootOf(other).view(), steps);
    pairs = SideOf(pairs, bit, bits[bit]);
  }
  const Pair& found = pairs.begin()->second;
  if (found.key == key) return steps;
  return Counted(found.key) + Counted(found.value) + steps;
}

}  // namespace auditledger::testing
