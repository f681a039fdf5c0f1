// A patient's own entries over a server: those alone, proven, page by page, and nothing about
// anybody else.
//
// Covers: api/patient_service, api/list_position
#include <gmock/gmock.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "api/access/patient_access.h"
#include "auditledger/v1/patient_service.grpc.pb.h"
#include "merkle/checkpoint.h"
#include "merkle/leaf.h"
#include "merkle/tags.h"
#include "merkle/verify.h"
#include "tests/api/api_fixture.h"
#include "tests/api/test_capability.h"

namespace auditledger {
namespace {

using testing::AppendRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::StatusIs;

constexpr char kOrigin[] = "test.example/log";
constexpr char kSystem[] = "urn:oid:1.2.3";

v1::AuditEvent EventAbout(const std::vector<std::string>& patients) {
  static int number = 0;
  v1::AuditEvent event = testing::GoodEvent(absl::StrCat("e-", ++number));
  event.clear_patient();
  for (const std::string& patient : patients) {
    event.add_patient()->mutable_identifier()->set_system(kSystem);
    event.mutable_patient()->rbegin()->mutable_identifier()->set_value(patient);
  }
  return event;
}

// "local:app" has the role patient for all ledgers; capabilities that key_ signed count in main.
class PatientServiceTest : public ::testing::Test {
 protected:
  PatientServiceTest() {
    LedgerSetOptions options;
    options.roots = {dir_.path() + "/data", dir_.path() + "/state", dir_.path() + "/keys",
                     dir_.path() + "/seeds"};
    ledgers_ = LedgerSet::Open(options).value();
    EXPECT_OK(ledgers_->Create("main", kOrigin));
    EXPECT_OK(ledgers_->Create("other", "test.example/other"));
    EXPECT_OK(AddDevGrants(dir_.path(), "local:app",
                           {config::v1::ROLE_EMITTER, config::v1::ROLE_PATIENT}));
    EXPECT_OK(AddDevGrants(dir_.path(), "local:admin", {config::v1::ROLE_AUDITOR}));
    std::ofstream(dir_.path() + "/access.policy", std::ios::app)
        << "patient_keys { vkey: \"" << key_.verifier().ToVkey()
        << "\" ledgers: \"main\" expires: \"2090-01-01T00:00:00Z\" approved_by: \"ciso\" }\n";
    server_ =
        std::make_unique<testing::ServerUnderTest>(*ledgers_, [&](config::v1::Config& config) {
          config.set_data_dir(dir_.path() + "/data");
          config.mutable_access()->set_policy_file(dir_.path() + "/access.policy");
        });
  }
  void Append(const v1::AuditEvent& event) { ASSERT_OK(server_->Append(event)); }

  PatientCapability For(const std::string& patient) const {
    const uint64_t now_s = Clock::System().WallMicros() / 1'000'000;
    return {kOrigin, "local:app", kSystem, patient, now_s + 600, /*payloads=*/true};
  }
  absl::StatusOr<v1::ListPatientEntriesResponse> Call(const v1::ListPatientEntriesRequest& request,
                                                      bool admin = false) {
    const auto stub =
        v1::PatientService::NewStub(admin ? server_->admin_channel() : server_->channel());
    grpc::ClientContext context;
    v1::ListPatientEntriesResponse response;
    const absl::Status status = FromGrpc(stub->ListPatientEntries(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  v1::ListPatientEntriesRequest Request(const PatientCapability& capability) const {
    v1::ListPatientEntriesRequest request;
    request.set_parent("ledgers/main");
    request.set_capability(key_.Sign(capability));
    return request;
  }
  // All pages; each entry is proven against the one head.
  std::vector<v1::Entry> All(v1::ListPatientEntriesRequest request) {
    std::vector<v1::Entry> out;
    do {
      const auto page = Call(request);
      EXPECT_OK(page);
      if (!page.ok()) break;
      const NoteVerifier& log = ledgers_->Find("main").value()->verifier();
      const SignedCheckpoint head = OpenCheckpoint(page->checkpoint().note(), kOrigin, log).value();
      for (const v1::PatientEntry& one : page->entries()) {
        std::vector<Hash> path;
        for (const std::string& hash : one.inclusion().hashes())
          path.push_back(Hash::FromBytes(hash).value());
        EXPECT_OK(VerifyInclusion(one.entry().index(), head.checkpoint.size,
                                  LeafHash(one.entry().leaf()), path, head.checkpoint.root));
        out.push_back(one.entry());
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return out;
  }
  static std::vector<uint64_t> Indexes(const std::vector<v1::Entry>& entries) {
    std::vector<uint64_t> out;
    for (const v1::Entry& entry : entries) out.push_back(entry.index());
    return out;
  }

  testing::TempDir dir_;
  const testing::CapabilityKey key_{"privacy.example/1", 'k'};
  std::unique_ptr<LedgerSet> ledgers_;
  std::unique_ptr<testing::ServerUnderTest> server_;
};

// Entries 0 and 1 are the ledger's own: genesis, and the policy.
TEST_F(PatientServiceTest, ShowsThatPatientsEntriesAndNoOthers) {
  for (const char* patient : {"jane", "john", "jane", "jane doe"}) Append(EventAbout({patient}));
  const std::vector<v1::Entry> janes = All(Request(For("jane")));
  EXPECT_THAT(Indexes(janes), ElementsAre(2u, 4u));
  for (const v1::Entry& entry : janes) {
    EXPECT_EQ(entry.payload_state(), v1::PAYLOAD_STATE_PRESENT);
    EXPECT_THAT(entry.opening().event(), HasSubstr("jane"));
  }
  EXPECT_THAT(Indexes(All(Request(For("john")))), ElementsAre(3u));
  EXPECT_THAT(All(Request(For("nobody"))), IsEmpty());
  PatientCapability elsewhere = For("jane");
  elsewhere.system = "urn:oid:9";
  EXPECT_THAT(All(Request(elsewhere)), IsEmpty()) << "another hospital's number";
}

TEST_F(PatientServiceTest, AReferenceIsAPatientToo) {
  Append(testing::GoodEvent("by-reference"));
  PatientCapability capability = For("Patient/4711");
  capability.system = "";
  EXPECT_THAT(Indexes(All(Request(capability))), ElementsAre(2u));
}

TEST_F(PatientServiceTest, AnEventAboutOthersTooIsShownWithoutItsPayload) {
  Append(EventAbout({"jane", "john"}));
  const std::vector<v1::Entry> janes = All(Request(For("jane")));
  ASSERT_THAT(Indexes(janes), ElementsAre(2u));
  EXPECT_EQ(janes[0].payload_state(), v1::PAYLOAD_STATE_WITHHELD);
  EXPECT_FALSE(janes[0].has_opening());
  EXPECT_THAT(janes[0].SerializeAsString(), Not(HasSubstr("john")));
}

// Mappers make a patient of such an entity; other emitters need not.
TEST_F(PatientServiceTest, AnotherPatientAmongTheEntitiesIsAnotherPatient) {
  const auto append = [&](const std::function<void(v1::Entity&)>& set) {
    v1::AuditEvent event = EventAbout({"jane"});
    set(*event.add_entity());
    Append(event);
  };
  const auto role = [](v1::Entity& entity) { entity.mutable_role()->add_coding()->set_code("1"); };
  append([&](v1::Entity& entity) {
    role(entity);
    entity.mutable_what()->mutable_identifier()->set_system(kSystem);
    entity.mutable_what()->mutable_identifier()->set_value("john");
  });
  append([&](v1::Entity& entity) {
    role(entity);
    entity.set_name("John");
  });
  append([](v1::Entity& entity) { entity.mutable_what()->set_reference("Patient/john"); });
  append([](v1::Entity& entity) {
    entity.mutable_what()->set_reference("https://fhir.example/Patient/john/_history/1");
  });
  append([](v1::Entity& entity) {
    entity.mutable_what()->set_type("Patient");
    entity.mutable_what()->mutable_identifier()->set_value("john");
  });
  append([&](v1::Entity& entity) {
    role(entity);
    entity.mutable_what()->mutable_identifier()->set_system(kSystem);
    entity.mutable_what()->mutable_identifier()->set_value("jane");
  });
  append([](v1::Entity& entity) { entity.mutable_what()->set_reference("Observation/john"); });
  v1::AuditEvent both = EventAbout({"jane"});
  both.mutable_patient(0)->set_reference("Patient/j");
  both.add_entity()->mutable_what()->set_reference("Patient/j");
  both.add_entity()->mutable_what()->set_reference("Patient/j/_history/1");
  Append(both);
  const std::vector<v1::Entry> janes = All(Request(For("jane")));
  ASSERT_EQ(janes.size(), 8u);
  for (size_t i = 0; i < janes.size(); ++i) {
    EXPECT_EQ(janes[i].payload_state(),
              i < 5 ? v1::PAYLOAD_STATE_WITHHELD : v1::PAYLOAD_STATE_PRESENT)
        << i;
  }
}

TEST_F(PatientServiceTest, WithoutPayloadsItSaysWhenAlone) {
  Append(EventAbout({"jane"}));
  PatientCapability capability = For("jane");
  capability.payloads = false;
  const std::vector<v1::Entry> entries = All(Request(capability));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].payload_state(), v1::PAYLOAD_STATE_NOT_REQUESTED);
  EXPECT_FALSE(entries[0].has_opening());
  EXPECT_GT(ParseLeaf(entries[0].leaf())->recorded_at_us, 0u);
}

TEST_F(PatientServiceTest, PagesAreOfOneHeadAndOneCapability) {
  for (int i = 0; i < 7; ++i) Append(EventAbout({i % 2 == 0 ? "jane" : "john"}));
  v1::ListPatientEntriesRequest request = Request(For("jane"));
  request.set_page_size(3);
  ASSERT_OK_AND_ASSIGN(const auto first, Call(request));
  EXPECT_EQ(first.entries_size(), 3);
  Append(EventAbout({"jane"}));  // after the listing's head
  request.set_page_token(first.next_page_token());
  ASSERT_OK_AND_ASSIGN(const auto second, Call(request));
  EXPECT_EQ(second.entries_size(), 1);
  EXPECT_EQ(second.checkpoint().note(), first.checkpoint().note());
  EXPECT_EQ(second.next_page_token(), "");
  EXPECT_EQ(All(Request(For("jane"))).size(), 5u);

  v1::ListPatientEntriesRequest moved = Request(For("john"));
  moved.set_page_token(first.next_page_token());
  EXPECT_EQ(ErrorReason(Call(moved).status()), "BAD_PAGE_TOKEN");
}

TEST_F(PatientServiceTest, TheCapabilityIsLookedAtInEachCall) {
  Append(EventAbout({"jane"}));
  const auto refused = [&](const v1::ListPatientEntriesRequest& request) {
    return ErrorReason(Call(request).status());
  };
  v1::ListPatientEntriesRequest none = Request(For("jane"));
  none.clear_capability();
  EXPECT_EQ(testing::FirstViolation(Call(none).status()), "capability: is required and missing");
  PatientCapability capability = For("jane");
  capability.holder = "local:admin";
  EXPECT_EQ(refused(Request(capability)), kReasonCapabilityNotYours);
  capability = For("jane");
  capability.origin = "test.example/other";
  EXPECT_EQ(refused(Request(capability)), kReasonCapabilityOtherLedger);
  capability = For("jane");
  capability.expires_s -= 600;
  EXPECT_EQ(refused(Request(capability)), kReasonCapabilityExpired);
  v1::ListPatientEntriesRequest other = Request(capability);
  other.set_parent("ledgers/other");
  EXPECT_EQ(refused(other), kReasonCapabilityUnknownKey) << "the key is for main alone";
}

TEST_F(PatientServiceTest, TheRoleIsNeededBesides) {
  PatientCapability capability = For("jane");
  capability.holder = "local:admin";
  EXPECT_THAT(Call(Request(capability), /*admin=*/true),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("role patient")));
}

TEST_F(PatientServiceTest, WhoReadIsOnRecordBeforeItLeaves) {
  Append(EventAbout({"jane"}));
  const auto last = [&] {
    Ledger& ledger = *ledgers_->Find("main").value();
    return ledger.ReadEntry(ledger.head()->head.size - 1, true).value().opening->event;
  };
  ASSERT_EQ(All(Request(For("jane"))).size(), 1u);
  EXPECT_THAT(last(), HasSubstr("PatientService/ListPatientEntries"));
  EXPECT_THAT(last(), HasSubstr("local:app"));
  EXPECT_THAT(last(), Not(HasSubstr("jane")));
  const uint64_t size = ledgers_->Find("main").value()->head()->head.size;
  EXPECT_THAT(All(Request(For("nobody"))), IsEmpty());
  EXPECT_EQ(ledgers_->Find("main").value()->head()->head.size, size + 1) << "of a query too";
}

TEST_F(PatientServiceTest, NobodyIsNamedInTheLog) {
  Append(EventAbout({"jane"}));
  EXPECT_EQ(All(Request(For("jane"))).size(), 1u);
  PatientCapability capability = For("jane");
  capability.expires_s = 1;
  EXPECT_FALSE(Call(Request(capability)).ok());
  const std::string log = testing::FileText(server_->dir() + "/log");
  EXPECT_THAT(log, HasSubstr("CAPABILITY_EXPIRED"));
  EXPECT_THAT(log, Not(HasSubstr("jane")));
}

// Leaves are looked at up to a bound in each call; what comes of it may be an empty page.
class LongLedger : public testing::FakeLedger {
 public:
  explicit LongLedger(uint64_t size) : size_(size) {
    Leaf leaf;
    leaf.kind = EntryKind::kEvent;
    leaf.recorded_at_us = 1;
    leaf.commitment = Hash();
    plain_ = EncodeLeaf(leaf).value();
    leaf.tags = {sealer().TagOf({std::string(kTagKindPatient), kSystem, "jane"}).value()};
    tagged_ = EncodeLeaf(leaf).value();
  }
  std::shared_ptr<const PublishedHead> head() const override {
    auto out = std::make_shared<PublishedHead>(*FakeLedger::head());
    out->head.size = size_;
    return out;
  }
  absl::StatusOr<StoredEntry> ReadEntry(uint64_t index, bool) override {
    StoredEntry out;
    out.index = index;
    out.leaf = index + 1 == size_ ? tagged_ : plain_;
    return out;
  }
  absl::StatusOr<std::vector<Hash>> Inclusion(uint64_t, uint64_t) override {
    return std::vector<Hash>();
  }

 private:
  const uint64_t size_;
  std::string plain_;
  std::string tagged_;
};

class LongLedgerSet : public LedgerSet {
 public:
  explicit LongLedgerSet(uint64_t size) : main_(size) {}
  absl::StatusOr<Ledger*> Create(absl::string_view, absl::string_view,
                                 const Predecessor&) override {
    return absl::UnimplementedError("a test's");
  }
  absl::StatusOr<Ledger*> Find(absl::string_view id) override {
    if (id == "main") return &main_;
    return absl::NotFoundError("no such ledger");
  }
  std::vector<Slot> List() override { return {{"main", main_.origin(), &main_, absl::OkStatus()}}; }
  void Drain() override {}

 private:
  LongLedger main_;
};

TEST_F(PatientServiceTest, ACallReadsSoManyLeavesAndNoMore) {
  for (const uint64_t size : {uint64_t{100'000}, uint64_t{100'001}}) {
    LongLedgerSet ledgers(size);
    testing::ServerUnderTest server(ledgers, [&](config::v1::Config& config) {
      config.mutable_access()->set_policy_file(dir_.path() + "/access.policy");
    });
    const auto stub = v1::PatientService::NewStub(server.channel());
    grpc::ClientContext context;
    v1::ListPatientEntriesResponse response;
    ASSERT_OK(FromGrpc(stub->ListPatientEntries(&context, Request(For("jane")), &response)));
    EXPECT_EQ(response.entries_size(), size == 100'000 ? 1 : 0);
    EXPECT_EQ(response.next_page_token().empty(), size == 100'000);
  }
}

}  // namespace
}  // namespace auditledger
