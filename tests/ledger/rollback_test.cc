// An older copy of the data in place of the newest: from a backup, a snapshot, or somebody who
// wants the last entries gone. Refused at start whatever its age. Rolled back together with the
// signer's memory it is whole and consistent in itself, and this machine alone cannot know.
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/checkpoint.h"
#include "tests/ledger/damage_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr int kCopies = 100;

class RollbackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(ledger.Create());
    for (int i = 0; i < kCopies; ++i) {
      ASSERT_OK(ledger.Open());
      sizes.push_back(ledger.ledger->head()->head.size);
      ledger.Close();
      Copy("data", "data", Older(i));
      Copy("state", "state", Older(i));
      ASSERT_OK(ledger.Open());
      std::vector<std::string> ids;
      for (int k = 0; k <= i % 3; ++k) ids.push_back(absl::StrCat("e", i, ".", k));
      ASSERT_OK(ledger.Append(ids).status());
    }
    newest = *ledger.ledger->head();
    ledger.Close();
    Copy("data", "data", "newest");
    Copy("state", "state", "newest");
  }
  static std::string Older(int i) { return absl::StrCat("older", i); }
  // `what` of the ledger to or, with `back`, from the folder `place`.
  void Copy(const std::string& what, const std::string& to, const std::string& place) {
    fs::create_directories(folder.path() + "/" + place);
    fs::copy(ledger.base() + "/" + what, folder.path() + "/" + place + "/" + to,
             fs::copy_options::recursive);
  }
  void PutBack(const std::string& what, const std::string& place) {
    ledger.Close();
    fs::remove_all(ledger.base() + "/" + what);
    fs::copy(folder.path() + "/" + place + "/" + what, ledger.base() + "/" + what,
             fs::copy_options::recursive);
  }

  FastFolder folder;
  DamageLedger ledger{folder.path() + "/ledger"};
  std::vector<uint64_t> sizes;
  PublishedHead newest;
};

TEST_F(RollbackTest, OfTheDataIsRefusedWithTheWayOut) {
  for (int i = 0; i < kCopies; ++i) {
    PutBack("data", Older(i));
    EXPECT_THAT(ledger.Open(),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("rollback"),
                               HasSubstr(absl::StrCat("has signed size ", newest.head.size)),
                               HasSubstr(absl::StrCat("the log here has size ", sizes[i])),
                               HasSubstr("restore a copy of the data folder"),
                               HasSubstr("start a successor ledger"))));
    // Trying again changes nothing.
    EXPECT_THAT(ledger.Open(), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  // The way out works: the newest copy serves, and so would any that is not older.
  PutBack("data", "newest");
  ASSERT_OK(ledger.Open());
  EXPECT_EQ(ledger.ledger->head()->checkpoint, newest.checkpoint);
}

// Somebody who can write both folders is not noticed here: the ledger opens, serves and would sign
// another history. That takes whoever remembers a head from outside: a witness, a receipt's holder,
// a verifier's trust store. (Under a witness policy such a start is refused: hold_test.cc, and
// tests/api/witnessing_test.cc.) What they need is a proof that the served head extends theirs, and
// the ledger cannot give one.
TEST_F(RollbackTest, OfTheSignersMemoryAsWellNeedsAWitnessToBeNoticed) {
  for (int i = 0; i < kCopies; i += 7) {
    PutBack("data", Older(i));
    PutBack("state", Older(i));
    ASSERT_OK(ledger.Open());
    EXPECT_EQ(ledger.ledger->status().state, LedgerState::kServing);
    const PublishedHead served = *ledger.ledger->head();
    EXPECT_EQ(served.head.size, sizes[i]);
    EXPECT_THAT(ledger.ledger->Consistency(served.head.size, newest.head.size),
                StatusIs(absl::StatusCode::kOutOfRange));
    ASSERT_OK_AND_ASSIGN(
        const SignedCheckpoint theirs,
        OpenCheckpoint(newest.checkpoint, kDamageOrigin, ledger.ledger->verifier()));
    EXPECT_GT(theirs.checkpoint.size, served.head.size);  // under the same key: evidence
  }
}

}  // namespace
}  // namespace auditledger::testing
