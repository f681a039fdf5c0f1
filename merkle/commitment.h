// The commitment that a leaf carries: it binds header and every unit of the event under one random
// seed, so that values can be withheld or destroyed while the leaf stands.
//
//   salt(l, i)       = SHA-256(seed || l || BE32(i))[0:16]
//   u_i              = SHA-256("auditledger/unit/v1" 00 || salt("u", i) || unit_i)
//   event_commitment = SHA-256("auditledger/event/v1" 00 || BE16(n) || n times (path_i || u_i))
//   header_hash      = SHA-256("auditledger/header/v1" 00 || salt("h", 0) || header)
//   commitment       = SHA-256("auditledger/entry/v1" 00 || header_hash || event_commitment)
//
// path_i = BE32(field) || BE32(occurrence) || BE32(subfield).
//
// Example:
//   const Hash event = EventCommitment(DigestUnits(seed, units));
//   const Hash commitment = EntryCommitment(HeaderHash(seed, header), event);
//
// Whoever is shown a part of an entry gets path_i and u_i of every unit, and unit and salt of those
// that are disclosed; the seed would open the rest. They check
//   UnitHashFromSalt(salt, unit) == digests[i].digest
//   EntryCommitment(HeaderHashFromSalt(header_salt, header), EventCommitment(digests))
// against the leaf (in place of header and salt there may be the header hash alone).
//
// Thread-safety: pure functions. Source: shared/design.md section 3 (commitment suite 1).
#ifndef AUDITLEDGER_MERKLE_COMMITMENT_H_
#define AUDITLEDGER_MERKLE_COMMITMENT_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/units.h"

namespace auditledger {

inline constexpr size_t kSeedBytes = 32;

// What hides one unit or the header. Of fixed size, since bytes moved between a salt and what it
// hides would not change the hash.
struct Salt {
  static constexpr size_t kSize = 16;
  std::array<uint8_t, kSize> bytes{};

  // InvalidArgument unless `raw` has exactly 16 bytes.
  static absl::StatusOr<Salt> FromBytes(absl::string_view raw);
  // A view of the 16 bytes; valid as long as this object.
  absl::string_view view() const {
    return absl::string_view(reinterpret_cast<const char*>(bytes.data()), kSize);
  }
  friend bool operator==(const Salt&, const Salt&) = default;
};

// What a disclosure lists for every unit, disclosed or not.
struct UnitDigest {
  UnitPath path;
  Hash digest;  // u_i
};

// REQUIRES for all that take a seed: seed.size() == kSeedBytes.
Salt UnitSalt(absl::string_view seed, uint32_t position);
Salt HeaderSalt(absl::string_view seed);
Hash UnitHashFromSalt(const Salt& salt, absl::string_view unit);
Hash HeaderHashFromSalt(const Salt& salt, absl::string_view header);

Hash UnitHash(absl::string_view seed, uint32_t position, absl::string_view unit);
std::vector<UnitDigest> DigestUnits(absl::string_view seed, absl::Span<const UnitView> units);
inline std::vector<UnitDigest> DigestUnits(absl::string_view seed, absl::Span<const Unit> units) {
  return DigestUnits(seed, ViewsOf(units));
}
Hash HeaderHash(absl::string_view seed, absl::string_view header);

// REQUIRES: digests.size() <= kMaxUnits, paths strictly ascending (as CutUnits gives them).
Hash EventCommitment(absl::Span<const UnitDigest> digests);
Hash EntryCommitment(const Hash& header_hash, const Hash& event_commitment);

// Both commitments of many entries, hashed side by side (sha256_batch.h): a third of the time that
// one after the other takes. What the views show must outlive the call.
struct CommitmentInput {
  absl::string_view seed;
  absl::string_view header;
  std::vector<UnitView> units;
};
struct Commitments {
  Hash event;
  Hash entry;
};
std::vector<Commitments> CommitTo(absl::Span<const CommitmentInput> inputs);

// What an emitter that holds a key signs:
// "auditledger/emit/v1" 00 || BE16 len || origin || BE16 len || stream || BE16 len || event id ||
// event_commitment.
std::string EmitMessage(absl::string_view origin, absl::string_view stream_id,
                        absl::string_view event_id, const Hash& event_commitment);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_COMMITMENT_H_
