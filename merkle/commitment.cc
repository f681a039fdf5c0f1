#include "merkle/commitment.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/sha256_batch.h"

namespace auditledger {
namespace {

constexpr absl::string_view kHeaderSaltLabel = "h";
constexpr absl::string_view kUnitSaltLabel = "u";
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

Salt ToSalt(const Hash& hash) {
  Salt salt;
  std::copy_n(hash.bytes.begin(), Salt::kSize, salt.bytes.begin());
  return salt;
}

// BE32(i), as a salt's message ends.
std::array<char, sizeof(uint32_t)> Position(uint32_t i) {
  std::array<char, sizeof(uint32_t)> bytes;
  for (size_t at = bytes.size(); at-- > 0; i >>= 8) bytes[at] = static_cast<char>(i);
  return bytes;
}

Salt MakeSalt(absl::string_view seed, absl::string_view label, uint32_t i) {
  const auto position = Position(i);
  return ToSalt(Sha256({seed, label, {position.data(), position.size()}}));
}

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
  return MakeSalt(seed, kUnitSaltLabel, position);
}

Salt HeaderSalt(absl::string_view seed) { return MakeSalt(seed, kHeaderSaltLabel, 0); }

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
  static thread_local Sha256Batch batch;
  std::vector<Hash> hashes(units.size());
  for (uint32_t i = 0; i < units.size(); ++i) {
    const auto position = Position(i);
    batch.Add({seed, kUnitSaltLabel, {position.data(), position.size()}});
  }
  batch.Finish(absl::MakeSpan(hashes));
  for (size_t i = 0; i < units.size(); ++i) {
    const Salt salt = ToSalt(hashes[i]);
    batch.Add({kUnitDomain, salt.view(), units[i].bytes});
  }
  batch.Finish(absl::MakeSpan(hashes));
  std::vector<UnitDigest> digests;
  digests.reserve(units.size());
  for (size_t i = 0; i < units.size(); ++i) digests.push_back({units[i].path, hashes[i]});
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
