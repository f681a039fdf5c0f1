#include "tools/witness_server.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <sstream>

#include "merkle/sha256.h"
#include "merkle/witness.h"
#include "tests/tools/witness/fixture.h"

namespace auditledger::testing {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;
using ::testing::Not;

class WitnessServerTest : public WitnessFixture {
 protected:
  void SetUp() override {
    WitnessFixture::SetUp();
    options.prefix = "/w.1";
    options.log = &lines;
    absl::StatusOr<std::unique_ptr<WitnessServer>> started =
        WitnessServer::Start(options, *witness);
    ASSERT_OK(started);
    server = *std::move(started);
    client = std::make_unique<httplib::Client>("http://" + server->address());
  }
  httplib::Result Post(const std::string& body, const std::string& path = "/w.1/add-checkpoint") {
    return client->Post(path, body, "application/x-www-form-urlencoded");  // as curl says
  }

  std::ostringstream lines;
  WitnessServerOptions options;
  std::unique_ptr<WitnessServer> server;
  std::unique_ptr<httplib::Client> client;
};

TEST_F(WitnessServerTest, AnswersAsTheProtocolWants) {
  auto answer = Post(log.Request(0, 0, 8));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_OK(AddCosignatures(log[0].CheckpointAt(8), answer->body, {*key}));
  answer = Post(log.Request(0, 5, 9));
  EXPECT_EQ(answer->status, 409);
  EXPECT_EQ(answer->get_header_value("Content-Type"), "text/x.tlog.size");
  EXPECT_EQ(*ParseWitnessSize(answer->body), 8u);
  EXPECT_EQ(Post(log.Request(1, 8, 9))->status, 422);
  EXPECT_EQ(Post("old 9\n\n" + log[0].CheckpointAt(8))->status, 400);
  EXPECT_EQ(Post("nonsense")->status, 400);
  EXPECT_EQ(Post("")->status, 400);

  const auto head = client->Get("/w.1" + WitnessedCheckpointPath(log[0].origin()));
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, *witness->LastCheckpoint(Sha256({log[0].origin()}).ToHex()));
  EXPECT_EQ(client->Get("/w.1" + WitnessedCheckpointPath("other"))->status, 404);
  const auto metrics = client->Get("/w.1/metrics");
  EXPECT_THAT(metrics->body, HasSubstr("answers_total{status=\"409\"} 1\n"));
  EXPECT_THAT(metrics->body, HasSubstr("size{origin=\"ledger.test/clinic\"} 8\n"));
}

TEST_F(WitnessServerTest, OtherPathsAndMethodsAreNotThere) {
  const std::string body = log.Request(0, 0, 8);
  for (const char* path : {"/add-checkpoint", "/w.1/add-checkpoint/", "/wx1/add-checkpoint",
                           "/w.1/add-checkpointx", "/w.1", "/"}) {
    EXPECT_EQ(Post(body, path)->status, 404) << path;
  }
  EXPECT_EQ(client->Get("/w.1/add-checkpoint")->status, 404);
  EXPECT_EQ(client->Put("/w.1/add-checkpoint", body, "text/plain")->status, 404);
  EXPECT_EQ(KnownSize(), 0u);
}

TEST_F(WitnessServerTest, BodiesOverTheLimitAreNotRead) {
  EXPECT_EQ(Post(std::string(kMaxAddCheckpointBytes, 'x'))->status, 400);
  EXPECT_EQ(Post(std::string(kMaxAddCheckpointBytes + 1, 'x'))->status, 413);
  // Without a length that says so.
  size_t sent = 0;
  const auto provider = [&](size_t, httplib::DataSink& sink) {
    const std::string part(64 * 1024, 'x');
    sink.write(part.data(), part.size());
    sent += part.size();
    if (sent > 2 * kMaxAddCheckpointBytes) sink.done();
    return true;
  };
  const auto chunked = client->Post("/w.1/add-checkpoint", provider, "text/plain");
  EXPECT_TRUE(!chunked || chunked->status == 413);  // or the connection was closed before
  EXPECT_EQ(Post(log.Request(0, 0, 8))->status, 200);
}

TEST_F(WitnessServerTest, ItsLogNamesNobodyItDoesNotFollow) {
  Post(log.Request(0, 0, 8));
  Post("old 0\n\nsecret.example\n3\nx\n");
  server->Stop();
  EXPECT_THAT(lines.str(), HasSubstr(" 200 ledger.test/clinic size 8: cosigned\n"));
  EXPECT_THAT(lines.str(), HasSubstr(" 404 - size 0: unknown origin\n"));
  EXPECT_THAT(lines.str(), Not(HasSubstr("secret")));
}

TEST_F(WitnessServerTest, AddressesAndCertificatesMustWork) {
  WitnessServerOptions other;
  other.port = std::stoi(server->address().substr(server->address().rfind(':') + 1));
  other.host = "203.0.113.1";  // nobody's
  EXPECT_THAT(WitnessServer::Start(other, *witness), StatusIs(StatusCode::kUnavailable));
  WitnessServerOptions tls;
  tls.certificate = tls.key = folder / "absent.pem";
  EXPECT_THAT(WitnessServer::Start(tls, *witness), StatusIs(StatusCode::kInvalidArgument));
}

TEST_F(WitnessServerTest, ItServesHttpsWhereItHasACertificate) {
  const std::string pem = folder / "w.pem";
  const std::string command =
      "openssl req -x509 -newkey ed25519 -nodes -subj /CN=localhost -days 2 -keyout " + pem +
      ".key -out " + pem + " 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  WitnessServerOptions tls;
  tls.certificate = pem;
  tls.key = pem + ".key";
  ASSERT_OK_AND_ASSIGN(const auto secure, WitnessServer::Start(tls, *witness));
  httplib::Client https("https://" + secure->address());
  https.set_ca_cert_path(pem.c_str());
  https.enable_server_certificate_verification(false);  // the name is not the address
  const auto answer = https.Post("/add-checkpoint", log.Request(0, 0, 8), "text/plain");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
}

}  // namespace
}  // namespace auditledger::testing
