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

}  // namespace
}  // namespace auditledger
