// Limits of connections and streams, each at its edge, over a real transport.
#include "api/limits.h"

#include <gmock/gmock.h>

#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::Eventually;
using testing::GoodEvent;
using testing::StatusIs;

class LimitsTest : public ::testing::Test {
 protected:
  // A connection of its own, whose window for a stream stays at HTTP/2's 64 KiB.
  std::unique_ptr<v1::LedgerService::Stub> Connect() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    return v1::LedgerService::NewStub(grpc::CreateCustomChannel(
        "unix:" + server_.dir() + "/app.sock", grpc::InsecureChannelCredentials(), arguments));
  }
  // A call with so many bytes of metadata beside its own; a deadline is metadata too, and its
  // length differs from call to call.
  static absl::Status Call(v1::LedgerService::Stub& stub, size_t metadata,
                           std::chrono::milliseconds deadline = {}) {
    grpc::ClientContext context;
    if (deadline.count() > 0) context.set_deadline(std::chrono::system_clock::now() + deadline);
    if (metadata > 0) context.AddMetadata("x", std::string(metadata, 'm'));
    v1::GetCheckpointRequest request;
    request.set_ledger("ledgers/main");
    v1::GetCheckpointResponse response;
    return FromGrpc(stub.GetCheckpoint(&context, request, &response));
  }
  bool IsCutOff() {
    return server_.Metric("auditledger_refusals_total{reason=\"SLOW_READER\"} ") == 1;
  }

  testing::FakeLedgerSet ledgers_;
  testing::ServerUnderTest server_{ledgers_, [](config::v1::Config& config) {
                                     config.mutable_limits()->set_slow_reader_seconds(1);
                                   }};
};

TEST_F(LimitsTest, AConnectionHasAThousandStreamsAndNoMore) {
  const auto stub = Connect();
  v1::WatchCheckpointsRequest request;
  request.set_ledger("ledgers/main");
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchCheckpointsResponse>>> streams;
  for (int i = 0; i < kMaxConcurrentStreams; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(stub->WatchCheckpoints(contexts.back().get(), request));
  }
  v1::WatchCheckpointsResponse response;
  for (const auto& stream : streams) ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(Call(*stub, 0, std::chrono::milliseconds(200)),
              StatusIs(absl::StatusCode::kDeadlineExceeded))
      << "it waits in the client";
  EXPECT_OK(Call(*Connect(), 0)) << "another connection has its own";
  contexts.back()->TryCancel();
  streams.back()->Finish();
  EXPECT_OK(Call(*stub, 0));
  for (const auto& context : contexts) context->TryCancel();
  for (size_t i = 0; i + 1 < streams.size(); ++i) streams[i]->Finish();
}

TEST_F(LimitsTest, MetadataHasEightKibibytesAndNoMore) {
  // Each on a connection of its own: what gRPC counts of the other headers depends on which came
  // before.
  const auto call = [&](size_t metadata) { return Call(*Connect(), metadata); };
  size_t fits = 7000;
  size_t over = static_cast<size_t>(kMaxMetadataBytes);
  ASSERT_OK(call(fits));
  ASSERT_THAT(call(over), StatusIs(absl::StatusCode::kResourceExhausted));
  while (over - fits > 1) {
    const size_t middle = (fits + over) / 2;
    (call(middle).ok() ? fits : over) = middle;
  }
  EXPECT_OK(call(fits)) << fits;
  EXPECT_THAT(call(fits + 1), StatusIs(absl::StatusCode::kResourceExhausted)) << fits + 1;
}

// gRPC holds a client to its limit once that has acknowledged it, which a client need not do. Here
// there is no transport that could.
TEST_F(LimitsTest, MetadataHasNoMoreEitherWhereTheTransportLetsItIn) {
  const auto stub = v1::LedgerService::NewStub(server_.channel());
  constexpr size_t kBeside = 1 + 32;  // its name, and what RFC 7541 adds to each
  size_t fits = kMaxMetadataBytes - kBeside;
  while (fits > 0 && !Call(*stub, fits).ok()) --fits;  // what gRPC sends beside it
  EXPECT_GT(fits, 7500u);
  const absl::Status refused = Call(*stub, fits + 1);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Call(*stub, 1 << 20), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(LimitsTest, AReaderOfHeadsThatTakesNothingIsCutOff) {
  const auto stub = Connect();
  // A busy machine writes some ten heads a second, and Eventually ends sooner.
  const auto until = std::chrono::system_clock::now() + std::chrono::seconds(60);
  grpc::ClientContext context;
  context.set_deadline(until);
  v1::WatchCheckpointsRequest request;
  request.set_ledger("ledgers/main");
  const auto stream = stub->WatchCheckpoints(&context, request);
  // The client's window takes some hundred heads; then a write waits.
  int number = 0;
  while (!IsCutOff() && std::chrono::system_clock::now() < until) {
    for (int i = 0; i < 20; ++i)
      EXPECT_OK(server_.Append(GoodEvent(std::to_string(number++))).status());
  }
  EXPECT_TRUE(IsCutOff()) << number;
  v1::WatchCheckpointsResponse response;
  while (stream->Read(&response)) continue;
  EXPECT_FALSE(stream->Finish().ok());
  EXPECT_OK(Call(*stub, 0)) << "the connection serves on";
}

TEST_F(LimitsTest, AnEmitterThatReadsNoAnswersIsCutOff) {
  const auto stub = Connect();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto stream = stub->AppendEventStream(&context);
  // Its window takes some hundred answers; then a write waits, and at last the stream is gone.
  v1::AppendEventStreamRequest request;
  int number = 0;
  do {
    request.set_ledger("ledgers/main");
    request.clear_requests();
    *request.add_requests()->mutable_event() = GoodEvent(std::to_string(number++));
  } while (stream->Write(request));
  EXPECT_TRUE(Eventually([&] { return IsCutOff(); })) << number;
  v1::AppendEventStreamResponse response;
  while (stream->Read(&response)) continue;
  EXPECT_FALSE(stream->Finish().ok());
  EXPECT_OK(Call(*stub, 0));
}

TEST_F(LimitsTest, WhoReadsSlowlyButReadsIsServed) {
  const auto stub = Connect();
  grpc::ClientContext context;
  v1::WatchCheckpointsRequest request;
  request.set_ledger("ledgers/main");
  const auto stream = stub->WatchCheckpoints(&context, request);
  v1::WatchCheckpointsResponse response;
  // Silence for longer than the limit is no slowness: nothing waits to be read.
  const uint64_t until = Clock::System().MonotonicMicros() + 1'500'000;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(Eventually([&] { return Clock::System().MonotonicMicros() > until; }));
  ASSERT_OK(server_.Append(GoodEvent("later")).status());
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(IsCutOff());
  context.TryCancel();
  stream->Finish();
}

}  // namespace
}  // namespace auditledger
