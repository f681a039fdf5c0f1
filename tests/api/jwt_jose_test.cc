#include "api/access/jwt_jose.h"

#include <gmock/gmock.h>

#include "merkle/status_macros.h"
#include "tests/api/test_issuer.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using testing::Base64Url;
using ::testing::HasSubstr;
using testing::Json;
using testing::StatusIs;
using testing::TestIssuer;
using testing::TestKey;

absl::StatusOr<JoseKey> Key(const Json& jwk, const char* algorithm) {
  return JoseKey::FromJwk(JsonObject::Parse(jwk.dump()).value(), *FindJoseAlgorithm(algorithm));
}

std::string Signed(const TestKey& key, const std::string& alg, const std::string& claims = "{}") {
  return TestIssuer::Token(key, alg, Json{{"alg", alg}}.dump(), claims);
}

absl::Status Verify(const JoseKey& key, const std::string& token) {
  ASSIGN_OR_RETURN(const CompactJws jws, CompactJws::Parse(token));
  return key.Verify(jws);
}

TEST(JwtJose, EachAlgorithmVerifiesWhatItsKeySigned) {
  const TestKey p384 = TestKey::Ec("P-384");
  const TestKey p521 = TestKey::Ec("P-521");
  const TestIssuer& issuer = TestIssuer::Get();
  for (const char* alg :
       {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}) {
    const TestKey& key = alg[0] != 'E'   ? issuer.rsa()
                         : alg[2] == '2' ? issuer.ec()
                         : alg[2] == '3' ? p384
                                         : p521;
    ASSERT_OK_AND_ASSIGN(const JoseKey jose, Key(key.Jwk("k", ""), alg));
    EXPECT_STREQ(jose.algorithm().name, alg);
    const std::string token = Signed(key, alg, "{\"sub\":\"x\"}");
    EXPECT_OK(Verify(jose, token)) << alg;
    EXPECT_EQ(CompactJws::Parse(token)->payload, "{\"sub\":\"x\"}");
    for (const char* other : {"RS256", "PS256", "RS512", "ES256"}) {
      if (std::string(other) == alg || (other[0] == 'E') != (alg[0] == 'E')) continue;
      if (alg[0] == 'E') continue;  // another curve's signature has another length
      EXPECT_THAT(Verify(jose, Signed(key, other)), StatusIs(StatusCode::kInvalidArgument))
          << "a token may not choose " << other << " for a key of " << alg;
    }
  }
}

TEST(JwtJose, NeitherNoneNorAMacIsKnown) {
  for (const char* name : {"none", "None", "", "HS256", "HS384", "HS512", "EdDSA", "ES256K",
                           "RSA-OAEP", "rs256", "RS256 "}) {
    EXPECT_EQ(FindJoseAlgorithm(name), nullptr) << name;
  }
  const TestIssuer& issuer = TestIssuer::Get();
  ASSERT_OK_AND_ASSIGN(const JoseKey jose, Key(issuer.rsa().Jwk("rsa", ""), "RS256"));
  const std::string unsigned_token = Base64Url("{\"alg\":\"none\"}") + "." + Base64Url("{}") + ".";
  EXPECT_THAT(Verify(jose, unsigned_token), StatusIs(StatusCode::kInvalidArgument));
  for (const std::string& secret :
       {issuer.rsa().PublicPem(), issuer.rsa().Jwk("rsa", "")["n"].get<std::string>(),
        std::string()}) {
    EXPECT_THAT(Verify(jose, TestIssuer::MacToken(secret, Json::object(), "rsa")),
                StatusIs(StatusCode::kInvalidArgument));
  }
}

TEST(JwtJose, AnotherKeyOrAChangedByteDoesNotVerify) {
  const TestIssuer& issuer = TestIssuer::Get();
  ASSERT_OK_AND_ASSIGN(const JoseKey jose, Key(issuer.ec().Jwk("ec", ""), "ES256"));
  EXPECT_THAT(Verify(jose, Signed(TestKey::Ec("P-256"), "ES256")),
              StatusIs(StatusCode::kInvalidArgument));
  const std::string token = Signed(issuer.ec(), "ES256", "{\"sub\":\"someone\"}");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Verify(jose, changed).ok()) << i;
    EXPECT_FALSE(Verify(jose, token.substr(0, i)).ok()) << i;
  }
}

TEST(JwtJose, ASignatureHasExactlyItsLength) {
  const TestIssuer& issuer = TestIssuer::Get();
  ASSERT_OK_AND_ASSIGN(const JoseKey ec, Key(issuer.ec().Jwk("ec", ""), "ES256"));
  ASSERT_OK_AND_ASSIGN(const JoseKey rsa, Key(issuer.rsa().Jwk("rsa", ""), "RS256"));
  const auto with_signature = [](const TestKey& key, const std::string& alg, auto change) {
    const std::string input = Base64Url(Json{{"alg", alg}}.dump()) + "." + Base64Url("{}");
    std::string signature = key.Sign(alg, input);
    change(signature);
    return input + "." + Base64Url(signature);
  };
  const auto refused = [&](const std::string& token, const JoseKey& key) {
    EXPECT_THAT(Verify(key, token), StatusIs(StatusCode::kInvalidArgument));
  };
  // cjose by itself takes the first of these: it halves whatever length there is.
  refused(with_signature(issuer.ec(), "ES256", [](std::string& s) { s.push_back('\0'); }), ec);
  refused(with_signature(issuer.ec(), "ES256",
                         [](std::string& s) {
                           s.insert(32, 1, '\0');
                           s.insert(0, 1, '\0');
                         }),
          ec);
  refused(with_signature(issuer.ec(), "ES256", [](std::string& s) { s.clear(); }), ec);
  refused(with_signature(issuer.ec(), "ES256", [](std::string& s) { s.assign(64, '\0'); }), ec);
  refused(with_signature(issuer.rsa(), "RS256", [](std::string& s) { s.insert(0, 1, '\0'); }), rsa);
  refused(with_signature(issuer.rsa(), "RS256", [](std::string& s) { s.pop_back(); }), rsa);
}

TEST(JwtJose, ThreePartsOfCanonicalBase64) {
  const std::string good = Signed(TestIssuer::Get().ec(), "ES256");
  EXPECT_OK(CompactJws::Parse(good));
  const std::string header = Base64Url("{\"alg\":\"ES256\"}");
  for (const std::string& wrong :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), good + ".",
        good + ".a.b", " " + good, good + "\n", good + "=", header + "=." + "e30.AA",
        // cjose by itself ends the process on an "=" that comes early.
        std::string("A===.e30.AA"), std::string("e30.A===.AA"), std::string("e30.e30.A==="),
        std::string("e31.e30.AA"), std::string("e30.e30.AB"), std::string("e3+0.e30.AA"),
        std::string("W10.e30.AA"), Base64Url("{\"alg\":\"ES256\",\"alg\":\"none\"}") + ".e30.AA",
        Base64Url("{\"alg\":\"ES256\"") + ".e30.AA"}) {
    EXPECT_THAT(CompactJws::Parse(wrong).status(), StatusIs(StatusCode::kInvalidArgument)) << wrong;
  }
}

TEST(JwtJose, WeakAndOddRsaKeysAreRefused) {
  EXPECT_THAT(Key(TestKey::Rsa(2040).Jwk("k", ""), "RS256").status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("2048")));
  const Json good = TestIssuer::Get().rsa().Jwk("k", "");
  Json large = good;
  large["n"] = Base64Url(std::string(1024, '\xff'));
  EXPECT_OK(Key(large, "RS256"));
  large["n"] = Base64Url("\x01" + std::string(1024, '\xff'));
  EXPECT_THAT(Key(large, "RS256").status(), StatusIs(StatusCode::kInvalidArgument));
  for (const std::string& e : {std::string(), std::string("\x01"), std::string("\x02"),
                               std::string("\x01\x00\x00\x00\x01", 5)}) {
    Json other = good;
    other["e"] = Base64Url(e);
    EXPECT_THAT(Key(other, "RS256").status(), StatusIs(StatusCode::kInvalidArgument)) << e.size();
  }
  Json padded = good;  // as signed numbers are written
  std::string n;
  absl::WebSafeBase64Unescape(good["n"].get<std::string>(), &n);
  padded["n"] = Base64Url(std::string(1, '\0') + n);
  ASSERT_OK_AND_ASSIGN(const JoseKey key, Key(padded, "RS256"));
  EXPECT_OK(Verify(key, Signed(TestIssuer::Get().rsa(), "RS256")));
}

TEST(JwtJose, AKeyIsOfItsAlgorithmsKindAndOnItsCurve) {
  const Json rsa = TestIssuer::Get().rsa().Jwk("k", "");
  const Json ec = TestIssuer::Get().ec().Jwk("k", "");
  EXPECT_THAT(Key(rsa, "ES256").status(), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Key(ec, "RS256").status(), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Key(ec, "ES384").status(), StatusIs(StatusCode::kInvalidArgument));
  Json off = ec;
  off["y"] = off["x"];
  EXPECT_THAT(Key(off, "ES256").status(), StatusIs(StatusCode::kInvalidArgument));
  Json shorter = ec;
  shorter["x"] = Base64Url(std::string(31, 'a'));
  EXPECT_THAT(Key(shorter, "ES256").status(), StatusIs(StatusCode::kInvalidArgument));
  for (const char* member : {"kty", "crv", "x", "y"}) {
    Json without = ec;
    without.erase(member);
    EXPECT_FALSE(Key(without, "ES256").ok()) << member;
    Json padded = ec;
    padded[member] = "A===";
    EXPECT_FALSE(Key(padded, "ES256").ok()) << member;
  }
}

}  // namespace
}  // namespace auditledger
