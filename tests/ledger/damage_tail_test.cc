// The end of the write-ahead log cut off, byte by byte.
#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ledger/posix_file.h"
#include "ledger/strict_env_tail.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

namespace fs = std::filesystem;

// LevelDB takes what is cut off at the end for a crash's doing, and says nothing. Here it matters
// what was signed: a commit nobody was told of may go, an acknowledged one may not.
TEST(DamageOfTheTail, IsHarmlessUpToWhatWasSignedAndRefusedBeyond) {
  TestLedger t(TestLedger::Store::kLevelDb);
  ASSERT_OK(t.Create());
  ASSERT_OK(t.AppendOne("acknowledged", "x").status());
  std::string log;
  for (const auto& file : fs::directory_iterator(t.options.paths.data_dir)) {
    for (const auto& inner : fs::directory_iterator(file.path())) {
      if (inner.path().extension() == ".log") log = inner.path();
    }
  }
  const auto size_of_batches = [&] {
    return SizeWithoutZeros(ReadWholeFile(log, 1 << 20).value());
  };
  const uint64_t signed_bytes = size_of_batches();
  t.faults->sign = Faults::How::kErrorAndAbsent;
  ASSERT_FALSE(t.AppendOne("never answered", "x").ok());
  t.Heal();
  const uint64_t all_bytes = size_of_batches();
  ASSERT_GT(all_bytes, signed_bytes);
  const std::string kept = t.folder() + "/kept";
  fs::create_directory(kept);
  for (const std::string& dir : {t.options.paths.data_dir, t.options.paths.state_dir}) {
    fs::copy(dir, kept / fs::path(dir).filename(), fs::copy_options::recursive);
  }
  const auto open_cut_to = [&](uint64_t size) {
    t.Close();
    for (const std::string& dir : {t.options.paths.data_dir, t.options.paths.state_dir}) {
      fs::remove_all(dir);
      fs::copy(kept / fs::path(dir).filename(), dir, fs::copy_options::recursive);
    }
    fs::resize_file(log, size);
    return t.Open();
  };
  for (uint64_t size = signed_bytes; size <= all_bytes; size += size + 40 < all_bytes ? 40 : 1) {
    ASSERT_OK(open_cut_to(size)) << size;
    EXPECT_EQ(t.ledger->head()->head.size, size == all_bytes ? 3u : 2u) << size;
    EXPECT_OK(t.ledger->ReadEntry(1, true).status());
  }
  for (uint64_t less = 1; less < 400; less += 13) {
    EXPECT_THAT(open_cut_to(signed_bytes - less),
                StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("rollback")))
        << less;
  }
}

}  // namespace
}  // namespace auditledger::testing
