#include "api/access/patient_access.h"

#include <gmock/gmock.h>

#include "absl/strings/str_replace.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "tests/api/test_capability.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using testing::CapabilityKey;
using ::testing::HasSubstr;
using testing::StatusIs;

constexpr char kOrigin[] = "audit.example.org/clinic";
constexpr char kHolder[] = "https://idp.example#jane";
constexpr uint64_t kNow = 1'800'000'000;

class PatientAccessTest : public ::testing::Test {
 protected:
  // "OK", or the reason.
  std::string Judge(const std::string& note, uint64_t now_s = kNow) const {
    const std::vector<NoteVerifier> keys = {key_.verifier(), next_.verifier()};
    const auto judged = CheckPatientCapability(note, {keys, kOrigin, kHolder, now_s});
    EXPECT_THAT(std::string(judged.status().message()), ::testing::Not(HasSubstr("4711")));
    return judged.ok() ? "OK" : ReasonName(judged.status());
  }
  std::string With(void (*change)(PatientCapability&)) const {
    PatientCapability capability = good_;
    change(capability);
    return key_.Sign(capability);
  }

  const CapabilityKey key_{"privacy.example/1", 'k'};
  const CapabilityKey next_{"privacy.example/2", 'n'};
  const PatientCapability good_{kOrigin, kHolder, "urn:oid:1.2.3", "4711", kNow + 60, false};
};

TEST_F(PatientAccessTest, TakesWhatAKeyOfThePolicySigned) {
  const std::vector<NoteVerifier> keys = {key_.verifier(), next_.verifier()};
  for (const CapabilityKey* key : {&key_, &next_}) {
    const auto judged = CheckPatientCapability(key->Sign(good_), {keys, kOrigin, kHolder, kNow});
    ASSERT_OK(judged);
    EXPECT_EQ(*judged, good_);
  }
}

TEST_F(PatientAccessTest, RefusesEveryOtherSignature) {
  EXPECT_EQ(Judge(CapabilityKey("privacy.example/3", 'x').Sign(good_)), "CAPABILITY_UNKNOWN_KEY");
  EXPECT_EQ(Judge(CapabilityKey("privacy.example/1", 'x').Sign(good_)), "CAPABILITY_UNKNOWN_KEY")
      << "another key of that name";
  const std::string note = key_.Sign(good_);
  EXPECT_EQ(Judge(absl::StrReplaceAll(note, {{"leaves", "payloads"}})), "CAPABILITY_BAD_SIGNATURE");
  EXPECT_EQ(Judge(absl::StrReplaceAll(note, {{"1800000060", "1800000061"}})),
            "CAPABILITY_BAD_SIGNATURE");
  EXPECT_THAT(CheckPatientCapability(note, {{}, kOrigin, kHolder, kNow}),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("no key")))
      << "a policy without keys";
}

TEST_F(PatientAccessTest, IsForOneLedgerAndOneHolder) {
  EXPECT_EQ(Judge(With([](PatientCapability& c) { c.origin += "-2"; })), "CAPABILITY_OTHER_LEDGER");
  EXPECT_EQ(Judge(With([](PatientCapability& c) { c.holder += "-doe"; })), "CAPABILITY_NOT_YOURS");
}

TEST_F(PatientAccessTest, EndsToTheSecondAndIsNeverForLong) {
  const std::string note = key_.Sign(good_);
  EXPECT_EQ(Judge(note, kNow + 59), "OK");
  EXPECT_EQ(Judge(note, kNow + 60), "CAPABILITY_EXPIRED");
  EXPECT_EQ(Judge(With([](PatientCapability& c) { c.expires_s = kNow + kMaxCapabilitySeconds; })),
            "OK");
  EXPECT_EQ(
      Judge(With([](PatientCapability& c) { c.expires_s = kNow + kMaxCapabilitySeconds + 1; })),
      "CAPABILITY_TOO_LONG");
  EXPECT_EQ(Judge(With([](PatientCapability& c) { c.expires_s = 0; })), "CAPABILITY_EXPIRED");
}

TEST_F(PatientAccessTest, NamesTheFieldOfWhatIsNone) {
  const std::string checkpoint = key_.SignText("audit.example.org/clinic\n1\nAAAA\n");
  for (const std::string& note : {std::string(), std::string("x"), key_.Sign(good_) + "\n",
                                  checkpoint, std::string(kMaxPatientCapabilityBytes + 1, 'x')}) {
    const std::vector<NoteVerifier> keys = {key_.verifier()};
    EXPECT_THAT(CheckPatientCapability(note, {keys, kOrigin, kHolder, kNow}),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_EQ(Judge(note), kReasonInvalidArgument);
  }
}

}  // namespace
}  // namespace auditledger
