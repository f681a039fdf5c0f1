// Which certificates and versions of TLS a listener takes, on loopback; with and without a
// revocation list, which is another path through gRPC.
#include "api/access/tls_credentials.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <fstream>

#include "api/client/channel.h"
#include "api/client/dev_certs.h"
#include "tests/api/api_fixture.h"
#include "tests/api/test_ca.h"

namespace auditledger {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TestCa;
using testing::TestCertificate;

constexpr char kPrincipal[] = "spiffe://hospital.example/ehr";

// What a handshake of exactly `version` ends with: "" or OpenSSL's reason.
std::string Handshake(const std::string& address, int version, const std::string& client) {
  ClearOpensslErrors();
  SSL_CTX* const settings = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(settings, 0);  // else OpenSSL itself refuses 1.1
  SSL_CTX_set_min_proto_version(settings, version);
  SSL_CTX_set_max_proto_version(settings, version);
  EXPECT_EQ(SSL_CTX_use_certificate_file(settings, (client + ".pem").c_str(), SSL_FILETYPE_PEM), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey_file(settings, (client + ".key").c_str(), SSL_FILETYPE_PEM), 1);
  const unsigned char h2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(settings, h2, sizeof(h2));
  BIO* const connection = BIO_new_ssl_connect(settings);
  BIO_set_conn_hostname(connection, address.c_str());
  const bool connected = BIO_do_connect(connection) == 1 && BIO_do_handshake(connection) == 1;
  const std::string why = DrainOpensslErrors("handshake");
  OpensslDeleter<BIO_free_all>()(connection);
  OpensslDeleter<SSL_CTX_free>()(settings);
  return connected ? "" : why;
}

class TlsCredentialsTest : public ::testing::TestWithParam<bool> {
 protected:
  TlsCredentialsTest() {
    EXPECT_OK(MakeDevCa(dir_));
    EXPECT_OK(MakeDevServerCert(dir_, "server"));
    EXPECT_OK(AddDevGrants(dir_, kPrincipal, {config::v1::ROLE_OPERATOR}));
    std::ofstream(dir_ + "/clients.pem") << ca_.pem();
    WriteCrl(ca_.Crl({revoked_.serial}));
    good_.Write(dir_, "good");
    revoked_.Write(dir_, "revoked");
    ca_.Client({kPrincipal}, -7200, -3600).Write(dir_, "expired");
    ca_.Client({kPrincipal}, 3600, 7200).Write(dir_, "early");
    ca_.Client({kPrincipal, kPrincipal}).Write(dir_, "two");
    ca_.Client({}).Write(dir_, "none");
    TestCa::SelfSigned({kPrincipal}).Write(dir_, "self");
    TestCa().Client({kPrincipal}).Write(dir_, "foreign");
    server_ = std::make_unique<testing::ServerUnderTest>(ledgers_, [&](config::v1::Config& config) {
      config::v1::Listener* listener = config.add_listeners();
      listener->set_name("tls");
      listener->set_address("127.0.0.1:0");
      listener->mutable_tls()->set_certificate_file(dir_ + "/server.pem");
      listener->mutable_tls()->set_private_key_file(dir_ + "/server.key");
      listener->mutable_tls()->set_client_ca_file(dir_ + "/clients.pem");
      if (GetParam()) listener->mutable_tls()->set_crl_file(dir_ + "/crl");
      config.mutable_access()->set_policy_file(dir_ + "/access.policy");
    });
    address_ = server_->server().listeners().back().address;
  }
  void WriteCrl(const std::string& text) {
    std::ofstream(dir_ + "/crl.new") << text;
    ASSERT_EQ(std::rename((dir_ + "/crl.new").c_str(), (dir_ + "/crl").c_str()), 0);
  }
  // Over a new connection.
  absl::Status CallAs(const std::string& name) {
    const auto channel = TlsChannel(
        {address_, dir_ + "/ca.pem", dir_ + "/" + name + ".pem", dir_ + "/" + name + ".key"});
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::GetServerStatusResponse response;
    return FromGrpc(
        v1::AdminService::NewStub(channel.value())->GetServerStatus(&context, {}, &response));
  }

  testing::TempDir temp_;
  const std::string dir_ = temp_.path() + "/certs";
  const TestCa ca_;
  const TestCertificate good_ = ca_.Client({kPrincipal});
  const TestCertificate revoked_ = ca_.Client({kPrincipal});
  testing::FakeLedgerSet ledgers_;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::string address_;
};

TEST_P(TlsCredentialsTest, OnlyACertificateThatHoldsGetsThrough) {
  EXPECT_OK(CallAs("good"));
  for (const char* name : {"expired", "early", "self", "foreign"}) {
    EXPECT_THAT(CallAs(name), StatusIs(absl::StatusCode::kUnavailable)) << name;
  }
  EXPECT_THAT(CallAs("two"), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("2 URI")));
  EXPECT_THAT(CallAs("none"), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("0 URI")));
  EXPECT_OK(CallAs("good")) << "and goes on to";
}

TEST_P(TlsCredentialsTest, ARevokedOneIsRefusedWhereThereIsAList) {
  if (!GetParam()) {
    EXPECT_OK(CallAs("revoked"));
    return;
  }
  EXPECT_THAT(CallAs("revoked"), StatusIs(absl::StatusCode::kUnavailable));
  WriteCrl(ca_.Crl({good_.serial}));
  EXPECT_TRUE(testing::Eventually([&] { return CallAs("revoked").ok(); })) << "no longer";
  EXPECT_THAT(CallAs("good"), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_P(TlsCredentialsTest, BelowTls12NobodyIsHeard) {
  EXPECT_EQ(Handshake(address_, TLS1_2_VERSION, dir_ + "/good"), "");
  EXPECT_EQ(Handshake(address_, TLS1_3_VERSION, dir_ + "/good"), "");
  for (const int version : {TLS1_1_VERSION, TLS1_VERSION}) {
    // gRPC 1.51 closes the connection without an alert.
    EXPECT_THAT(Handshake(address_, version, dir_ + "/good"),
                AnyOf(HasSubstr("alert protocol version"), HasSubstr("unexpected eof")));
  }
}

INSTANTIATE_TEST_SUITE_P(CrlFile, TlsCredentialsTest, ::testing::Bool());

TEST(TlsCredentials, AFileThatCannotBeUsedIsNamed) {
  testing::TempDir temp;
  const std::string dir = temp.path() + "/certs";
  ASSERT_OK(MakeDevCa(dir));
  ASSERT_OK(MakeDevServerCert(dir, "server"));
  const std::unique_ptr<RpcLog> log = RpcLog::Open("info", temp.path() + "/log").value();
  config::v1::Listener listener;
  listener.mutable_tls()->set_certificate_file(dir + "/server.pem");
  listener.mutable_tls()->set_private_key_file(dir + "/server.key");
  listener.mutable_tls()->set_client_ca_file(dir + "/ca.pem");
  EXPECT_OK(ListenerCredentials(listener, Clock::System(), *log));
  const auto wrong = [&](const std::string& field) {
    EXPECT_THAT(ListenerCredentials(listener, Clock::System(), *log).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
  };
  listener.mutable_tls()->set_crl_file(dir + "/ca.pem");
  wrong("tls.crl_file");
  listener.mutable_tls()->set_client_ca_file(dir + "/none");
  wrong("tls.client_ca_file");
  listener.mutable_tls()->set_private_key_file(dir + "/none");
  wrong("tls.private_key_file");
}

}  // namespace
}  // namespace auditledger
