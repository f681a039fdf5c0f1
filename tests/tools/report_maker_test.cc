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
  absl::StatusOr<ReportDocument> Make(const std::string& kind, const std::string& format) {
    return MakeReportDocument(file_, MakePin(log_.origin(), log_.verifier().ToVkey()).value(),
                              {kind, format}, {});
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
