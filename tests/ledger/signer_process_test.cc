// Whole ledgers whose key and memory are a signer process's: what a start finds, whatever was lost,
// restored, forked or killed meanwhile. The process is a SignerServer of this program; what kill -9
// does to the real one is played by tests/e2e/signer_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "ledger/backup_restore.h"
#include "ledger/errors.h"
#include "ledger/key_files.h"
#include "ledger/ledger_set.h"
#include "ledger/posix_file.h"
#include "ledger/recovery.h"
#include "ledger/signer_folder.h"
#include "ledger/signer_server.h"
#include "ledger/socket_signer.h"
#include "ledger/state_markers.h"
#include "merkle/checkpoint.h"
#include "merkle/system_entries.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

class SignerProcessTest : public ::testing::Test {
 protected:
  SignerProcessTest() {
    server_options_.dir = t.folder() + "/signer";
    server_options_.socket_path = t.folder() + "/s";
    server_options_.before_answer = [this] { return lose_answers-- <= 0; };
    server_options_.on_sync_failure = [this] { ++signer_exits; };
    UseSocket(t);
  }
  void UseSocket(TestLedger& ledger) const {
    ledger.options.open_signer = nullptr;
    ledger.options.open_engine = nullptr;
    ledger.options.paths.signer_socket = server_options_.socket_path;
  }
  void StartSigner() {
    server_.reset();
    ASSERT_OK_AND_ASSIGN(server_, SignerServer::Start(server_options_));
  }
  void Make() {
    CountedRandom random(7);
    ASSERT_OK_AND_ASSIGN(const NoteVerifier made,
                         CreateSignerOrigin(server_options_.dir, t.options.origin, random));
    vkey_ = made.ToVkey();
    StartSigner();
    ASSERT_OK(t.Create());
  }
  void AppendSome(TestLedger& ledger, int count, const std::string& prefix = "e") {
    for (int i = 0; i < count; ++i) {
      ASSERT_OK(ledger.AppendOne(absl::StrCat(prefix, i), "x"));
    }
  }
  std::string Data() const { return t.folder() + "/data"; }
  std::string StateFile() const {
    return SignerOriginPath(server_options_.dir, t.options.origin) + "/signer.state";
  }
  void CopyData(const std::string& to) {
    t.Close();
    for (const char* folder : {"data", "seeds"}) {
      fs::copy(t.folder() + "/" + folder, t.folder() + "/" + to + "." + folder,
               fs::copy_options::recursive);
    }
  }
  void PutBack(const std::string& from) {
    t.Close();
    for (const std::string folder : {"data", "seeds"}) {
      fs::remove_all(t.folder() + "/" + folder);
      fs::copy(t.folder() + "/" + from + "." + folder, t.folder() + "/" + folder,
               fs::copy_options::recursive);
    }
  }

  TestLedger t{TestLedger::Store::kLevelDb};
  SignerServerOptions server_options_;
  std::atomic<int> lose_answers{0};
  std::atomic<int> signer_exits{0};
  std::string vkey_;
  std::unique_ptr<SignerServer> server_;
};

TEST_F(SignerProcessTest, TheLedgerHoldsNeitherKeyNorState) {
  Make();
  AppendSome(t, 3);
  ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, t.AppendOne("last", "x"));
  EXPECT_OK(CheckReceipt(*t.ledger, outcome, 0, MakeEvent("last", "x", {"s1", 0})));
  EXPECT_EQ(t.ledger->verifier().ToVkey(), vkey_);
  EXPECT_FALSE(PathExists(t.options.paths.key_dir + "/log.key"));
  EXPECT_FALSE(PathExists(t.options.paths.state_dir + "/signer.state"));
  EXPECT_EQ(ReadWholeFile(t.options.paths.key_dir + "/log.vkey", 1000).value(), vkey_ + "\n");
  ASSERT_OK(t.Open());
  StartSigner();  // while the ledger serves
  EXPECT_OK(t.AppendOne("after both were started again", "x"));
}

TEST_F(SignerProcessTest, ALostAnswerCostsNothing) {
  Make();
  lose_answers = 1;
  ASSERT_OK(t.AppendOne("one", "x"));
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->head()->head.size, 2u);
}

TEST_F(SignerProcessTest, ItsKeyIsRotatedWhileItServes) {
  Make();
  AppendSome(t, 2);
  EXPECT_THAT(RotateSignerKey(server_options_.dir, t.options.origin, OldKey::kKeep,
                              Pkcs11Spec{"/m", "t", "k", "/p"}, t.random),
              StatusIs(kRefused, HasSubstr("so must the next")));
  for (uint64_t i = 1; i <= 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const NoteVerifier next,
                         RotateSignerKey(server_options_.dir, t.options.origin,
                                         i == 1 ? OldKey::kKeep : OldKey::kDestroy, {}, t.random));
    lose_answers = 1;  // asked again, it gives the same answer
    ASSERT_OK(t.Open());
    EXPECT_EQ(t.ledger->verifier().ToVkey(), next.ToVkey());
    EXPECT_EQ(t.ledger->key_changes().size(), i);
    ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, t.AppendOne(absl::StrCat("after", i), "x"));
    EXPECT_OK(CheckReceipt(*t.ledger, outcome, 0, MakeEvent(absl::StrCat("after", i), "x")));
    EXPECT_EQ(ReadWholeFile(t.options.paths.key_dir + "/log.vkey", 1000).value(),
              next.ToVkey() + "\n");
    StartSigner();  // from its files
  }
  EXPECT_OK(t.Open());
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
}

// The ledger dies between the signer's taking over and its own files.
TEST_F(SignerProcessTest, ALedgerThatMissedTheRotationReadsItOutOfItsLog) {
  Make();
  AppendSome(t, 2);
  t.Close();
  fs::copy(t.options.paths.key_dir, t.folder() + "/keys-before", fs::copy_options::recursive);
  ASSERT_OK_AND_ASSIGN(
      const NoteVerifier next,
      RotateSignerKey(server_options_.dir, t.options.origin, OldKey::kKeep, {}, t.random));
  ASSERT_OK(t.Open());
  t.Close();
  fs::remove_all(t.options.paths.key_dir);
  fs::copy(t.folder() + "/keys-before", t.options.paths.key_dir, fs::copy_options::recursive);
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->verifier().ToVkey(), next.ToVkey());
  EXPECT_EQ(t.ledger->key_changes().size(), 1u);
  EXPECT_OK(t.AppendOne("after", "x"));
}

// The signer is gone for good, or the ledger dies before the answer: the entry is stored, the
// caller not answered, and the next start signs it, whether or not the signer had.
TEST_F(SignerProcessTest, ADeathBeforeOrAfterTheSignersWriteIsMadeGoodByTheNextStart) {
  for (const bool signed_before : {false, true}) {
    TestLedger ledger(TestLedger::Store::kLevelDb, absl::StrCat("test.example/", signed_before));
    UseSocket(ledger);
    ledger.options.open_signer = [&]() -> absl::StatusOr<std::unique_ptr<Signer>> {
      auto signer = OpenSocketSigner({server_options_.socket_path, ledger.options.origin});
      if (!signer.ok()) return signer.status();
      return WrapSigner(*std::move(signer), ledger.faults);
    };
    CountedRandom random(8);
    ASSERT_OK(CreateSignerOrigin(server_options_.dir, ledger.options.origin, random));
    StartSigner();
    ASSERT_OK(ledger.Create());
    ledger.faults->sign =
        signed_before ? Faults::How::kErrorButPresent : Faults::How::kErrorAndAbsent;
    EXPECT_THAT(ledger.AppendOne("unknown", "x"), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_EQ(ledger.ledger->status().state, LedgerState::kReadOnly) << "latched";
    ledger.Heal();
    StartSigner();
    UseSocket(ledger);
    ASSERT_OK(ledger.Open());
    EXPECT_EQ(ledger.ledger->head()->head.size, 2u);
    ASSERT_OK_AND_ASSIGN(const AppendOutcome again, ledger.AppendOne("unknown", "x"));
    EXPECT_TRUE(again.entries[0].repeated);
  }
}

TEST_F(SignerProcessTest, AnOlderCopyOfTheDataIsRefusedAndTheNewestServes) {
  Make();
  AppendSome(t, 2);
  CopyData("older");
  ASSERT_OK(t.Open());
  AppendSome(t, 3, "later");
  const PublishedHead newest = *t.ledger->head();
  CopyData("newest");
  PutBack("older");
  for (int again = 0; again < 2; ++again) {
    EXPECT_THAT(t.Open(),
                StatusIs(kRefused, AllOf(HasSubstr("rollback"), HasSubstr("has signed size 6"),
                                         HasSubstr("the log here has size 3"))));
  }
  PutBack("newest");
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->head()->checkpoint, newest.checkpoint);
  EXPECT_OK(t.AppendOne("goes on", "x"));
}

// An older copy is grown elsewhere, with the ledger's own keys and a signer of its own, past what
// the real signer has signed: a fork, and refused however large it is.
TEST_F(SignerProcessTest, AForkIsRefusedAtAnySize) {
  Make();
  AppendSome(t, 2);
  CopyData("older");
  fs::copy(server_options_.dir, t.folder() + "/stolen", fs::copy_options::recursive);
  ASSERT_OK(t.Open());
  AppendSome(t, 3, "real");
  CopyData("real");
  PutBack("older");
  {
    SignerServerOptions stolen = server_options_;
    stolen.dir = t.folder() + "/stolen";
    server_.reset();
    ASSERT_OK_AND_ASSIGN(server_, SignerServer::Start(stolen));
    ASSERT_OK(t.Open());
    AppendSome(t, 3, "forged");
    t.Close();
    StartSigner();
    EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("fork"))) << "of the same size";
    server_.reset();
    ASSERT_OK_AND_ASSIGN(server_, SignerServer::Start(stolen));
    ASSERT_OK(t.Open());
    AppendSome(t, 2, "more");
    t.Close();
  }
  StartSigner();
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("fork"))) << "and larger";
  PutBack("real");
  EXPECT_OK(t.Open());
}

// Somebody grows the log under a running ledger's signer: the ledger that stayed behind is refused.
TEST_F(SignerProcessTest, OfTwoCopiesThatShareTheSignerOnlyOneGoesOn) {
  Make();
  AppendSome(t, 2);
  CopyData("copy");
  TestLedger other(TestLedger::Store::kLevelDb);
  UseSocket(other);
  fs::create_directory(other.folder() + "/state");
  for (const char* folder : {"data", "seeds"}) {
    fs::copy(t.folder() + "/copy." + folder, other.folder() + "/" + folder,
             fs::copy_options::recursive);
  }
  fs::copy(t.folder() + "/keys", other.folder() + "/keys", fs::copy_options::recursive);
  ASSERT_OK(t.Open());
  ASSERT_OK(other.Open());
  ASSERT_OK(t.AppendOne("here", "x"));
  EXPECT_THAT(other.AppendOne("there", "x"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("does not extend")));
  EXPECT_EQ(other.ledger->status().state, LedgerState::kReadOnly);
  EXPECT_OK(t.AppendOne("goes on", "x"));
  EXPECT_THAT(other.Open(), StatusIs(kRefused, HasSubstr("rollback")));
}

TEST_F(SignerProcessTest, AFailedSyncOfTheSignersStateEndsTheDaemonToo) {
  Make();
  {
    const FileFaults faults(FileOperation::kSync, "signer.state", EIO);
    EXPECT_THAT(t.AppendOne("unknown", "x"),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("may be lost")));
  }
  EXPECT_EQ(signer_exits, 1);
  EXPECT_EQ(t.sync_failures, 1);
  EXPECT_TRUE(HasMarker(t.options.paths.state_dir, kSyncFailedMarker));
  StartSigner();
  ASSERT_OK(t.Open());
  // What the new process found it has written once more and synced: it is what was signed.
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  EXPECT_EQ(t.ledger->head()->head.size, 2u);
}

TEST_F(SignerProcessTest, NoLedgerIsMadeWithAKeyThatHasSigned) {
  Make();
  TestLedger second(TestLedger::Store::kLevelDb);
  UseSocket(second);
  EXPECT_THAT(second.Create(), StatusIs(kRefused, AllOf(HasSubstr("ledger of size 1"),
                                                        HasSubstr("whose data is not here"))));
  EXPECT_THAT(second.Create(), StatusIs(kRefused)) << "nor by trying again";
  TestLedger unknown(TestLedger::Store::kLevelDb, "test.example/unknown");
  UseSocket(unknown);
  EXPECT_THAT(unknown.Create(), StatusIs(kRefused, HasSubstr("auditledger-signer init")));
  CountedRandom random(9);
  ASSERT_OK(CreateSignerOrigin(server_options_.dir, "test.example/unknown", random));
  EXPECT_OK(unknown.Create()) << "once the key is there it goes on";
}

TEST_F(SignerProcessTest, OneKeyIsInOnePlace) {
  Make();
  t.Close();
  // Signed by a process, started as if by itself.
  t.options.paths.signer_socket = "";
  EXPECT_THAT(t.Open(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("--signer")));
  UseSocket(t);
  fs::copy(SignerOriginPath(server_options_.dir, t.options.origin) + "/log.key",
           t.options.paths.key_dir + "/log.key");
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("two signers of one key")));
  fs::remove(t.options.paths.key_dir + "/log.key");
  EXPECT_OK(t.Open());
}

// As ledger/README.md says that it is done.
TEST_F(SignerProcessTest, AnEmbeddedSignerBecomesAProcess) {
  t.options.paths.signer_socket = "";
  ASSERT_OK(t.Create());
  AppendSome(t, 2);
  const std::string vkey = t.ledger->verifier().ToVkey();
  t.Close();
  CountedRandom random(11);
  ASSERT_OK(CreateSignerOrigin(server_options_.dir, t.options.origin, random));
  const std::string there = SignerOriginPath(server_options_.dir, t.options.origin);
  fs::rename(t.options.paths.key_dir + "/log.key", there + "/log.key");
  fs::rename(t.options.paths.state_dir + "/signer.state", there + "/signer.state");
  const std::string vkey_file = t.options.paths.key_dir + "/log.vkey";
  fs::copy(vkey_file, there + "/log.vkey", fs::copy_options::overwrite_existing);
  fs::copy(vkey_file, t.options.paths.key_dir + "/signer.vkey");
  StartSigner();
  UseSocket(t);
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->verifier().ToVkey(), vkey);
  EXPECT_OK(t.AppendOne("goes on", "x"));
  EXPECT_OK(ListSignerOrigins(server_options_.dir)->at(0).problem);
}

TEST_F(SignerProcessTest, AnotherKeyThanTheLedgersIsRefused) {
  Make();
  t.Close();
  fs::remove_all(server_options_.dir);
  CountedRandom random(10);
  ASSERT_OK(CreateSignerOrigin(server_options_.dir, t.options.origin, random));
  StartSigner();
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("the signer has another key")));
}

TEST_F(SignerProcessTest, ALostStateIsAdoptedThereAndRecordedHere) {
  Make();
  AppendSome(t, 2);
  const Head last = t.ledger->head()->head;
  t.Close();
  server_.reset();
  fs::remove(StateFile());
  StartSigner();
  EXPECT_THAT(t.Open(), StatusIs(kRefused, AllOf(HasSubstr("lost state"),
                                                 HasSubstr("auditledger-signer adopt"))));
  EXPECT_THAT(AdoptSignerState(t.options, last.size, last.root),
              StatusIs(kRefused, HasSubstr("auditledger-signer adopt")));
  // Not what was signed: the log is not taken for it.
  ASSERT_OK(AdoptSignerHead(server_options_.dir, t.options.origin, last.size + 1, last.root));
  StartSigner();
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("rollback")));
  server_.reset();
  fs::remove(StateFile());
  ASSERT_OK(AdoptSignerHead(server_options_.dir, t.options.origin, last.size, last.root));
  StartSigner();
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->head()->head.size, last.size + 1);
  ASSERT_OK_AND_ASSIGN(const StoredEntry entry, t.ledger->ReadEntry(last.size, false));
  ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(entry.leaf));
  EXPECT_EQ(leaf.kind, EntryKind::kOperator);
  EXPECT_THAT(leaf.body, HasSubstr("adopt_signer_state"));
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->head()->head.size, last.size + 1) << "once";
}

TEST_F(SignerProcessTest, ManyLedgersShareAProcess) {
  LedgerSetOptions options;
  const std::string base = t.folder() + "/set-";
  options.roots = {base + "data", base + "state", base + "keys", base + "seeds",
                   server_options_.socket_path};
  options.signer_patience = std::chrono::milliseconds(20);
  EXPECT_THAT(LedgerSet::Open(options),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("auditledger-signer running?")));
  StartSigner();
  CountedRandom random(12);
  for (int start = 0; start < 2; ++start) {
    ASSERT_OK_AND_ASSIGN(const auto set, LedgerSet::Open(options));
    for (const std::string id : {"a", "b", "c"}) {
      const std::string origin = "test.example/" + id;
      if (start == 0) {
        EXPECT_THAT(set->Create(id, origin),
                    StatusIs(kRefused, HasSubstr("auditledger-signer init")));
        ASSERT_OK(CreateSignerOrigin(server_options_.dir, origin, random));
        ASSERT_OK(set->Create(id, origin)) << "goes on";
      }
      ASSERT_OK_AND_ASSIGN(Ledger * ledger, set->Find(id));
      EXPECT_EQ(ledger->verifier().name(), origin);
      EXPECT_EQ(ledger->head()->head.size, 1u);
    }
  }
}

TEST_F(SignerProcessTest, WithoutAProcessTheStartSaysWhatIsMissing) {
  t.options.paths.signer_socket = t.folder() + "/nobody";
  t.options.open_signer = [this] {
    return OpenSocketSigner(
        {t.options.paths.signer_socket, t.options.origin, std::chrono::milliseconds(20)});
  };
  EXPECT_THAT(t.Create(), StatusIs(absl::StatusCode::kUnavailable,
                                   AllOf(HasSubstr("nobody"), HasSubstr("no answer within"))));
}

}  // namespace
}  // namespace auditledger::testing
