#include "merkle/commitment.h"

#include <array>
#include <set>
#include <utility>

#include "gtest/gtest.h"
#include "merkle/status_macros.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;
using testing::HashOf;
using ::testing::HasSubstr;
using testing::SealVectors;
using testing::StatusIs;

const std::string kSeed(kSeedBytes, 's');

std::vector<Unit> TwoUnits() {
  return {{{1, 0, 0},
           "\x0a\x01"
           "a"},
          {{2, 0, 0}, "\x10\x01"}};
}

Salt SaltOf(const nlohmann::json& text) { return Salt::FromBytes(Bytes(text)).value(); }

// The commitment that a disclosure of disclosures.json amounts to, without any seed. DataLoss when
// a unit that is shown is not the one that is listed.
absl::StatusOr<Hash> Recompute(const nlohmann::json& shown) {
  std::vector<UnitDigest> digests;
  for (const nlohmann::json& unit : shown["units"]) {
    const nlohmann::json& path = unit["path"];
    digests.push_back({{path[0], path[1], path[2]}, HashOf(unit["hash"])});
    if (!unit.contains("bytes")) continue;
    ASSIGN_OR_RETURN(const Salt salt, Salt::FromBytes(Bytes(unit["salt"])));
    if (UnitHashFromSalt(salt, Bytes(unit["bytes"])) == digests.back().digest) continue;
    return absl::DataLossError("unit: is not the one listed");
  }
  const Hash header = shown.contains("header")
                          ? HeaderHashFromSalt(SaltOf(shown["header_salt"]), Bytes(shown["header"]))
                          : HashOf(shown["header_hash"]);
  return EntryCommitment(header, EventCommitment(digests));
}

TEST(Commitment, EveryStepIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("events.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const std::string seed = Bytes(vector["seed"]);
    const std::string header = Bytes(vector["header"]);
    ASSERT_OK_AND_ASSIGN(const std::vector<Unit> units, CutUnits(Bytes(vector["event"])));
    const std::vector<UnitDigest> digests = DigestUnits(seed, units);
    const Hash event = EventCommitment(digests);
    EXPECT_EQ(event, HashOf(vector["event_commitment"]));
    EXPECT_EQ(HeaderSalt(seed), SaltOf(vector["header_salt"]));
    EXPECT_EQ(HeaderHashFromSalt(HeaderSalt(seed), header), HashOf(vector["header_hash"]));
    EXPECT_EQ(HeaderHash(seed, header), HashOf(vector["header_hash"]));
    EXPECT_EQ(EntryCommitment(HeaderHash(seed, header), event), HashOf(vector["commitment"]));
    EXPECT_EQ(EmitMessage(Bytes(file["origin"]), Bytes(vector["header_fields"]["stream_id"]),
                          Bytes(vector["header_fields"]["event_id"]), event),
              Bytes(vector["emit_message"]));
    for (size_t i = 0; vector.contains("units") && i < units.size(); ++i) {
      EXPECT_EQ(digests[i].digest, HashOf(vector["units"][i]["hash"]));
      const Salt salt = UnitSalt(seed, static_cast<uint32_t>(i));
      EXPECT_EQ(salt, SaltOf(vector["units"][i]["salt"]));
      EXPECT_EQ(UnitHashFromSalt(salt, units[i].bytes), digests[i].digest);
      EXPECT_EQ(UnitHash(seed, static_cast<uint32_t>(i), units[i].bytes), digests[i].digest);
    }
  }
}

TEST(Commitment, APartialDisclosureIsCheckedWithoutTheSeed) {
  const nlohmann::json file = SealVectors("disclosures.json");
  int held = 0;
  for (const nlohmann::json& shown : file["vectors"]) {
    SCOPED_TRACE(shown["name"].get<std::string>());
    const absl::StatusOr<Hash> commitment = Recompute(shown);
    const bool holds = commitment.ok() && *commitment == HashOf(shown["commitment"]);
    EXPECT_EQ(holds, shown["holds"].get<bool>()) << commitment.status();
    held += holds;
  }
  EXPECT_GT(held, 0);
  EXPECT_LT(held, static_cast<int>(file["vectors"].size()));
}

TEST(Commitment, ASaltOfAnotherSizeIsRefused) {
  // Bytes moved between salt and unit are the same input: another value would pass for the unit.
  EXPECT_OK(Salt::FromBytes(std::string(16, 's')));
  for (const size_t size : {0, 15, 17, 32}) {
    EXPECT_THAT(Salt::FromBytes(std::string(size, 's')),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("salt")));
  }
}

TEST(Commitment, BindsSeedPathsOrderCountAndBytes) {
  const std::vector<UnitDigest> digests = DigestUnits(kSeed, TwoUnits());
  std::set<Hash> seen = {EventCommitment(digests)};
  const auto expect_new = [&seen](const Hash& hash) { EXPECT_TRUE(seen.insert(hash).second); };

  expect_new(EventCommitment(DigestUnits(std::string(kSeedBytes, 't'), TwoUnits())));
  expect_new(EventCommitment(absl::MakeConstSpan(digests).first(1)));
  expect_new(EventCommitment({}));
  expect_new(EventCommitment({digests[1], digests[0]}));
  for (uint32_t UnitPath::*part : {&UnitPath::field, &UnitPath::occurrence, &UnitPath::subfield}) {
    std::vector<UnitDigest> moved = digests;
    moved[1].path.*part += 1;
    expect_new(EventCommitment(moved));
  }
  std::vector<Unit> changed = TwoUnits();
  changed[1].bytes.back() ^= 1;
  expect_new(EventCommitment(DigestUnits(kSeed, changed)));
}

// Events of all lengths share the lanes.
TEST(Commitment, ManyAtOnceAreWhatTheVectorsSay) {
  const nlohmann::json vectors = SealVectors("events.json")["vectors"];
  std::vector<std::array<std::string, 3>> parts;
  for (const nlohmann::json& vector : vectors) {
    parts.push_back({Bytes(vector["seed"]), Bytes(vector["header"]), Bytes(vector["event"])});
  }
  std::vector<CommitmentInput> inputs;
  for (const auto& [seed, header, event] : parts) {
    ASSERT_OK_AND_ASSIGN(std::vector<UnitView> units, CutUnitViews(event));
    inputs.push_back({seed, header, std::move(units)});
  }
  const std::vector<Commitments> commitments = CommitTo(inputs);
  ASSERT_EQ(commitments.size(), vectors.size());
  for (size_t i = 0; i < vectors.size(); ++i) {
    SCOPED_TRACE(vectors[i]["name"].get<std::string>());
    EXPECT_EQ(commitments[i].event, HashOf(vectors[i]["event_commitment"]));
    EXPECT_EQ(commitments[i].entry, HashOf(vectors[i]["commitment"]));
  }
  EXPECT_TRUE(CommitTo({}).empty());
}

TEST(Commitment, EqualUnitsHaveUnequalHashes) {
  // Or a disclosure would tell that two withheld values are the same.
  EXPECT_NE(UnitHash(kSeed, 0, "same"), UnitHash(kSeed, 1, "same"));
  EXPECT_NE(HeaderHash(kSeed, "same"), UnitHash(kSeed, 0, "same"));
}

TEST(Commitment, HeaderAndEventCannotBeSwapped) {
  const Hash a = HeaderHash(kSeed, "a");
  const Hash b = HeaderHash(kSeed, "b");
  EXPECT_NE(EntryCommitment(a, b), EntryCommitment(b, a));
}

TEST(Commitment, AnEmitterSignsFieldsThatDoNotRunTogether) {
  const Hash event = EventCommitment({});
  EXPECT_NE(EmitMessage("o", "ab", "c", event), EmitMessage("o", "a", "bc", event));
}

}  // namespace
}  // namespace auditledger
