// AppendEventStream: order, flow control, refusals in the middle, ends.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "api/client/channel.h"
#include "api/limits.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::AppendRequest;
using testing::Eventually;
using testing::GoodEvent;
using testing::StatusIs;
using Message = v1::AppendEventStreamRequest;

Message Events(int first, int count) {
  Message message;
  message.set_ledger("ledgers/main");
  for (int i = first; i < first + count; ++i)
    *message.add_requests() = AppendRequest(GoodEvent("e-" + std::to_string(i)));
  return message;
}

class AppendStreamTest : public ::testing::Test {
 protected:
  using Stream =
      grpc::ClientReaderWriter<v1::AppendEventStreamRequest, v1::AppendEventStreamResponse>;
  std::unique_ptr<Stream> Open(grpc::ClientContext& context) {
    return server_.stub().AppendEventStream(&context);
  }

  static std::vector<v1::AppendResult> ReadAll(Stream& stream) {
    std::vector<v1::AppendResult> out;
    v1::AppendEventStreamResponse response;
    while (stream.Read(&response))
      out.insert(out.end(), response.results().begin(), response.results().end());
    return out;
  }

  testing::FakeLedgerSet ledgers_;
  testing::ServerUnderTest server_{ledgers_};
};

TEST_F(AppendStreamTest, ResultsComeInTheOrderOfTheEvents) {
  grpc::ClientContext context;
  auto stream = Open(context);
  for (int i = 0; i < 200; i += 40) ASSERT_TRUE(stream->Write(Events(i, 40)));
  ASSERT_TRUE(stream->WritesDone());
  const auto results = ReadAll(*stream);
  ASSERT_OK(FromGrpc(stream->Finish()));
  ASSERT_EQ(results.size(), 200u);
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].position(), i);
    EXPECT_EQ(results[i].receipt().index(), i);
  }
}

TEST_F(AppendStreamTest, ARefusedEventIsAResultAndTheStreamGoesOn) {
  grpc::ClientContext context;
  auto stream = Open(context);
  Message message = Events(0, 3);
  message.mutable_requests(1)->mutable_event()->clear_agent();
  ASSERT_TRUE(stream->Write(message));
  ASSERT_TRUE(stream->WritesDone());
  const auto results = ReadAll(*stream);
  ASSERT_OK(FromGrpc(stream->Finish()));
  ASSERT_EQ(results.size(), 3u);
  EXPECT_TRUE(results[0].has_receipt());
  const absl::Status refused = FromProblem(results[1].problem());
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(testing::FirstViolation(refused), "event.agent: is required and missing");
  EXPECT_EQ(results[2].receipt().index(), 1u);
  EXPECT_EQ(server_.Metric("auditledger_refusals_total{reason=\"MALFORMED_EVENT\"}"), 1);
}

// The bound: with nothing answered, the server takes exactly 1,000 events and stops reading.
TEST_F(AppendStreamTest, TheServerReadsNoFurtherThanAThousandUnansweredEvents) {
  constexpr int kEvents = 1500;
  ledgers_.main().Hold(true);
  grpc::ClientContext context;
  auto stream = Open(context);
  std::thread writer([&] {
    for (int i = 0; i < kEvents; ++i) stream->Write(Events(i, 1));
    stream->WritesDone();
  });
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == kMaxUnansweredEvents; }));
  // A unary call goes through the whole server meanwhile: had the stream read on, it would show.
  v1::GetCheckpointRequest checkpoint;
  checkpoint.set_ledger("ledgers/main");
  for (int i = 0; i < 100; ++i)
    ASSERT_OK(server_.Call(&v1::LedgerService::Stub::GetCheckpoint, checkpoint));
  EXPECT_EQ(ledgers_.main().taken(), kMaxUnansweredEvents);
  // One answer makes room for one event.
  ledgers_.main().Release(1);
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().taken() == kMaxUnansweredEvents + 1; }));
  std::atomic<bool> done{false};
  std::thread committer([&] {
    while (!done) ledgers_.main().Release(10);
  });
  const auto results = ReadAll(*stream);
  done = true;
  committer.join();
  writer.join();
  ASSERT_OK(FromGrpc(stream->Finish()));
  EXPECT_EQ(results.size(), static_cast<size_t>(kEvents));
  EXPECT_EQ(ledgers_.main().highest_queue(), kMaxUnansweredEvents);
}

TEST_F(AppendStreamTest, ProofsCanBeLeftToTheLastResultOfAMessage) {
  ledgers_.main().Hold(true);
  grpc::ClientContext context;
  auto stream = Open(context);
  Message message = Events(0, 5);
  message.set_omit_proofs(true);
  ASSERT_TRUE(stream->Write(message));
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == 5; }));
  ledgers_.main().Release(5);
  ASSERT_TRUE(stream->WritesDone());
  v1::AppendEventStreamResponse response;
  int results = 0;
  while (stream->Read(&response)) {
    for (int i = 0; i < response.results_size(); ++i) {
      const bool last = i + 1 == response.results_size();
      EXPECT_EQ(response.results(i).receipt().has_checkpoint(), last);
      EXPECT_EQ(response.results(i).receipt().index(), static_cast<uint64_t>(results++));
    }
  }
  EXPECT_EQ(results, 5);
}

TEST_F(AppendStreamTest, AProblemAtTheEndOfAMessageIsNoProofOfTheReceiptsBeforeIt) {
  ledgers_.main().Hold(true);
  grpc::ClientContext context;
  auto stream = Open(context);
  Message message = Events(0, 4);
  message.set_omit_proofs(true);
  for (int i : {2, 3}) message.mutable_requests(i)->mutable_event()->clear_agent();
  ASSERT_TRUE(stream->Write(message));
  ASSERT_TRUE(stream->WritesDone());
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == 2; }));
  ledgers_.main().Release(2);
  v1::AppendEventStreamResponse response;
  int results = 0;
  while (stream->Read(&response)) {
    bool proven = true;
    for (const v1::AppendResult& result : response.results()) {
      EXPECT_EQ(result.position(), static_cast<uint64_t>(results++));
      if (result.has_receipt()) proven = result.receipt().has_checkpoint();
    }
    EXPECT_TRUE(proven);
  }
  EXPECT_EQ(results, 4);
}

TEST_F(AppendStreamTest, TheFirstMessageMustNameTheLedger) {
  grpc::ClientContext context;
  auto stream = Open(context);
  stream->Write(Message());
  EXPECT_TRUE(ReadAll(*stream).empty());
  EXPECT_EQ(testing::FirstViolation(FromGrpc(stream->Finish())),
            "ledger: is required: ledgers/{ledger}");
}

TEST_F(AppendStreamTest, AMessageThatBreaksTheRulesEndsTheStreamAfterTheAnswersBefore) {
  grpc::ClientContext context;
  auto stream = Open(context);
  ASSERT_TRUE(stream->Write(Events(0, 2)));
  Message other = Events(2, 1);
  other.set_ledger("ledgers/other");
  ASSERT_TRUE(stream->Write(other));
  EXPECT_EQ(ReadAll(*stream).size(), 2u);
  EXPECT_EQ(testing::FirstViolation(FromGrpc(stream->Finish())),
            "ledger: must be empty or that of the first message");
}

TEST_F(AppendStreamTest, MessagesHoldAtTheEdgeOfTheirCount) {
  grpc::ClientContext context;
  auto stream = Open(context);
  ASSERT_TRUE(stream->Write(Events(0, 1000)));
  ASSERT_TRUE(stream->Write(Events(1000, 1001)));
  EXPECT_EQ(ReadAll(*stream).size(), 1000u);
  EXPECT_EQ(ErrorReason(FromGrpc(stream->Finish())), "BATCH_TOO_LARGE");
}

TEST_F(AppendStreamTest, AClientThatGoesAwayLeavesNothingBehind) {
  ledgers_.main().Hold(true);
  {
    grpc::ClientContext context;
    auto stream = Open(context);
    ASSERT_TRUE(stream->Write(Events(0, 3)));
    ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == 3; }));
    context.TryCancel();
    ReadAll(*stream);
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  const std::string ended =
      "auditledger_rpcs_total{code=\"CANCELLED\",method=\"LedgerService/AppendEventStream\"}";
  EXPECT_TRUE(Eventually([&] { return server_.Metric(ended) == 1; }));
  ledgers_.main().Release(3);  // answers nobody waits for
}

// Over a socket, as clients are: gRPC's in-process transport throws away what a client has not read
// yet, the status too, when its server goes.
TEST_F(AppendStreamTest, DrainAnswersWhatWasReadAndEndsTheStream) {
  ledgers_.main().Hold(true);
  const auto stub = v1::LedgerService::NewStub(UnixChannel("unix:" + server_.dir() + "/app.sock"));
  grpc::ClientContext context;
  auto stream = stub->AppendEventStream(&context);
  ASSERT_TRUE(stream->Write(Events(0, 3)));
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == 3; }));
  std::thread drain([&] { server_.server().Drain(); });
  ledgers_.main().Release(3);
  EXPECT_EQ(ReadAll(*stream).size(), 3u);
  const absl::Status status = FromGrpc(stream->Finish());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(ErrorReason(status), "SHUTTING_DOWN") << status;
  drain.join();
  EXPECT_EQ(ledgers_.drains(), 1);
}

}  // namespace
}  // namespace auditledger
