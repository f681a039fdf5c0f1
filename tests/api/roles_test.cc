// Every method x role x ledger over the server, compared with the table: what the table grants is
// answered, with whatever, and everything else is PERMISSION_DENIED.
//
// Covers: api/access/access_request
#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "api/access/permissions.h"
#include "auditledger/v1/erasure_service.pb.h"
#include "auditledger/v1/patient_service.pb.h"
#include "auditledger/v1/proof_service.pb.h"
#include "google/protobuf/message.h"
#include "ledger/errors.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using google::protobuf::MethodDescriptor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::StatusIs;

// "privacy-officer": a role's listener, whose principal has that role for ledgers/main.
std::string ListenerOf(Role role) { return absl::StrReplaceAll(RoleName(role), {{" ", "-"}}); }
std::string Grant(const std::string& listener, Role role, const std::string& ledger,
                  const std::string& expires = "2090-01-01T00:00:00Z") {
  return absl::StrCat("grants { principal: \"local:", listener,
                      "\" role: ", config::v1::Role_Name(role), " ledgers: \"", ledger,
                      "\" expires: \"", expires, "\" approved_by: \"x\" }\n");
}

// Who has every role there is, but not for this ledger, or no longer, or for all of them.
constexpr char kElsewhere[] = "elsewhere";
constexpr char kExpired[] = "expired";
constexpr char kEverywhere[] = "everywhere";
constexpr char kNobody[] = "nobody";

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> out;
  for (const google::protobuf::FileDescriptor* file :
       {v1::AppendEventRequest::descriptor()->file(), v1::CreateLedgerRequest::descriptor()->file(),
        v1::GetCoseReceiptRequest::descriptor()->file(),
        v1::RequestErasureRequest::descriptor()->file(),
        v1::ListPatientEntriesRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        out.push_back(file->service(s)->method(m));
      }
    }
  }
  return out;
}

// A request for that ledger that changes nothing where it is allowed. `full` asks for payloads.
std::string RequestFor(const MethodDescriptor& method, const std::string& ledger, bool full) {
  const google::protobuf::Descriptor* const type = method.input_type();
  const std::unique_ptr<google::protobuf::Message> request(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  const google::protobuf::Reflection& fields = *request->GetReflection();
  const auto set = [&](const char* name, const std::string& value) {
    if (const auto* field = type->FindFieldByName(name)) {
      fields.SetString(request.get(), field, value);
    }
  };
  set("ledger", "ledgers/" + ledger);
  set("parent", "ledgers/" + ledger);
  set("name", "ledgers/" + ledger + (method.name() == "GetEntry" ? "/entries/0" : ""));
  set("ledger_id", ledger);
  if (const auto* field = type->FindFieldByName("confirmed_size")) {
    fields.SetUInt64(request.get(), field, uint64_t{1} << 40);  // of a freeze that does not happen
  }
  if (full) {
    fields.SetEnumValue(request.get(), type->FindFieldByName("view"), v1::ENTRY_VIEW_FULL);
  }
  return request->SerializeAsString();
}

class RolesTest : public ::testing::Test {
 protected:
  RolesTest() {
    LedgerSetOptions options;
    options.roots = {dir_ / "data", dir_ / "state", dir_ / "keys", dir_ / "seeds"};
    ledgers_ = LedgerSet::Open(options).value();
    for (const std::string id : {"main", "other"}) {
      EXPECT_OK(ledgers_->Create(id, "test.example/" + id));
    }
    std::vector<std::string> listeners = {kElsewhere, kExpired, kEverywhere, kNobody};
    std::string policy;
    for (const Role role : AllRoles()) {
      listeners.push_back(ListenerOf(role));
      policy += Grant(ListenerOf(role), role, "main");
      policy += Grant(kElsewhere, role, "other");
      policy += Grant(kEverywhere, role, "*");
      policy += Grant(kExpired, role, "*", "2020-01-01T00:00:00Z");
    }
    Write(policy);
    server_ =
        std::make_unique<testing::ServerUnderTest>(*ledgers_, [&](config::v1::Config& config) {
          config.set_data_dir(dir_ / "data");
          config.mutable_access()->set_policy_file(dir_ / "policy");
          for (const std::string& name : listeners) {
            config::v1::Listener* listener = config.add_listeners();
            listener->set_name(name);
            listener->set_address("unix:" + dir_.path() + "/" + name + ".sock");
          }
        });
    for (const std::string& name : listeners) {
      channels_[name] = server_->server().InProcessChannel(name);
    }
  }
  void Write(const std::string& policy) { std::ofstream(dir_ / "policy") << policy; }

  // How the call ends, or OK with its first message.
  absl::Status Call(const std::string& listener, const MethodDescriptor& method,
                    const std::string& request) {
    grpc::GenericStub stub(channels_.at(listener));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    grpc::CompletionQueue queue;
    const auto done = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    auto call = stub.PrepareCall(
        &context, absl::StrCat("/", method.service()->full_name(), "/", method.name()), &queue);
    call->StartCall(nullptr);
    done();
    grpc::Slice slice(request);
    call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    done();
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    const bool answered = done();
    if (answered) context.TryCancel();  // of a stream that would go on
    grpc::Status status;
    call->Finish(&status, nullptr);
    done();
    queue.Shutdown();
    while (done()) continue;
    return answered ? absl::OkStatus() : FromGrpc(status);
  }

  void Expect(const std::string& listener, const MethodDescriptor& method,
              const std::string& ledger, bool full, bool allowed) {
    const absl::Status status = Call(listener, method, RequestFor(method, ledger, full));
    const std::string what = absl::StrCat(method.name(), full ? " FULL" : "", " of ", ledger,
                                          " by ", listener, ": ", status.ToString());
    EXPECT_EQ(!absl::IsPermissionDenied(status), allowed) << what;
    EXPECT_FALSE(absl::IsUnimplemented(status) || absl::IsDeadlineExceeded(status)) << what;
    if (allowed) return;
    EXPECT_EQ(ErrorReason(status), "NOT_PERMITTED") << what;
    EXPECT_THAT(std::string(status.message()), HasSubstr(method.name())) << what;
    EXPECT_THAT(std::string(status.message()), HasSubstr("role")) << what;
  }

  testing::TempDir dir_;
  std::unique_ptr<LedgerSet> ledgers_;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

TEST_F(RolesTest, EveryMethodRoleAndLedgerIsAsTheTableSays) {
  int cells = 0;
  for (const MethodDescriptor* method : AllMethods()) {
    const MethodRule* const rule =
        FindRule(absl::StrCat(method->service()->name(), "/", method->name()));
    ASSERT_NE(rule, nullptr);
    const bool has_view = method->input_type()->FindFieldByName("view") != nullptr;
    for (const bool full : {false, true}) {
      if (full && !has_view) continue;
      const RoleSet roles = full ? rule->content_roles : rule->roles;
      bool any = false;
      for (const Role role : AllRoles()) {
        const bool has = roles.Has(role);
        any = any || has;
        Expect(ListenerOf(role), *method, "main", full, has);
        Expect(ListenerOf(role), *method, "other", full, has && rule->any_ledger);
        Expect(ListenerOf(role), *method, "nowhere", full, has && rule->any_ledger);
        cells += 3;
      }
      for (const std::string ledger : {"main", "other", "nowhere"}) {
        Expect(kEverywhere, *method, ledger, full, any);
        Expect(kElsewhere, *method, ledger, full, any && (rule->any_ledger || ledger == "other"));
        Expect(kExpired, *method, ledger, full, false);
        Expect(kNobody, *method, ledger, full, false);
        cells += 4;
      }
    }
  }
  std::printf("%d cells of method x role x ledger\n", cells);
}

// A refusal is the same for a ledger that is there and one that is not.
TEST_F(RolesTest, ARefusalTellsNothingOfWhatIsThere) {
  for (const MethodDescriptor* method : AllMethods()) {
    const MethodRule* const rule =
        FindRule(absl::StrCat(method->service()->name(), "/", method->name()));
    for (const Role role : AllRoles()) {
      if (rule->any_ledger || !rule->roles.Has(role)) continue;
      const auto refusal = [&](const std::string& ledger) {
        const absl::Status status =
            Call(ListenerOf(role), *method, RequestFor(*method, ledger, false));
        EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied));
        return absl::StrReplaceAll(status.message(), {{"ledgers/" + ledger, "X"}});
      };
      EXPECT_EQ(refusal("other"), refusal("nowhere"));
    }
  }
}

TEST_F(RolesTest, WhatDoesNotParseAsALedgerIsNobodysSecretEither) {
  for (const MethodDescriptor* method : AllMethods()) {
    Expect(kNobody, *method, "../main", false, false);
    Expect(kNobody, *method, "", false, false);
  }
}

TEST_F(RolesTest, ListingsShowThoseLedgersAloneThatOneHasARoleFor) {
  const auto listed = [&](const std::string& listener) {
    grpc::ClientContext context;
    v1::ListLedgersResponse response;
    const auto stub = v1::LedgerService::NewStub(channels_.at(listener));
    EXPECT_OK(FromGrpc(stub->ListLedgers(&context, {}, &response)));
    std::vector<std::string> out;
    for (const v1::Ledger& ledger : response.ledgers()) out.push_back(ledger.name());
    return out;
  };
  EXPECT_THAT(listed("emitter"), ElementsAre("ledgers/main"));
  EXPECT_THAT(listed(kElsewhere), ElementsAre("ledgers/other"));
  EXPECT_THAT(listed(kEverywhere), ElementsAre("ledgers/main", "ledgers/other"));
  const auto shown = [&](const std::string& listener) {
    grpc::ClientContext context;
    v1::GetServerStatusResponse response;
    const auto stub = v1::AdminService::NewStub(channels_.at(listener));
    EXPECT_OK(FromGrpc(stub->GetServerStatus(&context, {}, &response)));
    std::vector<std::string> out;
    for (const v1::Ledger& ledger : response.ledgers()) out.push_back(ledger.name());
    return out;
  };
  EXPECT_THAT(shown("operator"), ElementsAre("ledgers/main"));
  EXPECT_THAT(shown(kEverywhere), ElementsAre("ledgers/main", "ledgers/other"));
}

// Streams: of an emitter's messages each event is decided about by itself.
TEST_F(RolesTest, AnEmitterWithPrefixesAppendsToThoseStreamsAlone) {
  Write(absl::StrReplaceAll(Grant("emitter", config::v1::ROLE_EMITTER, "main"),
                            {{"ledgers:", "streams: \"ehr-\" ledgers:"}}));
  ASSERT_OK(server_->server().ReloadAccessPolicy());
  const auto stub = v1::LedgerService::NewStub(channels_.at("emitter"));
  v1::AuditEvent mine = testing::GoodEvent("a", 1);
  v1::AuditEvent theirs = testing::GoodEvent("b", 1);
  theirs.mutable_source()->set_stream_id("pacs-1");
  const auto append = [&](const v1::AuditEvent& event) {
    grpc::ClientContext context;
    v1::AppendEventResponse response;
    return FromGrpc(stub->AppendEvent(&context, testing::AppendRequest(event), &response));
  };
  EXPECT_OK(append(mine));
  EXPECT_THAT(append(theirs), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("stream")));

  v1::BatchAppendEventsRequest batch;
  batch.set_ledger("ledgers/main");
  *batch.add_requests()->mutable_event() = testing::GoodEvent("c", 2);
  *batch.add_requests()->mutable_event() = theirs;
  grpc::ClientContext batch_context;
  v1::BatchAppendEventsResponse batch_response;
  EXPECT_THAT(FromGrpc(stub->BatchAppendEvents(&batch_context, batch, &batch_response)),
              StatusIs(absl::StatusCode::kPermissionDenied));

  grpc::ClientContext context;
  const auto stream = stub->AppendEventStream(&context);
  v1::AppendEventStreamRequest request;
  request.set_ledger("ledgers/main");
  *request.add_requests()->mutable_event() = theirs;
  *request.add_requests()->mutable_event() = testing::GoodEvent("d", 3);
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  std::vector<v1::AppendResult> results;
  for (v1::AppendEventStreamResponse response; stream->Read(&response);) {
    for (const v1::AppendResult& result : response.results()) results.push_back(result);
  }
  EXPECT_OK(FromGrpc(stream->Finish())) << "the stream goes on";
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].problem().code(), static_cast<int>(grpc::StatusCode::PERMISSION_DENIED));
  EXPECT_TRUE(results[1].has_receipt());
}

// What was opened under one policy ends by the next, also where nothing is being sent.
TEST_F(RolesTest, AnOpenTailEndsWithItsGrant) {
  const auto stub = v1::LedgerService::NewStub(channels_.at("auditor"));
  grpc::ClientContext context;
  v1::TailEntriesRequest request;
  request.set_ledger("ledgers/main");
  request.set_view(v1::ENTRY_VIEW_FULL);
  const auto tail = stub->TailEntries(&context, request);
  v1::TailEntriesResponse response;
  ASSERT_TRUE(tail->Read(&response));
  Write(Grant("auditor", config::v1::ROLE_PROVER, "main"));  // leaves, but no payloads
  ASSERT_OK(server_->server().ReloadAccessPolicy());
  while (tail->Read(&response)) continue;
  EXPECT_THAT(FromGrpc(tail->Finish()),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("with payloads")));
}

TEST_F(RolesTest, TheMetricsTellHowThePolicyStands) {
  EXPECT_EQ(server_->Metric("auditledger_access_policy_loads_total"), 1);
  EXPECT_EQ(server_->Metric("auditledger_access_policy_failing"), 0);
  EXPECT_EQ(server_->Metric("auditledger_access_grants"), 3 * AllRoles().size());
  Write("grants {");
  EXPECT_FALSE(server_->server().ReloadAccessPolicy().ok());
  EXPECT_EQ(server_->Metric("auditledger_access_policy_failing"), 1);
  EXPECT_EQ(server_->Metric("auditledger_access_policy_refusals_total"), 1);
  EXPECT_GT(server_->Metric("auditledger_access_next_expiry_seconds"), 0);
}

TEST_F(RolesTest, ALedgerThatIsMadeHasThePolicyAsItsFirstEntry) {
  grpc::ClientContext context;
  v1::CreateLedgerRequest request;
  request.set_ledger_id("made");
  request.set_origin("test.example/made");
  v1::CreateLedgerResponse response;
  const auto stub = v1::AdminService::NewStub(channels_.at(kEverywhere));
  ASSERT_OK(FromGrpc(stub->CreateLedger(&context, request, &response)));
  EXPECT_EQ(ledgers_->Find("made").value()->head()->head.size, 2u);
  EXPECT_EQ(ledgers_->Find("main").value()->head()->head.size, 2u) << "from the start";
}

}  // namespace
}  // namespace auditledger
