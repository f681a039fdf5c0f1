#include "merkle/tags.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;
using testing::HashOf;
using testing::SealVectors;

const HmacKey kIndexKey(std::string(kIndexKeyBytes, 'k'));

TEST(Tags, KeysAndTagsAreWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("events.json");
  const std::string index_key = Bytes(file["index_key"]);
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    ASSERT_OK_AND_ASSIGN(const std::vector<Unit> units, CutUnits(Bytes(vector["event"])));
    ASSERT_OK_AND_ASSIGN(const std::vector<TagKey> keys, TagKeys(units));
    ASSERT_OK_AND_ASSIGN(const std::vector<Hash> tags, DeriveTags(HmacKey(index_key), units));
    ASSERT_GE(keys.size(), vector["tag_keys"].size());
    for (size_t i = 0; i < vector["tag_keys"].size(); ++i) {
      const nlohmann::json& key = vector["tag_keys"][i];
      EXPECT_EQ(keys[i], (TagKey{key["kind"], Bytes(key["system"]), Bytes(key["id"])}));
    }
    EXPECT_EQ(tags.size(), vector["tag_count"].get<size_t>());
    for (size_t i = 0; i < vector["tags"].size(); ++i) {
      EXPECT_EQ(tags[i], HashOf(vector["tags"][i]));
    }
    EXPECT_TRUE(std::is_sorted(tags.begin(), tags.end()));
    EXPECT_EQ(std::adjacent_find(tags.begin(), tags.end()), tags.end());
  }
}

TEST(Tags, RefuseHostileKeys) {
  testing::ExpectHostileRefused("tags", [](const nlohmann::json& vector) {
    const absl::StatusOr<std::vector<Unit>> units = CutUnits(Bytes(vector["bytes"]));
    EXPECT_OK(units);
    if (!units.ok()) return units.status();
    EXPECT_FALSE(DeriveTags(kIndexKey, *units).ok());
    return TagKeys(*units).status();
  });
}

TEST(Tags, RefusalsQuoteNoPersonalData) {
  const std::vector<Unit> units = {{{14, 0, 1}, "\x0a\x0bMiller\xff\xff\xff\xff\xff"}};
  EXPECT_THAT(std::string(TagKeys(units).status().message()),
              ::testing::Not(::testing::HasSubstr("Miller")));
}

TEST(Tags, DependOnKeyKindSystemAndId) {
  const Hash tag = DeriveTag(kIndexKey, {"patient", "s", "1"});
  EXPECT_NE(tag, DeriveTag(HmacKey(std::string(kIndexKeyBytes, 'l')), {"patient", "s", "1"}));
  EXPECT_NE(tag, DeriveTag(kIndexKey, {"agent", "s", "1"}));
  EXPECT_NE(tag, DeriveTag(kIndexKey, {"patient", "t", "1"}));
  EXPECT_NE(tag, DeriveTag(kIndexKey, {"patient", "s", "2"}));
  EXPECT_NE(tag, DeriveTag(kIndexKey, {"patient", "s1", ""}));
}

TEST(Tags, AnIdLongerThanItsLengthFieldIsRefused) {
  std::string record = "\x0a\x80\x80\x04";
  record.append(65536, 'a');
  EXPECT_THAT(TagKeys(std::vector<Unit>{{{14, 0, 1}, record}}),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                ::testing::HasSubstr("over 65535 bytes")));
  record = "\x0a\xff\xff\x03" + std::string(65535, 'a');
  EXPECT_OK(TagKeys(std::vector<Unit>{{{14, 0, 1}, record}}));
}

TEST(Tags, AnElementOfTheAgentsOtherIdsThatIsCutIsNamed) {
  const std::vector<Unit> agent = {{{kAgentField, 0, 18}, "\x92"}};
  EXPECT_THAT(TagKeys(agent), testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                                ::testing::HasSubstr("truncated varint")));
}

TEST(Tags, OfEmergencyAccessTheOverrideAloneIsAKey) {
  const std::string id =
      "\x22\x01"
      "7";  // field 4
  const auto keys_of = [&](uint32_t subfield) {
    return TagKeys(std::vector<Unit>{{{kEmergencyAccessField, 0, subfield}, id}}).value();
  };
  EXPECT_EQ(keys_of(4), (std::vector<TagKey>{{"override", "", "7"}}));
  EXPECT_TRUE(keys_of(3).empty()) << "a unit is what its path says";
}

TEST(Tags, TheIndexKeysHashIsWhatTheVectorsSay) {
  const nlohmann::json keys = SealVectors("system_entries.json")["keys"];
  EXPECT_EQ(IndexKeyHash(Bytes(keys["index_key"])), HashOf(keys["index_key_hash"]));
}

}  // namespace
}  // namespace auditledger
