// Appends that wait for witnesses beside those that do not.
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/api/witnessing_fixture.h"

namespace auditledger {
namespace {

using testing::AppendRequest;
using testing::Eventually;
using testing::GoodEvent;
using testing::WitnessingTest;
using Stub = v1::LedgerService::Stub;

// A head that is not witnessed says nothing of a receipt that claims to be.
TEST_F(WitnessingTest, ReceiptsOfAStreamWithoutProofsLieUnderAHeadOfTheirKind) {
  Serve();
  grpc::ClientContext context;
  auto stream = server_->stub().AppendEventStream(&context);
  v1::AppendEventStreamRequest message;
  message.set_ledger("ledgers/main");
  message.set_omit_proofs(true);
  for (int i = 0; i < 8; ++i) {
    *message.add_requests() = AppendRequest(GoodEvent(absl::StrCat("o", i)));
    message.mutable_requests(i)->set_ack(i % 2 == 0 ? v1::ACK_LEVEL_WITNESSED
                                                    : v1::ACK_LEVEL_DURABLE);
  }
  ASSERT_TRUE(stream->Write(message));
  ASSERT_TRUE(stream->WritesDone());
  v1::AppendEventStreamResponse response;
  int results = 0;
  while (stream->Read(&response)) {
    for (const v1::AppendResult& result : response.results()) {
      ++results;
      EXPECT_TRUE(result.receipt().has_checkpoint()) << "the next one is of the other kind";
    }
  }
  EXPECT_EQ(results, 8);
}

// How many wait for witnesses takes no room from those who do not.
TEST_F(WitnessingTest, WhoWaitsForWitnessesHoldsNoDurableAppendUp) {
  Serve();
  Away(5);
  const auto batch = [](const std::string& name, v1::AckLevel ack) {
    v1::BatchAppendEventsRequest request;
    request.set_ledger("ledgers/main");
    request.set_ack(ack);
    for (int i = 0; i < 125; ++i) {
      v1::AuditEvent event = GoodEvent(absl::StrCat(name, i));
      event.mutable_entity(0)->set_query(std::string(32'000, 'q'));
      *request.add_requests() = AppendRequest(event);
    }
    return request;
  };
  std::vector<std::thread> waiting;
  for (const char* name : {"w", "v"}) {
    waiting.emplace_back([&, name] {
      EXPECT_FALSE(
          server_->Call(&Stub::BatchAppendEvents, batch(name, v1::ACK_LEVEL_WITNESSED)).ok());
    });
  }
  EXPECT_TRUE(Eventually([&] { return ledger_->head()->head.size == 251; }));
  EXPECT_OK(server_->Call(&Stub::BatchAppendEvents, batch("d", v1::ACK_LEVEL_DURABLE)).status());
  server_->server().Drain();
  for (std::thread& thread : waiting) thread.join();
}

}  // namespace
}  // namespace auditledger
