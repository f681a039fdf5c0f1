#include "merkle/commitment.h"

#include "merkle/bytes.h"
#include "merkle/sha256.h"

namespace auditledger {
namespace {

constexpr size_t kSaltBytes = 16;
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

// Hashes domain || salt(label, i) || bytes for many i, and keeps its buffers between them.
class SaltedHasher {
 public:
  SaltedHasher(absl::string_view seed, char label, absl::string_view domain)
      : seed_bytes_(seed.size() + 1), domain_bytes_(domain.size()) {
    salt_input_.reserve(seed_bytes_ + sizeof(uint32_t));
    salt_input_.append(seed.data(), seed.size());
    salt_input_.push_back(label);
    prefix_.reserve(domain_bytes_ + kSaltBytes);
    prefix_.append(domain.data(), domain.size());
  }

  Hash Digest(uint32_t i, absl::string_view bytes) {
    salt_input_.resize(seed_bytes_);
    PutU32(salt_input_, i);
    const Hash salt = Sha256({salt_input_});
    prefix_.resize(domain_bytes_);
    prefix_.append(salt.view().data(), kSaltBytes);
    return Sha256({prefix_, bytes});
  }

 private:
  const size_t seed_bytes_;  // and the label
  const size_t domain_bytes_;
  std::string salt_input_;
  std::string prefix_;
};

}  // namespace

Hash UnitHash(absl::string_view seed, uint32_t position, absl::string_view unit) {
  return SaltedHasher(seed, kUnitSaltLabel, kUnitDomain).Digest(position, unit);
}

std::vector<UnitDigest> DigestUnits(absl::string_view seed, absl::Span<const Unit> units) {
  SaltedHasher hasher(seed, kUnitSaltLabel, kUnitDomain);
  std::vector<UnitDigest> digests;
  digests.reserve(units.size());
  for (const Unit& unit : units) {
    const uint32_t position = static_cast<uint32_t>(digests.size());
    digests.push_back({unit.path, hasher.Digest(position, unit.bytes)});
  }
  return digests;
}

Hash HeaderHash(absl::string_view seed, absl::string_view header) {
  return SaltedHasher(seed, kHeaderSaltLabel, kHeaderDomain).Digest(0, header);
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
