// Streams of callers with tokens: none outlives its token, and what to do stands in the error. Over
// a Unix socket that asks for tokens, by the client's own channel.
//
// Covers: api/call, api/client/channel, api/client/ledger_client
#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "api/access/token_verifier.h"
#include "api/client/channel.h"
#include "api/client/ledger_client.h"
#include "tests/api/api_fixture.h"
#include "tests/api/test_issuer.h"
#include "tests/testing/fake_clock.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using testing::AppendRequest;
using testing::Eventually;
using testing::GoodEvent;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TestIssuer;

constexpr uint64_t kSecond = 1'000'000;
constexpr uint64_t kLasts = (300 + kTokenSkewSeconds) * kSecond;  // TestIssuer::Good, with the skew

// A server whose one listener is a socket that wants tokens, and time stands still.
class TokenServer {
 public:
  // `data_dir`: of ledgers that are on a disk.
  explicit TokenServer(LedgerSet& ledgers, const std::string& data_dir = "") {
    std::ofstream(File("jwks")) << TestIssuer::Get().Jwks();
    // Of today, as events are, and at a full second, as tokens are.
    clock_.SetWall(Clock::System().WallMicros() / kSecond * kSecond);
    EXPECT_OK(AddDevGrants(dir_.path(), absl::StrCat(TestIssuer::kIssuer, "#ehr"), AllDevRoles()));
    server_ = std::make_unique<testing::ServerUnderTest>(
        ledgers,
        [&](config::v1::Config& config) {
          config::v1::Listener* listener = config.add_listeners();
          listener->set_name("token");
          listener->set_address("unix:" + File("sock"));
          listener->set_credential(config::v1::CREDENTIAL_TOKEN);
          config::v1::Tokens* tokens = config.add_tokens();
          tokens->set_issuer(TestIssuer::kIssuer);
          tokens->set_audience(TestIssuer::kAudience);
          tokens->set_jwks_file(File("jwks"));
          config.mutable_access()->set_policy_file(File("access.policy"));
          if (!data_dir.empty()) config.set_data_dir(data_dir);
        },
        clock_);
    Renew();
    channel_ = UnixChannel("unix:" + File("sock"), File("token"));
  }

  // Gets the caller a token that begins now.
  void Renew() {
    const int64_t now_s = static_cast<int64_t>(clock_.WallMicros() / kSecond);
    std::ofstream(File("token.new")) << TestIssuer::Get().Good(now_s);
    ASSERT_EQ(std::rename(File("token.new").c_str(), File("token").c_str()), 0);
  }
  std::string File(const std::string& name) const { return dir_.path() + "/" + name; }
  testing::FakeClock& clock() { return clock_; }
  const std::shared_ptr<grpc::Channel>& channel() { return channel_; }

 private:
  testing::TempDir dir_;
  testing::FakeClock clock_;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

v1::AppendEventStreamRequest Events(int first, int count) {
  v1::AppendEventStreamRequest message;
  message.set_ledger("ledgers/main");
  for (int i = first; i < first + count; ++i)
    *message.add_requests() = AppendRequest(GoodEvent(absl::StrCat("e-", i)));
  return message;
}

auto SaysOpenItAgain() {
  return StatusIs(absl::StatusCode::kUnauthenticated,
                  AllOf(HasSubstr("open it again with a new one"), HasSubstr("expired")));
}

class TokenStreamTest : public ::testing::Test {
 protected:
  testing::FakeLedgerSet ledgers_;
  TokenServer server_{ledgers_};
  std::unique_ptr<v1::LedgerService::Stub> stub_ = v1::LedgerService::NewStub(server_.channel());
};

TEST_F(TokenStreamTest, AnAppendStreamEndsWithItsTokenAndGoesOnWithANewOne) {
  grpc::ClientContext context;
  const auto stream = stub_->AppendEventStream(&context);
  v1::AppendEventStreamResponse response;
  ASSERT_TRUE(stream->Write(Events(0, 1)));
  ASSERT_TRUE(stream->Read(&response));
  server_.clock().Advance(kLasts - 1);
  ASSERT_TRUE(stream->Write(Events(1, 1))) << "in its last microsecond";
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.results(0).has_receipt());
  server_.clock().Advance(1);
  stream->Write(Events(2, 1));
  EXPECT_FALSE(stream->Read(&response)) << "before the event is looked at";
  const absl::Status ended = FromGrpc(stream->Finish());
  EXPECT_THAT(ended, SaysOpenItAgain());
  EXPECT_EQ(ErrorReason(ended), kReasonTokenExpired);
  EXPECT_EQ(ledgers_.main().taken(), 3u) << "two events, and that a call was refused";

  server_.Renew();
  grpc::ClientContext again;
  const auto next = stub_->AppendEventStream(&again);
  ASSERT_TRUE(next->Write(Events(2, 1)));
  ASSERT_TRUE(next->WritesDone());
  ASSERT_TRUE(next->Read(&response));
  EXPECT_TRUE(response.results(0).has_receipt());
  EXPECT_OK(FromGrpc(next->Finish()));
}

TEST_F(TokenStreamTest, WhatWasReadBeforeIsStillAnswered) {
  ledgers_.main().Hold(true);
  grpc::ClientContext context;
  const auto stream = stub_->AppendEventStream(&context);
  ASSERT_TRUE(stream->Write(Events(0, 3)));
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == 3; }));
  server_.clock().Advance(kLasts);
  ledgers_.main().Release(3);
  int answered = 0;
  for (v1::AppendEventStreamResponse response; stream->Read(&response);)
    answered += response.results_size();
  EXPECT_EQ(answered, 3);
  EXPECT_THAT(FromGrpc(stream->Finish()), SaysOpenItAgain());
  ledgers_.main().Hold(false);  // the refusal is an entry, which the stop waits for
  ledgers_.main().Drain();
}

// Whose token file is replaced while the stream is open, as an agent does it that gets tokens.
class TokenClientTest : public ::testing::Test {
 protected:
  TokenClientTest() {
    LedgerSetOptions options;
    options.roots = {dir_.path() + "/data", dir_.path() + "/state", dir_.path() + "/keys",
                     dir_.path() + "/seeds"};
    ledgers_ = LedgerSet::Open(options).value();
    const Ledger* const ledger = ledgers_->Create("main", "test.example/log").value();
    server_ = std::make_unique<TokenServer>(*ledgers_, dir_.path() + "/data");
    LedgerClientOptions client;
    client.ledger = "ledgers/main";
    client.log = PinnedLog{"test.example/log", ledger->verifier()};
    client.window = 1;
    client.events_per_message = 1;
    client_ = std::make_unique<LedgerClient>(server_->channel(), std::move(client));
    for (uint64_t i = 0; i < 4; ++i) events_.push_back(GoodEvent(absl::StrCat("e-", i), i + 1));
  }

  testing::TempDir dir_;
  std::unique_ptr<LedgerSet> ledgers_;
  std::unique_ptr<TokenServer> server_;
  std::unique_ptr<LedgerClient> client_;
  std::vector<v1::AuditEvent> events_;
  size_t answered_ = 0;
};

// The refusal becomes an entry, hence a head, while the stream ends by it.
TEST_F(TokenClientTest, AStreamOfHeadsEndsWithItsToken) {
  const auto stub = v1::LedgerService::NewStub(server_->channel());
  grpc::ClientContext context;
  v1::WatchCheckpointsRequest request;
  request.set_ledger("ledgers/main");
  const auto watch = stub->WatchCheckpoints(&context, request);
  v1::WatchCheckpointsResponse response;
  ASSERT_TRUE(watch->Read(&response));
  server_->clock().Advance(kLasts);  // and nothing is being sent
  while (watch->Read(&response)) continue;
  const absl::Status ended = FromGrpc(watch->Finish());
  EXPECT_THAT(ended, SaysOpenItAgain());
  EXPECT_EQ(ErrorReason(ended), kReasonTokenExpired);
}

TEST_F(TokenClientTest, ATailEndsWithItsToken) {
  const auto stub = v1::LedgerService::NewStub(server_->channel());
  grpc::ClientContext context;
  v1::TailEntriesRequest request;
  request.set_ledger("ledgers/main");
  const auto tail = stub->TailEntries(&context, request);
  v1::TailEntriesResponse response;
  ASSERT_TRUE(tail->Read(&response));
  server_->clock().Advance(kLasts);
  while (tail->Read(&response)) continue;
  EXPECT_THAT(FromGrpc(tail->Finish()), SaysOpenItAgain());
}

TEST_F(TokenClientTest, TheClientGoesOnWithTheNextToken) {
  EXPECT_OK(client_->AppendStream(events_, [&](size_t, const auto& receipt) {
    EXPECT_OK(receipt);
    ++answered_;
    server_->clock().Advance(kLasts);
    server_->Renew();
  }));
  EXPECT_EQ(answered_, events_.size());
}

TEST_F(TokenClientTest, WithoutOneItSaysSoAndDoesNotInsist) {
  const absl::Status ended = client_->AppendStream(events_, [&](size_t, const auto&) {
    ++answered_;
    server_->clock().Advance(kLasts);
  });
  EXPECT_EQ(ErrorReason(ended), kReasonTokenExpired) << ended;
  EXPECT_EQ(answered_, 1u);
}

}  // namespace
}  // namespace auditledger
