#include "api/access/token_access.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "ledger/errors.h"
#include "tests/api/api_fixture.h"
#include "tests/api/test_issuer.h"
#include "tests/testing/fake_clock.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using testing::KeySet;
using ::testing::Not;
using testing::StatusIs;
using testing::TestIssuer;
using testing::TestKey;

class TokenAccessTest : public ::testing::Test {
 protected:
  TokenAccessTest() {
    Write(issuer_.Jwks());
    Add(TestIssuer::kIssuer)->set_jwks_file(file_);
  }
  config::v1::Tokens* Add(const std::string& issuer) {
    config::v1::Tokens* tokens = config_.add_tokens();
    tokens->set_issuer(issuer);
    tokens->set_audience(TestIssuer::kAudience);
    return tokens;
  }
  void Write(const std::string& text) {
    std::ofstream(file_ + ".new") << text;
    ASSERT_EQ(std::rename((file_ + ".new").c_str(), file_.c_str()), 0);
  }
  TokenAccess& access() {
    if (access_ == nullptr) access_ = TokenAccess::Open(config_.tokens(), clock_, *log_).value();
    return *access_;
  }
  std::string Judge(const std::string& authorization, const std::string& pem = "") {
    const absl::StatusOr<TokenHolder> holder = access().Authenticate(authorization, pem);
    return holder.ok() ? "OK " + holder->principal : ReasonOf(holder.status()).reason;
  }
  int64_t now() { return static_cast<int64_t>(clock_.WallMicros() / 1'000'000); }

  const TestIssuer& issuer_ = TestIssuer::Get();
  testing::TempDir dir_;
  const std::string file_ = dir_.path() + "/jwks.json";
  testing::FakeClock clock_;
  std::unique_ptr<RpcLog> log_ = RpcLog::Open("info", dir_.path() + "/log").value();
  config::v1::Config config_;
  std::unique_ptr<TokenAccess> access_;
  const std::string good_ = "OK https://idp.example/realms/h#ehr";
};

TEST_F(TokenAccessTest, TakesABearerTokenOfAConfiguredIssuer) {
  const std::string token = issuer_.Good(now());
  EXPECT_EQ(Judge("Bearer " + token), good_);
  EXPECT_EQ(Judge("bearer " + token), good_);
  EXPECT_EQ(Judge("Bearer " + token), good_) << "remembered";
  for (const std::string& wrong :
       {std::string(), token, "Basic " + token, std::string("Bearer"), "Bearer" + token}) {
    EXPECT_EQ(Judge(wrong), kReasonTokenMissing) << wrong;
  }
  EXPECT_EQ(Judge("Bearer "), kReasonTokenMalformed);
  EXPECT_EQ(Judge("Bearer  " + token), kReasonTokenMalformed);
}

TEST_F(TokenAccessTest, ARememberedTokenStillExpires) {
  const std::string token = "Bearer " + issuer_.Good(now());
  EXPECT_EQ(Judge(token), good_);
  clock_.Advance(uint64_t{300 + kTokenSkewSeconds} * 1'000'000);
  EXPECT_EQ(Judge(token), kReasonTokenExpired);
}

TEST_F(TokenAccessTest, ARememberedTokenIsForgottenWithItsKey) {
  const std::string token = "Bearer " + issuer_.Good(now());
  EXPECT_EQ(Judge(token), good_);
  Write(KeySet({TestKey::Ec("P-256").Jwk("ec", "")}));  // the same id, another key
  access().Start();
  EXPECT_TRUE(testing::Eventually([&] { return Judge(token) == kReasonTokenBadSignature; }));
  access().Stop();
}

TEST_F(TokenAccessTest, IssuersDoNotKnowEachOthersKeys) {
  const TestKey other = TestKey::Ec("P-256");
  const std::string other_file = dir_.path() + "/other.json";
  std::ofstream(other_file) << KeySet({other.Jwk("ec", ""), other.Jwk("other", "")});
  Add("https://other.example")->set_jwks_file(other_file);
  Json claims = TestIssuer::Claims(now());
  claims["iss"] = "https://other.example";
  EXPECT_EQ(Judge("Bearer " +
                  TestIssuer::Token(other, "ES256", TestIssuer::Header().dump(), claims.dump())),
            "OK https://other.example#ehr");
  EXPECT_EQ(Judge("Bearer " + issuer_.Token(TestIssuer::Header(), claims)),
            kReasonTokenBadSignature);
  EXPECT_EQ(Judge("Bearer " + TestIssuer::Token(other, "ES256",
                                                TestIssuer::Header("ES256", "other").dump(),
                                                TestIssuer::Claims(now()).dump())),
            kReasonTokenUnknownKey);
  claims["iss"] = "https://third.example";
  EXPECT_EQ(Judge("Bearer " + issuer_.Token(TestIssuer::Header(), claims)),
            kReasonTokenUnknownIssuer);
}

TEST_F(TokenAccessTest, WithoutKeysYetItSaysWhenToTryAgain) {
  config_.mutable_tokens(0)->clear_jwks_file();
  config_.mutable_tokens(0)->set_jwks_url("http://127.0.0.1:1/jwks");
  const absl::Status status = access().Authenticate("Bearer " + issuer_.Good(now()), "").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(ReasonOf(status).reason, kReasonTokenKeysUnavailable);
  EXPECT_EQ(ReasonOf(status).metadata.at("retry_after_ms"), "2000");
}

TEST_F(TokenAccessTest, ABoundTokenIsComparedWithTheConnectionsCertificate) {
  const std::string pem =
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";  // any bytes
  Json claims = TestIssuer::Claims(now());
  claims["cnf"] = {{"x5t#S256", testing::Base64Url(
                                    std::string(Sha256({absl::string_view("\0\0\0", 3)}).view()))}};
  const std::string token = "Bearer " + issuer_.Token(TestIssuer::Header(), claims);
  EXPECT_EQ(Judge(token, pem), good_);
  EXPECT_EQ(Judge(token, ""), kReasonTokenNotBound) << "though it is remembered";
  EXPECT_EQ(Judge(token, "-----BEGIN CERTIFICATE-----\nAAAB\n-----END CERTIFICATE-----\n"),
            kReasonTokenNotBound);
}

TEST_F(TokenAccessTest, TheLogGetsNoSubject) {
  const absl::StatusOr<TokenHolder> holder =
      access().Authenticate("Bearer " + issuer_.Good(now(), "jane.doe"), "");
  ASSERT_OK(holder);
  EXPECT_THAT(holder->log_name, HasSubstr("https://idp.example/realms/h#hmac:"));
  EXPECT_THAT(holder->log_name, Not(HasSubstr("jane")));
  // Whoever has a log and a list of the staff shall not find out by trying.
  const auto other = TokenAccess::Open(config_.tokens(), clock_, *log_).value();
  const std::string token = "Bearer " + issuer_.Good(now(), "jane.doe");
  EXPECT_EQ(access().Authenticate(token, "")->log_name, holder->log_name);
  EXPECT_NE(other->Authenticate(token, "")->log_name, holder->log_name);
}

TEST_F(TokenAccessTest, KnowsNamesThatOnlyTokensMayHave) {
  EXPECT_TRUE(access().Owns("https://idp.example/realms/h#ehr"));
  EXPECT_TRUE(access().Owns("https://idp.example/realms/h#"));
  EXPECT_FALSE(access().Owns("https://idp.example/realms/h"));
  EXPECT_FALSE(access().Owns("https://idp.example/realms/h2#ehr"));
  EXPECT_FALSE(access().Owns("spiffe://hospital.example/ehr"));
}

TEST_F(TokenAccessTest, MemoryIsBounded) {
  Json claims = TestIssuer::Claims(now());
  const std::string first = "Bearer " + issuer_.Good(now());
  EXPECT_EQ(Judge(first), good_);
  // Not what this is for: that it goes on when it is full.
  for (size_t i = 0; i <= kMaxRememberedTokens; ++i) {
    claims["jti"] = i;
    ASSERT_EQ(Judge("Bearer " + issuer_.Token(TestIssuer::Header(), claims)), good_);
  }
  EXPECT_EQ(Judge(first), good_);
}

TEST_F(TokenAccessTest, AFileThatCannotBeReadNamesTheField) {
  Add("https://other.example")->set_jwks_file(dir_.path() + "/none");
  EXPECT_THAT(TokenAccess::Open(config_.tokens(), clock_, *log_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tokens[1].jwks_file: ")));
}

}  // namespace
}  // namespace auditledger
