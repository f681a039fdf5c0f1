#include "ledger/signer_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "ledger/key_files.h"
#include "ledger/posix_file.h"
#include "ledger/signer_state.h"
#include "merkle/checkpoint.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::HasSubstr;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr char kOrigin[] = "example.org/clinic";
const Head kOne{1, LeafHash("first"), 11};

class SignerFolderTest : public ::testing::Test {
 protected:
  TempDir temp_;
  const std::string dir_ = temp_ / "signer";
  const std::string path_ = SignerOriginPath(dir_, kOrigin);
  FakeRandom random_{1};
};

TEST_F(SignerFolderTest, EachOriginHasAKeyAndAMemoryOfItsOwn) {
  ASSERT_OK_AND_ASSIGN(const NoteVerifier clinic, CreateSignerOrigin(dir_, kOrigin, random_));
  ASSERT_OK_AND_ASSIGN(const NoteVerifier ward,
                       CreateSignerOrigin(dir_, "example.org/ward", random_));
  EXPECT_NE(clinic.public_key(), ward.public_key());
  {
    ASSERT_OK_AND_ASSIGN(const auto signer, OpenSignerOrigin(dir_, kOrigin));
    ASSERT_OK_AND_ASSIGN(const std::string note, signer->Sign(kOne, {}));
    EXPECT_OK(OpenCheckpoint(note, kOrigin, clinic));
  }
  ASSERT_OK_AND_ASSIGN(const auto found, ListSignerOrigins(dir_));
  ASSERT_EQ(found.size(), 2u);
  for (const SignerOriginStatus& status : found) {
    EXPECT_OK(status.problem);
    const bool is_clinic = status.origin == kOrigin;
    EXPECT_EQ(status.vkey, (is_clinic ? clinic : ward).ToVkey());
    EXPECT_EQ(status.last, is_clinic ? std::optional<Head>(kOne) : std::nullopt);
  }
}

TEST_F(SignerFolderTest, AKeyIsNeverMadeTwice) {
  ASSERT_OK(CreateSignerOrigin(dir_, kOrigin, random_));
  EXPECT_THAT(CreateSignerOrigin(dir_, kOrigin, random_),
              StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK(RemoveFile(path_ + "/signer.state"));
  EXPECT_THAT(CreateSignerOrigin(dir_, kOrigin, random_),
              StatusIs(absl::StatusCode::kAlreadyExists))
      << "its key may have signed";
}

TEST_F(SignerFolderTest, WhatACrashLeavesIsBegunAgain) {
  for (const FileOperation operation :
       {FileOperation::kWrite, FileOperation::kSync, FileOperation::kRename}) {
    for (uint64_t skip = 0;; ++skip) {
      const std::string origin =
          absl::StrCat("example.org/", static_cast<int>(operation), "-", skip);
      bool failed = false;
      {
        const FileFaults faults(operation, dir_, EIO, skip, 1);
        failed = !CreateSignerOrigin(dir_, origin, random_).ok();
        if (faults.seen() <= skip) break;
      }
      // What failed after it had its name is whole.
      if (failed && !PathExists(SignerOriginPath(dir_, origin))) {
        EXPECT_OK(CreateSignerOrigin(dir_, origin, random_));
      }
      EXPECT_OK(OpenSignerOrigin(dir_, origin)) << origin;
    }
  }
}

TEST_F(SignerFolderTest, IsClosedToOthers) {
  ASSERT_OK(CreateSignerOrigin(dir_, kOrigin, random_));
  for (const std::string& dir : {dir_, path_}) {
    ASSERT_EQ(::chmod(dir.c_str(), 0750), 0);
    const absl::Status status =
        dir == dir_ ? PrepareSignerFolder(dir_) : OpenSignerOrigin(dir_, kOrigin).status();
    EXPECT_THAT(status, StatusIs(kRefused, HasSubstr("chmod 700")));
    ASSERT_EQ(::chmod(dir.c_str(), 0700), 0);
  }
  ASSERT_EQ(::chmod((path_ + "/log.key").c_str(), 0640), 0);
  EXPECT_THAT(OpenSignerOrigin(dir_, kOrigin), StatusIs(kRefused, HasSubstr("chmod 600")));
}

TEST_F(SignerFolderTest, ALostStateIsAdoptedByHandAndRemembersThatItWas) {
  EXPECT_THAT(OpenSignerOrigin(dir_, kOrigin), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(AdoptSignerHead(dir_, kOrigin, 1, kOne.root), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(CreateSignerOrigin(dir_, kOrigin, random_));
  EXPECT_THAT(AdoptSignerHead(dir_, kOrigin, 1, kOne.root),
              StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK(RemoveFile(path_ + "/signer.state"));
  EXPECT_THAT(OpenSignerOrigin(dir_, kOrigin), StatusIs(kRefused, HasSubstr("lost state")));
  EXPECT_THAT(AdoptSignerHead(dir_, kOrigin, 0, EmptyRoot()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(AdoptSignerHead(dir_, kOrigin, 1, kOne.root));
  ASSERT_OK_AND_ASSIGN(const auto signer, OpenSignerOrigin(dir_, kOrigin));
  EXPECT_EQ(signer->LastSigned().value(), (Head{1, kOne.root, 0}));
}

TEST_F(SignerFolderTest, StatusNamesWhatIsWrong) {
  ASSERT_OK(CreateSignerOrigin(dir_, kOrigin, random_));
  const std::string good = ReadWholeFile(path_ + "/origin", 100).value();
  for (const char* origin : {"", "two\nlines\n", "no end", "example.org/other\n"}) {
    ASSERT_OK(ReplaceFile(path_ + "/origin", origin));
    EXPECT_FALSE(ListSignerOrigins(dir_)->at(0).problem.ok()) << origin;
  }
  ASSERT_OK(ReplaceFile(path_ + "/origin", good));
  EXPECT_OK(ListSignerOrigins(dir_)->at(0).problem);
  ASSERT_OK(ReplaceFile(path_ + "/signer.state", std::string(100, 'x')));
  EXPECT_THAT(ListSignerOrigins(dir_)->at(0).problem, StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace auditledger
