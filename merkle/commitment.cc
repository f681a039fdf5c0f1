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

Sha256Batch& BatchOfThread() {
  static thread_local Sha256Batch batch;
  return batch;
}

void AddSalt(absl::string_view seed, absl::string_view label, uint32_t i, Sha256Batch& batch) {
  const auto position = Position(i);
  batch.Add({seed, label, {position.data(), position.size()}});
}

void AddUnitSalts(absl::string_view seed, size_t units, Sha256Batch& batch) {
  for (uint32_t i = 0; i < units; ++i) AddSalt(seed, kUnitSaltLabel, i, batch);
}

// `salts`: digests of which the first bytes are the units' salts.
void AddUnits(absl::Span<const UnitView> units, absl::Span<const Hash> salts, Sha256Batch& batch) {
  for (size_t i = 0; i < units.size(); ++i) {
    batch.Add({kUnitDomain, salts[i].view().substr(0, Salt::kSize), units[i].bytes});
  }
}

// What EventCommitment hashes behind its domain.
void PutDigest(const UnitPath& path, const Hash& digest, std::string& list) {
  PutU32(list, path.field);
  PutU32(list, path.occurrence);
  PutU32(list, path.subfield);
  list.append(digest.view().data(), Hash::kSize);
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

std::vector<UnitDigest> DigestUnits(absl::string_view seed, absl::Span<const UnitView> units) {
  Sha256Batch& batch = BatchOfThread();
  std::vector<Hash> hashes(units.size());
  AddUnitSalts(seed, units.size(), batch);
  batch.Finish(absl::MakeSpan(hashes));
  AddUnits(units, hashes, batch);
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
  for (const UnitDigest& unit : digests) PutDigest(unit.path, unit.digest, list);
  return Sha256({kEventDomain, list});
}

Hash EntryCommitment(const Hash& header_hash, const Hash& event_commitment) {
  return Sha256({kEntryDomain, header_hash.view(), event_commitment.view()});
}

// Four batches, each of what the one before it gave.
std::vector<Commitments> CommitTo(absl::Span<const CommitmentInput> inputs) {
  Sha256Batch& batch = BatchOfThread();
  for (const CommitmentInput& input : inputs) {
    AddUnitSalts(input.seed, input.units.size(), batch);
    AddSalt(input.seed, kHeaderSaltLabel, 0, batch);
  }
  std::vector<Hash> hashes(batch.size());  // units and, behind them, the header of each entry
  batch.Finish(absl::MakeSpan(hashes));

  absl::Span<const Hash> rest = hashes;
  for (const CommitmentInput& input : inputs) {
    const size_t units = input.units.size();
    AddUnits(input.units, rest.first(units), batch);
    batch.Add({kHeaderDomain, rest[units].view().substr(0, Salt::kSize), input.header});
    rest.remove_prefix(units + 1);
  }
  batch.Finish(absl::MakeSpan(hashes));

  rest = hashes;
  std::string list;
  for (const CommitmentInput& input : inputs) {
    list.clear();
    PutU16(list, static_cast<uint16_t>(input.units.size()));
    for (size_t i = 0; i < input.units.size(); ++i) PutDigest(input.units[i].path, rest[i], list);
    batch.Add({kEventDomain, list});
    rest.remove_prefix(input.units.size() + 1);
  }
  std::vector<Hash> events(inputs.size());
  batch.Finish(absl::MakeSpan(events));

  rest = hashes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t units = inputs[i].units.size();
    batch.Add({kEntryDomain, rest[units].view(), events[i].view()});
    rest.remove_prefix(units + 1);
  }
  std::vector<Hash> entries(inputs.size());
  batch.Finish(absl::MakeSpan(entries));
  std::vector<Commitments> commitments(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) commitments[i] = {events[i], entries[i]};
  return commitments;
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
