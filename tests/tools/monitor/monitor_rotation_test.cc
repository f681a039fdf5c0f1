// A monitor of a log whose key was rotated, and who holds a key that was stolen.
#include <gmock/gmock.h>

#include <string>

#include "merkle/key_change_list.h"
#include "tests/testing/rotated_log.h"
#include "tests/tools/monitor/log_monitor_fixture.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using testing::CheckpointBy;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MaliciousServer;
using ::testing::Not;
using testing::TestEvent;
using testing::TestLog;

// Entries 0 to 5, the change 1 -> 2 at 6, entries up to 16; and a fork from 4 on.
class RotationMonitorTest : public testing::LogMonitorFixture {
 protected:
  RotationMonitorTest() {
    log_.AddEvents(5);
    log_.AddSystem(EntryKind::kKeyChange, testing::KeyChangeBody(log_.origin(), 1, 2));
    log_.AddEvents(10);
    fork_.AddEvents(3);
    while (fork_.size() < 17) fork_.AddEvent(TestEvent(100 + fork_.size()));
  }
  void TellOfTheChange(MaliciousServer& server) {
    server.Lie("key-changes", FormatKeyChangeList({log_.origin(), 0, {{6, log_.leaves()[6], {}}}}));
  }
  void PinAWitness() {
    witnesses_ = {NoteVerifier::FromEd25519("witness.example", testing::TestPublicKey(7),
                                            kNoteEd25519Cosignature)
                      .value()};
  }
  std::string CosignedBy2(TestLog& log, uint64_t size, uint64_t time) {
    Note note = ParseNote(CheckpointBy(2, log, size)).value();
    note.signatures.push_back(
        MakeCosignature(witnesses_[0], time,
                        testing::TestSignature(7, CosignatureMessage(time, note.text)))
            .value());
    return FormatNote(note);
  }
  TestLog log_;
  TestLog fork_;
};

TEST_F(RotationMonitorTest, FollowsALogWhoseKeyIsRotated) {
  MaliciousServer& server = Serve(log_);
  server.Show(log_, 6);
  ASSERT_OK(Start(log_, {server.url()}));
  EXPECT_THAT(Kinds(Round()), IsEmpty());
  server.Show(log_, 12);
  server.Lie("checkpoint", CheckpointBy(2, log_, 12));
  EXPECT_THAT(Kinds(Round()), ElementsAre("not_this_log")) << "nobody says who that is";
  TellOfTheChange(server);
  const RoundReport report = Round();
  EXPECT_THAT(Kinds(report), IsEmpty());
  EXPECT_EQ(report.size, 12u);
  ASSERT_OK(Start(log_, {server.url()}));
  server.Show(log_, 17);
  server.Lie("key-changes", std::nullopt);
  server.Lie("checkpoint", CheckpointBy(2, log_, 17));
  EXPECT_THAT(Kinds(Round()), IsEmpty()) << "the mirror knows by now";
  server.Lie("checkpoint", log_.CheckpointAt(17));
  EXPECT_THAT(Kinds(Round()), ElementsAre("not_this_log")) << "the retired key";
}

TEST_F(RotationMonitorTest, AForkAcrossTheRotationIsProvenAndTheMonitorGoesOn) {
  MaliciousServer& server = Serve(log_);
  TellOfTheChange(server);
  server.Lie("checkpoint", CheckpointBy(2, log_, 17));
  ASSERT_OK(Start(log_, {server.url()}));
  ASSERT_THAT(Kinds(Round()), IsEmpty());
  for (const uint64_t size : {5, 6, 7}) {  // the old key's own, and the last that may be its
    RoundReport report;
    ASSERT_OK(monitor_->CheckShown("victim", fork_.CheckpointAt(size), report));
    EXPECT_THAT(Kinds(report), ElementsAre("history")) << size;
    EXPECT_EQ(report.findings[0].severity, Severity::kMisbehaviour);
    EXPECT_FALSE(report.findings[0].evidence.empty());
  }
  RoundReport report;
  ASSERT_OK(monitor_->CheckShown("victim", fork_.CheckpointAt(12), report));
  EXPECT_THAT(Kinds(report), ElementsAre("not_this_log")) << "whoever stole the retired key";
  EXPECT_THAT(Kinds(Round()), ElementsAre("evidence_on_hand"));
}

TEST_F(RotationMonitorTest, ACosignedHeadOfANewKeyWhoseEntriesAreWithheldWedgesNothing) {
  PinAWitness();
  MaliciousServer& server = Serve(log_);
  TellOfTheChange(server);
  ASSERT_OK(Start(log_, {server.url()}));
  server.Lie("checkpoint", CosignedBy2(fork_, 12, 1000));
  EXPECT_THAT(Kinds(Round()), Contains("unproven_head"));
  server.Lie("checkpoint", CosignedBy2(log_, 17, 1001));
  const RoundReport report = Round();
  EXPECT_EQ(report.size, 17u);
  EXPECT_THAT(Kinds(report), ElementsAre("history")) << "what was kept is judged by now";
  // And the rollback of a head under the new key is the witness's.
  server.Lie("checkpoint", CosignedBy2(log_, 15, 1002));
  EXPECT_THAT(Kinds(Round()), Contains("rollback"));
}

TEST_F(RotationMonitorTest, ARollbackAcrossTheRotationIsProven) {
  PinAWitness();
  MaliciousServer& server = Serve(log_);
  TellOfTheChange(server);
  ASSERT_OK(Start(log_, {server.url()}));
  server.Lie("checkpoint", CosignedBy2(log_, 17, 1000));
  ASSERT_THAT(Kinds(Round()), IsEmpty());
  server.Lie("checkpoint", testing::Cosigned(log_, 5, witnesses_[0], 1001));
  EXPECT_THAT(Kinds(Round()), ElementsAre("went_back", "rollback"));
}

// Whoever has the key that signs now has it followed by one of his own.
TEST_F(RotationMonitorTest, AThiefsOwnChangeShownElsewhereIsNoHistoryOfThisLog) {
  TestLog stolen = log_;
  stolen.AddSystem(EntryKind::kKeyChange, testing::KeyChangeBody(log_.origin(), 2, 9));
  stolen.AddEvents(5);
  log_.AddEvents(6);
  MaliciousServer& server = Serve(log_);
  TellOfTheChange(server);
  server.Lie("checkpoint", CheckpointBy(2, log_, 23));
  MaliciousServer& thief = Serve(stolen);
  thief.Lie("key-changes",
            FormatKeyChangeList(
                {log_.origin(), 0, {{6, log_.leaves()[6], {}}, {17, stolen.leaves()[17], {}}}}));
  thief.Lie("checkpoint", CheckpointBy(9, stolen, 23));
  ASSERT_OK(Start(log_, {server.url(), thief.url()}));
  EXPECT_THAT(Kinds(Round()), AllOf(Not(IsEmpty()), Each("unproven"))) << "both seen at once";
  EXPECT_THAT(Kinds(Round()), ElementsAre("not_this_log"));
}

TEST_F(RotationMonitorTest, AChangeOfTheKeyThatDoesNotHoldIsAFindingInEveryRound) {
  TestLog bad;
  bad.AddEvents(5);
  bad.AddSystem(EntryKind::kKeyChange, "no body of a change");
  bad.AddEvents(3);
  MaliciousServer& server = Serve(bad);
  ASSERT_OK(Start(bad, {server.url()}));
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(Kinds(Round()), ElementsAre("bad_key_change"));
  }
}

}  // namespace
}  // namespace auditledger
