// Covers: ledger/ledger_rotation
#include "ledger/wrap_rotation.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "ledger/fsck.h"
#include "ledger/posix_file.h"
#include "merkle/system_entries.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::Contains;
using testing::FakeRandom;
using testing::FileFaults;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;
using testing::TempDir;
using testing::TestLedger;

constexpr char kOrigin[] = "example.org/ledger";

TEST(WrapRotationText, HasOneForm) {
  const WrapRotationPlan plan{OldKey::kDestroy, 7};
  EXPECT_EQ(FormatWrapRotation(plan), "auditledger-wrap-rotation/v1 destroy 7\n");
  EXPECT_EQ(ParseWrapRotation(FormatWrapRotation(plan)).value(), plan);
  for (const char* wrong :
       {"", "auditledger-wrap-rotation/v1 destroy 7", "auditledger-wrap-rotation/v1 destroy 07\n",
        "auditledger-wrap-rotation/v1 destroy +7\n", "auditledger-wrap-rotation/v1 lose 7\n",
        "auditledger-wrap-rotation/v1 keep 65536\n", "auditledger-wrap-rotation/v1 keep  7\n",
        "auditledger-wrap-rotation/v2 keep 7\n"}) {
    EXPECT_THAT(ParseWrapRotation(wrong), StatusIs(absl::StatusCode::kDataLoss)) << wrong;
  }
}

// Key files and a key store without a ledger around them.
class WrapRotationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(CreateKeyFiles(keys_dir_, kOrigin, random_));
    Reopen();
    for (const uint64_t first : {uint64_t{0}, kSeedSlotsPerSegment}) {
      ASSERT_OK(store_->Put(first, {Secret(first), Secret(first + 1)}));
    }
  }
  static std::string Secret(uint64_t index) {
    std::string out = absl::StrCat("secret ", index);
    out.resize(32, '.');
    return out;
  }
  // As a start of the ledger does.
  void Reopen() {
    rotation_.reset();
    store_.reset();
    const LedgerKeys keys = LoadKeyFiles(keys_dir_, kOrigin).value();
    provider_ = NewFileKeyProvider(keys);
    ASSERT_OK_AND_ASSIGN(store_, SeedStore::Open(seeds_dir_, kOrigin, *provider_, random_));
    WrapRotationParts parts;
    parts.key_dir = keys_dir_;
    parts.origin = kOrigin;
    parts.keys = provider_.get();
    parts.seeds = store_.get();
    parts.random = &random_;
    parts.size = [this] { return size_; };
    rotation_ = std::make_unique<WrapRotation>(std::move(parts));
    ASSERT_OK(rotation_->Load());
  }
  absl::Status StepToTheEnd() {
    while (true) {
      const absl::StatusOr<bool> more = rotation_->Step();
      if (!more.ok() || !*more) return more.status();
    }
  }
  void ExpectSecrets() {
    for (const uint64_t first : {uint64_t{0}, kSeedSlotsPerSegment}) {
      EXPECT_EQ(store_->Get(first).value(), Secret(first));
      EXPECT_EQ(store_->Get(first + 1).value(), Secret(first + 1));
    }
  }
  std::vector<std::string> Files() { return ListDirectory(keys_dir_).value(); }

  TempDir dir_;
  const std::string keys_dir_ = dir_ / "keys";
  const std::string seeds_dir_ = dir_ / "seeds";
  uint64_t size_ = kSeedSlotsPerSegment + 2;
  FakeRandom random_{1};
  std::unique_ptr<FileKeyProvider> provider_;
  std::unique_ptr<SeedStore> store_;
  std::unique_ptr<WrapRotation> rotation_;
};

TEST_F(WrapRotationTest, WithoutOneThereIsNothingToDo) {
  EXPECT_EQ(rotation_->Step().value(), false);
  EXPECT_FALSE(rotation_->state().is_running);
  EXPECT_EQ(rotation_->state().key_id, 1);
  EXPECT_EQ(rotation_->state().segments, 2u);
}

TEST_F(WrapRotationTest, TheOldKeyIsKeptOrDestroyedOnceEverySecretIsUnderTheNew) {
  EXPECT_EQ(rotation_->Begin(OldKey::kKeep).value(), 2);
  EXPECT_THAT(rotation_->Begin(OldKey::kKeep),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("under way")));
  EXPECT_EQ(rotation_->state().key_id, 2) << "at once";
  ASSERT_OK(StepToTheEnd());
  EXPECT_FALSE(rotation_->state().is_running);
  EXPECT_THAT(Files(), Contains("retired-wrap-1.key"));
  EXPECT_THAT(Files(), Not(Contains("wrap-1.key")));
  EXPECT_THAT(Files(), Not(Contains("wrap-rotation")));
  ExpectSecrets();
  Reopen();
  ExpectSecrets();

  ASSERT_OK_AND_ASSIGN(const PosixFile old, PosixFile::Open(keys_dir_ + "/wrap-2.key", O_RDONLY));
  EXPECT_EQ(rotation_->Begin(OldKey::kDestroy).value(), 3);
  ASSERT_OK(StepToTheEnd());
  const std::string left = old.ReadExactly(0, old.Size().value()).value();
  EXPECT_EQ(left.find_first_not_of('\0'), std::string::npos);
  EXPECT_THAT(Files(), Not(Contains(HasSubstr("wrap-2"))));
  Reopen();
  ExpectSecrets();
}

TEST_F(WrapRotationTest, ARestartGoesOnWhereverItCame) {
  for (int steps = 0;; ++steps) {
    const uint16_t before = provider_->current_key_id();
    ASSERT_OK(rotation_->Begin(OldKey::kDestroy));
    bool more = true;
    for (int i = 0; i < steps && more; ++i) more = rotation_->Step().value();
    Reopen();
    EXPECT_EQ(rotation_->state().is_running, more);
    EXPECT_EQ(provider_->current_key_id(), before + 1);
    ExpectSecrets();
    ASSERT_OK(StepToTheEnd());
    ExpectSecrets();
    EXPECT_FALSE(provider_->WrappingKey(before).ok());
    if (!more) {
      EXPECT_GE(steps, 5) << "two passes over two segments, and their ends";
      break;
    }
  }
}

TEST_F(WrapRotationTest, AMissingSegmentKeepsTheOldKey) {
  size_ = 2 * kSeedSlotsPerSegment + 1;
  ASSERT_OK(rotation_->Begin(OldKey::kDestroy));
  EXPECT_THAT(StepToTheEnd(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("mounted")));
  EXPECT_THAT(Files(), Contains("wrap-1.key"));
  EXPECT_TRUE(rotation_->state().is_running);
}

// Wherever the machine says no, each secret is there after a start, and the rest is then done.
TEST_F(WrapRotationTest, EachFailingCallIsMadeGood) {
  for (const FileOperation operation :
       {FileOperation::kOpen, FileOperation::kRead, FileOperation::kWrite, FileOperation::kSync,
        FileOperation::kRename}) {
    for (uint64_t step = 0;; ++step) {
      absl::Status cut;
      {
        const FileFaults faults(operation, dir_.path(), EIO, step, 1);
        cut = rotation_->Begin(OldKey::kDestroy).status();
        if (cut.ok()) cut = StepToTheEnd();
      }
      Reopen();
      ExpectSecrets();
      if (!rotation_->state().is_running && !cut.ok()) {
        ASSERT_OK(rotation_->Begin(OldKey::kDestroy));
      }
      ASSERT_OK(StepToTheEnd());
      Reopen();
      ExpectSecrets();
      EXPECT_EQ(Files().size(), 5u) << "one wrapping key, and no marker";
      if (cut.ok()) break;
    }
  }
}

// ---- in a ledger ----

TEST(RotateWrappingKey, IsRecordedAndDoneWhileTheLedgerServes) {
  TestLedger t(TestLedger::Store::kLevelDb);
  ASSERT_OK(t.Create());
  for (int i = 0; i < 5; ++i) ASSERT_OK(t.AppendOne(absl::StrCat("e", i), "content"));
  ASSERT_OK(t.Erase({{2, 2}}));
  EXPECT_EQ(t.ledger->counters().wrapping_key_id, 1u);
  const uint64_t index = t.ledger->head()->head.size;
  ASSERT_OK_AND_ASSIGN(const uint16_t id, t.ledger->RotateWrappingKey(OldKey::kDestroy));
  EXPECT_EQ(id, 2);
  ASSERT_OK(t.AppendOne("after", "content"));
  ASSERT_OK_AND_ASSIGN(const StoredEntry entry, t.ledger->ReadEntry(index, false));
  const Leaf leaf = ParseLeaf(entry.leaf).value();
  EXPECT_EQ(ParseOperatorAction(leaf.body)->what, "rotate wrapping key 1, old one destroyed");
  // Its thread may be at any step: the next start goes on.
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->counters().wrapping_key_id, 2u);
  for (const uint64_t i : {1, 3, 4, 5}) {
    EXPECT_EQ(t.ledger->ReadEntry(i, true)->payload, StoredEntry::Payload::kPresent) << i;
  }
  EXPECT_EQ(t.ledger->ReadEntry(2, true)->payload, StoredEntry::Payload::kErased);
  t.Close();
  FsckOptions fsck;
  fsck.paths = t.options.paths;
  ASSERT_OK_AND_ASSIGN(const FsckReport report, Fsck(fsck));
  EXPECT_EQ(report.findings_total, 1u) << "no ledger.origin, and nothing else";
}

}  // namespace
}  // namespace auditledger
