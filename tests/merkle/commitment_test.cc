#include "merkle/commitment.h"

#include <set>

#include "gtest/gtest.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;
using testing::HashOf;
using testing::SealVectors;

const std::string kSeed(kSeedBytes, 's');

std::vector<Unit> TwoUnits() {
  return {{{1, 0, 0},
           "\x0a\x01"
           "a"},
          {{2, 0, 0}, "\x10\x01"}};
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
    EXPECT_EQ(HeaderHash(seed, header), HashOf(vector["header_hash"]));
    EXPECT_EQ(EntryCommitment(HeaderHash(seed, header), event), HashOf(vector["commitment"]));
    EXPECT_EQ(EmitMessage(Bytes(file["origin"]), Bytes(vector["header_fields"]["stream_id"]),
                          Bytes(vector["header_fields"]["event_id"]), event),
              Bytes(vector["emit_message"]));
    for (size_t i = 0; vector.contains("units") && i < units.size(); ++i) {
      EXPECT_EQ(digests[i].digest, HashOf(vector["units"][i]["hash"]));
      EXPECT_EQ(UnitHash(seed, static_cast<uint32_t>(i), units[i].bytes), digests[i].digest);
    }
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
