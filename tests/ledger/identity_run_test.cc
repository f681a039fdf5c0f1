#include "ledger/identity_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "ledger/identity_filter.h"
#include "ledger/identity_runs.h"
#include "merkle/bytes.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;

Mac128 MacOf(const std::string& bytes) {
  Mac128 mac{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), mac.size()), mac.begin());
  return mac;
}
// Keys an interpolation search is misled by: all bits in the last bytes.
Mac128 SmallMac(uint64_t value) {
  std::string bytes(8, '\0');
  PutU64(bytes, value);
  return MacOf(bytes);
}

class IdentityRunTest : public ::testing::Test {
 protected:
  std::shared_ptr<const IdentityRun> Make(std::vector<RunEntry> entries, RunRange range,
                                          bool filter_in_memory) {
    std::sort(entries.begin(), entries.end());
    EXPECT_OK(WriteRun(dir_.path(), range, entries));
    auto run = IdentityRun::Open(dir_.path(), range, filter_in_memory);
    EXPECT_OK(run);
    return run.ok() ? *run : nullptr;
  }
  std::vector<RunEntry> RandomEntries(uint64_t count) {
    std::vector<RunEntry> entries;
    for (uint64_t i = 0; i < count; ++i) entries.push_back({MacOf(random_.Bytes(16)), i});
    return entries;
  }
  void Damage(const std::string& path, size_t at) {
    std::string bytes = ReadWholeFile(path, 1 << 24).value();
    bytes[at] = static_cast<char>(bytes[at] ^ 0x80);
    Overwrite(path, bytes);
  }
  // Without a sync, of which these tests would otherwise do thousands.
  static void Overwrite(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  TempDir dir_;
  FakeRandom random_{11};
};

TEST_F(IdentityRunTest, NamesReadBackAndOthersDoNot) {
  EXPECT_EQ(RunName({1, 0xabc}), "ids-0000000000000001-0000000000000abc");
  EXPECT_EQ(ParseRunName(RunName({1, 0xabc})), (RunRange{1, 0xabc}));
  EXPECT_EQ(ParseRunName(RunName({0, UINT64_MAX})), (RunRange{0, UINT64_MAX}));
  for (const char* bad :
       {"", "ids-0000000000000001-0000000000000abc.tmp", "ids-0000000000000001-0000000000000ABC",
        "ids-0000000000000002-0000000000000002", "ids-0000000000000003-0000000000000002",
        "idx-0000000000000001-0000000000000abc", "ids-000000000000000g-0000000000000abc"}) {
    EXPECT_EQ(ParseRunName(bad), std::nullopt) << bad;
  }
}

TEST_F(IdentityRunTest, FindsEveryEntryAndNoOtherWithFilterInMemoryAndOnDisk) {
  for (const uint64_t count :
       {uint64_t{1}, uint64_t{2}, uint64_t{169}, uint64_t{170}, uint64_t{171}, uint64_t{5000}}) {
    const std::vector<RunEntry> entries = RandomEntries(count);
    for (const bool in_memory : {true, false}) {
      const auto run = Make(entries, {0, count}, in_memory);
      ASSERT_NE(run, nullptr);
      EXPECT_EQ(run->count(), count);
      EXPECT_EQ(run->filter_in_memory(), in_memory);
      for (const RunEntry& e : entries) EXPECT_EQ(run->Lookup(e.identity).value(), e.index);
      for (int i = 0; i < 2000; ++i) {
        EXPECT_EQ(run->Lookup(MacOf(random_.Bytes(16))).value(), std::nullopt);
      }
    }
  }
}

TEST_F(IdentityRunTest, IsExactForKeysThatAreNotSpreadEvenly) {
  std::vector<RunEntry> entries;
  for (uint64_t i = 0; i < 3000; ++i) entries.push_back({SmallMac(2 * i), i});
  entries.push_back({MacOf(std::string(16, '\xff')), 3000});
  const auto run = Make(entries, {0, 3001}, true);
  for (const RunEntry& e : entries) EXPECT_EQ(run->Lookup(e.identity).value(), e.index);
  for (uint64_t i = 0; i < 3000; ++i) {
    EXPECT_EQ(run->Lookup(SmallMac(2 * i + 1)).value(), std::nullopt);
  }
}

TEST_F(IdentityRunTest, TheLowestIndexOfAnIdentityCounts) {
  std::vector<RunEntry> entries = RandomEntries(1000);
  for (uint64_t i = 1000; i < 1800; ++i) entries.push_back({entries[7].identity, i});
  const auto run = Make(entries, {0, 1800}, true);
  EXPECT_EQ(run->Lookup(entries[7].identity).value(), 7u);
}

TEST_F(IdentityRunTest, LayoutIsThatOfTheHeader) {
  const auto run = Make({{MacOf("b"), 5}, {MacOf("a"), 4}}, {3, 6}, false);
  const std::string bytes = ReadWholeFile(run->path(), 1000).value();
  ASSERT_EQ(bytes.size(), kRunHeaderBytes + 2 * kRunEntryBytes + 64 + 32);
  std::string expected(8, '\0');
  expected[0] = 1;
  for (const uint64_t field : {3, 6, 2, 64}) PutU64(expected, field);
  EXPECT_EQ(bytes.substr(0, 40), expected);
  EXPECT_EQ(bytes[40], 'a');
  EXPECT_EQ(bytes[63], 4);
  EXPECT_EQ(bytes[64], 'b');
  EXPECT_EQ(bytes.substr(152), Sha256({absl::string_view(bytes).substr(0, 152)}).view());
}

TEST_F(IdentityRunTest, AnyOtherLengthOrHeaderIsDataLossAtOpen) {
  const auto run = Make(RandomEntries(100), {0, 100}, false);
  const std::string good = ReadWholeFile(run->path(), 1 << 20).value();
  const auto is_lost = StatusIs(absl::StatusCode::kDataLoss);
  for (size_t i = 0; i < kRunHeaderBytes; ++i) {
    Damage(run->path(), i);
    EXPECT_THAT(IdentityRun::Open(dir_.path(), {0, 100}, true), is_lost) << i;
    Overwrite(run->path(), good);
  }
  for (const std::string& bad : {std::string(), good.substr(0, 39), good.substr(0, 40),
                                 good.substr(0, good.size() - 1), good + "x"}) {
    Overwrite(run->path(), bad);
    EXPECT_THAT(IdentityRun::Open(dir_.path(), {0, 100}, true), is_lost);
  }
}

TEST_F(IdentityRunTest, EveryFlippedByteIsFoundByReadingThrough) {
  const auto made = Make(RandomEntries(20), {0, 20}, false);
  const std::string path = made->path();
  const std::string good = ReadWholeFile(path, 1 << 20).value();
  for (size_t i = kRunHeaderBytes; i < good.size(); ++i) {
    Damage(path, i);
    ASSERT_OK_AND_ASSIGN(const auto run, IdentityRun::Open(dir_.path(), {0, 20}, false));
    EXPECT_THAT(VerifyRun(run), StatusIs(absl::StatusCode::kDataLoss)) << i;
    EXPECT_FALSE(PathExists(path)) << "set aside";
    Overwrite(path, good);
  }
  ASSERT_OK_AND_ASSIGN(const auto whole, IdentityRun::Open(dir_.path(), {0, 20}, false));
  EXPECT_OK(VerifyRun(whole));
}

TEST_F(IdentityRunTest, EntriesOutOfOrderAreDataLossWhenProbed) {
  const auto made = Make(RandomEntries(100), {0, 100}, true);
  std::string bytes = ReadWholeFile(made->path(), 1 << 20).value();
  const std::string fifth = bytes.substr(kRunHeaderBytes + 5 * kRunEntryBytes, kRunEntryBytes);
  const std::string ninth = bytes.substr(kRunHeaderBytes + 9 * kRunEntryBytes, kRunEntryBytes);
  bytes.replace(kRunHeaderBytes + 5 * kRunEntryBytes, kRunEntryBytes, ninth);
  bytes.replace(kRunHeaderBytes + 9 * kRunEntryBytes, kRunEntryBytes, fifth);
  ASSERT_OK(ReplaceFile(made->path(), bytes));
  ASSERT_OK_AND_ASSIGN(const auto run, IdentityRun::Open(dir_.path(), {0, 100}, true));
  EXPECT_THAT(run->Lookup(MacOf(fifth.substr(0, 16))), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(IdentityRunTest, AWriterTakesExactlyTheAnnouncedNumber) {
  RunWriter few;
  ASSERT_OK(few.Start(dir_.path(), {0, 9}, 2));
  ASSERT_OK(few.Add({MacOf("a"), 1}));
  EXPECT_THAT(few.Finish(), StatusIs(absl::StatusCode::kInternal));
  RunWriter many;
  ASSERT_OK(many.Start(dir_.path(), {0, 9}, 0));
  EXPECT_THAT(many.Add({MacOf("a"), 1}), StatusIs(absl::StatusCode::kInternal));
  EXPECT_FALSE(PathExists(dir_ / RunName({0, 9})));
}

TEST_F(IdentityRunTest, ARunWithoutEntriesIsARun) {
  const auto run = Make({}, {4, 9}, true);
  EXPECT_EQ(run->Lookup(MacOf("a")).value(), std::nullopt);
  EXPECT_OK(VerifyRun(run));
}

}  // namespace
}  // namespace auditledger
