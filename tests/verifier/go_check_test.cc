// Other people's code on our export: tests/go/check_export.sh. It needs Go and, the first time, the
// Go module proxy, so it runs where AUDITLEDGER_GO_CHECKS=1 says that they are there (CI does).
#include <sys/wait.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::ReadFile;
using testing::WriteFile;

class GoCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("AUDITLEDGER_GO_CHECKS") == nullptr) {
      GTEST_SKIP() << "set AUDITLEDGER_GO_CHECKS=1 where Go and its module proxy are there";
    }
    log_.AddEvents(600);
    testing::ExportLog(log_, dir_.File("export"), 300);
    testing::ExportLog(log_, dir_.File("export"), 590);
    WriteFile(dir_.File("vkey"), log_.verifier().ToVkey() + "\n");
  }

  int Check(const std::string& receipt) {
    const std::string command = absl::StrCat(
        testing::SourcePath("tests/go/check_export.sh"), " ", dir_.File("export"), " ",
        log_.origin(), " ", dir_.File("vkey"), " ", receipt, " >", dir_.File("out"), " 2>&1");
    return WEXITSTATUS(std::system(command.c_str()));
  }
  void FlipByte(const std::string& path, size_t at) {
    std::string bytes = ReadFile(path);
    bytes[at] ^= 1;
    WriteFile(path, bytes);
  }

  testing::TestLog log_;
  testing::TempDir dir_;
};

TEST_F(GoCheck, AcceptsWhatWeExportAndRefusesATamperedCopy) {
  const std::string receipt = WriteFile(dir_.File("r.tlog-proof"), log_.ReceiptFor(123, 400));
  EXPECT_EQ(Check(receipt), 0);

  WriteFile(dir_.File("other.tlog-proof"), log_.ReceiptFor(123, 400));
  FlipByte(dir_.File("other.tlog-proof"), 60);  // within the leaf
  EXPECT_EQ(Check(dir_.File("other.tlog-proof")), 1);

  const std::string newer = WriteFile(dir_.File("newer.tlog-proof"), log_.ReceiptFor(123, 600));
  EXPECT_EQ(Check(newer), 1) << "its head is beyond the export";

  for (const char* file : {"export/tile/entries/000", "export/tile/0/001", "export/tile/1/000.p/2",
                           "export/checkpoint"}) {
    FlipByte(dir_.File(file), 20);
    EXPECT_EQ(Check(receipt), 1) << file;
    const std::string said = ReadFile(dir_.File("out"));
    EXPECT_THAT(said, HasSubstr("x/mod: REFUSED")) << file;
    EXPECT_THAT(said, HasSubstr("Tessera fsck: REFUSED")) << file;
    FlipByte(dir_.File(file), 20);
  }
  EXPECT_EQ(Check(receipt), 0) << "all is mended again";
}

}  // namespace
}  // namespace auditledger
