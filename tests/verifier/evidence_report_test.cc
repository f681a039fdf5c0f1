#include "verifier/evidence_report.h"

#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/cosignature.h"
#include "merkle/proof.h"
#include "nlohmann/json.hpp"
#include "tests/testing/rotated_log.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TestEvent;
using testing::TestLog;

constexpr uint64_t kForkAt = 5;
constexpr uint64_t kSize = 20;

// A log, the history that its key signed beside it, and three witnesses.
class EvidenceReportTest : public ::testing::Test {
 protected:
  EvidenceReportTest() {
    log_.AddEvents(kSize - 1);
    other_.AddEvents(kForkAt - 1);
    other_.AddEvent(TestEvent(999));
    other_.AddEvents(kSize - kForkAt - 1);
    std::string policy;
    for (uint8_t w = 1; w <= 3; ++w) {
      keys_.push_back(*NoteVerifier::FromEd25519(absl::StrCat("witness.test/", w),
                                                 testing::TestPublicKey(100 + w),
                                                 kNoteEd25519Cosignature));
      absl::StrAppend(&policy, "witness w", w, " ", keys_.back().ToVkey(), "\n");
    }
    absl::StrAppend(&policy, "group all 3 w1 w2 w3\nquorum all\n");
    EXPECT_OK(AddPolicy(*Policy::Parse(policy), false, with_policy_));
  }
  std::string Cosigned(const std::string& note, std::vector<uint8_t> witnesses,
                       uint64_t time = 1'700'000'000) {
    Note parsed = *ParseNote(note);
    for (const uint8_t w : witnesses) {
      parsed.signatures.push_back(
          *MakeCosignature(keys_[w - 1], time,
                           testing::TestSignature(100 + w, CosignatureMessage(time, parsed.text))));
    }
    return FormatNote(parsed);
  }
  Evidence Fork(std::vector<uint8_t> first = {}, std::vector<uint8_t> second = {}) {
    return {.kind = Evidence::Kind::kFork,
            .first = Cosigned(log_.CheckpointAt(10), std::move(first)),
            .second = Cosigned(other_.CheckpointAt(10), std::move(second))};
  }
  Evidence History() {
    return {.kind = Evidence::Kind::kHistory,
            .first = log_.CheckpointAt(10),
            .second = other_.CheckpointAt(kSize),
            .prefix = other_.RootAt(10),
            .proof = ConsistencyProof(10, kSize, other_).value()};
  }
  Evidence Receipt() {
    return {.kind = Evidence::Kind::kReceipt,
            .first = log_.CheckpointAt(10),
            .second = other_.CheckpointAt(kSize),
            .index = kForkAt,
            .first_hash = LeafHash(log_.leaves()[kForkAt]),
            .second_hash = LeafHash(other_.leaves()[kForkAt]),
            .proof = InclusionProof(kForkAt, 10, log_).value(),
            .second_proof = InclusionProof(kForkAt, kSize, other_).value()};
  }
  EvidenceReport Judge(const Evidence& evidence, const Pin& pin) {
    return JudgeEvidence(FormatEvidence(evidence), pin);
  }

  TestLog log_;
  TestLog other_;
  std::vector<NoteVerifier> keys_;
  Pin pin_{log_.origin(), log_.verifier()};
  Pin with_policy_ = pin_;
};

TEST_F(EvidenceReportTest, SaysWhoMisbehavedByWhichStatementsAndWhy) {
  for (const Evidence& evidence : {Fork(), History(), Receipt()}) {
    const EvidenceReport report = Judge(evidence, pin_);
    SCOPED_TRACE(EvidenceText(report));
    EXPECT_EQ(report.verdict.ExitCode(), 1);
    EXPECT_EQ(report.kind, EvidenceKindName(evidence.kind));
    EXPECT_THAT(report.accused,
                ElementsAre(AllOf(Field(&EvidenceReport::Accused::role, "log"),
                                  Field(&EvidenceReport::Accused::name, log_.origin()))));
    ASSERT_EQ(report.statements.size(), 2u);
    EXPECT_EQ(report.statements[0].root, log_.RootAt(10).ToHex());
    EXPECT_EQ(report.statements[0].note, evidence.first);
    EXPECT_EQ(report.statements[1].note, evidence.second);
    EXPECT_THAT(report.statements,
                Each(Field(&EvidenceReport::Statement::key_id, log_.verifier().key_id())));
    EXPECT_THAT(report.explained, Not(IsEmpty()));
    EXPECT_THAT(report.verdict.not_proven,
                ::testing::Contains(HasSubstr("which of the two histories")));
    EXPECT_THAT(EvidenceText(report),
                AllOf(HasSubstr("MISBEHAVIOUR PROVEN: "), HasSubstr("(verdict: refused)"),
                      HasSubstr("its operator unless the key was stolen")));
  }
}

TEST_F(EvidenceReportTest, WitnessesThatCosignedBothHistoriesAreConvictedToo) {
  EXPECT_THAT(Judge(Fork({1, 2}, {3}), with_policy_).accused,
              ElementsAre(Field(&EvidenceReport::Accused::role, "log")));
  const EvidenceReport report = Judge(Fork({1, 2}, {2, 3}), with_policy_);
  EXPECT_THAT(report.accused, ElementsAre(Field(&EvidenceReport::Accused::role, "log"),
                                          Field(&EvidenceReport::Accused::name, "w2")));
  ASSERT_EQ(report.statements[0].by.size(), 2u);
  EXPECT_EQ(report.statements[0].by[0].time, "2023-11-14T22:13:20.000000Z");
  EXPECT_THAT(Judge(Fork({1, 2}, {2, 3}), pin_).accused,
              ElementsAre(Field(&EvidenceReport::Accused::role, "log")))
      << "nobody named the witnesses";
}

// A witness's line that does not verify is nobody's word; the log's two signatures still are.
TEST_F(EvidenceReportTest, AWrongLineOfAWitnessSavesNobody) {
  Evidence fork = Fork({1}, {1});
  Note wrong = *ParseNote(fork.first);
  wrong.signatures.back() = ParseNote(fork.second)->signatures.back();
  fork.first = FormatNote(wrong);
  const EvidenceReport report = Judge(fork, with_policy_);
  EXPECT_EQ(report.verdict.ExitCode(), 1);
  EXPECT_THAT(report.accused, ElementsAre(Field(&EvidenceReport::Accused::role, "log")));
  EXPECT_THAT(report.statements[0].by, IsEmpty());
  EXPECT_EQ(report.statements[1].by.size(), 1u);
}

TEST_F(EvidenceReportTest, ARollbackConvictsTheWitnessAndNotTheLog) {
  const Evidence rollback{.kind = Evidence::Kind::kRollback,
                          .first = Cosigned(log_.CheckpointAt(12), {1, 2}, 1000),
                          .second = Cosigned(log_.CheckpointAt(9), {2, 3}, 1001)};
  const EvidenceReport report = Judge(rollback, with_policy_);
  EXPECT_EQ(report.verdict.ExitCode(), 1) << EvidenceText(report);
  EXPECT_THAT(report.accused, ElementsAre(AllOf(Field(&EvidenceReport::Accused::role, "witness"),
                                                Field(&EvidenceReport::Accused::name, "w2"))));
  EXPECT_THAT(report.verdict.not_proven, Each(Not(HasSubstr("which of the two histories"))));
  EXPECT_THAT(report.verdict.not_proven, Each(Not(HasSubstr("who used the log's key"))));
  Evidence forwards = rollback;
  std::swap(forwards.first, forwards.second);
  EXPECT_THAT(Judge(forwards, with_policy_).verdict.reasons, Each(Not(HasSubstr("--policy"))));
  const EvidenceReport unknown = Judge(rollback, pin_);
  EXPECT_EQ(unknown.verdict.ExitCode(), 2);
  EXPECT_THAT(unknown.verdict.reasons, ::testing::Contains(HasSubstr("give --policy")));
}

TEST_F(EvidenceReportTest, EntriesThatBreakTheRulesConvictTheLog) {
  Leaf leaf;
  leaf.kind = EntryKind::kOperator;
  leaf.recorded_at_us = log_.NextTime() - 1000;
  log_.AddBytes(std::string("\x01\x02", 2), std::nullopt);
  log_.AddLeaf(leaf, std::nullopt);
  const uint64_t size = log_.size();
  const Evidence broken{.kind = Evidence::Kind::kLeaf,
                        .first = log_.CheckpointAt(size),
                        .index = kSize,
                        .leaves = {log_.leaves()[kSize]},
                        .proof = RangeProof({kSize, kSize + 1}, size, log_).value()};
  const Evidence order{.kind = Evidence::Kind::kOrder,
                       .first = log_.CheckpointAt(size),
                       .index = kSize - 1,
                       .second_index = kSize + 1,
                       .leaves = {log_.leaves()[kSize - 1], log_.leaves()[kSize + 1]},
                       .proof = InclusionProof(kSize - 1, size, log_).value(),
                       .second_proof = InclusionProof(kSize + 1, size, log_).value()};
  for (const Evidence& evidence : {broken, order}) {
    const EvidenceReport report = Judge(evidence, pin_);
    EXPECT_EQ(report.verdict.ExitCode(), 1) << EvidenceText(report);
    EXPECT_EQ(report.statements.size(), 1u);
    EXPECT_THAT(report.verdict.not_proven, Each(Not(HasSubstr("which of the two histories"))));
    EXPECT_THAT(report.accused, ElementsAre(Field(&EvidenceReport::Accused::role, "log")));
  }
}

// Whatever a liar writes, the answer is "cannot tell", with the reason, and nobody is accused.
TEST_F(EvidenceReportTest, HostileFilesAccuseNobody) {
  const auto nothing = [&](const std::string& text, absl::string_view why) {
    const EvidenceReport report = JudgeEvidence(text, with_policy_);
    EXPECT_EQ(report.verdict.ExitCode(), 2) << text;
    EXPECT_THAT(report.verdict.reasons, ::testing::Contains(HasSubstr(std::string(why))));
    EXPECT_THAT(report.accused, IsEmpty());
    EXPECT_THAT(EvidenceText(report), Not(HasSubstr("MISBEHAVIOUR")));
    EXPECT_TRUE(nlohmann::json::parse(EvidenceJson(report))["misbehaviour"].is_null());
  };
  nothing("", "evidence");
  nothing(std::string("\0\xff\n", 3), "evidence");
  nothing("auditledger-evidence/v1\nspoon\n", "of a kind that this version does not know");
  nothing(std::string(kMaxEvidenceBytes + 1, 'a'), "over 4194304 bytes");
  nothing(log_.CheckpointAt(10), "not an evidence file");
  Evidence agree = Fork();
  agree.second = agree.first;
  nothing(FormatEvidence(agree), "the heads agree");
  TestLog::Options options;
  options.key = 9;
  TestLog stranger(options);
  stranger.AddEvents(kSize);
  Evidence forged = Fork();
  forged.second = stranger.CheckpointAt(10);
  nothing(FormatEvidence(forged), "the second head is not the pinned log's");
  Evidence history = History();
  history.proof[0] = LeafHash("made up");
  nothing(FormatEvidence(history), "shows nothing");
  // Every byte changed: parsed or not, it never convicts unless the heads still stand as signed.
  const std::string good = FormatEvidence(History());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x01);
    EXPECT_EQ(JudgeEvidence(bad, pin_).verdict.ExitCode(), 2) << i;
  }
}

// The change 1 -> 2 at entry 6 of the true log; a fork that begins before it.
TEST_F(EvidenceReportTest, AKeyConvictsWithinItsLifeAlone) {
  TestLog log;
  log.AddEvents(5);
  log.AddSystem(EntryKind::kKeyChange, testing::KeyChangeBody(log.origin(), 1, 2));
  log.AddEvents(10);
  TestLog fork;
  fork.AddEvents(3);
  while (fork.size() < 17) fork.AddEvent(testing::TestEvent(100 + fork.size()));
  EvidenceKeys remembered;
  remembered.remembered = {{6, log.leaves()[6], {}}};
  EvidenceKeys given;
  given.given =
      KeyChangeList{log.origin(), 12, {{6, log.leaves()[6], InclusionProof(6, 12, log).value()}}};

  // Whoever stole the retired key signs beside the true head.
  const Evidence stolen{.kind = Evidence::Kind::kFork,
                        .first = testing::CheckpointBy(2, log, 12),
                        .second = fork.CheckpointAt(12)};
  Pin both = pin_;
  both.other_keys.push_back(
      NoteVerifier::FromEd25519(log.origin(), testing::TestPublicKey(2)).value());
  const EvidenceReport blind = Judge(stolen, both);
  EXPECT_EQ(blind.verdict.ExitCode(), 1);
  EXPECT_THAT(blind.verdict.not_proven,
              ::testing::Contains(HasSubstr("that the key was the log's at these sizes")));
  for (const EvidenceKeys& keys : {remembered, given}) {
    for (const Pin& pin : {pin_, both}) {
      const EvidenceReport report = JudgeEvidence(FormatEvidence(stolen), pin, keys);
      EXPECT_EQ(report.verdict.ExitCode(), 2) << EvidenceText(report);
      EXPECT_THAT(report.verdict.reasons, ::testing::Contains(HasSubstr("whoever stole it")));
      EXPECT_THAT(report.accused, IsEmpty());
    }
  }

  // Across the rotation each signed its own part: the log has two histories.
  const Evidence across{.kind = Evidence::Kind::kHistory,
                        .first = fork.CheckpointAt(6),
                        .second = testing::CheckpointBy(2, log, 12),
                        .prefix = log.RootAt(6),
                        .proof = ConsistencyProof(6, 12, log).value()};
  EXPECT_EQ(Judge(across, pin_).verdict.ExitCode(), 2) << "nobody says who that is";
  const EvidenceReport report = JudgeEvidence(FormatEvidence(across), pin_, remembered);
  EXPECT_EQ(report.verdict.ExitCode(), 1) << EvidenceText(report);
  ASSERT_EQ(report.statements.size(), 2u);
  EXPECT_EQ(report.statements[0].key_id, pin_.key.key_id());
  EXPECT_EQ(report.statements[1].key_id, both.other_keys[0].key_id());
  EXPECT_THAT(JudgeEvidence(FormatEvidence(across), pin_, given).verdict.not_proven,
              ::testing::Contains(HasSubstr("1 changes of the log's key stand in the log")));
  given.given = KeyChangeList{log.origin(), 0, remembered.remembered};  // as a mirror has them
  EXPECT_EQ(JudgeEvidence(FormatEvidence(across), pin_, given).verdict.ExitCode(), 1);
  given.given->origin = "ledger.test/other";
  EXPECT_EQ(JudgeEvidence(FormatEvidence(across), pin_, given).verdict.ExitCode(), 2);
}

TEST_F(EvidenceReportTest, TheJsonHasTheStatementsVerbatim) {
  const EvidenceReport report = Judge(Fork({1}, {1}), with_policy_);
  const nlohmann::json json = nlohmann::json::parse(EvidenceJson(report));
  EXPECT_EQ(json["verdict"], "refused");
  EXPECT_EQ(json["exit_code"], 1);
  EXPECT_EQ(json["subject"], "evidence");
  const nlohmann::json& found = json["misbehaviour"];
  EXPECT_EQ(found["kind"], "fork");
  EXPECT_EQ(found["accused"].size(), 2u);
  EXPECT_EQ(found["accused"][1]["name"], "w1");
  EXPECT_EQ(found["statements"][0]["note"], report.statements[0].note);
  EXPECT_EQ(found["statements"][0]["cosigned_by"][0]["name"], "w1");
  EXPECT_FALSE(found["explained"].empty());
}

}  // namespace
}  // namespace auditledger
