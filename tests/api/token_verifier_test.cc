#include "api/access/token_verifier.h"

#include <gmock/gmock.h>

#include "api/access/jwks_keys.h"
#include "api/client/rpc_error.h"
#include "api/limits.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"
#include "tests/api/test_issuer.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using testing::Base64Url;
using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestIssuer;
using testing::TestKey;

constexpr int64_t kNow = 1'700'000'000;
const std::string kThumbprint = Base64Url(std::string(32, 'c'));

class TokenVerifierTest : public ::testing::Test {
 protected:
  // "OK PRINCIPAL", or the reason.
  std::string Judge(const std::string& token, int64_t now_s = kNow,
                    const std::string& certificate = "") {
    const auto principal = [&]() -> absl::StatusOr<std::string> {
      ASSIGN_OR_RETURN(const ParsedToken parsed, ParseToken(token));
      const JoseKey* const key = keys_->Find(parsed.kid);
      if (key == nullptr) return RefuseToken(kReasonTokenUnknownKey, "unknown");
      ASSIGN_OR_RETURN(const VerifiedToken verified, VerifyToken(parsed, rules_, *key));
      RETURN_IF_ERROR(CheckUse(verified, rules_, now_s, certificate));
      return verified.principal;
    }();
    if (principal.ok()) return "OK " + *principal;
    EXPECT_EQ(principal.status().code(), absl::StatusCode::kUnauthenticated);
    message_ = std::string(principal.status().message());
    return ReasonOf(principal.status()).reason;
  }
  std::string Claims(const Json& claims) {
    return Judge(issuer_.Token(TestIssuer::Header(), claims));
  }
  std::string With(const char* claim, const Json& value) {
    Json claims = TestIssuer::Claims(kNow);
    claims[claim] = value;
    return Claims(claims);
  }
  std::string Without(const char* claim) {
    Json claims = TestIssuer::Claims(kNow);
    claims.erase(claim);
    return Claims(claims);
  }
  std::string WithHeader(const char* member, const Json& value) {
    Json header = TestIssuer::Header();
    header[member] = value;
    return Judge(
        TestIssuer::Token(issuer_.ec(), "ES256", header.dump(), TestIssuer::Claims(kNow).dump()));
  }

  const TestIssuer& issuer_ = TestIssuer::Get();
  const std::shared_ptr<const JwksKeys> keys_ = JwksKeys::Parse(issuer_.Jwks(), "").value();
  TokenRules rules_{TestIssuer::kIssuer, TestIssuer::kAudience, false};
  std::string message_;
  const std::string good_ = "OK https://idp.example/realms/h#ehr";
};

TEST_F(TokenVerifierTest, AGoodTokenNamesIssuerAndSubject) {
  EXPECT_EQ(Judge(issuer_.Good(kNow)), good_);
  EXPECT_EQ(Judge(issuer_.Token(TestIssuer::Header("RS256", "rsa"), TestIssuer::Claims(kNow))),
            good_);
}

TEST_F(TokenVerifierTest, NoneIsNoSignature) {
  for (const char* none : {"none", "None", "NONE", "nOnE", ""}) {
    const std::string input = Base64Url(Json{{"alg", none}, {"kid", "ec"}}.dump()) + "." +
                              Base64Url(TestIssuer::Claims(kNow).dump());
    EXPECT_EQ(Judge(input + "."), kReasonTokenBadSignature) << none;
    EXPECT_EQ(Judge(input + ".AA"), kReasonTokenBadSignature) << none;
  }
}

TEST_F(TokenVerifierTest, APublicKeyIsNoSharedSecret) {
  const Json jwk = issuer_.rsa().Jwk("rsa", "RS256");
  std::string modulus;
  absl::WebSafeBase64Unescape(jwk["n"].get<std::string>(), &modulus);
  for (const std::string& secret :
       {issuer_.rsa().PublicPem(), modulus, jwk.dump(), std::string()}) {
    EXPECT_EQ(Judge(TestIssuer::MacToken(secret, TestIssuer::Claims(kNow), "rsa")),
              kReasonTokenBadSignature);
  }
}

TEST_F(TokenVerifierTest, TheTokenDoesNotChooseTheAlgorithm) {
  for (const char* alg : {"RS512", "PS256", "ES256"}) {
    EXPECT_EQ(Judge(TestIssuer::Token(*alg == 'E' ? issuer_.ec() : issuer_.rsa(), alg,
                                      TestIssuer::Header(alg, "rsa").dump(),
                                      TestIssuer::Claims(kNow).dump())),
              kReasonTokenBadSignature)
        << alg;
  }
}

TEST_F(TokenVerifierTest, TheKeyMustBeKnownByItsId) {
  EXPECT_EQ(WithHeader("kid", "other"), kReasonTokenUnknownKey);
  EXPECT_EQ(WithHeader("kid", "rsa"), kReasonTokenBadSignature) << "another of the issuer's keys";
  EXPECT_EQ(WithHeader("kid", ""), kReasonTokenMalformed);
  EXPECT_EQ(WithHeader("kid", 1), kReasonTokenMalformed);
  EXPECT_EQ(WithHeader("kid", std::string(kMaxKeyIdBytes, 'k')), kReasonTokenUnknownKey);
  EXPECT_EQ(WithHeader("kid", std::string(kMaxKeyIdBytes + 1, 'k')), kReasonTokenMalformed);
  Json header = TestIssuer::Header();
  header.erase("kid");
  EXPECT_EQ(Judge(issuer_.Token(header, TestIssuer::Claims(kNow))), kReasonTokenMalformed);
}

TEST_F(TokenVerifierTest, KeysThatATokenBringsAlongAreNotLookedAt) {
  const TestKey mine = TestKey::Ec("P-256");
  for (const char* member : {"jwk", "jku", "x5u", "x5c", "x5t"}) {
    const Json value = std::string(member) == "jwk"   ? mine.Jwk("ec", "ES256")
                       : std::string(member) == "x5c" ? Json::array({"AA=="})
                                                      : Json("https://attacker.example/jwks");
    Json header = TestIssuer::Header();
    header[member] = value;
    EXPECT_EQ(
        Judge(TestIssuer::Token(mine, "ES256", header.dump(), TestIssuer::Claims(kNow).dump())),
        kReasonTokenBadSignature)
        << member;
    EXPECT_EQ(WithHeader(member, value), good_) << member;
  }
}

TEST_F(TokenVerifierTest, WhatMustBeUnderstoodIsRefused) {
  EXPECT_EQ(WithHeader("crit", Json::array({"b64"})), kReasonTokenMalformed);
  EXPECT_EQ(WithHeader("crit", Json::array()), kReasonTokenMalformed);
  EXPECT_EQ(WithHeader("crit", nullptr), kReasonTokenMalformed);
}

TEST_F(TokenVerifierTest, TokensOfAnotherKindAreRefused) {
  for (const char* good : {"JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"}) {
    EXPECT_EQ(WithHeader("typ", good), good_) << good;
  }
  for (const char* wrong : {"", "logout+jwt", "dpop+jwt", "secevent+jwt", "JWE"}) {
    EXPECT_EQ(WithHeader("typ", wrong), kReasonTokenMalformed) << wrong;
  }
  EXPECT_EQ(WithHeader("typ", 1), kReasonTokenMalformed);
  Json header = TestIssuer::Header();
  header.erase("typ");
  EXPECT_EQ(Judge(issuer_.Token(header, TestIssuer::Claims(kNow))), good_);
}

TEST_F(TokenVerifierTest, IssuerAndAudienceAreExact) {
  for (const char* wrong : {"https://idp.example/realms/h/", "https://idp.example/realms/H",
                            "https://idp.example/realms", "", "http://idp.example/realms/h"}) {
    EXPECT_EQ(With("iss", wrong), kReasonTokenUnknownIssuer) << wrong;
  }
  EXPECT_EQ(With("iss", Json::array({TestIssuer::kIssuer})), kReasonTokenMalformed);
  EXPECT_EQ(Without("iss"), kReasonTokenMalformed);
  EXPECT_EQ(With("aud", Json::array({"other", TestIssuer::kAudience})), good_);
  for (const Json& wrong : {Json("Auditledger"), Json("auditledger2"), Json(""), Json::array(),
                            Json::array({"other"})}) {
    EXPECT_EQ(With("aud", wrong), kReasonTokenWrongAudience) << wrong;
  }
  EXPECT_EQ(With("aud", 1), kReasonTokenMalformed);
  EXPECT_EQ(With("aud", Json::array({TestIssuer::kAudience, 1})), kReasonTokenMalformed);
  EXPECT_EQ(Without("aud"), kReasonTokenMalformed);
  std::vector<std::string> many(kMaxAudiences - 1, "other");
  many.push_back(TestIssuer::kAudience);
  EXPECT_EQ(With("aud", many), good_);
  many.push_back("one more");
  EXPECT_EQ(With("aud", many), kReasonTokenMalformed);
}

TEST_F(TokenVerifierTest, ItExpiresToTheSecond) {
  const std::string token = issuer_.Good(kNow);  // exp: now + 300
  EXPECT_EQ(Judge(token, kNow + 300 + kTokenSkewSeconds - 1), good_);
  EXPECT_EQ(Judge(token, kNow + 300 + kTokenSkewSeconds), kReasonTokenExpired);
  EXPECT_EQ(Judge(token, kNow + 300 + kTokenSkewSeconds + 1), kReasonTokenExpired);
  EXPECT_EQ(Without("exp"), kReasonTokenMalformed);
}

TEST_F(TokenVerifierTest, ItBeginsToTheSecond) {
  for (const char* claim : {"nbf", "iat"}) {
    EXPECT_EQ(With(claim, kNow + kTokenSkewSeconds), good_) << claim;
    EXPECT_EQ(With(claim, kNow + kTokenSkewSeconds + 1), kReasonTokenNotYetValid) << claim;
    EXPECT_EQ(Without(claim), good_) << claim << " may be absent";
  }
}

TEST_F(TokenVerifierTest, TimesAreIntegersOfThisAge) {
  for (const char* claim : {"exp", "nbf", "iat"}) {
    for (const Json& wrong : {Json("1700000300"), Json(1700000300.5), Json(-1), Json(nullptr),
                              Json(253402300800), Json(true)}) {
      EXPECT_EQ(With(claim, wrong), kReasonTokenMalformed) << claim << wrong;
    }
  }
  EXPECT_EQ(With("exp", 253402300799), good_);
}

TEST_F(TokenVerifierTest, ASubjectIsPrintableAndBounded) {
  for (const Json& wrong : {Json(""), Json("a b"), Json("a\nb"), Json("\xc3\xa9"), Json("a\x7f"),
                            Json(7), Json(nullptr)}) {
    EXPECT_EQ(With("sub", wrong), kReasonTokenMalformed) << wrong;
  }
  EXPECT_EQ(Without("sub"), kReasonTokenMalformed);
  const size_t room = kMaxPrincipalBytes - rules_.issuer.size() - 1;
  EXPECT_EQ(With("sub", std::string(room, 's')).size(), 3 + kMaxPrincipalBytes);
  EXPECT_EQ(With("sub", std::string(room + 1, 's')), kReasonTokenMalformed);
}

TEST_F(TokenVerifierTest, NothingOccursTwice) {
  const std::string claims = TestIssuer::Claims(kNow).dump();
  const std::string twice = claims.substr(0, claims.size() - 1) + ",\"sub\":\"root\"}";
  EXPECT_EQ(Judge(TestIssuer::Token(issuer_.ec(), "ES256", TestIssuer::Header().dump(), twice)),
            kReasonTokenMalformed);
  EXPECT_THAT(message_, HasSubstr("twice"));
  const std::string header = R"({"alg":"ES256","kid":"x","kid":"ec"})";
  EXPECT_EQ(Judge(TestIssuer::Token(issuer_.ec(), "ES256", header, claims)), kReasonTokenMalformed);
}

TEST_F(TokenVerifierTest, SizeHasAnEdge) {
  Json claims = TestIssuer::Claims(kNow);
  claims["pad"] = "";
  const size_t empty = issuer_.Token(TestIssuer::Header(), claims).size();
  // Three bytes of payload are four characters.
  for (size_t pad = (kMaxTokenBytes - empty) / 4 * 3 - 3;; ++pad) {
    claims["pad"] = std::string(pad, 'p');
    const std::string token = issuer_.Token(TestIssuer::Header(), claims);
    EXPECT_EQ(Judge(token), token.size() <= kMaxTokenBytes ? good_ : kReasonTokenMalformed);
    if (token.size() > kMaxTokenBytes) break;
  }
  EXPECT_THAT(message_, HasSubstr("6144 bytes"));
}

TEST_F(TokenVerifierTest, ATokenCutAnywhereIsRefused) {
  const std::string token = issuer_.Good(kNow);
  for (size_t i = 0; i < token.size(); ++i) {
    EXPECT_THAT(Judge(token.substr(0, i)), Not(StartsWith("OK "))) << i;
  }
}

TEST_F(TokenVerifierTest, ABoundTokenNeedsItsCertificate) {
  Json claims = TestIssuer::Claims(kNow);
  claims["cnf"] = {{"x5t#S256", kThumbprint}};
  const std::string bound = issuer_.Token(TestIssuer::Header(), claims);
  const std::string other = Base64Url(std::string(32, 'd'));
  for (const bool required : {false, true}) {
    rules_.bind_to_certificate = required;
    EXPECT_EQ(Judge(bound, kNow, kThumbprint), good_);
    EXPECT_EQ(Judge(bound, kNow, other), kReasonTokenNotBound);
    EXPECT_EQ(Judge(bound, kNow, ""), kReasonTokenNotBound);
  }
  EXPECT_EQ(Judge(issuer_.Good(kNow), kNow, kThumbprint), kReasonTokenNotBound)
      << "where binding is required";
  rules_.bind_to_certificate = false;
  EXPECT_EQ(Judge(issuer_.Good(kNow), kNow, kThumbprint), good_);
}

TEST_F(TokenVerifierTest, ABindingThatIsNotUnderstoodIsRefused) {
  EXPECT_EQ(With("cnf", {{"jkt", "AA"}}), kReasonTokenNotBound) << "to a key (DPoP)";
  EXPECT_EQ(With("cnf", Json::object()), kReasonTokenNotBound);
  EXPECT_EQ(With("cnf", "x"), kReasonTokenMalformed);
  EXPECT_EQ(With("cnf", nullptr), kReasonTokenMalformed);
  EXPECT_EQ(With("cnf", {{"x5t#S256", "AA=="}}), kReasonTokenMalformed);
  EXPECT_EQ(With("cnf", {{"x5t#S256", Base64Url(std::string(31, 'c'))}}), kReasonTokenMalformed);
  EXPECT_EQ(With("cnf", {{"x5t#S256", ""}}), kReasonTokenMalformed);
}

TEST_F(TokenVerifierTest, RolesAndPurposesInATokenChangeNothing) {
  EXPECT_EQ(With("roles", Json::array({"admin"})), good_);
  EXPECT_EQ(With("scope", "admin ledger.write"), good_);
  EXPECT_EQ(With("purpose_of_use", "BTG"), good_);
}

TEST_F(TokenVerifierTest, MessagesHoldNothingOfTheToken) {
  const Json claims = {{"iss", "https://secret-issuer.example"}, {"sub", "Jane.Doe"}};
  for (const std::string& token : {issuer_.Token(TestIssuer::Header(), claims),
                                   issuer_.Token(TestIssuer::Header("RS256", "Jane.Doe"), claims),
                                   std::string("Jane.Doe.x")}) {
    EXPECT_THAT(Judge(token), Not(StartsWith("OK ")));
    EXPECT_THAT(message_, Not(HasSubstr("Jane")));
    EXPECT_THAT(message_, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace auditledger
