// Whose certificate an edge passed on, and that nobody else is believed who says so.
//
// Covers: api/access/uri_principal
#include "api/access/edge_identity.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "api/access/uri_principal.h"
#include "api/client/channel.h"
#include "api/client/dev_certs.h"
#include "api/limits.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

constexpr char kEmitter[] = "spiffe://hospital.example/ehr";
constexpr char kAdmin[] = "spiffe://hospital.example/admin";

// As nginx writes $ssl_client_escaped_cert.
std::string Escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._~", c);
    out += plain ? std::string(1, c) : absl::StrFormat("%%%02X", static_cast<unsigned char>(c));
  }
  return out;
}

class EdgeIdentityTest : public ::testing::Test {
 protected:
  EdgeIdentityTest() {
    EXPECT_OK(MakeDevCa(certs_));
    EXPECT_OK(MakeDevServerCert(certs_, "server"));
    EXPECT_OK(MakeDevClientCert(certs_, "ehr", {kEmitter}));
    EXPECT_OK(MakeDevClientCert(certs_, "admin", {kAdmin}));
    EXPECT_OK(MakeDevClientCert(certs_, "nobody", {}));
    EXPECT_OK(MakeDevClientCert(certs_, "both", {kEmitter, kAdmin}));
    EXPECT_OK(MakeDevClientCert(certs_, "liar", {"local:admin"}));
    EXPECT_OK(AddDevGrants(certs_, kEmitter, {config::v1::ROLE_EMITTER}));
    EXPECT_OK(AddDevGrants(certs_, kAdmin, {config::v1::ROLE_OPERATOR}));
    EXPECT_OK(AddDevGrants(certs_, "local:admin", {config::v1::ROLE_OPERATOR}));
  }

  std::string Pem(const std::string& name) {
    return testing::FileText(certs_ + "/" + name + ".pem");
  }
  std::string Escaped(const std::string& name) { return Escape(Pem(name)); }

  testing::TempDir dir_;
  const std::string certs_ = dir_.path() + "/certs";
};

TEST_F(EdgeIdentityTest, TheOneUriOfTheOneCertificateIsThePrincipal) {
  const std::string escaped = Escaped("ehr");
  const ClientMetadata metadata = {{kForwardedCertificate, escaped}, {"user-agent", "x"}};
  ASSERT_OK_AND_ASSIGN(const std::string name, ForwardedPrincipal(metadata));
  EXPECT_EQ(name, kEmitter);
  EXPECT_EQ(ForwardedPem(metadata), Pem("ehr")) << "which tokens may be bound to";
  ASSERT_OK_AND_ASSIGN(const std::string der, ForwardedCertificate(metadata));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> uris, UriSansOf(der));
  EXPECT_THAT(uris, ::testing::ElementsAre(kEmitter));
}

TEST_F(EdgeIdentityTest, CertificatesAreJudgedAsThoseOfOurOwnHandshakes) {
  const auto as = [&](const std::string& name) {
    const std::string escaped = Escaped(name);
    return ForwardedPrincipal({{kForwardedCertificate, escaped}}).status();
  };
  EXPECT_THAT(as("nobody"), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("0 URI")));
  EXPECT_THAT(as("both"), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("2 URI")));
  EXPECT_THAT(as("liar"),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("name of a listener")));
}

TEST_F(EdgeIdentityTest, NoneOrSeveralHeadersAreNobody) {
  const std::string one = Escaped("ehr");
  const std::string other = Escaped("admin");
  for (const ClientMetadata& metadata :
       {ClientMetadata{}, ClientMetadata{{kForwardedCertificate, ""}},
        ClientMetadata{{kForwardedCertificate, one}, {kForwardedCertificate, other}},
        ClientMetadata{{kForwardedCertificate, one}, {kForwardedCertificate, one}}}) {
    EXPECT_THAT(ForwardedPrincipal(metadata).status(),
                StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("passed on none")));
    EXPECT_EQ(ForwardedPem(metadata), "");
  }
}

TEST_F(EdgeIdentityTest, OnlyOneCertificateInEscapedPemIsRead) {
  const std::string pem = Pem("ehr");
  EXPECT_OK(DecodeEscapedCertificate(Escape(pem)).status());
  const std::string body = pem.substr(pem.find('\n') + 1);
  const std::vector<std::string> malformed = {
      "",
      pem,                                               // not escaped
      absl::StrReplaceAll(Escape(pem), {{"%20", "+"}}),  // a form's escape, not a URI's
      Escape(pem) + "%",
      Escape(pem) + "%4",
      Escape(pem) + "%zz",
      Escape(pem + pem),
      Escape(pem + Pem("admin")),
      Escape("x" + pem),
      Escape("\n" + pem),
      Escape(pem + "x"),
      Escape(pem.substr(0, pem.size() - 1)),
      Escape(pem.substr(0, pem.size() / 2) + pem.substr(pem.size() / 2 + 8)),
      Escape(absl::StrReplaceAll(pem, {{" CERTIFICATE", " TRUSTED CERTIFICATE"}})),
      Escape(absl::StrReplaceAll(pem, {{" CERTIFICATE", " X509 CERTIFICATE"}})),
      Escape("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" +
             body),
      Escape("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
  };
  for (const std::string& escaped : malformed) {
    EXPECT_THAT(DecodeEscapedCertificate(escaped).status(),
                StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("escaped PEM")))
        << escaped;
  }
  EXPECT_FALSE(UriSansOf("").ok());
  EXPECT_FALSE(UriSansOf("not a certificate").ok());
}

TEST_F(EdgeIdentityTest, TheAddressIsTheOneThatTheEdgeNames) {
  EXPECT_EQ(ForwardedAddressOf({{kForwardedAddress, "192.0.2.7"}}), "192.0.2.7");
  EXPECT_EQ(ForwardedAddressOf({}), "");
  EXPECT_EQ(ForwardedAddressOf({{kForwardedAddress, "a"}, {kForwardedAddress, "b"}}), "");
}

TEST(UriPrincipal, HoldsAtItsEdges) {
  const std::string longest(kMaxPrincipalBytes, 'a');
  const std::string longer(kMaxPrincipalBytes + 1, 'a');
  EXPECT_OK(UriPrincipal({longest}).status());
  EXPECT_OK(UriPrincipal({"!~"}).status()) << "the ends of what is printable";
  for (const absl::string_view bad :
       {absl::string_view(longer), absl::string_view(""), absl::string_view("a b"),
        absl::string_view("a\x7f"), absl::string_view("a\0b", 3), absl::string_view("\xc3\xa4"),
        absl::string_view("local:"), absl::string_view("local:admin")}) {
    const absl::Status status = UriPrincipal({bad}).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated)) << bad;
    EXPECT_EQ(ReasonOf(status).reason, "NO_PRINCIPAL");
  }
}

// A server with all three kinds of listener, the edge's socket in a folder of its own.
class EdgeListenerTest : public EdgeIdentityTest {
 protected:
  EdgeListenerTest() {
    EXPECT_EQ(mkdir(edge_dir_.c_str(), 0700), 0);
    server_ = std::make_unique<testing::ServerUnderTest>(ledgers_, [&](config::v1::Config& config) {
      config::v1::Listener* edge = config.add_listeners();
      edge->set_name("edge");
      edge->set_address("unix:" + edge_dir_ + "/socket");
      edge->set_edge(true);
      config::v1::Listener* tls = config.add_listeners();
      tls->set_name("tls");
      tls->set_address("127.0.0.1:0");
      tls->mutable_tls()->set_certificate_file(certs_ + "/server.pem");
      tls->mutable_tls()->set_private_key_file(certs_ + "/server.key");
      tls->mutable_tls()->set_client_ca_file(certs_ + "/ca.pem");
      config.mutable_access()->set_policy_file(certs_ + "/access.policy");
      testing::ServerUnderTest::PutPolicyOnRecord(config, ledgers_);
    });
  }

  // What the server says to a call of administration with the certificates of `names` in headers.
  absl::Status CallWith(const std::shared_ptr<grpc::Channel>& channel,
                        const std::vector<std::string>& names) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    for (const std::string& name : names) context.AddMetadata(kForwardedCertificate, Escaped(name));
    v1::GetServerStatusResponse response;
    return FromGrpc(v1::AdminService::NewStub(channel)->GetServerStatus(&context, {}, &response));
  }
  std::shared_ptr<grpc::Channel> Edge() { return UnixChannel("unix:" + edge_dir_ + "/socket"); }

  const std::string edge_dir_ = dir_.path() + "/edge";
  testing::FakeLedgerSet ledgers_;
  std::unique_ptr<testing::ServerUnderTest> server_;
};

TEST_F(EdgeListenerTest, OverTheEdgesSocketTheForwardedCertificateCounts) {
  EXPECT_OK(CallWith(Edge(), {"admin"}));
  EXPECT_THAT(CallWith(Edge(), {"ehr"}), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(EdgeListenerTest, WithoutACertificateTheEdgesSocketGivesNoRights) {
  for (const std::vector<std::string>& names :
       std::vector<std::vector<std::string>>{{}, {"admin", "admin"}, {"nobody"}, {"liar"}}) {
    const absl::Status status = CallWith(Edge(), names);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated));
    EXPECT_EQ(ErrorReason(status), "NO_PRINCIPAL");
  }
}

TEST_F(EdgeListenerTest, OnOtherListenersAForgedHeaderMeansNothing) {
  const auto tls = TlsChannel({server_->server().listeners().back().address, certs_ + "/ca.pem",
                               certs_ + "/ehr.pem", certs_ + "/ehr.key"});
  EXPECT_THAT(CallWith(tls.value(), {"admin"}), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(CallWith(UnixChannel("unix:" + server_->dir() + "/app.sock"), {"admin"}),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_OK(CallWith(UnixChannel("unix:" + server_->dir() + "/admin.sock"), {"ehr"}))
      << "nor does it take rights away";
}

TEST_F(EdgeListenerTest, ASocketThatOthersReachIsNotServed) {
  struct stat info {};
  ASSERT_EQ(stat((edge_dir_ + "/socket").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  const auto start = [&](const std::string& folder) {
    config::v1::Config config;
    ApplyRoot(dir_.path() + "/other", config);
    config::v1::Listener* edge = config.add_listeners();
    edge->set_name("edge");
    edge->set_address("unix:" + folder + "/socket");
    edge->set_edge(true);
    config.mutable_access()->set_policy_file(certs_ + "/access.policy");
    testing::ServerUnderTest::PutPolicyOnRecord(config, ledgers_);
    ApplyDefaults(config);
    return Server::Start(config, ledgers_, Clock::System(), server_->log()).status();
  };
  const std::string open = dir_.path() + "/open";
  ASSERT_EQ(mkdir(open.c_str(), 0700), 0);
  EXPECT_OK(start(open));
  ASSERT_EQ(chmod(open.c_str(), 02750), 0);
  EXPECT_OK(start(open)) << "for an edge that is another user";
  for (const mode_t mode : {0701, 0704, 0702, 0720, 0770, 0755, 0777}) {
    ASSERT_EQ(chmod(open.c_str(), mode), 0);
    EXPECT_THAT(start(open), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("chmod 0700")))
        << mode;
  }
  EXPECT_THAT(start(dir_.path() + "/absent"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not there")));
  if (geteuid() == 0) {
    ASSERT_EQ(chmod(open.c_str(), 0700), 0);
    ASSERT_EQ(chown(open.c_str(), 12345, 12345), 0);
    EXPECT_THAT(start(open),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another user's")));
  }
}

}  // namespace
}  // namespace auditledger
