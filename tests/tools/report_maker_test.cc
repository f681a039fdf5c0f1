// A report of a bundle, in every format; and none of a bundle that does not verify.
//
// Covers: tools/report_output
#include "tools/report_maker.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "tests/testing/status_matchers.h"
#include "tests/verifier/test_bundle.h"
#include "tools/report_output.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::StatusIs;
using testing::WholeLog;

class ReportMakerTest : public testing::BentBundleTest {
 protected:
  ReportMakerTest() { Verify(WholeLog(log_)); }
  absl::StatusOr<ReportDocument> Make(const std::string& kind, const std::string& format,
                                      const ReportOptions& options = {}) {
    return MakeReportDocument(file_, MakePin(log_.origin(), log_.verifier().ToVkey()).value(),
                              {kind, format}, options);
  }
};

TEST_F(ReportMakerTest, EveryKindInEveryFormat) {
  for (const ReportKind& kind : ReportKinds()) {
    for (const char* format : {"html", "csv", "json", "fhir"}) {
      SCOPED_TRACE(absl::StrCat(kind.name, " ", format));
      const absl::StatusOr<ReportDocument> document = Make(std::string(kind.name), format);
      ASSERT_TRUE(document.ok()) << document.status();
      EXPECT_NE(document->exit_code, 1);
      EXPECT_THAT(document->verdict, HasSubstr("PASS"));
      EXPECT_FALSE(document->text.empty());
    }
  }
}

TEST_F(ReportMakerTest, JsonSaysWhatItWasMadeOf) {
  const nlohmann::json json = nlohmann::json::parse(Make("activity-review", "json").value().text);
  EXPECT_EQ(json["about"]["log"], log_.origin());
  EXPECT_THAT(json["about"]["completeness"].get<std::string>(), StartsWith("PASS"));
  EXPECT_EQ(json["columns"].size(), json["rows"][0].size());
}

TEST_F(ReportMakerTest, FhirIsABundleOfItsEvents) {
  const nlohmann::json json = nlohmann::json::parse(Make("activity-review", "fhir").value().text);
  EXPECT_EQ(json["resourceType"], "Bundle");
  EXPECT_EQ(json["entry"].size(), 4u);
  EXPECT_EQ(json["entry"][0]["resource"]["resourceType"], "AuditEvent");
}

TEST_F(ReportMakerTest, WhatDoesNotVerifyIsNotReportedOn) {
  file_[file_.size() / 2] ^= 1;
  EXPECT_THAT(Make("incident", "csv"), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("FAIL")));
}

TEST_F(ReportMakerTest, WhatWouldNotBeKeptIsRefused) {
  ReportOptions options;
  options.staff_names = false;
  EXPECT_TRUE(Make("patient-access", "html", options).ok());
  for (const auto& [kind, format] : {std::pair("patient-access", "fhir"), {"incident", "csv"}}) {
    EXPECT_THAT(Make(kind, format, options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no-staff-names")));
  }
  options = {};
  options.suspended["Police"] = 1;
  EXPECT_TRUE(Make("disclosures", "html", options).ok());
  for (const auto& [kind, format] : {std::pair("disclosures", "fhir"), {"incident", "csv"}}) {
    EXPECT_THAT(Make(kind, format, options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("suspend")));
  }
}

TEST_F(ReportMakerTest, FhirNamesNoOtherPatientThanTheOneAskedAbout) {
  v1::AuditEvent event;
  ASSERT_TRUE(event.ParseFromString(log_.openings()[1]->event));
  event.set_event_id("two");
  event.mutable_source()->set_stream_sequence(100);
  event.clear_patient();
  event.clear_entity();
  for (const char* id : {"asked", "other"}) {
    v1::Reference& patient = *event.add_patient();
    patient.set_reference(absl::StrCat("Patient/", id));
    *event.add_entity()->mutable_what() = patient;
    event.mutable_entity()->rbegin()->mutable_role()->add_coding()->set_code("1");
  }
  auto [leaf, opening] = log_.Seal(event.SerializeAsString(), std::nullopt);
  log_.AddLeaf(leaf, opening);
  Verify(WholeLog(log_));
  ReportOptions options;
  options.patient = "|Patient/asked";
  const std::string text = Make("patient-access", "fhir", options).value().text;
  EXPECT_THAT(text, HasSubstr("Patient/asked"));
  EXPECT_THAT(text, Not(HasSubstr("Patient/other")));
}

TEST_F(ReportMakerTest, KindAndFormatAreSaid) {
  EXPECT_THAT(Make("incident", "pdf"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("html, csv, json or fhir")));
  EXPECT_THAT(Make("none", "csv"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ReportOutputTest, WhatAnEventSaysCannotAct) {
  ReportTable table;
  table.title = "T";
  table.columns = {"a", "b"};
  table.rows = {{"<script>alert(1)</script>", "\"quoted\" & 'single'"}, {"=1+1", "x,y\nz"}};
  const std::string html = ReportHtml({{"log", "<b>"}}, table);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(html, HasSubstr("&quot;quoted&quot; &amp; &#39;single&#39;"));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  EXPECT_EQ(
      ReportCsv(table),
      "a,b\r\n<script>alert(1)</script>,\"\"\"quoted\"\" & 'single'\"\r\n'=1+1,\"x,y\nz\"\r\n");
  table.rows = {{"\xff", ""}};
  EXPECT_TRUE(nlohmann::json::accept(ReportJson({}, table)));
}

}  // namespace
}  // namespace auditledger
