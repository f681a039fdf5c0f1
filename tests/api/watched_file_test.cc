#include "api/access/watched_file.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using testing::StatusIs;

class WatchedFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  // By rename, as whoever is careful does.
  void Replace(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    ASSERT_EQ(std::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }
  testing::TempDir dir_;
  const std::string path_ = dir_.path() + "/file";
  WatchedFile file_{path_, 10};
};

TEST_F(WatchedFileTest, IsReadWhenItChanges) {
  Write("one");
  EXPECT_EQ(file_.ReadIfChanged().value(), "one");
  EXPECT_EQ(file_.ReadIfChanged().value(), std::nullopt);
  Replace("two");
  EXPECT_EQ(file_.ReadIfChanged().value(), "two") << "of the same size";
  EXPECT_EQ(file_.ReadIfChanged().value(), std::nullopt);
}

TEST_F(WatchedFileTest, AnErrorIsTriedAgain) {
  EXPECT_FALSE(file_.ReadIfChanged().ok());
  Write("0123456789");
  EXPECT_EQ(file_.ReadIfChanged().value(), "0123456789");
  Replace("0123456789x");
  EXPECT_THAT(file_.ReadIfChanged().status(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(file_.ReadIfChanged().status(), StatusIs(absl::StatusCode::kResourceExhausted));
  Replace("");
  EXPECT_EQ(file_.ReadIfChanged().value(), "");
}

}  // namespace
}  // namespace auditledger
