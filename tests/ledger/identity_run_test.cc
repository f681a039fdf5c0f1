// Covers: ledger/identity_run_page
#include "ledger/identity_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "ledger/crc32c.h"
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
  // In place; a second time mends it.
  void Damage(const std::string& path, size_t at) {
    ASSERT_OK_AND_ASSIGN(const PosixFile file, PosixFile::Open(path, O_RDWR));
    std::string byte = file.ReadExactly(at, 1).value();
    byte[0] = static_cast<char>(byte[0] ^ 0x80);
    ASSERT_OK(file.WriteAt(at, byte));
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

std::string Crc(const std::string& covered) {
  std::string out;
  PutU32(out, Crc32c(covered));
  return out;
}

TEST_F(IdentityRunTest, LayoutIsThatOfTheHeader) {
  const auto run = Make({{MacOf("b"), 5}, {MacOf("a"), 4}}, {3, 6}, false);
  const std::string bytes = ReadWholeFile(run->path(), 1 << 20).value();
  ASSERT_EQ(bytes.size(), 3 * 4096u) << "header, records, filter";
  std::string header(8, '\0');
  header[0] = 2;
  for (const uint64_t field : {3, 6, 2, 64}) PutU64(header, field);
  EXPECT_EQ(bytes.substr(0, 40), header);
  EXPECT_EQ(bytes[4096], 'a');
  EXPECT_EQ(bytes[4096 + 23], 4);
  EXPECT_EQ(bytes[4096 + 24], 'b');
  EXPECT_EQ(bytes.find_first_not_of('\0', 2 * 4096 + 64), 3 * 4096u - 4) << "one block of filter";
  for (uint64_t page = 0; page < 3; ++page) {
    std::string covered;
    for (const uint64_t field : {uint64_t{3}, uint64_t{6}, page}) PutU64(covered, field);
    covered += bytes.substr(page * 4096, 4092);
    EXPECT_EQ(bytes.substr(page * 4096 + 4092, 4), Crc(covered)) << page;
  }
}

TEST_F(IdentityRunTest, AnyOtherLengthOrHeaderIsDataLossAtOpen) {
  const auto run = Make(RandomEntries(100), {0, 100}, false);
  const std::string good = ReadWholeFile(run->path(), 1 << 20).value();
  const auto is_lost = StatusIs(absl::StatusCode::kDataLoss);
  for (size_t i = 0; i < kRunPageBytes; ++i) {
    Damage(run->path(), i);
    EXPECT_THAT(IdentityRun::Open(dir_.path(), {0, 100}, false), is_lost) << i;
    Damage(run->path(), i);
  }
  for (const std::string& bad : {std::string(), good.substr(0, 39), good.substr(0, 4096),
                                 good.substr(0, good.size() - 1), good + "x"}) {
    Overwrite(run->path(), bad);
    EXPECT_THAT(IdentityRun::Open(dir_.path(), {0, 100}, true), is_lost);
  }
}

// Exactly once rests on this: what a damaged run once knew is found, or the answer is an error.
TEST_F(IdentityRunTest, NoFlippedByteMakesAKnownIdentityUnknown) {
  const std::vector<RunEntry> entries = RandomEntries(171);  // two pages of records
  const std::string path = Make(entries, {0, 171}, false)->path();
  const std::string good = ReadWholeFile(path, 1 << 20).value();
  ASSERT_EQ(good.size(), 4 * kRunPageBytes);
  uint64_t refused = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    Damage(path, i);
    for (const bool in_memory : {true, false}) {
      const auto run = IdentityRun::Open(dir_.path(), {0, 171}, in_memory);
      if (!run.ok()) {
        EXPECT_THAT(run, StatusIs(absl::StatusCode::kDataLoss));
        EXPECT_TRUE(i < kRunPageBytes || in_memory) << i;
        ++refused;
        continue;
      }
      for (const size_t known : {i % 171, (i + 85) % 171}) {
        const auto found = (*run)->Lookup(entries[known].identity);
        if (found.ok()) {
          EXPECT_EQ(*found, entries[known].index) << i;
        } else {
          EXPECT_THAT(found, StatusIs(absl::StatusCode::kDataLoss)) << i;
        }
      }
    }
    Damage(path, i);
  }
  EXPECT_EQ(refused, 2 * kRunPageBytes + kRunPageBytes) << "each byte of header and loaded filter";
}

// A write that was lost leaves what stood there: right in itself, and in the wrong place.
TEST_F(IdentityRunTest, APageOfAnotherPlaceOrRunDoesNotPass) {
  const std::vector<RunEntry> entries = RandomEntries(100);
  const std::string other = Make(entries, {0, 101}, false)->path();
  const std::string path = Make(entries, {0, 100}, false)->path();
  const std::string good = ReadWholeFile(path, 1 << 20).value();
  const std::string foreign = ReadWholeFile(other, 1 << 20).value();
  ASSERT_EQ(good.substr(4096, 4092), foreign.substr(4096, 4092));
  for (const std::string& page : {foreign.substr(4096, 4096), good.substr(2 * 4096, 4096)}) {
    std::string bytes = good;
    Overwrite(path, bytes.replace(4096, 4096, page));
    ASSERT_OK_AND_ASSIGN(const auto run, IdentityRun::Open(dir_.path(), {0, 100}, true));
    EXPECT_THAT(run->Lookup(entries[0].identity), StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST_F(IdentityRunTest, EveryFlippedByteIsFoundByReadingThrough) {
  const auto made = Make(RandomEntries(20), {0, 20}, false);
  const std::string path = made->path();
  const std::string good = ReadWholeFile(path, 1 << 20).value();
  for (size_t i = kRunPageBytes; i < good.size(); ++i) {
    Damage(path, i);
    ASSERT_OK_AND_ASSIGN(const auto run, IdentityRun::Open(dir_.path(), {0, 20}, false));
    RunReader reader(run);
    absl::StatusOr<std::optional<RunEntry>> entry = reader.Next();
    while (entry.ok() && entry->has_value()) entry = reader.Next();
    EXPECT_THAT(entry, StatusIs(absl::StatusCode::kDataLoss)) << i;
    Damage(path, i);
  }
  Damage(path, good.size() - 1);
  ASSERT_OK_AND_ASSIGN(const auto damaged, IdentityRun::Open(dir_.path(), {0, 20}, false));
  EXPECT_THAT(VerifyRun(damaged), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(PathExists(path)) << "set aside";
  Overwrite(path, good);
  ASSERT_OK_AND_ASSIGN(const auto whole, IdentityRun::Open(dir_.path(), {0, 20}, false));
  EXPECT_OK(VerifyRun(whole));
}

TEST_F(IdentityRunTest, EntriesOutOfOrderAreDataLossWhenProbed) {
  const auto made = Make(RandomEntries(100), {0, 100}, true);
  std::string bytes = ReadWholeFile(made->path(), 1 << 20).value();
  std::string content = bytes.substr(kRunPageBytes, kRunPageContentBytes);
  const std::string fifth = content.substr(5 * kRunEntryBytes, kRunEntryBytes);
  content.replace(5 * kRunEntryBytes, kRunEntryBytes, content, 9 * kRunEntryBytes, kRunEntryBytes);
  content.replace(9 * kRunEntryBytes, kRunEntryBytes, fifth);
  bytes.replace(kRunPageBytes, kRunPageBytes, EncodeRunPage({0, 100}, 1, content));
  Overwrite(made->path(), bytes);
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
