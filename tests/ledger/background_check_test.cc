// What the slow re-reading of a serving ledger notices, and what it leaves alone.
#include "ledger/background_check.h"

#include <chrono>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ledger/memory_engine.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;

class BackgroundCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(t.Create());
    Grow(700);
    keys.emplace(LoadKeyFiles(t.options.paths.key_dir, t.options.origin).value());
    wrapping = NewFileKeyProvider(*keys);
    seeds =
        SeedStore::Open(t.options.paths.seed_dir, t.options.origin, *wrapping, t.random).value();
    engine = t.RawEngine();
  }
  void Grow(uint64_t count) {
    std::vector<SealedEvent> events;
    for (; count > 0; --count) events.push_back(t.Seal(absl::StrCat("e", grown_++), "x"));
    ASSERT_OK(t.Append(std::move(events)).status());
  }
  BackgroundCheckParts Parts() {
    BackgroundCheckParts parts;
    parts.origin = t.options.origin;
    parts.keys = &*keys;
    parts.engine = engine.get();
    parts.seeds = seeds.get();
    parts.max_conflicts = 16;
    parts.signed_head = [this] { return t.ledger->head()->head; };
    parts.verify_indexes = [this] { return indexes; };
    return parts;
  }
  static void Round(BackgroundCheck& check) {
    while (check.Step() > 0) continue;
  }
  // Replaces a record below the ledger's feet.
  void SetLeaf(uint64_t index, const std::string& bytes) { Set(RecordKind::kLeaf, index, bytes); }
  void Set(RecordKind kind, uint64_t index, const std::string& bytes) {
    const Head head = engine->LoadHead()->value();
    CommitBatch batch;
    batch.records = {{kind, index, bytes}};
    batch.head = head;
    ASSERT_OK(engine->Commit(head, batch));
  }

  TestLedger t;  // in memory: what the engine has can be changed while it serves
  std::optional<LedgerKeys> keys;
  std::unique_ptr<KeyProvider> wrapping;
  std::unique_ptr<SeedStore> seeds;
  std::unique_ptr<Engine> engine;
  absl::Status indexes;
  uint64_t grown_ = 0;
};

TEST_F(BackgroundCheckTest, FindsNothingInAWholeLedgerThatGrows) {
  BackgroundCheck check(Parts());
  EXPECT_EQ(check.Step(), 256u);
  Grow(300);  // the partial tile of the round's end is full meanwhile
  EXPECT_EQ(check.Step(), 256u);
  EXPECT_EQ(check.Step(), 189u);  // 701 entries as of its beginning
  EXPECT_EQ(check.Step(), 0u);
  EXPECT_EQ(check.state().rounds, 1u);
  EXPECT_EQ(check.state().checked_entries, 701u);
  Round(check);
  EXPECT_EQ(check.state().rounds, 2u);
  EXPECT_EQ(check.state().checked_entries, 701u + 1001u);
  EXPECT_EQ(check.state().findings, 0u) << check.state().first_finding;
}

TEST_F(BackgroundCheckTest, NamesADamagedEntryUntilItIsMended) {
  const std::string good = engine->Read(RecordKind::kLeaf, 300).value();
  std::string bad = good;
  bad[12] = static_cast<char>(bad[12] ^ 1);
  SetLeaf(300, bad);
  BackgroundCheck check(Parts());
  EXPECT_EQ(check.Step(), 256u);
  EXPECT_EQ(check.state().findings, 0u);
  EXPECT_EQ(check.Step(), 256u);  // reported at once, not at the round's end
  EXPECT_GE(check.state().findings, 1u);
  EXPECT_THAT(check.state().first_finding, HasSubstr("entry 300"));
  Round(check);
  const uint64_t found = check.state().findings;
  EXPECT_GE(found, 1u);
  EXPECT_EQ(check.Step(), 256u);  // a new round has not found it yet: it stands
  EXPECT_EQ(check.state().findings, found);
  SetLeaf(300, good);
  Round(check);
  EXPECT_EQ(check.state().findings, 0u);
  EXPECT_EQ(check.state().first_finding, "");
}

TEST_F(BackgroundCheckTest, NamesASecretThatWasDestroyedWithoutAnErasureEntry) {
  ASSERT_OK(seeds->Erase(9));
  BackgroundCheck check(Parts());
  Round(check);
  EXPECT_EQ(check.state().findings, 1u);
  EXPECT_THAT(check.state().first_finding, HasSubstr("entry 9: its secret was destroyed"));
}

// Streams that come while a round is under way are those of entries behind its head.
TEST_F(BackgroundCheckTest, NamesAnEntryOfAnotherStreamThanItsEvents) {
  ASSERT_OK(t.AppendOne("numbered", "x", 1, "s1"));
  ASSERT_OK(t.AppendOne("other", "x", 1, "s2"));
  BackgroundCheck check(Parts());
  ASSERT_EQ(check.Step(), 256u);
  ASSERT_OK(t.AppendOne("third", "x", 1, "s3"));
  Round(check);
  Round(check);
  EXPECT_EQ(check.state().findings, 0u) << check.state().first_finding;
  Set(RecordKind::kIdentity, 702, [&] {
    IdentityRecord record =
        ParseIdentityRecord(engine->Read(RecordKind::kIdentity, 702).value()).value();
    record.stream_number = 0;
    return EncodeIdentityRecord(record);
  }());
  Round(check);
  EXPECT_EQ(check.state().findings, 1u);
  EXPECT_THAT(check.state().first_finding, HasSubstr("entry 702: its record names another stream"));
}

TEST_F(BackgroundCheckTest, AsksForTheIndexesAtTheEndOfEachRound) {
  indexes = absl::DataLossError("ids-0: page 3");
  BackgroundCheck check(Parts());
  Round(check);
  EXPECT_EQ(check.state().findings, 1u);
  EXPECT_EQ(check.state().first_finding, "ids-0: page 3");
}

// The ledger's own: on a thread, beside appends, and told by status and counters.
TEST_F(BackgroundCheckTest, RunsInALedgerThatIsAskedTo) {
  std::string bad = engine->Read(RecordKind::kLeaf, 5).value();
  bad[12] = static_cast<char>(bad[12] ^ 1);
  SetLeaf(5, bad);
  EXPECT_EQ(t.ledger->counters().checked_entries, 0u);  // not by itself
  t.options.limits.check_entries_per_second = 1'000'000'000;
  ASSERT_OK(t.Open());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (t.ledger->counters().check_rounds < 2 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_GE(t.ledger->counters().check_rounds, 2u);
  EXPECT_GE(t.ledger->counters().damage_findings, 1u);
  EXPECT_THAT(t.ledger->status().damage, HasSubstr("entry 5"));
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  ASSERT_OK(t.AppendOne("later", "x").status());
}

}  // namespace
}  // namespace auditledger::testing
