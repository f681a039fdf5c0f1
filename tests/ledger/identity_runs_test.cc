#include "ledger/identity_runs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ledger/identity_filter.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using RunPtr = std::shared_ptr<const IdentityRun>;

class IdentityRunsTest : public ::testing::Test {
 protected:
  // A run with an identity for every entry of the range.
  RunPtr Make(uint64_t from, uint64_t to) {
    std::vector<RunEntry> entries;
    for (uint64_t i = from; i < to; ++i) {
      RunEntry entry;
      const std::string bytes = random_.Bytes(16);
      std::copy(bytes.begin(), bytes.end(), entry.identity.begin());
      entry.index = i;
      entries.push_back(entry);
    }
    std::sort(entries.begin(), entries.end());
    EXPECT_OK(WriteRun(dir_.path(), {from, to}, entries));
    return IdentityRun::Open(dir_.path(), {from, to}, true).value();
  }
  std::vector<RunRange> OpenRanges(uint64_t size) {
    std::vector<RunRange> ranges;
    const auto runs = OpenRuns(dir_.path(), size, UINT64_MAX);
    EXPECT_OK(runs);
    for (const RunPtr& run : *runs) ranges.push_back(run->range());
    return ranges;
  }
  std::vector<std::string> Files() { return ListDirectory(dir_.path()).value(); }

  TempDir dir_;
  FakeRandom random_{13};
};

TEST_F(IdentityRunsTest, RunsThatTileAPrefixCount) {
  EXPECT_THAT(OpenRanges(100), IsEmpty());
  Make(0, 10);
  Make(10, 30);
  Make(30, 31);
  EXPECT_THAT(OpenRanges(31), ElementsAre(RunRange{0, 10}, RunRange{10, 30}, RunRange{30, 31}));
}

TEST_F(IdentityRunsTest, RunsBehindAGapOrBeyondTheLogAreDeleted) {
  Make(0, 10);
  Make(10, 30);
  Make(40, 50);
  EXPECT_THAT(OpenRanges(30), ElementsAre(RunRange{0, 10}, RunRange{10, 30}));
  EXPECT_EQ(Files().size(), 2u);
  EXPECT_THAT(OpenRanges(29), ElementsAre(RunRange{0, 10}));
  EXPECT_THAT(Files(), ElementsAre(RunName({0, 10})));
  EXPECT_THAT(OpenRanges(9), IsEmpty());
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(IdentityRunsTest, AfterAMergeCutShortTheWiderRunCounts) {
  Make(0, 10);
  Make(0, 30);
  Make(10, 20);
  Make(20, 30);
  Make(30, 40);
  EXPECT_THAT(OpenRanges(40), ElementsAre(RunRange{0, 30}, RunRange{30, 40}));
  EXPECT_EQ(Files().size(), 2u);
}

TEST_F(IdentityRunsTest, AWiderRunThatIsDamagedLeavesItsParts) {
  Make(0, 10);
  Make(10, 20);
  const RunPtr wide = Make(0, 20);
  const std::string bytes = ReadWholeFile(wide->path(), 1 << 20).value();
  ASSERT_OK(ReplaceFile(wide->path(), bytes.substr(0, bytes.size() - 1)));
  EXPECT_THAT(OpenRanges(20), ElementsAre(RunRange{0, 10}, RunRange{10, 20}));
}

TEST_F(IdentityRunsTest, ARunWhoseFilterIsDamagedIsDroppedWhenItIsLoaded) {
  Make(0, 10);
  const RunPtr bad = Make(10, 20);
  Make(20, 30);
  std::string bytes = ReadWholeFile(bad->path(), 1 << 20).value();
  bytes[2 * kRunPageBytes + 5] = static_cast<char>(bytes[2 * kRunPageBytes + 5] ^ 1);
  ASSERT_OK(ReplaceFile(bad->path(), bytes));
  EXPECT_THAT(OpenRanges(30), ElementsAre(RunRange{0, 10}));
  EXPECT_THAT(Files(), ElementsAre(RunName({0, 10})));
}

TEST_F(IdentityRunsTest, UnfinishedFilesGoAndForeignOnesStay) {
  ASSERT_OK(CreateFile(dir_ / RunName({0, 10}) + ".tmp", "half"));
  ASSERT_OK(CreateFile(dir_ / "streams-0000000000000001", "not ours"));
  ASSERT_OK(CreateFile(dir_ / RunName({0, 10}) + ".damaged", "kept to be looked at"));
  EXPECT_THAT(OpenRanges(100), IsEmpty());
  EXPECT_THAT(Files(), ElementsAre(RunName({0, 10}) + ".damaged", "streams-0000000000000001"));
}

TEST_F(IdentityRunsTest, FiltersStayInMemoryUpToTheBoundNewestFirst) {
  Make(0, 200);
  Make(200, 300);
  Make(300, 400);
  const uint64_t small = FilterBytes(100);
  const auto in_memory = [&](uint64_t bound) {
    std::vector<bool> result;
    const std::vector<RunPtr> runs = OpenRuns(dir_.path(), 400, bound).value();
    for (const RunPtr& run : runs) {
      result.push_back(run->filter_in_memory());
    }
    return result;
  };
  EXPECT_THAT(in_memory(small - 1), ElementsAre(false, false, false));
  EXPECT_THAT(in_memory(small), ElementsAre(false, false, true));
  EXPECT_THAT(in_memory(2 * small), ElementsAre(false, true, true));
  EXPECT_THAT(in_memory(2 * small + FilterBytes(200)), ElementsAre(true, true, true));
  EXPECT_EQ(FilterMemory(OpenRuns(dir_.path(), 400, 2 * small).value()), 2 * small);
}

TEST_F(IdentityRunsTest, EightNeighboursOfOneSizeAreMerged) {
  std::vector<RunPtr> runs;
  runs.push_back(Make(0, 80));  // a class above, with run_entries = 10
  for (uint64_t i = 0; i < kMergeFactor; ++i) {
    EXPECT_THAT(PickMerge(runs, 10), IsEmpty());
    runs.push_back(Make(80 + i * 10, 90 + i * 10));
  }
  const std::vector<RunPtr> picked = PickMerge(runs, 10);
  ASSERT_EQ(picked.size(), kMergeFactor);
  EXPECT_EQ(picked.front(), runs[1]);
  EXPECT_EQ(picked.back(), runs[8]);
}

TEST_F(IdentityRunsTest, AMergeHoldsAllEntriesOfItsInputs) {
  std::vector<RunPtr> inputs;
  for (uint64_t i = 0; i < 5; ++i) inputs.push_back(Make(i * 100, i * 100 + 100));
  RunMerger merger(inputs);
  ASSERT_OK(merger.Start(dir_.path()));
  int steps = 1;
  while (!merger.Step(33).value()) ++steps;
  EXPECT_EQ(steps, 16) << "500 entries, 33 a step";
  const RunPtr merged = IdentityRun::Open(dir_.path(), {0, 500}, true).value();
  EXPECT_EQ(merged->count(), 500u);
  EXPECT_OK(VerifyRun(merged));
  for (const RunPtr& input : inputs) {
    RunReader reader(input);
    for (auto e = reader.Next().value(); e.has_value(); e = reader.Next().value()) {
      EXPECT_EQ(merged->Lookup(e->identity).value(), e->index);
    }
  }
}

// A flipped bit that breaks no order would otherwise be given new checksums and be hidden for good.
TEST_F(IdentityRunsTest, AMergeRefusesADamagedInputAndSetsItAside) {
  const RunPtr good = Make(0, 100);
  const RunPtr made = Make(100, 200);
  std::string bytes = ReadWholeFile(made->path(), 1 << 20).value();
  const size_t at = kRunPageBytes + 50 * kRunEntryBytes + 15;
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  ASSERT_OK(ReplaceFile(made->path(), bytes));
  const RunPtr bad = IdentityRun::Open(dir_.path(), {100, 200}, false).value();
  RunMerger merger({good, bad});
  EXPECT_THAT(merger.Start(dir_.path()), StatusIs(absl::StatusCode::kDataLoss))
      << "the first pages are read there";
  EXPECT_FALSE(PathExists(dir_ / RunName({0, 200})));
  EXPECT_THAT(OpenRanges(200), ElementsAre(RunRange{0, 100}));
}

}  // namespace
}  // namespace auditledger
