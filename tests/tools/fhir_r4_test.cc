#include "tools/fhir_r4.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/units.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tools/strict_json.h"

namespace auditledger {
namespace {

using ::auditledger::testing::ReadFile;
using ::auditledger::testing::SharedPath;
using ::auditledger::testing::StatusIs;
using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kRealEvents = 55;

std::vector<std::string> RealEvents() {
  std::vector<std::string> out;
  for (const char* folder : {"testdata/events/fhir-r4", "testdata/events/ihe-balp-1.1.4"}) {
    for (const auto& entry : std::filesystem::directory_iterator(SharedPath(folder))) {
      if (absl::StartsWith(entry.path().filename().string(), "AuditEvent-")) {
        out.push_back(entry.path().string());
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

// As it comes back from the ledger: through bytes.
v1::AuditEvent Stored(const v1::AuditEvent& event) {
  v1::AuditEvent out;
  EXPECT_TRUE(out.ParseFromString(event.SerializeAsString()));
  return out;
}

json Minimal() {
  return json::parse(R"({"resourceType":"AuditEvent","id":"e1","recorded":"2024-05-06T07:08:09Z",
    "type":{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110110"},"action":"R",
    "outcome":"0","agent":[{"who":{"reference":"Practitioner/p1"},"requestor":true}],
    "source":{"observer":{"reference":"Device/d1"}}})");
}

json RoundTrip(const std::string& text) {
  auto event = AuditEventFromFhirR4(text);
  EXPECT_OK(event);
  if (!event.ok()) return nullptr;
  auto back = FhirR4FromAuditEvent(Stored(*event));
  EXPECT_OK(back);
  return back.ok() ? json::parse(FormatJson(*back)) : json();
}

TEST(FhirR4Test, EveryRealEventComesBackEqual) {
  REQUIRE_SHARED("testdata/events/fhir-r4");
  const std::vector<std::string> paths = RealEvents();
  EXPECT_EQ(paths.size(), kRealEvents);
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const std::string text = ReadFile(path);
    EXPECT_EQ(RoundTrip(text), json::parse(text));
  }
}

// The residual may hold what has no typed field, and nothing else.
TEST(FhirR4Test, TheTypedFieldsCarryRealEvents) {
  REQUIRE_SHARED("testdata/events/fhir-r4");
  size_t json_bytes = 0;
  size_t residual_bytes = 0;
  size_t largest = 0;
  for (const std::string& path : RealEvents()) {
    SCOPED_TRACE(path);
    json original = json::parse(ReadFile(path));
    original.erase("text");  // the narrative says again what the elements say
    ASSERT_OK_AND_ASSIGN(const v1::AuditEvent event, AuditEventFromFhirR4(original.dump()));
    json_bytes += original.dump().size();
    residual_bytes += FhirR4ResidualBytes(event);
    largest = std::max(largest, FhirR4ResidualBytes(event));
    EXPECT_EQ(event.agent_size(), original["agent"].size());
    EXPECT_EQ(event.entity_size(), original.value("entity", json::array()).size());
    EXPECT_EQ(event.code_size(), original.value("subtype", json::array()).size());
    EXPECT_EQ(event.category(0).coding(0).code(), original["type"]["code"]);
    EXPECT_NE(event.outcome().indicator(), v1::Outcome::INDICATOR_UNSPECIFIED);
    EXPECT_NE(event.action(), v1::ACTION_UNSPECIFIED);
    EXPECT_TRUE(event.source().has_observer());
    bool has_patient = false;
    for (const json& entity : original.value("entity", json::array())) {
      has_patient |=
          entity.contains("role") && entity["role"]["code"] == "1" && entity.contains("what");
    }
    EXPECT_EQ(event.patient_size() > 0, has_patient);
  }
  std::printf("without narrative: %zu bytes of JSON, %zu in residuals, largest %zu\n", json_bytes,
              residual_bytes, largest);
  EXPECT_LT(residual_bytes, json_bytes / 40);  // one event has a contained resource
}

TEST(FhirR4Test, MapsTheElementsAnInvestigatorAsksFor) {
  json original = Minimal();
  original["entity"] = json::parse(R"([
    {"what":{"identifier":{"system":"urn:mrn","value":"77"}},
     "role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}},
    {"what":{"identifier":{"value":"req-9"}},"type":{"code":"XrequestId"}},
    {"query":"R0VUIC8=","detail":[{"type":"note","valueString":"x"},
                                   {"type":"b","valueBase64Binary":"AAE="}]}])");
  original["agent"][0]["network"] = {{"address", "10.0.0.1"}, {"type", "2"}};
  original["period"] = {{"start", "2024-05-06T09:08:09.120+02:00"}};
  ASSERT_OK_AND_ASSIGN(const v1::AuditEvent event, AuditEventFromFhirR4(original.dump()));
  EXPECT_EQ(event.event_id(), "e1");
  EXPECT_EQ(event.patient(0).identifier().value(), "77");
  EXPECT_EQ(event.correlation().request_id(), "req-9");
  EXPECT_EQ(event.entity(2).query(), "GET /");
  EXPECT_EQ(event.entity(2).detail(1).bytes_value(), std::string("\0\1", 2));
  EXPECT_EQ(event.agent(0).network().type(), v1::NetworkAccessPoint::TYPE_IP_ADDRESS);
  EXPECT_EQ(event.agent(0).kind(), v1::Agent::KIND_HUMAN);
  EXPECT_EQ(event.occurred_start().utc_offset_minutes(), 120);
  EXPECT_EQ(event.occurred_start().fraction_digits(), 3u);
  EXPECT_EQ(event.occurred_start().at().seconds(), event.recorded().at().seconds());
  EXPECT_EQ(event.original().sha256().size(), 32u);
  EXPECT_TRUE(event.original().content().empty());
  EXPECT_EQ(FhirR4ResidualBytes(event), 0u);
}

TEST(FhirR4Test, KeepsWhatHasNoTypedField) {
  json original = Minimal();
  original["meta"] = {{"versionId", "3"}, {"profile", json::array({"http://p"})}};
  original["_action"] = {{"id", "a"}};
  original["recorded"] = "2024-05-06T07:08:09.1234567891+00:00";
  original["action"] = "X";
  original["outcome"] = 4;
  original["contained"] = json::array({{{"resourceType", "Device"}}});
  original["agent"].push_back("not an object");
  original["agent"][0]["policy"] = json::array({1, "b"});
  original["entity"] = json::array({{{"query", "not base64!"}}, json::object()});
  original["extension"] =
      json::array({{{"url", kFhirR4ResidualUrl.data()}, {"valueString", "[]"}}});
  EXPECT_EQ(RoundTrip(original.dump()), original);
}

TEST(FhirR4Test, KeepsTheDigitsOfDecimals) {
  std::string text = Minimal().dump();
  text.insert(1,
              R"("extension":[{"url":"u","valueDecimal":1.10},{"url":"v","valueDecimal":1.0e3}],)");
  ASSERT_OK_AND_ASSIGN(const v1::AuditEvent event, AuditEventFromFhirR4(text));
  ASSERT_OK_AND_ASSIGN(const json back, FhirR4FromAuditEvent(Stored(event)));
  EXPECT_THAT(FormatJson(back), HasSubstr("\"valueDecimal\":1.10"));
  EXPECT_THAT(FormatJson(back), HasSubstr("\"valueDecimal\":1.0e3"));
}

TEST(FhirR4Test, TypedExtensionsComeBackInPlace) {
  json original = Minimal();
  original["agent"][0]["extension"] = json::parse(R"([
    {"url":"http://x","valueBoolean":false},
    {"url":"https://profiles.ihe.net/ITI/BALP/StructureDefinition/ihe-otherId",
     "valueIdentifier":{"system":"urn:npi","value":"1"}},
    {"url":"http://y","extension":[{"url":"z","valueCode":"c"}]}])");
  for (int i = 0; i < 40; ++i) {
    original["extension"].push_back({{"url", absl::StrCat("e", i)}, {"valueInteger", i}});
  }
  ASSERT_OK_AND_ASSIGN(const v1::AuditEvent event, AuditEventFromFhirR4(original.dump()));
  EXPECT_EQ(event.agent(0).other_id(0).value(), "1");
  EXPECT_LE(event.extension_size(), 32);
  EXPECT_EQ(RoundTrip(original.dump()), original);
}

TEST(FhirR4Test, MakesAnIdFromTheBytesWhereThereIsNone) {
  json original = Minimal();
  original.erase("id");
  ASSERT_OK_AND_ASSIGN(const v1::AuditEvent first, AuditEventFromFhirR4(original.dump()));
  ASSERT_OK_AND_ASSIGN(const v1::AuditEvent again, AuditEventFromFhirR4(original.dump()));
  ASSERT_OK_AND_ASSIGN(const v1::AuditEvent other, AuditEventFromFhirR4(original.dump(1)));
  EXPECT_EQ(first.event_id().size(), 36u);
  EXPECT_EQ(first.event_id(), again.event_id());
  EXPECT_NE(first.event_id(), other.event_id());
  EXPECT_EQ(RoundTrip(original.dump()), original);
}

TEST(FhirR4Test, RefusesWhatIsNoAuditEvent) {
  const std::string good = Minimal().dump();
  const auto refused = [](const std::string& text) { return AuditEventFromFhirR4(text).status(); };
  const auto is = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  EXPECT_THAT(refused(""), is("line 1"));
  EXPECT_THAT(refused("{\n \"a\": }"), is("line 2"));
  EXPECT_THAT(refused("[]"), is("resourceType"));
  EXPECT_THAT(refused(R"({"resourceType":"Patient"})"), is("resourceType"));
  EXPECT_THAT(refused(R"({"resourceType":"AuditEvent","recorded":"2024-02-30T00:00:00Z"})"),
              is("recorded"));
  EXPECT_THAT(refused(good + " x"), is("not valid JSON"));
  EXPECT_THAT(refused("{\"id\":\"secret-name\"," + good.substr(1)),
              AllOf(is("twice"), Not(is("secret-name"))));
  EXPECT_THAT(refused("{\"a\":\"\xff\"}"), is("not valid JSON"));
  EXPECT_THAT(refused(R"({"a":{"b":["\u0001"]}})"), is("/a/b"));
}

TEST(FhirR4Test, LimitsHoldAtTheirEdges) {
  const JsonLimits limits;
  const std::string good = Minimal().dump();
  EXPECT_OK(AuditEventFromFhirR4(good + std::string(limits.max_bytes - good.size(), ' ')));
  EXPECT_THAT(AuditEventFromFhirR4(good + std::string(limits.max_bytes - good.size() + 1, ' ')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 131072")));
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_OK(ParseStrictJson(nested(limits.max_depth), limits));
  EXPECT_THAT(ParseStrictJson(nested(limits.max_depth + 1), limits),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested deeper than 32")));

  json narrative = Minimal();
  narrative["text"] = "";
  ASSERT_OK_AND_ASSIGN(v1::AuditEvent event, AuditEventFromFhirR4(narrative.dump()));
  const size_t room = kMaxFhirResidualBytes - FhirR4ResidualBytes(event);
  narrative["text"] = std::string(room, 'x');
  ASSERT_OK_AND_ASSIGN(event, AuditEventFromFhirR4(narrative.dump()));
  EXPECT_EQ(FhirR4ResidualBytes(event), kMaxFhirResidualBytes);
  narrative["text"] = std::string(room + 1, 'x');
  EXPECT_THAT(AuditEventFromFhirR4(narrative.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 32768")));

  json large = Minimal();
  large["outcomeDesc"] = std::string(kMaxEventBytes, 'x');
  EXPECT_THAT(AuditEventFromFhirR4(large.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 65536")));
}

TEST(FhirR4Test, ResidualFromOutsideCannotHarm) {
  ASSERT_OK_AND_ASSIGN(v1::AuditEvent event, AuditEventFromFhirR4(Minimal().dump()));
  v1::Extension& residual = *event.add_extension();
  residual.set_url(std::string(kFhirR4ResidualUrl));
  for (const char* patch : {"", "{}", "[1]", R"([{"op":"copy","from":"","path":"/a"}])",
                            R"([{"op":"remove","path":"/no"}])", R"([{"op":"add"}])",
                            R"([{"op":"replace","path":"agent","value":1}])"}) {
    residual.set_fhir_json(patch);
    EXPECT_THAT(FhirR4FromAuditEvent(event), StatusIs(absl::StatusCode::kInvalidArgument)) << patch;
  }
}

}  // namespace
}  // namespace auditledger
