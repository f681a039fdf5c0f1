#include "merkle/patricia.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/sha256.h"
#include "tests/testing/reference_map.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::BytesFromHex;
using ::auditledger::testing::ReferenceMap;
using ::auditledger::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;

using Pairs = std::map<std::string, std::string>;

constexpr char kVectors[] = "mpt/mpt.json";

TEST(PatriciaVectors, TreeHashes) {
  REQUIRE_SHARED(testing::VectorPath(kVectors));
  const json cases = testing::ReadVectors(kVectors)["treehash"];
  ASSERT_GE(cases.size(), 20u);
  for (const json& test : cases) {
    std::map<std::string, std::string> pairs;
    for (const json& pair : test["kv_hex"]) pairs[BytesFromHex(pair[0])] = BytesFromHex(pair[1]);
    EXPECT_EQ(ReferenceMap(pairs).Root().ToHex(), std::string(test["hash"]));
  }
}

TEST(PatriciaVectors, Lookups) {
  REQUIRE_SHARED(testing::VectorPath(kVectors));
  const json cases = testing::ReadVectors(kVectors)["lookup"];
  ASSERT_GE(cases.size(), 48u);
  for (const json& test : cases) {
    const Hash root = Hash::FromHex(std::string(test["snap"])).value();
    const std::string key = BytesFromHex(test["key"]);
    const std::string proof = BytesFromHex(test["proof"]);
    const absl::Status status = test["present"]
                                    ? VerifyPresent(root, key, BytesFromHex(test["val"]), proof)
                                    : VerifyAbsent(root, key, proof);
    EXPECT_EQ(status.ok(), bool(test["verify"])) << test["desc"] << ": " << status;
  }
}

// Keys that differ in their first and their last bit, that are each other's beginning, and that
// read alike but for what stands behind them.
const std::vector<std::string>& Keys() {
  static const auto& keys = *new std::vector<std::string>{
      "", std::string("\0", 1), std::string("\0\xff", 2), "a", "b", "ab", "\xff", "\x80"};
  return keys;
}

ReferenceMap MapOf(uint32_t subset) {
  std::map<std::string, std::string> pairs;
  for (size_t i = 0; i < Keys().size(); ++i) {
    if ((subset >> i & 1) != 0) pairs[Keys()[i]] = absl::StrCat("value ", i);
  }
  return ReferenceMap(pairs);
}

TEST(PatriciaTest, OfEverySmallMapTheTruthIsProvenAndNothingElse) {
  for (uint32_t subset = 0; subset < 1u << Keys().size(); ++subset) {
    const ReferenceMap map = MapOf(subset);
    const Hash root = map.Root();
    for (size_t i = 0; i < Keys().size(); ++i) {
      const bool present = (subset >> i & 1) != 0;
      // With the proof of every key: of another it proves nothing about this one.
      for (const std::string& shown : Keys()) {
        const std::string proof = map.Proof(shown);
        const bool own = shown == Keys()[i];
        const std::string value = absl::StrCat("value ", i);
        const absl::Status is_there = VerifyPresent(root, Keys()[i], value, proof);
        const absl::Status is_not = VerifyAbsent(root, Keys()[i], proof);
        ASSERT_FALSE(is_there.ok() && !present) << subset << " " << i;
        ASSERT_FALSE(is_not.ok() && present) << subset << " " << i;
        const bool proven = present ? is_there.ok() : is_not.ok();
        ASSERT_TRUE(proven || !own) << subset << " " << i;
        ASSERT_FALSE(VerifyPresent(root, Keys()[i], value + "x", proof).ok());
      }
    }
  }
}

TEST(PatriciaTest, EveryFlippedBitOfAProofIsRefused) {
  const ReferenceMap map = MapOf(0b01011110);
  for (size_t i = 0; i < Keys().size(); ++i) {
    const std::string proof = map.Proof(Keys()[i]);
    for (size_t bit = 0; bit < 8 * proof.size(); ++bit) {
      std::string flipped = proof;
      flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
      EXPECT_FALSE(VerifyAbsent(map.Root(), Keys()[i], flipped).ok()) << i << " " << bit;
      EXPECT_FALSE(VerifyPresent(map.Root(), Keys()[i], absl::StrCat("value ", i), flipped).ok());
    }
  }
}

TEST(PatriciaTest, BitsAndWhatIsReadBehindAKey) {
  EXPECT_TRUE(PatriciaBit("\x80", 0));
  EXPECT_FALSE(PatriciaBit("\x80", 1));
  EXPECT_TRUE(PatriciaBit("\x01", 7));
  for (uint32_t bit = 8; bit < 16; ++bit) EXPECT_FALSE(PatriciaBit("\xff", bit));
  for (uint32_t bit = 16; bit < 32; ++bit) EXPECT_TRUE(PatriciaBit("\xff", bit));
  EXPECT_EQ(FirstDifferentBit("a", "b"), 6u);
  EXPECT_EQ(FirstDifferentBit("ab", "a"), 9u);
  EXPECT_EQ(FirstDifferentBit("a", std::string("a\0", 2)), 16u);
  EXPECT_EQ(FirstDifferentBit("", "\x01"), 7u);
}

TEST(PatriciaTest, AMalformedProofSaysWhatIsWrong) {
  const Hash root = MapOf(3).Root();
  const std::string sibling(32, 's');
  const std::map<std::string, std::string> proofs = {
      {"\x05" + sibling + "\x05" + sibling, "bit 5 follows bit 5"},
      {"\x03" + sibling + "\x05" + sibling, "bit 5 follows bit 3"},
      {"\x05" + sibling.substr(1), "map proof sibling: needs 32"},
      {"\x80", "map proof bit: needs 1"},
      {std::string("\x80\0", 2) + sibling, "map proof bit: not its shortest form"},
      {"\xff\x80\x01" + sibling, "map proof bit: over 8199"},
      {"\x88\x40" + sibling, "map proof bit: over 8199"},
  };
  for (const auto& [proof, why] : proofs) {
    EXPECT_THAT(VerifyPresent(root, "k", "v", proof),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(why)));
    const std::string absent = std::string("\1k\1v", 4) + proof;
    EXPECT_THAT(VerifyAbsent(root, "key", absent),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(why)));
  }
  EXPECT_THAT(VerifyPresent(root, "k", "v", "\x87\x40" + sibling),
              StatusIs(StatusCode::kDataLoss, HasSubstr("computed")));
  EXPECT_THAT(VerifyAbsent(root, "key", "\2k"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("map proof key: needs 2")));
  EXPECT_THAT(VerifyAbsent(root, "key", "\1k\2v"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("map proof value: needs 2")));
  EXPECT_THAT(VerifyAbsent(root, "key", "\x81\x08" + std::string(1025, 'k')),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("map proof key: over 1024")));
  EXPECT_THAT(VerifyAbsent(root, "key", ""),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("map proof key: needs 1")));
}

TEST(PatriciaTest, AKeyOrValueOfTheLargestLengthAndOneMore) {
  const std::string largest(kMaxPatriciaBytes, 'x');
  const ReferenceMap map(Pairs{{largest, largest}});
  EXPECT_OK(VerifyPresent(map.Root(), largest, largest, ""));
  EXPECT_OK(VerifyAbsent(map.Root(), "x", map.Proof("x")));
  const auto too_long = StatusIs(StatusCode::kInvalidArgument, HasSubstr("has 1025 bytes"));
  EXPECT_THAT(VerifyPresent(map.Root(), largest + "x", largest, ""), too_long);
  EXPECT_THAT(VerifyPresent(map.Root(), largest, largest + "x", ""), too_long);
  EXPECT_THAT(VerifyAbsent(map.Root(), largest + "x", map.Proof("x")), too_long);
}

TEST(PatriciaTest, WhatIsThereIsNotSaidToBeAbsent) {
  const ReferenceMap map(Pairs{{"a", "1"}, {"b", "2"}, {"c", "3"}});
  const std::string proof = std::string("\1a\1", 3) + "1" + map.Proof("a");
  EXPECT_THAT(VerifyAbsent(map.Root(), "a", proof),
              StatusIs(StatusCode::kDataLoss, HasSubstr("ends at this very key")));
  // The way to b says nothing of where another key would be.
  EXPECT_THAT(VerifyAbsent(map.Root(), "a", std::string("\1b\1", 3) + "2" + map.Proof("b")),
              StatusIs(StatusCode::kDataLoss, HasSubstr("not where the asked one would be")));
  EXPECT_OK(VerifyAbsent(map.Root(), "bb", map.Proof("bb")));
  EXPECT_THAT(VerifyAbsent(EmptyRoot(), "bb", map.Proof("bb")),
              StatusIs(StatusCode::kDataLoss, HasSubstr("computed")));
}

TEST(PatriciaTest, ProofsAreWrittenAsTorchwoodDoes) {
  const ReferenceMap map(Pairs{{"a", "1"}, {"b", "2"}});
  const std::vector<PatriciaStep> steps = {{6, PatriciaLeafHash("b", "2")}};
  EXPECT_EQ(EncodePresence(steps), map.Proof("a"));
  EXPECT_EQ(EncodeAbsence("a", "1", steps), map.Proof("aa"));
  EXPECT_EQ(EncodePresence({{200, EmptyRoot()}}).substr(0, 2), "\xc8\x01");
}

}  // namespace
}  // namespace auditledger
