#include "merkle/checkpoint.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kRoot[] = "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=";

TEST(CheckpointTest, ReadsBack) {
  const Checkpoint plain{"example.com/log", 7, LeafHash("x"), {}};
  EXPECT_EQ(FormatCheckpoint(plain),
            absl::StrCat("example.com/log\n7\n", LeafHash("x").ToBase64(), "\n"));
  const Checkpoint extended{"example.com/log", kMaxTreeSize, LeafHash("x"), {"one", "two 2"}};
  const Checkpoint empty{"go.sum database tree", 0, EmptyRoot(), {}};
  for (const Checkpoint& checkpoint : {plain, extended, empty}) {
    ASSERT_OK_AND_ASSIGN(const Checkpoint parsed, ParseCheckpoint(FormatCheckpoint(checkpoint)));
    EXPECT_EQ(parsed, checkpoint);
  }
}

TEST(CheckpointTest, OtherTextsAreRefused) {
  const std::string root = kRoot;
  ASSERT_OK(ParseCheckpoint("o\n1\n" + root + "\n"));
  for (const std::string& text : {std::string(),
                                  std::string("o"),
                                  std::string("o\n"),
                                  std::string("o\n1\n"),
                                  "o\n1\n" + root,
                                  "\n1\n" + root + "\n",
                                  "o\n\n" + root + "\n",
                                  "o\n01\n" + root + "\n",
                                  "o\n-1\n" + root + "\n",
                                  "o\n1 \n" + root + "\n",
                                  "o\n9223372036854775808\n" + root + "\n",
                                  "o\n0\n" + root + "\n",
                                  "o\n1\n" + root.substr(4) + "\n",
                                  "o\n1\n" + root + "AAAA\n",
                                  "o\n1\n" + root.substr(0, 43) + "\n",
                                  "o\n1\n" + root.substr(0, 42) + "l=\n",
                                  "o\n1\n" + root + "\n\n",
                                  "o\n1\n" + root + "\nextension",
                                  "o\n1\n" + root + "\n\nx\n",
                                  "o\r\n1\n" + root + "\n",
                                  "\xff\n1\n" + root + "\n"}) {
    EXPECT_THAT(ParseCheckpoint(text), StatusIs(StatusCode::kInvalidArgument)) << text;
  }
}

class TesseraTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_SHARED(testing::VectorPath("tlog/tessera-testlog.json"));
    vectors_ = testing::ReadVectors("tlog/tessera-testlog.json");
    key_ = NoteVerifier::Parse(vectors_["vkey"].get<std::string>());
    ASSERT_OK(key_);
    origin_ = vectors_["origin"];
  }
  nlohmann::json vectors_;
  absl::StatusOr<NoteVerifier> key_ = absl::UnknownError("not set");
  std::string origin_;
};

TEST_F(TesseraTest, EveryCheckpointOpensAndItsRootIsThatOfTheEntries) {
  const std::vector<std::string> entries = vectors_["entries_utf8"];
  const std::vector<std::string> notes = vectors_["checkpoints_by_size"];
  ASSERT_EQ(notes.size(), 16u);
  Frontier frontier;
  for (size_t size = 0; size < notes.size(); ++size) {
    if (size > 0) frontier.Append(LeafHash(entries[size - 1]));
    ASSERT_OK_AND_ASSIGN(const SignedCheckpoint opened,
                         OpenCheckpoint(notes[size], origin_, *key_));
    EXPECT_EQ(opened.checkpoint, (Checkpoint{origin_, size, frontier.Root(), {}}));
    EXPECT_EQ(opened.note, notes[size]);
  }
}

TEST_F(TesseraTest, AnotherOriginAnotherKeyAndAnotherByteAreRefused) {
  const std::string note = vectors_["checkpoints_by_size"][15];
  EXPECT_THAT(OpenCheckpoint(note, "example.com/other", *key_),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("example.com/other")));
  EXPECT_THAT(OpenCheckpoint(note, "", *key_), StatusIs(StatusCode::kFailedPrecondition));
  ASSERT_OK_AND_ASSIGN(const NoteVerifier stranger,
                       NoteVerifier::FromEd25519(origin_, std::string(32, 'k')));
  EXPECT_THAT(OpenCheckpoint(note, origin_, stranger), StatusIs(StatusCode::kUnauthenticated));
  for (size_t i = 0; i < note.size(); ++i) {
    std::string changed = note;
    changed[i] ^= 1;
    EXPECT_FALSE(OpenCheckpoint(changed, origin_, *key_).ok()) << "byte " << i;
  }
}

// A signature does not make a malformed text a checkpoint.
TEST(CheckpointTest, ASignedNoteThatIsNoCheckpointIsRefused) {
  constexpr char kVkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  constexpr char kNote[] =
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n"
      "\n"
      "— PeterNeumann "
      "x08go/ZJkuBS9UG/"
      "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  EXPECT_THAT(OpenCheckpoint(kNote, "x", NoteVerifier::Parse(kVkey).value()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("checkpoint")));
}

}  // namespace
}  // namespace auditledger
