// A whole server on a set of ledgers, reached without a network: principals are "local:app", which
// appends and reads everything, and "local:admin", which may do all that there is.
#ifndef AUDITLEDGER_TESTS_API_API_FIXTURE_H_
#define AUDITLEDGER_TESTS_API_API_FIXTURE_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include "api/client/dev_certs.h"
#include "api/client/rpc_error.h"
#include "api/config.h"
#include "api/server.h"
#include "auditledger/v1/admin_service.grpc.pb.h"
#include "auditledger/v1/ledger_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "merkle/sha256.h"
#include "tests/api/fake_ledgers.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger::testing {

inline std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Waits for what another thread does; fails after ten seconds rather than hang.
inline bool Eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// An event with everything a careful emitter sends: no flag is set on it.
inline v1::AuditEvent GoodEvent(const std::string& id, uint64_t sequence = 1) {
  v1::AuditEvent event;
  event.set_event_id(id);
  event.set_schema_version(1);
  event.mutable_recorded()->mutable_at()->set_seconds(
      static_cast<int64_t>(Clock::System().WallMicros() / 1'000'000));
  event.mutable_recorded()->set_utc_offset_minutes(60);
  event.set_action(v1::ACTION_READ);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  event.add_category()->set_text("rest");
  event.add_purpose_of_use()->set_text("TREAT");
  event.add_patient()->set_reference("Patient/4711");
  v1::Agent* agent = event.add_agent();
  agent->set_requestor(true);
  agent->mutable_who()->set_reference("Practitioner/12");
  agent->mutable_network()->set_address("10.0.0.7");
  event.mutable_source()->mutable_observer()->set_reference("Device/ehr");
  event.mutable_source()->set_stream_id("ehr-1");
  event.mutable_source()->set_stream_sequence(sequence);
  event.add_entity()->mutable_what()->set_reference("Observation/1");
  return event;
}

inline v1::AppendEventRequest AppendRequest(const v1::AuditEvent& event) {
  v1::AppendEventRequest request;
  request.set_ledger("ledgers/main");
  *request.mutable_event() = event;
  return request;
}

// The one detail of type T; fails when a type occurs twice.
template <typename T>
T Detail(const absl::Status& status) {
  T out;
  int count = 0;
  const google::rpc::Status details = ErrorDetails(status);
  for (const auto& any : details.details()) count += any.UnpackTo(&out) ? 1 : 0;
  EXPECT_LE(count, 1) << "each detail type at most once";
  return out;
}

// "field: description" of the first violation.
inline std::string FirstViolation(const absl::Status& status) {
  const auto bad = Detail<google::rpc::BadRequest>(status);
  if (bad.field_violations().empty()) return "";
  return bad.field_violations(0).field() + ": " + bad.field_violations(0).description();
}

class ServerUnderTest {
 public:
  explicit ServerUnderTest(LedgerSet& ledgers,
                           const std::function<void(config::v1::Config&)>& change = {},
                           Clock& clock = Clock::System()) {
    config::v1::Config config;
    ApplyRoot(dir_.path(), config);
    for (const char* name : {"app", "admin"}) {
      config::v1::Listener* listener = config.add_listeners();
      listener->set_name(name);
      listener->set_address("unix:" + dir_.path() + "/" + name + ".sock");
    }
    config.mutable_limits()->set_drain_seconds(5);
    EXPECT_OK(AddDevGrants(dir_.path(), "local:app",
                           {config::v1::ROLE_EMITTER, config::v1::ROLE_AUDITOR}));
    EXPECT_OK(AddDevGrants(dir_.path(), "local:admin", AllDevRoles()));
    config.mutable_access()->set_policy_file(dir_.path() + "/access.policy");
    if (change) change(config);
    if (config.access().policy_file() == dir_.path() + "/access.policy") {
      PutPolicyOnRecord(config, ledgers);
    }
    ApplyDefaults(config);
    EXPECT_OK(ValidateConfig(config, true));
    log_ = RpcLog::Open("debug", dir_.path() + "/log").value();
    server_ = Server::Start(config, ledgers, clock, *log_).value();
    app_ = server_->InProcessChannel("app");
    admin_ = server_->InProcessChannel("admin");
    ledger_stub_ = v1::LedgerService::NewStub(app_);
  }

  // As after a start by the same policy: the entries of ledgers that are there count from 1.
  static void PutPolicyOnRecord(const config::v1::Config& config, LedgerSet& ledgers) {
    const std::string digest = Sha256({FileText(config.access().policy_file())}).ToHex();
    for (const LedgerSet::Slot& slot : ledgers.List()) {
      const std::string folder = config.data_dir() + "/" + slot.id;
      std::filesystem::create_directories(folder);
      std::ofstream(folder + "/access-policy") << "access_policy sha256:" << digest;
    }
  }

  Server& server() { return *server_; }
  std::shared_ptr<grpc::Channel> channel() { return app_; }
  std::shared_ptr<grpc::Channel> admin_channel() { return admin_; }
  v1::LedgerService::Stub& stub() { return *ledger_stub_; }
  const std::string& dir() const { return dir_.path(); }
  RpcLog& log() { return *log_; }

  // One unary call.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::LedgerService::Stub::*method)(
                                    grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    grpc::ClientContext context;
    Response response;
    const absl::Status status = FromGrpc(((*ledger_stub_).*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::AppendEventResponse> Append(const v1::AuditEvent& event) {
    return Call(&v1::LedgerService::Stub::AppendEvent, AppendRequest(event));
  }

  // Sends bytes that no message of ours serialises to.
  absl::Status CallRaw(const std::string& method, const std::string& bytes) {
    grpc::GenericStub generic(app_);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    auto call = generic.PrepareUnaryCall(&context, "/auditledger.v1.LedgerService/" + method,
                                         request, &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) continue;
    return FromGrpc(status);
  }

  // The value of a metric's line, 0 when there is none.
  double Metric(const std::string& line_start) {
    const std::string text = "\n" + server_->MetricsText();
    const size_t at = text.find("\n" + line_start);
    if (at == std::string::npos) return 0;
    return std::stod(text.substr(at + 1 + line_start.size()));
  }

 private:
  TempDir dir_;
  std::unique_ptr<RpcLog> log_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> app_;
  std::shared_ptr<grpc::Channel> admin_;
  std::unique_ptr<v1::LedgerService::Stub> ledger_stub_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_API_FIXTURE_H_
