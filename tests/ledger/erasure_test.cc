// Erasing from a ledger: that content, secret and MACs are nowhere on disk afterwards, that every
// proof stands, that a crash in between is finished, and what is refused.
// Covers: ledger/carry_out, ledger/eraser, ledger/erasures, ledger/new_entry, ledger/reader
// Covers: ledger/request_planner
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/carry_out.h"
#include "ledger/eraser.h"
#include "ledger/erasures.h"
#include "ledger/errors.h"
#include "ledger/identity_record.h"
#include "ledger/recovery.h"
#include "ledger/stream_ranges_file.h"
#include "merkle/verify.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;
using How = Faults::How;

constexpr uint64_t kEvents = 30;  // entries 1 to 30

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

// Files below `folder` in which `needle` stands.
std::vector<std::string> FilesWith(const std::string& folder, absl::string_view needle) {
  std::vector<std::string> out;
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    if (absl::StrContains(ReadAll(file.path()), needle)) out.push_back(file.path().string());
  }
  return out;
}

class ErasureTest : public ::testing::TestWithParam<TestLedger::Store> {
 protected:
  ErasureTest() : t(GetParam()) {
    EXPECT_OK(t.Create());
    for (uint64_t i = 1; i <= kEvents; ++i) {
      EXPECT_OK(t.AppendOne(absl::StrCat("event-", i), "content"));
    }
  }
  bool on_disk() const { return GetParam() == TestLedger::Store::kLevelDb; }
  StoredEntry Read(uint64_t index) { return t.ledger->ReadEntry(index, true).value(); }
  void ExpectErased(uint64_t index, uint64_t by) {
    const StoredEntry entry = Read(index);
    EXPECT_EQ(entry.payload, StoredEntry::Payload::kErased) << index;
    EXPECT_EQ(entry.erased_by, by) << index;
    EXPECT_FALSE(entry.opening.has_value());
  }
  void ExpectAllProofs() {
    const Head head = t.ledger->head()->head;
    for (uint64_t i = 0; i < head.size; ++i) {
      ASSERT_OK_AND_ASSIGN(const auto proof, t.ledger->Inclusion(i, head.size));
      const StoredEntry entry = t.ledger->ReadEntry(i, false).value();
      EXPECT_OK(VerifyInclusion(i, head.size, LeafHash(entry.leaf), proof, head.root)) << i;
    }
  }
  // What is left of an entry in the stores, the ledger being closed.
  void ExpectForgotten(uint64_t index) {
    t.Close();
    const auto engine = t.RawEngine();
    EXPECT_THAT(engine->Read(RecordKind::kPayload, index), StatusIs(absl::StatusCode::kNotFound));
    const auto record = ParseIdentityRecord(engine->Read(RecordKind::kIdentity, index).value());
    EXPECT_EQ(record->event_mac, Mac128{});
    EXPECT_NE(record->identity_mac, Mac128{}) << "the identity outlives the erasure";
    const std::string slots = ReadAll(t.options.paths.seed_dir + "/seeds-0000000000000000");
    EXPECT_EQ(slots.substr(index * 64, 64), "\xff" + std::string(63, '\0'));
  }
  absl::StatusOr<AppendOutcome> Request(const EntryRanges& ranges,
                                        const std::string& who = "spiffe://test/officer") {
    t.principal = who;
    return t.ledger->RequestErasure({ErasureReason::kOther, ranges}, Why());
  }
  absl::StatusOr<AppendOutcome> Approve(uint64_t request,
                                        const std::string& who = "spiffe://test/approver") {
    t.principal = who;
    return t.ledger->Erase(request, Why());
  }
  absl::StatusOr<AppendOutcome> Hold(const LegalHold& hold) {
    return t.ledger->SetLegalHold(hold, Why());
  }
  SealedEvent Why() { return t.Seal(absl::StrCat("why-", fresh_++), "because"); }
  static uint64_t IndexOf(const absl::StatusOr<AppendOutcome>& outcome) {
    EXPECT_OK(outcome);
    return outcome.ok() ? outcome->entries.at(0).index : 0;
  }
  static void ExpectRefused(const absl::Status& status, absl::StatusCode code,
                            absl::string_view reason, absl::string_view what) {
    EXPECT_THAT(status, StatusIs(code, HasSubstr(std::string(what))));
    EXPECT_EQ(ReasonOf(status).reason, reason);
  }

  TestLedger t;
  int fresh_ = 0;
};

TEST_P(ErasureTest, TheContentIsGoneAndEveryProofStands) {
  const std::string leaf = Read(7).leaf;
  ASSERT_OK_AND_ASSIGN(const uint64_t by, t.Erase({{7, 9}, {20, 20}}));
  EXPECT_EQ(by, kEvents + 2);
  for (const uint64_t index : {7, 8, 9, 20}) ExpectErased(index, by);
  EXPECT_EQ(Read(7).leaf, leaf);
  EXPECT_EQ(Read(6).payload, StoredEntry::Payload::kPresent);
  EXPECT_EQ(Read(10).payload, StoredEntry::Payload::kPresent);
  EXPECT_EQ(Read(by).payload, StoredEntry::Payload::kPresent) << "who and why";
  ExpectAllProofs();
  ExpectForgotten(7);
  ExpectForgotten(20);
  ASSERT_OK(t.Open());
  ExpectErased(9, by);
  ExpectAllProofs();
  EXPECT_OK(t.Check());
}

// An entry's outcome opens it: who asked has proof of what was recorded.
TEST_P(ErasureTest, EachStepIsAnEntryWithItsReceipt) {
  t.principal = "spiffe://test/officer";
  SealedEvent why = t.Seal("ask", "because");
  ASSERT_OK_AND_ASSIGN(const AppendOutcome request,
                       t.ledger->RequestErasure({ErasureReason::kOther, {{7, 9}}}, std::move(why)));
  EXPECT_OK(CheckReceipt(*t.ledger, request, 0, MakeEvent("ask", "because")));
  EXPECT_EQ(ParseLeaf(request.entries[0].leaf)->kind, EntryKind::kErasureRequest);
  EXPECT_EQ(Read(7).payload, StoredEntry::Payload::kPresent) << "asked for, not approved";
  t.principal = "spiffe://test/approver";
  SealedEvent approval = t.Seal("approve", "indeed");
  ASSERT_OK_AND_ASSIGN(const AppendOutcome erasure,
                       t.ledger->Erase(request.entries[0].index, std::move(approval)));
  EXPECT_OK(CheckReceipt(*t.ledger, erasure, 0, MakeEvent("approve", "indeed")));
  const Leaf leaf = ParseLeaf(erasure.entries[0].leaf).value();
  EXPECT_EQ(leaf.kind, EntryKind::kErasure);
  EXPECT_EQ(*ParseErasure(leaf.body),
            (Erasure{{ErasureReason::kOther, {{7, 9}}}, request.entries[0].index}));
}

TEST_P(ErasureTest, ARepeatOfAnErasedEventIsToldByWhichEntry) {
  ASSERT_OK_AND_ASSIGN(const uint64_t by, t.Erase({{7, 7}}));
  for (const char* content : {"content", "another"}) {
    const absl::Status refused = t.AppendOne("event-7", content).status();
    ExpectRefused(refused, absl::StatusCode::kFailedPrecondition, kReasonEventErased,
                  absl::StrCat("entry 7 and was erased by entry ", by));
    EXPECT_EQ(ReasonOf(refused).metadata.at("erased_by"), absl::StrCat(by));
  }
  ASSERT_OK(t.Open());
  EXPECT_THAT(t.AppendOne("event-7", "content").status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("erased by entry")));
  EXPECT_OK(t.AppendOne("event-8", "content").status());
}

TEST_P(ErasureTest, NothingOfTheErasedIsInAnyFile) {
  if (!on_disk()) return;
  t.Close();
  std::vector<std::string> gone;
  {
    const auto engine = t.RawEngine();
    const std::string slots = ReadAll(t.options.paths.seed_dir + "/seeds-0000000000000000");
    for (const uint64_t index : {7, 20}) {
      // What snappy leaves alone: ciphertext and MACs.
      gone.push_back(engine->Read(RecordKind::kPayload, index)->substr(14, 32));
      gone.push_back(engine->Read(RecordKind::kIdentity, index)->substr(17, 16));
      gone.push_back(slots.substr(index * 64 + 4, 60));
    }
  }
  ASSERT_OK(t.Open());
  for (const std::string& bytes : gone) EXPECT_FALSE(FilesWith(t.folder(), bytes).empty());
  ASSERT_OK(t.Erase({{7, 7}, {20, 20}}));
  for (const std::string& bytes : gone) {
    EXPECT_EQ(FilesWith(t.folder(), bytes), std::vector<std::string>{}) << "while it serves";
  }
  t.Close();
  for (const std::string& bytes : gone) {
    EXPECT_EQ(FilesWith(t.folder(), bytes), std::vector<std::string>{});
  }
}

TEST_P(ErasureTest, WhatCannotBeErasedIsRefusedAndNothingIsRecorded) {
  const uint64_t size = t.ledger->head()->head.size;
  ExpectRefused(Request({{7, size}}).status(), absl::StatusCode::kOutOfRange,
                kReasonIndexBeyondSize, "entry 31 of a log of size 31");
  ExpectRefused(Request({{0, 3}}).status(), absl::StatusCode::kInvalidArgument, kReasonNotErasable,
                "entry 0 is the ledger's own (genesis)");
  EXPECT_THAT(Request({}).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  ExpectRefused(Approve(7).status(), absl::StatusCode::kNotFound, kReasonNoSuchRequest,
                "entry 7 is no request");
  EXPECT_EQ(t.ledger->head()->head.size, size);
  ASSERT_OK_AND_ASSIGN(const uint64_t by, t.Erase({{7, 9}}));
  ExpectRefused(Request({{3, 8}}).status(), absl::StatusCode::kFailedPrecondition,
                kReasonEventErased, absl::StrCat("entry 7 was erased by entry ", by));
  ExpectRefused(Request({{by, by}}).status(), absl::StatusCode::kInvalidArgument,
                kReasonNotErasable, "the ledger's own (erasure)");
}

TEST_P(ErasureTest, ARequestIsApprovedOnceByAnotherPrincipal) {
  const uint64_t request = IndexOf(Request({{7, 7}}));
  ExpectRefused(Approve(request, "spiffe://test/officer").status(),
                absl::StatusCode::kFailedPrecondition, kReasonSecondPersonNeeded,
                "by another principal");
  EXPECT_EQ(Read(7).payload, StoredEntry::Payload::kPresent);
  const uint64_t by = IndexOf(Approve(request));
  ExpectErased(7, by);
  ExpectRefused(Approve(request).status(), absl::StatusCode::kFailedPrecondition,
                kReasonRequestDone, absl::StrCat("carried out by entry ", by));
}

TEST_P(ErasureTest, OnePersonSufficesWhereItIsConfigured) {
  t.options.erasure.one_person = true;
  ASSERT_OK(t.Open());
  const uint64_t request = IndexOf(Request({{7, 7}}));
  ExpectErased(7, IndexOf(Approve(request, "spiffe://test/officer")));
}

TEST_P(ErasureTest, ARequestExpires) {
  t.options.erasure.request_lifetime_us = 1'000'000;
  ASSERT_OK(t.Open());
  const uint64_t in_time = IndexOf(Request({{7, 7}}));
  const uint64_t late = IndexOf(Request({{8, 8}}));
  t.clock.Pass(900'000);
  ExpectErased(7, IndexOf(Approve(in_time)));
  t.clock.Pass(200'000);
  ExpectRefused(Approve(late).status(), absl::StatusCode::kFailedPrecondition,
                kReasonRequestExpired, "has expired");
  EXPECT_EQ(Read(8).payload, StoredEntry::Payload::kPresent);
}

TEST_P(ErasureTest, TwoRequestsForOneEntryAreApprovedOnce) {
  const uint64_t first = IndexOf(Request({{7, 7}}));
  const uint64_t second = IndexOf(Request({{7, 8}}));
  const uint64_t by = IndexOf(Approve(first));
  ExpectRefused(Approve(second).status(), absl::StatusCode::kFailedPrecondition, kReasonEventErased,
                absl::StrCat("entry 7 was erased by entry ", by));
  EXPECT_EQ(Read(8).payload, StoredEntry::Payload::kPresent);
}

TEST_P(ErasureTest, ALegalHoldStandsInTheWayUntilItIsLifted) {
  const uint64_t request = IndexOf(Request({{7, 9}}));
  LegalHold hold;
  hold.ranges = {{9, 12}};
  const uint64_t placed = IndexOf(Hold(hold));
  const std::string names = absl::StrCat("the legal hold of entry ", placed);
  ExpectRefused(Approve(request).status(), absl::StatusCode::kFailedPrecondition, kReasonLegalHold,
                names);
  ASSERT_OK(t.Open());
  ExpectRefused(Request({{12, 12}}).status(), absl::StatusCode::kFailedPrecondition,
                kReasonLegalHold, names);
  EXPECT_OK(Request({{13, 13}}).status());
  ExpectRefused(Hold({true, {}, request}).status(), absl::StatusCode::kNotFound, kReasonNoSuchHold,
                "placed no legal hold");
  EXPECT_OK(Hold({true, {}, placed}).status());
  ExpectRefused(Hold({true, {}, placed}).status(), absl::StatusCode::kNotFound, kReasonNoSuchHold,
                "or it was lifted");
  ExpectErased(9, IndexOf(Approve(request)));
  hold.ranges = {{1, 10'000}};
  ExpectRefused(Hold(hold).status(), absl::StatusCode::kOutOfRange, kReasonIndexBeyondSize,
                "entry 10000");
}

TEST_P(ErasureTest, AHoldOnTheWholeLogHoldsWhatComesLaterToo) {
  IndexOf(Hold({}));
  ASSERT_OK_AND_ASSIGN(const AppendOutcome later, t.AppendOne("later", "content"));
  const uint64_t index = later.entries[0].index;
  EXPECT_EQ(ReasonOf(Request({{index, index}}).status()).reason, kReasonLegalHold);
}

TEST_P(ErasureTest, ErasuresAreBounded) {
  t.options.erasure.max_entries = 3;
  ASSERT_OK(t.Open());
  EXPECT_OK(Request({{7, 9}}).status());
  ExpectRefused(Request({{7, 10}}).status(), absl::StatusCode::kResourceExhausted,
                kReasonErasureTooLarge, "4 entries in one erasure, at most 3");
}

TEST_P(ErasureTest, AnEventOfAKnownIdIsNotPutBehindAnotherEntry) {
  ExpectRefused(t.ledger->SetLegalHold({}, t.Seal("event-7", "content")).status(),
                absl::StatusCode::kAlreadyExists, kReasonEventIdConflict, "behind entry 7");
}

// Evidence of a conflict may hold a person's data as any event does.
TEST_P(ErasureTest, ErasedEvidenceOfAConflictIsNotCollectedAnew) {
  const absl::Status refused = t.AppendOne("event-7", "contradiction").status();
  ASSERT_EQ(ReasonOf(refused).reason, kReasonEventIdConflict);
  const uint64_t evidence = kEvents + 1;
  ASSERT_EQ(ParseLeaf(Read(evidence).leaf)->kind, EntryKind::kConflict);
  ASSERT_OK(t.Erase({{evidence, evidence}}));
  const uint64_t size = t.ledger->head()->head.size;
  EXPECT_THAT(t.AppendOne("event-7", "contradiction").status(),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("evidence was erased")));
  EXPECT_EQ(t.ledger->head()->head.size, size);
  EXPECT_OK(t.AppendOne("event-7", "content").status()) << "the event itself is a repeat";
}

TEST_P(ErasureTest, WhatACrashLeavesTheNextStartFinishes) {
  struct Step {
    std::atomic<How> Faults::*part;
    How how;
  };
  const Step steps[] = {{&Faults::seed_erase, How::kErrorAndAbsent},
                        {&Faults::seed_erase, How::kErrorButPresent},
                        {&Faults::forget, How::kErrorAndAbsent},
                        {&Faults::forget, How::kErrorButPresent}};
  uint64_t index = 7;
  for (const Step& step : steps) {
    SCOPED_TRACE(index);
    const uint64_t request = IndexOf(Request({{index, index}}));
    (*t.faults).*step.part = step.how;
    const absl::Status failed = Approve(request).status();
    ExpectRefused(failed, absl::StatusCode::kUnavailable, kReasonStorageFailed,
                  absl::StrCat("entry ", request + 1, " says what is erased"));
    ExpectErased(index, request + 1);  // nothing of it is shown any more
    EXPECT_EQ(ReasonOf(t.AppendOne("more", "x").status()).reason, kReasonStorageFailed)
        << "nothing goes on as if nothing had happened";
    t.Heal();
    ASSERT_OK(t.Open());
    ExpectErased(index, request + 1);
    ExpectForgotten(index);
    ASSERT_OK(t.Open());
    ++index;
  }
}

TEST_P(ErasureTest, AFailedSyncOfTheKeyStoreEndsTheProcess) {
  const uint64_t request = IndexOf(Request({{7, 7}}));
  t.faults->forget = How::kErrorButPresent;
  t.faults->sync_failed = true;
  EXPECT_FALSE(Approve(request).ok());
  EXPECT_EQ(t.sync_failures, 1);
}

TEST_P(ErasureTest, AFrozenLogsErasuresAreFinishedAllTheSame) {
  const uint64_t request = IndexOf(Request({{7, 7}}));
  t.faults->seed_erase = How::kErrorAndAbsent;
  EXPECT_FALSE(Approve(request).ok());
  t.Heal();
  // The start would finish it: so it is frozen by one that fails to.
  t.faults->seed_erase = How::kErrorAndAbsent;
  EXPECT_FALSE(t.Open().ok());
  t.Heal();
  ASSERT_OK(t.Open());
  ASSERT_OK(t.ledger->FreezeLog({}));
  t.Close();
  fs::remove(ErasuresPath(t.options.paths.data_dir));  // all are to be carried out again
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->status().state, LedgerState::kFrozen);
  EXPECT_TRUE(fs::exists(ErasuresPath(t.options.paths.data_dir)));
  ExpectErased(7, request + 1);
  EXPECT_EQ(ReasonOf(Request({{8, 8}}).status()).reason, kReasonLedgerFrozen);
}

TEST_P(ErasureTest, NothingIsDestroyedBeforeTheWitnessesConfirm) {
  const uint64_t request = IndexOf(Request({{7, 7}}));
  t.faults->seed_erase = How::kErrorAndAbsent;
  EXPECT_FALSE(Approve(request).ok());
  t.Heal();
  t.options.hold_until_confirmed = true;
  ASSERT_OK(t.Open());
  ExpectErased(7, request + 1);
  const std::string slots = t.options.paths.seed_dir + "/seeds-0000000000000000";
  EXPECT_EQ(ReadAll(slots)[7 * 64], 1) << "a slot with a secret";
  ASSERT_OK(t.ledger->Confirm(std::nullopt));
  EXPECT_EQ(ReadAll(slots)[7 * 64], '\xff');
}

// Whatever becomes of the file that spares the start reading all leaves.
TEST_P(ErasureTest, TheStartKnowsAllErasuresWithAndWithoutItsFile) {
  ASSERT_OK_AND_ASSIGN(const uint64_t first, t.Erase({{7, 7}}));
  const std::string path = ErasuresPath(t.options.paths.data_dir);
  const std::string older = ReadAll(path);
  ASSERT_OK_AND_ASSIGN(const uint64_t second, t.Erase({{8, 8}}));
  LegalHold hold;
  hold.ranges = {{9, 9}};
  IndexOf(Hold(hold));
  const std::string newer = ReadAll(path);
  std::string damaged = newer;
  damaged[5] ^= 1;
  for (const std::string& bytes :
       {newer, older, damaged, std::string(), std::string("short"), newer + "x"}) {
    SCOPED_TRACE(bytes.size());
    t.Close();
    std::ofstream(path, std::ios::binary) << bytes;
    ASSERT_OK(t.Open());
    ExpectErased(7, first);
    ExpectErased(8, second);
    EXPECT_EQ(ReasonOf(Request({{9, 9}}).status()).reason, kReasonLegalHold);
  }
  t.Close();
  EXPECT_OK(RemoveErasuresFile(t.options.paths.data_dir));
  EXPECT_OK(RemoveErasuresFile(t.options.paths.data_dir)) << "there is none";
  ASSERT_OK(t.Open());
  ExpectErased(8, second);
  ExpectForgotten(7);
}

// The old copy of a secret does not outlive the start after it came back.
TEST_P(ErasureTest, ASecretThatCameBackIsDestroyedWhereTheFileIsGone) {
  const std::string path = t.options.paths.seed_dir + "/seeds-0000000000000000";
  const std::string before = ReadAll(path);
  ASSERT_OK_AND_ASSIGN(const uint64_t by, t.Erase({{7, 7}}));
  t.Close();
  std::string slots = ReadAll(path);
  slots.replace(7 * 64, 64, before, 7 * 64, 64);
  std::ofstream(path, std::ios::binary) << slots;
  ASSERT_OK(t.Open());
  ExpectErased(7, by);
  t.Close();
  ASSERT_OK(RemoveErasuresFile(t.options.paths.data_dir));
  ASSERT_OK(t.Open());
  ExpectForgotten(7);
}

TEST_P(ErasureTest, TheFileIsWrittenAsTheLogGrows) {
  t.options.limits.identity_run_entries = 16;
  ASSERT_OK(t.Open());
  const std::string path = ErasuresPath(t.options.paths.data_dir);
  fs::remove(path);
  for (int i = 0; i < 64; ++i) ASSERT_OK(t.AppendOne(absl::StrCat("more-", i), "x").status());
  t.ledger->Drain();
  EXPECT_TRUE(fs::exists(path));
}

INSTANTIATE_TEST_SUITE_P(Stores, ErasureTest,
                         ::testing::Values(TestLedger::Store::kMemory, TestLedger::Store::kLevelDb),
                         [](const auto& store) {
                           return store.param == TestLedger::Store::kMemory ? "Memory" : "LevelDb";
                         });

}  // namespace
}  // namespace auditledger::testing
