// An issuer's keys over real https on loopback: whose certificate counts, and what is left when
// nobody answers.
//
// Covers: api/access/jwks_source, api/access/token_access, api/http_transport
#include <gmock/gmock.h>

#include "api/access/token_access.h"
#include "api/client/dev_certs.h"
#include "tests/api/api_fixture.h"
#include "tests/api/test_issuer.h"
#include "tests/api/witness_http.h"
#include "tests/testing/fake_clock.h"

namespace auditledger {
namespace {

using testing::Eventually;
using ::testing::HasSubstr;
using testing::KeySet;
using testing::LoopbackHttp;
using testing::TestIssuer;

class JwksHttpsTest : public ::testing::Test {
 protected:
  JwksHttpsTest() {
    for (const std::string& dir : {own_, other_}) {
      EXPECT_OK(MakeDevCa(dir));
      EXPECT_OK(MakeDevServerCert(dir, "server"));
    }
  }
  // Answers with jwks_ under a certificate that the authority of `certs` signed, for 127.0.0.1.
  std::unique_ptr<LoopbackHttp> Serve(const std::string& certs,
                                      const std::string& host = "127.0.0.1") {
    const auto answer = [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(jwks_, "application/json");
    };
    return std::make_unique<LoopbackHttp>(
        certs + "/server", [&](httplib::Server& http) { http.Get("/jwks", answer); }, host);
  }
  std::unique_ptr<JwksSource> Source(const LoopbackHttp& server, const std::string& ca_file) {
    const auto http = [ca_file] {
      return NewHttpTransport({.timeout = kJwksTimeout, .ca_file = ca_file});
    };
    return JwksSource::Open({"idp", "", server.url() + "/jwks", "", http}, clock_, *log_).value();
  }
  void PassARefresh(JwksSource& source) {
    clock_.Advance(std::chrono::microseconds(kJwksRefresh).count());
    source.RunOnce();
  }

  testing::TempDir dir_;
  const std::string own_ = dir_.path() + "/own";
  const std::string other_ = dir_.path() + "/other";
  std::string jwks_ = TestIssuer::Get().Jwks();
  testing::FakeClock clock_;
  std::unique_ptr<RpcLog> log_ = RpcLog::Open("info", dir_.path() + "/log").value();
};

TEST_F(JwksHttpsTest, TheAuthorityThatIsNamedIsBelieved) {
  const auto server = Serve(own_);
  const auto source = Source(*server, own_ + "/ca.pem");
  source->RunOnce();
  ASSERT_NE(source->keys(), nullptr) << testing::FileText(dir_.path() + "/log");
  EXPECT_NE(source->keys()->Find("ec"), nullptr);
  EXPECT_FALSE(source->report().failing);
}

TEST_F(JwksHttpsTest, NoOtherAuthorityIs) {
  const auto server = Serve(other_);
  for (const std::string& ca_file : {own_ + "/ca.pem", std::string()}) {  // none: the machine's
    const auto source = Source(*server, ca_file);
    source->RunOnce();
    EXPECT_EQ(source->keys(), nullptr) << ca_file;
    EXPECT_TRUE(source->report().failing) << ca_file;
  }
  EXPECT_THAT(testing::FileText(dir_.path() + "/log"), HasSubstr("SSL"));
}

TEST_F(JwksHttpsTest, NorACertificateForAnotherHost) {
  const auto server = Serve(own_, "127.0.0.2");
  const auto source = Source(*server, own_ + "/ca.pem");
  source->RunOnce();
  EXPECT_EQ(source->keys(), nullptr);
}

TEST_F(JwksHttpsTest, AMissingAuthorityFileBelievesNobody) {
  const auto server = Serve(own_);
  const auto source = Source(*server, dir_.path() + "/none.pem");
  source->RunOnce();
  EXPECT_EQ(source->keys(), nullptr);
  EXPECT_TRUE(source->report().failing);
}

TEST_F(JwksHttpsTest, TheLastGoodKeysStayWhileNobodyAnswers) {
  auto server = Serve(own_);
  const auto source = Source(*server, own_ + "/ca.pem");
  source->RunOnce();
  const auto good = source->keys();
  ASSERT_NE(good, nullptr);
  jwks_ = "{\"keys\":";
  PassARefresh(*source);
  EXPECT_EQ(source->keys(), good) << "the answer is no key set";
  jwks_ = TestIssuer::Get().Jwks();
  PassARefresh(*source);
  EXPECT_FALSE(source->report().failing);
  server.reset();
  PassARefresh(*source);
  EXPECT_EQ(source->keys(), good) << "nobody is there";
  EXPECT_TRUE(source->report().failing);
}

TEST_F(JwksHttpsTest, ARotatedKeyIsTakenOverTheNextConnection) {
  const auto server = Serve(own_);
  const auto source = Source(*server, own_ + "/ca.pem");
  source->RunOnce();
  jwks_ = KeySet({TestIssuer::Get().ec().Jwk("next", "")});
  PassARefresh(*source);
  EXPECT_EQ(source->keys()->Find("ec"), nullptr);
  EXPECT_NE(source->keys()->Find("next"), nullptr);
}

// From the configuration to the principal, by its own thread.
TEST_F(JwksHttpsTest, AConfiguredUrlLetsItsTokensIn) {
  const auto server = Serve(own_);
  config::v1::Config config;
  config::v1::Tokens* tokens = config.add_tokens();
  tokens->set_issuer(TestIssuer::kIssuer);
  tokens->set_audience(TestIssuer::kAudience);
  tokens->set_jwks_url(server->url() + "/jwks");
  tokens->set_ca_file(own_ + "/ca.pem");
  const auto access = TokenAccess::Open(config.tokens(), Clock::System(), *log_).value();
  const int64_t now_s = static_cast<int64_t>(Clock::System().WallMicros() / 1'000'000);
  const std::string bearer = "Bearer " + TestIssuer::Get().Good(now_s);
  EXPECT_EQ(ReasonOf(access->Authenticate(bearer, "").status()).reason,
            kReasonTokenKeysUnavailable);
  access->Start();
  EXPECT_TRUE(Eventually([&] { return access->Authenticate(bearer, "").ok(); }));
  access->Stop();
}

}  // namespace
}  // namespace auditledger
