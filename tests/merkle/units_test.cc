#include "merkle/units.h"

#include <random>

#include "gtest/gtest.h"
#include "tests/merkle/seal_vectors.h"
#include "tests/testing/seed.h"

namespace auditledger {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::SealVectors;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::vector<Unit> UnitsOf(const nlohmann::json& list) {
  std::vector<Unit> units;
  for (const nlohmann::json& unit : list) {
    const nlohmann::json& path = unit["path"];
    units.push_back({{path[0], path[1], path[2]}, Bytes(unit["bytes"])});
  }
  return units;
}

TEST(Units, CutAndJoinAsTheVectorsSay) {
  const nlohmann::json file = SealVectors("events.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const std::string event = Bytes(vector["event"]);
    ASSERT_OK_AND_ASSIGN(const std::vector<Unit> units, CutUnits(event));
    EXPECT_EQ(units.size(), vector["unit_count"].get<size_t>());
    if (vector.contains("units")) {
      EXPECT_EQ(units, UnitsOf(vector["units"]));
    }
    ASSERT_OK_AND_ASSIGN(const std::string joined, JoinUnits(units));
    EXPECT_EQ(joined, event);
  }
}

TEST(Units, RefuseHostileEvents) {
  testing::ExpectHostileRefused("units", [](const nlohmann::json& vector) {
    return CutUnits(Bytes(vector["bytes"])).status();
  });
}

TEST(Units, RefuseToJoinWhatNoEventGives) {
  testing::ExpectHostileRefused("join", [](const nlohmann::json& vector) {
    return JoinUnits(UnitsOf(vector["units"])).status();
  });
}

TEST(Units, AnEventOfTheLargestSizeIsCutAndOneByteMoreIsNot) {
  std::string event;
  event.append("\x0a\xfc\xff\x03").append(kMaxEventBytes - 4, 'a');
  EXPECT_OK(CutUnits(event));
  event[1] = '\xfd';
  event += 'a';
  EXPECT_THAT(CutUnits(event), StatusIs(kInvalid, HasSubstr("at most 65536")));
}

TEST(Units, TheMostUnitsAreJoinedAndOneMoreIsNot) {
  std::vector<Unit> units;
  for (uint32_t i = 0; i < kMaxUnits; ++i) units.push_back({{12, i, 0}, {"\x62\x00", 2}});
  EXPECT_OK(JoinUnits(units));
  units.push_back({{12, kMaxUnits, 0}, {"\x62\x00", 2}});
  EXPECT_THAT(JoinUnits(units), StatusIs(kInvalid, HasSubstr("more than 4096")));
}

TEST(Units, JoiningRefusesTheMostPathsWhoseFramesAddUpToTooManyBytes) {
  // 65,536 bytes of content, and the element's own tag and length on top.
  std::vector<Unit> units = {{{19, 0, 1}, "\x0a\xfc\xff\x03"}};
  units[0].bytes.append(kMaxEventBytes - 4, 'a');
  EXPECT_THAT(JoinUnits(units), StatusIs(kInvalid, HasSubstr("at most 65536")));
}

TEST(Units, AnyMutationIsEitherRefusedOrStillCutsAndJoinsToItself) {
  const uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  SCOPED_TRACE(seed);
  const nlohmann::json vectors = SealVectors("events.json")["vectors"];
  const std::string event = Bytes(vectors[2]["event"]);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string mutated = event;
    mutated[random() % mutated.size()] = static_cast<char>(random());
    const absl::StatusOr<std::vector<Unit>> units = CutUnits(mutated);
    refused += !units.ok();
    if (!units.ok()) continue;
    ASSERT_OK_AND_ASSIGN(const std::string joined, JoinUnits(*units));
    ASSERT_EQ(joined, mutated);
  }
  EXPECT_GT(refused, 0);
}

TEST(EventTime, IsWhatTheVectorsSay) {
  const nlohmann::json file = SealVectors("events.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    ASSERT_OK_AND_ASSIGN(const std::vector<Unit> units, CutUnits(Bytes(vector["event"])));
    ASSERT_OK_AND_ASSIGN(const uint64_t time, EventTimeMicros(units));
    EXPECT_EQ(time, vector["event_time_us"].get<uint64_t>());
  }
}

TEST(EventTime, RefusesHostileTimes) {
  testing::ExpectHostileRefused("time", [](const nlohmann::json& vector) {
    const absl::StatusOr<std::vector<Unit>> units = CutUnits(Bytes(vector["bytes"]));
    EXPECT_OK(units);
    return units.ok() ? EventTimeMicros(*units).status() : units.status();
  });
}

TEST(EventIdentity, IsWhatTheHeadersOfTheVectorsSay) {
  const nlohmann::json file = SealVectors("events.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    ASSERT_OK_AND_ASSIGN(const std::vector<Unit> units, CutUnits(Bytes(vector["event"])));
    ASSERT_OK_AND_ASSIGN(const EventIdentity identity, ReadEventIdentity(units));
    const EntryHeader header = testing::HeaderOf(vector["header_fields"]);
    EXPECT_EQ(identity, (EventIdentity{header.event_id, header.stream_id, header.stream_sequence}));
  }
}

TEST(EventIdentity, RefusesHostileIdentities) {
  testing::ExpectHostileRefused("identity", [](const nlohmann::json& vector) {
    const absl::StatusOr<std::vector<Unit>> units = CutUnits(Bytes(vector["bytes"]));
    EXPECT_OK(units);
    return units.ok() ? ReadEventIdentity(*units).status() : units.status();
  });
}

}  // namespace
}  // namespace auditledger
