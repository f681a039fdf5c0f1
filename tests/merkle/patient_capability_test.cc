#include "merkle/patient_capability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

const PatientCapability kOne{"audit.example.org/clinic",
                             "https://idp.example#jane",
                             "urn:oid:1.2.3",
                             "4711",
                             1'800'000'000,
                             true};
constexpr char kText[] =
    "auditledger/patient-capability/v1\naudit.example.org/clinic\nhttps://idp.example#jane\n"
    "dXJuOm9pZDoxLjIuMw== NDcxMQ==\n1800000000\npayloads\n";

TEST(PatientCapability, HasOneText) {
  EXPECT_EQ(FormatPatientCapability(kOne).value(), kText);
  EXPECT_EQ(ParsePatientCapability(kText).value(), kOne);
  PatientCapability other = kOne;
  other.system = "";  // a literal reference
  other.id = "Patient/47 11\n";
  other.payloads = false;
  EXPECT_EQ(ParsePatientCapability(FormatPatientCapability(other).value()).value(), other);
}

TEST(PatientCapability, RefusesWhatIsNotQuiteOne) {
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"/v1", "/v2"},
                                                        {"audit.example.org/clinic\n", "\n"},
                                                        {"#jane", "#jane doe"},
                                                        {"#jane\n", "#jane\n\n"},
                                                        {"#jane", "#ja\x7fne"},
                                                        {"dXJuOm9pZDoxLjIuMw== ", ""},
                                                        {"NDcxMQ==", ""},
                                                        {"NDcxMQ==", "NDcxMQ"},
                                                        {"NDcxMQ==", "NDcxMR=="},
                                                        {" NDcxMQ", "  NDcxMQ"},
                                                        {"1800000000", "01800000000"},
                                                        {"1800000000", "-1"},
                                                        {"1800000000", "99999999999999999999"},
                                                        {"payloads", "all"},
                                                        {"payloads\n", "payloads"},
                                                        {"payloads\n", "payloads\nleaves\n"},
                                                        {"\n", "\r\n"}}) {
    const absl::Status status =
        ParsePatientCapability(absl::StrReplaceAll(kText, {{from, to}})).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("capability")))
        << from << " -> " << to;
    for (const char* personal : {"4711", "NDcx", "jane"}) {
      EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr(personal)));
    }
  }
  for (const auto& spoil : std::vector<void (*)(PatientCapability&)>{
           [](PatientCapability& c) { c.holder = "two\nlines"; },
           [](PatientCapability& c) { c.origin = ""; }, [](PatientCapability& c) { c.id = ""; }}) {
    PatientCapability bad = kOne;
    spoil(bad);
    EXPECT_THAT(FormatPatientCapability(bad), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(PatientCapability, ATextThatEndsTooEarlyIsToldFromOneOfAnotherVersion) {
  const std::string text = kText;
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_THAT(ParsePatientCapability(text.substr(0, size)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line missing")));
  }
  EXPECT_THAT(ParsePatientCapability(absl::StrReplaceAll(text, {{"/v1", "/v2"}})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version")));
}

TEST(PatientCapability, EndsAtItsLimit) {
  PatientCapability large = kOne;
  const size_t beside = FormatPatientCapability(kOne)->size() - kOne.holder.size();
  large.holder = std::string(kMaxPatientCapabilityBytes - beside, 'h');
  EXPECT_OK(FormatPatientCapability(large));
  large.holder += 'h';
  EXPECT_THAT(FormatPatientCapability(large),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("4096")));
}

}  // namespace
}  // namespace auditledger
