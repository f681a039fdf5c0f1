#include "merkle/system_entries.h"

#include "gtest/gtest.h"
#include "merkle/leaf.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;
using testing::HashOf;
using ::testing::HasSubstr;
using testing::SealVectors;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// The leaf around `body` is the vector's as well.
void ExpectLeaf(const nlohmann::json& vector, EntryKind kind, const std::string& body) {
  Leaf leaf;
  leaf.kind = kind;
  leaf.recorded_at_us = 1'767'225'600'000'000;
  leaf.body = body;
  ASSERT_OK_AND_ASSIGN(const std::string bytes, EncodeLeaf(leaf));
  EXPECT_EQ(bytes, Bytes(vector["leaf"]));
  EXPECT_EQ(LeafHash(bytes), HashOf(vector["leaf_hash"]));
}

TEST(SystemEntries, GenesisIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("system_entries.json");
  const nlohmann::json& keys = file["keys"];
  EXPECT_EQ(LogKeyHash(keys["log_key_type"], Bytes(keys["log_key"])), HashOf(keys["log_key_hash"]));
  for (const nlohmann::json& vector : file["genesis"]) {
    Genesis genesis;
    genesis.origin = Bytes(vector["fields"][0]);
    genesis.log_key_hash = HashOf(keys["log_key_hash"]);
    genesis.index_key_hash = HashOf(keys["index_key_hash"]);
    genesis.predecessor_checkpoint = Bytes(vector["fields"][1]);
    ASSERT_OK_AND_ASSIGN(const std::string body, EncodeGenesis(genesis));
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const Genesis parsed, ParseGenesis(body));
    EXPECT_EQ(parsed, genesis);
    ExpectLeaf(vector, EntryKind::kGenesis, body);
  }
}

TEST(SystemEntries, ConflictIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("system_entries.json");
  for (const nlohmann::json& vector : file["conflict"]) {
    const Conflict conflict{vector["fields"][0].get<uint64_t>()};
    const std::string body = EncodeConflict(conflict);
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const Conflict parsed, ParseConflict(body));
    EXPECT_EQ(parsed, conflict);
    ExpectLeaf(vector, EntryKind::kConflict, body);
  }
}

TEST(SystemEntries, FreezeIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("system_entries.json");
  for (const nlohmann::json& vector : file["freeze"]) {
    Freeze freeze;
    freeze.confirmed_size = vector["fields"][0].get<uint64_t>();
    freeze.successor_origin = Bytes(vector["fields"][1]);
    if (!Bytes(vector["fields"][2]).empty())
      freeze.successor_key_hash = HashOf(vector["fields"][2]);
    ASSERT_OK_AND_ASSIGN(const std::string body, EncodeFreeze(freeze));
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const Freeze parsed, ParseFreeze(body));
    EXPECT_EQ(parsed, freeze);
    ExpectLeaf(vector, EntryKind::kFreeze, body);
  }
  Freeze nameless;
  nameless.successor_key_hash = Hash();
  EXPECT_THAT(EncodeFreeze(nameless), StatusIs(kInvalid, HasSubstr("without an origin")));
  nameless.successor_origin.assign(65535, 'o');
  EXPECT_OK(EncodeFreeze(nameless));
  nameless.successor_origin += 'o';
  EXPECT_THAT(EncodeFreeze(nameless), StatusIs(kInvalid, HasSubstr("at most 65535")));
}

TEST(SystemEntries, OperatorActionIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("system_entries.json");
  for (const nlohmann::json& vector : file["operator"]) {
    const OperatorAction action{Bytes(vector["fields"][0])};
    ASSERT_OK_AND_ASSIGN(const std::string body, EncodeOperatorAction(action));
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const OperatorAction parsed, ParseOperatorAction(body));
    EXPECT_EQ(parsed, action);
    ExpectLeaf(vector, EntryKind::kOperator, body);
  }
}

TEST(SystemEntries, ClockStepIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("system_entries.json");
  for (const nlohmann::json& vector : file["clock"]) {
    const ClockStep step{vector["fields"][0].get<uint64_t>(), vector["fields"][1].get<uint64_t>()};
    const std::string body = EncodeClockStep(step);
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const ClockStep parsed, ParseClockStep(body));
    EXPECT_EQ(parsed, step);
    ExpectLeaf(vector, EntryKind::kClock, body);
  }
}

TEST(SystemEntries, AnchorIsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("system_entries.json");
  ASSERT_FALSE(file["anchor"].empty());
  for (const nlohmann::json& vector : file["anchor"]) {
    const nlohmann::json& fields = vector["fields"];
    const Anchor anchor{fields[0].get<uint64_t>(), HashOf(fields[1]), HashOf(fields[2]),
                        fields[3].get<uint64_t>()};
    const std::string body = EncodeAnchor(anchor);
    EXPECT_EQ(body, Bytes(vector["body"]));
    ASSERT_OK_AND_ASSIGN(const Anchor parsed, ParseAnchor(body));
    EXPECT_EQ(parsed, anchor);
    ExpectLeaf(vector, EntryKind::kAnchor, body);
  }
}

TEST(SystemEntries, AnAnchorIsOfAHeadThatALogCanHave) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{1} << 63}) {
    EXPECT_THAT(ParseAnchor(EncodeAnchor({size, Hash(), Hash(), 1})),
                StatusIs(kInvalid, HasSubstr("anchor size")));
  }
  EXPECT_OK(ParseAnchor(EncodeAnchor({(uint64_t{1} << 63) - 1, Hash(), Hash(), 1})));
}

TEST(SystemEntries, HostileBodiesAreRefused) {
  const auto bytes = [](const nlohmann::json& vector) { return Bytes(vector["bytes"]); };
  testing::ExpectHostileRefused("genesis", [&](const nlohmann::json& vector) {
    return ParseGenesis(bytes(vector)).status();
  });
  testing::ExpectHostileRefused("conflict", [&](const nlohmann::json& vector) {
    return ParseConflict(bytes(vector)).status();
  });
  testing::ExpectHostileRefused(
      "freeze", [&](const nlohmann::json& vector) { return ParseFreeze(bytes(vector)).status(); });
  testing::ExpectHostileRefused("operator", [&](const nlohmann::json& vector) {
    return ParseOperatorAction(bytes(vector)).status();
  });
  testing::ExpectHostileRefused("clock", [&](const nlohmann::json& vector) {
    return ParseClockStep(bytes(vector)).status();
  });
  testing::ExpectHostileRefused(
      "anchor", [&](const nlohmann::json& vector) { return ParseAnchor(bytes(vector)).status(); });
}

TEST(SystemEntries, AStringOverItsLengthFieldIsRefused) {
  Genesis genesis;
  genesis.origin.assign(65535, 'o');
  EXPECT_OK(EncodeGenesis(genesis));
  genesis.origin += 'o';
  EXPECT_THAT(EncodeGenesis(genesis), StatusIs(kInvalid, HasSubstr("genesis origin")));
  genesis.origin = "o";
  genesis.predecessor_checkpoint.assign(65536, 'n');
  EXPECT_THAT(EncodeGenesis(genesis), StatusIs(kInvalid, HasSubstr("genesis predecessor")));
  EXPECT_OK(EncodeOperatorAction({std::string(65535, 'w')}));
  EXPECT_THAT(EncodeOperatorAction({std::string(65536, 'w')}),
              StatusIs(kInvalid, HasSubstr("operator what")));
}

TEST(SystemEntries, AGenesisOfASuiteNobodyKnowsIsNotMade) {
  for (uint8_t Genesis::*suite :
       {&Genesis::hash_suite, &Genesis::tag_suite, &Genesis::commitment_suite}) {
    Genesis genesis;
    genesis.*suite = 2;
    EXPECT_THAT(EncodeGenesis(genesis), StatusIs(kInvalid, HasSubstr("suite")));
  }
}

}  // namespace
}  // namespace auditledger
