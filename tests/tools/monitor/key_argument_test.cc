#include "tools/key_argument.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/test_log.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class KeyArgumentTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& text) {
    std::ofstream(dir_ / "key") << text;
    return dir_ / "key";
  }

  const std::string vkey_ =
      NoteVerifier::FromEd25519("x.example/a", testing::TestPublicKey(1), kNoteEd25519)->ToVkey();
  testing::TempDir dir_;
};

TEST_F(KeyArgumentTest, IsAVkeyOrAFileOfOne) {
  for (const std::string& key : {vkey_, Write(vkey_), Write(vkey_ + "\r\n")}) {
    ASSERT_OK_AND_ASSIGN(const NoteVerifier verifier, ReadKeyArgument(key));
    EXPECT_EQ(verifier.ToVkey(), vkey_);
  }
}

TEST_F(KeyArgumentTest, AFileThatIsNotThereIsNamed) {
  EXPECT_THAT(ReadKeyArgument(dir_ / "absent.vkey"),
              StatusIs(kInvalid, AllOf(HasSubstr("nor a file"), HasSubstr("absent.vkey"))));
}

TEST_F(KeyArgumentTest, AFileOfAnythingElseIsRefused) {
  EXPECT_THAT(ReadKeyArgument(Write("")), StatusIs(kInvalid));
  EXPECT_THAT(ReadKeyArgument(Write(vkey_ + "\n" + vkey_ + "\n")), StatusIs(kInvalid));
  EXPECT_THAT(ReadKeyArgument(Write(std::string(4097, 'x'))),
              StatusIs(kInvalid, HasSubstr("nor a file")));
}

}  // namespace
}  // namespace auditledger
