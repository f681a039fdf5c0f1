#include "verifier/witnesses.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/cosignature.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"
#include "verifier/heads.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kTime = 1'700'000'000;

// A log with five witnesses, and policies over them.
class WitnessesTest : public ::testing::Test {
 protected:
  WitnessesTest() {
    log_.AddEvents(40);
    for (uint8_t w = 1; w <= 5; ++w) {
      keys_.push_back(*NoteVerifier::FromEd25519(absl::StrCat("witness.test/", w),
                                                 testing::TestPublicKey(100 + w),
                                                 kNoteEd25519Cosignature));
    }
  }
  NoteSignature Line(uint8_t w, absl::string_view text) {
    return *MakeCosignature(keys_[w - 1], kTime,
                            testing::TestSignature(100 + w, CosignatureMessage(kTime, text)));
  }
  std::string Cosigned(const std::string& note, uint8_t count) {
    Note parsed = *ParseNote(note);
    for (uint8_t w = 1; w <= count; ++w) parsed.signatures.push_back(Line(w, parsed.text));
    return FormatNote(parsed);
  }
  // "4" of the five, or "none".
  Pin PinWith(const std::string& threshold, bool allow_weak = false) {
    std::string text;
    std::string names;
    for (size_t w = 1; w <= keys_.size(); ++w) {
      absl::StrAppend(&text, "witness w", w, " ", keys_[w - 1].ToVkey(), "\n");
      absl::StrAppend(&names, " w", w);
    }
    absl::StrAppend(&text, "group all ", threshold == "none" ? "1" : threshold, names, "\nquorum ",
                    threshold == "none" ? "none" : "all", "\n");
    Pin pin{log_.origin(), log_.verifier()};
    EXPECT_OK(AddPolicy(*Policy::Parse(text), allow_weak, pin));
    return pin;
  }
  Verdict Check(const std::string& note, const Pin& pin) {
    return VerifyHead({note, std::nullopt}, pin, History());
  }

  testing::TestLog log_;
  std::vector<NoteVerifier> keys_;
};

TEST_F(WitnessesTest, AQuorumMakesAHeadWitnessed) {
  const Verdict verdict = Check(Cosigned(log_.CheckpointAt(40), 4), PinWith("4"));
  EXPECT_EQ(verdict.outcome, Outcome::kVerified) << VerdictText(verdict);
  EXPECT_EQ(verdict.ExitCode(), 0);
  EXPECT_EQ(verdict.Name(), "verified");
  EXPECT_EQ(verdict.witnesses->survives, 2);
  ASSERT_EQ(verdict.witnesses->by.size(), 4u);
  EXPECT_EQ(verdict.witnesses->by[3].name, "w4");
  EXPECT_EQ(verdict.witnesses->by[3].time, "2023-11-14T22:13:20.000000Z");
  EXPECT_THAT(absl::StrJoin(verdict.not_proven, "\n"),
              HasSubstr("should 3 of the policy's witnesses be dishonest together"));
}

TEST(CosignatureAge, IsSaidInTheUnitThatFits) {
  constexpr uint64_t kHour = 3600;
  EXPECT_EQ(AgeText(kTime, kTime), "0 minutes ago");
  EXPECT_EQ(AgeText(kTime, kTime + 2 * kHour - 1), "119 minutes ago");
  EXPECT_EQ(AgeText(kTime, kTime + 2 * kHour), "2 hours ago");
  EXPECT_EQ(AgeText(kTime, kTime + 48 * kHour - 1), "47 hours ago");
  EXPECT_EQ(AgeText(kTime, kTime + 48 * kHour), "2 days ago");
  EXPECT_EQ(AgeText(kTime + 1, kTime), "ahead of this machine's clock");
}

TEST_F(WitnessesTest, TheNewestCosignatureDatesTheHead) {
  Note note = *ParseNote(Cosigned(log_.CheckpointAt(40), 3));
  note.signatures.push_back(
      *MakeCosignature(keys_[3], kTime + 60,
                       testing::TestSignature(104, CosignatureMessage(kTime + 60, note.text))));
  const Verdict verdict = Check(FormatNote(note), PinWith("4"));
  EXPECT_EQ(verdict.ExitCode(), 0) << VerdictText(verdict);
  EXPECT_THAT(absl::StrJoin(verdict.not_proven, "\n"),
              HasSubstr("cosignatures says 2023-11-14T22:14:20.000000Z, "));
}

TEST_F(WitnessesTest, EachMissingWitnessIsNamed) {
  for (uint8_t count = 0; count < 4; ++count) {
    const Verdict verdict = Check(Cosigned(log_.CheckpointAt(40), count), PinWith("4"));
    EXPECT_EQ(verdict.outcome, Outcome::kRefused);
    const std::string reasons = absl::StrJoin(verdict.reasons, "\n");
    for (uint8_t w = 1; w <= 5; ++w) {
      const bool named =
          reasons.find(absl::StrCat("w", w, " has not cosigned")) != std::string::npos;
      EXPECT_EQ(named, w > count) << reasons;
    }
  }
}

TEST_F(WitnessesTest, WithoutAPolicyCosignaturesSayNothing) {
  const Verdict verdict =
      Check(Cosigned(log_.CheckpointAt(40), 5), Pin{log_.origin(), log_.verifier()});
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed);
  EXPECT_EQ(verdict.Name(), "verified, unwitnessed");
  EXPECT_FALSE(verdict.witnesses.has_value());
}

TEST_F(WitnessesTest, CosignaturesOfAnotherHeadDoNotCount) {
  Note note = *ParseNote(Cosigned(log_.CheckpointAt(40), 3));
  note.signatures.push_back(Line(4, ParseNote(log_.CheckpointAt(39))->text));
  const Verdict verdict = Check(FormatNote(note), PinWith("4"));
  EXPECT_EQ(verdict.outcome, Outcome::kRefused);
  EXPECT_THAT(absl::StrJoin(verdict.reasons, "\n"), HasSubstr("does not verify"));
  // Nor does one witness four times.
  Note repeated = *ParseNote(log_.CheckpointAt(40));
  for (int i = 0; i < 4; ++i) repeated.signatures.push_back(Line(1, repeated.text));
  EXPECT_EQ(Check(FormatNote(repeated), PinWith("4")).outcome, Outcome::kRefused);
}

TEST_F(WitnessesTest, WeakPoliciesAreForThoseWhoSaySo) {
  const std::string note = Cosigned(log_.CheckpointAt(40), 5);
  for (const char* threshold : {"1", "2", "3", "none"}) {
    const Verdict verdict = Check(note, PinWith(threshold));
    EXPECT_EQ(verdict.outcome, Outcome::kRefused) << threshold;
    EXPECT_THAT(absl::StrJoin(verdict.reasons, "\n"), HasSubstr("survives no dishonest witness"));
  }
  EXPECT_EQ(Check(note, PinWith("3", true)).ExitCode(), 0);
  const Verdict any = Check(note, PinWith("1", true));
  EXPECT_EQ(any.ExitCode(), 0);
  EXPECT_THAT(absl::StrJoin(any.not_proven, "\n"), HasSubstr("can share nobody"));
  // Asked for nobody, nobody has witnessed it.
  const Verdict none = Check(note, PinWith("none", true));
  EXPECT_EQ(none.ExitCode(), kExitUnwitnessed);
  EXPECT_THAT(absl::StrJoin(none.not_proven, "\n"), HasSubstr("no witness policy given"));
}

TEST_F(WitnessesTest, AnEarlierHeadNeedsNoWitnesses) {
  CheckpointInput input{Cosigned(log_.CheckpointAt(40), 4), log_.CheckpointAt(30)};
  History history;
  history.proofs.push_back(*ParseHeadProof(log_.UpdateFrom(30, 40)));
  EXPECT_EQ(VerifyHead(input, PinWith("4"), history).ExitCode(), 0);
  std::swap(input.text, *input.from);
  EXPECT_NE(VerifyHead(input, PinWith("4"), history).ExitCode(), 0);
}

// By their own dates: one moment may be that of two honest cosignatures in the order of sizes.
TEST_F(WitnessesTest, OnlyALaterCosignatureOfASmallerHeadGoesBack) {
  const auto cosigned_at = [&](uint64_t size, uint64_t time) {
    Note note = *ParseNote(log_.CheckpointAt(size));
    note.signatures.push_back(*MakeCosignature(
        keys_[0], time, testing::TestSignature(101, CosignatureMessage(time, note.text))));
    return FormatNote(note);
  };
  const auto gone_back = [&](uint64_t larger_at, uint64_t smaller_at) {
    return WitnessesGoneBack(cosigned_at(40, larger_at), cosigned_at(9, smaller_at), PinWith("4"));
  };
  EXPECT_THAT(gone_back(kTime, kTime + 1), ElementsAre("w1"));
  EXPECT_THAT(gone_back(kTime, kTime), IsEmpty());
  EXPECT_THAT(gone_back(kTime + 1, kTime), IsEmpty());
}

TEST_F(WitnessesTest, CosignersOfTwoHeadsAreNamed) {
  const std::string one = Cosigned(log_.CheckpointAt(40), 3);
  const std::string other = Cosigned(log_.CheckpointSaying(40, LeafHash("other")), 5);
  EXPECT_THAT(CosignersOfBoth(one, other, PinWith("4")), ElementsAre("w1", "w2", "w3"));
  EXPECT_THAT(CosignersOfBoth(one, log_.CheckpointAt(40), PinWith("4")), IsEmpty());
  EXPECT_THAT(CosignersOfBoth(one, other, Pin{log_.origin(), log_.verifier()}), IsEmpty());
}

TEST_F(WitnessesTest, APolicyMayPinItsLogs) {
  testing::TestLog::Options second;
  second.origin = "ledger.test/second";
  const std::string one = "log " + log_.verifier().ToVkey() + "\n";
  const std::string two =
      one + "log " + NoteVerifier::FromEd25519(second.origin, testing::TestPublicKey(2))->ToVkey() +
      "\n";
  const auto policy = [](const std::string& logs) {
    return *Policy::Parse(logs + "quorum none\n");
  };
  EXPECT_EQ(PinFromPolicy("", policy(one), false)->origin, log_.origin());
  EXPECT_EQ(PinFromPolicy(second.origin, policy(two), false)->origin, second.origin);
  EXPECT_TRUE(PinFromPolicy(second.origin, policy(two), true)->allow_weak_policy);
  for (const auto& [origin, logs] :
       std::vector<std::pair<std::string, std::string>>{{"", ""}, {"", two}, {"elsewhere", two}}) {
    EXPECT_THAT(PinFromPolicy(origin, policy(logs), false),
                testing::StatusIs(absl::StatusCode::kInvalidArgument));
  }
  Pin other{second.origin, *NoteVerifier::FromEd25519(second.origin, testing::TestPublicKey(3))};
  EXPECT_THAT(AddPolicy(policy(two), false, other),
              testing::StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(AddPolicy(policy(""), false, other));
}

}  // namespace
}  // namespace auditledger
