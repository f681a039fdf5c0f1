#include <gtest/gtest.h>

#include "ledger/key_files.h"
#include "ledger/key_rotation.h"
#include "ledger/posix_file.h"
#include "ledger/signer.h"
#include "ledger/signer_state.h"
#include "merkle/checkpoint.h"
#include "merkle/cose_receipt.h"
#include "merkle/ed25519_verify.h"
#include "merkle/key_chain.h"
#include "merkle/leaf.h"
#include "merkle/sha256.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::HasSubstr;

constexpr char kOrigin[] = "example.org/ledger";

// A log of two leaves, whose proof can be written down: 1 -> 2 is proven by the second leaf's hash.
const Hash kFirst = LeafHash("first");
const Hash kSecond = LeafHash("second");
const Head kOne{1, kFirst, 11};
const Head kTwo{2, NodeHash(kFirst, kSecond), 22};
const Head kFork{2, NodeHash(kFirst, LeafHash("fork")), 22};

class EmbeddedSignerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(CreateKeyFiles(dir_ / "keys", kOrigin, random_));
    options_ = {dir_ / "state", kOrigin, dir_ / "keys/log.key"};
  }
  void Make(const std::optional<Head>& adopted = std::nullopt) {
    ASSERT_OK(CreateSignerState(options_, adopted));
    Reopen();
  }
  void Reopen() {
    signer_.reset();
    ASSERT_OK_AND_ASSIGN(signer_, OpenEmbeddedSigner(options_));
  }

  TempDir dir_;
  FakeRandom random_{7};
  EmbeddedSignerOptions options_;
  std::unique_ptr<Signer> signer_;
};

// Whoever wrote both the file and the log: the key does not pass on what nobody could open.
TEST_F(EmbeddedSignerTest, DoesNotTakeOverByAChangeThatBothKeysDidNotSign) {
  Make();
  ASSERT_OK(signer_->Sign(kOne, {}));
  ASSERT_OK(PrepareKeyChange(dir_ / "keys", kOrigin, OldKey::kDestroy, random_));
  ASSERT_OK_AND_ASSIGN(std::optional<NextKey> next, LoadNextKey(dir_ / "keys"));
  const std::string before = signer_->verifier().ToVkey();
  for (const bool forged : {true, false}) {
    next->change.new_signature[5] ^= 1;  // and back
    ASSERT_OK(ReplaceFile(dir_ / "keys/next.change", FormatNextKey(*next).value()));
    Leaf leaf;
    leaf.kind = EntryKind::kKeyChange;
    leaf.recorded_at_us = 22;
    leaf.body = EncodeKeyChange(next->change).value();
    const std::string bytes = EncodeLeaf(leaf).value();
    const Head two{2, NodeHash(kFirst, LeafHash(bytes)), 22};
    const auto note = signer_->SignKeyChange(two, {{LeafHash(bytes)}}, bytes, {{kFirst}});
    EXPECT_EQ(note.ok(), !forged) << note.status();
    EXPECT_EQ(signer_->verifier().ToVkey() == before, forged);
  }
}

TEST_F(EmbeddedSignerTest, SignsACheckpointThatOpensWithItsVkey) {
  Make();
  EXPECT_EQ(signer_->LastSigned().value(), std::nullopt);
  ASSERT_OK_AND_ASSIGN(const std::string note, signer_->Sign(kOne, {}));
  ASSERT_OK_AND_ASSIGN(const SignedCheckpoint opened,
                       OpenCheckpoint(note, kOrigin, signer_->verifier()));
  EXPECT_EQ(opened.checkpoint, (Checkpoint{kOrigin, 1, kFirst, {}}));
  EXPECT_EQ(signer_->LastSigned().value(), kOne);
}

TEST_F(EmbeddedSignerTest, SameHeadHasTheSameBytesWithoutProofAndAfterARestart) {
  Make();
  const std::string first = signer_->Sign(kOne, {}).value();
  EXPECT_EQ(signer_->Sign(kOne, {}).value(), first);
  Reopen();
  EXPECT_EQ(signer_->LastSigned().value(), kOne);
  Head later = kOne;
  later.time_us = 99;  // no part of a checkpoint
  EXPECT_EQ(signer_->Sign(later, {}).value(), first);
}

TEST_F(EmbeddedSignerTest, SignsOnlyWhatProvablyExtends) {
  Make();
  ASSERT_OK(signer_->Sign(kOne, {}));
  const auto is_refused = StatusIs(absl::StatusCode::kFailedPrecondition,
                                   HasSubstr("does not extend the last one signed"));
  EXPECT_THAT(signer_->Sign(kTwo, {}), is_refused);
  EXPECT_THAT(signer_->Sign(kTwo, {kFirst}), is_refused);
  EXPECT_THAT(signer_->Sign(kFork, {kSecond}), is_refused);
  ASSERT_OK(signer_->Sign(kTwo, {kSecond}));
  EXPECT_THAT(signer_->Sign(kFork, {}), is_refused) << "same size, other root";
  EXPECT_THAT(signer_->Sign(kOne, {}), is_refused) << "smaller";
  EXPECT_EQ(signer_->LastSigned().value(), kTwo);
  EXPECT_OK(signer_->Sign(kTwo, {})) << "a refusal is no storage error and does not latch";
}

TEST_F(EmbeddedSignerTest, SignsForCoseReceiptsTheLastHeadSignedAlone) {
  Make();
  const auto is_refused =
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not the last one signed"));
  EXPECT_THAT(signer_->SignCoseHead(kOne), is_refused) << "nothing was signed yet";
  EXPECT_THAT(signer_->SignCoseHead({0, EmptyRoot(), 1}), is_refused);
  ASSERT_OK(signer_->Sign(kOne, {}));
  ASSERT_OK_AND_ASSIGN(const std::string signature, signer_->SignCoseHead(kOne));
  EXPECT_OK(VerifyEd25519(signer_->verifier().public_key(),
                          CoseSignedBytes(signer_->verifier(), kFirst), signature));
  EXPECT_EQ(signer_->SignCoseHead(kOne).value(), signature);
  EXPECT_THAT(signer_->SignCoseHead(kTwo), is_refused) << "a head that is not signed yet";
  ASSERT_OK(signer_->Sign(kTwo, {kSecond}));
  EXPECT_THAT(signer_->SignCoseHead(kFork), is_refused);
  EXPECT_THAT(signer_->SignCoseHead(kOne), is_refused) << "a head that is past";
  EXPECT_OK(signer_->SignCoseHead(kTwo));
}

TEST_F(EmbeddedSignerTest, AFirstHeadNeedsAnEmptyProof) {
  Make();
  EXPECT_THAT(signer_->Sign(kTwo, {kSecond}), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_OK(signer_->Sign(kTwo, {}));
}

TEST_F(EmbeddedSignerTest, AnOperatorCanAdoptAHead) {
  Make(kTwo);
  EXPECT_EQ(signer_->LastSigned().value(), kTwo);
  EXPECT_OK(signer_->Sign(kTwo, {}));
  EXPECT_THAT(signer_->Sign(kOne, {}), StatusIs(absl::StatusCode::kFailedPrecondition));
}

// Nobody has the leaves: a daemon that was taken over made them up, all the same, so that a tree of
// any size takes a few hashes.
TEST_F(EmbeddedSignerTest, OneSignatureGrowsALogByNoMoreThanItsLimit) {
  std::vector<Hash> powers = {kFirst};  // of 2^0, 2^1 ... leaves
  while (powers.size() < 63) powers.push_back(NodeHash(powers.back(), powers.back()));
  const auto is_refused = StatusIs(absl::StatusCode::kFailedPrecondition,
                                   HasSubstr("over the limit of 4294967296 entries a signature"));
  constexpr uint64_t kLimit = uint64_t{1} << 32;
  Make();
  EXPECT_THAT(signer_->Sign({kLimit + 1, NodeHash(powers[32], kFirst), 1}, {}), is_refused);
  ASSERT_OK(signer_->Sign(kOne, {}));
  // 1 -> n is proven by the way from the first leaf to the root.
  std::vector<Hash> proof(powers.begin(), powers.begin() + 62);
  EXPECT_THAT(signer_->Sign({uint64_t{1} << 62, powers[62], 2}, proof), is_refused);
  proof.assign(powers.begin(), powers.begin() + 32);
  proof.push_back(powers[1]);
  EXPECT_THAT(signer_->Sign({kLimit + 2, NodeHash(powers[32], powers[1]), 2}, proof), is_refused);
  EXPECT_EQ(signer_->LastSigned().value(), kOne);
  proof.back() = kFirst;
  EXPECT_OK(signer_->Sign({kLimit + 1, NodeHash(powers[32], kFirst), 2}, proof));
}

TEST_F(EmbeddedSignerTest, AHeadOfAnySizeIsAdoptedAndGoesOn) {
  Hash root = kFirst;
  for (int level = 0; level < 40; ++level) root = NodeHash(root, root);
  const uint64_t size = uint64_t{1} << 40;
  Make(Head{size, root, 0});
  EXPECT_OK(signer_->Sign({size + 1, NodeHash(root, kFirst), 1}, {kFirst}));
}

TEST_F(EmbeddedSignerTest, StateIsDurableBeforeTheSignatureLeaves) {
  Make();
  const FileFaults counted(FileOperation::kSync, "signer.state", 0);
  ASSERT_OK(signer_->Sign(kOne, {}));
  EXPECT_EQ(counted.seen(), 1u);
  ASSERT_OK(signer_->Sign(kOne, {}));
  EXPECT_EQ(counted.seen(), 1u) << "it is remembered already";
}

// After a failed sync and a restart the page cache may show a head that the disk does not have.
TEST_F(EmbeddedSignerTest, OpeningPutsTheHeadOnTheDiskOnceMore) {
  Make();
  ASSERT_OK(signer_->Sign(kOne, {}));
  signer_.reset();
  const std::string path = dir_ / "state/signer.state";
  const SignerState before = ParseSignerState(ReadWholeFile(path, 1 << 20).value()).value();
  {
    const FileFaults counted(FileOperation::kSync, "signer.state", 0);
    Reopen();
    EXPECT_EQ(counted.seen(), 1u);
  }
  const std::string bytes = ReadWholeFile(path, 1 << 20).value();
  for (const size_t slot : {size_t{0}, size_t{1}}) {
    ASSERT_OK_AND_ASSIGN(const SignerState state,
                         ParseSignerSlot(bytes.substr(slot * kSignerSlotBytes, kSignerSlotBytes)));
    EXPECT_EQ(state.head, kOne) << "each slot";
  }
  EXPECT_EQ(ParseSignerState(bytes)->sequence, before.sequence + 1);
  signer_.reset();
  const FileFaults faults(FileOperation::kSync, "signer.state", EIO);
  EXPECT_FALSE(OpenEmbeddedSigner(options_).ok()) << "not trusted unless the disk has it";
}

TEST_F(EmbeddedSignerTest, AnyErrorOfItsStorageLatchesIt) {
  for (const FileOperation operation : {FileOperation::kWrite, FileOperation::kSync}) {
    if (signer_ == nullptr) Make();
    Reopen();
    {
      const FileFaults faults(operation, "signer.state", EIO);
      EXPECT_FALSE(signer_->Sign(kOne, {}).ok());
    }
    EXPECT_EQ(signer_->SyncFailed(), operation == FileOperation::kSync);
    EXPECT_THAT(signer_->Sign(kOne, {}),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("has stopped")));
  }
}

TEST_F(EmbeddedSignerTest, MissingDamagedOrForeignStateIsNotReplaced) {
  EXPECT_THAT(OpenEmbeddedSigner(options_), StatusIs(absl::StatusCode::kNotFound));
  Make();
  signer_.reset();
  EXPECT_THAT(CreateSignerState(options_, kTwo), StatusIs(absl::StatusCode::kAlreadyExists));

  FakeRandom other_random(8);
  ASSERT_OK(CreateKeyFiles(dir_ / "others", kOrigin, other_random));
  EmbeddedSignerOptions other_key = options_;
  other_key.private_key_file = dir_ / "others/log.key";
  EXPECT_THAT(OpenEmbeddedSigner(other_key), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                      HasSubstr("another ledger or another key")));

  ASSERT_OK(ReplaceFile(dir_ / "state/signer.state", std::string(8192, '\0')));
  EXPECT_THAT(OpenEmbeddedSigner(options_), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace auditledger
