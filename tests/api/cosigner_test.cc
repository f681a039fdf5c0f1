// An operator's word for a start that too few witnesses confirm: it counts when everybody was
// asked, and yields to a witness that proves more. The rest of the cosigner is told in
// witnessing_test.cc.
#include "api/cosigner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "api/config.h"
#include "api/notification.h"
#include "api/witnessing.h"
#include "ledger/ed25519_key.h"
#include "ledger/errors.h"
#include "ledger/key_files.h"
#include "ledger/key_rotation.h"
#include "ledger/retired_signer.h"
#include "tests/api/api_fixture.h"
#include "tests/api/fake_witness.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

namespace fs = std::filesystem;
using testing::Eventually;

class VouchedStartTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(dir_ / "policy") << witnesses_.PolicyText();
    Open();
    Ledger* const made = ledgers_->Create("main", "test.example/log").value();
    witnesses_.Follow(made->verifier());
    Close();
    fs::copy(dir_ / "roots", dir_ / "older", fs::copy_options::recursive);
    // One entry more, which all witnesses have seen.
    Open();
    ASSERT_OK(Main()->Confirm(Main()->head()->head));
    Witness({});
    ASSERT_TRUE(Eventually([&] {
      for (size_t i = 0; i < 5; ++i) {
        if (witnesses_[i].size() != 2) return false;
      }
      return true;
    }));
    Close();
    fs::remove_all(dir_ / "roots");
    fs::copy(dir_ / "older", dir_ / "roots", fs::copy_options::recursive);
    Open();
    ASSERT_TRUE(Main()->held());
  }
  void Open() {
    fs::create_directories(dir_ / "roots");
    LedgerSetOptions options;
    options.roots = {dir_ / "roots/data", dir_ / "roots/state", dir_ / "roots/keys",
                     dir_ / "roots/seeds"};
    options.hold_until_confirmed = [](const std::string&) { return true; };
    ledgers_ = LedgerSet::Open(options).value();
  }
  void Close() {
    witnessing_.reset();
    ledgers_.reset();
  }
  Ledger* Main() { return ledgers_->Find("main").value(); }
  void Witness(std::map<std::string, Head> vouched, uint32_t ack_timeout_ms = 0) {
    config::v1::Config config;
    config.mutable_witness()->set_policy_file(dir_ / "policy");
    config.mutable_witness()->set_ack_timeout_ms(ack_timeout_ms);
    ApplyDefaults(config);
    WitnessingParts parts;
    parts.ledgers = ledgers_.get();
    parts.clock = &Clock::System();
    parts.log = log_.get();
    parts.state_dir = dir_ / "roots/state";
    parts.vouched = std::move(vouched);
    parts.transport = witnesses_.Transport();
    witnessing_ = Witnessing::Start(config.witness(), std::move(parts)).value();
  }
  void TearDown() override { Close(); }

  testing::TempDir dir_;
  const std::unique_ptr<RpcLog> log_ = RpcLog::Open("error", dir_ / "log").value();
  testing::FakeWitnesses witnesses_{Clock::System()};
  std::unique_ptr<LedgerSet> ledgers_;
  std::unique_ptr<Witnessing> witnessing_;
};

TEST_F(VouchedStartTest, CountsWhenNobodyIsThere) {
  for (size_t i = 0; i < 5; ++i) witnesses_[i].SetDown(true);
  Ledger* const ledger = Main();
  const Head stored = ledger->head()->head;
  Witness({{"main", stored}});
  EXPECT_TRUE(Eventually([&] { return !ledger->held(); }));
  EXPECT_EQ(ledger->head()->head.size, stored.size + 1) << "it is recorded";
}

TEST_F(VouchedStartTest, YieldsToOneWitnessThatShowsALargerHead) {
  for (size_t i = 0; i < 4; ++i) witnesses_[i].SetDown(true);
  Ledger* const ledger = Main();
  const Head stored = ledger->head()->head;
  Witness({{"main", stored}});
  EXPECT_TRUE(Eventually([&] { return !ledgers_->Find("main").ok(); }));
  witnessing_->Stop();
  EXPECT_TRUE(ledger->held());
  EXPECT_EQ(ledger->head()->head.size, stored.size) << "nothing was signed";
}

TEST_F(VouchedStartTest, CountsNothingAgainstMoreWitnessesThanMayLie) {
  for (size_t i = 0; i < 5; ++i) witnesses_[i].ShowsLast(false);
  for (size_t i = 3; i < 5; ++i) witnesses_[i].SetDown(true);
  Ledger* const ledger = Main();
  const Head stored = ledger->head()->head;
  Witness({{"main", stored}});
  EXPECT_TRUE(Eventually(
      [&] { return ledger->status().reason.find("3 of 5 witnesses say") != std::string::npos; }));
  EXPECT_NE(ledger->status().reason.find("until the witnesses confirm"), std::string::npos);
  EXPECT_EQ(ledger->status().state, LedgerState::kPaused);
  witnessing_->Stop();
  EXPECT_TRUE(ledger->held());
  EXPECT_EQ(ledger->head()->head.size, stored.size) << "nothing was signed";
}

TEST_F(VouchedStartTest, CountsAgainstAsManyWitnessesAsMayLie) {
  for (size_t i = 0; i < 5; ++i) witnesses_[i].ShowsLast(false);
  for (size_t i = 2; i < 5; ++i) witnesses_[i].SetDown(true);
  Ledger* const ledger = Main();
  Witness({{"main", ledger->head()->head}});
  EXPECT_TRUE(Eventually([&] { return !ledger->held(); }));
}

TEST_F(VouchedStartTest, IsForTheStoredHeadAlone) {
  for (size_t i = 0; i < 5; ++i) witnesses_[i].SetDown(true);
  Head other = Main()->head()->head;
  other.size += 1;
  Ledger* const ledger = Main();
  Witness({{"main", other}});
  EXPECT_TRUE(Eventually([&] {
    return testing::FileText(dir_ / "log").find("start_not_confirmed") != std::string::npos;
  }));
  EXPECT_TRUE(ledger->held());
}

// The copy is from before a change of the key, which it therefore does not know.
TEST_F(VouchedStartTest, CountsNothingAgainstAStoredHeadByAKeyThatIsNotKnown) {
  for (size_t i = 0; i < 5; ++i) witnesses_[i].SetDown(true);
  testing::TestLog next({.origin = "test.example/log", .key = 9});
  next.AddEvents(7);
  fs::create_directories(dir_ / "roots/state/main/witnessed");
  std::ofstream(dir_ / "roots/state/main/witnessed/checkpoint") << next.CheckpointAt(8);
  Ledger* const ledger = Main();
  Witness({{"main", ledger->head()->head}});
  EXPECT_TRUE(Eventually([&] {
    return ledger->status().reason.find("opens by no key that is known") != std::string::npos;
  }));
  EXPECT_TRUE(ledger->held());
  witnessing_.reset();
  std::ofstream(dir_ / "policy") << "log " << ledger->verifier().ToVkey() << "\nlog "
                                 << next.verifier().ToVkey() << "\n"
                                 << witnesses_.PolicyText();
  Witness({{"main", ledger->head()->head}});
  EXPECT_FALSE(ledgers_->Find("main").ok()) << "by a key that the policy knows it is a rollback";
  EXPECT_TRUE(ledger->held());
}

TEST_F(VouchedStartTest, CountsNothingAgainstACosignedHeadByAKeyThatIsNotKnown) {
  for (size_t i = 1; i < 5; ++i) witnesses_[i].SetDown(true);
  testing::TestLog next({.origin = "test.example/log", .key = 9});
  next.AddEvents(7);
  const std::string note = next.CheckpointAt(8);
  witnesses_[0].Shows(
      AddCosignatures(note, witnesses_[0].Line(ParseNote(note)->text, 1), {witnesses_[0].key()})
          .value());
  Ledger* const ledger = Main();
  Witness({{"main", ledger->head()->head}});
  EXPECT_TRUE(Eventually([&] {
    return ledger->status().reason.find("what witness w1 has cosigned") != std::string::npos;
  }));
  witnessing_->Stop();
  EXPECT_TRUE(ledger->held());
}

TEST_F(VouchedStartTest, AWitnessedHeadByTheKeyBeforeIsKnown) {
  witnesses_.Follow(Main()->verifier());
  Ledger* ledger = Main();
  Witness({});
  ASSERT_TRUE(Eventually([&] { return !ledger->held(); }));
  Close();
  ASSERT_OK(PrepareKeyChange(dir_ / "roots/keys/main", "test.example/log", OldKey::kKeep,
                             Random::System())
                .status());
  Open();
  ASSERT_OK(Main()->Confirm(std::nullopt));
  ASSERT_EQ(Main()->key_changes().size(), 1u);
  Close();
  for (size_t i = 0; i < 5; ++i) witnesses_[i].SetDown(true);
  Open();
  ledger = Main();
  Witness({{"main", ledger->head()->head}});
  EXPECT_TRUE(Eventually([&] { return !ledger->held(); })) << ledger->status().reason;
}

// A key that was prepared is taken up by the start, and so waits for the witnesses as all that it
// would sign does.
TEST_F(VouchedStartTest, ARotationWaitsForTheWitnessesToo) {
  Ledger* ledger = Main();
  witnesses_.Follow(ledger->verifier());
  const std::string first = ledger->verifier().ToVkey();
  Close();
  ASSERT_OK_AND_ASSIGN(const NoteVerifier next,
                       PrepareKeyChange(dir_ / "roots/keys/main", "test.example/log", OldKey::kKeep,
                                        Random::System()));
  for (size_t i = 0; i < 5; ++i) {
    witnesses_[i].AlsoFollow(next);
    if (i > 2) witnesses_[i].SetDown(true);
  }
  for (int start = 0; start < 2; ++start) {
    Open();
    ledger = Main();
    Witness({});
    ASSERT_TRUE(Eventually([&] {
      for (size_t i = 0; i < 3; ++i) {
        if (witnesses_[i].size() != 1) return false;
      }
      return true;
    }));
    EXPECT_TRUE(ledger->held());
    EXPECT_EQ(ledger->verifier().ToVkey(), first);
    EXPECT_TRUE(ledger->key_changes().empty());
    EXPECT_EQ(ledger->head()->head.size, 1u);
    if (start == 0) Close();  // and once more, with a start that came to nothing behind it
  }
  witnesses_[3].SetDown(false);
  ASSERT_TRUE(Eventually([&] { return !ledger->held(); }));
  EXPECT_EQ(ledger->verifier().ToVkey(), next.ToVkey());
  ASSERT_EQ(ledger->key_changes().size(), 1u);
  EXPECT_EQ(ledger->key_changes()[0].index, 1u);
  const Cosigner& cosigner = *witnessing_->Find("main");
  EXPECT_TRUE(Eventually([&] {
    return cosigner.witnessed() != nullptr && cosigner.witnessed()->head.size == 2;
  })) << "the head that holds the change is cosigned under the new key";
}

// How many bytes and entries may wait for witnesses, and that who is answered makes room.
TEST_F(VouchedStartTest, OnlySoManyMayWait) {
  for (size_t i = 0; i < 5; ++i) witnesses_[i].SetDown(true);
  Witness({}, 50);
  Cosigner& cosigner = *witnessing_->Find("main");
  const auto wait = [&](size_t entries, size_t bytes) {
    auto reason = std::make_shared<std::string>();
    auto told = std::make_shared<Notification>();
    cosigner.WhenWitnessed(std::vector<uint64_t>(entries, 5), bytes,
                           [=](absl::StatusOr<WitnessedEntries> answer) {
                             *reason = ReasonOf(answer.status()).reason;
                             told->Notify();
                           });
    EXPECT_TRUE(told->WaitFor(std::chrono::minutes(1)));
    return *reason;
  };
  for (const auto& [entries, bytes] :
       {std::pair(size_t{1}, kMaxWaitingBytes), {kMaxWaitingEntries, size_t{1}}}) {
    EXPECT_EQ(wait(entries, bytes), kReasonWitnessesUnavailable) << "it waited, and alone";
    EXPECT_EQ(wait(entries, bytes), kReasonWitnessesUnavailable) << "there is room again";
  }
  EXPECT_EQ(wait(1, kMaxWaitingBytes + 1), kReasonOverloaded);
  EXPECT_EQ(wait(kMaxWaitingEntries + 1, 1), kReasonOverloaded);
}

// A witness that answers 409 with another size each time is not asked on by a server that stops.
TEST_F(VouchedStartTest, AStopEndsTheQuestionsBetweenTwoConflicts) {
  ASSERT_OK(Main()->Confirm(Main()->head()->head));
  ASSERT_EQ(Main()->head()->head.size, 2u);
  for (size_t i = 1; i < 5; ++i) witnesses_[i].SetDown(true);
  Notification asked;
  Notification answers;
  const int before = witnesses_[0].requests();
  witnesses_[0].SetLie([&](const std::string&) {
    asked.Notify();
    answers.WaitFor(std::chrono::minutes(1));
    return std::optional<absl::StatusOr<HttpAnswer>>(
        HttpAnswer{409, std::string(kWitnessSizeType), FormatWitnessSize(1)});
  });
  Witness({});
  ASSERT_TRUE(asked.WaitFor(std::chrono::minutes(1)));
  Notification told;
  witnessing_->Find("main")->WhenWitnessed(
      {5}, 0, [&](const absl::StatusOr<WitnessedEntries>&) { told.Notify(); });
  std::thread stop([&] { witnessing_->Stop(); });
  EXPECT_TRUE(told.WaitFor(std::chrono::minutes(1))) << "it has begun to stop";
  answers.Notify();
  stop.join();
  EXPECT_EQ(witnesses_[0].requests(), before + 1);
}

// Whoever stole the key that was retired has a witness, which still takes it, cosign more than the
// log here has. The policy lists that key as well.
TEST_F(VouchedStartTest, AHeadBeyondTheChangeByTheRetiredKeyRefusesNothing) {
  witnesses_.Follow(Main()->verifier());
  Ledger* ledger = Main();
  Witness({});
  ASSERT_TRUE(Eventually([&] { return !ledger->held(); }));
  Close();
  const std::string keys = dir_ / "roots/keys/main";
  ASSERT_OK(PrepareKeyChange(keys, "test.example/log", OldKey::kKeep, Random::System()).status());
  Open();
  ASSERT_OK(Main()->Confirm(std::nullopt));
  ASSERT_EQ(Main()->key_changes().size(), 1u);
  Close();
  std::string stolen;
  for (const auto& file : fs::directory_iterator(keys)) {
    if (file.path().filename().string().find("retired-") == 0) stolen = file.path();
  }
  const NoteSigningKey thief = LoadNoteSigningKey(stolen, "test.example/log").value();
  const std::string text = FormatCheckpoint({"test.example/log", 100, LeafHash("the thief's"), {}});
  const std::string signature =
      Ed25519Key::FromSeed(thief.seed.Reveal()).value().Sign(text).value();
  const std::string note =
      FormatNote({text, {{thief.verifier.name(), thief.verifier.key_id(), signature}}});
  for (size_t i = 1; i < 5; ++i) witnesses_[i].SetDown(true);
  witnesses_[0].Shows(
      AddCosignatures(note, witnesses_[0].Line(text, 1), {witnesses_[0].key()}).value());
  witnesses_[0].SetLie([](const std::string&) {
    return std::optional<absl::StatusOr<HttpAnswer>>(
        HttpAnswer{409, std::string(kWitnessSizeType), "100\n"});
  });
  Open();
  ledger = Main();
  std::ofstream(dir_ / "policy") << "log " << thief.verifier.ToVkey() << "\nlog "
                                 << ledger->verifier().ToVkey() << "\n"
                                 << witnesses_.PolicyText();
  Witness({});
  EXPECT_TRUE(Eventually([&] {
    return !ledgers_->Find("main").ok() ||
           ledger->status().reason.find("what witness w1 has cosigned") != std::string::npos;
  }));
  ASSERT_TRUE(ledgers_->Find("main").ok()) << "the log's key of that size did not sign it";
  for (size_t i = 1; i < 5; ++i) {
    witnesses_[i].Follow(ledger->verifier());
    witnesses_[i].SetDown(false);
  }
  EXPECT_TRUE(Eventually([&] { return !ledger->held(); })) << "the other four confirm the start";
}

// Who controls the network plays what the witnesses answered when the copy was new: they did cosign
// that head, and the start is confirmed. What is signed from there on no witness cosigns; and the
// first that is asked again shows what was taken back.
TEST_F(VouchedStartTest, AnswersRecordedEarlierConfirmTheOldHeadAndNothingBeyond) {
  Ledger* const ledger = Main();
  const std::string text = ParseNote(ledger->head()->checkpoint)->text;
  for (size_t i = 0; i < 5; ++i) {
    const uint64_t seconds = Clock::System().WallMicros() / 1'000'000;
    witnesses_[i].SetLie([line = witnesses_[i].Line(text, seconds)](const std::string&) {
      return std::optional<absl::StatusOr<HttpAnswer>>(HttpAnswer{200, "text/plain", line});
    });
  }
  Witness({});
  ASSERT_TRUE(Eventually([&] { return !ledger->held(); })) << "it is not noticed";
  ASSERT_OK(ledger->FreezeLog({}));  // the fork's first entry
  ASSERT_EQ(ledger->head()->head.size, 2u);
  Cosigner& cosigner = *witnessing_->Find("main");
  ASSERT_TRUE(Eventually([&] {
    const CosignerReport report = cosigner.Report();
    return std::all_of(
        report.witnesses.begin(), report.witnesses.end(),
        [](const WitnessReport& witness) { return witness.failed.count("bad_answer") > 0; });
  }));
  EXPECT_EQ(cosigner.witnessed()->head.size, 1u);
  witnesses_[0].SetLie({});
  EXPECT_TRUE(Eventually([&] { return !ledgers_->Find("main").ok(); }));
  EXPECT_TRUE(fs::exists(dir_ / "roots/state/main/witnessed/fork-2")) << "the evidence";
}

// Retired at what the older copy has: its readers are served whatever the witnesses saw.
TEST_F(VouchedStartTest, ARetiredLedgerIsNotHeldAgainstTheWitnesses) {
  const std::string head = Main()->head()->checkpoint;
  const NoteVerifier key = Main()->verifier();
  Close();
  LedgerPaths paths;
  paths.data_dir = dir_ / "roots/data/main";
  paths.state_dir = dir_ / "roots/state/main";
  paths.key_dir = dir_ / "roots/keys/main";
  paths.seed_dir = dir_ / "roots/seeds/main";
  ASSERT_OK(RetireLedger(paths, key, head));
  Open();
  Witness({});
  EXPECT_EQ(witnessing_->Find("main"), nullptr);
  EXPECT_FALSE(Main()->held());
  EXPECT_EQ(Main()->status().state, LedgerState::kFrozen);
}

// One witness hangs: who waits at another ledger does not wait for that.
TEST_F(VouchedStartTest, AllCosignersAreStoppedAtOnce) {
  Ledger* const second = ledgers_->Create("second", "second.example/log").value();
  Notification asked;
  Notification answers;
  witnesses_[0].SetLie([&](const std::string&) {
    asked.Notify();
    answers.WaitFor(std::chrono::minutes(1));
    return std::optional<absl::StatusOr<HttpAnswer>>(absl::UnavailableError("late"));
  });
  Witness({});
  ASSERT_TRUE(asked.WaitFor(std::chrono::minutes(1)));
  Notification told;
  witnessing_->Find("second")->WhenWitnessed(
      {second->head()->head.size + 5}, 0, [&](absl::StatusOr<WitnessedEntries> answer) {
        EXPECT_EQ(ReasonOf(answer.status()).reason, kReasonShuttingDown);
        told.Notify();
      });
  std::thread stop([&] { witnessing_->Stop(); });
  EXPECT_TRUE(told.WaitFor(std::chrono::minutes(1)));
  EXPECT_NE(witnessing_->Find("main"), nullptr) << "nobody is kept from looking";
  answers.Notify();
  stop.join();
}

}  // namespace
}  // namespace auditledger
