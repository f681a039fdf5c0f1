#include "ledger/master_key_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "ledger/key_text.h"
#include "ledger/posix_file.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = MasterKeySource::Kind;

// pkcs11: pkcs11_key_test.cc.
class MasterKeySourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FakeRandom random(1);
    text_ = std::string(MasterKey::NewText(random).Reveal());
    fingerprint_ = MasterKey::Parse(text_)->fingerprint();
    ASSERT_OK(CreateFile(file_, text_, 0600));
  }
  void TearDown() override {
    ::unsetenv("CREDENTIALS_DIRECTORY");
    ::unsetenv("TEST_MASTER_KEY");
  }
  std::string Found(const std::string& source) {
    const auto key = LoadMasterKey(source);
    return key.ok() ? (*key)->fingerprint() : std::string(key.status().message());
  }

  TempDir dir_;
  const std::string file_ = dir_ / "master.key";
  std::string text_;
  std::string fingerprint_;
};

TEST_F(MasterKeySourceTest, EachFormIsRead) {
  EXPECT_EQ(ParseMasterKeySource("file:/a b")->place, "/a b");
  EXPECT_EQ(ParseMasterKeySource("credential:master")->kind, Kind::kCredential);
  EXPECT_EQ(ParseMasterKeySource("env:_A1")->kind, Kind::kEnvironment);
  EXPECT_EQ(ParseMasterKeySource("pkcs11:/a")->kind, Kind::kPkcs11);
  ASSERT_OK_AND_ASSIGN(const MasterKeySource command,
                       ParseMasterKeySource("command:/usr/bin/vault get -f 'key"));
  EXPECT_EQ(command.place, "/usr/bin/vault");
  EXPECT_THAT(command.words, ElementsAre("/usr/bin/vault", "get", "-f", "'key"));
}

TEST_F(MasterKeySourceTest, AnyOtherFormIsRefusedWithTheForms) {
  for (const char* wrong : {"",
                            "file",
                            "file:",
                            "/etc/key",
                            "FILE:/a",
                            " file:/a",
                            "credential:",
                            "credential:a/b",
                            "credential:..",
                            "env:",
                            "env:1A",
                            "env:A-B",
                            "env:A B",
                            "command:",
                            "command:vault",
                            "command:/a  b",
                            "command:/a ",
                            "pkcs11:",
                            "file:/a\nb",
                            "vault:/a"}) {
    EXPECT_THAT(ParseMasterKeySource(wrong), StatusIs(absl::StatusCode::kInvalidArgument,
                                                      HasSubstr("file:PATH, credential:NAME")))
        << wrong;
  }
  const std::string longest = "file:" + std::string(kMaxMasterKeySourceBytes - 5, 'a');
  EXPECT_OK(ParseMasterKeySource(longest));
  EXPECT_THAT(ParseMasterKeySource(longest + "a"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(MasterKeySourceTest, AFileIsItsOwnersAlone) {
  EXPECT_EQ(Found("file:" + file_), fingerprint_);
  ASSERT_EQ(::chmod(file_.c_str(), 0640), 0);
  EXPECT_THAT(LoadMasterKey("file:" + file_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("master key of file:"), HasSubstr("chmod 600 " + file_))));
  EXPECT_THAT(LoadMasterKey("file:/nowhere/key"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere/key")));
}

TEST_F(MasterKeySourceTest, ACredentialIsWhatSystemdGives) {
  EXPECT_THAT(
      LoadMasterKey("credential:master.key"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("LoadCredentialEncrypted=master.key:FILE")));
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", dir_.path().c_str(), 1), 0);
  EXPECT_EQ(Found("credential:master.key"), fingerprint_);
  ASSERT_EQ(::chmod(file_.c_str(), 0440), 0);
  EXPECT_EQ(Found("credential:master.key"), fingerprint_) << "as its access list shows";
  ASSERT_EQ(::chmod(file_.c_str(), 0444), 0);
  EXPECT_THAT(LoadMasterKey("credential:master.key"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("open to others")));
}

TEST_F(MasterKeySourceTest, AVariableIsTakenOutOfTheEnvironment) {
  for (const std::string& text : {text_, text_.substr(0, text_.size() - 1)}) {
    ASSERT_EQ(::setenv("TEST_MASTER_KEY", text.c_str(), 1), 0);
    const char* const value = std::getenv("TEST_MASTER_KEY");
    EXPECT_EQ(Found("env:TEST_MASTER_KEY"), fingerprint_);
    EXPECT_EQ(std::getenv("TEST_MASTER_KEY"), nullptr);
    EXPECT_EQ(value[0], '\0') << "and wiped";
  }
  EXPECT_THAT(LoadMasterKey("env:TEST_MASTER_KEY"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("env:TEST_MASTER_KEY")));
}

TEST_F(MasterKeySourceTest, ACommandPrintsIt) {
  EXPECT_EQ(Found("command:/bin/cat " + file_), fingerprint_);
  EXPECT_THAT(LoadMasterKey("command:/bin/cat /nowhere/key"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("command:/bin/cat: "), HasSubstr("exit code 1"),
                             Not(HasSubstr("/nowhere")))));
  SecretCommandLimits limits;
  limits.deadline = std::chrono::milliseconds(50);
  EXPECT_THAT(LoadMasterKey("command:/bin/sleep 600", limits),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(MasterKeySourceTest, WhatIsNoMasterKeyIsNotQuoted) {
  const std::string bytes(32, 's');
  ASSERT_OK(ReplaceFile(file_, FormatSymmetricKey("wrap", 1, bytes).Reveal()));
  EXPECT_THAT(LoadMasterKey("file:" + file_),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(file_), HasSubstr("auditctl new-master-key"),
                             Not(HasSubstr("c3Nzc3")))));
}

TEST_F(MasterKeySourceTest, WithoutASourceThereIsNoKey) {
  EXPECT_EQ(LoadMasterKeyIfGiven("").value(), nullptr);
  EXPECT_NE(LoadMasterKeyIfGiven("file:" + file_).value(), nullptr);
}

}  // namespace
}  // namespace auditledger
