// Files as bytes in memory, and what is none. And the page that a bundle is put into.
// Covers: verifier/bundle_page
#include "verifier/mapped_file.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/verifier/test_export.h"
#include "verifier/bundle_page.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;
using testing::TempDir;
using testing::WriteFile;

TEST(MappedFileTest, HasTheFilesBytes) {
  const TempDir dir;
  WriteFile(dir.File("a"), "bytes");
  const MappedFile file = MappedFile::Open(dir.File("a")).value();
  EXPECT_EQ(file.bytes(), "bytes");
  WriteFile(dir.File("empty"), "");
  EXPECT_EQ(MappedFile::Open(dir.File("empty")).value().bytes(), "");
}

TEST(MappedFileTest, WhatIsNoFileIsRefused) {
  const TempDir dir;
  EXPECT_THAT(MappedFile::Open(dir.File("none")), StatusIs(absl::StatusCode::kNotFound));
  WriteFile(dir.File("a"), "bytes");
  EXPECT_THAT(MappedFile::Open(dir.File("a/b")), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(MappedFile::Open(dir.path()), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(BundlePageTest, HoldsBundleAndKeyAndNoMarks) {
  const std::string page = BundlePage("bundle", "log+00000000+AAAA");
  EXPECT_THAT(page, HasSubstr(">YnVuZGxl</script>"));
  EXPECT_THAT(page, HasSubstr(">log+00000000+AAAA</script>"));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy"));
  EXPECT_THAT(page, Not(HasSubstr("@BUNDLE@")));
  EXPECT_THAT(page, Not(HasSubstr("@KEY@")));
  EXPECT_THAT(BundlePage("", ""), HasSubstr("id=\"bundle\"></script>"));
}

}  // namespace
}  // namespace auditledger
