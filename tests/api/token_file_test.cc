#include "api/client/token_file.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;

class TokenFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    ASSERT_EQ(std::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }
  testing::TempDir dir_;
  const std::string path_ = dir_.path() + "/token";
  TokenFile file_{path_};
};

TEST_F(TokenFileTest, IsReadAgainWhenItChanges) {
  Write(" abc.def.ghi\n");
  EXPECT_EQ(file_.Read().value(), "abc.def.ghi");
  EXPECT_EQ(file_.Read().value(), "abc.def.ghi");
  Write(" xyz.def.ghi\n");
  EXPECT_EQ(file_.Read().value(), "xyz.def.ghi") << "of the same size";
}

TEST_F(TokenFileTest, WhatIsNoTokenIsRefusedWithoutBeingShown) {
  const auto refused =
      StatusIs(absl::StatusCode::kUnauthenticated, AllOf(HasSubstr(path_), Not(HasSubstr("sec"))));
  EXPECT_THAT(file_.Read().status(), refused);
  for (const std::string& wrong :
       {std::string(), std::string("\n"), std::string("sec ret"), std::string("sec\nret"),
        std::string("sec\0ret", 7), std::string("sec\xc3\xa9")}) {
    Write(wrong);
    EXPECT_THAT(file_.Read().status(), refused) << wrong;
  }
  Write("good");
  EXPECT_OK(file_.Read());
}

TEST_F(TokenFileTest, SizeHasAnEdge) {
  Write(std::string(kMaxTokenFileBytes, 'a'));
  EXPECT_EQ(file_.Read()->size(), kMaxTokenFileBytes);
  Write(std::string(kMaxTokenFileBytes + 1, 'a'));
  EXPECT_THAT(file_.Read().status(), StatusIs(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace auditledger
