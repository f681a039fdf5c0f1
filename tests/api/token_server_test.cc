// Callers with tokens, with certificates, with both and with neither, over gRPC on loopback.
//
// Covers: api/access/authenticator, api/access/token_metrics, api/client/channel
#include <gmock/gmock.h>

#include <fstream>

#include "api/access/token_binding.h"
#include "api/access/token_verifier.h"
#include "api/client/channel.h"
#include "api/client/dev_certs.h"
#include "tests/api/api_fixture.h"
#include "tests/api/test_issuer.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using testing::StatusIs;
using testing::TestIssuer;

constexpr char kUri[] = "spiffe://hospital.example/ehr";
constexpr char kHolder[] = "https://idp.example/realms/h#ehr";

class TokenServerTest : public ::testing::Test {
 protected:
  TokenServerTest() {
    EXPECT_OK(MakeDevCa(certs_));
    EXPECT_OK(MakeDevServerCert(certs_, "server"));
    EXPECT_OK(MakeDevClientCert(certs_, "ehr", {kUri}));
    EXPECT_OK(AddDevGrants(certs_, kHolder, {config::v1::ROLE_OPERATOR}));
    EXPECT_OK(MakeDevClientCert(certs_, "other", {"spiffe://hospital.example/other"}));
    EXPECT_OK(MakeDevClientCert(certs_, "nobody", {}));
    EXPECT_OK(MakeDevClientCert(certs_, "impostor", {kHolder}));
    std::ofstream(jwks_) << issuer_.Jwks();
    server_ = std::make_unique<testing::ServerUnderTest>(ledgers_, [&](config::v1::Config& config) {
      Add(config, "certificate", config::v1::CREDENTIAL_CERTIFICATE, true);
      Add(config, "token", config::v1::CREDENTIAL_TOKEN, true);
      Add(config, "token-alone", config::v1::CREDENTIAL_TOKEN, false);
      Add(config, "both", config::v1::CREDENTIAL_BOTH, true);
      config::v1::Listener* local = config.add_listeners();
      local->set_name("local");
      local->set_address("unix:" + temp_.path() + "/local.sock");
      local->set_credential(config::v1::CREDENTIAL_TOKEN);
      config::v1::Tokens* tokens = config.add_tokens();
      tokens->set_issuer(TestIssuer::kIssuer);
      tokens->set_audience(TestIssuer::kAudience);
      tokens->set_jwks_file(jwks_);
      config.mutable_access()->set_policy_file(certs_ + "/access.policy");
    });
    for (const BoundListener& listener : server_->server().listeners()) {
      addresses_[listener.name] = listener.address;
    }
  }
  void Add(config::v1::Config& config, const std::string& name, config::v1::Credential credential,
           bool ask_certificate) const {
    config::v1::Listener* listener = config.add_listeners();
    listener->set_name(name);
    listener->set_address("127.0.0.1:0");
    listener->set_credential(credential);
    listener->mutable_tls()->set_certificate_file(certs_ + "/server.pem");
    listener->mutable_tls()->set_private_key_file(certs_ + "/server.key");
    if (ask_certificate) listener->mutable_tls()->set_client_ca_file(certs_ + "/ca.pem");
  }

  std::shared_ptr<grpc::Channel> Channel(const std::string& listener,
                                         const std::string& certificate) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = testing::FileText(certs_ + "/ca.pem");
    if (!certificate.empty()) {
      options.pem_cert_chain = testing::FileText(certs_ + "/" + certificate + ".pem");
      options.pem_private_key = testing::FileText(certs_ + "/" + certificate + ".key");
    }
    return grpc::CreateChannel(addresses_.at(listener), grpc::SslCredentials(options));
  }
  // "OK", or the reason of the refusal. Administration is for the token's holder alone.
  static std::string CallOn(const std::shared_ptr<grpc::Channel>& channel,
                            const std::vector<std::string>& authorizations) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    for (const std::string& one : authorizations) context.AddMetadata("authorization", one);
    v1::GetServerStatusResponse response;
    const absl::Status status =
        FromGrpc(v1::AdminService::NewStub(channel)->GetServerStatus(&context, {}, &response));
    return status.ok() ? "OK" : ErrorReason(status);
  }
  std::string Call(const std::string& listener, const std::string& certificate,
                   const std::string& token) {
    return CallOn(Channel(listener, certificate),
                  token.empty() ? std::vector<std::string>() : std::vector{"Bearer " + token});
  }
  std::string Good(const std::string& subject = "ehr") const {
    return issuer_.Good(now_s_, subject);
  }
  std::string BoundTo(const std::string& certificate) const {
    Json claims = TestIssuer::Claims(now_s_);
    claims["cnf"] = {{"x5t#S256", CertificateThumbprint(
                                      testing::FileText(certs_ + "/" + certificate + ".pem"))}};
    return issuer_.Token(TestIssuer::Header(), claims);
  }

  const TestIssuer& issuer_ = TestIssuer::Get();
  const int64_t now_s_ = static_cast<int64_t>(Clock::System().WallMicros() / 1'000'000);
  testing::TempDir temp_;
  const std::string certs_ = temp_.path() + "/certs";
  const std::string jwks_ = temp_.path() + "/jwks.json";
  testing::FakeLedgerSet ledgers_;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::map<std::string, std::string> addresses_;
};

TEST_F(TokenServerTest, ATokenAloneIsEnoughWhereItIsAskedFor) {
  for (const char* listener : {"token", "token-alone"}) {
    EXPECT_EQ(Call(listener, "", Good()), "OK") << listener;
    EXPECT_EQ(Call(listener, "", Good("someone")), "NOT_PERMITTED") << "known, and not he";
    EXPECT_EQ(Call(listener, "", ""), "TOKEN_MISSING") << listener;
    EXPECT_EQ(Call(listener, "", "x"), "TOKEN_MALFORMED") << listener;
  }
  EXPECT_EQ(Call("token", "ehr", ""), "TOKEN_MISSING") << "a certificate is none";
}

TEST_F(TokenServerTest, ACertificateAloneIsEnoughWhereItIsAskedFor) {
  EXPECT_EQ(Call("certificate", "ehr", ""), "NOT_PERMITTED");
  EXPECT_EQ(Call("certificate", "ehr", Good()), "NOT_PERMITTED") << "a token adds nothing";
  EXPECT_EQ(Call("certificate", "nobody", Good()), "NO_PRINCIPAL");
}

TEST_F(TokenServerTest, BothAreNeededWhereBothAreAskedFor) {
  EXPECT_EQ(Call("both", "ehr", Good()), "OK");
  EXPECT_EQ(Call("both", "ehr", ""), "TOKEN_MISSING");
  EXPECT_EQ(Call("both", "nobody", Good()), "NO_PRINCIPAL");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  context.AddMetadata("authorization", "Bearer " + Good());
  v1::GetServerStatusResponse response;
  EXPECT_THAT(
      FromGrpc(
          v1::AdminService::NewStub(Channel("both", ""))->GetServerStatus(&context, {}, &response)),
      StatusIs(absl::StatusCode::kUnavailable))
      << "the handshake fails";
}

TEST_F(TokenServerTest, ABoundTokenIsItsCertificatesAlone) {
  for (const char* listener : {"token", "both"}) {
    EXPECT_EQ(Call(listener, "ehr", BoundTo("ehr")), "OK") << listener;
    EXPECT_EQ(Call(listener, "other", BoundTo("ehr")), "TOKEN_NOT_BOUND") << listener;
  }
  EXPECT_EQ(Call("token", "", BoundTo("ehr")), "TOKEN_NOT_BOUND");
  EXPECT_EQ(Call("token-alone", "ehr", BoundTo("ehr")), "TOKEN_NOT_BOUND")
      << "which asks for no certificate";
}

TEST_F(TokenServerTest, ACertificateCannotClaimToBeATokensHolder) {
  EXPECT_EQ(Call("certificate", "impostor", ""), "NO_PRINCIPAL");
  EXPECT_EQ(Call("both", "impostor", Good()), "NO_PRINCIPAL");
}

TEST_F(TokenServerTest, OneAuthorizationAndNoMore) {
  EXPECT_EQ(CallOn(Channel("token", ""), {"Bearer " + Good(), "Bearer " + Good()}),
            "TOKEN_MALFORMED");
  EXPECT_EQ(CallOn(Channel("token", ""), {"Basic dXNlcjpwYXNz"}), "TOKEN_MISSING");
}

TEST_F(TokenServerTest, ASocketMayAskForATokenToo) {
  const auto channel = UnixChannel(addresses_.at("local"));
  EXPECT_EQ(CallOn(channel, {"Bearer " + Good()}), "OK");
  EXPECT_EQ(CallOn(channel, {}), "TOKEN_MISSING");
  EXPECT_EQ(CallOn(channel, {"Bearer " + BoundTo("ehr")}), "TOKEN_NOT_BOUND");
}

TEST_F(TokenServerTest, TheLargestTokenFitsIntoACall) {
  Json claims = TestIssuer::Claims(now_s_);
  claims["pad"] = "";
  const size_t empty = issuer_.Token(TestIssuer::Header(), claims).size();
  claims["pad"] = std::string((kMaxTokenBytes - empty) / 4 * 3 - 3, 'p');
  const std::string token = issuer_.Token(TestIssuer::Header(), claims);
  EXPECT_GT(token.size(), kMaxTokenBytes - 16);
  EXPECT_EQ(Call("token", "", token), "OK");
}

TEST_F(TokenServerTest, TheClientSendsItsTokenFileAndReadsItAgain) {
  const std::string file = temp_.path() + "/token";
  const auto write = [&](const std::string& text) {
    std::ofstream(file + ".new") << text;
    ASSERT_EQ(std::rename((file + ".new").c_str(), file.c_str()), 0);
  };
  write(Good("someone") + "\n");
  TlsChannelOptions options{addresses_.at("token"), certs_ + "/ca.pem"};
  options.token_file = file;
  const auto channel = TlsChannel(options).value();
  EXPECT_EQ(CallOn(channel, {}), "NOT_PERMITTED");
  write(Good());
  EXPECT_EQ(CallOn(channel, {}), "OK");
  ASSERT_EQ(std::remove(file.c_str()), 0);
  grpc::ClientContext context;
  v1::GetServerStatusResponse response;
  EXPECT_THAT(
      FromGrpc(v1::AdminService::NewStub(channel)->GetServerStatus(&context, {}, &response)),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr(file)));
}

TEST_F(TokenServerTest, RefusalsAreCountedByReasonAndNobodyIsNamed) {
  const std::string expired =
      issuer_.Token(TestIssuer::Header(), TestIssuer::Claims(now_s_ - 1000, "jane.doe"));
  EXPECT_EQ(Call("token", "", expired), "TOKEN_EXPIRED");
  EXPECT_EQ(Call("token", "", expired), "TOKEN_EXPIRED");
  EXPECT_EQ(Call("token", "", Good("jane.doe")), "NOT_PERMITTED");
  EXPECT_EQ(server_->Metric("auditledger_refusals_total{reason=\"TOKEN_EXPIRED\"}"), 2);
  EXPECT_EQ(server_->Metric("auditledger_token_keys{issuer=\"https://idp.example/realms/h\"}"), 2);
  EXPECT_EQ(
      server_->Metric("auditledger_token_keys_failing{issuer=\"https://idp.example/realms/h\"}"),
      0);
  const std::string log = testing::FileText(server_->dir() + "/log");
  EXPECT_THAT(log, HasSubstr("TOKEN_EXPIRED"));
  EXPECT_THAT(log, HasSubstr("https://idp.example/realms/h#hmac:"));
  for (const std::string& secret : {std::string("jane"), expired.substr(0, 40)}) {
    EXPECT_THAT(log, Not(HasSubstr(secret)));
    EXPECT_THAT(server_->server().MetricsText(), Not(HasSubstr(secret)));
  }
}

TEST(TokenServer, BoundTokensCanBeRequired) {
  const TestIssuer& issuer = TestIssuer::Get();
  testing::TempDir temp;
  const std::string certs = temp.path() + "/certs";
  ASSERT_OK(MakeDevCa(certs));
  ASSERT_OK(MakeDevServerCert(certs, "server"));
  ASSERT_OK(MakeDevClientCert(certs, "ehr", {kUri}));
  ASSERT_OK(AddDevGrants(certs, kHolder, {config::v1::ROLE_OPERATOR}));
  std::ofstream(temp.path() + "/jwks") << issuer.Jwks();
  testing::FakeLedgerSet ledgers;
  testing::ServerUnderTest server(ledgers, [&](config::v1::Config& config) {
    config::v1::Listener* listener = config.add_listeners();
    listener->set_name("both");
    listener->set_address("127.0.0.1:0");
    listener->set_credential(config::v1::CREDENTIAL_BOTH);
    listener->mutable_tls()->set_certificate_file(certs + "/server.pem");
    listener->mutable_tls()->set_private_key_file(certs + "/server.key");
    listener->mutable_tls()->set_client_ca_file(certs + "/ca.pem");
    config::v1::Tokens* tokens = config.add_tokens();
    tokens->set_issuer(TestIssuer::kIssuer);
    tokens->set_audience(TestIssuer::kAudience);
    tokens->set_jwks_file(temp.path() + "/jwks");
    tokens->set_bind_to_certificate(true);
    config.mutable_access()->set_policy_file(certs + "/access.policy");
  });
  const int64_t now_s = static_cast<int64_t>(Clock::System().WallMicros() / 1'000'000);
  const auto call = [&](const Json& claims) {
    std::ofstream(temp.path() + "/token") << issuer.Token(TestIssuer::Header(), claims);
    const auto channel =
        TlsChannel({server.server().listeners().back().address, certs + "/ca.pem",
                    certs + "/ehr.pem", certs + "/ehr.key", temp.path() + "/token"});
    grpc::ClientContext context;
    v1::GetServerStatusResponse response;
    return FromGrpc(
        v1::AdminService::NewStub(channel.value())->GetServerStatus(&context, {}, &response));
  };
  Json claims = TestIssuer::Claims(now_s);
  EXPECT_EQ(ErrorReason(call(claims)), "TOKEN_NOT_BOUND");
  claims["cnf"] = {{"x5t#S256", CertificateThumbprint(testing::FileText(certs + "/ehr.pem"))}};
  EXPECT_OK(call(claims));
}

// Who tries tokens until one fits, or until the server is busy with signatures.
TEST(TokenServer, RefusedCallersCountForTheirAddressToo) {
  const TestIssuer& issuer = TestIssuer::Get();
  testing::TempDir temp;
  const std::string certs = temp.path() + "/certs";
  ASSERT_OK(MakeDevCa(certs));
  ASSERT_OK(MakeDevServerCert(certs, "server"));
  ASSERT_OK(AddDevGrants(certs, kHolder, {config::v1::ROLE_OPERATOR}));
  std::ofstream(temp.path() + "/jwks") << issuer.Jwks();
  testing::FakeLedgerSet ledgers;
  testing::ServerUnderTest server(ledgers, [&](config::v1::Config& config) {
    config::v1::Listener* listener = config.add_listeners();
    listener->set_name("token");
    listener->set_address("127.0.0.1:0");
    listener->set_credential(config::v1::CREDENTIAL_TOKEN);
    listener->mutable_tls()->set_certificate_file(certs + "/server.pem");
    listener->mutable_tls()->set_private_key_file(certs + "/server.key");
    config::v1::Tokens* tokens = config.add_tokens();
    tokens->set_issuer(TestIssuer::kIssuer);
    tokens->set_audience(TestIssuer::kAudience);
    tokens->set_jwks_file(temp.path() + "/jwks");
    config.mutable_access()->set_policy_file(certs + "/access.policy");
    config.mutable_rates()->mutable_address_calls()->set_per_second(1);
    config.mutable_rates()->mutable_address_calls()->set_burst(3);
  });
  const auto call = [&](const std::string& token) {
    std::ofstream(temp.path() + "/token") << token;
    TlsChannelOptions options{server.server().listeners().back().address, certs + "/ca.pem"};
    options.token_file = temp.path() + "/token";
    grpc::ClientContext context;
    v1::GetServerStatusResponse response;
    return ErrorReason(FromGrpc(v1::AdminService::NewStub(TlsChannel(options).value())
                                    ->GetServerStatus(&context, {}, &response)));
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call("x"), "TOKEN_MALFORMED") << i;
  EXPECT_EQ(call("x"), "RATE_LIMITED");
  const int64_t now_s = static_cast<int64_t>(Clock::System().WallMicros() / 1'000'000);
  EXPECT_EQ(call(issuer.Good(now_s)), "RATE_LIMITED") << "the address is over, whoever it is";
}

}  // namespace
}  // namespace auditledger
