// Who is let in over TLS, on loopback.
//
// Covers: api/access/authenticator, api/client/channel, api/client/dev_certs
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "api/client/channel.h"
#include "api/client/dev_certs.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::StatusIs;

class TlsTest : public ::testing::Test {
 protected:
  static constexpr char kPrincipal[] = "spiffe://hospital.example/ehr";

  TlsTest() {
    EXPECT_OK(MakeDevCa(ca_));
    EXPECT_OK(MakeDevServerCert(ca_, "server"));
    EXPECT_OK(MakeDevClientCert(ca_, "ehr", {kPrincipal}));
    EXPECT_OK(MakeDevClientCert(ca_, "nobody", {}));
    EXPECT_OK(MakeDevClientCert(ca_, "both", {kPrincipal, "spiffe://hospital.example/admin"}));
    EXPECT_OK(MakeDevClientCert(ca_, "liar", {"local:admin"}));
    EXPECT_OK(AddDevGrants(ca_, kPrincipal, {config::v1::ROLE_OPERATOR}));
    EXPECT_OK(AddDevGrants(ca_, "local:admin", {config::v1::ROLE_OPERATOR}));
    EXPECT_OK(MakeDevCa(other_));
    EXPECT_OK(MakeDevClientCert(other_, "ehr", {kPrincipal}));
    server_ = std::make_unique<testing::ServerUnderTest>(ledgers_, [&](config::v1::Config& config) {
      config::v1::Listener* listener = config.add_listeners();
      listener->set_name("tls");
      listener->set_address("127.0.0.1:0");
      listener->mutable_tls()->set_certificate_file(ca_ + "/server.pem");
      listener->mutable_tls()->set_private_key_file(ca_ + "/server.key");
      listener->mutable_tls()->set_client_ca_file(ca_ + "/ca.pem");
      config.mutable_access()->set_policy_file(ca_ + "/access.policy");
    });
    address_ = server_->server().listeners().back().address;
  }

  absl::Status CallAs(const std::string& folder, const std::string& name) {
    const auto channel = TlsChannel(
        {address_, ca_ + "/ca.pem", folder + "/" + name + ".pem", folder + "/" + name + ".key"});
    return CallOn(channel.value());
  }
  static absl::Status CallOn(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::GetServerStatusResponse response;
    return FromGrpc(v1::AdminService::NewStub(channel)->GetServerStatus(&context, {}, &response));
  }

  testing::TempDir dir_;
  const std::string ca_ = dir_.path() + "/ca";
  const std::string other_ = dir_.path() + "/other";
  testing::FakeLedgerSet ledgers_;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::string address_;
};

TEST_F(TlsTest, TheUriSanIsThePrincipal) { EXPECT_OK(CallAs(ca_, "ehr")); }

TEST_F(TlsTest, ACertificateWithoutUriIsNobody) {
  const absl::Status status = CallAs(ca_, "nobody");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(ErrorReason(status), "NO_PRINCIPAL");
}

TEST_F(TlsTest, ACertificateWithTwoUrisIsNobody) {
  EXPECT_THAT(CallAs(ca_, "both"),
              StatusIs(absl::StatusCode::kUnauthenticated, ::testing::HasSubstr("2 URI")));
}

TEST_F(TlsTest, ACertificateCannotClaimToBeLocal) {
  EXPECT_THAT(CallAs(ca_, "liar"), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(TlsTest, AnotherAuthorityIsNotBelieved) {
  EXPECT_THAT(CallAs(other_, "ehr"), StatusIs(absl::StatusCode::kUnavailable))
      << "the handshake fails";
}

TEST_F(TlsTest, NoCertificateNoCall) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = testing::FileText(ca_ + "/ca.pem");
  EXPECT_THAT(CallOn(grpc::CreateChannel(address_, grpc::SslCredentials(options))),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(CallOn(grpc::CreateChannel(address_, grpc::InsecureChannelCredentials())),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TlsTest, OverItsSocketAListenerIsItsName) {
  EXPECT_THAT(CallOn(UnixChannel("unix:" + server_->dir() + "/app.sock")),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_OK(CallOn(UnixChannel("unix:" + server_->dir() + "/admin.sock")));
}

TEST_F(TlsTest, DevelopmentKeysAreSecretAndNeverOverwritten) {
  struct stat info {};
  ASSERT_EQ(stat((ca_ + "/ehr.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const std::string before = testing::FileText(ca_ + "/ehr.key");
  EXPECT_THAT(MakeDevClientCert(ca_, "ehr", {kPrincipal}),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(testing::FileText(ca_ + "/ehr.key"), before);
  EXPECT_THAT(MakeDevClientCert(ca_, "../x", {kPrincipal}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(MakeDevClientCert(ca_, "x", {"a,DNS:b"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
