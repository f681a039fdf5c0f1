#include "ledger/state_markers.h"

#include <gtest/gtest.h>

#include <string>

#include "ledger/posix_file.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

class StateMarkers : public ::testing::Test {
 protected:
  std::string Marker() {
    return ReadWholeFile(dir_.path() + "/" + kSyncFailedMarker, 4096).value();
  }
  testing::TempDir dir_;
};

TEST_F(StateMarkers, AFailedSyncIsRememberedUntilTheMachineStartsAnew) {
  EXPECT_FALSE(SyncFailedThisBoot(dir_.path()));
  ASSERT_OK(WriteSyncFailedMarker(dir_.path()));
  EXPECT_EQ(Marker().size(), 37u) << "a boot id and LF";
  EXPECT_TRUE(SyncFailedThisBoot(dir_.path()));
  // What a machine that was started since finds: another boot's id.
  std::string other = Marker();
  other[0] = other[0] == '0' ? '1' : '0';
  ASSERT_OK(ReplaceFile(dir_.path() + "/" + kSyncFailedMarker, other));
  EXPECT_FALSE(SyncFailedThisBoot(dir_.path()));
}

TEST_F(StateMarkers, AMarkerThatCannotBeReadStands) {
  for (const std::string text : {"", "unknown\n", "something else entirely"}) {
    ASSERT_OK(ReplaceFile(dir_.path() + "/" + kSyncFailedMarker, text));
    EXPECT_TRUE(SyncFailedThisBoot(dir_.path())) << text;
  }
  ASSERT_OK(RemoveMarker(dir_.path(), kSyncFailedMarker));
  EXPECT_FALSE(SyncFailedThisBoot(dir_.path()));
}

TEST_F(StateMarkers, RepairsAreRememberedUntilAStartRecordsThem) {
  EXPECT_THAT(ReadRepairedMarker(dir_.path()), testing::StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(AddRepairedMarker(dir_.path(), "repair to size 3: leaves 1 [2]"));
  ASSERT_OK(AddRepairedMarker(dir_.path(), "repair to size 3: leaves 1 [2]")) << "cut short";
  ASSERT_OK(AddRepairedMarker(dir_.path(), "repair to size 4: leaves 0"));
  EXPECT_EQ(*ReadRepairedMarker(dir_.path()),
            "repair to size 3: leaves 1 [2]; repair to size 4: leaves 0");
  ASSERT_OK(ReplaceFile(dir_.path() + "/" + kRepairedMarker, "a\x01\xff\nb"));
  EXPECT_EQ(*ReadRepairedMarker(dir_.path()), "a??; b");
}

TEST_F(StateMarkers, OfManyRepairsTheFirstAreKept) {
  const std::string line(999, 'r');
  for (int i = 0; i < 9; ++i) {
    ASSERT_OK(AddRepairedMarker(dir_.path(), line + static_cast<char>('0' + i)));
  }
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadRepairedMarker(dir_.path()));
  EXPECT_LE(text.size(), kMaxRepairedBytes + 4);
  EXPECT_EQ(text.substr(0, 1000), line + "0");
}

}  // namespace
}  // namespace auditledger
