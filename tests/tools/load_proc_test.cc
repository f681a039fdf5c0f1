#include "tools/load_proc.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace auditledger {
namespace {

// Fields after the name: state, then numbers; user time is the 12th, system time the 13th.
constexpr char kStat[] =
    "42 (a (very) odd name) S 1 2 3 4 5 6 7 8 9 10 700 300 0 0 20 0 8 0 12345 1 2 3\n";
constexpr char kStatus[] = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";

TEST(LoadProcTest, ReadsTimesAndMemoryPastANameWithBrackets) {
  const auto use = ParseProcessUse(kStat, kStatus);
  ASSERT_TRUE(use.ok()) << use.status();
  EXPECT_DOUBLE_EQ(use->cpu_seconds, 1000.0 / static_cast<double>(sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(use->resident_bytes, 1024u * 1024);
  EXPECT_EQ(use->peak_resident_bytes, 2048u * 1024);
}

TEST(LoadProcTest, WhatIsNoProcessIsRefused) {
  EXPECT_TRUE(absl::IsDataLoss(ParseProcessUse("", kStatus).status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseProcessUse("1 (x) S 1 2", kStatus).status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseProcessUse(kStat, "VmRSS:\tmany kB\n").status()));
  EXPECT_TRUE(absl::IsNotFound(UseOf(-1).status()));
}

TEST(LoadProcTest, ThisProcessUsesMemory) {
  EXPECT_GT(OwnUse().resident_bytes, uint64_t{1} << 20);
  EXPECT_GE(OwnUse().peak_resident_bytes, OwnUse().resident_bytes / 2);
}

TEST(LoadProcTest, AFolderTakesWhatItsFilesTake) {
  const std::string dir =
      (std::filesystem::temp_directory_path() / ("load_proc." + std::to_string(getpid()))).string();
  std::filesystem::create_directories(dir + "/below");
  EXPECT_EQ(FolderBytes(dir).value(), 0u);
  std::ofstream(dir + "/below/file") << std::string(100'000, 'x');
  EXPECT_GE(FolderBytes(dir).value(), 100'000u);
  EXPECT_LE(FolderBytes(dir).value(), 200'000u);
  std::filesystem::remove_all(dir);
  EXPECT_TRUE(absl::IsNotFound(FolderBytes(dir).status()));
}

}  // namespace
}  // namespace auditledger
