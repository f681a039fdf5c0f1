// A log's key is followed by another, and whatever dies on the way, one of the two signs.
//
// Covers: ledger/key_history
#include "ledger/key_rotation.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/ed25519_key.h"
#include "ledger/fsck.h"
#include "ledger/key_files.h"
#include "ledger/key_history.h"
#include "ledger/posix_file.h"
#include "ledger/recovery.h"
#include "merkle/key_chain.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "tests/ledger/fault_rig.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
using How = Faults::How;
using Fault = FaultDisk::Fault;
using What = FaultDisk::Fault::What;
using Op = FaultDisk::Op;
namespace fs = std::filesystem;

class KeyRotationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(t.Create());
    first = t.ledger->verifier().ToVkey();
    ASSERT_OK(t.AppendOne("before", "x").status());
    before = t.ledger->head()->checkpoint;
  }
  std::string Keys(const std::string& name = "") { return t.options.paths.key_dir + "/" + name; }
  NoteVerifier Prepare(OldKey old_key = OldKey::kKeep) {
    return PrepareKeyChange(t.options.paths.key_dir, t.options.origin, old_key, t.random).value();
  }
  // Chain, head and files agree, whichever key is pinned.
  void ExpectRotated(const NoteVerifier& next, uint64_t index) {
    ASSERT_EQ(t.ledger->status().state, LedgerState::kServing) << t.ledger->status().reason;
    EXPECT_EQ(t.ledger->verifier().ToVkey(), next.ToVkey());
    const std::vector<LoggedKeyChange> changes = t.ledger->key_changes();
    ASSERT_EQ(changes.size(), 1u);
    EXPECT_EQ(changes[0].index, index);
    EXPECT_EQ(ParseLeaf(t.ledger->ReadEntry(index, false)->leaf)->kind, EntryKind::kKeyChange);
    const NoteVerifier pinned = NoteVerifier::Parse(first).value();
    ASSERT_OK_AND_ASSIGN(const KeyChain chain, KeyChain::BuildFromLeaves(pinned, changes));
    EXPECT_OK(OpenCheckpoint(before, t.options.origin, chain));
    EXPECT_OK(OpenCheckpoint(t.ledger->head()->checkpoint, t.options.origin, chain));
    EXPECT_OK(OpenCheckpoint(t.ledger->head()->checkpoint, t.options.origin, next))
        << "the head that holds the change is the new key's";
    EXPECT_EQ(LoadKeyFiles(t.options.paths.key_dir, t.options.origin)->log_verifier.ToVkey(),
              next.ToVkey());
    EXPECT_EQ(ReadKeyChangesFile(t.options.paths.key_dir, t.options.origin), changes);
    EXPECT_FALSE(fs::exists(Keys("next.key")));
    EXPECT_FALSE(fs::exists(Keys("next.change")));
  }
  void ExpectGoesOn() {
    ASSERT_OK_AND_ASSIGN(const AppendOutcome after, t.AppendOne("after", "x"));
    EXPECT_OK(CheckReceipt(*t.ledger, after, 0, MakeEvent("after", "x")));
    ASSERT_OK_AND_ASSIGN(const AppendOutcome again, t.AppendOne("before", "x"));
    EXPECT_TRUE(again.entries[0].repeated);
    ASSERT_OK(t.Open());
    EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
    EXPECT_EQ(t.ledger->key_changes().size(), 1u) << "made once";
  }
  TestLedger t{TestLedger::Store::kLevelDb};
  std::string first;
  std::string before;
};

TEST_F(KeyRotationTest, TheNextStartMakesItAnEntrySignedByBoth) {
  const NoteVerifier next = Prepare();
  EXPECT_EQ(t.ledger->verifier().ToVkey(), first) << "not before";
  EXPECT_THAT(PrepareKeyChange(t.options.paths.key_dir, t.options.origin, OldKey::kKeep, t.random),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("is prepared")));
  ASSERT_OK(t.AppendOne("meanwhile", "x").status());
  EXPECT_OK(OpenCheckpoint(t.ledger->head()->checkpoint, t.options.origin,
                           NoteVerifier::Parse(first).value()));
  ASSERT_OK(t.Open());
  ExpectRotated(next, 3);
  ExpectGoesOn();
  int kept = 0;
  for (const auto& file : fs::directory_iterator(Keys())) {
    if (!absl::StartsWith(file.path().filename().string(), "retired-")) continue;
    ++kept;
    ASSERT_OK_AND_ASSIGN(const NoteSigningKey key,
                         LoadNoteSigningKey(file.path(), t.options.origin));
    EXPECT_EQ(key.verifier.ToVkey(), first);
  }
  EXPECT_EQ(kept, 1);
  EXPECT_OK(t.Check());
  FsckOptions fsck;
  fsck.paths = t.options.paths;
  ASSERT_OK_AND_ASSIGN(const FsckReport report, Fsck(fsck));
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.part, FindingPart::kOrigin) << finding.what;  // LedgerSet's file
  }
}

TEST_F(KeyRotationTest, DropsTheOldKeyWhenItsOwnerSaysSo) {
  const NoteVerifier next = Prepare(OldKey::kDestroy);
  ASSERT_OK(t.Open());
  ExpectRotated(next, 2);
  for (const auto& file : fs::directory_iterator(Keys())) {
    EXPECT_FALSE(absl::StartsWith(file.path().filename().string(), "retired-")) << file.path();
  }
}

TEST_F(KeyRotationTest, AgainAndAgainAndWithoutTheFileOfChanges) {
  for (uint64_t i = 0; i < 3; ++i) {
    const NoteVerifier next = Prepare();
    ASSERT_OK(t.Open());
    EXPECT_EQ(t.ledger->verifier().ToVkey(), next.ToVkey());
    EXPECT_EQ(t.ledger->key_changes().size(), i + 1);
    ASSERT_OK(t.AppendOne(absl::StrCat("after ", i), "x").status());
  }
  const std::vector<LoggedKeyChange> changes = t.ledger->key_changes();
  t.Close();
  fs::remove(Keys(kKeyChangesFile));
  ASSERT_OK(t.Open()) << "read out of the log";
  EXPECT_EQ(t.ledger->key_changes(), changes);
  EXPECT_EQ(ReadKeyChangesFile(Keys(), t.options.origin), changes);
  ASSERT_OK(SaveKeyChangesFile(Keys(), t.options.origin, {changes[0], {9999, "made up", {}}}));
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->key_changes(), changes) << "the log is what counts";
}

TEST_F(KeyRotationTest, AnOldKeyFolderIsRefused) {
  t.Close();
  fs::copy(Keys(), t.folder() + "/old-keys", fs::copy_options::recursive);
  ASSERT_OK(t.Open());
  Prepare();
  ASSERT_OK(t.Open());
  ASSERT_OK(t.AppendOne("after", "x").status());
  t.Close();
  const PublishedHead head = [&] {
    EXPECT_OK(t.Open());
    return *t.ledger->head();
  }();
  t.Close();
  fs::remove_all(Keys());
  fs::copy(t.folder() + "/old-keys", Keys(), fs::copy_options::recursive);
  EXPECT_THAT(t.Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another key")));
  // Nor by way of a state that is made anew.
  fs::remove_all(t.options.paths.state_dir);
  LedgerOptions offline = t.options;
  EXPECT_THAT(AdoptSignerState(offline, head.head.size, head.head.root),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("was rotated to")));
}

// Committed, it would leave a log that nobody can open.
TEST_F(KeyRotationTest, APreparedChangeThatDoesNotHoldIsNotCommitted) {
  const NoteVerifier next = Prepare();
  t.Close();
  const std::string whole = ReadWholeFile(Keys("next.change"), 4096).value();
  ASSERT_OK_AND_ASSIGN(NextKey change, ParseNextKey(whole));
  for (const size_t byte : {0, 17, 63}) {
    for (std::string* const signature :
         {&change.change.old_signature, &change.change.new_signature}) {
      (*signature)[byte] ^= 1;
      ASSERT_OK(ReplaceFile(Keys("next.change"), FormatNextKey(change).value()));
      EXPECT_THAT(t.Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("Nothing was changed: remove it")));
      (*signature)[byte] ^= 1;
    }
  }
  fs::remove(Keys("next.change"));
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->verifier().ToVkey(), first);
  EXPECT_EQ(t.ledger->head()->head.size, 2u);
  t.Close();
  ASSERT_OK(ReplaceFile(Keys("next.change"), whole));
  ASSERT_OK(t.Open());
  ExpectRotated(next, 2);
}

TEST(NextKeyChange, OneMoreThanALogMayHaveIsRefused) {
  const std::string origin = "test.example/log";
  const auto key = [](uint64_t number) {
    return Ed25519Key::FromSeed(CountedRandom(number).Bytes(kEd25519SeedBytes)).value();
  };
  const auto body = [&](uint64_t from, uint64_t to) {
    const Ed25519Key before = key(from);
    const Ed25519Key after = key(to);
    KeyChange change{before.public_key(), after.public_key(), "", ""};
    const std::string message = KeyChangeMessage(origin, change.old_key, change.new_key).value();
    change.old_signature = before.Sign(message).value();
    change.new_signature = after.Sign(message).value();
    return EncodeKeyChange(change).value();
  };
  const auto verifier = [&](uint64_t number) {
    return NoteVerifier::FromEd25519(origin, key(number).public_key()).value();
  };
  std::vector<LoggedKeyChange> known;
  for (uint64_t i = 0; i < kMaxKeyChanges; ++i) {
    EXPECT_OK(CheckNextKeyChange(verifier(i), known, i + 1, body(i, i + 1)));
    Leaf leaf;
    leaf.kind = EntryKind::kKeyChange;
    leaf.recorded_at_us = i + 1;
    leaf.body = body(i, i + 1);
    known.push_back({i + 1, EncodeLeaf(leaf).value(), {}});
  }
  const uint64_t most = kMaxKeyChanges;
  EXPECT_THAT(CheckNextKeyChange(verifier(most), known, most + 1, body(most, most + 1)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("over 256")));
  known.pop_back();
  EXPECT_FALSE(CheckNextKeyChange(verifier(most - 1), known, most, body(most - 1, 3)).ok());
  EXPECT_FALSE(CheckNextKeyChange(verifier(most), known, most, body(most - 1, most)).ok());
}

// Keys and state go together and know of nothing; the log, at most one commit beyond them, does.
TEST_F(KeyRotationTest, OldKeysWithTheirOldStateDoNotSignBeyondTheChange) {
  t.Close();
  const std::string state = t.options.paths.state_dir;
  fs::copy(Keys(), t.folder() + "/old-keys", fs::copy_options::recursive);
  fs::copy(state, t.folder() + "/old-state", fs::copy_options::recursive);
  Prepare();
  ASSERT_OK(t.Open());
  ASSERT_OK(t.AppendOne("after", "x").status());
  t.Close();
  for (const std::string& dir : {Keys(), state}) fs::remove_all(dir);
  fs::copy(t.folder() + "/old-keys", Keys(), fs::copy_options::recursive);
  fs::copy(t.folder() + "/old-state", state, fs::copy_options::recursive);
  EXPECT_THAT(t.Open(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("was rotated to")));
}

struct Crash {
  const char* name;
  How commit;
  How sign;
};
class KeyRotationCrashTest : public KeyRotationTest, public ::testing::WithParamInterface<Crash> {};
INSTANTIATE_TEST_SUITE_P(Steps, KeyRotationCrashTest,
                         ::testing::Values(Crash{"BeforeCommit", How::kErrorAndAbsent, How::kNone},
                                           Crash{"AfterCommit", How::kErrorButPresent, How::kNone},
                                           Crash{"BeforeSigning", How::kNone, How::kErrorAndAbsent},
                                           Crash{"AfterSigning", How::kNone,
                                                 How::kErrorButPresent}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(KeyRotationCrashTest, TheNextStartGoesOn) {
  const NoteVerifier next = Prepare();
  t.Close();
  t.faults->commit = GetParam().commit;
  t.faults->sign = How::kNone;
  // The old head is signed first, when the ledger is opened: only the next signature fails.
  t.faults->before_commit = [this] { t.faults->sign = GetParam().sign; };
  EXPECT_FALSE(t.Open().ok());
  t.Heal();
  ASSERT_OK(t.Open());
  ExpectRotated(next, 2);
  ExpectGoesOn();
  EXPECT_OK(t.Check());
}

// Every call to the disk of a rotation, from making the key on: it fails, or the process or the
// machine dies at it.
class KeyRotationCallsTest : public ::testing::Test {
 protected:
  absl::Status Rotate() {
    const absl::Status prepared =
        PrepareKeyChange("/keys", rig_.options.origin, OldKey::kKeep, Random::System()).status();
    if (!prepared.ok() && !absl::IsAlreadyExists(prepared)) return prepared;
    RETURN_IF_ERROR(rig_.Open());
    return rig_.Append({"later"});
  }
  // Exactly one change, and all that was ever said holds.
  absl::Status CheckRotated() {
    RETURN_IF_ERROR(rig_.CheckRestart());
    if (PathExists("/keys/next.change")) return absl::InternalError("next.change is left");
    if (PathExists("/keys/next.key") && !PathExists("/keys/log.key")) {
      return absl::InternalError("no log.key");
    }
    RETURN_IF_ERROR(rig_.Open());
    const std::vector<LoggedKeyChange> changes = rig_.ledger->key_changes();
    const bool was_prepared = changes.size() == 1;
    if (changes.size() > 1) return absl::InternalError("rotated twice");
    if (was_prepared == (rig_.ledger->verifier().ToVkey() == first_)) {
      return absl::InternalError("the key is not the log's");
    }
    rig_.Stop();
    rig_.disk.Restart(Survival::kAll);
    if (was_prepared) return absl::OkStatus();
    RETURN_IF_ERROR(Rotate());
    if (rig_.ledger->key_changes().size() != 1) return absl::InternalError("not rotated");
    rig_.Stop();
    return absl::OkStatus();
  }
  FaultRig rig_;
  std::string first_;
};

TEST_F(KeyRotationCallsTest, WhicheverFailsTheRestartHasOneOfTwoKeys) {
  ASSERT_OK(rig_.Create());
  ASSERT_OK(rig_.Append({"a", "b"}));
  first_ = rig_.ledger->verifier().ToVkey();
  const FaultRig::Saved before = rig_.Save();
  uint64_t n = 0;
  uint64_t cells = 0;
  for (bool reached = true; reached; n += kFaultsSlower) {
    for (const What what : {What::kAbsent, What::kPresent}) {
      for (const Survival survival : {Survival::kAll, Survival::kSynced}) {
        SCOPED_TRACE(absl::StrCat("call ", n, what == What::kAbsent ? " absent" : " present",
                                  survival == Survival::kAll ? ", restart" : ", power cut"));
        rig_.Load(before);
        uint64_t calls = 0;
        rig_.disk.SetScript([&](const FaultDisk::Call& call) {
          const bool meant = call.op == Op::kWrite || call.op == Op::kSync ||
                             call.op == Op::kRename || call.op == Op::kRemove ||
                             call.op == Op::kFolder;
          if (!meant || calls++ != n) return Fault{};
          Fault fault{what, EIO};
          fault.crash = true;
          return fault;
        });
        Rotate().IgnoreError();
        reached = calls > n;
        rig_.Stop();
        rig_.disk.Restart(survival);
        ASSERT_OK(CheckRotated());
        ++cells;
      }
    }
  }
  std::printf("rotation: %llu calls, %llu cells\n", static_cast<unsigned long long>(n),
              static_cast<unsigned long long>(cells));
  EXPECT_GE(n, 40u);
}

TEST(NextKey, HasOneForm) {
  NextKey next;
  next.change = {std::string(32, 'a'), std::string(32, 'b'), std::string(64, 'c'),
                 std::string(64, 'd')};
  for (const OldKey old_key : {OldKey::kKeep, OldKey::kDestroy}) {
    next.old_key = old_key;
    ASSERT_OK_AND_ASSIGN(const std::string text, FormatNextKey(next));
    ASSERT_OK_AND_ASSIGN(const NextKey parsed, ParseNextKey(text));
    EXPECT_EQ(parsed.change, next.change);
    EXPECT_EQ(parsed.old_key, old_key);
    for (const std::string& wrong :
         {text + "\n", text.substr(0, text.size() - 1), "x" + text, std::string("")}) {
      EXPECT_THAT(ParseNextKey(wrong), StatusIs(absl::StatusCode::kDataLoss));
    }
  }
}

}  // namespace
}  // namespace auditledger::testing
