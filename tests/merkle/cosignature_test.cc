#include "merkle/cosignature.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/checkpoint.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReadVectors;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TestPublicKey;
using ::auditledger::testing::TestSignature;
using ::auditledger::testing::VectorPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kTime = 1767139200;
constexpr char kText[] = "example.com/log\n1\n0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=\n";

NoteVerifier Witness(uint8_t seed) {
  return *NoteVerifier::FromEd25519(absl::StrCat("witness", seed), TestPublicKey(seed),
                                    kNoteEd25519Cosignature);
}
NoteSignature Line(uint8_t seed, uint64_t time = kTime, absl::string_view text = kText) {
  return *MakeCosignature(Witness(seed), time, TestSignature(seed, CosignatureMessage(time, text)));
}
// By the log, and these witnesses.
std::string Cosigned(const std::vector<uint8_t>& seeds) {
  const NoteVerifier log = *NoteVerifier::FromEd25519("example.com/log", TestPublicKey(99));
  Note note{kText, {{log.name(), log.key_id(), TestSignature(99, kText)}}};
  for (uint8_t seed : seeds) note.signatures.push_back(Line(seed));
  return FormatNote(note);
}

TEST(CosignatureTest, PublicVectorsVerifyAndAreMadeAgain) {
  REQUIRE_SHARED(VectorPath("cosignature/ed25519-cosignature-v1.json"));
  const auto file = ReadVectors("cosignature/ed25519-cosignature-v1.json");
  for (const auto& vector : file["vectors"]) {
    ASSERT_OK_AND_ASSIGN(const NoteVerifier key, NoteVerifier::Parse(std::string(vector["vkey"])));
    const std::string note = vector["cosigned_checkpoint"];
    EXPECT_THAT(*VerifyCosignatures(note, {key}),
                ElementsAre(Cosignature{0, file["timestamp"].get<uint64_t>()}));
    // The line again from its parts; the private keys are not ours to derive here.
    ASSERT_OK_AND_ASSIGN(const Note parsed, ParseNote(note));
    const NoteSignature& line = parsed.signatures.back();
    ASSERT_OK_AND_ASSIGN(const NoteSignature made,
                         MakeCosignature(key, file["timestamp"], line.signature.substr(8)));
    EXPECT_EQ(made, line);
    // And as a witness would answer it.
    EXPECT_EQ(*AddCosignatures(note, FormatNoteSignature(line), {key}), note);
  }
  const std::string example = file["signed_message_example"];
  EXPECT_EQ(CosignatureMessage(kTime, example.substr(example.find('\n', 20) + 1)), example);
}

TEST(CosignatureTest, MlDsaLinesCountForNothing) {
  REQUIRE_SHARED(VectorPath("cosignature/ml-dsa-44-checkpoint.json"));
  const auto vector = ReadVectors("cosignature/ml-dsa-44-checkpoint.json");
  ASSERT_OK_AND_ASSIGN(const NoteVerifier key, NoteVerifier::Parse(std::string(vector["vkey"])));
  const std::string note = vector["checkpoint"];
  EXPECT_THAT(*VerifyCosignatures(note, {key}), IsEmpty());
  EXPECT_THAT(*VerifyCosignatures(note, {key, Witness(1)}), IsEmpty());
}

TEST(CosignatureTest, EachWitnessCountsOnce) {
  const std::vector<NoteVerifier> keys = {Witness(1), Witness(2), Witness(3)};
  EXPECT_THAT(*VerifyCosignatures(Cosigned({}), keys), IsEmpty());
  EXPECT_THAT(*VerifyCosignatures(Cosigned({3, 1, 4}), keys),
              ElementsAre(Cosignature{0, kTime}, Cosignature{2, kTime}));
  const std::string twice = Cosigned({2, 2}) + FormatNoteSignature(Line(2, kTime + 1));
  EXPECT_THAT(*VerifyCosignatures(twice, keys), ElementsAre(Cosignature{1, kTime}));
  EXPECT_THAT(CosigningKeys({{2, kTime}, {0, 1}}), ElementsAre(2, 0));
}

TEST(CosignatureTest, AWrongLineOfAKnownWitnessRefusesTheNote) {
  const std::string good = Cosigned({1});
  const NoteSignature other_text = Line(2, kTime, "example.com/log\n0\n");
  NoteSignature other_time = Line(2);
  other_time.signature[7] ^= 1;
  NoteSignature shorter = Line(2);
  shorter.signature.pop_back();
  for (const NoteSignature& line : {other_text, other_time, shorter}) {
    const std::string note = good + FormatNoteSignature(line);
    EXPECT_THAT(VerifyCosignatures(note, {Witness(1), Witness(2)}),
                StatusIs(StatusCode::kDataLoss));
    EXPECT_OK(VerifyCosignatures(note, {Witness(1)}));
    EXPECT_THAT(AddCosignatures(good, FormatNoteSignature(line), {Witness(2)}),
                StatusIs(StatusCode::kDataLoss));
  }
  EXPECT_THAT(VerifyCosignatures("no note", {Witness(1)}), StatusIs(StatusCode::kInvalidArgument));
}

// tlog-witness: the time must not be left out.
TEST(CosignatureTest, ACosignatureWithoutTimeIsNone) {
  NoteSignature line = Line(1);
  line.signature = std::string(8, '\0') + TestSignature(1, CosignatureMessage(0, kText));
  EXPECT_THAT(VerifyCosignatures(Cosigned({}) + FormatNoteSignature(line), {Witness(1)}),
              StatusIs(StatusCode::kDataLoss, HasSubstr("no time")));
  EXPECT_THAT(AddCosignatures(Cosigned({}), FormatNoteSignature(line), {Witness(1)}),
              StatusIs(StatusCode::kDataLoss, HasSubstr("no time")));
}

TEST(CosignatureTest, OnlyWitnessKeysAreAsked) {
  const NoteVerifier log = *NoteVerifier::FromEd25519("example.com/log", TestPublicKey(99));
  EXPECT_THAT(VerifyCosignatures(Cosigned({}), {log}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyCosignatures(Cosigned({}), {Witness(1), Witness(1)}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("twice")));
  const std::string signature = TestSignature(99, CosignatureMessage(kTime, kText));
  EXPECT_THAT(MakeCosignature(log, kTime, signature), StatusIs(StatusCode::kInvalidArgument));
}

TEST(CosignatureTest, TimesAndLengthsHaveEdges) {
  constexpr uint64_t kLast = 0x7fff'ffff'ffff'ffff;
  const std::string signature(64, 's');
  EXPECT_OK(MakeCosignature(Witness(1), 1, signature));
  EXPECT_OK(MakeCosignature(Witness(1), kLast, signature));
  for (uint64_t time : {uint64_t{0}, kLast + 1}) {
    EXPECT_THAT(MakeCosignature(Witness(1), time, signature),
                StatusIs(StatusCode::kInvalidArgument));
  }
  for (size_t length : {0, 63, 65}) {
    EXPECT_THAT(MakeCosignature(Witness(1), kTime, std::string(length, 's')),
                StatusIs(StatusCode::kInvalidArgument));
  }
}

TEST(CosignatureTest, AnswersOfWitnessesAreAdded) {
  std::string note = Cosigned({});
  ASSERT_OK_AND_ASSIGN(note, AddCosignatures(note, FormatNoteSignature(Line(1)), {Witness(1)}));
  EXPECT_EQ(note, Cosigned({1}));
  // A second key of the witness's, which nobody asked for, is left out.
  const std::string two = FormatNoteSignature(Line(3)) + FormatNoteSignature(Line(2));
  ASSERT_OK_AND_ASSIGN(note, AddCosignatures(note, two, {Witness(2)}));
  EXPECT_EQ(note, Cosigned({1, 2}));
  // The witness answers again, later.
  const std::string later = FormatNoteSignature(Line(1, kTime + 5));
  EXPECT_EQ(*AddCosignatures(note, later, {Witness(1)}), note);
}

TEST(CosignatureTest, OtherAnswersAddNothing) {
  const std::string note = Cosigned({});
  const std::string line = FormatNoteSignature(Line(1));
  EXPECT_THAT(AddCosignatures(note, FormatNoteSignature(Line(2)), {Witness(1)}),
              StatusIs(StatusCode::kUnauthenticated));
  for (const std::string& body : {std::string(), std::string("\n"), "\n" + line, line + "\n",
                                  line.substr(0, line.size() - 1), "text\n" + line}) {
    EXPECT_THAT(AddCosignatures(note, body, {Witness(1)}), StatusIs(StatusCode::kInvalidArgument))
        << body;
  }
  // A line over another text must not come in as one over this one.
  const std::string longer = absl::StrCat(kText, "\nmore\n");
  const std::string smuggled =
      absl::StrCat("more\n\n", FormatNoteSignature(Line(1, kTime, longer)));
  EXPECT_THAT(AddCosignatures(note, smuggled, {Witness(1)}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("other than signature lines")));
}

}  // namespace
}  // namespace auditledger
