// Covers: merkle/evidence_check
#include "merkle/evidence.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "merkle/cosignature.h"
#include "merkle/proof.h"
#include "merkle/system_entries.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TestLog;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kSmallWorld = 20;

// A log of `size` entries that is the same as every other up to `fork_at`.
TestLog Branch(uint64_t fork_at, uint64_t size, uint64_t branch) {
  TestLog log;
  while (log.size() < size) {
    Leaf leaf;
    leaf.kind = EntryKind::kOperator;
    leaf.recorded_at_us = log.NextTime();
    leaf.body = absl::StrCat("entry ", log.size(), " of ", log.size() < fork_at ? 0 : branch);
    log.AddLeaf(leaf, std::nullopt);
  }
  return log;
}

EvidencePins PinsOf(const TestLog& log) { return {log.origin(), log.verifier(), {}}; }

Evidence HistoryEvidence(TestLog& mine, uint64_t first, TestLog& other, uint64_t second) {
  Evidence evidence;
  evidence.kind = Evidence::Kind::kHistory;
  evidence.first = mine.CheckpointAt(first);
  evidence.second = other.CheckpointAt(second);
  evidence.prefix = other.RootAt(first);
  evidence.proof = ConsistencyProof(first, second, other).value();
  return evidence;
}

Evidence ReceiptEvidence(TestLog& mine, uint64_t first, TestLog& other, uint64_t second,
                         uint64_t index) {
  Evidence evidence;
  evidence.kind = Evidence::Kind::kReceipt;
  evidence.first = mine.CheckpointAt(first);
  evidence.second = other.CheckpointAt(second);
  evidence.index = index;
  evidence.first_hash = LeafHash(mine.leaves()[index]);
  evidence.second_hash = LeafHash(other.leaves()[index]);
  evidence.proof = InclusionProof(index, first, mine).value();
  evidence.second_proof = InclusionProof(index, second, other).value();
  return evidence;
}

// Through the text, as a third party gets it.
absl::StatusOr<std::string> Check(const Evidence& evidence, const EvidencePins& pins) {
  const std::string text = FormatEvidence(evidence);
  const absl::StatusOr<Evidence> parsed = ParseEvidence(text);
  EXPECT_OK(parsed);
  EXPECT_EQ(*parsed, evidence);
  EXPECT_EQ(FormatEvidence(*parsed), text);
  return CheckEvidence(*parsed, pins);
}

TEST(EvidenceTest, EveryForkOfASmallWorldIsShownAndNoHonestLogIs) {
  TestLog honest = Branch(kSmallWorld, kSmallWorld, 1);
  const EvidencePins pins = PinsOf(honest);
  for (uint64_t fork_at = 1; fork_at < kSmallWorld; ++fork_at) {
    TestLog forked = Branch(fork_at, kSmallWorld, 2);
    for (uint64_t first = 1; first <= kSmallWorld; ++first) {
      const bool differ = first > fork_at;
      Evidence fork{.kind = Evidence::Kind::kFork,
                    .first = honest.CheckpointAt(first),
                    .second = forked.CheckpointAt(first)};
      EXPECT_EQ(Check(fork, pins).ok(), differ) << fork_at << " " << first;
      for (uint64_t second = first + 1; second <= kSmallWorld; ++second) {
        EXPECT_EQ(Check(HistoryEvidence(honest, first, forked, second), pins).ok(), differ)
            << fork_at << " " << first << " " << second;
      }
      const uint64_t index = first - 1;
      EXPECT_EQ(Check(ReceiptEvidence(honest, first, forked, kSmallWorld, index), pins).ok(),
                index >= fork_at);
    }
  }
}

// What a liar would have to write about an honest log never verifies.
TEST(EvidenceTest, NothingCanBeShownAgainstAnHonestLog) {
  TestLog honest = Branch(kSmallWorld, kSmallWorld, 1);
  const EvidencePins pins = PinsOf(honest);
  for (uint64_t first = 1; first < kSmallWorld; ++first) {
    for (uint64_t second = first + 1; second <= kSmallWorld; ++second) {
      for (const auto& [one, other] : {std::pair(first, second), std::pair(second, first)}) {
        EXPECT_THAT(Check({.kind = Evidence::Kind::kFork,
                           .first = honest.CheckpointAt(one),
                           .second = honest.CheckpointAt(other)},
                          pins),
                    StatusIs(absl::StatusCode::kFailedPrecondition));
      }
      Evidence evidence = HistoryEvidence(honest, first, honest, second);
      EXPECT_THAT(Check(evidence, pins), StatusIs(absl::StatusCode::kFailedPrecondition));
      evidence.prefix = LeafHash("made up");
      EXPECT_THAT(Check(evidence, pins), StatusIs(absl::StatusCode::kFailedPrecondition));
      for (Hash& hash : evidence.proof) {
        const Hash was = std::exchange(hash, evidence.prefix);
        EXPECT_THAT(Check(evidence, pins), StatusIs(absl::StatusCode::kFailedPrecondition));
        hash = was;
      }
      Evidence receipt = ReceiptEvidence(honest, first, honest, second, 0);
      receipt.second_hash = LeafHash("made up");
      EXPECT_THAT(Check(receipt, pins), StatusIs(absl::StatusCode::kFailedPrecondition));
      std::swap(receipt.first_hash, receipt.second_hash);
      EXPECT_THAT(Check(receipt, pins), StatusIs(absl::StatusCode::kFailedPrecondition));
    }
  }
}

TEST(EvidenceTest, OnlyThePinnedLogsHeadsCount) {
  TestLog honest = Branch(9, 9, 1);
  TestLog forked = Branch(3, 9, 2);
  const Evidence evidence = HistoryEvidence(honest, 7, forked, 9);
  EXPECT_THAT(*Check(evidence, PinsOf(honest)), StartsWith("FORK: "));
  TestLog::Options options;
  options.key = 2;
  EXPECT_THAT(Check(evidence, PinsOf(TestLog(options))),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EvidencePins other = PinsOf(honest);
  other.origin = "ledger.test/other";
  EXPECT_THAT(Check(evidence, other), StatusIs(absl::StatusCode::kFailedPrecondition));
  for (const bool first : {true, false}) {
    Evidence unsigned_head = evidence;
    std::string& note = first ? unsigned_head.first : unsigned_head.second;
    note[note.size() - 5] = note[note.size() - 5] == 'A' ? 'B' : 'A';
    const auto shown = CheckEvidence(unsigned_head, PinsOf(honest));
    EXPECT_THAT(shown, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(shown.status().message(), HasSubstr(first ? "the first head" : "the second head"));
  }
}

NoteVerifier WitnessKey(uint8_t witness) {
  return NoteVerifier::FromEd25519(absl::StrCat("witness", witness),
                                   testing::TestPublicKey(witness), kNoteEd25519Cosignature)
      .value();
}

std::string CosignedAt(TestLog& log, uint64_t size, uint8_t witness, uint64_t time) {
  Note note = ParseNote(log.CheckpointAt(size)).value();
  const NoteVerifier key = WitnessKey(witness);
  note.signatures.push_back(
      MakeCosignature(key, time,
                      testing::TestSignature(witness, CosignatureMessage(time, note.text)))
          .value());
  return FormatNote(note);
}

TEST(EvidenceTest, AWitnessThatWentBackIsShown) {
  TestLog log = Branch(9, 9, 1);
  EvidencePins pins = PinsOf(log);
  pins.witnesses = {WitnessKey(7), WitnessKey(6)};
  Evidence evidence{.kind = Evidence::Kind::kRollback,
                    .first = CosignedAt(log, 8, 7, 1000),
                    .second = CosignedAt(log, 5, 7, 1001)};
  EXPECT_THAT(*Check(evidence, pins), StartsWith("ROLLBACK: witness witness7 broke its promise"));
  EXPECT_THAT(*Check(evidence, pins), ::testing::HasSubstr("of the log it proves nothing"));
  const auto nothing = [&](const std::string& first, const std::string& second) {
    EXPECT_THAT(Check({.kind = Evidence::Kind::kRollback, .first = first, .second = second}, pins),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  };
  nothing(CosignedAt(log, 8, 7, 1000), CosignedAt(log, 5, 7, 1000));
  nothing(CosignedAt(log, 8, 7, 1000), CosignedAt(log, 5, 7, 999));
  nothing(CosignedAt(log, 5, 7, 1000), CosignedAt(log, 8, 7, 1001));
  nothing(CosignedAt(log, 8, 7, 1000), CosignedAt(log, 8, 7, 1001));
  nothing(CosignedAt(log, 8, 7, 1000), CosignedAt(log, 5, 6, 1001));
  nothing(log.CheckpointAt(8), log.CheckpointAt(5));
  pins.witnesses.clear();
  nothing(evidence.first, evidence.second);
}

Evidence LeafEvidence(TestLog& log, uint64_t index, uint64_t count) {
  Evidence evidence;
  evidence.kind = Evidence::Kind::kLeaf;
  evidence.first = log.CheckpointAt(log.size());
  evidence.index = index;
  for (uint64_t i = index; i < index + count; ++i) evidence.leaves.push_back(log.leaves()[i]);
  evidence.proof = RangeProof({index, index + count}, log.size(), log).value();
  return evidence;
}

TEST(EvidenceTest, LeavesThatBreakTheRulesAreShownAndGoodOnesAreNot) {
  TestLog log = Branch(9, 9, 1);
  Leaf leaf;
  leaf.recorded_at_us = log.NextTime() - 1000;  // as the one before
  leaf.kind = EntryKind::kOperator;
  const uint64_t same_time = log.AddLeaf(leaf, std::nullopt);
  const uint64_t broken = log.AddBytes(std::string("\x01\x02", 2), std::nullopt);
  const uint64_t unknown = log.AddBytes(std::string("\x02\x02", 2), std::nullopt);
  log.AddEvents(3);
  const EvidencePins pins = PinsOf(log);
  EXPECT_THAT(*Check(LeafEvidence(log, same_time - 1, 2), pins),
              HasSubstr("the entry before it at"));
  EXPECT_THAT(*Check(LeafEvidence(log, broken, 1), pins), HasSubstr("breaks the format"));
  const auto nothing = [&](const Evidence& evidence) {
    EXPECT_THAT(Check(evidence, pins), StatusIs(absl::StatusCode::kFailedPrecondition));
  };
  nothing(LeafEvidence(log, unknown, 1));
  nothing(LeafEvidence(log, 3, 2));
  nothing(LeafEvidence(log, 3, 1));
  Evidence swapped = LeafEvidence(log, 3, 2);
  std::swap(swapped.leaves[0], swapped.leaves[1]);
  nothing(swapped);
}

// A freeze is the last entry for good.
TEST(EvidenceTest, WhatStandsBehindAFreezeIsShownAndALastFreezeIsNot) {
  const std::string body = EncodeFreeze({}).value();
  TestLog log = Branch(3, 3, 1);
  const uint64_t other = log.AddSystem(EntryKind::kOperator, body);
  const uint64_t malformed = log.AddSystem(EntryKind::kFreeze, "no freeze");
  const uint64_t freeze = log.AddSystem(EntryKind::kFreeze, body);
  const EvidencePins pins = PinsOf(log);
  const auto nothing = [&](uint64_t index, uint64_t count) {
    EXPECT_THAT(Check(LeafEvidence(log, index, count), pins),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("keep the rules")))
        << index;
  };
  nothing(freeze, 1);
  nothing(malformed, 2);
  log.AddEvents(2);
  EXPECT_THAT(*Check(LeafEvidence(log, freeze, 1), pins),
              HasSubstr("entry 5 freezes the log, and 2 entries stand behind it"));
  EXPECT_THAT(*Check(LeafEvidence(log, malformed, 2), pins), HasSubstr("entry 5 freezes the log"));
  nothing(malformed, 1);
  nothing(other, 2);
}

Evidence OrderEvidence(TestLog& log, uint64_t earlier, uint64_t later) {
  return {.kind = Evidence::Kind::kOrder,
          .first = log.CheckpointAt(log.size()),
          .index = earlier,
          .second_index = later,
          .leaves = {log.leaves()[earlier], log.leaves()[later]},
          .proof = InclusionProof(earlier, log.size(), log).value(),
          .second_proof = InclusionProof(later, log.size(), log).value()};
}

// Entry 8, one that does not parse, and one that is dated as entry 8.
TestLog DisorderedLog() {
  TestLog log = Branch(9, 9, 1);
  Leaf leaf;
  leaf.kind = EntryKind::kOperator;
  leaf.recorded_at_us = log.NextTime() - 1000;
  log.AddBytes(std::string("\x01\x02", 2), std::nullopt);
  log.AddLeaf(leaf, std::nullopt);
  return log;
}

TEST(EvidenceTest, TimesThatFallAcrossAnEntryThatDoesNotParseAreShown) {
  TestLog log = DisorderedLog();
  const EvidencePins pins = PinsOf(log);
  EXPECT_THAT(*Check(OrderEvidence(log, 8, 10), pins), HasSubstr("entry 10 was recorded at"));
  const auto nothing = [&](const Evidence& evidence, absl::string_view why) {
    const auto shown = Check(evidence, pins);
    EXPECT_THAT(shown, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(shown.status().message(), HasSubstr(std::string(why)));
  };
  nothing(OrderEvidence(log, 7, 10), "keep their order");
  nothing(OrderEvidence(log, 10, 8), "not the later");
  nothing(OrderEvidence(log, 10, 10), "not the later");
  nothing(OrderEvidence(log, 8, 9), "does not parse");
  nothing(OrderEvidence(log, 9, 10), "does not parse");
  Evidence one_leaf = OrderEvidence(log, 8, 10);
  one_leaf.leaves.pop_back();
  EXPECT_THAT(CheckEvidence(one_leaf, pins), StatusIs(absl::StatusCode::kFailedPrecondition));
  Evidence elsewhere = OrderEvidence(log, 8, 10);
  elsewhere.index = 7;
  nothing(elsewhere, "first entry: ");
  elsewhere.index = 8;
  elsewhere.second_index = 9;
  nothing(elsewhere, "second entry: ");
  Evidence made_up = OrderEvidence(log, 8, 10);
  made_up.leaves[1] = made_up.leaves[0];
  nothing(made_up, "second entry: ");
}

// A policy may list several keys of a log: what any of them signed counts.
TEST(EvidenceTest, AHeadMayBeSignedByAnotherOfThePinnedKeys) {
  TestLog::Options options;
  options.key = 2;
  TestLog renewed(options);
  renewed.AddEvents(3);
  TestLog log;
  log.AddEvents(3);
  const Evidence evidence{.kind = Evidence::Kind::kFork,
                          .first = log.CheckpointAt(4),
                          .second = renewed.CheckpointAt(4)};
  EvidencePins pins = PinsOf(log);
  EXPECT_THAT(Check(evidence, pins), StatusIs(absl::StatusCode::kFailedPrecondition));
  pins.other_keys = {renewed.verifier()};
  EXPECT_THAT(*Check(evidence, pins), StartsWith("FORK: "));
}

// One of each kind; all but the rollback, whose witness nobody pins, hold.
std::vector<Evidence> OneOfEach() {
  TestLog log = Branch(9, 9, 1);
  TestLog other = Branch(3, 9, 2);
  Leaf leaf;
  leaf.kind = EntryKind::kOperator;
  leaf.recorded_at_us = log.NextTime() - 1000;
  log.AddLeaf(leaf, std::nullopt);
  TestLog disordered = DisorderedLog();
  return {{.kind = Evidence::Kind::kFork,
           .first = log.CheckpointAt(8),
           .second = other.CheckpointAt(8)},
          HistoryEvidence(log, 7, other, 9),
          ReceiptEvidence(log, 7, other, 9, 5),
          {.kind = Evidence::Kind::kRollback,
           .first = log.CheckpointAt(8),
           .second = log.CheckpointAt(2)},
          LeafEvidence(log, 8, 2),
          OrderEvidence(disordered, 8, 10)};
}

// AUDITLEDGER_WRITE_CORPUS=1 writes them anew.
TEST(EvidenceTest, TheSeedsOfTheFuzzTargetAreOneOfEachKind) {
  for (const Evidence& evidence : OneOfEach()) {
    const std::string path = testing::SourcePath(
        absl::StrCat("tests/fuzz/corpus/evidence/", EvidenceKindName(evidence.kind)));
    const std::string text = FormatEvidence(evidence);
    if (std::getenv("AUDITLEDGER_WRITE_CORPUS") != nullptr) {
      std::filesystem::create_directories(std::filesystem::path(path).parent_path());
      std::ofstream(path, std::ios::binary) << text;
    }
    std::ifstream file(path, std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text) << path;
    EXPECT_EQ(CheckEvidence(evidence, PinsOf(TestLog())).ok(),
              evidence.kind != Evidence::Kind::kRollback);
  }
}

TEST(EvidenceTest, EveryKindParsesStrictly) {
  for (const Evidence& evidence : OneOfEach()) {
    const std::string text = FormatEvidence(evidence);
    SCOPED_TRACE(EvidenceKindName(evidence.kind));
    EXPECT_OK(ParseEvidence(text));
    for (size_t size = 0; size < text.size(); ++size) {
      EXPECT_FALSE(ParseEvidence(text.substr(0, size)).ok()) << size;
    }
    EXPECT_FALSE(ParseEvidence(text + "\n").ok());
    EXPECT_FALSE(ParseEvidence(text + text).ok());
    const std::vector<std::string> lines = absl::StrSplit(text, '\n');
    for (size_t skip = 0; skip + 1 < lines.size(); ++skip) {
      std::string without;
      std::string doubled;
      for (size_t i = 0; i + 1 < lines.size(); ++i) {
        if (i != skip) absl::StrAppend(&without, lines[i], "\n");
        absl::StrAppend(&doubled, lines[i], "\n");
        if (i == skip) absl::StrAppend(&doubled, lines[i], "\n");
      }
      const absl::StatusOr<Evidence> less = ParseEvidence(without);
      // Of two leaves one may go: then it is evidence of one, whose proof is wrong.
      if (evidence.kind != Evidence::Kind::kLeaf || lines[skip].substr(0, 5) != "leaf ") {
        EXPECT_FALSE(less.ok()) << lines[skip];
      }
      EXPECT_FALSE(ParseEvidence(doubled).ok()) << lines[skip];
    }
  }
  EXPECT_THAT(ParseEvidence("auditledger-evidence/v2\nfork\n"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseEvidence("auditledger-evidence/v1\nspoon\n"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EvidenceTest, LimitsAtTheirEdge) {
  TestLog log = Branch(2, 2, 1);
  Evidence evidence = LeafEvidence(log, 0, 1);
  evidence.proof.assign(kMaxEvidenceHashes, LeafHash("x"));
  EXPECT_OK(ParseEvidence(FormatEvidence(evidence)));
  evidence.proof.push_back(LeafHash("x"));
  EXPECT_THAT(ParseEvidence(FormatEvidence(evidence)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseEvidence(std::string(kMaxEvidenceBytes + 1, '\n')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("over 4194304 bytes")));
  EXPECT_THAT(ParseEvidence(std::string(kMaxEvidenceBytes, '\n')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version we know")));
}

}  // namespace
}  // namespace auditledger
