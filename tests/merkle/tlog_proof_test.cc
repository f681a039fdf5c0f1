#include "merkle/tlog_proof.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "merkle/checkpoint.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kNote[] = "o\n1\n0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=\n\n— o AAAAAQI=\n";

// What a holder of a receipt does, short of witnesses.
absl::Status VerifyReceipt(const std::string& text, absl::string_view entry,
                           const NoteVerifier& log) {
  ASSIGN_OR_RETURN(const TlogProof proof, ParseTlogProof(text));
  ASSIGN_OR_RETURN(const SignedCheckpoint head, OpenCheckpoint(proof.checkpoint, log.name(), log));
  return VerifyInclusion(proof.index, head.checkpoint.size, LeafHash(entry), proof.path,
                         head.checkpoint.root);
}

TEST(TlogProofTest, PublicVectors) {
  REQUIRE_SHARED(testing::VectorPath("tlog/tlog-proof.json"));
  const auto vectors = testing::ReadVectors("tlog/tlog-proof.json");
  ASSERT_OK_AND_ASSIGN(const NoteVerifier log,
                       NoteVerifier::Parse(vectors["log_vkey"].get<std::string>()));
  for (const auto& test : vectors["good"]) {
    const std::string text = test["proof"];
    ASSERT_OK_AND_ASSIGN(const TlogProof proof, ParseTlogProof(text));
    EXPECT_EQ(FormatTlogProof(proof), text) << test["desc"];
    EXPECT_OK(VerifyReceipt(text, test["entry_utf8"].get<std::string>(), log)) << test["desc"];
    EXPECT_FALSE(VerifyReceipt(text, "another entry", log).ok());
    if (test.contains("extra_utf8")) {
      EXPECT_EQ(proof.extra, test["extra_utf8"].get<std::string>());
    } else {
      EXPECT_FALSE(proof.extra.has_value());
    }
  }
  for (const auto& test : vectors["bad"]) {
    for (const std::string entry : {"four", "one", ""}) {
      const absl::Status status = VerifyReceipt(test["proof"].get<std::string>(), entry, log);
      EXPECT_FALSE(status.ok()) << test["desc"];
      EXPECT_FALSE(status.message().empty()) << test["desc"];
    }
  }
  EXPECT_EQ(vectors["good"].size(), 4u);
  EXPECT_EQ(vectors["bad"].size(), 12u);
}

TEST(TlogProofTest, WhatIsMalformedIsRefusedByTheParser) {
  const std::string head = "c2sp.org/tlog-proof@v1\n";
  const std::string hash = EmptyRoot().ToBase64() + "\n";
  ASSERT_OK(ParseTlogProof(head + "index 0\n\n" + kNote));
  ASSERT_OK(ParseTlogProof(head + "extra \nindex 0\n" + hash + "\n" + kNote));
  for (const std::string& text : {std::string(),
                                  head,
                                  head + "index 0\n",
                                  head + "index 0\n\n",
                                  "index 0\n\n" + std::string(kNote),
                                  head + "index 00\n\n" + kNote,
                                  head + "index -1\n\n" + kNote,
                                  head + "index 0 \n\n" + kNote,
                                  head + "index\n\n" + kNote,
                                  head + "Index 0\n\n" + kNote,
                                  head + "index 9223372036854775808\n\n" + kNote,
                                  head + "index 0\nextra eA==\n\n" + kNote,
                                  head + "extra eA==\nextra eA==\nindex 0\n\n" + kNote,
                                  head + "extra eB==\nindex 0\n\n" + kNote,
                                  head + "extra eA=\nindex 0\n\n" + kNote,
                                  head + "index 0\n" + hash + kNote,
                                  head + "index 0\nAAAA\n\n" + kNote,
                                  head + "index 0\n " + hash + "\n" + kNote,
                                  head + "index 0\n\n\n" + std::string("no note"),
                                  head + "index 0\n\nno note",
                                  "c2sp.org/tlog-proof@v2\nindex 0\n\n" + std::string(kNote)}) {
    EXPECT_THAT(ParseTlogProof(text), StatusIs(StatusCode::kInvalidArgument)) << text;
  }
}

TEST(TlogProofTest, AtMost63Hashes) {
  TlogProof proof;
  proof.path.resize(kMaxProofHashes);
  proof.checkpoint = kNote;
  ASSERT_OK_AND_ASSIGN(const TlogProof parsed, ParseTlogProof(FormatTlogProof(proof)));
  EXPECT_EQ(parsed.path, proof.path);
  proof.path.resize(kMaxProofHashes + 1);
  EXPECT_THAT(ParseTlogProof(FormatTlogProof(proof)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("63")));
}

TEST(CheckpointUpdateTest, ReadsBack) {
  for (size_t hashes : {size_t{0}, size_t{3}, kMaxProofHashes}) {
    CheckpointUpdate update;
    update.old_size = hashes * 1000;
    update.proof.resize(hashes, EmptyRoot());
    update.checkpoint = kNote;
    const std::string text = FormatCheckpointUpdate(update);
    ASSERT_OK_AND_ASSIGN(const CheckpointUpdate parsed, ParseCheckpointUpdate(text));
    EXPECT_EQ(parsed.old_size, update.old_size);
    EXPECT_EQ(parsed.proof, update.proof);
    EXPECT_EQ(parsed.checkpoint, update.checkpoint);
  }
}

TEST(CheckpointUpdateTest, OtherTextsAreRefused) {
  const std::string note = kNote;
  const std::string hash = EmptyRoot().ToBase64() + "\n";
  ASSERT_OK(ParseCheckpointUpdate("old 1\n" + hash + "\n" + note));
  std::string many = "old 1\n";
  for (size_t i = 0; i <= kMaxProofHashes; ++i) many += hash;
  for (const std::string& text :
       {std::string(), std::string("old 1\n"), "old 1\n" + note.substr(2), "old 01\n\n" + note,
        "old -1\n\n" + note, "old\n\n" + note, "OLD 1\n\n" + note, "old 1\n" + hash + note,
        std::string("old 1\n\n"), std::string("old 1\n\n\n"), "\nold 1\n\n" + note,
        many + "\n" + note, "old 1\n\n" + note + "x"}) {
    EXPECT_THAT(ParseCheckpointUpdate(text), StatusIs(StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace auditledger
