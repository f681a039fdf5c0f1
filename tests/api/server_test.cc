// Health, drain, admission and administration of a whole server.
//
// Covers: api/admin_service, api/health_supervisor, api/listener_server
#include "api/server.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <thread>

#include "grpcpp/generic/generic_stub.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::Eventually;
using testing::GoodEvent;
using testing::StatusIs;

// grpc.health.v1: HealthCheckRequest{string service = 1}, HealthCheckResponse{status = 1: 1
// SERVING, 2 NOT_SERVING}. Spelled out here because Debian ships no header of these messages. -1:
// an error, NOT_FOUND for an unknown name.
int Health(const std::shared_ptr<grpc::Channel>& channel, const std::string& name) {
  std::string bytes;
  if (!name.empty()) bytes = std::string("\x0a") + static_cast<char>(name.size()) + name;
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) continue;
  if (!status.ok()) return -1;
  grpc::Slice out;
  EXPECT_TRUE(response.DumpToSingleSlice(&out).ok());
  return out.size() == 2 ? out.begin()[1] : 0;
}

constexpr int kServing = 1;
constexpr int kNotServing = 2;

class ServerTest : public ::testing::Test {
 protected:
  testing::FakeLedgerSet ledgers_;
  testing::ServerUnderTest server_{ledgers_};
};

TEST_F(ServerTest, HealthFollowsTheLatchAndThePause) {
  for (const char* name :
       {"", "ledgers/main", "auditledger.v1.LedgerService", "auditledger.v1.AdminService"}) {
    EXPECT_EQ(Health(server_.channel(), name), kServing) << name;
  }
  EXPECT_EQ(Health(server_.channel(), "ledgers/unknown"), -1);
  for (const LedgerState state : {LedgerState::kReadOnly, LedgerState::kPaused}) {
    ledgers_.main().SetStatus({state, "disk full"});
    EXPECT_TRUE(
        Eventually([&] { return Health(server_.channel(), "ledgers/main") == kNotServing; }));
    EXPECT_TRUE(Eventually([&] { return Health(server_.channel(), "") == kNotServing; }));
    ledgers_.main().SetStatus({LedgerState::kServing, ""});
    EXPECT_TRUE(Eventually([&] { return Health(server_.channel(), "") == kServing; }));
    EXPECT_EQ(Health(server_.channel(), "ledgers/main"), kServing) << "it is set before the whole";
  }
}

TEST_F(ServerTest, HealthTellsOfDamagedStorageUnderANameOfItsOwn) {
  const auto storage = [&] { return Health(server_.channel(), "ledgers/main/storage"); };
  EXPECT_EQ(storage(), kServing);
  ledgers_.main().SetStatus({LedgerState::kServing, "", "entry 12: its leaf is missing"});
  EXPECT_TRUE(Eventually([&] { return storage() == kNotServing; }));
  EXPECT_EQ(Health(server_.channel(), "ledgers/main"), kServing);  // appends go on
  ledgers_.main().SetStatus({LedgerState::kServing, "", ""});
  EXPECT_TRUE(Eventually([&] { return storage() == kServing; }));
}

TEST_F(ServerTest, HealthNoticesACommitterThatHangs) {
  ledgers_.main().Hold(true);
  std::thread caller([&] { EXPECT_OK(server_.Append(GoodEvent("e"))); });
  EXPECT_TRUE(Eventually([&] { return Health(server_.channel(), "ledgers/main") == kNotServing; }));
  ledgers_.main().Release(1);
  caller.join();
  EXPECT_TRUE(Eventually([&] { return Health(server_.channel(), "ledgers/main") == kServing; }));
}

TEST_F(ServerTest, DrainFinishesEveryCall) {
  ledgers_.main().Hold(true);
  constexpr int kCalls = 20;
  std::vector<std::thread> callers;
  std::atomic<int> acknowledged{0};
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back(
        [&, i] { acknowledged += server_.Append(GoodEvent("e-" + std::to_string(i))).ok(); });
  }
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == kCalls; }));
  grpc::ClientContext watch_context;
  v1::WatchCheckpointsRequest request;
  request.set_ledger("ledgers/main");
  auto watch = server_.stub().WatchCheckpoints(&watch_context, request);
  v1::WatchCheckpointsResponse response;
  ASSERT_TRUE(watch->Read(&response));
  std::thread drain([&] { server_.server().Drain(); });
  while (watch->Read(&response)) continue;
  EXPECT_EQ(ErrorReason(FromGrpc(watch->Finish())), "SHUTTING_DOWN");
  ledgers_.main().Release(kCalls);
  for (std::thread& caller : callers) caller.join();
  drain.join();
  EXPECT_EQ(acknowledged, kCalls);
  EXPECT_EQ(ledgers_.main().listeners(), 0u);
  // Exactly once each: what was counted is what was called.
  EXPECT_EQ(
      server_.Metric("auditledger_rpcs_total{code=\"OK\",method=\"LedgerService/AppendEvent\"}"),
      kCalls);
}

TEST_F(ServerTest, DrainLetsGoOfACallThatHangs) {
  testing::FakeLedgerSet ledgers;
  testing::ServerUnderTest server(
      ledgers, [](config::v1::Config& c) { c.mutable_limits()->set_drain_seconds(1); });
  ledgers.main().Hold(true);
  std::thread caller([&] { EXPECT_OK(server.Append(GoodEvent("e"))); });
  ASSERT_TRUE(Eventually([&] { return ledgers.main().waiting() == 1; }));
  server.server().Drain();  // the ledgers' own drain commits what is queued
  caller.join();
}

TEST_F(ServerTest, AdministrationIsForAdministrators) {
  auto as_app = v1::AdminService::NewStub(server_.channel());
  auto as_admin = v1::AdminService::NewStub(server_.admin_channel());
  v1::GetServerStatusResponse response;
  grpc::ClientContext first;
  const absl::Status refused = FromGrpc(as_app->GetServerStatus(&first, {}, &response));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(ErrorReason(refused), "NOT_PERMITTED");
  grpc::ClientContext second;
  ledgers_.AddBroken();
  ASSERT_OK(FromGrpc(as_admin->GetServerStatus(&second, {}, &response)));
  ASSERT_EQ(response.ledgers_size(), 2);
  EXPECT_EQ(response.ledgers(0).state(), v1::Ledger::STATE_REFUSED);
  EXPECT_THAT(response.ledgers(0).state_reason(), ::testing::HasSubstr("/var/lib"))
      << "an operator needs the path";
  EXPECT_EQ(response.ledgers(1).name(), "ledgers/main");
}

TEST_F(ServerTest, CreateLedgerNamesEveryBadField) {
  auto admin = v1::AdminService::NewStub(server_.admin_channel());
  v1::CreateLedgerRequest request;
  request.set_ledger_id("../x");
  request.set_origin("has space");
  v1::CreateLedgerResponse response;
  grpc::ClientContext context;
  const absl::Status status = FromGrpc(admin->CreateLedger(&context, request, &response));
  EXPECT_EQ(testing::Detail<google::rpc::BadRequest>(status).field_violations_size(), 2);
  request.set_ledger_id("main");
  request.set_origin("a.example/log");
  grpc::ClientContext again;
  EXPECT_EQ(ErrorReason(FromGrpc(admin->CreateLedger(&again, request, &response))),
            "LEDGER_EXISTS");
}

TEST_F(ServerTest, ListingsTellALedgersStateWithoutPaths) {
  ledgers_.AddBroken();
  v1::ListLedgersRequest request;
  request.set_page_size(1);
  ASSERT_OK_AND_ASSIGN(auto page, server_.Call(&v1::LedgerService::Stub::ListLedgers, request));
  ASSERT_EQ(page.ledgers_size(), 1);
  EXPECT_EQ(page.ledgers(0).state_reason(), "rollback: <path> is ahead of the log");
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, server_.Call(&v1::LedgerService::Stub::ListLedgers, request));
  EXPECT_EQ(page.ledgers(0).name(), "ledgers/main");
  EXPECT_EQ(page.next_page_token(), "");
  request.set_page_size(-1);
  EXPECT_EQ(testing::FirstViolation(
                server_.Call(&v1::LedgerService::Stub::ListLedgers, request).status()),
            "page_size: must not be negative");
}

TEST_F(ServerTest, SocketsAreTheServersAlone) {
  struct stat info {};
  ASSERT_EQ(stat((server_.dir() + "/app.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ServerTest, AnAddressInUseIsSaid) {
  config::v1::Config config;
  ApplyRoot(server_.dir(), config);
  config.mutable_access()->set_policy_file(server_.dir() + "/access.policy");
  config.add_listeners()->set_name("x");
  config.mutable_listeners(0)->set_address("unix:/nonexistent-folder/x.sock");
  ApplyDefaults(config);
  EXPECT_THAT(Server::Start(config, ledgers_, Clock::System(), server_.log()).status(),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace auditledger
