// `auditledger-verify open-export` as a process: what it says and ends with.
//
// Covers: verifier/cli/run, verifier/cli/options
#include <filesystem>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/shared_path.h"
#include "tests/testing/test_recipient.h"
#include "tests/verifier/program.h"
#include "tests/verifier/test_bundle.h"
#include "verifier/cli/options.h"
#include "verifier/export_sealer.h"
#include "verifier/verdict.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::ProgramTest;
using testing::Ran;
using testing::ReadFile;
using testing::WriteFile;

constexpr int64_t kNow = 1'800'000'000;

class OpenExportTest : public ProgramTest {
 protected:
  OpenExportTest() : recipient_({}) {
    Recipients recipients;
    EXPECT_OK(recipients.Add(recipient_.pem(), kNow));
    const auto sealer = ExportSealer::Create(dir_.File("sealed"), recipients).value();
    const auto writer = ExportWriter::Into(*sealer);
    for (uint64_t i = 0; i < 30; ++i)
      EXPECT_OK(writer->Append(log_.leaves()[i], log_.openings()[i]));
    EXPECT_OK(writer->Finish(log_.CheckpointAt(30)));
    EXPECT_OK(sealer->Finish());
    WriteFile(dir_.File("key"), recipient_.key_pem());
  }
  void Expect(const std::string& arguments, int exit_code, const std::string& said) {
    const Ran ran = Run("open-export " + arguments, /*pinned=*/false);
    EXPECT_EQ(ran.exit_code, exit_code) << arguments << ran.out;
    EXPECT_THAT(ran.out, HasSubstr(said)) << arguments;
  }

  const testing::TestRecipient recipient_;
};

TEST_F(OpenExportTest, OpensWhatThenIsVerified) {
  Expect("@sealed --recipient-key @key --out @out", 0, "nothing of it is verified yet");
  EXPECT_EQ(Run("log @out").exit_code, kExitUnwitnessed);
  Expect("@sealed --recipient-key @key --out @quiet --quiet", 0, "");
  EXPECT_EQ(Run("open-export @sealed --recipient-key @key --out @q --quiet", false).out, "");
  const Ran json = Run("open-export @sealed --recipient-key @key --out @json --json", false);
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_EQ(nlohmann::json::parse(json.out)["opened"], dir_.File("json"));
}

TEST_F(OpenExportTest, ItsExitCodesAreTheVerifiers) {
  Expect("@sealed --recipient-key @key --out @dir --quiet", 0, "");
  Expect("@sealed --recipient-key @key --out @dir", kExitUsage, "is there already");
  Expect("@sealed --recipient-key @sealed --out @new", kExitUsage, "is no private key");
  Expect("@sealed --out @new", kExitUsage, "--recipient-key");
  Expect("@sealed --recipient-key @key", kExitUsage, "--out");
  Expect("@absent --recipient-key @key --out @new", kExitCannotTell, "absent: open");
  Expect("@key --recipient-key @key --out @new", kExitCannotTell, "is not a sealed file");
  WriteFile(dir_.File("other"), testing::TestRecipient({}).key_pem());
  Expect("@sealed --recipient-key @other --out @new", kExitCannotTell, "none of the recipients");
  std::string bent = ReadFile(dir_.File("sealed"));
  bent[bent.size() / 2] ^= 1;
  WriteFile(dir_.File("sealed"), bent);
  Expect("@sealed --recipient-key @key --out @new", kExitRefused, "its tag does not verify");
  EXPECT_FALSE(std::filesystem::exists(dir_.File("new")));
}

class SealedBundleProgramTest : public OpenExportTest {
 protected:
  SealedBundleProgramTest() {
    testing::TestBundle bundle = testing::WholeLog(log_);
    bundle.Add(BundleSection::kManifest, FormatBundleManifest(bundle.Manifest()));
    bytes_ = bundle.Bytes();
    Recipients recipients;
    EXPECT_OK(recipients.Add(recipient_.pem(), kNow));
    const auto sealer = Sealer::Create(dir_.File("answer"), recipients).value();
    EXPECT_OK(sealer->Write(bytes_));
    EXPECT_OK(sealer->Finish());
  }
  std::string bytes_;
};

TEST_F(SealedBundleProgramTest, ItIsJudgedInMemory) {
  const Ran ran = Run("bundle @answer --recipient-key @key --page @page.html");
  EXPECT_EQ(ran.exit_code, kExitCannotTell) << "the log knows nothing of it";
  EXPECT_THAT(ran.out, HasSubstr("PASS         completeness"));
  EXPECT_THAT(ReadFile(dir_.File("page.html")), HasSubstr(EncodeBase64(bytes_)));
  EXPECT_EQ(std::filesystem::status(dir_.File("page.html")).permissions(),
            std::filesystem::perms(0600));
  std::filesystem::remove(dir_.File("page.html"));
  for (const auto& file : std::filesystem::recursive_directory_iterator(dir_.path())) {
    if (!file.is_regular_file()) continue;
    EXPECT_THAT(ReadFile(file.path().string()), ::testing::Not(HasSubstr("package-1"))) << file;
  }
}

TEST_F(SealedBundleProgramTest, WhoHasNoKeyIsToldWhatItTakes) {
  const Ran ran = Run("bundle @answer");
  EXPECT_EQ(ran.exit_code, kExitCannotTell);
  EXPECT_THAT(ran.out, HasSubstr("give --recipient-key"));
  WriteFile(dir_.File("other"), testing::TestRecipient({}).key_pem());
  EXPECT_EQ(Run("bundle @answer --recipient-key @other").exit_code, kExitCannotTell);
  EXPECT_EQ(Run("bundle @answer --recipient-key @answer").exit_code, kExitUsage);
  std::string bent = ReadFile(dir_.File("answer"));
  bent[bent.size() / 2] ^= 1;
  WriteFile(dir_.File("answer"), bent);
  const Ran refused = Run("bundle @answer --recipient-key @key --page @page.html");
  EXPECT_EQ(refused.exit_code, kExitRefused);
  EXPECT_THAT(refused.out, HasSubstr("its tag does not verify"));
  EXPECT_FALSE(std::filesystem::exists(dir_.File("page.html")));
}

TEST_F(SealedBundleProgramTest, OrOpenedIntoAFile) {
  Expect("@answer --recipient-key @key --out @answer.bundle", 0, "run `bundle ");
  EXPECT_EQ(ReadFile(dir_.File("answer.bundle")), bytes_);
  Expect("@sealed --recipient-key @key --out @dir", 0, "run `log ");
}

TEST_F(OpenExportTest, AKeyUnderAPassphraseIsAskedFor) {
  const std::string made =
      "cd " + dir_.path() +
      " && openssl pkcs8 -topk8 -v2 aes256 -in key -out locked -passout pass:x";
  ASSERT_EQ(testing::RunShell(made).exit_code, 0);
  const auto open = [&](const std::string& passphrase) {
    return testing::RunShell("printf '" + passphrase + "\\n' | setsid -w " +
                             AUDITLEDGER_VERIFY_PROGRAM + " open-export " + dir_.File("sealed") +
                             " --recipient-key " + dir_.File("locked") + " --out " +
                             dir_.File("out"));
  };
  EXPECT_EQ(open("wrong").exit_code, kExitUsage);
  EXPECT_EQ(open("x").exit_code, 0);
}

}  // namespace
}  // namespace auditledger
