// The decision itself, and the table it is made by; the same over a server is roles_test.
//
// Covers: api/access/authorizer, api/access/permissions
#include "api/access/authorizer.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "api/status.h"
#include "auditledger/v1/admin_service.pb.h"
#include "auditledger/v1/erasure_service.pb.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "auditledger/v1/patient_service.pb.h"
#include "auditledger/v1/proof_service.pb.h"
#include "ledger/errors.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;

constexpr char kPolicy[] = R"(
grants { principal: "ehr" role: ROLE_EMITTER ledgers: "clinic" streams: "ehr-" streams: "adt-"
         expires: "2030-01-01T00:00:00Z" approved_by: "x" }
grants { principal: "ehr" role: ROLE_EMITTER ledgers: "lab"
         expires: "2030-01-01T00:00:00Z" approved_by: "x" }
grants { principal: "ehr" role: ROLE_PROVER ledgers: "clinic"
         expires: "2029-01-01T00:00:00Z" approved_by: "x" }
grants { principal: "audit" role: ROLE_AUDITOR ledgers: "clinic"
         expires: "2030-01-01T00:00:00Z" approved_by: "x" }
)";

class AuthorizerTest : public ::testing::Test {
 protected:
  AuthorizerTest() { clock_.SetWall(ParseRfc3339("2028-01-01T00:00:00Z").value()); }
  absl::Status Allow(const std::string& principal, absl::string_view method,
                     const AccessRequest& request) {
    return authorizer_.Allow({principal, "main", false}, method, request);
  }
  bool Emits(absl::string_view ledger, std::initializer_list<absl::string_view> streams) {
    return Allow("ehr", "LedgerService/BatchAppendEvents", {ledger, false, streams}).ok();
  }

  testing::FakeClock clock_;
  Authorizer authorizer_{AccessRules::Parse(kPolicy, "p").value(), clock_};
};

TEST_F(AuthorizerTest, AnEmitterAppendsToItsOwnStreams) {
  EXPECT_TRUE(Emits("ledgers/clinic", {"ehr-1"}));
  EXPECT_TRUE(Emits("ledgers/clinic", {"ehr-1", "adt-1", "ehr-2"}));
  EXPECT_FALSE(Emits("ledgers/clinic", {"ehr-1", "pacs-1"})) << "one of them is not";
  EXPECT_FALSE(Emits("ledgers/clinic", {""}));
  EXPECT_TRUE(Emits("ledgers/lab", {"pacs-1"})) << "where no streams are given, all are its own";
  EXPECT_FALSE(Emits("ledgers/ward", {"ehr-1"}));
}

TEST_F(AuthorizerTest, APayloadIsForWhoMaySeeIt) {
  const AccessRequest leaf{"ledgers/clinic", false, {}};
  const AccessRequest full{"ledgers/clinic", true, {}};
  EXPECT_OK(Allow("ehr", "LedgerService/GetEntry", leaf));
  EXPECT_THAT(Allow("ehr", "LedgerService/GetEntry", full),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("with payloads needs the role auditor or privacy officer")));
  EXPECT_OK(Allow("audit", "LedgerService/GetEntry", full));
  EXPECT_FALSE(Allow("audit", "LedgerService/GetCheckpoint", full).ok())
      << "no request of it can ask for one";
}

TEST_F(AuthorizerTest, AGrantEndsByItself) {
  const AccessRequest request{"ledgers/clinic", false, {}};
  const uint64_t end = ParseRfc3339("2029-01-01T00:00:00Z").value();
  clock_.SetWall(end - 1);
  EXPECT_OK(Allow("ehr", "LedgerService/GetCheckpoint", request));
  clock_.SetWall(end);
  EXPECT_FALSE(Allow("ehr", "LedgerService/GetCheckpoint", request).ok());
  EXPECT_FALSE(authorizer_.Screen({"ehr", "", false}, "LedgerService/GetCheckpoint").ok());
  EXPECT_TRUE(Emits("ledgers/clinic", {"ehr-1"})) << "the other grant goes on";
}

TEST_F(AuthorizerTest, ARefusalSaysWhatIsMissingAndNothingElse) {
  const absl::Status refused =
      Allow("audit", "LedgerService/AppendEvent", {"ledgers/secret", false, {"s"}});
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kPermissionDenied,
                                AllOf(HasSubstr("LedgerService/AppendEvent"),
                                      HasSubstr("role emitter for ledgers/secret"))));
  const Reason reason = ReasonOf(refused);
  EXPECT_EQ(reason.reason, kReasonPermissionDenied);
  EXPECT_EQ(reason.metadata.at("method"), "LedgerService/AppendEvent");
  EXPECT_EQ(reason.metadata.at("roles"), "emitter");
  EXPECT_THAT(Allow("ehr", "LedgerService/AppendEvent", {"ledgers/clinic", false, {"of-whom"}}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("stream"), Not(HasSubstr("of-whom")))));
  // What is no ledger's name is for the handler to say, to whoever may call the method at all.
  EXPECT_OK(Allow("audit", "LedgerService/GetEntry", {"../clinic", false, {}}));
  EXPECT_THAT(Allow("stranger", "LedgerService/GetEntry", {"../clinic", false, {}}),
              StatusIs(absl::StatusCode::kPermissionDenied, Not(HasSubstr(".."))));
}

TEST_F(AuthorizerTest, AMethodThatIsNotInTheTableIsForNobody) {
  for (const char* method : {"LedgerService/DropEverything", "", "GetEntry"}) {
    EXPECT_THAT(Allow("audit", method, {"ledgers/clinic", false, {}}),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("for nobody")));
    EXPECT_THAT(authorizer_.Screen({"audit", "", false}, method),
                StatusIs(absl::StatusCode::kPermissionDenied));
  }
}

TEST_F(AuthorizerTest, AnotherPolicyIsInForceFromItsUse) {
  authorizer_.Use(AccessRules::Parse("grants { principal: 'audit' role: ROLE_PROVER ledgers: '*' "
                                     "expires: '2030-01-01T00:00:00Z' approved_by: 'x' }",
                                     "p")
                      .value());
  EXPECT_FALSE(Emits("ledgers/clinic", {"ehr-1"}));
  EXPECT_OK(Allow("audit", "LedgerService/GetEntry", {"ledgers/any", false, {}}));
  EXPECT_FALSE(Allow("audit", "LedgerService/GetEntry", {"ledgers/clinic", true, {}}).ok());
}

// ---- the table ----

TEST(Permissions, EveryMethodOfEveryServiceIsInTheTableAndNothingElse) {
  std::set<std::string> served;
  for (const google::protobuf::FileDescriptor* file :
       {v1::AppendEventRequest::descriptor()->file(), v1::CreateLedgerRequest::descriptor()->file(),
        v1::GetCoseReceiptRequest::descriptor()->file(),
        v1::FindSubjectRequest::descriptor()->file(),
        v1::ListPatientEntriesRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        served.insert(
            absl::StrCat(file->service(s)->name(), "/", file->service(s)->method(m)->name()));
      }
    }
  }
  std::set<std::string> ruled;
  for (const MethodRule& rule : AllRules()) {
    EXPECT_TRUE(ruled.insert(std::string(rule.method)).second) << rule.method << " is there twice";
  }
  EXPECT_EQ(ruled, served);
}

TEST(Permissions, WhoMustNeverSeeAPayloadCannot) {
  for (const MethodRule& rule : AllRules()) {
    for (const Role role : AllRoles()) {
      EXPECT_TRUE(!rule.content_roles.Has(role) || rule.roles.Has(role)) << rule.method;
      const bool reader =
          role == config::v1::ROLE_AUDITOR || role == config::v1::ROLE_PRIVACY_OFFICER;
      EXPECT_TRUE(reader || !rule.content_roles.Has(role)) << rule.method << RoleName(role);
    }
    const bool own = rule.method == "PatientService/ListPatientEntries";
    EXPECT_EQ(rule.roles.Has(config::v1::ROLE_PATIENT), own) << rule.method;
    EXPECT_TRUE(!own || rule.roles.Names() == "patient") << "where a capability is asked for";
  }
  // The log's copy and the secrets that open it are for two.
  EXPECT_FALSE(FindRule("AdminService/BackupLedger")->roles.Has(config::v1::ROLE_KEY_CUSTODIAN));
  EXPECT_FALSE(FindRule("AdminService/BackupSecrets")->roles.Has(config::v1::ROLE_OPERATOR));
}

TEST(Permissions, EveryRoleOfThePolicyIsAColumn) {
  std::set<int> columns(AllRoles().begin(), AllRoles().end());
  for (int i = 0; i < config::v1::Role_descriptor()->value_count(); ++i) {
    const int role = config::v1::Role_descriptor()->value(i)->number();
    EXPECT_EQ(columns.count(role), role == config::v1::ROLE_UNSPECIFIED ? 0u : 1u);
  }
}

TEST(Permissions, TheReadmeHasTheTable) {
  std::ifstream file(testing::SourcePath("api/README.md"));
  const std::string readme(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(readme, HasSubstr(PermissionsAsMarkdown()));
}

}  // namespace
}  // namespace auditledger
