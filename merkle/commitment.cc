#include "merkle/commitment.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"

namespace auditledger {
namespace {

constexpr char kHeaderSaltLabel = 'h';
constexpr char kUnitSaltLabel = 'u';
constexpr size_t kPathBytes = 12;

// Each with its closing 0x00, which no label contains: none is a prefix of another.
template <size_t N>
constexpr absl::string_view Domain(const char (&label)[N]) {
  return absl::string_view(label, N);
}
constexpr absl::string_view kUnitDomain = Domain("auditledger/unit/v1");
constexpr absl::string_view kEventDomain = Domain("auditledger/event/v1");
constexpr absl::string_view kHeaderDomain = Domain("auditledger/header/v1");
constexpr absl::string_view kEntryDomain = Domain("auditledger/entry/v1");
constexpr absl::string_view kEmitDomain = Domain("auditledger/emit/v1");

// salt(label, i) for many i, with one buffer.
class SaltMaker {
 public:
  SaltMaker(absl::string_view seed, char label) : fixed_bytes_(seed.size() + 1) {
    input_.reserve(fixed_bytes_ + sizeof(uint32_t));
    input_.append(seed.data(), seed.size());
    input_.push_back(label);
  }

  Salt At(uint32_t i) {
    input_.resize(fixed_bytes_);
    PutU32(input_, i);
    const Hash hash = Sha256({input_});
    Salt salt;
    std::copy_n(hash.bytes.begin(), Salt::kSize, salt.bytes.begin());
    return salt;
  }

 private:
  const size_t fixed_bytes_;  // seed and label
  std::string input_;
};

}  // namespace

absl::StatusOr<Salt> Salt::FromBytes(absl::string_view raw) {
  if (raw.size() != kSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("salt: has ", raw.size(), " bytes, needs ", kSize));
  }
  Salt salt;
  std::copy(raw.begin(), raw.end(), salt.bytes.begin());
  return salt;
}

Salt UnitSalt(absl::string_view seed, uint32_t position) {
  return SaltMaker(seed, kUnitSaltLabel).At(position);
}

Salt HeaderSalt(absl::string_view seed) { return SaltMaker(seed, kHeaderSaltLabel).At(0); }

Hash UnitHashFromSalt(const Salt& salt, absl::string_view unit) {
  return Sha256({kUnitDomain, salt.view(), unit});
}

Hash HeaderHashFromSalt(const Salt& salt, absl::string_view header) {
  return Sha256({kHeaderDomain, salt.view(), header});
}

Hash UnitHash(absl::string_view seed, uint32_t position, absl::string_view unit) {
  return UnitHashFromSalt(UnitSalt(seed, position), unit);
}

std::vector<UnitDigest> DigestUnits(absl::string_view seed, absl::Span<const Unit> units) {
  SaltMaker salts(seed, kUnitSaltLabel);
  std::vector<UnitDigest> digests;
  digests.reserve(units.size());
  for (const Unit& unit : units) {
    const uint32_t position = static_cast<uint32_t>(digests.size());
    digests.push_back({unit.path, UnitHashFromSalt(salts.At(position), unit.bytes)});
  }
  return digests;
}

Hash HeaderHash(absl::string_view seed, absl::string_view header) {
  return HeaderHashFromSalt(HeaderSalt(seed), header);
}

Hash EventCommitment(absl::Span<const UnitDigest> digests) {
  std::string list;
  list.reserve(sizeof(uint16_t) + digests.size() * (kPathBytes + Hash::kSize));
  PutU16(list, static_cast<uint16_t>(digests.size()));
  for (const UnitDigest& unit : digests) {
    PutU32(list, unit.path.field);
    PutU32(list, unit.path.occurrence);
    PutU32(list, unit.path.subfield);
    list.append(unit.digest.view().data(), Hash::kSize);
  }
  return Sha256({kEventDomain, list});
}

Hash EntryCommitment(const Hash& header_hash, const Hash& event_commitment) {
  return Sha256({kEntryDomain, header_hash.view(), event_commitment.view()});
}

std::string EmitMessage(absl::string_view origin, absl::string_view stream_id,
                        absl::string_view event_id, const Hash& event_commitment) {
  std::string message(kEmitDomain);
  PutBytes16(message, origin);
  PutBytes16(message, stream_id);
  PutBytes16(message, event_id);
  message.append(event_commitment.view().data(), Hash::kSize);
  return message;
}

}  // namespace auditledger
