// When entries came into a log, by honest authorities, and what becomes of files that lie.
#include "verifier/timestamps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "merkle/checkpoint.h"
#include "merkle/proof.h"
#include "merkle/sha256.h"
#include "merkle/tlog_proof.h"
#include "nlohmann/json.hpp"
#include "tests/testing/rotated_log.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_tsa.h"
#include "tests/verifier/test_export.h"
#include "verifier/log_audit.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

using ::testing::Contains;
using testing::ExportLog;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ReadFile;
using testing::TempDir;
using testing::TestLog;
using testing::TestStamp;
using testing::TestTsa;
using testing::WriteFile;

// 2023-11-14T22:13:20Z, which is TestLog's first entry's time.
constexpr uint64_t kStart = 1'700'000'000'000'000;
constexpr uint64_t kSecond = 1'000'000;

class TimestampsTest : public ::testing::Test {
 protected:
  TimestampsTest() : pin_{log_.origin(), log_.verifier()} {}

  std::string Dir() const { return dir_.File("export"); }
  std::string File(const std::string& stem, const std::string& extension) const {
    return absl::StrCat(Dir(), "/timestamps/", stem, extension);
  }
  TimestampFolder Folder() const {
    return {Dir() + "/timestamps", TsaTrust::FromPem(tsa_.ca_pem(), {}).value()};
  }
  static std::string At(int seconds) { return absl::StrCat("202311142213", 20 + seconds, "Z"); }

  // A timestamp of the head of `size`, `seconds` after the log began; its stem.
  std::string Stamp(uint64_t size, int seconds, const TestTsa& tsa, TestStamp stamp = {}) {
    stamp.time = At(seconds);
    const std::string note = log_.CheckpointAt(size);
    const std::string token = tsa.Stamp(ParseNote(note)->text, stamp);
    const std::string stem = TimestampFileStem(size, Sha256({token}));
    std::filesystem::create_directories(Dir() + "/timestamps");
    WriteFile(File(stem, ".checkpoint"), note);
    WriteFile(File(stem, ".tst"), token);
    anchor_ = {size, log_.RootAt(size), Sha256({token}), kStart + uint64_t(seconds) * kSecond};
    return stem;
  }
  // And the entry that names it, with its receipt.
  std::string StampAndName(uint64_t size, int seconds) {
    const std::string stem = Stamp(size, seconds, tsa_);
    Leaf leaf;
    leaf.kind = EntryKind::kAnchor;
    leaf.recorded_at_us = std::max(log_.NextTime(), anchor_.time_us);
    leaf.body = EncodeAnchor(anchor_);
    const uint64_t index = log_.AddLeaf(leaf, std::nullopt);
    WriteFile(File(stem, ".tlog-proof"), log_.ReceiptFor(index, log_.size(), false));
    return stem;
  }
  // An event recorded so many seconds after the log began.
  uint64_t AddAt(int seconds) {
    auto [leaf, opening] = log_.Seal(testing::TestEvent(log_.size()), std::nullopt);
    leaf.recorded_at_us = kStart + uint64_t(seconds) * kSecond + log_.size();
    return log_.AddLeaf(leaf, opening);
  }
  // Genesis, 1 to 3 | 4 names the head of 4, stamped at 10 s | 5, 6 | the head of 7 at 20 s, named
  // by 7 | 8.
  void Story() {
    for (int i = 0; i < 3; ++i) AddAt(1);
    first_ = StampAndName(4, 10);
    AddAt(11);
    AddAt(12);
    second_ = StampAndName(7, 20);
    AddAt(21);
    ExportLog(log_, Dir());
  }
  Verdict Audit() {
    LogInput input;
    input.dir = Dir();
    input.threads = 1;
    input.timestamps = Folder();
    return VerifyLog(input, pin_, {});
  }
  Verdict Entry(uint64_t index) { return VerifyEntry(Dir(), index, pin_, Folder()).verdict; }

  TestLog log_;
  const Pin pin_;
  const TestTsa tsa_{{}};
  TempDir dir_;
  Anchor anchor_;
  std::string first_;
  std::string second_;
};

void ExpectBracket(const TimeBracket& bracket, uint64_t begin, uint64_t end,
                   std::optional<uint64_t> after_s, std::optional<uint64_t> before_s) {
  EXPECT_EQ(bracket.begin, begin);
  EXPECT_EQ(bracket.end, end);
  const auto micros = [](std::optional<uint64_t> seconds) {
    return seconds ? std::optional<uint64_t>(kStart + *seconds * kSecond) : std::nullopt;
  };
  EXPECT_EQ(bracket.not_before_us, micros(after_s)) << begin;
  // genTime is a whole second: the bound is its end.
  if (before_s) ++*before_s;
  EXPECT_EQ(bracket.no_later_us, micros(before_s)) << begin;
}

TEST_F(TimestampsTest, EachEntryHasItsBracket) {
  Story();
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  ASSERT_EQ(verdict.brackets.size(), 5u);
  ExpectBracket(verdict.brackets[0], 0, 4, std::nullopt, 10);
  // The entry that names the token is no older than it either, but by its own word alone.
  ExpectBracket(verdict.brackets[1], 4, 5, std::nullopt, 20);
  ExpectBracket(verdict.brackets[2], 5, 7, 10, 20);
  // No head that was stamped holds these.
  ExpectBracket(verdict.brackets[3], 7, 8, 10, std::nullopt);
  ExpectBracket(verdict.brackets[4], 8, 9, 20, std::nullopt);
  EXPECT_EQ(verdict.brackets[2].named_by, 4u);
  EXPECT_EQ(verdict.brackets[2].beyond_size, 4u);
  EXPECT_EQ(verdict.brackets[2].stamped_size, 7u);
}

TEST_F(TimestampsTest, TheBracketIsShownAndInTheJson) {
  Story();
  const Verdict verdict = Entry(5);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(VerdictText(verdict),
              HasSubstr("entry 5 not before 2023-11-14T22:13:30.000000Z (entry 4 names that "
                        "timestamp), no later than 2023-11-14T22:13:41.000000Z (head of size 7)"));
  const auto json = nlohmann::json::parse(VerdictJson(verdict));
  EXPECT_EQ(json["time_brackets"][0]["not_before"], "2023-11-14T22:13:30.000000Z");
  EXPECT_EQ(json["time_brackets"][0]["no_later_than"], "2023-11-14T22:13:41.000000Z");
  EXPECT_THAT(Entry(1).brackets[0].not_before_us, std::nullopt);
}

TEST_F(TimestampsTest, AReceiptHasItsBracketByProofsBesideTheTimestamps) {
  Story();
  const uint64_t size = log_.size();
  for (const auto& [stem, stamped] : {std::pair(first_, 4), std::pair(second_, 7)}) {
    nlohmann::json proof = {{"old_size", stamped}, {"new_size", size}, {"hashes", {}}};
    ASSERT_OK_AND_ASSIGN(const std::vector<Hash> hashes,
                         ConsistencyProof(uint64_t(stamped), size, log_));
    for (const Hash& hash : hashes) {
      proof["hashes"].push_back(hash.ToBase64());
    }
    WriteFile(File(stem, ".consistency"), proof.dump() + "\n");
  }
  WriteFile(File(first_, ".tlog-proof"), log_.ReceiptFor(4, size, false));
  std::filesystem::remove(File(second_, ".tlog-proof"));
  ReceiptInput input;
  input.receipt = log_.ReceiptFor(5, size);
  input.timestamps = Folder();
  const Verdict verdict = VerifyReceipt(input, pin_, {});
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  ASSERT_EQ(verdict.brackets.size(), 1u);
  ExpectBracket(verdict.brackets[0], 5, 6, 10, 20);
  nlohmann::json wrong = nlohmann::json::parse(ReadFile(File(second_, ".consistency")));
  wrong["hashes"][0] = LeafHash("made up").ToBase64();
  WriteFile(File(second_, ".consistency"), wrong.dump() + "\n");
  const Verdict bad = VerifyReceipt(input, pin_, {});
  EXPECT_THAT(bad.reasons, Contains(HasSubstr("from size 7 to 9 does not verify")));
  // Without the proof the stamped head is one that the key's holder could have made up.
  std::filesystem::remove(File(second_, ".consistency"));
  const Verdict unlinked = VerifyReceipt(input, pin_, {});
  EXPECT_EQ(unlinked.ExitCode(), 2) << VerdictText(unlinked);
  EXPECT_THAT(unlinked.reasons, Contains(HasSubstr("not linked")));
}

TEST_F(TimestampsTest, ATokenThatAnEntryNamesAndThatIsGoneIsReported) {
  Story();
  for (const char* extension : {".tst", ".checkpoint", ".tlog-proof"}) {
    std::filesystem::remove(File(first_, extension));
  }
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 2) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons,
              Contains(AllOf(HasSubstr("entry 4"), HasSubstr("not there"), HasSubstr(first_))));
}

TEST_F(TimestampsTest, ATokenThatWasTamperedWithIsRefused) {
  Story();
  std::string token = ReadFile(File(first_, ".tst"));
  token.back() = static_cast<char>(token.back() ^ 1);
  WriteFile(File(first_, ".tst"), token);
  EXPECT_EQ(Audit().ExitCode(), 1);
  EXPECT_THAT(Audit().reasons, Contains(HasSubstr("not the token that its name says")));
}

TEST_F(TimestampsTest, ATokenThatTookAnothersPlaceIsRefused) {
  Story();
  // Under its own name, but of another head.
  const std::string swapped = TimestampFileStem(7, Sha256({ReadFile(File(first_, ".tst"))}));
  WriteFile(File(swapped, ".tst"), ReadFile(File(first_, ".tst")));
  WriteFile(File(swapped, ".checkpoint"), log_.CheckpointAt(7));
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 1) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("imprint")));
}

TEST_F(TimestampsTest, AnAuthorityThatNobodyPinnedIsReportedWithItsReason) {
  Story();
  Stamp(5, 15, TestTsa({.name = "Stranger"}));
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 2) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("no pinned certificate vouches")));
  EXPECT_EQ(verdict.brackets[2].named_by, 4u) << "the others count";
}

TEST_F(TimestampsTest, CertificatesThatWereNotGoodForItAreReportedWithTheirReason) {
  Story();
  const TestTsa expired(
      {.name = "Expired", .not_before = "20200101000000Z", .not_after = "20210101000000Z"});
  const TestTsa web({.name = "Web", .extended_key_usage = "critical,serverAuth"});
  for (const auto& [tsa, why] : {std::pair(&expired, "expired"), std::pair(&web, "purpose")}) {
    const std::string stem = Stamp(5, 15, *tsa);
    TimestampFolder folder{Dir() + "/timestamps",
                           TsaTrust::FromPem(tsa_.ca_pem() + tsa->ca_pem(), {}).value()};
    const Verdict verdict = VerifyEntry(Dir(), 5, pin_, folder).verdict;
    EXPECT_EQ(verdict.ExitCode(), 2) << VerdictText(verdict);
    EXPECT_THAT(verdict.reasons, Contains(AllOf(HasSubstr(stem), HasSubstr(why))));
    std::filesystem::remove(File(stem, ".tst"));
    std::filesystem::remove(File(stem, ".checkpoint"));
  }
}

TEST_F(TimestampsTest, AStampedHeadOfAnotherHistoryIsAFork) {
  Story();
  TestLog fork;
  fork.AddEvents(6);
  const std::string note = fork.CheckpointAt(7);
  const std::string token = tsa_.Stamp(ParseNote(note)->text, {.time = At(15)});
  const std::string stem = TimestampFileStem(7, Sha256({token}));
  WriteFile(File(stem, ".checkpoint"), note);
  WriteFile(File(stem, ".tst"), token);
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 1) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("FORK")));
}

TEST_F(TimestampsTest, AHeadThatTheLogsKeyDidNotSignIsRefused) {
  Story();
  std::string note = ReadFile(File(first_, ".checkpoint"));
  note[note.size() - 10] = note[note.size() - 10] == 'A' ? 'B' : 'A';
  WriteFile(File(first_, ".checkpoint"), note);
  EXPECT_EQ(Audit().ExitCode(), 1) << VerdictText(Audit());
}

TEST_F(TimestampsTest, AnEntryThatLiesAboutItsTokenIsRefused) {
  AddAt(1);
  Stamp(2, 10, tsa_);
  Anchor size = anchor_, root = anchor_, time = anchor_;
  size.size = 1;
  root.root = log_.RootAt(1);
  time.time_us += kSecond;
  for (const Anchor& lie : {size, root, time}) {
    TestLog log = log_;
    Leaf leaf;
    leaf.kind = EntryKind::kAnchor;
    leaf.recorded_at_us = kStart + 11 * kSecond;
    leaf.body = EncodeAnchor(lie);
    log.AddLeaf(leaf, std::nullopt);
    for (const char* part : {"/tile", "/payload", "/checkpoint"}) {
      std::filesystem::remove_all(Dir() + part);
    }
    ExportLog(log, Dir());
    const Verdict verdict = Audit();
    EXPECT_EQ(verdict.ExitCode(), 1) << VerdictText(verdict);
    EXPECT_THAT(verdict.reasons, Contains(HasSubstr("what is not so")));
  }
}

TEST_F(TimestampsTest, AnEntryDatedBeforeTheTokenThatItNamesIsBackdated) {
  AddAt(1);
  TestStamp stamp;
  Stamp(2, 10, tsa_);
  // An hour later by the authority's clock.
  const std::string note = log_.CheckpointAt(2);
  const std::string token = tsa_.Stamp(ParseNote(note)->text, {.time = "20231114231320Z"});
  const std::string stem = TimestampFileStem(2, Sha256({token}));
  WriteFile(File(stem, ".checkpoint"), note);
  WriteFile(File(stem, ".tst"), token);
  Leaf leaf;
  leaf.kind = EntryKind::kAnchor;
  leaf.recorded_at_us = kStart + 20 * kSecond;
  leaf.body = EncodeAnchor({2, log_.RootAt(2), Sha256({token}), kStart + 3600 * kSecond});
  log_.AddLeaf(leaf, std::nullopt);
  AddAt(30);
  ExportLog(log_, Dir());
  EXPECT_EQ(Audit().ExitCode(), 1) << VerdictText(Audit());
  EXPECT_THAT(Audit().reasons, Contains(HasSubstr("BACKDATED")));
  WriteFile(File(stem, ".tlog-proof"), log_.ReceiptFor(2, log_.size(), false));
  EXPECT_THAT(Entry(3).reasons, Contains(HasSubstr("entry 3: BACKDATED")));
}

TEST_F(TimestampsTest, ALogWithoutTimestampsIsNotBounded) {
  AddAt(1);
  ExportLog(log_, Dir());
  EXPECT_EQ(Audit().ExitCode(), 2) << "asked for, and there are none";
  EXPECT_THAT(Audit().not_proven, ::testing::Not(Contains(HasSubstr("no timestamp that holds"))));
  std::filesystem::create_directories(Dir() + "/timestamps");
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("no timestamp that holds bounds it")));
}

TEST_F(TimestampsTest, WithoutAPinnedAuthorityTheVerdictSaysWhatIsThere) {
  Story();
  LogInput input;
  input.dir = Dir();
  const Verdict verdict = VerifyLog(input, pin_, {});
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed);
  EXPECT_THAT(verdict.brackets, IsEmpty());
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("2 timestamps, and --tsa-ca was not given")));
}

TEST_F(TimestampsTest, StampedHeadsOfALogWhoseKeyWasRotatedCountAsWell) {
  log_.AddEvents(3);
  Stamp(4, 10, tsa_);
  log_.AddSystem(EntryKind::kKeyChange, testing::KeyChangeBody(log_.origin(), 1, 2));
  log_.AddEvents(3);
  WriteFile(File(Stamp(8, 20, tsa_), ".checkpoint"), testing::CheckpointBy(2, log_, 8));
  ASSERT_OK_AND_ASSIGN(const auto writer, testing::AppendExport(log_, Dir(), 8));
  ASSERT_OK(writer->Finish(testing::CheckpointBy(2, log_, 8)));
  const Verdict log = Audit();
  EXPECT_EQ(log.ExitCode(), kExitUnwitnessed) << VerdictText(log);
  ASSERT_EQ(log.brackets.size(), 2u);
  ExpectBracket(log.brackets[0], 0, 4, std::nullopt, 10);
  ExpectBracket(log.brackets[1], 4, 8, std::nullopt, 20);
  EXPECT_THAT(log.not_proven, Contains(HasSubstr("2 of 2 timestamps state no accuracy")));
  const Verdict entry = Entry(6);
  EXPECT_EQ(entry.ExitCode(), kExitUnwitnessed) << VerdictText(entry);
  ReceiptInput receipt;
  receipt.receipt = log_.ReceiptFor(6, 8);
  receipt.receipt.replace(receipt.receipt.find("\n\n") + 2, std::string::npos,
                          testing::CheckpointBy(2, log_, 8));
  receipt.timestamps = Folder();
  History history;
  history.log_dir = Dir();
  const Verdict proven = VerifyReceipt(receipt, pin_, history);
  EXPECT_EQ(proven.ExitCode(), kExitUnwitnessed) << VerdictText(proven);
}

// The second authority's clock is behind: what it stamped already names the first one's token.
TEST_F(TimestampsTest, BoundsThatCrossAreNotPrintedNorProven) {
  AddAt(1);
  StampAndName(2, 30);
  log_.AddEvents(2);
  Stamp(5, 10, tsa_);
  ExportLog(log_, Dir());
  const Verdict verdict = Entry(3);
  EXPECT_THAT(verdict.brackets, IsEmpty());
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("contradict each other by 19000000 us")));
  EXPECT_THAT(verdict.proven, ::testing::Not(Contains(HasSubstr("within brackets"))));
}

TEST_F(TimestampsTest, StrangeFilesAreReported) {
  Story();
  for (const std::string& name : {std::string("notes.txt"), std::string("notes.tst"), first_}) {
    WriteFile(File(name, ""), "x");
    EXPECT_EQ(Audit().ExitCode(), 2);
    EXPECT_THAT(Audit().reasons, Contains(HasSubstr(name + ": is no part of a timestamp")));
    std::filesystem::remove(File(name, ""));
  }
}

TEST_F(TimestampsTest, ATimestampThatIsNotWholeIsReported) {
  for (const char* extension : {".tst", ".checkpoint"}) {
    std::filesystem::remove_all(Dir());
    log_ = TestLog();
    Story();
    std::filesystem::remove(File(first_, extension));
    const Verdict verdict = Audit();
    EXPECT_EQ(verdict.ExitCode(), 2) << VerdictText(verdict);
    EXPECT_THAT(verdict.reasons,
                Contains(AllOf(HasSubstr(first_ + extension), HasSubstr("is missing"))));
  }
}

TEST_F(TimestampsTest, ATokenUnderTheNameOfAnotherSizeIsRefused) {
  Story();
  const std::string stem = TimestampFileStem(5, Sha256({ReadFile(File(first_, ".tst"))}));
  WriteFile(File(stem, ".tst"), ReadFile(File(first_, ".tst")));
  WriteFile(File(stem, ".checkpoint"), ReadFile(File(first_, ".checkpoint")));
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 1) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("is of another size than its name")));
}

TEST_F(TimestampsTest, WhatLiesBesideATimestampAndDoesNotParseIsReported) {
  Story();
  WriteFile(File(first_, ".consistency"), "rubbish\n");
  EXPECT_THAT(Audit().reasons, Contains(HasSubstr(first_ + ".consistency: ")));
}

// A whole log says itself what its entries name; of one entry the receipts beside the tokens do.
TEST_F(TimestampsTest, AWholeLogNeedsNoReceiptsOfTheEntriesThatNameTokens) {
  Story();
  std::filesystem::remove(File(first_, ".tlog-proof"));
  std::filesystem::remove(File(second_, ".tlog-proof"));
  const Verdict log = Audit();
  EXPECT_EQ(log.ExitCode(), kExitUnwitnessed) << VerdictText(log);
  ASSERT_EQ(log.brackets.size(), 5u);
  EXPECT_EQ(log.brackets[2].named_by, 4u);
  EXPECT_EQ(Entry(5).brackets.at(0).not_before_us, std::nullopt);
}

TEST_F(TimestampsTest, OfALogThatIsRefusedNoTimeIsSaid) {
  Story();
  log_.AddSystem(EntryKind::kClock, "no clock step");
  ExportLog(log_, Dir());
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.brackets, IsEmpty());
}

TEST_F(TimestampsTest, OneSideOfABracketIsABound) {
  Story();
  for (const uint64_t index : {uint64_t{1}, uint64_t{8}}) {
    const Verdict verdict = Entry(index);
    EXPECT_EQ(verdict.brackets.at(0).not_before_us.has_value(), index == 8);
    EXPECT_THAT(verdict.proven, Contains(HasSubstr("within brackets"))) << index;
  }
}

TEST_F(TimestampsTest, AReceiptBesideATokenIsOfTheEntryThatNamesOne) {
  Story();
  const std::string receipt = File(first_, ".tlog-proof");
  const auto expect = [&](const std::string& bytes, int exit_code, const std::string& why) {
    WriteFile(receipt, bytes);
    const Verdict verdict = Entry(5);
    EXPECT_EQ(verdict.ExitCode(), exit_code) << VerdictText(verdict);
    EXPECT_THAT(verdict.reasons, Contains(HasSubstr(why)));
  };
  const uint64_t size = log_.size();
  expect(log_.ReceiptFor(5, size, false), 1, "of an entry that names no timestamp");
  expect("rubbish\n", 1, first_ + ".tlog-proof: ");
  // Another entry's place, and a leaf that the log does not hold.
  TlogProof proof = ParseTlogProof(log_.ReceiptFor(4, size, false)).value();
  proof.index = 3;
  expect(FormatTlogProof(proof), 1, "inclusion");
  TestLog fork;
  fork.AddEvents(3);
  Leaf leaf;
  leaf.kind = EntryKind::kAnchor;
  leaf.recorded_at_us = kStart + 11 * kSecond;
  leaf.body = EncodeAnchor(anchor_);
  fork.AddLeaf(leaf, std::nullopt);
  fork.AddEvents(size - 5);
  expect(fork.ReceiptFor(4, size, false), 1, "FORK");
  EXPECT_EQ(Entry(5).reasons.size(), 1u) << "and nothing more of it";
  std::filesystem::remove(receipt);
  std::filesystem::create_directories(receipt);
  EXPECT_THAT(Entry(5).reasons, Contains(HasSubstr("not a regular file")));
}

TEST_F(TimestampsTest, AnEntryThatNamesAStrangersTokenIsNotAccusedOfLosingIt) {
  AddAt(1);
  Stamp(2, 10, TestTsa({.name = "Stranger"}));
  Leaf leaf;
  leaf.kind = EntryKind::kAnchor;
  leaf.recorded_at_us = kStart + 11 * kSecond;
  leaf.body = EncodeAnchor(anchor_);
  log_.AddLeaf(leaf, std::nullopt);
  ExportLog(log_, Dir());
  const Verdict verdict = Audit();
  ASSERT_EQ(verdict.reasons.size(), 1u) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons[0], HasSubstr("no pinned certificate vouches"));
}

TEST_F(TimestampsTest, AnEntryRecordedLongAfterItsBracketIsRefused) {
  AddAt(400);
  Stamp(2, 30, tsa_);
  ExportLog(log_, Dir());
  const Verdict verdict = Entry(1);
  EXPECT_EQ(verdict.ExitCode(), 1) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("entry 1: recorded, the ledger says, at ")));
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("after its bracket")));
}

}  // namespace
}  // namespace auditledger
