#include "ledger/signer_protocol.h"

#include <gtest/gtest.h>

#include "merkle/bytes.h"
#include "merkle/frontier.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kOrigin[] = "example.org/ledger";
const Hash kRoot = LeafHash("root");
const Head kHead{7, kRoot, 1'700'000'000'000'000};

absl::Status ParseRequestFrame(const std::string& frame, SignerRequest& out) {
  auto header = ParseSignerFrameHeader(frame.substr(0, kSignerFrameHeaderBytes));
  if (!header.ok()) return header.status();
  auto parsed = ParseSignerRequest(header->type, frame.substr(kSignerFrameHeaderBytes));
  if (parsed.ok()) out = *parsed;
  return parsed.status();
}

absl::StatusOr<SignerAnswer> ParseAnswerFrame(const std::string& frame) {
  auto header = ParseSignerFrameHeader(frame.substr(0, kSignerFrameHeaderBytes));
  if (!header.ok()) return header.status();
  return ParseSignerAnswer(header->type, frame.substr(kSignerFrameHeaderBytes));
}

SignerRequest SignQuestion(size_t hashes = 2) {
  SignerRequest out{SignerMessage::kSign, kOrigin, kHead, {}};
  for (size_t i = 0; i < hashes; ++i) out.consistency.push_back(LeafHash(std::to_string(i)));
  return out;
}

SignerRequest KeyChangeQuestion() {
  SignerRequest out = SignQuestion(kMaxSignerProofHashes);
  out.type = SignerMessage::kSignKeyChange;
  out.leaf = std::string(kMaxSignerLeafBytes, 'l');
  out.inclusion = out.consistency;
  return out;
}

TEST(SignerProtocol, AQuestionIsThisToTheByte) {
  std::string expected("\x01\x02\x00\x00\x00\x00\x00\x65\x00\x12", 10);
  expected += kOrigin;
  expected += std::string("\0\0\0\0\0\0\0\x07", 8);
  expected += std::string(kRoot.view());
  PutU64(expected, kHead.time_us);
  expected += '\x01';
  expected += std::string(LeafHash("0").view());
  EXPECT_EQ(EncodeSignerRequest(SignQuestion(1)).value(), expected);
}

TEST(SignerProtocol, AnAnswerIsThisToTheByte) {
  SignerAnswer error;
  error.error = SignerError::kRefused;
  error.text = "no";
  EXPECT_EQ(EncodeSignerAnswer(error),
            std::string("\x01\xff\x00\x00\x00\x00\x00\x05\x03\x00\x02no", 13));
  SignerAnswer nothing;
  nothing.type = SignerMessage::kLastSignedAnswer;
  EXPECT_EQ(EncodeSignerAnswer(nothing), std::string("\x01\x81\x00\x00\x00\x00\x00\x01\x00", 9));
}

TEST(SignerProtocol, WhatIsEncodedIsRead) {
  for (SignerRequest question :
       {SignQuestion(), SignQuestion(0), SignQuestion(kMaxSignerProofHashes),
        SignerRequest{SignerMessage::kLastSigned, kOrigin, {}, {}},
        SignerRequest{SignerMessage::kSignCoseHead, kOrigin, kHead, {}},
        SignerRequest{SignerMessage::kPublicKey, std::string(255, 'o'), {}, {}},
        SignerRequest{SignerMessage::kPendingKeyChange, kOrigin, {}, {}}, KeyChangeQuestion()}) {
    SignerRequest read;
    EXPECT_OK(ParseRequestFrame(EncodeSignerRequest(question).value(), read));
    EXPECT_EQ(read, question);
  }
  std::vector<SignerAnswer> answers(7);
  answers[6].type = SignerMessage::kPendingKeyChangeAnswer;
  answers[5].type = SignerMessage::kSignKeyChangeAnswer;
  answers[5].text = "note\n";
  answers[0].type = SignerMessage::kLastSignedAnswer;
  answers[0].head = kHead;
  answers[1].type = SignerMessage::kSignAnswer;
  answers[1].text = "note\n";
  answers[2].type = SignerMessage::kPublicKeyAnswer;
  answers[2].text = std::string(kMaxSignerTextBytes, 'v');
  answers[3].text = "why";
  answers[3].error = SignerError::kNotAllowed;
  answers[4].type = SignerMessage::kSignCoseHeadAnswer;
  answers[4].text = std::string(64, '\0');
  for (const SignerAnswer& answer : answers) {
    ASSERT_OK_AND_ASSIGN(const SignerAnswer read, ParseAnswerFrame(EncodeSignerAnswer(answer)));
    EXPECT_EQ(read, answer);
  }
}

TEST(SignerProtocol, AMessageOverItsLimitIsCut) {
  SignerAnswer answer;
  answer.text = std::string(kMaxSignerTextBytes + 1, 'x');
  EXPECT_EQ(ParseAnswerFrame(EncodeSignerAnswer(answer))->text.size(), kMaxSignerTextBytes);
}

TEST(SignerProtocol, LimitsOfAQuestion) {
  EXPECT_THAT(EncodeSignerRequest(SignQuestion(kMaxSignerProofHashes + 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("proof")));
  SignerRequest question{SignerMessage::kLastSigned, std::string(256, 'o'), {}, {}};
  EXPECT_THAT(EncodeSignerRequest(question),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("origin")));
  SignerRequest change = KeyChangeQuestion();
  EXPECT_LE(EncodeSignerRequest(change)->size(), kMaxSignerBodyBytes + kSignerFrameHeaderBytes);
  change.leaf += 'l';
  EXPECT_THAT(EncodeSignerRequest(change),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leaf")));
  change.leaf.clear();
  change.inclusion.push_back(kRoot);
  EXPECT_THAT(EncodeSignerRequest(change),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("proof")));
  // Nor are they read from somebody who does not keep them.
  std::string body;
  PutBytes16(body, std::string(256, 'o'));
  EXPECT_THAT(ParseSignerRequest(SignerMessage::kLastSigned, body),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("origin")));
  const std::string most = EncodeSignerRequest(SignQuestion(kMaxSignerProofHashes)).value();
  std::string more = most.substr(kSignerFrameHeaderBytes) + std::string(Hash::kSize, 'h');
  more[2 + sizeof(kOrigin) - 1 + 48] = static_cast<char>(kMaxSignerProofHashes + 1);
  EXPECT_THAT(ParseSignerRequest(SignerMessage::kSign, more),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("proof")));
}

TEST(SignerProtocol, EveryHeaderFieldIsChecked) {
  const std::string good = EncodeSignerRequest(SignQuestion()).value().substr(0, 8);
  ASSERT_OK(ParseSignerFrameHeader(good));
  const struct {
    size_t at;
    char byte;
    const char* says;
  } kWrong[] = {{0, 0, "version"},   {0, 2, "version"},  {1, 0, "type"},     {1, 7, "type"},
                {1, '\x80', "type"}, {2, 1, "reserved"}, {3, 1, "reserved"}, {4, 1, "length"}};
  for (const auto& wrong : kWrong) {
    std::string header = good;
    header[wrong.at] = wrong.byte;
    EXPECT_THAT(ParseSignerFrameHeader(header),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.says)));
  }
  std::string longest("\x01\x02\x00\x00\x00\x00\x20\x00", 8);
  EXPECT_EQ(ParseSignerFrameHeader(longest)->body_bytes, kMaxSignerBodyBytes);
  longest[7] = 1;
  EXPECT_THAT(ParseSignerFrameHeader(longest),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("length")));
}

TEST(SignerProtocol, CutOrExtendedBodiesAreRefused) {
  const std::string body =
      EncodeSignerRequest(SignQuestion()).value().substr(kSignerFrameHeaderBytes);
  for (size_t length = 0; length < body.size(); ++length) {
    EXPECT_FALSE(ParseSignerRequest(SignerMessage::kSign, body.substr(0, length)).ok()) << length;
  }
  EXPECT_THAT(ParseSignerRequest(SignerMessage::kSign, body + "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("trailing")));
}

TEST(SignerProtocol, SizesThatNoLogHasAreRefused) {
  for (const uint64_t size : {uint64_t{0}, kMaxTreeSize + 1}) {
    SignerRequest question = SignQuestion();
    question.head.size = size;
    SignerRequest read;
    EXPECT_THAT(ParseRequestFrame(EncodeSignerRequest(question).value(), read),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("size")));
  }
}

TEST(SignerProtocol, AQuestionIsNoAnswerNorTheReverse) {
  EXPECT_FALSE(ParseSignerAnswer(SignerMessage::kSign, "").ok());
  EXPECT_FALSE(ParseSignerRequest(SignerMessage::kError, "").ok());
  EXPECT_THAT(ParseSignerAnswer(SignerMessage::kLastSignedAnswer, "\x02"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("presence")));
  for (const char code : {'\0', '\x07'}) {
    EXPECT_THAT(ParseSignerAnswer(SignerMessage::kError, std::string(1, code) + std::string(2, 0)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("code")));
  }
}

}  // namespace
}  // namespace auditledger
