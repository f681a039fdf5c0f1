// `auditledger-verify answer` as a process.
//
// Covers: verifier/cli/answer
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "merkle/complete_answer.h"
#include "merkle/tags.h"
#include "nlohmann/json.hpp"
#include "tests/testing/indexed_log.h"
#include "tests/verifier/program.h"
#include "verifier/cli/options.h"
#include "verifier/verdict.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::IndexedLog;
using testing::ProgramTest;
using testing::Ran;
using testing::WriteFile;

Hash TagOf(const std::string& id) {
  return DeriveTag(HmacKey(std::string(32, 'i')), {"patient", "urn:mrn", id});
}

class AnswerProgramTest : public ProgramTest {
 protected:
  AnswerProgramTest() {
    const uint64_t begin = indexed_.leaf(0).recorded_at_us;
    indexed_.Add({TagOf("1")}, begin - 5'000'000);
    indexed_.Add({TagOf("1")});
    indexed_.AddIndexHead();
    Write("all", RecordedWithin(TagOf("1"), {}));
    Write("since", RecordedWithin(TagOf("1"), {1'700'000'000'002'000, kNoEnd}));
    Write("happened", HappenedWithin(TagOf("1"), {0, 1'700'000'000'000'000}));
  }
  void Write(const std::string& name, const AnswerQuery& query) {
    const CompleteAnswer answer = indexed_.Answer(query, indexed_.size());
    WriteFile(dir_.File(name), EncodeCompleteAnswer(answer).value());
  }
  static constexpr char kAbout1[] = " --index-key @index.key --subject patient urn:mrn 1";
  IndexedLog indexed_;
};

TEST_F(AnswerProgramTest, AnswersWithEntriesAndAsJson) {
  const Ran ran = Run(absl::StrCat("answer @all", kAbout1));
  EXPECT_EQ(ran.exit_code, kExitUnwitnessed) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("entry 1 (event), recorded 2023-11-14T22:13:20.001000Z, happened "
                                 "2023-11-14T22:13:15.000000Z\nentry 2 (event), recorded"));
  EXPECT_THAT(ran.out, HasSubstr("exactly these 2 entries"));
  const Ran json = Run(absl::StrCat("answer @all --json --tag ", TagOf("1").ToHex()));
  EXPECT_EQ(json.exit_code, kExitUnwitnessed) << json.out;
  const nlohmann::json answer = nlohmann::json::parse(json.out)["answer"];
  EXPECT_EQ(answer["complete_size"], 4);
  EXPECT_EQ(answer["index_head"], 3);
  EXPECT_EQ(answer["entries"].size(), 2u);
  EXPECT_EQ(answer["entries"][0]["index"], 1);
  EXPECT_EQ(Run(absl::StrCat("answer @all --quiet", kAbout1)).out, "");
}

TEST_F(AnswerProgramTest, TheWindowIsTheAskersOwn) {
  const auto run = [&](const std::string& file, const std::string& window) {
    return Run(absl::StrCat("answer @", file, kAbout1, " ", window)).exit_code;
  };
  EXPECT_EQ(run("since", "--recorded 2023-11-14T22:13:20.002Z -"), kExitUnwitnessed);
  EXPECT_EQ(run("since", ""), 1) << "asked was all of the log";
  EXPECT_EQ(run("all", "--recorded 2023-11-14T22:13:20.002Z -"), 1);
  EXPECT_EQ(run("happened", "--happened - 2023-11-14T22:13:20Z"), kExitUnwitnessed);
  EXPECT_EQ(run("happened", "--recorded - 2023-11-14T22:13:20Z"), 1);
}

TEST_F(AnswerProgramTest, ACommandLineThatCannotBeMeantIsRefused) {
  const auto usage = [&](const std::string& arguments, const std::string& why) {
    const Ran ran = Run("answer @all " + arguments);
    EXPECT_EQ(ran.exit_code, kExitUsage) << arguments << ran.out;
    EXPECT_THAT(ran.out, HasSubstr(why)) << arguments;
  };
  const std::string tag = absl::StrCat("--tag ", TagOf("1").ToHex());
  usage("", "whom is it about?");
  usage(absl::StrCat(tag, kAbout1), "whom is it about?");
  usage("--subject patient urn:mrn 1", "--subject needs --index-key");
  usage("--tag 00", "hex digits");
  usage("--index-key @index.key --subject doctor urn:mrn 1", "no kind of subject: doctor");
  usage("--index-key @index.key --subject patient urn:mrn " + std::string(65'536, '1'),
        "--subject: over 65535 bytes");
  usage("--index-key @index.key --subject patient " + std::string(65'536, 'u') + " 1",
        "--subject: over 65535 bytes");
  usage("--index-key @vkey " + tag, "index key");
  usage(tag + " --recorded yesterday -", "not a time like");
  usage(tag + " --recorded - 1960-01-01T00:00:00Z", "not a time like");
  usage(tag + " --recorded - - --happened - -", "one window");
  usage(tag + " --recorded 2024-01-02T00:00:00Z 2024-01-01T00:00:00Z", "no time in it");
  const Ran gone = Run("answer @gone " + tag);
  EXPECT_EQ(gone.exit_code, kExitCannotTell) << gone.out;
  EXPECT_EQ(Run("answer @all " + tag + " --index-key @gone").exit_code, kExitCannotTell);
}

}  // namespace
}  // namespace auditledger
