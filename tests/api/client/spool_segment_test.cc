// What a file of a spool is, to the byte; what a crash may do to it, and what it may not.
#include "api/client/spool_segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/api/client/spool_fixture.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TestSpoolKey;

constexpr auto kLoss = absl::StatusCode::kDataLoss;
constexpr size_t kSector = 512;

SegmentHeader Header() {
  SegmentHeader header;
  header.kind = SpoolKind::kReceipts;
  header.epoch = 0x0102030405060708;
  header.number = 3;
  header.first_record = 40;
  header.previous_bytes = 4096;
  header.salt = std::string(kSpoolSaltBytes, 's');
  return header;
}

// A file, where each of its records begins, and where the last ends.
struct Made {
  std::string bytes;
  std::vector<std::string> records;
  std::vector<size_t> begins;
};

Made Make(const std::vector<size_t>& sizes, const std::vector<uint32_t>& synced = {}) {
  Made made;
  SegmentWriter writer = SegmentWriter::Begin(TestSpoolKey(), Header()).value();
  made.bytes = writer.header_bytes();
  for (size_t i = 0; i < sizes.size(); ++i) {
    made.begins.push_back(made.bytes.size());
    made.records.push_back(std::string(sizes[i], static_cast<char>('a' + i)));
    EXPECT_OK(writer.Add(made.records.back(), i < synced.size() ? synced[i] : 0, made.bytes));
    EXPECT_EQ(writer.records(), i + 1);
  }
  made.begins.push_back(made.bytes.size());
  return made;
}

absl::StatusOr<Segment> Newest(absl::string_view bytes) {
  return ParseSegment(TestSpoolKey(), bytes, std::nullopt);
}

// Records of 0 to 1,200 bytes: each kind of place in a sector.
const std::vector<size_t>& Sizes() {
  static const std::vector<size_t> sizes = {0, 1, 100, 600, 1200, 33, 477, 5};
  return sizes;
}

TEST(SpoolSegmentTest, IsLaidOutAsTheHeaderOfItsFileSays) {
  const Made made = Make({3});
  ASSERT_EQ(made.bytes.size(), 66u + 17 + 3 + 16 + 1);
  EXPECT_EQ(made.bytes.substr(0, 50), std::string("\x01\x02"
                                                  "\x01\x02\x03\x04\x05\x06\x07\x08"
                                                  "\0\0\0\0\0\0\0\x03"
                                                  "\0\0\0\0\0\0\0\x28"
                                                  "\0\0\0\0\0\0\x10\0",
                                                  34) +
                                          std::string(16, 's'));
  EXPECT_EQ(made.bytes.substr(66, 13), std::string("\xF1\0\0\0\0\0\0\0\0\0\0\0\x13", 13));
  EXPECT_EQ(made.bytes.back(), '\x1F');
  EXPECT_EQ(made.bytes.find("aaa"), std::string::npos);
  const Segment segment = Newest(made.bytes).value();
  EXPECT_EQ(segment.header.kind, SpoolKind::kReceipts);
  EXPECT_EQ(segment.header.epoch, 0x0102030405060708u);
  EXPECT_EQ(segment.header.number, 3u);
  EXPECT_EQ(segment.header.first_record, 40u);
  EXPECT_EQ(segment.header.previous_bytes, 4096u);
  EXPECT_EQ(segment.records, made.records);
  EXPECT_EQ(segment.bytes, made.bytes.size());
  EXPECT_EQ(ParseSegmentHeader(TestSpoolKey(), made.bytes).value().number, 3u);
}

TEST(SpoolSegmentTest, AHeaderThatCannotBeIsRefusedUnderItsTagToo) {
  const auto begin = [](void (*change)(SegmentHeader&)) {
    SegmentHeader header = Header();
    change(header);
    return SegmentWriter::Begin(TestSpoolKey(), header).status();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(begin([](SegmentHeader& h) { h.number = 0; }), StatusIs(kInvalid));
  EXPECT_THAT(begin([](SegmentHeader& h) { h.first_record = 0; }), StatusIs(kInvalid));
  EXPECT_THAT(begin([](SegmentHeader& h) { h.kind = static_cast<SpoolKind>(0); }),
              StatusIs(kInvalid));
  EXPECT_THAT(begin([](SegmentHeader& h) { h.kind = static_cast<SpoolKind>(4); }),
              StatusIs(kInvalid));
  EXPECT_THAT(begin([](SegmentHeader& h) { h.salt.pop_back(); }), StatusIs(kInvalid));
  EXPECT_THAT(begin([](SegmentHeader& h) { h.salt.push_back('s'); }), StatusIs(kInvalid));
  // A version of tomorrow, under this key.
  std::string fields = Make({}).bytes.substr(0, 50);
  fields[0] = 2;
  SpoolCipher cipher = SpoolCipher::Derive(TestSpoolKey(), "auditledger/spool/v1", fields).value();
  ASSERT_OK(cipher.Seal(UINT64_MAX, "", "", fields));
  EXPECT_THAT(Newest(fields), StatusIs(kLoss, HasSubstr("version 2")));
}

TEST(SpoolSegmentTest, AnotherKeyOpensNothing) {
  EXPECT_THAT(ParseSegment(TestSpoolKey('l'), Make({3}).bytes, std::nullopt),
              StatusIs(kLoss, HasSubstr("another key")));
}

TEST(SpoolSegmentTest, CutAtEveryByteTheNewestFileCountsUpToItsLastWholeRecord) {
  const Made made = Make(Sizes());
  size_t whole = 0;
  for (size_t cut = 0; cut <= made.bytes.size(); ++cut) {
    const auto segment = Newest(absl::string_view(made.bytes).substr(0, cut));
    if (cut < kSegmentHeaderBytes) {
      ASSERT_THAT(segment, StatusIs(kLoss)) << cut;
      continue;
    }
    ASSERT_OK(segment) << cut;
    while (whole + 1 < made.begins.size() && made.begins[whole + 1] <= cut) ++whole;
    ASSERT_EQ(segment->records.size(), whole) << cut;
    ASSERT_EQ(segment->bytes, made.begins[whole]) << cut;
    ASSERT_EQ(segment->torn_bytes, cut - made.begins[whole]) << cut;
  }
  EXPECT_EQ(whole, Sizes().size());
}

TEST(SpoolSegmentTest, AnOlderFileCountsAsFarAsTheNextSaysAndNoLessWillDo) {
  const Made made = Make(Sizes());
  for (size_t cut = 0; cut < made.bytes.size(); ++cut) {
    const absl::string_view file = absl::string_view(made.bytes).substr(0, cut);
    ASSERT_THAT(ParseSegment(TestSpoolKey(), file, made.bytes.size()), StatusIs(kLoss)) << cut;
    // A place where no record ends.
    const auto within = ParseSegment(TestSpoolKey(), made.bytes, cut);
    const bool at_an_end =
        std::find(made.begins.begin(), made.begins.end(), cut) != made.begins.end();
    ASSERT_EQ(within.ok(), at_an_end) << cut;
  }
  const std::string more = made.bytes + "what a write that failed left behind";
  const Segment segment = ParseSegment(TestSpoolKey(), more, made.bytes.size()).value();
  EXPECT_EQ(segment.records, made.records);
  EXPECT_EQ(segment.torn_bytes, 0u);
}

TEST(SpoolSegmentTest, NoBitFlipsUnnoticedInTheLastRecordNeither) {
  const Made made = Make({0, 100, 600, 33});
  for (size_t byte = 0; byte < made.bytes.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = made.bytes;
      flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
      ASSERT_THAT(Newest(flipped), StatusIs(kLoss)) << byte << " bit " << bit;
      ASSERT_THAT(ParseSegment(TestSpoolKey(), flipped, made.bytes.size()), StatusIs(kLoss));
    }
  }
}

// The last record begins at every place within a sector; each of its sectors alone was not written.
TEST(SpoolSegmentTest, ASectorThatWasNotWrittenIsACrashWhereverTheRecordLies) {
  for (size_t shift = 0; shift < kSector; ++shift) {
    const Made made = Make({300 + shift, 1100});
    const size_t begin = made.begins[1];
    const size_t end = made.bytes.size();
    for (size_t at = begin; at < end;) {
      const size_t next = std::min(end, (at / kSector + 1) * kSector);
      std::string torn = made.bytes;
      std::fill(torn.begin() + static_cast<std::ptrdiff_t>(at),
                torn.begin() + static_cast<std::ptrdiff_t>(next), '\0');
      const auto segment = Newest(torn);
      ASSERT_OK(segment) << "at " << at << " of record at " << begin;
      ASSERT_EQ(segment->records.size(), 1u);
      ASSERT_EQ(segment->torn_bytes, end - begin);
      at = next;
    }
    // The file grew, and nothing was written.
    std::string grown = made.bytes.substr(0, begin) + std::string(end - begin, '\0');
    ASSERT_EQ(Newest(grown).value().torn_bytes, end - begin);
  }
}

TEST(SpoolSegmentTest, ARecordInRuinsBeforeOneThatWasWrittenAfterItsSyncIsDamage) {
  const auto ruined = [](const std::vector<uint32_t>& synced) {
    Made made = Make({700, 700, 700}, synced);
    std::fill_n(made.bytes.begin() + static_cast<std::ptrdiff_t>(made.begins[1]), 700, '\0');
    return Newest(made.bytes);
  };
  // Both were written before either was synced: a power cut chose.
  EXPECT_EQ(ruined({0, 0, 0}).value().records.size(), 1u);
  EXPECT_EQ(ruined({0, 1, 1}).value().records.size(), 1u);
  EXPECT_THAT(ruined({0, 1, 2}), StatusIs(kLoss, HasSubstr("keep the file")));
}

TEST(SpoolSegmentTest, RecordsChangePlacesNoticed) {
  const Made made = Make({50, 50, 50});
  const size_t size = made.begins[1] - made.begins[0];
  std::string swapped = made.bytes;
  swapped.replace(made.begins[0], size, made.bytes.substr(made.begins[1], size));
  EXPECT_THAT(Newest(swapped), StatusIs(kLoss));
  std::string doubled = made.bytes + made.bytes.substr(made.begins[2]);
  EXPECT_THAT(Newest(doubled), StatusIs(kLoss));
  std::string left_out = made.bytes;
  left_out.erase(made.begins[0], size);
  EXPECT_THAT(Newest(left_out), StatusIs(kLoss));
}

TEST(SpoolSegmentTest, ARecordHasALargestSize) {
  SegmentWriter writer = SegmentWriter::Begin(TestSpoolKey(), Header()).value();
  std::string file = writer.header_bytes();
  EXPECT_OK(writer.Add(std::string(kMaxSpoolRecordBytes, 'x'), 0, file));
  EXPECT_THAT(writer.Add(std::string(kMaxSpoolRecordBytes + 1, 'x'), 0, file),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Newest(file).value().records.size(), 1u);
}

TEST(SpoolSegmentTest, AReaderGoesOnWhereMoreWasWritten) {
  const Made made = Make({10, 20});
  SegmentReader reader =
      SegmentReader::Begin(TestSpoolKey(), made.bytes.substr(0, kSegmentHeaderBytes)).value();
  absl::string_view part = absl::string_view(made.bytes).substr(made.begins[0], 30);
  EXPECT_EQ(reader.Next(part).value(), std::nullopt);
  EXPECT_EQ(part.size(), 30u);
  absl::string_view all = absl::string_view(made.bytes).substr(made.begins[0]);
  EXPECT_EQ(reader.Next(all).value(), made.records[0]);
  EXPECT_EQ(reader.Next(all).value(), made.records[1]);
  EXPECT_TRUE(all.empty());
  EXPECT_EQ(reader.records(), 2u);
  EXPECT_EQ(reader.Next(all).value(), std::nullopt);
  absl::string_view again = absl::string_view(made.bytes).substr(made.begins[0]);
  EXPECT_THAT(reader.Next(again), StatusIs(kLoss));
}

}  // namespace
}  // namespace auditledger
