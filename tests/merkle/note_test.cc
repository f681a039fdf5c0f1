// Covers: merkle/note_verifier
#include "merkle/note.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::BytesFromBase64;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

// Published in golang.org/x/mod's documentation; the private key is public too.
constexpr char kPeterVkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr char kText[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr char kPeterLine[] =
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
constexpr char kEnochVkey[] = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
constexpr char kEnochLine[] =
    "— EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/"
    "5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

NoteVerifier Key(absl::string_view vkey) { return NoteVerifier::Parse(vkey).value(); }

std::string PeterNote(absl::string_view lines = kPeterLine) {
  return absl::StrCat(kText, "\n", lines);
}

// A line by Peter's key with a signature of zeros.
std::string ForgedPeterLine() {
  return FormatNoteSignature({"PeterNeumann", 0xc74f20a3, std::string(64, '\0')});
}

TEST(NoteTest, EveryGoodVectorOpensAndFormatsBack) {
  REQUIRE_SHARED(testing::VectorPath("note/signed-note.json"));
  const auto vectors = testing::ReadVectors("note/signed-note.json");
  for (const auto& test : vectors["good"]) {
    const std::string text = test["note"];
    ASSERT_OK_AND_ASSIGN(const Note parsed, ParseNote(text));
    EXPECT_EQ(FormatNote(parsed), text);
    std::vector<NoteVerifier> keys;
    for (const std::string vkey : test["vkeys"]) {
      keys.push_back(Key(vkey));
      EXPECT_EQ(keys.back().ToVkey(), vkey);
    }
    ASSERT_OK_AND_ASSIGN(const VerifiedNote opened, OpenNote(text, keys));
    EXPECT_EQ(opened.verified.size(), keys.size());
    EXPECT_TRUE(opened.unknown.empty());
    // With one key alone the other lines are unknown and nothing else changes.
    ASSERT_OK_AND_ASSIGN(const VerifiedNote first, OpenNote(text, {keys[0]}));
    EXPECT_EQ(first.unknown.size(), keys.size() - 1);
  }
  EXPECT_GE(vectors["good"].size(), 4u);
}

TEST(NoteTest, EveryHostileVectorIsRefused) {
  REQUIRE_SHARED(testing::VectorPath("note/signed-note.json"));
  const auto vectors = testing::ReadVectors("note/signed-note.json");
  for (const auto& test : vectors["malformed"]) {
    EXPECT_THAT(OpenNote(BytesFromBase64(test["note_base64"]), {Key(kPeterVkey)}),
                StatusIs(StatusCode::kInvalidArgument))
        << test["why"];
  }
  for (const auto& test : vectors["known_key_bad_signature"]) {
    EXPECT_THAT(OpenNote(BytesFromBase64(test["note_base64"]), {Key(kPeterVkey)}),
                StatusIs(StatusCode::kDataLoss, HasSubstr("PeterNeumann")));
  }
  for (const auto& test : vectors["unverified"]) {
    EXPECT_THAT(OpenNote(test["note"].get<std::string>(), {Key(kPeterVkey)}),
                StatusIs(StatusCode::kUnauthenticated));
  }
  for (const auto& test : vectors["bad_vkeys"]) {
    EXPECT_THAT(NoteVerifier::Parse(test["vkey"].get<std::string>()),
                StatusIs(StatusCode::kInvalidArgument))
        << test["why"];
  }
  EXPECT_EQ(vectors["malformed"].size(), 8u);
  EXPECT_EQ(vectors["bad_vkeys"].size(), 2u);
}

TEST(NoteTest, OneBadLineOfAKnownKeyRefusesTheNote) {
  const std::vector<NoteVerifier> both = {Key(kPeterVkey), Key(kEnochVkey)};
  const std::string note = PeterNote(absl::StrCat(kEnochLine, ForgedPeterLine()));
  EXPECT_THAT(OpenNote(note, both), StatusIs(StatusCode::kDataLoss));
  ASSERT_OK_AND_ASSIGN(const VerifiedNote opened, OpenNote(note, {both[1]}));
  EXPECT_EQ(opened.unknown.size(), 1u);
  EXPECT_THAT(OpenNote(note, {}), StatusIs(StatusCode::kUnauthenticated));
}

TEST(NoteTest, OfOneKeysLinesTheFirstCounts) {
  ASSERT_OK_AND_ASSIGN(const VerifiedNote opened,
                       OpenNote(PeterNote(absl::StrCat(kPeterLine, kPeterLine, ForgedPeterLine())),
                                {Key(kPeterVkey)}));
  EXPECT_EQ(opened.verified.size(), 1u);
  EXPECT_TRUE(opened.unknown.empty());
  EXPECT_THAT(OpenNote(PeterNote(absl::StrCat(ForgedPeterLine(), kPeterLine)), {Key(kPeterVkey)}),
              StatusIs(StatusCode::kDataLoss));
}

TEST(NoteTest, RepeatsOfAnUnknownLineAreDroppedOtherLinesAreKept) {
  const std::string stranger = FormatNoteSignature({"stranger", 7, "abc"});
  const std::string other = FormatNoteSignature({"stranger", 7, "abd"});
  ASSERT_OK_AND_ASSIGN(
      const VerifiedNote opened,
      OpenNote(PeterNote(absl::StrCat(stranger, kPeterLine, other, stranger)), {Key(kPeterVkey)}));
  EXPECT_EQ(opened.unknown.size(), 2u);
}

TEST(NoteTest, ChangedTextDoesNotVerify) {
  const std::string note = PeterNote();
  for (size_t i = 0; i < sizeof(kText) - 1; ++i) {
    std::string changed = note;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(OpenNote(changed, {Key(kPeterVkey)}).ok()) << i;
  }
}

TEST(NoteTest, TextMayHoldEmptyLines) {
  const Note note{"a\n\nb\n\n", {{"name", 1, "s"}}};
  ASSERT_OK_AND_ASSIGN(const Note parsed, ParseNote(FormatNote(note)));
  EXPECT_EQ(parsed.text, note.text);
  EXPECT_EQ(parsed.signatures, note.signatures);
}

TEST(NoteTest, SignatureLinesAreStrict) {
  for (const char* line :
       {"— name\n", "— name \n", "—  AAAAAAE=\n", "- name AAAAAAE=\n", "—name AAAAAAE=\n",
        "— name AAAAAA==\n", "— name AAAAAAF=\n", "— name AAAAAAE\n", "— name AAAAAAE= \n",
        "— name  AAAAAAE=\n", "— na+me AAAAAAE=\n", "— na\xc2\xa0me AAAAAAE=\n",
        "— name AAAAAAE=\r\n", "— name AAAAAAE=\n\n", "— name AAAAAAE="}) {
    EXPECT_THAT(ParseNote(absl::StrCat("text\n\n", line)), StatusIs(StatusCode::kInvalidArgument))
        << line;
  }
  ASSERT_OK_AND_ASSIGN(const Note note, ParseNote("text\n\n— name AAAAAQI=\n"));
  EXPECT_EQ(note.signatures[0], (NoteSignature{"name", 1, "\x02"}));
}

TEST(NoteTest, LimitsAreSharp) {
  Note note{"text\n", std::vector<NoteSignature>(kMaxNoteSignatures, {"name", 1, "s"})};
  EXPECT_OK(ParseNote(FormatNote(note)));
  note.signatures.push_back({"name", 1, "s"});
  EXPECT_THAT(ParseNote(FormatNote(note)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("100")));

  note.signatures.resize(1);
  const size_t rest = FormatNote(note).size() - note.text.size();
  note.text = std::string(kMaxNoteBytes - rest - 1, 'x') + "\n";
  EXPECT_OK(ParseNote(FormatNote(note)));
  note.text = "x" + note.text;
  EXPECT_THAT(ParseNote(FormatNote(note)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("1000000")));
}

TEST(NoteTest, TextIsUtf8WithoutControlCharacters) {
  for (absl::string_view bad : std::vector<absl::string_view>{
           "\t", "\r", absl::string_view("\0", 1), "\x1f", "\xc0\xaf", "\xed\xa0\x80"}) {
    EXPECT_THAT(ParseNote(absl::StrCat("te", bad, "xt\n\n", kPeterLine)),
                StatusIs(StatusCode::kInvalidArgument));
  }
  EXPECT_OK(ParseNote(absl::StrCat("t\x7f\xc3\xa9\n\n", kPeterLine)));
}

TEST(NoteNameTest, Names) {
  for (const char* good : {"a", "example.com/log", "Ünïcode", "a-b_c", "\xf0\x9f\x8c\xb2"}) {
    EXPECT_TRUE(IsValidNoteName(good)) << good;
  }
  for (const char* bad : {"", " ", "a b", "a+b", "a\tb", "a\nb", "a\x01", "\xc2\x85", "\xc2\xa0",
                          "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x8a", "\xe2\x80\xa8",
                          "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80", "\xff", "a\xc2"}) {
    EXPECT_FALSE(IsValidNoteName(bad)) << ::testing::PrintToString(bad);
  }
}

// The rule in the vectors' file: every proper substring and every byte raised by one is refused.
TEST(VkeyTest, NothingNearAGoodKeyIsAccepted) {
  const std::string vkey = kPeterVkey;
  for (size_t begin = 0; begin < vkey.size(); ++begin) {
    for (size_t size = 0; size <= vkey.size() - begin; ++size) {
      if (size == vkey.size()) continue;
      EXPECT_FALSE(NoteVerifier::Parse(vkey.substr(begin, size)).ok()) << begin << " " << size;
    }
    std::string raised = vkey;
    ++raised[begin];
    EXPECT_FALSE(NoteVerifier::Parse(raised).ok()) << raised;
  }
  EXPECT_FALSE(NoteVerifier::Parse(absl::StrReplaceAll(vkey, {{"c74f20a3", "C74F20A3"}})).ok());
  EXPECT_FALSE(NoteVerifier::Parse(absl::StrReplaceAll(vkey, {{"c74f20a3", "0c74f20a3"}})).ok());
  EXPECT_FALSE(NoteVerifier::Parse(vkey + "\n").ok());
}

TEST(VkeyTest, FromARawKey) {
  const std::string raw = Key(kPeterVkey).public_key();
  ASSERT_OK_AND_ASSIGN(const NoteVerifier key, NoteVerifier::FromEd25519("PeterNeumann", raw));
  EXPECT_EQ(key.ToVkey(), kPeterVkey);
  EXPECT_EQ(key.key_id(), 0xc74f20a3u);
  const auto refused = StatusIs(StatusCode::kInvalidArgument);
  EXPECT_THAT(NoteVerifier::FromEd25519("a+b", raw), refused);
  EXPECT_THAT(NoteVerifier::FromEd25519("a", raw.substr(1)), refused);
  EXPECT_THAT(NoteVerifier::FromEd25519("a", raw, 0x02), refused);
  ASSERT_OK_AND_ASSIGN(const NoteVerifier cosigner,
                       NoteVerifier::FromEd25519("PeterNeumann", raw, kNoteEd25519Cosignature));
  EXPECT_NE(cosigner.key_id(), key.key_id());
  ASSERT_OK(NoteVerifier::Parse(cosigner.ToVkey()));
}

TEST(VkeyTest, OtherRegisteredTypesParseAndStayUnknown) {
  REQUIRE_SHARED(testing::VectorPath("note/vkeys-other-types.json"));
  const auto vectors = testing::ReadVectors("note/vkeys-other-types.json");
  int unknown_notes = 0;
  for (const auto& test : vectors["vkeys"]) {
    const std::string vkey = test["vkey"];
    ASSERT_OK_AND_ASSIGN(const NoteVerifier key, NoteVerifier::Parse(vkey));
    EXPECT_EQ(key.type(), test["type"].get<int>());
    EXPECT_EQ(key.ToVkey(), vkey);
    if (!test.contains("note")) continue;
    ++unknown_notes;
    ASSERT_OK_AND_ASSIGN(const Note note, ParseNote(test["note"].get<std::string>()));
    EXPECT_EQ(note.signatures[0].key_id, key.key_id());
    EXPECT_THAT(key.Verify(note.text, note.signatures[0].signature),
                StatusIs(StatusCode::kUnimplemented));
    EXPECT_THAT(OpenNote(test["note"].get<std::string>(), {key}),
                StatusIs(StatusCode::kUnauthenticated));
  }
  EXPECT_EQ(vectors["vkeys"].size(), 4u);
  EXPECT_EQ(unknown_notes, 2);
}

TEST(CosignatureTest, Ed25519CosignaturesVerifyWithTheirTime) {
  REQUIRE_SHARED(testing::VectorPath("cosignature/ed25519-cosignature-v1.json"));
  const auto vectors = testing::ReadVectors("cosignature/ed25519-cosignature-v1.json");
  for (const auto& test : vectors["vectors"]) {
    const NoteVerifier witness = Key(test["vkey"].get<std::string>());
    EXPECT_EQ(witness.type(), kNoteEd25519Cosignature);
    const std::string checkpoint = test["cosigned_checkpoint"];
    ASSERT_OK_AND_ASSIGN(const VerifiedNote opened, OpenNote(checkpoint, {witness}));
    ASSERT_EQ(opened.verified.size(), 1u);
    const std::string signature = opened.verified[0].signature;
    uint64_t timestamp = 0;
    for (int i = 0; i < 8; ++i) {
      timestamp = timestamp << 8 | static_cast<uint8_t>(signature[static_cast<size_t>(i)]);
    }
    EXPECT_EQ(timestamp, vectors["timestamp"].get<uint64_t>());

    for (size_t i = 0; i < signature.size(); ++i) {
      std::string changed = signature;
      changed[i] ^= 1;
      EXPECT_THAT(witness.Verify(opened.text, changed), StatusIs(StatusCode::kDataLoss)) << i;
    }
    EXPECT_THAT(witness.Verify(opened.text, signature.substr(8)), StatusIs(StatusCode::kDataLoss));
    EXPECT_THAT(witness.Verify(opened.text, signature + "x"), StatusIs(StatusCode::kDataLoss));
    EXPECT_THAT(witness.Verify(opened.text, "\x80" + signature.substr(1)),
                StatusIs(StatusCode::kDataLoss, HasSubstr("2^63")));
    // The same key as a log's, type 0x01, has another key ID and another message.
    ASSERT_OK_AND_ASSIGN(const NoteVerifier log,
                         NoteVerifier::FromEd25519(witness.name(), witness.public_key()));
    EXPECT_THAT(OpenNote(checkpoint, {log}), StatusIs(StatusCode::kUnauthenticated));
  }
  EXPECT_EQ(vectors["vectors"].size(), 3u);
}

TEST(NoteTest, StaticCtAndMlDsaLinesDoNotRefuseTheRest) {
  REQUIRE_SHARED(testing::VectorPath("cosignature/ml-dsa-44-checkpoint.json"));
  REQUIRE_SHARED(testing::VectorPath("note/static-ct-checkpoint.json"));
  const auto ml_dsa = testing::ReadVectors("cosignature/ml-dsa-44-checkpoint.json");
  const NoteVerifier ml_dsa_key = Key(ml_dsa["vkey"].get<std::string>());
  EXPECT_EQ(ml_dsa_key.type(), 0x06);
  EXPECT_EQ(ml_dsa_key.ToVkey(), ml_dsa["vkey"].get<std::string>());
  ASSERT_OK_AND_ASSIGN(const Note checkpoint, ParseNote(ml_dsa["checkpoint"].get<std::string>()));
  EXPECT_EQ(FormatNote(checkpoint), ml_dsa["checkpoint"].get<std::string>());
  EXPECT_THAT(OpenNote(ml_dsa["checkpoint"].get<std::string>(), {ml_dsa_key}),
              StatusIs(StatusCode::kUnauthenticated));
  const auto static_ct = testing::ReadVectors("note/static-ct-checkpoint.json");
  ASSERT_OK_AND_ASSIGN(const Note ct, ParseNote(static_ct["checkpoint"].get<std::string>()));

  // Both lines beside one that can be checked: its note opens, whether or not their keys are known.
  Note note = ParseNote(PeterNote()).value();
  note.signatures.insert(note.signatures.begin(), checkpoint.signatures[0]);
  note.signatures.push_back(ct.signatures[0]);
  for (const auto& keys : {std::vector<NoteVerifier>{Key(kPeterVkey)},
                           std::vector<NoteVerifier>{ml_dsa_key, Key(kPeterVkey)}}) {
    ASSERT_OK_AND_ASSIGN(const VerifiedNote opened, OpenNote(FormatNote(note), keys));
    EXPECT_EQ(opened.verified.size(), 1u);
    EXPECT_EQ(opened.unknown.size(), 2u);
  }
}

}  // namespace
}  // namespace auditledger
