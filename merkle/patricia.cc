#include "merkle/patricia.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Two keys of the largest length differ before the second byte behind them.
constexpr uint32_t kMaxBit = 8 * (kMaxPatriciaBytes + 1) - 1;
constexpr int kVarintBits = 7;
constexpr uint8_t kVarintMore = 0x80;

uint8_t ByteAt(absl::string_view key, size_t at) {
  if (at < key.size()) return static_cast<uint8_t>(key[at]);
  return at == key.size() ? 0x00 : 0xff;
}

void PutVarint(std::string& out, uint32_t value) {
  while (value >= kVarintMore) {
    PutU8(out, static_cast<uint8_t>(value) | kVarintMore);
    value >>= kVarintBits;
  }
  PutU8(out, static_cast<uint8_t>(value));
}

// In its shortest form, and at most `limit`: two bytes are enough for all limits here.
absl::Status ReadVarint(absl::string_view what, ByteReader& in, uint32_t limit, uint32_t& out) {
  uint8_t low = 0;
  RETURN_IF_ERROR(in.U8(what, low));
  out = low;
  if (low < kVarintMore) return absl::OkStatus();
  uint8_t high = 0;
  RETURN_IF_ERROR(in.U8(what, high));
  if (high == 0) return absl::InvalidArgumentError(absl::StrCat(what, ": not its shortest form"));
  out = (uint32_t{high} << kVarintBits) | (low & (kVarintMore - 1u));
  if (out <= limit) return absl::OkStatus();  // never where a third byte would follow
  return absl::InvalidArgumentError(absl::StrCat(what, ": over ", limit));
}

void PutBytes(std::string& out, absl::string_view bytes) {
  PutVarint(out, static_cast<uint32_t>(bytes.size()));
  absl::StrAppend(&out, bytes);
}

absl::Status ReadBytes(absl::string_view what, ByteReader& in, absl::string_view& out) {
  uint32_t length = 0;
  RETURN_IF_ERROR(ReadVarint(what, in, kMaxPatriciaBytes, length));
  return in.Raw(what, length, out);
}

absl::Status ReadStep(ByteReader& in, PatriciaStep& step) {
  RETURN_IF_ERROR(ReadVarint("map proof bit", in, kMaxBit, step.bit));
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw("map proof sibling", Hash::kSize, raw));
  ASSIGN_OR_RETURN(step.sibling, Hash::FromBytes(raw));
  return absl::OkStatus();
}

absl::Status ReadSteps(ByteReader& in, std::vector<PatriciaStep>& steps) {
  while (!in.rest().empty()) {
    PatriciaStep step;
    RETURN_IF_ERROR(ReadStep(in, step));
    if (!steps.empty() && step.bit >= steps.back().bit) {
      return absl::InvalidArgumentError(absl::StrCat("map proof: bit ", step.bit, " follows bit ",
                                                     steps.back().bit, ", which is not above it"));
    }
    steps.push_back(step);
  }
  return absl::OkStatus();
}

absl::Status CheckLength(absl::string_view what, absl::string_view bytes) {
  if (bytes.size() <= kMaxPatriciaBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": has ", bytes.size(), " bytes, at most ", kMaxPatriciaBytes));
}

// The steps lead from the leaf of `key` to `root`.
absl::Status CheckSteps(absl::string_view key, absl::string_view value,
                        absl::Span<const PatriciaStep> steps, const Hash& root) {
  Hash hash = PatriciaLeafHash(key, value);
  for (const PatriciaStep& step : steps) {
    hash = PatriciaBit(key, step.bit) ? PatriciaForkHash(step.bit, step.sibling, hash)
                                      : PatriciaForkHash(step.bit, hash, step.sibling);
  }
  if (hash == root) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("map proof: computed ", hash.ToHex(), ", the map's root is ", root.ToHex()));
}

}  // namespace

bool PatriciaBit(absl::string_view key, uint32_t bit) {
  return (ByteAt(key, bit / 8) >> (7 - bit % 8) & 1) != 0;
}

uint32_t FirstDifferentBit(absl::string_view a, absl::string_view b) {
  const size_t shared = std::min(a.size(), b.size());
  auto at = static_cast<size_t>(std::mismatch(a.begin(), a.begin() + shared, b.begin()).first -
                                a.begin());
  while (ByteAt(a, at) == ByteAt(b, at)) ++at;
  const auto different = static_cast<uint8_t>(ByteAt(a, at) ^ ByteAt(b, at));
  return static_cast<uint32_t>(8 * at) + static_cast<uint32_t>(std::countl_zero(different));
}

Hash PatriciaLeafHash(absl::string_view key, absl::string_view value) {
  std::string leaf(1, '\0');
  PutBytes(leaf, key);
  PutBytes(leaf, value);
  return Sha256({leaf});
}

Hash PatriciaForkHash(uint32_t bit, const Hash& left, const Hash& right) {
  std::string begin(1, '\1');
  PutVarint(begin, bit);
  return Sha256({begin, left.view(), right.view()});
}

std::string EncodePresence(absl::Span<const PatriciaStep> steps) {
  std::string out;
  for (const PatriciaStep& step : steps) {
    PutVarint(out, step.bit);
    absl::StrAppend(&out, step.sibling.view());
  }
  return out;
}

std::string EncodeAbsence(absl::string_view found_key, absl::string_view found_value,
                          absl::Span<const PatriciaStep> steps) {
  std::string out;
  PutBytes(out, found_key);
  PutBytes(out, found_value);
  return absl::StrCat(out, EncodePresence(steps));
}

absl::Status VerifyPresent(const Hash& root, absl::string_view key, absl::string_view value,
                           absl::string_view proof) {
  RETURN_IF_ERROR(CheckLength("map key", key));
  RETURN_IF_ERROR(CheckLength("map value", value));
  ByteReader in(proof);
  std::vector<PatriciaStep> steps;
  RETURN_IF_ERROR(ReadSteps(in, steps));
  return CheckSteps(key, value, steps, root);
}

absl::Status VerifyAbsent(const Hash& root, absl::string_view key, absl::string_view proof) {
  RETURN_IF_ERROR(CheckLength("map key", key));
  if (root == EmptyRoot() && proof.empty()) return absl::OkStatus();
  ByteReader in(proof);
  absl::string_view found;
  absl::string_view value;
  std::vector<PatriciaStep> steps;
  RETURN_IF_ERROR(ReadBytes("map proof key", in, found));
  RETURN_IF_ERROR(ReadBytes("map proof value", in, value));
  RETURN_IF_ERROR(ReadSteps(in, steps));
  if (found == key) {
    return absl::DataLossError("map proof: said to be absent, and the proof ends at this very key");
  }
  for (const PatriciaStep& step : steps) {
    if (PatriciaBit(found, step.bit) == PatriciaBit(key, step.bit)) continue;
    return absl::DataLossError(absl::StrCat(
        "map proof: the key it ends at is not where the asked one would be, by bit ", step.bit));
  }
  return CheckSteps(found, value, steps, root);
}

}  // namespace auditledger
