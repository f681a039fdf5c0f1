// A patient's own access as its people do it: a privacy office makes a key and a capability, the
// patient's client reads, and nobody else can.
//
// Covers: tools/auditctl_patient
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/processes.h"

namespace auditledger::testing {
namespace {

using ::nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kOrigin[] = "audit.example.org/clinic";
constexpr char kHolder[] = "spiffe://hospital.example/client";  // of `auditctl dev-certs`

std::string EventAbout(const std::string& id, const std::string& patients) {
  return absl::StrCat(
      R"({"eventId":")", id,
      R"(","schemaVersion":1,"recorded":{"at":"2025-03-03T10:00:00Z","utcOffsetMinutes":0},)",
      R"("category":[{"coding":[{"code":"110110"}]}],"action":"ACTION_READ",)",
      R"("outcome":{"indicator":"INDICATOR_SUCCESS"},"patient":[)", patients, "],",
      R"("agent":[{"who":{"reference":"Practitioner/p1"},"requestor":true}],)",
      R"("source":{"observer":{"reference":"Device/d1"},"streamId":"cli"}})", "\n");
}
std::string Patient(const std::string& value) {
  return absl::StrCat(R"({"identifier":{"system":"urn:oid:1.2.3","value":")", value, R"("}})");
}

class PatientTest : public ::testing::Test {
 protected:
  PatientTest() {
    EXPECT_EQ(RunProgram({Program("auditctl"), "dev-certs", certs_}).exit_code, 0);
    const Ran key = RunProgram({Program("auditctl"), "patient-key", "--name",
                                "privacy.hospital.example/1", "--out", Path("privacy.key")});
    EXPECT_EQ(key.exit_code, 0) << key.err;
    std::ofstream(certs_ + "/access.policy", std::ios::app)
        << "patient_keys { vkey: \"" << absl::StripAsciiWhitespace(key.out)
        << "\" ledgers: \"clinic\" expires: \"2090-01-01T00:00:00Z\" approved_by: \"ciso\" }\n";
    daemon_ = std::make_unique<Daemon>(
        folder_.path(), std::vector<std::string>{"--listen", DevListener(certs_), "--access_policy",
                                                 certs_ + "/access.policy"});
    const Ran created = Ctl({"create-ledger", "clinic", "--origin", kOrigin, "--json"});
    EXPECT_EQ(created.exit_code, 0) << created.err << daemon_->log();
    vkey_ = json::parse(created.out)["vkey"];
    const Ran appended =
        Ctl({"append", "-"}, EventAbout("1", Patient("jane")) + EventAbout("2", Patient("john")) +
                                 EventAbout("3", Patient("jane") + "," + Patient("john")));
    EXPECT_EQ(appended.exit_code, 0) << appended.err;
  }
  Ran Ctl(const std::vector<std::string>& arguments, const std::string& input = "") {
    return RunCtl({daemon_->address(), certs_, vkey_}, arguments, input);
  }
  // The capability's file.
  std::string Capability(const std::string& name, const std::string& holder,
                         const std::vector<std::string>& more = {}) {
    const std::string expires =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now() + absl::Hours(1), absl::UTCTimeZone());
    std::vector<std::string> command = {Program("auditctl"),
                                        "patient-capability",
                                        "--signing-key",
                                        Path("privacy.key"),
                                        "--origin",
                                        kOrigin,
                                        "--holder",
                                        holder,
                                        "--patient-system",
                                        "urn:oid:1.2.3",
                                        "--patient-id",
                                        "jane",
                                        "--expires",
                                        expires,
                                        "--out",
                                        Path(name)};
    command.insert(command.end(), more.begin(), more.end());
    const Ran made = RunProgram(command);
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return Path(name);
  }
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  TempFolder folder_;
  const std::string certs_ = folder_.path() + "/certs";
  std::unique_ptr<Daemon> daemon_;
  std::string vkey_;
};

TEST_F(PatientTest, TheHolderReadsAboutTheOnePatient) {
  const Ran read = Ctl(
      {"patient-entries", "--json", "--capability", Capability("jane", kHolder, {"--payloads"})});
  ASSERT_EQ(read.exit_code, 0) << read.err;
  const std::vector<std::string> lines = absl::StrSplit(read.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u) << read.out;
  EXPECT_EQ(json::parse(lines[0])["event"]["patient"][0]["identifier"]["value"], "jane");
  EXPECT_EQ(json::parse(lines[1])["payload"], "withheld");
  EXPECT_THAT(read.out, Not(HasSubstr("john")));

  const Ran times = Ctl({"patient-entries", "--capability", Capability("times", kHolder)});
  ASSERT_EQ(times.exit_code, 0) << times.err;
  EXPECT_THAT(times.out, Not(HasSubstr("cli"))) << "neither stream nor staff";
}

TEST_F(PatientTest, NobodyElseDoes) {
  const Ran other =
      Ctl({"patient-entries", "--capability", Capability("other", "https://idp.example#john")});
  EXPECT_EQ(other.exit_code, 4);
  EXPECT_THAT(other.err, HasSubstr("CAPABILITY_NOT_YOURS"));
  const Ran own_key = RunProgram({Program("auditctl"), "patient-key", "--name",
                                  "privacy.hospital.example/1", "--out", Path("forged.key")});
  ASSERT_EQ(own_key.exit_code, 0);
  ASSERT_EQ(std::rename(Path("forged.key").c_str(), Path("privacy.key").c_str()), 0);
  const Ran forged = Ctl({"patient-entries", "--capability", Capability("forged", kHolder)});
  EXPECT_EQ(forged.exit_code, 4);
  EXPECT_THAT(forged.err, HasSubstr("CAPABILITY_UNKNOWN_KEY"));
  EXPECT_THAT(daemon_->log(), Not(HasSubstr("jane")));
}

TEST_F(PatientTest, FilesArePrivateAndNeverReplaced) {
  const std::string capability = Capability("jane", kHolder);
  for (const std::string& file : {capability, Path("privacy.key")}) {
    struct stat info {};
    ASSERT_EQ(stat(file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file;
  }
  const Ran again = RunProgram({Program("auditctl"), "patient-key", "--name",
                                "privacy.hospital.example/1", "--out", Path("privacy.key")});
  EXPECT_NE(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr(Path("privacy.key")));
  for (const auto& [expires, why] :
       {std::pair("soon", "RFC 3339"), std::pair("2090-01-01T00:00:00Z", "92 days")}) {
    const Ran date = RunProgram({Program("auditctl"), "patient-capability", "--signing-key",
                                 Path("privacy.key"), "--origin", kOrigin, "--holder", kHolder,
                                 "--patient-id", "jane", "--expires", expires, "--out", Path("x")});
    EXPECT_EQ(date.exit_code, 64);
    EXPECT_THAT(date.err, HasSubstr(why));
  }
}

}  // namespace
}  // namespace auditledger::testing
