#include "api/access/jwks_keys.h"

#include <gmock/gmock.h>

#include "tests/api/test_issuer.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;
using testing::Json;
using testing::KeySet;
using ::testing::Not;
using testing::StatusIs;
using testing::TestIssuer;
using testing::TestKey;

const TestKey& Rsa() { return TestIssuer::Get().rsa(); }
const TestKey& Ec() { return TestIssuer::Get().ec(); }

// The algorithm of the one key, or the message.
std::string Only(const Json& jwk, const std::string& rsa_algorithm = "") {
  const auto keys = JwksKeys::Parse(KeySet({jwk}), rsa_algorithm);
  if (!keys.ok()) return std::string(keys.status().message());
  const JoseKey* const key = (*keys)->Find("k");
  return key == nullptr ? "no k" : key->algorithm().name;
}

Json With(Json jwk, const char* member, const Json& value) {
  jwk[member] = value;
  return jwk;
}

TEST(JwksKeys, FindsKeysByTheirId) {
  ASSERT_OK_AND_ASSIGN(const auto keys, JwksKeys::Parse(TestIssuer::Get().Jwks(), ""));
  EXPECT_EQ(keys->size(), 2u);
  EXPECT_STREQ(keys->Find("rsa")->algorithm().name, "RS256");
  EXPECT_STREQ(keys->Find("ec")->algorithm().name, "ES256");
  for (const char* unknown : {"", "RSA", "rsa ", "x"}) EXPECT_EQ(keys->Find(unknown), nullptr);
}

TEST(JwksKeys, AnAlgorithmIsTheSetsWordOrTheOperators) {
  EXPECT_EQ(Only(Rsa().Jwk("k", "PS384")), "PS384");
  EXPECT_EQ(Only(Rsa().Jwk("k", "PS384"), "RS256"), "PS384") << "the set's word comes first";
  EXPECT_EQ(Only(Rsa().Jwk("k", ""), "RS512"), "RS512");
  EXPECT_THAT(Only(Rsa().Jwk("k", "")), HasSubstr("set rsa_algorithm"));
  EXPECT_EQ(Only(Ec().Jwk("k", ""), "RS256"), "ES256");
  EXPECT_THAT(Only(Ec().Jwk("k", "RS256")), HasSubstr("\"kty\" must be \"RSA\""));
  EXPECT_THAT(Only(Rsa().Jwk("k", "HS256")), HasSubstr("\"alg\" is not known"));
  EXPECT_THAT(Only(Rsa().Jwk("k", "none")), HasSubstr("\"alg\" is not known"));
  EXPECT_THAT(Only(With(Rsa().Jwk("k", ""), "alg", 256)), HasSubstr("\"alg\" is not known"));
}

TEST(JwksKeys, KeysThatCannotCheckTokensAreLeftOut) {
  const std::vector<Json> others = {
      With(Rsa().Jwk("enc", "RS256"), "use", "enc"),
      With(Rsa().Jwk("ops", "RS256"), "key_ops", Json::array({"encrypt"})),
      {{"kty", "OKP"}, {"crv", "Ed25519"}, {"kid", "ed"}, {"x", "AA"}},
      Ec().Jwk("", "ES256"),
      Ec().Jwk(std::string(kMaxKeyIdBytes + 1, 'k'), "ES256"),
      With(Ec().Jwk("bits", ""), "crv", "P-192"),
      TestKey::Rsa(1024).Jwk("weak", "RS256"),
  };
  EXPECT_THAT(JwksKeys::Parse(KeySet(others), "").status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("holds no key")));
  std::vector<Json> set = others;
  set.push_back(With(With(Ec().Jwk("k", ""), "use", "sig"), "key_ops", Json::array({"verify"})));
  set.push_back(Ec().Jwk(std::string(kMaxKeyIdBytes, 'k'), ""));
  ASSERT_OK_AND_ASSIGN(const auto keys, JwksKeys::Parse(KeySet(set), ""));
  EXPECT_EQ(keys->size(), 2u);
}

TEST(JwksKeys, ASetWithASecretIsRefusedWhole) {
  const std::string secret = Rsa().PrivateExponent();
  for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    const std::string set = KeySet({Ec().Jwk("k", ""), With(Rsa().Jwk("s", ""), member, secret)});
    const auto keys = JwksKeys::Parse(set, "RS256");
    EXPECT_THAT(keys.status(), StatusIs(StatusCode::kInvalidArgument, HasSubstr("keys[1]: ")));
    EXPECT_THAT(std::string(keys.status().message()), Not(HasSubstr(secret.substr(0, 8))));
  }
  EXPECT_THAT(
      JwksKeys::Parse(KeySet({Ec().Jwk("k", ""), {{"kty", "oct"}, {"kid", "m"}}}), "").status(),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("shared secret")));
}

TEST(JwksKeys, AKeyIdThatOccursTwiceSaysNothing) {
  EXPECT_THAT(JwksKeys::Parse(KeySet({Ec().Jwk("k", ""), Rsa().Jwk("k", "RS256")}), "").status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("keys[1]: its \"kid\"")));
}

TEST(JwksKeys, LimitsHaveEdges) {
  std::vector<Json> keys;
  for (size_t i = 0; i < kMaxJwksKeys; ++i) keys.push_back(Ec().Jwk(absl::StrCat("k", i), ""));
  EXPECT_EQ(JwksKeys::Parse(KeySet(keys), "").value()->size(), kMaxJwksKeys);
  keys.push_back(Ec().Jwk("more", ""));
  EXPECT_THAT(JwksKeys::Parse(KeySet(keys), "").status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("over 64 keys")));
  std::string text = KeySet({Ec().Jwk("k", "")});
  text.append(kMaxJwksBytes - text.size(), ' ');
  EXPECT_OK(JwksKeys::Parse(text, ""));
  EXPECT_THAT(JwksKeys::Parse(text + " ", "").status(), StatusIs(StatusCode::kInvalidArgument));
}

TEST(JwksKeys, ASetMayBeEmptyAndThenHasNoKey) {
  ASSERT_OK_AND_ASSIGN(const auto none, JwksKeys::Parse(R"({"keys":[]})", ""));
  EXPECT_EQ(none->size(), 0u);
  EXPECT_EQ(none->Find(""), nullptr);
}

TEST(JwksKeys, WhatIsNoSetIsRefused) {
  for (const char* text :
       {"", "{}", "[]", R"({"keys":{}})", R"({"keys":[1]})", R"({"keys":[],"keys":[]})"}) {
    EXPECT_THAT(JwksKeys::Parse(text, "").status(), StatusIs(StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace auditledger
