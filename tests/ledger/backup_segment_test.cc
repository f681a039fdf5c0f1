#include "ledger/backup_segment.h"

#include <cstdlib>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ledger/backup_index.h"
#include "ledger/seed_store.h"
#include "merkle/bytes.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

constexpr char kOrigin[] = "test.example/log";

std::string SmallSegment() {
  Frontier frontier;
  for (const char* before : {"a", "b"}) frontier.Append(LeafHash(before));
  BackupSegmentBuilder builder(kOrigin, 2, 1);
  builder.AddStream("a stream's record");
  EXPECT_OK(builder.AddEntry({"leaf", "payload", "identity"}));
  EXPECT_OK(builder.AddEntry({"no payload, no identity", "", ""}));
  frontier.Append(LeafHash("leaf"));
  frontier.Append(LeafHash("no payload, no identity"));
  return std::move(builder).Finish(frontier.nodes());
}

// With a digest that fits, so that what is behind it is read.
std::string WithDigest(std::string body) {
  body += std::string(Sha256({body}).view());
  return body;
}

TEST(BackupSegmentTest, ComesBackAsItWasBuilt) {
  const std::string bytes = SmallSegment();
  ASSERT_OK_AND_ASSIGN(const BackupSegment segment, ParseBackupSegment(bytes));
  EXPECT_EQ(segment.origin, kOrigin);
  EXPECT_EQ(segment.first, 2u);
  EXPECT_EQ(segment.end, 4u);
  EXPECT_EQ(segment.first_stream, 1u);
  ASSERT_EQ(segment.streams.size(), 1u);
  EXPECT_EQ(segment.streams[0], "a stream's record");
  ASSERT_EQ(segment.entries.size(), 2u);
  EXPECT_EQ(segment.entries[0].leaf, "leaf");
  EXPECT_EQ(segment.entries[0].payload, "payload");
  EXPECT_EQ(segment.entries[0].identity, "identity");
  EXPECT_EQ(segment.entries[1].payload, "");
  EXPECT_EQ(segment.frontier.size(), FrontierNodes(4).size());
}

// The layout that the header states, written by hand: a change of it is a new version.
TEST(BackupSegmentTest, IsWrittenAsDocumented) {
  std::string body = "\x01L";
  PutBytes16(body, kOrigin);
  PutU64(body, 0);
  PutU32(body, 0);
  body += "E";
  PutBytes16(body, "leaf");
  PutU32(body, 7);
  body += "payload";
  PutU8(body, 2);
  body += "id";
  body += "Z";
  PutU64(body, 1);
  PutU8(body, 1);
  body += std::string(LeafHash("leaf").view());
  BackupSegmentBuilder builder(kOrigin, 0, 0);
  ASSERT_OK(builder.AddEntry({"leaf", "payload", "id"}));
  EXPECT_EQ(std::move(builder).Finish({LeafHash("leaf")}), WithDigest(body));
}

TEST(BackupSegmentTest, EveryFlippedBitAndEveryCutIsRefused) {
  const std::string bytes = SmallSegment();
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
    EXPECT_FALSE(ParseBackupSegment(flipped).ok()) << "bit " << i;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ParseBackupSegment(bytes.substr(0, size)), StatusIs(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(ParseBackupSegment(bytes + "x"), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(BackupSegmentTest, WhatIsWrongBehindAGoodDigestIsRefusedToo) {
  const std::string whole = SmallSegment();
  const std::string body = whole.substr(0, whole.size() - Hash::kSize);
  ASSERT_OK(ParseBackupSegment(WithDigest(body)));
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(ParseBackupSegment(WithDigest(body.substr(0, size))).ok()) << size;
  }
  EXPECT_FALSE(ParseBackupSegment(WithDigest(body + "x")).ok());
  std::string newer = body;
  newer[0] = 2;
  EXPECT_THAT(ParseBackupSegment(WithDigest(newer)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version 2")));
  // An end that its entries do not lead to.
  std::string other_end = body;
  other_end[body.rfind('Z') + 8] = 9;
  EXPECT_FALSE(ParseBackupSegment(WithDigest(other_end)).ok());
  // No entry at all.
  std::string none = "\x01L";
  PutBytes16(none, kOrigin);
  PutU64(none, 0);
  PutU32(none, 0);
  none += "Z";
  PutU64(none, 0);
  PutU8(none, 0);
  EXPECT_FALSE(ParseBackupSegment(WithDigest(none)).ok());
}

TEST(BackupSegmentTest, AStreamBehindAnEntryIsRefused) {
  BackupSegmentBuilder builder(kOrigin, 0, 0);
  ASSERT_OK(builder.AddEntry({"leaf", "", ""}));
  builder.AddStream("late");
  EXPECT_THAT(ParseBackupSegment(std::move(builder).Finish({LeafHash("leaf")})),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("out of order")));
}

TEST(BackupSegmentTest, LengthsEndWhereTheirFieldsDo) {
  BackupSegmentBuilder builder(kOrigin, 0, 0);
  EXPECT_OK(builder.AddEntry({std::string(65535, 'l'), "", std::string(255, 'i')}));
  EXPECT_THAT(builder.AddEntry({std::string(65536, 'l'), "", ""}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(builder.AddEntry({"l", "", std::string(256, 'i')}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(builder.AddEntry({"l", std::string(kBackupSegmentBytes + 1, 'p'), ""}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SecretsSegmentTest, ComesBackAndEveryFlippedBitIsRefused) {
  const std::string slots(3 * kSeedSlotBytes, 's');
  const std::string bytes = EncodeSecretsSegment({kOrigin, kSeedSlotsPerSegment, slots});
  ASSERT_OK_AND_ASSIGN(const SecretsSegment segment, ParseSecretsSegment(bytes));
  EXPECT_EQ(segment.origin, kOrigin);
  EXPECT_EQ(segment.first, kSeedSlotsPerSegment);
  EXPECT_EQ(segment.slots, slots);
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
    EXPECT_FALSE(ParseSecretsSegment(flipped).ok()) << "bit " << i;
  }
  EXPECT_FALSE(ParseSecretsSegment(EncodeSecretsSegment({kOrigin, 1, slots})).ok())
      << "no segment begins there";
  EXPECT_FALSE(ParseBackupSegment(bytes).ok()) << "secrets are no log";
}

// Seeds of tests/fuzz/backup_segment_fuzz.cc; AUDITLEDGER_WRITE_CORPUS=1 writes them anew.
TEST(BackupSegmentTest, TheFuzzTargetsSeedsAreOfThisVersion) {
  const auto seed = [](const std::string& name, const std::string& bytes) {
    const std::string path = testing::SourcePath("tests/fuzz/corpus/backup_segment/" + name);
    if (std::getenv("AUDITLEDGER_WRITE_CORPUS") != nullptr) {
      std::ofstream(path, std::ios::binary) << bytes;
    }
    EXPECT_EQ(testing::ReadFile(path), bytes);
  };
  const std::string log = SmallSegment();
  seed("log", "L" + log.substr(0, log.size() - Hash::kSize));
  const std::string secrets =
      EncodeSecretsSegment({kOrigin, kSeedSlotsPerSegment, std::string(2 * kSeedSlotBytes, 's')});
  seed("secrets", "K" + secrets.substr(0, secrets.size() - Hash::kSize));
  seed("manifest", "M" + FormatBackupManifest({kOrigin, {{4, LeafHash("a")}, {9, LeafHash("b")}}}));
  seed("name", "N" + FormatSegmentName({1, 255}));
}

TEST(BackupManifestTest, IsReadBackStrictly) {
  const std::string text = FormatBackupManifest({kOrigin, {{4, LeafHash("a")}}});
  ASSERT_OK_AND_ASSIGN(const BackupManifest manifest, ParseBackupManifest(text));
  EXPECT_EQ(manifest.origin, kOrigin);
  ASSERT_EQ(manifest.lines.size(), 1u);
  EXPECT_EQ(manifest.lines[0].size, 4u);
  EXPECT_EQ(manifest.lines[0].digest, LeafHash("a"));
  for (const std::string& wrong :
       {text.substr(0, text.size() - 1), text + "4 ", text + text.substr(text.find('\n') + 1),
        text + "\n", FormatBackupManifest({kOrigin, {{0, LeafHash("a")}}}), std::string()}) {
    EXPECT_FALSE(ParseBackupManifest(wrong).ok()) << wrong;
  }
  EXPECT_THAT(ParseBackupManifest("auditledger-backup/v2 x\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(BackupNamesTest, AreReadBackStrictly) {
  EXPECT_EQ(FormatSegmentName({1, 255}), "log-0000000000000001-00000000000000ff");
  EXPECT_EQ(*ParseSegmentName("log-0000000000000001-00000000000000ff"),
            (BackupSegmentName{1, 255}));
  EXPECT_EQ(*ParseSecretsName(FormatSecretsName(65536)), 65536u);
  for (const char* name :
       {"log-1-2", "log-0000000000000001-00000000000000FF",
        "log-0000000000000001-00000000000000ff.tmp", "log-000000000000001 -00000000000000ff",
        "secrets-0000000000000001-00000000000000ff", ""}) {
    EXPECT_FALSE(ParseSegmentName(name).ok()) << name;
  }
  EXPECT_FALSE(ParseSecretsName("secrets-1").ok());
}

}  // namespace
}  // namespace auditledger
