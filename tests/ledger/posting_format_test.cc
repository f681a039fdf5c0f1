// Keys and records of a posting store, to the byte, and what is refused.
#include "ledger/posting_format.h"

#include <gmock/gmock.h>

#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::StatusIs;

constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;

PostingTerm TermOf(char fill) {
  PostingTerm term;
  term.bytes.fill(fill);
  return term;
}

std::string Bytes(absl::string_view hex) { return absl::HexStringToBytes(hex); }

TEST(PostingFormat, KeysAreTheseBytes) {
  EXPECT_EQ(absl::BytesToHexString(RunKey(TermOf('a'), 0x0102)),
            absl::StrCat("50", absl::BytesToHexString(std::string(17, 'a')), "0000000000000102"));
  EXPECT_EQ(absl::BytesToHexString(ZoneKey(7)), "5a0000000000000007");
  EXPECT_EQ(absl::BytesToHexString(EncodeRun({3, 4, 500})), "ef0300") << "495 between, then none";
  EXPECT_EQ(EncodeRun({9}), "");
}

TEST(PostingFormat, WhatIsEncodedParses) {
  std::mt19937_64 dice(testing::TestSeed());
  for (int round = 0; round < 200; ++round) {
    std::vector<uint64_t> entries = {dice() % 3};
    while (entries.size() < 1 + dice() % 40) {
      entries.push_back(entries.back() + 1 + dice() % (uint64_t{1} << (dice() % 56)));
    }
    const PostingTerm term = TermOf(static_cast<char>(dice()));
    const auto run = ParseRunRecord(RunKey(term, entries.back()), EncodeRun(entries));
    ASSERT_OK(run);
    EXPECT_EQ(run->entries, entries);
    EXPECT_EQ(run->term, term);
  }
}

TEST(PostingFormat, ARunHasOneForm) {
  EXPECT_THAT(ParseRun(5, "").value(), ElementsAre(5u));
  EXPECT_THAT(ParseRun(5, Bytes("0000")).value(), ElementsAre(3u, 4u, 5u));
  EXPECT_THAT(ParseRun(5, Bytes("04")).value(), ElementsAre(0u, 5u));
  EXPECT_THAT(ParseRun(5, Bytes("05")), StatusIs(kDataLoss, HasSubstr("before the log")));
  EXPECT_THAT(ParseRun(0, Bytes("00")), StatusIs(kDataLoss));
  EXPECT_THAT(ParseRun(500, Bytes("80")), StatusIs(kDataLoss)) << "ends too early";
  EXPECT_THAT(ParseRun(500, Bytes("8000")), StatusIs(kDataLoss)) << "not the shortest";
  EXPECT_THAT(ParseRun(UINT64_MAX, Bytes("ffffffffffffffffff02")), StatusIs(kDataLoss));
  EXPECT_THAT(ParseRun(UINT64_MAX, Bytes("feffffffffffffffff01")).value(),
              ElementsAre(0u, UINT64_MAX));
}

TEST(PostingFormat, ARunHasAMostLength) {
  const auto run = [](size_t entries) {
    return ParseRun(1'000'000, std::string(entries - 1, '\0'));
  };
  EXPECT_EQ(run(kMaxRunEntries).value().size(), kMaxRunEntries);
  EXPECT_THAT(run(kMaxRunEntries + 1), StatusIs(kDataLoss, HasSubstr("too long")));
}

TEST(PostingFormat, OtherKeysAreRefused) {
  const std::string key = RunKey(TermOf('a'), 1);
  EXPECT_THAT(ParseRunRecord(key + "x", ""), StatusIs(kDataLoss));
  EXPECT_THAT(ParseRunRecord(key.substr(1), ""), StatusIs(kDataLoss));
  std::string other = key;
  other[0] = 'Z';
  EXPECT_THAT(ParseRunRecord(other, ""), StatusIs(kDataLoss));
  EXPECT_EQ(ZoneOfKey(ZoneKey(77)).value(), 77u);
  EXPECT_THAT(ZoneOfKey(ZoneKey(77) + "x"), StatusIs(kDataLoss));
  EXPECT_THAT(ZoneOfKey("P" + ZoneKey(77).substr(1)), StatusIs(kDataLoss));
}

TEST(PostingFormat, TheHeaderNamesFormatLogAndKey) {
  PostingHeader header;
  header.position = 7;
  header.last_leaf = LeafHash("leaf");
  header.key_check = LeafHash("key");
  header.origin = "test.example/log";
  const std::string bytes = EncodePostingHeader(header);
  EXPECT_EQ(bytes.size(), 1 + 8 + 32 + 32 + 2 + header.origin.size());
  EXPECT_EQ(ParsePostingHeader(bytes).value(), header);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ParsePostingHeader(bytes.substr(0, size)), StatusIs(kDataLoss)) << size;
  }
  EXPECT_THAT(ParsePostingHeader(bytes + "x"), StatusIs(kDataLoss));
  std::string newer = bytes;
  newer[0] = 2;
  EXPECT_THAT(ParsePostingHeader(newer), StatusIs(kDataLoss, HasSubstr("format 2")));
}

TEST(PostingFormat, ZonesEndNotBeforeTheyBegin) {
  const TimeBounds bounds{5, 5};
  EXPECT_EQ(ParseTimeBounds(EncodeTimeBounds(bounds)).value(), bounds);
  EXPECT_THAT(ParseTimeBounds(EncodeTimeBounds({6, 5})), StatusIs(kDataLoss));
  EXPECT_THAT(ParseTimeBounds(EncodeTimeBounds(bounds) + "x"), StatusIs(kDataLoss));
  EXPECT_THAT(ParseTimeBounds(EncodeTimeBounds(bounds).substr(1)), StatusIs(kDataLoss));
}

}  // namespace
}  // namespace auditledger
