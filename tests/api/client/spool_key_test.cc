// Covers: api/client/spool_key, api/client/spool_world, api/client/spool_state
#include "api/client/spool_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "api/client/spool_state.h"
#include "api/client/spool_world.h"
#include "tests/api/client/spool_fixture.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TempDir;
using testing::TestSpoolKey;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kLoss = absl::StatusCode::kDataLoss;

SpoolCipher Cipher(const SpoolKey& key, absl::string_view label = "label",
                   absl::string_view context = "context") {
  return SpoolCipher::Derive(key, label, context).value();
}

TEST(SpoolKeyTest, AKeyHas32BytesOfAPrivateFile) {
  EXPECT_THAT(SpoolKey::FromBytes(std::string(31, 'k')), StatusIs(kInvalid));
  EXPECT_THAT(SpoolKey::FromBytes(std::string(33, 'k')), StatusIs(kInvalid));
  TempDir dir;
  const auto put = [&](const std::string& bytes, mode_t mode) {
    const std::string path = dir / "spool.key";
    std::ofstream(path, std::ios::binary) << bytes;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return SpoolKey::FromFile(path);
  };
  EXPECT_OK(put(std::string(32, 'k'), 0600));
  EXPECT_OK(put(std::string(32, 'k'), 0400));
  EXPECT_THAT(put(std::string(32, 'k'), 0640),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("chmod 600")));
  EXPECT_THAT(put(std::string(32, 'k'), 0604), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(put(std::string(31, 'k'), 0600), StatusIs(kInvalid, HasSubstr("spool.key")));
  EXPECT_THAT(put(std::string(100, 'k'), 0600), StatusIs(kInvalid));
  EXPECT_THAT(SpoolKey::FromFile(dir / "absent"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(SpoolKeyTest, OpensWhatWasSealedSoAndNothingElse) {
  const SpoolKey key = TestSpoolKey();
  std::string sealed;
  SpoolCipher cipher = Cipher(key);
  ASSERT_OK(cipher.Seal(7, "header", "record", sealed));
  EXPECT_EQ(sealed.size(), 6 + kSpoolTagBytes);
  EXPECT_EQ(sealed.find("record"), std::string::npos);
  EXPECT_EQ(Cipher(key).Open(7, "header", sealed).value(), "record");
  EXPECT_THAT(Cipher(key).Open(8, "header", sealed), StatusIs(kLoss));
  EXPECT_THAT(Cipher(key).Open(7, "Header", sealed), StatusIs(kLoss));
  EXPECT_THAT(Cipher(key, "other").Open(7, "header", sealed), StatusIs(kLoss));
  EXPECT_THAT(Cipher(key, "label", "other").Open(7, "header", sealed), StatusIs(kLoss));
  EXPECT_THAT(Cipher(TestSpoolKey('l')).Open(7, "header", sealed), StatusIs(kLoss));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string flipped = sealed;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_THAT(Cipher(key).Open(7, "header", flipped), StatusIs(kLoss)) << i;
    EXPECT_THAT(Cipher(key).Open(7, "header", sealed.substr(0, i)), StatusIs(kLoss)) << i;
  }
  std::string empty;
  ASSERT_OK(cipher.Seal(8, "", "", empty));
  EXPECT_EQ(Cipher(key).Open(8, "", empty).value(), "");
}

TEST(SpoolKeyTest, LabelAndContextCannotBeShiftedIntoOneAnother) {
  const SpoolKey key = TestSpoolKey();
  std::string sealed;
  SpoolCipher cipher = Cipher(key, "ab", "c");
  ASSERT_OK(cipher.Seal(1, "", "x", sealed));
  EXPECT_THAT(Cipher(key, "a", "bc").Open(1, "", sealed), StatusIs(kLoss));
}

TEST(SpoolWorldTest, TheMachineHasTimeRandomnessAndUuids) {
  const SpoolWorld world = SpoolWorld::Machine();
  EXPECT_GT(world.wall_us(), 1'700'000'000'000'000u);
  EXPECT_LE(world.monotonic_us(), world.monotonic_us());
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(UuidOf(world.random_bytes(16)));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(UuidOf(std::string(16, '\xff')), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_EQ(UuidOf(std::string(16, '\0')), "00000000-0000-4000-8000-000000000000");
}

TEST(SpoolStateTest, IsReadAsItWasWrittenAndNotOtherwise) {
  const SpoolKey key = TestSpoolKey();
  const SpoolState state{7, 41, 3, "ehr-1", "a note\n"};
  const std::string bytes = EncodeSpoolState(key, state, std::string(16, 's')).value();
  EXPECT_EQ(bytes.substr(0, 17), "\x02" + std::string(16, 's'));
  const SpoolState back = ParseSpoolState(key, bytes).value();
  EXPECT_EQ(back.epoch, 7u);
  EXPECT_EQ(back.acknowledged, 41u);
  EXPECT_EQ(back.newest_file, 3u);
  EXPECT_EQ(back.stream, "ehr-1");
  EXPECT_EQ(back.head, "a note\n");
  EXPECT_THAT(ParseSpoolState(TestSpoolKey('l'), bytes), StatusIs(kLoss));
  EXPECT_THAT(ParseSpoolState(key, bytes + "x"), StatusIs(kLoss));
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_THAT(ParseSpoolState(key, bytes.substr(0, i)), StatusIs(kLoss)) << i;
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      EXPECT_THAT(ParseSpoolState(key, flipped), StatusIs(kLoss)) << i;
    }
  }
}

TEST(SpoolStateTest, FieldsUnderTheTagAreReadStrictly) {
  const SpoolKey key = TestSpoolKey();
  const std::string salt(16, 's');
  const auto sealed = [&](const std::string& fields) {
    std::string out = "\x02" + salt;
    const std::string begin = out;
    SpoolCipher cipher = Cipher(key, "auditledger/spool-state/v1", salt);
    EXPECT_OK(cipher.Seal(0, begin, fields, out));
    return out;
  };
  const std::string numbers = std::string(24, '\0') + std::string("\0\0\0\1s", 5);
  EXPECT_OK(ParseSpoolState(key, sealed(numbers + std::string("\0\0\0\1h", 5))));
  EXPECT_THAT(ParseSpoolState(key, sealed(numbers + std::string("\0\0\0\1hh", 6))),
              StatusIs(kLoss, HasSubstr("trailing")));
  EXPECT_THAT(ParseSpoolState(key, sealed(numbers + std::string("\0\0\0\2h", 5))), StatusIs(kLoss));
  EXPECT_THAT(ParseSpoolState(key, sealed(numbers)), StatusIs(kLoss));
  for (size_t cut = 0; cut < numbers.size(); ++cut) {
    EXPECT_THAT(ParseSpoolState(key, sealed(numbers.substr(0, cut))), StatusIs(kLoss)) << cut;
  }
}

TEST(SpoolStateTest, AHeadThatIsTooLargeIsRefused) {
  const SpoolKey key = TestSpoolKey();
  const std::string salt(16, 's');
  const size_t rest = 1 + 16 + 3 * 8 + 4 + 4 + kSpoolTagBytes;
  SpoolState state{1, 1, 1, "", std::string(kMaxSpoolStateBytes - rest, 'h')};
  EXPECT_OK(EncodeSpoolState(key, state, salt));
  state.head.push_back('h');
  EXPECT_THAT(EncodeSpoolState(key, state, salt), StatusIs(kInvalid));
}

}  // namespace
}  // namespace auditledger
