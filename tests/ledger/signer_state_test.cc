#include "ledger/signer_state.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "merkle/sha256.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::HasSubstr;

SignerState StateAt(uint64_t sequence) {
  SignerState state;
  state.sequence = sequence;
  state.head = {sequence * 10, Sha256({std::to_string(sequence)}), 777};
  state.origin_hash = Sha256({"origin"});
  state.key_id = 0x01020304;
  return state;
}
const std::string kEmptySlot(kSignerSlotBytes, '\0');

TEST(SignerStateTest, SlotReadsBackAndHasTheLayoutOfTheHeader) {
  const std::string slot = EncodeSignerSlot(StateAt(3));
  EXPECT_EQ(slot.size(), kSignerSlotBytes);
  EXPECT_EQ(slot[0], 1);
  EXPECT_EQ(slot.substr(8, 8), std::string("\0\0\0\0\0\0\0\3", 8));
  EXPECT_EQ(slot.substr(24, 32), StateAt(3).head.root.view());
  EXPECT_EQ(slot.substr(96, 4), "\1\2\3\4");
  EXPECT_EQ(ParseSignerSlot(slot).value(), StateAt(3));
}

TEST(SignerStateTest, EveryFlippedByteOfASlotIsFoundAndTheOtherSlotCounts) {
  const std::string older = EncodeSignerSlot(StateAt(2));
  const std::string newer = EncodeSignerSlot(StateAt(3));
  for (size_t i = 0; i < kSignerSlotBytes; ++i) {
    std::string damaged = newer;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x5a);
    EXPECT_THAT(ParseSignerSlot(damaged), StatusIs(absl::StatusCode::kDataLoss)) << i;
    EXPECT_EQ(ParseSignerState(older + damaged).value(), StateAt(2)) << i;
    EXPECT_EQ(ParseSignerState(damaged + older).value(), StateAt(2)) << i;
  }
}

TEST(SignerStateTest, AWriteTornAtAnySectorLeavesTheOldHeadOrTheNewOne) {
  const std::string kept = EncodeSignerSlot(StateAt(2));
  for (const std::string& before : {kEmptySlot, EncodeSignerSlot(StateAt(1))}) {
    const std::string after = EncodeSignerSlot(StateAt(3));
    for (size_t cut = 0; cut <= kSignerSlotBytes; cut += 512) {
      const std::string front = after.substr(0, cut) + before.substr(cut);
      const std::string back = before.substr(0, cut) + after.substr(cut);
      for (const std::string& torn : {front, back}) {
        ASSERT_OK_AND_ASSIGN(const SignerState state, ParseSignerState(kept + torn));
        EXPECT_EQ(state, torn == after ? StateAt(3) : StateAt(2)) << cut;
      }
    }
  }
}

TEST(SignerStateTest, TwoBadSlotsAreDataLoss) {
  EXPECT_THAT(ParseSignerState(kEmptySlot + kEmptySlot), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseSignerState(""), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseSignerState(EncodeSignerSlot(StateAt(1))),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseSignerState(EncodeSignerSlot(StateAt(1)) + kEmptySlot + "x"),
              StatusIs(absl::StatusCode::kDataLoss));
}

class SignerStateFileTest : public ::testing::Test {
 protected:
  std::string Bytes() { return ReadWholeFile(path_, 1 << 20).value(); }
  TempDir dir_;
  const std::string state_dir_ = dir_ / "state";
  const std::string path_ = state_dir_ + "/signer.state";
};

TEST_F(SignerStateFileTest, WritesSlotsInTurnAndNeverTheNewerOne) {
  ASSERT_OK(SignerStateFile::Create(state_dir_, StateAt(1)));
  EXPECT_EQ(Bytes().size(), 2 * kSignerSlotBytes);
  for (uint64_t i = 2; i < 8; ++i) {
    ASSERT_OK_AND_ASSIGN(SignerStateFile file, SignerStateFile::Open(state_dir_));
    EXPECT_EQ(file.last(), StateAt(i - 1));
    const std::string before = Bytes();
    ASSERT_OK(file.Store(StateAt(i).head));
    const std::string after = Bytes();
    const size_t newer = (i - 1) % 2 * kSignerSlotBytes;
    EXPECT_EQ(after.substr(newer, kSignerSlotBytes), before.substr(newer, kSignerSlotBytes));
    EXPECT_EQ(after.substr(i % 2 * kSignerSlotBytes, kSignerSlotBytes),
              EncodeSignerSlot(StateAt(i)));
  }
}

TEST_F(SignerStateFileTest, IsMadeOnceHeldByOneAndNeverMadeUp) {
  EXPECT_THAT(SignerStateFile::Open(state_dir_), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(SignerStateFile::Create(state_dir_, StateAt(1)));
  EXPECT_THAT(SignerStateFile::Create(state_dir_, StateAt(1)),
              StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const SignerStateFile file, SignerStateFile::Open(state_dir_));
  EXPECT_THAT(SignerStateFile::Open(state_dir_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another signer")));
}

TEST_F(SignerStateFileTest, OtherLengthsAreDataLoss) {
  for (const size_t size :
       {size_t{0}, kSignerSlotBytes, 2 * kSignerSlotBytes - 1, 2 * kSignerSlotBytes + 1}) {
    ASSERT_OK(MakeDirectory(state_dir_));
    ASSERT_OK(ReplaceFile(path_, std::string(size, '\1')));
    EXPECT_THAT(SignerStateFile::Open(state_dir_), StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST_F(SignerStateFileTest, AFailedWriteOrSyncIsToldAndNotTakenOver) {
  ASSERT_OK(SignerStateFile::Create(state_dir_, StateAt(1)));
  ASSERT_OK_AND_ASSIGN(SignerStateFile file, SignerStateFile::Open(state_dir_));
  for (const FileOperation operation : {FileOperation::kWrite, FileOperation::kSync}) {
    const FileFaults faults(operation, path_, EIO);
    EXPECT_FALSE(file.Store(StateAt(2).head).ok());
    EXPECT_EQ(file.last(), StateAt(1));
  }
}

}  // namespace
}  // namespace auditledger
