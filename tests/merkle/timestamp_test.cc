// A timestamping authority's word, honest and not: tests/testing/test_tsa.h makes the tokens.
#include "merkle/timestamp.h"

#include <gtest/gtest.h>
#include <openssl/ts.h>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_tsa.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TestStamp;
using ::auditledger::testing::TestTsa;
using ::auditledger::testing::TestTsaOptions;
using ::testing::HasSubstr;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kStranger = absl::StatusCode::kUnauthenticated;

constexpr char kText[] = "ledger.example/clinic\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
constexpr uint64_t kNewYear2026 = 1'767'225'600'000'000;
constexpr uint64_t kNonce = 0xfedcba9876543210;

TsaTrust Pin(const TestTsa& tsa, const std::vector<std::string>& policies = {}) {
  return TsaTrust::FromPem(tsa.ca_pem(), policies).value();
}

TEST(Timestamp, AnHonestAuthorityIsBelievedWithWhatItSays) {
  const TestTsa tsa({});
  const std::string token = tsa.Stamp(kText, {.time = "20260101000000.25Z", .accuracy_seconds = 3});
  ASSERT_OK_AND_ASSIGN(const Timestamp stamp, VerifyTimestampToken(token, kText, Pin(tsa)));
  EXPECT_EQ(stamp.time_us, kNewYear2026 + 250'000);
  EXPECT_EQ(stamp.accuracy_us, 3'000'000u);
  EXPECT_EQ(stamp.LatestMicros(), kNewYear2026 + 3'260'000) << "0.25 s may be 0.2599 s";
  EXPECT_EQ(stamp.unit_us, 10'000u);
  EXPECT_EQ(stamp.policy, "1.2.3.4.1");
  EXPECT_EQ(stamp.tsa, "CN=Test TSA");
  EXPECT_EQ(stamp.token, token);
}

TEST(Timestamp, AQueryIsAnsweredAndTheAnswersTokenKept) {
  const TestTsa tsa({});
  ASSERT_OK_AND_ASSIGN(const std::string query, EncodeTimestampQuery(kText, kNonce, "1.2.3.4.9"));
  const std::string reply = tsa.Answer(query, "20260101000000Z");
  ASSERT_OK_AND_ASSIGN(const Timestamp stamp,
                       VerifyTimestampReply(reply, kText, kNonce, Pin(tsa, {"1.2.3.4.9"})));
  EXPECT_EQ(stamp.time_us, kNewYear2026);
  EXPECT_FALSE(stamp.accuracy_us.has_value());
  ASSERT_OK_AND_ASSIGN(const Timestamp kept, VerifyTimestampToken(stamp.token, kText, Pin(tsa)));
  EXPECT_EQ(kept.time_us, stamp.time_us);
}

TEST(Timestamp, AnAnswerToAnotherQuestionIsRefused) {
  const TestTsa tsa({});
  const TsaTrust trust = Pin(tsa);
  const std::string other = TestTsa::Reply(tsa.Stamp(kText, {.nonce = kNonce + 1}));
  EXPECT_THAT(VerifyTimestampReply(other, kText, kNonce, trust),
              StatusIs(kDataLoss, HasSubstr("nonce")));
  const std::string without = TestTsa::Reply(tsa.Stamp(kText, {}));
  EXPECT_THAT(VerifyTimestampReply(without, kText, kNonce, trust),
              StatusIs(kDataLoss, HasSubstr("nonce")));
  const std::string replay = TestTsa::Reply(tsa.Stamp("an older head\n", {.nonce = kNonce}));
  EXPECT_THAT(VerifyTimestampReply(replay, kText, kNonce, trust),
              StatusIs(kDataLoss, HasSubstr("imprint")));
}

TEST(Timestamp, ARefusalSaysWhy) {
  const TestTsa tsa({});
  EXPECT_THAT(VerifyTimestampReply(TestTsa::Refusal(TS_INFO_UNACCEPTED_POLICY), kText, 1, Pin(tsa)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("unacceptedPolicy")));
  EXPECT_THAT(VerifyTimestampReply(TestTsa::Refusal(TS_INFO_BAD_ALG), kText, 1, Pin(tsa)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("badAlg")));
}

TEST(Timestamp, ATokenOfAnotherTextIsRefused) {
  const TestTsa tsa({});
  EXPECT_THAT(VerifyTimestampToken(tsa.Stamp("another\n", {}), kText, Pin(tsa)),
              StatusIs(kDataLoss, HasSubstr("imprint")));
}

TEST(Timestamp, AnImprintOfAnotherDigestIsRefused) {
  const TestTsa tsa({});
  for (const char* digest : {"SHA1", "SHA512"}) {
    EXPECT_THAT(VerifyTimestampToken(tsa.Stamp(kText, {.imprint = digest}), kText, Pin(tsa)),
                StatusIs(kDataLoss, HasSubstr("imprint")))
        << digest;
  }
}

TEST(Timestamp, AnAuthorityThatNobodyPinnedIsRefused) {
  const TestTsa tsa({});
  const TestTsa stranger({});  // of the same name
  EXPECT_THAT(VerifyTimestampToken(stranger.Stamp(kText, {}), kText, Pin(tsa)),
              StatusIs(kStranger, HasSubstr("certificate verify error")));
}

TEST(Timestamp, ACertificateForOtherPurposesIsRefused) {
  for (const char* usage :
       {"", "timeStamping", "critical,serverAuth", "critical,timeStamping,serverAuth"}) {
    const TestTsa tsa({.extended_key_usage = usage});
    EXPECT_THAT(VerifyTimestampToken(tsa.Stamp(kText, {}), kText, Pin(tsa)),
                StatusIs(kStranger, HasSubstr("purpose")))
        << usage;
  }
}

TEST(Timestamp, ACertificateIsJudgedAsOfTheTokensTime) {
  // Expired for years by any clock that runs these tests, and good when it was used.
  const TestTsa tsa({.not_before = "20100101000000Z", .not_after = "20110101000000Z"});
  const auto verify = [&](const char* time) {
    return VerifyTimestampToken(tsa.Stamp(kText, {.time = time}), kText, Pin(tsa));
  };
  EXPECT_OK(verify("20100101000000Z"));
  EXPECT_OK(verify("20101231235959Z"));
  EXPECT_THAT(verify("20091231235959Z"), StatusIs(kStranger, HasSubstr("not yet valid")));
  EXPECT_THAT(verify("20110101000000Z"), StatusIs(kStranger, HasSubstr("expired")));
}

TEST(Timestamp, TheSignedAttributesMustNameTheSignersCertificate) {
  const TestTsa tsa({});
  EXPECT_THAT(VerifyTimestampToken(tsa.Stamp(kText, {.with_ess = false}), kText, Pin(tsa)),
              StatusIs(kDataLoss, HasSubstr("signing cert")));
}

TEST(Timestamp, WeakDigestsAndKeysAreRefused) {
  const TestTsa tsa({});
  EXPECT_THAT(VerifyTimestampToken(tsa.Stamp(kText, {.digest = "SHA1"}), kText, Pin(tsa)),
              StatusIs(kDataLoss, HasSubstr("weaker than SHA-256")));
  EXPECT_OK(VerifyTimestampToken(tsa.Stamp(kText, {.digest = "SHA512"}), kText, Pin(tsa)));
  const TestTsa short_key({.curve = "secp192k1"});
  EXPECT_THAT(VerifyTimestampToken(short_key.Stamp(kText, {}), kText, Pin(short_key)),
              StatusIs(kStranger, HasSubstr("key too weak")));
}

TEST(Timestamp, OnlyPinnedPoliciesCount) {
  const TestTsa tsa({});
  const std::string token = tsa.Stamp(kText, {});
  EXPECT_OK(VerifyTimestampToken(token, kText, Pin(tsa, {"1.2.3.4.2", "1.2.3.4.1"})));
  EXPECT_THAT(VerifyTimestampToken(token, kText, Pin(tsa, {"1.2.3.4.2"})),
              StatusIs(kDataLoss, HasSubstr("policy 1.2.3.4.1")));
}

TEST(Timestamp, AnAuthoritysOwnCertificateMayBePinnedAndThenNeedNotBeSent) {
  const TestTsa tsa({});
  const TsaTrust own = TsaTrust::FromPem(tsa.tsa_pem(), {}).value();
  EXPECT_OK(VerifyTimestampToken(tsa.Stamp(kText, {.with_certificate = false}), kText, own));
  EXPECT_OK(VerifyTimestampToken(tsa.Stamp(kText, {}), kText, own));
  EXPECT_THAT(VerifyTimestampToken(tsa.Stamp(kText, {.with_certificate = false}), kText, Pin(tsa)),
              StatusIs(kStranger));
}

TEST(Timestamp, EachByteOfATokenMatters) {
  const TestTsa tsa({});
  const TsaTrust trust = Pin(tsa);
  const std::string token = tsa.Stamp(kText, {.accuracy_seconds = 1});
  ASSERT_OK_AND_ASSIGN(const Timestamp whole, VerifyTimestampToken(token, kText, trust));
  // What is not signed: names and certificates beside the signer's. The rest must not change what
  // is said.
  for (size_t at = 0; at < token.size(); ++at) {
    std::string flipped = token;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    const auto stamp = VerifyTimestampToken(flipped, kText, trust);
    if (!stamp.ok()) continue;
    EXPECT_EQ(stamp->time_us, whole.time_us) << at;
    EXPECT_EQ(stamp->accuracy_us, whole.accuracy_us) << at;
    EXPECT_EQ(stamp->policy, whole.policy) << at;
  }
}

TEST(Timestamp, WhatIsCutOrTrailsIsRefused) {
  const TestTsa tsa({});
  const TsaTrust trust = Pin(tsa);
  const std::string token = tsa.Stamp(kText, {.nonce = kNonce});
  const std::string reply = TestTsa::Reply(token);
  for (size_t size = 0; size < token.size(); size += 7) {
    EXPECT_THAT(VerifyTimestampToken(token.substr(0, size), kText, trust), StatusIs(kInvalid));
  }
  for (size_t size = 0; size < reply.size(); size += 7) {
    EXPECT_THAT(VerifyTimestampReply(reply.substr(0, size), kText, kNonce, trust),
                StatusIs(kInvalid));
  }
  EXPECT_THAT(VerifyTimestampToken(token + "x", kText, trust), StatusIs(kInvalid));
  EXPECT_THAT(VerifyTimestampReply(reply + "x", kText, kNonce, trust), StatusIs(kInvalid));
  EXPECT_THAT(VerifyTimestampToken(reply, kText, trust), StatusIs(kInvalid));
  EXPECT_THAT(VerifyTimestampReply(token, kText, kNonce, trust), StatusIs(kInvalid));
}

TEST(Timestamp, LimitsHoldAtTheirEdge) {
  const TestTsa tsa({});
  const TsaTrust trust = Pin(tsa);
  const std::string over(kMaxTimestampBytes + 1, 'x');
  EXPECT_THAT(VerifyTimestampToken(over, kText, trust), StatusIs(kInvalid, HasSubstr("over")));
  EXPECT_THAT(VerifyTimestampReply(over, kText, 1, trust), StatusIs(kInvalid, HasSubstr("over")));
  const absl::string_view at_limit = absl::string_view(over).substr(1);
  EXPECT_THAT(VerifyTimestampToken(at_limit, kText, trust),
              StatusIs(kInvalid, HasSubstr("not one DER")));
}

TEST(Timestamp, AGenTimeOfAnotherFormIsRefused) {
  const TestTsa tsa({});
  for (const char* time :
       {"", "Z", "20260101Z", "20260101000000z", "20260101000000,5Z", "20260101000000.5aZ",
        "20260101000000", "20261301000000Z", "20260230000000Z", "20260101240000Z",
        "20260101006000Z", "20260101000060Z", "20260101000000.Z", "20260101000000.1234567890Z",
        "19691231235959Z", "20260101000000+0100", "2026010100000aZ"}) {
    EXPECT_THAT(VerifyTimestampToken(tsa.Stamp(kText, {.time = time}), kText, Pin(tsa)),
                StatusIs(kInvalid, HasSubstr("genTime")))
        << time;
  }
  ASSERT_OK_AND_ASSIGN(const Timestamp fine,
                       VerifyTimestampToken(tsa.Stamp(kText, {.time = "20260101000000.123456789Z"}),
                                            kText, Pin(tsa)));
  EXPECT_EQ(fine.time_us, kNewYear2026 + 123'456);
}

TEST(Timestamp, ATimeThatNobodyMeansIsRefused) {
  const TestTsa tsa({});
  const auto verify = [&](const TestStamp& stamp) {
    return VerifyTimestampToken(tsa.Stamp(kText, stamp), kText, Pin(tsa));
  };
  EXPECT_OK(verify({.accuracy_seconds = 3'155'760'000}));
  EXPECT_THAT(verify({.accuracy_seconds = 3'155'760'001}),
              StatusIs(kInvalid, HasSubstr("accuracy: out of range")));
  EXPECT_THAT(verify({.time = "99991231235959Z", .accuracy_seconds = 1}),
              StatusIs(kInvalid, HasSubstr("genTime: out of range")));
}

TEST(Timestamp, ATokenHasOneSigner) {
  const TestTsa tsa({});
  EXPECT_THAT(VerifyTimestampToken(tsa.Stamp(kText, {.signers = 2}), kText, Pin(tsa)),
              StatusIs(kInvalid, HasSubstr("not exactly one signer")));
}

TEST(Timestamp, AReplyThatGrantsHasAToken) {
  const TestTsa tsa({});
  const std::string granted("\x30\x05\x30\x03\x02\x01\x00", 7);  // status 0, and no token
  EXPECT_THAT(VerifyTimestampReply(granted, kText, kNonce, Pin(tsa)), StatusIs(kInvalid));
}

TEST(Timestamp, PinnedCertificatesMustBeSome) {
  const TestTsa tsa({});
  EXPECT_THAT(TsaTrust::FromPem("", {}), StatusIs(kInvalid, HasSubstr("no certificate")));
  EXPECT_THAT(TsaTrust::FromPem("nothing of the kind\n", {}), StatusIs(kInvalid));
  std::string broken = tsa.ca_pem();
  broken[broken.size() / 2] = '!';
  for (const std::string& pem : {broken, tsa.ca_pem() + broken}) {
    EXPECT_THAT(TsaTrust::FromPem(pem, {}),
                StatusIs(kInvalid, HasSubstr("a pinned certificate does not parse")));
  }
  EXPECT_THAT(TsaTrust::FromPem(std::string(kMaxTsaCaFileBytes + 1, '\n'), {}),
              StatusIs(kInvalid, HasSubstr("over")));
  EXPECT_THAT(TsaTrust::FromPem(tsa.ca_pem(), {"not an oid"}),
              StatusIs(kInvalid, HasSubstr("policy")));
  std::string many;
  for (size_t i = 0; i < kMaxTsaCaCertificates; ++i) many += tsa.ca_pem();
  EXPECT_OK(TsaTrust::FromPem(many, {}));
  EXPECT_THAT(TsaTrust::FromPem(many + tsa.ca_pem(), {}), StatusIs(kInvalid, HasSubstr("over")));
  EXPECT_OK(TsaTrust::FromPem(absl::StrCat("a comment\n", tsa.ca_pem(), tsa.tsa_pem()), {}));
}

TEST(Timestamp, FilesAreNamedBySizeAndToken) {
  const std::string stem = TimestampFileStem(42, LeafHash("token"));
  EXPECT_EQ(stem, absl::StrCat("000000000042-", LeafHash("token").ToHex().substr(0, 16)));
  EXPECT_TRUE(IsTimestampFileStem(stem));
  EXPECT_TRUE(IsTimestampFileStem(TimestampFileStem((uint64_t{1} << 63) - 1, Hash())));
  for (const std::string& other :
       {std::string(), std::string(16, '0'), stem + "0", stem.substr(1), "0" + stem,
        std::string(12, '0'), absl::StrCat("00000000004x-", std::string(16, 'a')),
        absl::StrCat("000000000042-", std::string(16, 'A')),
        absl::StrCat("12345678901234567890-", std::string(16, 'a'))}) {
    EXPECT_FALSE(IsTimestampFileStem(other)) << other;
  }
}

TEST(Timestamp, PoliciesAreDottedOids) {
  EXPECT_TRUE(IsDottedOid("1.3.6.1.4.1.4146.2.3"));
  for (const char* other : {"", "1", "1.", ".1.2", "tsa_policy1", "1.2 ", "1..2"}) {
    EXPECT_FALSE(IsDottedOid(other)) << other;
  }
  EXPECT_THAT(EncodeTimestampQuery(kText, 1, "nonsense"), StatusIs(kInvalid));
}

}  // namespace
}  // namespace auditledger
