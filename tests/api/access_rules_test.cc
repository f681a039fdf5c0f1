// The text of an access policy: what is taken, and for each fault the line and what to do.
//
// Covers: api/access/access_rules, api/access/principal
#include "api/access/access_rules.h"

#include <gmock/gmock.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "api/access/principal.h"
#include "api/limits.h"
#include "merkle/sha256.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::StatusIs;

constexpr char kGood[] = R"(# Who may do what
grants {
  principal: "spiffe://hospital.example/ehr"
  role: ROLE_EMITTER
  ledgers: "clinic"
  ledgers: "lab"
  streams: "ehr-"
  expires: "2027-01-31T00:00:00Z"
  approved_by: "spiffe://hospital.example/ciso"
  reason: "CHG-1"
}
grants {
  principal: "local:admin"
  role: ROLE_KEY_CUSTODIAN
  ledgers: "*"
  expires: "2027-01-31T01:00:00.5+01:00"
  approved_by: "spiffe://hospital.example/ciso"
}
two_person_roles: ROLE_AUDITOR
)";

absl::StatusOr<std::shared_ptr<const AccessRules>> Parse(const std::string& text) {
  return AccessRules::Parse(text, "access.policy");
}
// The good one with `from` replaced.
std::string With(absl::string_view from, absl::string_view to) {
  const std::string out = absl::StrReplaceAll(kGood, {{from, to}});
  EXPECT_NE(out, kGood) << from;
  return out;
}
std::string PatientVkey() {
  return NoteVerifier::FromEd25519("privacy.example/1", std::string(32, '\x07'))->ToVkey();
}
void Refused(const std::string& text, int line, absl::string_view why) {
  EXPECT_THAT(Parse(text).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(absl::StrCat("access.policy:", line, ": ")),
                             HasSubstr(std::string(why)))))
      << text;
}

TEST(AccessRules, WhatIsSoundIsTakenAsItStands) {
  ASSERT_OK_AND_ASSIGN(const auto rules, Parse(kGood));
  EXPECT_EQ(rules->size(), 2u);
  EXPECT_EQ(rules->digest(), Sha256({kGood}));
  ASSERT_EQ(rules->GrantsOf("spiffe://hospital.example/ehr").size(), 1u);
  const AccessGrant& emitter = rules->GrantsOf("spiffe://hospital.example/ehr")[0];
  EXPECT_EQ(emitter.role, config::v1::ROLE_EMITTER);
  EXPECT_TRUE(emitter.Covers("clinic"));
  EXPECT_TRUE(emitter.Covers("lab"));
  EXPECT_FALSE(emitter.Covers("clini"));
  EXPECT_FALSE(emitter.Covers("clinic-2"));
  EXPECT_TRUE(emitter.CoversStream("ehr-1"));
  EXPECT_FALSE(emitter.CoversStream("ehr"));
  EXPECT_FALSE(emitter.CoversStream("pacs-ehr-1"));
  const AccessGrant& custodian = rules->GrantsOf("local:admin")[0];
  EXPECT_TRUE(custodian.Covers("whatever-comes"));
  EXPECT_TRUE(custodian.CoversStream("any"));
  EXPECT_EQ(custodian.expires_us, emitter.expires_us + 500'000) << "of another zone";
  EXPECT_TRUE(rules->GrantsOf("spiffe://hospital.example/eh").empty());
}

TEST(AccessRules, KeysOfCapabilitiesAreForTheirLedgersAndTime) {
  const std::string vkey = PatientVkey();
  const auto key = [&](const std::string& ledgers, const std::string& more = "") {
    return absl::StrCat(kGood, "patient_keys {\n  vkey: \"", vkey, "\"\n", ledgers,
                        "  expires: \"2027-01-31T00:00:00Z\"\n  approved_by: \"ciso\"\n", more,
                        "}\n");
  };
  const uint64_t end = ParseRfc3339("2027-01-31T00:00:00Z").value();
  ASSERT_OK_AND_ASSIGN(const auto one, Parse(key("  ledgers: \"clinic\"\n")));
  ASSERT_EQ(one->PatientKeysOf("clinic", end - 1).size(), 1u);
  EXPECT_EQ(one->PatientKeysOf("clinic", end - 1)[0].ToVkey(), vkey);
  EXPECT_TRUE(one->PatientKeysOf("clinic", end).empty());
  EXPECT_TRUE(one->PatientKeysOf("lab", end - 1).empty());
  ASSERT_OK_AND_ASSIGN(const auto all, Parse(key("  ledgers: \"*\"\n")));
  EXPECT_EQ(all->PatientKeysOf("whatever-comes", end - 1).size(), 1u);

  const std::string good = key("  ledgers: \"clinic\"\n");
  const auto with = [&](const std::string& from, const std::string& to) {
    return absl::StrReplaceAll(good, {{from, to}});
  };
  Refused(key(""), 20, "patient_keys[0].ledgers: is required");
  Refused(key("  ledgers: \"Clinic\"\n"), 22, "patient_keys[0].ledgers: must be ids");
  Refused(with(vkey, vkey.substr(1)), 21, "patient_keys[0].vkey: must be an Ed25519 vkey");
  Refused(with("  approved_by: \"ciso\"\n", ""), 20, "patient_keys[0].approved_by");
  Refused(with("  expires: \"2027-01-31T00:00:00Z\"\n  approved_by: \"ciso\"\n",
               "  approved_by: \"ciso\"\n"),
          20, "patient_keys[0].expires: is required");
  Refused(key("  ledgers: \"*\"\n",
              absl::StrCat("  reason: \"", std::string(kMaxReasonBytes + 1, 'x'), "\"\n")),
          25, "at most 1024 bytes");
  const auto one_for = [&](const std::string& ledger) {
    return absl::StrReplaceAll(good.substr(std::string(kGood).size()), {{"clinic", ledger}});
  };
  std::string many = good;
  for (size_t i = 1; i < kMaxPatientKeys; ++i) many += one_for(absl::StrCat("l", i));
  EXPECT_OK(Parse(many));
  Refused(many + one_for("more"), 20 + 6 * static_cast<int>(kMaxPatientKeys), "one too many");
  // Who takes one of two away believes that the key counts no more.
  Refused(good + one_for("clinic"), 26,
          "patient_keys[1]: says again what patient_keys[0] in line 20");
  Refused(key("  ledgers: \"lab\"\n  ledgers: \"lab\"\n"), 20, "says again");
  EXPECT_OK(Parse(key("  ledgers: \"*\"\n") + one_for("clinic"))) << "another end, for one of all";
}

TEST(AccessRules, CountsWhatIsInForceAndWhenTheNextEnds) {
  ASSERT_OK_AND_ASSIGN(const auto rules, Parse(kGood));
  const uint64_t first = ParseRfc3339("2027-01-31T00:00:00Z").value();
  EXPECT_EQ(rules->InForce(first - 1), 2u);
  EXPECT_EQ(rules->NextExpiry(first - 1), first);
  EXPECT_EQ(rules->InForce(first), 1u);
  EXPECT_EQ(rules->NextExpiry(first), first + 500'000);
  EXPECT_EQ(rules->InForce(first + 500'000), 0u) << "a policy of the past is none that is refused";
  EXPECT_EQ(rules->NextExpiry(first + 500'000), 0u);
}

TEST(AccessRules, EveryFaultNamesItsLineAndTheFix) {
  Refused("", 1, "dev-certs");
  Refused("bogus: 1\n", 1, "bogus");
  Refused("# nothing\ngrants {\n  princpal: \"x\"\n}\n", 3, "princpal");
  Refused("grants {\n  principal: \"a\"\n  principal: \"b\"\n}\n", 3, "principal");
  Refused(With("principal: \"local:admin\"", "principal: \"\""), 13, "1 to 512 bytes");
  Refused(With("principal: \"local:admin\"", "principal: \"a b\""), 13, "printable ASCII");
  Refused(With("\"local:admin\"", "\"ledger:audit.example.org/clinic\""), 13, "ledger itself");
  Refused(With("  principal: \"local:admin\"\n", ""), 12, "grants[1].principal");
  // Of a value the parser knows where it ended: the next line.
  Refused(With("ROLE_EMITTER", "ROLE_ROOT"), 5, "ROLE_ROOT");
  Refused(With("ROLE_EMITTER", "99"), 4, "grants[0].role");
  Refused(With("  role: ROLE_EMITTER\n", ""), 2, "grants[0].role");
  Refused(With("ledgers: \"lab\"", "ledgers: \"ledgers/lab\""), 6, "without \"ledgers/\"");
  Refused(With("ledgers: \"lab\"", "ledgers: \"*\""), 6, "stands alone");
  Refused(With("  ledgers: \"*\"\n", ""), 12, "grants[1].ledgers: is required");
  Refused(With("streams: \"ehr-\"", "streams: \"\""), 7, "leave streams out");
  Refused(With("ledgers: \"*\"", "ledgers: \"*\" streams: \"x\""), 15, "ROLE_EMITTER alone");
  Refused(With("2027-01-31T00:00:00Z", "next year"), 8, "RFC 3339");
  Refused(With("  expires: \"2027-01-31T00:00:00Z\"\n", ""), 2, "grants[0].expires: is required");
  Refused(
      With("  reason: \"CHG-1\"\n", absl::StrCat("  reason: \"", std::string(1025, 'x'), "\"\n")),
      10, "at most 1024 bytes");
  Refused(With("two_person_roles: ROLE_AUDITOR", "two_person_roles: 0"), 19, "two_person_roles");
  EXPECT_OK(Parse(With("CHG-1", std::string(1024, 'x'))));
}

TEST(AccessRules, TwoPersonsWhereTheRuleAsksForThem) {
  // A key custodian always needs another's word, others where the policy says so.
  Refused(With("ROLE_KEY_CUSTODIAN\n  ledgers: \"*\"\n  expires: \"2027-01-31T01:00:00.5+01:00\"\n"
               "  approved_by: \"spiffe://hospital.example/ciso\"",
               "ROLE_KEY_CUSTODIAN\n  ledgers: \"*\"\n  expires: \"2027-01-31T01:00:00.5+01:00\"\n"
               "  approved_by: \"local:admin\""),
          17, "another person");
  const std::string by_itself =
      absl::StrReplaceAll(kGood, {{"approved_by: \"spiffe://hospital.example/ciso\"\n  reason",
                                   "approved_by: \"spiffe://hospital.example/ehr\"\n  reason"}});
  EXPECT_OK(Parse(by_itself)) << "an emitter's grant needs an approver, but no other one";
  Refused(absl::StrReplaceAll(by_itself, {{"ROLE_AUDITOR", "ROLE_EMITTER"}}), 9, "another person");
  Refused(With("  approved_by: \"spiffe://hospital.example/ciso\"\n  reason", "  reason"), 2,
          "grants[0].approved_by");
}

TEST(AccessRules, SaidTwiceIsASlip) {
  const std::string again = R"(
grants { principal: "spiffe://hospital.example/ehr" role: ROLE_EMITTER ledgers: "lab"
         streams: "ehr-" expires: "2030-01-01T00:00:00Z" approved_by: "x" }
)";
  Refused(kGood + again, 21, "grants[0] in line 2");
  // Another stream, role or ledger is another grant.
  for (const auto& [from, to] : {std::pair("ehr-", "adm-"), std::pair("lab", "ward")}) {
    EXPECT_OK(Parse(kGood + absl::StrReplaceAll(again, {{from, to}}))) << to;
  }
  Refused(With("ledgers: \"lab\"", "ledgers: \"clinic\""), 2, "says again");
}

TEST(AccessRules, LimitsAtTheirEdge) {
  const auto grant = [](int number, absl::string_view ledgers, absl::string_view streams = "") {
    return absl::StrCat("grants { principal: \"p", number, "\" role: ROLE_EMITTER ", ledgers,
                        streams, " expires: \"2027-01-31T00:00:00Z\" approved_by: \"x\" }\n");
  };
  std::string most;
  for (size_t i = 0; i < kMaxGrants; ++i) most += grant(static_cast<int>(i), "ledgers: \"*\"");
  EXPECT_OK(Parse(most));
  Refused(most + grant(static_cast<int>(kMaxGrants), "ledgers: \"*\""),
          static_cast<int>(kMaxGrants) + 1, "at most 10000");
  std::string ledgers;
  std::string streams;
  for (size_t i = 0; i < kMaxGrantLedgers; ++i) {
    absl::StrAppend(&ledgers, "ledgers: \"l", i, "\" ");
    absl::StrAppend(&streams, "streams: \"s", i, "\" ");
  }
  EXPECT_OK(Parse(grant(0, ledgers, streams)));
  Refused(grant(0, ledgers + "ledgers: \"more\""), 1, "at most 100");
  Refused(grant(0, "ledgers: \"*\" ", streams + "streams: \"more\""), 1, "at most 100");
  std::string rights;
  for (int i = 0; i < 10; ++i) rights += grant(i, ledgers, streams);
  EXPECT_OK(Parse(rights)) << "kMaxPolicyRights";
  Refused(rights + grant(10, "ledgers: \"*\""), 11, "name more than 100000");
  const std::string comment(kMaxAccessPolicyBytes - std::string(kGood).size() - 1, '#');
  EXPECT_OK(Parse(kGood + comment + "\n"));
  Refused(kGood + comment + "#\n", 1, "at most 4194304");
}

TEST(AccessRules, AFileThatCannotBeReadIsSaidToBeSo) {
  const testing::TempDir dir;
  EXPECT_THAT(AccessRules::Load(dir / "none").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("none: cannot be read")));
  EXPECT_THAT(AccessRules::Load(dir.path()).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  std::ofstream(dir / "policy") << kGood;
  EXPECT_OK(AccessRules::Load(dir / "policy"));
}

TEST(Rfc3339, IsTakenAndNothingLikeIt) {
  EXPECT_EQ(ParseRfc3339("1970-01-01T00:00:01Z").value(), 1'000'000u);
  EXPECT_EQ(ParseRfc3339("2027-01-31T01:00:00+01:00").value(),
            ParseRfc3339("2027-01-31T00:00:00Z").value());
  for (const char* wrong :
       {"", " 2027-01-31T00:00:00Z", "2027-01-31T00:00:00Z ", "2027-01-31T00:00:00",
        "2027-01-31 00:00:00Z", "2027-02-30T00:00:00Z", "2027-01-31", "infinite-future", "never",
        "12027-01-31T00:00:00Z", "-027-01-31T00:00:00Z", "1969-12-31T23:59:59Z",
        "2027-01-31T00:00:00.000000000000000000000000000000Z"}) {
    EXPECT_THAT(ParseRfc3339(wrong).status(), StatusIs(absl::StatusCode::kInvalidArgument))
        << wrong;
  }
}

TEST(PrincipalName, WhoeverComesFromOutsideIsNeitherAListenerNorALedger) {
  EXPECT_OK(CheckForeignName("spiffe://hospital.example/ehr"));
  EXPECT_OK(CheckPrincipalName("local:admin"));
  EXPECT_FALSE(CheckForeignName("local:admin").ok());
  for (const std::string& wrong : {std::string("ledger:audit.example.org/clinic"), std::string(),
                                   std::string(kMaxPrincipalBytes + 1, 'x'), std::string("a\x7f"),
                                   std::string("a b"), std::string("caf\xc3\xa9")}) {
    EXPECT_FALSE(CheckForeignName(wrong).ok()) << wrong;
    EXPECT_FALSE(CheckPrincipalName(wrong).ok()) << wrong;
  }
  EXPECT_OK(CheckPrincipalName(std::string(kMaxPrincipalBytes, 'x')));
}

}  // namespace
}  // namespace auditledger
