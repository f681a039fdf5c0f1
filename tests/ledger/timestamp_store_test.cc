#include "ledger/timestamp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ledger/posix_file.h"
#include "merkle/sha256.h"
#include "merkle/timestamp.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

StoredTimestamp Stamped(uint64_t size, const std::string& token) {
  return {TimestampFileStem(size, Sha256({token})), "note\n", token, ""};
}

TEST(TimestampStore, KeepsAHeadItsTokenAndLaterTheReceipt) {
  const TempDir dir;
  const TimestampStore store(dir / "timestamps");
  EXPECT_THAT(*store.List(), IsEmpty()) << "before there is a folder";
  const StoredTimestamp one = Stamped(7, "token");
  ASSERT_OK(store.Put(one));
  ASSERT_OK(store.Put(one)) << "as after a crash";
  ASSERT_OK_AND_ASSIGN(const StoredTimestamp pending, store.Read(one.stem));
  EXPECT_EQ(pending.checkpoint, "note\n");
  EXPECT_EQ(pending.token, "token");
  EXPECT_EQ(pending.receipt, "");
  ASSERT_OK(store.PutReceipt(one.stem, "receipt"));
  EXPECT_EQ(store.Read(one.stem)->receipt, "receipt");
  EXPECT_THAT(*store.List(), ElementsAre(one.stem));
}

TEST(TimestampStore, ListsWholeOnesBySize) {
  const TempDir dir;
  const TimestampStore store(dir / "timestamps");
  const StoredTimestamp large = Stamped(uint64_t{10'000'000'000'000}, "c");
  const StoredTimestamp small = Stamped(2, "b");
  const StoredTimestamp middle = Stamped(999'999'999'999, "a");
  for (const StoredTimestamp& one : {large, small, middle}) ASSERT_OK(store.Put(one));
  // Half of one, as a crash leaves it, and what is none.
  ASSERT_OK(CreateFile(dir / ("timestamps/" + Stamped(3, "d").stem + ".checkpoint"), "note\n"));
  ASSERT_OK(CreateFile(dir / "timestamps/notes.tst", "x"));
  EXPECT_THAT(*store.List(), ElementsAre(small.stem, middle.stem, large.stem));
}

TEST(TimestampStore, ATokenThatWasChangedIsNotReadAsTheOneItsNameSays) {
  const TempDir dir;
  const TimestampStore store(dir / "timestamps");
  const StoredTimestamp one = Stamped(7, "token");
  ASSERT_OK(store.Put(one));
  ASSERT_OK(ReplaceFile(dir / ("timestamps/" + one.stem + ".tst"), "Token"));
  EXPECT_THAT(store.Read(one.stem), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(TimestampStore, NamesThatLeaveTheFolderAreRefused) {
  const TempDir dir;
  EXPECT_THAT(TimestampStore(dir / "timestamps").Read("../log/CURRENT"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
