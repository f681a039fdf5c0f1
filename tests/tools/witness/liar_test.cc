// The real witness between a forking log and those who rely on it: for all sizes up to 64 and every
// point to fork at, whatever proof the log puts together, what it has cosigned stays one history.
//
// Covers: tools/witness
#include "tests/testing/liar.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "merkle/policy.h"
#include "merkle/proof.h"
#include "tests/testing/rotated_log.h"
#include "tests/tools/witness/fixture.h"

namespace auditledger::testing {
namespace {

constexpr uint64_t kSize = 64;

// Witnesses of the liar's log, each with a key and a state of its own.
class LiarWitnessTest : public ::testing::Test {
 protected:
  LiarWitnessTest() : liar(kSize) {}
  std::unique_ptr<Witness> MakeWitness(const std::string& name) {
    const std::string key = folder / (name + ".key"), state = folder / (name + ".state");
    absl::StatusOr<NoteVerifier> made =
        CreateWitness({"witness.example/" + name, key, state}, Random::System());
    EXPECT_OK(made);
    return OpenWitness(name);
  }
  std::unique_ptr<Witness> OpenWitness(const std::string& name) {
    return OpenWitness(name, {liar.truth().verifier()});
  }
  std::unique_ptr<Witness> OpenWitness(const std::string& name,
                                       const std::vector<NoteVerifier>& keys) {
    WitnessOptions options;
    options.key_file = folder / (name + ".key");
    options.state_dir = folder / (name + ".state");
    options.logs = {{liar.truth().origin(), keys}};
    options.clock = &clock;
    absl::StatusOr<std::unique_ptr<Witness>> opened = Witness::Open(std::move(options));
    EXPECT_OK(opened);
    return *std::move(opened);
  }
  // As an honest operator asks: from the size that the witness has, 0 without a proof.
  WitnessAnswer Ask(Witness& witness, TestLog& log, uint64_t size) {
    const uint64_t known = witness.Sizes().begin()->second;
    if (known == 0) return witness.AddCheckpoint(Liar::Body(0, {}, log.CheckpointAt(size)));
    return witness.AddCheckpoint(log.UpdateFrom(known, size));
  }

  MemoryForTempDirs memory;
  TempDir folder;
  FakeClock clock;
  Liar liar;
};

TEST_F(LiarWitnessTest, NoForkOfAnySizeIsCosignedBesideTheTruth) {
  const std::unique_ptr<Witness> witness = MakeWitness("w");
  uint64_t refused = 0;
  for (uint64_t known = 1; known <= kSize; ++known) {
    ASSERT_EQ(Ask(*witness, liar.truth(), known).status, 200);
    for (uint64_t point = 0; point < known; ++point) {
      TestLog& fork = liar.fork(point);
      for (const uint64_t size : {known, known + 1, kSize}) {
        if (size > kSize || (size == kSize && size > known + 1 && point % 8 != 0)) continue;
        const std::string note = fork.CheckpointAt(size);
        const auto lies = liar.Lies(point, known, size);
        // The fork's own proof, the truth's, none; the rest is verified without a signature each
        // in tests/verifier/liar_test.cc.
        for (size_t lie = 0; lie < std::min<size_t>(lies.size(), 3); ++lie) {
          const WitnessAnswer answer = witness->AddCheckpoint(Liar::Body(known, lies[lie], note));
          ASSERT_EQ(answer.status, 422) << known << " " << point << " " << size;
          ++refused;
        }
      }
      // Nor does it forget, asked as if it were new, or from a size that it is past.
      ASSERT_EQ(witness->AddCheckpoint(Liar::Body(0, {}, fork.CheckpointAt(known))).status, 409);
    }
    ASSERT_EQ(witness->Sizes().begin()->second, known);
  }
  EXPECT_GT(refused, 10'000u);
}

// Started anew between every two answers, it remembers from the disk.
TEST_F(LiarWitnessTest, AFreshProcessKnowsWhatTheLastOneCosigned) {
  std::unique_ptr<Witness> witness = MakeWitness("w");
  for (uint64_t known = 1; known <= kSize; ++known) {
    ASSERT_EQ(Ask(*witness, liar.truth(), known).status, 200);
    witness.reset();
    witness = OpenWitness("w");
    TestLog& fork = liar.fork(known - 1);
    ASSERT_EQ(Ask(*witness, fork, known).status, 422);
    ASSERT_EQ(witness->AddCheckpoint(Liar::Body(0, {}, fork.CheckpointAt(known))).status, 409);
  }
}

// Of five witnesses four are asked for and two are bribed, so that the liar needs two of the honest
// three for each history. It tells each of them whichever it likes first, in all eight ways, of
// every fork: those who were told the truth never cosign the fork, nor the reverse.
TEST_F(LiarWitnessTest, HoweverTheHonestAreDividedOneHistoryLacksItsQuorum) {
  constexpr size_t kHonest = 3;
  constexpr size_t kNeeded = 2;
  for (uint64_t point = 0; point < kSize; point += 9) {
    for (unsigned told_truth = 0; told_truth < 1u << kHonest; ++told_truth) {
      size_t of_truth = 0, of_fork = 0;
      for (size_t w = 0; w < kHonest; ++w) {
        const std::unique_ptr<Witness> witness =
            MakeWitness(absl::StrCat("p", point, "m", told_truth, "w", w));
        const bool truth_first = (told_truth >> w & 1) != 0;
        TestLog& first = truth_first ? liar.truth() : liar.fork(point);
        TestLog& second = truth_first ? liar.fork(point) : liar.truth();
        ASSERT_EQ(Ask(*witness, first, kSize).status, 200);
        ASSERT_EQ(Ask(*witness, second, kSize).status, 422);
        (truth_first ? of_truth : of_fork) += 1;
      }
      EXPECT_FALSE(of_truth >= kNeeded && of_fork >= kNeeded);
    }
  }
}

// The one attack on a witness that it cannot see itself: its state replaced by an older copy. The
// others of the quorum still refuse, so that f of them may be reset; and whoever holds the head
// that it cosigned before has both of its signatures.
TEST_F(LiarWitnessTest, ResetToAnOlderStateItCosignsASecondHistory) {
  std::unique_ptr<Witness> witness = MakeWitness("w");
  ASSERT_EQ(Ask(*witness, liar.truth(), 20).status, 200);
  const std::string state = folder / "w.state";
  std::filesystem::copy(state, folder / "copy", std::filesystem::copy_options::recursive);
  const WitnessAnswer of_truth = Ask(*witness, liar.truth(), kSize);
  ASSERT_EQ(of_truth.status, 200);
  const NoteVerifier key = witness->verifier();
  witness.reset();
  std::filesystem::remove_all(state);
  std::filesystem::copy(folder / "copy", state, std::filesystem::copy_options::recursive);
  witness = OpenWitness("w");
  const WitnessAnswer of_fork = Ask(*witness, liar.fork(30), kSize);
  EXPECT_EQ(of_fork.status, 200) << "not noticed by the witness";
  // Both lines verify: two heads of one size with one witness's word on each.
  for (const auto& [log, answer] :
       {std::pair(&liar.truth(), &of_truth), {&liar.fork(30), &of_fork}}) {
    ASSERT_OK_AND_ASSIGN(const std::string note,
                         AddCosignatures(log->CheckpointAt(kSize), answer->body, {key}));
    EXPECT_THAT(*VerifyCosignatures(note, {key}), ::testing::SizeIs(1));
  }
}

// A witness sees no entries: which of a log's keys is retired, its operator says, by taking the
// line away. Until then who stole that key moves it, and the truth is refused.
TEST_F(LiarWitnessTest, AKeyIsRetiredWhenItsLineIsTakenAway) {
  const NoteVerifier old_key = liar.truth().verifier();
  const NoteVerifier next =
      *NoteVerifier::FromEd25519(old_key.name(), TestPublicKey(2), kNoteEd25519);
  MakeWitness("w");
  std::unique_ptr<Witness> witness = OpenWitness("w", {old_key, next});
  ASSERT_EQ(Ask(*witness, liar.truth(), 20).status, 200);
  const auto extend = [&](TestLog& log, uint8_t signer, uint64_t from, uint64_t to) {
    const std::vector<Hash> proof = ConsistencyProof(from, to, log).value();
    return witness->AddCheckpoint(Liar::Body(from, proof, CheckpointBy(signer, log, to))).status;
  };
  EXPECT_EQ(extend(liar.truth(), 9, 20, 30), 403) << "the key that a thief announces as the next";
  EXPECT_EQ(extend(liar.truth(), 2, 20, 30), 200) << "the true one";
  witness.reset();
  witness = OpenWitness("w", {next});
  EXPECT_EQ(extend(liar.fork(35), 1, 30, 40), 403) << "retired";
  witness.reset();
  witness = OpenWitness("w", {old_key, next});
  EXPECT_EQ(extend(liar.fork(35), 1, 30, 40), 200) << "not noticed";
  EXPECT_EQ(extend(liar.truth(), 2, 40, 50), 422);
}

// A witness whose state is gone does not start over.
TEST_F(LiarWitnessTest, WithItsStateGoneItCosignsNothing) {
  std::unique_ptr<Witness> witness = MakeWitness("w");
  ASSERT_EQ(Ask(*witness, liar.truth(), 20).status, 200);
  witness.reset();
  const std::string state = folder / "w.state";
  for (const auto& file : std::filesystem::directory_iterator(state)) {
    if (file.path().filename() != "witness.origins") std::filesystem::remove(file.path());
  }
  WitnessOptions options;
  options.key_file = folder / "w.key";
  options.state_dir = state;
  options.logs = {{liar.truth().origin(), {liar.truth().verifier()}}};
  options.clock = &clock;
  EXPECT_FALSE(Witness::Open(std::move(options)).ok());
}

}  // namespace
}  // namespace auditledger::testing
