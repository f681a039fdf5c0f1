// An event as terms: what it says can be asked for, field by field, and nothing else can be found.
#include "api/search/search_terms.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "tests/api/fake_ledgers.h"

namespace auditledger {
namespace {

using D = SearchDimension;

class SearchTermsTest : public ::testing::Test {
 protected:
  static v1::AuditEvent Event(const std::string& text) {
    v1::AuditEvent event;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
    return event;
  }
  bool Has(const std::string& text, D dimension, const std::string& a, const std::string& b,
           const std::string& principal = "p") const {
    const std::vector<PostingTerm> terms = TermsOf(key_, principal, Event(text));
    EXPECT_TRUE(std::is_sorted(terms.begin(), terms.end()));
    EXPECT_EQ(std::adjacent_find(terms.begin(), terms.end()), terms.end()) << "twice";
    return std::binary_search(terms.begin(), terms.end(), key_.Term(dimension, a, b));
  }

  testing::FakeLedger ledger_;
  const SearchKey key_{ledger_.sealer()};
};

TEST_F(SearchTermsTest, WhatAnEventSaysIsATerm) {
  const struct {
    const char* event;
    D dimension;
    const char* a;
    const char* b;
  } kCases[] = {
      {"", D::kEvent, "", "any"},
      {"", D::kPrincipal, "", "p"},
      {"patient { reference: 'Patient/1' }", D::kPatient, "", "Patient/1"},
      {"patient { identifier { system: 's' value: '1' } }", D::kPatient, "s", "1"},
      {"patient { identifier { value: '1' } }", D::kPatient, "", "1"},
      {"patient {} patient { reference: 'x' }", D::kPatient, "", "x"},
      {"agent { who { reference: 'u' } }", D::kUser, "", "u"},
      {"agent {} agent { who { identifier { system: 's' value: 'u' } } }", D::kUser, "s", "u"},
      {"agent { alt_id: 'u' }", D::kUser, "", "u"},
      {"agent { other_id { system: 'npi' value: '9' } }", D::kUser, "npi", "9"},
      {"agent { on_behalf_of { reference: 'boss' } }", D::kUser, "", "boss"},
      {"entity { agent { who { reference: 'u' } } }", D::kUser, "", "u"},
      {"entity { what { reference: 'Observation/1' } }", D::kWhat, "", "Observation/1"},
      {"entity { what { identifier { system: 's' value: 'o' } } }", D::kWhat, "s", "o"},
      {"agent { department: 'ER' }", D::kDepartment, "", "ER"},
      {"agent { organization { reference: 'o' } }", D::kOrganization, "", "o"},
      {"agent { organization { display: 'Vendor' } }", D::kOrganization, "", "Vendor"},
      {"source { observer { reference: 'Device/1' } }", D::kSource, "", "Device/1"},
      {"source { observer { display: 'EHR' } }", D::kSource, "", "EHR"},
      {"source { site { identifier { system: 's' value: 'w' } } }", D::kSource, "s", "w"},
      {"source { site { display: 'West' } }", D::kSource, "", "West"},
      {"source { host: 'ehr1' }", D::kSource, "", "ehr1"},
      {"source { stream_id: 'ehr-1' }", D::kStream, "", "ehr-1"},
      {"category { coding { system: 'dcm' code: '110110' } }", D::kCategory, "dcm", "110110"},
      {"category { coding { system: 'dcm' code: '110110' } }", D::kCategory, "", "110110"},
      {"category { text: 'rest' }", D::kCategory, "", "rest"},
      {"code { coding {} coding { code: 'read' } }", D::kCode, "", "read"},
      {"action: ACTION_DELETE", D::kAction, "", "4"},
      {"outcome { indicator: INDICATOR_MAJOR_FAILURE }", D::kOutcome, "", "4"},
      {"purpose_of_use { coding { system: 'v3' code: 'BTG' } }", D::kPurpose, "v3", "BTG"},
      {"agent { purpose_of_use { coding { code: 'TREAT' } } }", D::kPurpose, "", "TREAT"},
      {"emergency_access {}", D::kEmergency, "", "any"},
      {"emergency_access { phase: PHASE_OVERRIDE_STOPPED }", D::kEmergencyPhase, "", "3"},
      {"emergency_access { override_id: 'o1' }", D::kOverride, "", "o1"},
      {"agent { network { address: '10.0.0.1' } }", D::kNetwork, "", "10.0.0.1"},
      {"event_id: 'e'", D::kCorrelation, "", "e"},
      {"correlation { request_id: 'e' }", D::kCorrelation, "", "e"},
      {"correlation { trace_id: 'e' }", D::kCorrelation, "", "e"},
      {"correlation { span_id: 'e' }", D::kCorrelation, "", "e"},
      {"correlation { transaction_id: 'e' }", D::kCorrelation, "", "e"},
      {"correlation { parent_event_id: 'e' }", D::kCorrelation, "", "e"},
      {"agent { auth { session_id: 'e' } }", D::kCorrelation, "", "e"},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(Has(c.event, c.dimension, c.a, c.b)) << c.event;
    EXPECT_FALSE(Has(c.event, c.dimension, c.a, absl::StrCat(c.b, "x"))) << c.event;
    EXPECT_FALSE(Has(c.event, c.dimension, absl::StrCat(c.a, "x"), c.b)) << c.event;
    const D other = c.dimension == D::kWhat ? D::kUser : D::kWhat;
    EXPECT_FALSE(Has(c.event, other, c.a, c.b)) << c.event;
  }
}

TEST_F(SearchTermsTest, WhatIsNotSaidIsNoTerm) {
  EXPECT_EQ(TermsOf(key_, "p", v1::AuditEvent()).size(), 2u) << "that it is one, and who sent it";
  EXPECT_FALSE(Has("", D::kEmergency, "", "any"));
  EXPECT_FALSE(Has("", D::kAction, "", "0"));
  // As for tags: an id of a system is not found without it.
  EXPECT_FALSE(Has("patient { identifier { system: 's' value: '1' } }", D::kPatient, "", "1"));
}

TEST_F(SearchTermsTest, ACountReachesAllThresholdsBelowIt) {
  const auto reaches = [&](const std::string& event, uint64_t count) {
    return Has(event, D::kRecordCount, "", absl::StrCat(count));
  };
  EXPECT_FALSE(reaches("", 1));
  EXPECT_TRUE(reaches("affected_record_count: 1", 1));
  EXPECT_FALSE(reaches("affected_record_count: 9", 10));
  EXPECT_TRUE(reaches("affected_record_count: 10", 10));
  EXPECT_TRUE(reaches("entity { record_count: 5 } entity { record_count: 1000000 }", 1'000'000));
  EXPECT_FALSE(reaches("entity { record_count: 999999 }", 1'000'000));
  EXPECT_TRUE(reaches("entity { record_count: 999999 }", 100'000));
}

TEST_F(SearchTermsTest, PartsDoNotRunTogether) {
  EXPECT_NE(key_.Term(D::kUser, "a", "bc"), key_.Term(D::kUser, "ab", "c"));
  EXPECT_NE(key_.Term(D::kUser, "", "a"), key_.Term(D::kPatient, "", "a"));
  EXPECT_EQ(key_.Term(D::kUser, "a", "b").bytes[0], static_cast<char>(D::kUser));
}

TEST_F(SearchTermsTest, AnotherLedgersKeyMakesOtherTerms) {
  LedgerKeys keys = testing::FakeKeys();
  keys.index_key = SecretString(std::string(32, 'x'));
  const Sealer sealer("test.example/log", keys, Random::System());
  const SearchKey other(sealer);
  EXPECT_NE(other.check(), key_.check());
  EXPECT_NE(other.Term(D::kUser, "", "a"), key_.Term(D::kUser, "", "a"));
  EXPECT_EQ(SearchKey(ledger_.sealer()).check(), key_.check());
}

}  // namespace
}  // namespace auditledger
