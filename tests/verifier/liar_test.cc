// Everything a verifier reads, served by an operator who holds the log's key and forks it: for all
// tree sizes up to 64 and every point to fork at, two histories are never both accepted by one who
// remembers, nor by two who compare, nor under a quorum of which f are honest; and nobody who was
// shown one history is told of a fork.
//
// Covers: verifier/heads, verifier/verify, verifier/witnesses
#include "tests/testing/liar.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "merkle/cosignature.h"
#include "merkle/tile.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "tests/testing/seed.h"
#include "tests/verifier/test_export.h"
#include "verifier/heads.h"
#include "verifier/log_audit.h"
#include "verifier/trust_store.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::Liar;
using testing::TempDir;
using testing::TestLog;
using testing::WriteFile;
using Kind = HeadRelation::Kind;

constexpr uint64_t kSize = 64;

class LiarTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // In memory where the machine has such a folder: what is kept here outlives nothing.
    if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
    liar_ = new Liar(kSize);
    for (uint64_t size = 1; size <= kSize; ++size) truths_[size] = Head(liar_->truth(), size);
  }
  static void TearDownTestSuite() { delete liar_; }
  static Checkpoint Head(TestLog& log, uint64_t size) { return Liar::HeadOf(log, size); }
  static Pin LogPin() { return Pin{liar_->truth().origin(), liar_->truth().verifier()}; }
  static std::string TruthNote(uint64_t size) { return liar_->truth().CheckpointAt(size); }
  static std::string Text(const Verdict& verdict) { return VerdictText(verdict); }

  static Liar* liar_;
  static std::array<Checkpoint, kSize + 1> truths_;
};
Liar* LiarTest::liar_ = nullptr;
std::array<Checkpoint, kSize + 1> LiarTest::truths_;

// 2,016 forks, 64 sizes remembered, some twenty proofs each.
TEST_F(LiarTest, NoProofLinksAForkToTheHeadRemembered) {
  uint64_t tried = 0;
  for (uint64_t point = 0; point < kSize; ++point) {
    for (uint64_t size = point + 1; size <= kSize; ++size) {
      const Checkpoint forked = Head(liar_->fork(point), size);
      for (uint64_t known = 1; known <= kSize; ++known) {
        const bool grows = size >= known;
        const auto lies = liar_->Lies(point, std::min(known, size), std::max(known, size), !grows);
        History history;
        for (const std::vector<Hash>& lie : lies) {
          history.proofs.push_back({std::min(known, size), std::max(known, size), {}, lie});
          ++tried;
        }
        const Kind kind = RelateHeads(truths_[known], forked, history).kind;
        if (known == size) {
          ASSERT_EQ(kind, Kind::kFork) << point << " " << size;
        } else if (std::min(known, size) > point) {
          ASSERT_EQ(kind, Kind::kBadProof) << point << " " << known << " " << size;
        } else {
          // The smaller head lies before the fork: it is of both histories, and nothing is amiss.
          ASSERT_EQ(kind, grows ? Kind::kExtends : Kind::kExtendedBy) << point << " " << known;
        }
      }
    }
  }
  EXPECT_GT(tried, 1'000'000u);
}

// Under one head only that history's own entry is accepted, whatever path is put together.
TEST_F(LiarTest, NoPathBringsAnEntryUnderTheOtherHistorysHead) {
  for (uint64_t point = 0; point < kSize; ++point) {
    TestLog& fork = liar_->fork(point);
    for (uint64_t size = point + 1; size <= kSize; ++size) {
      const Hash root = fork.RootAt(size);
      for (uint64_t index = point; index < size; ++index) {
        const Hash truth = LeafHash(liar_->truth().leaves()[index]);
        const Hash forked = LeafHash(fork.leaves()[index]);
        ASSERT_NE(truth, forked);
        bool own = false;
        for (const std::vector<Hash>& path : liar_->PathLies(point, index, size)) {
          ASSERT_FALSE(VerifyInclusion(index, size, truth, path, root).ok());
          ASSERT_FALSE(VerifyInclusion(index, size, forked, path, truths_[size].root).ok());
          own = own || VerifyInclusion(index, size, forked, path, root).ok();
        }
        ASSERT_TRUE(own) << "the honest path is among them";
      }
    }
  }
}

// The whole way, signatures and trust store included, of every fork: each size is remembered once,
// and no fork is ever taken into the store.
TEST_F(LiarTest, AVerifierThatRemembersRefusesEveryForkAndKeepsBothHeads) {
  TempDir dir;
  const TrustStore store = TrustStore::Open(dir.File("trust")).value();
  const Pin pin = LogPin();
  for (uint64_t size = 1; size <= kSize; ++size) {
    ASSERT_OK(store.Save(pin, liar_->truth().CheckpointAt(size)));
    for (uint64_t point = 0; point < size; ++point) {
      TestLog& fork = liar_->fork(point);
      History history;
      history.store = &store;
      const auto look = [&](const std::string& text) {
        return VerifyHead({text, {}}, pin, history);
      };
      const Verdict same = look(fork.CheckpointAt(size));
      ASSERT_EQ(same.ExitCode(), 1) << Text(same);
      ASSERT_THAT(same.reasons.front(), HasSubstr("FORK: "));
      ASSERT_EQ(same.evidence.size(), 1u);
      if (size > 1) {
        const Verdict smaller = look(fork.CheckpointAt(size - 1));
        ASSERT_EQ(smaller.ExitCode(), 1);
        ASSERT_THAT(smaller.reasons.front(), HasSubstr("ROLLBACK: "));
      }
      if (size < kSize) {
        const Verdict larger = look(
            Liar::Body(size, liar_->Lies(point, size, size + 1)[1], fork.CheckpointAt(size + 1)));
        ASSERT_EQ(larger.ExitCode(), 1) << Text(larger);
        ASSERT_THAT(larger.reasons.front(), HasSubstr("does not verify"));
        const Verdict alone = look(fork.CheckpointAt(size + 1));
        ASSERT_EQ(alone.ExitCode(), 2) << Text(alone);
      }
    }
    ASSERT_EQ(store.Load(pin).value()->note, liar_->truth().CheckpointAt(size));
  }
}

// The fork's own tiles, whole, behind the larger head: then the head itself names another past.
TEST_F(LiarTest, TheForksTilesProveIt) {
  TempDir dir;
  const std::string tile = dir.File("") + TilePath({0, 0}, kSize);
  for (uint64_t point = 0; point < kSize; ++point) {
    TestLog& fork = liar_->fork(point);
    const Checkpoint head = Head(fork, kSize);
    History history;
    history.log_dir = dir.path();
    WriteFile(tile, Liar::Tile(fork, kSize));
    for (uint64_t known = 1; known < kSize; ++known) {
      const HeadRelation relation = RelateHeads(truths_[known], head, history);
      ASSERT_EQ(relation.kind, known > point ? Kind::kFork : Kind::kExtends) << point;
    }
    // Tiles of the truth under the fork's head prove nothing and accuse nobody.
    WriteFile(tile, Liar::Tile(liar_->truth(), kSize));
    for (uint64_t known = 1; known < kSize; ++known) {
      const HeadRelation relation = RelateHeads(truths_[known], head, history);
      ASSERT_EQ(relation.kind, Kind::kUnproven) << point;
    }
  }
}

// Two verifiers, each content with what it was shown, compare: `consistency` on both heads, and
// what they then hold is evidence for a third.
TEST_F(LiarTest, TwoVerifiersWhoCompareProveTheForkToAThird) {
  const Pin pin = LogPin();
  for (uint64_t point = 0; point < kSize; ++point) {
    TestLog& fork = liar_->fork(point);
    for (uint64_t size = point + 1; size <= kSize; ++size) {
      const std::string theirs = fork.CheckpointAt(size);
      const Verdict same = VerifyTwoHeads({TruthNote(size), theirs, {}}, pin);
      ASSERT_EQ(same.ExitCode(), 1);
      ASSERT_THAT(same.reasons.front(), HasSubstr("FORK: "));
      const uint64_t between = point + 1 + (size - point - 1) / 2;
      for (const uint64_t known : {between, size}) {
        const absl::StatusOr<std::string> judged =
            CheckEvidence(liar_->EvidenceOf(point, known, size), {pin.origin, pin.key});
        ASSERT_OK(judged);
        ASSERT_THAT(*judged, HasSubstr("FORK: "));
      }
      if (point == 0 || size < kSize) continue;
      // Of one history there is nothing to prove.
      const Evidence none = liar_->EvidenceOf(point, point, size);
      ASSERT_FALSE(CheckEvidence(none, {pin.origin, pin.key}).ok());
    }
  }
}

// The one lie that the log alone does not show: that it is another year.
TEST_F(LiarTest, TimesThatRiseAreBelievedAndTheVerdictSaysWhoseTheyAre) {
  TempDir dir;
  TestLog::Options options;
  options.first_us = 1'000'000;
  TestLog backdated(options);
  backdated.AddEvents(20);
  testing::ExportLog(backdated, dir.path());
  LogInput input;
  input.dir = dir.path();
  const Verdict verdict = VerifyLog(input, LogPin(), History());
  EXPECT_EQ(verdict.outcome, Outcome::kVerified) << Text(verdict);
  EXPECT_THAT(absl::StrJoin(verdict.not_proven, "\n"),
              HasSubstr("that recorded times are true: they are the ledger's claim"));
}

// Five witnesses, four asked for, f = 2 bribed: whichever history the liar shows to whichever of
// the honest three, at most one head of each pair meets the quorum. One more bribed, and both do.
class LiarQuorumTest : public LiarTest {
 protected:
  static constexpr size_t kWitnesses = 5;
  static constexpr uint64_t kTime = 1'700'000'000;

  LiarQuorumTest() {
    std::string text, names;
    for (size_t w = 0; w < kWitnesses; ++w) {
      keys_.push_back(*NoteVerifier::FromEd25519(absl::StrCat("witness.test/", w), PublicKey(w),
                                                 kNoteEd25519Cosignature));
      absl::StrAppend(&text, "witness w", w, " ", keys_[w].ToVkey(), "\n");
      absl::StrAppend(&names, " w", w);
    }
    pin_ = LogPin();
    EXPECT_OK(AddPolicy(*Policy::Parse(absl::StrCat(text, "group all 4", names, "\nquorum all\n")),
                        false, *pin_));
  }
  static uint8_t Seed(size_t w) { return static_cast<uint8_t>(100 + w); }
  static std::string PublicKey(size_t w) { return testing::TestPublicKey(Seed(w)); }
  // The head with the lines of the witnesses of `mask`.
  std::string Cosigned(const std::string& note, unsigned mask) const {
    Note out = *ParseNote(note);
    for (size_t w = 0; w < kWitnesses; ++w) {
      if ((mask >> w & 1) == 0) continue;
      out.signatures.push_back(*MakeCosignature(
          keys_[w], kTime, testing::TestSignature(Seed(w), CosignatureMessage(kTime, out.text))));
    }
    return FormatNote(out);
  }
  Verdict Check(const std::string& note) const { return VerifyHead({note, {}}, *pin_, History()); }

  std::vector<NoteVerifier> keys_;
  std::optional<Pin> pin_;
};

TEST_F(LiarQuorumTest, WithFBribedNoTwoHistoriesAreAccepted) {
  constexpr unsigned kBribed = 0b11000;
  constexpr unsigned kHonest = 0b00111;
  // Which honest ones are asked first about the truth; the others about the fork. None signs both:
  // tests/tools/witness/liar_test.cc holds the real witness to that, for all of these forks.
  for (unsigned told_truth = 0; told_truth <= kHonest; ++told_truth) {
    const uint64_t point = told_truth * 9;
    const Verdict truth = Check(Cosigned(TruthNote(kSize), kBribed | told_truth));
    const Verdict forked =
        Check(Cosigned(liar_->fork(point).CheckpointAt(kSize), kBribed | (kHonest & ~told_truth)));
    EXPECT_FALSE(truth.ExitCode() == 0 && forked.ExitCode() == 0) << told_truth;
    EXPECT_TRUE(truth.ExitCode() == 1 || forked.ExitCode() == 1);
    for (const Verdict* verdict : {&truth, &forked}) {
      if (verdict->ExitCode() == 0) continue;
      EXPECT_THAT(absl::StrJoin(verdict->reasons, "\n"), HasSubstr("quorum not met"));
    }
  }
}

TEST_F(LiarQuorumTest, EveryForkFailsTheQuorumOfThoseWhoSawTheTruth) {
  for (uint64_t point = 0; point < kSize; ++point) {
    for (const uint64_t size : {point + 1, (point + 1 + kSize) / 2, kSize}) {
      const Verdict forked = Check(Cosigned(liar_->fork(point).CheckpointAt(size), 0b11001));
      ASSERT_EQ(forked.ExitCode(), 1) << point << " " << size;
    }
  }
}

// The honest answer of the promise: more than f, and two who do not compare are both content. Who
// holds both heads has the names of those who lied.
TEST_F(LiarQuorumTest, WithOneMoreBribedBothAreAcceptedAndTheLiarsAreNamed) {
  TempDir dir;
  const TrustStore store = TrustStore::Open(dir.File("trust")).value();
  const std::string truth = Cosigned(TruthNote(kSize), 0b11101);
  const std::string forked = Cosigned(liar_->fork(30).CheckpointAt(kSize), 0b11110);
  EXPECT_EQ(Check(truth).ExitCode(), 0);
  EXPECT_EQ(Check(forked).ExitCode(), 0);
  History history;
  history.store = &store;
  EXPECT_EQ(VerifyHead({truth, {}}, *pin_, history).ExitCode(), 0);
  const Verdict caught = VerifyHead({forked, {}}, *pin_, history);
  EXPECT_EQ(caught.ExitCode(), 1);
  EXPECT_THAT(absl::StrJoin(caught.reasons, "\n"),
              HasSubstr("DISHONEST: these witnesses cosigned both histories: w2, w3, w4"));
  EXPECT_EQ(caught.evidence.size(), 1u);
}

TEST_F(LiarQuorumTest, CosignaturesAreOfOneHeadAndOneLogAlone) {
  const std::string truth = Cosigned(TruthNote(kSize), 0b01111);
  // Taken over to another head, or to a log of another origin under the same key.
  const Note cosigned = *ParseNote(truth);
  TestLog::Options options;
  options.origin = "ledger.test/other";
  TestLog other(options);
  other.AddEvents(kSize - 1);
  for (std::string note :
       {liar_->fork(9).CheckpointAt(kSize), TruthNote(kSize - 1), other.CheckpointAt(kSize)}) {
    Note moved = *ParseNote(note);
    moved.signatures.insert(moved.signatures.end(), cosigned.signatures.begin() + 1,
                            cosigned.signatures.end());
    EXPECT_EQ(Check(FormatNote(moved)).ExitCode(), 1) << note;
  }
  // Stripped, they are missed.
  const Verdict stripped = Check(TruthNote(kSize));
  EXPECT_EQ(stripped.ExitCode(), 1);
  EXPECT_THAT(absl::StrJoin(stripped.reasons, "\n"), HasSubstr("w0 has not cosigned"));
}

}  // namespace
}  // namespace auditledger
