// Refusals that no story of another test comes by: each case here is a check of verifier/ that
// tools/mutate.py took away and nobody missed.
//
// Covers: verifier/verify, verifier/heads, verifier/witnesses
// Covers: verifier/bundle_check, verifier/log_audit, verifier/trust_store
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "merkle/base64.h"
#include "merkle/commitment.h"
#include "merkle/cosignature.h"
#include "merkle/header.h"
#include "merkle/proof.h"
#include "merkle/sha256.h"
#include "merkle/tlog_proof.h"
#include "tests/testing/key_ids.h"
#include "tests/verifier/test_export.h"
#include "verifier/bundle_check.h"
#include "verifier/entry_check.h"
#include "verifier/heads.h"
#include "verifier/log_audit.h"
#include "verifier/trust_store.h"
#include "verifier/verify.h"
#include "verifier/witnesses.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing::StatusIs;
using testing::TempDir;
using testing::TestEvent;
using testing::TestLog;
using testing::TestPublicKey;
using testing::TestSignature;
using testing::WriteFile;
using Kind = HeadRelation::Kind;

constexpr int kRefused = 1;
constexpr int kCannotTell = 2;

class Refusals : public ::testing::Test {
 protected:
  Refusals() : pin_{log_.origin(), log_.verifier()} {
    log_.AddEvents(40);
    fork_.AddEvent(TestEvent(999));
    fork_.AddEvents(39);
    store_.emplace(TrustStore::Open(dir_.File("trust")).value());
    history_.store = &*store_;
  }
  Verdict Head(const std::string& text, const std::optional<std::string>& from = {}) {
    return VerifyHead({text, from}, pin_, history_);
  }
  static Checkpoint HeadOf(TestLog& log, uint64_t size) {
    return Checkpoint{log.origin(), size, log.RootAt(size), {}};
  }
  static HeadProof ProofOf(TestLog& log, uint64_t old_size, uint64_t new_size) {
    return {old_size, new_size, {}, ConsistencyProof(old_size, new_size, log).value()};
  }
  static std::string Reasons(const Verdict& verdict) {
    return absl::StrJoin(verdict.reasons, "\n");
  }
  std::string StoreFile() { return absl::StrCat(dir_.File("trust/"), Sha(), ".checkpoint"); }
  std::string Sha() {
    for (const auto& file : std::filesystem::directory_iterator(dir_.File("trust"))) {
      return file.path().stem().string();
    }
    return "";
  }

  TestLog log_;
  TestLog fork_;
  Pin pin_;
  TempDir dir_;
  std::optional<TrustStore> store_;
  History history_;
};

// --- receipts ---------------------------------------------------------------------------------

TEST_F(Refusals, AnEventGivenForAnEntryOfTheLedgersOwn) {
  ReceiptInput input;
  input.receipt = log_.ReceiptFor(0, 41);
  EXPECT_EQ(VerifyReceipt(input, pin_, History()).outcome, Outcome::kVerified);
  input.event = TestEvent(0);
  const Verdict verdict = VerifyReceipt(input, pin_, History());
  EXPECT_EQ(verdict.ExitCode(), kRefused);
  EXPECT_THAT(Reasons(verdict), HasSubstr("this entry is the ledger's own"));
}

TEST_F(Refusals, AnOpeningOfAnEntryThatHasNone) {
  log_.openings()[0] = log_.openings()[1];
  ReceiptInput input;
  input.receipt = log_.ReceiptFor(0, 41);
  const Verdict verdict = VerifyReceipt(input, pin_, History());
  EXPECT_EQ(verdict.ExitCode(), kRefused);
  EXPECT_THAT(Reasons(verdict), HasSubstr("an opening of an entry that has none"));
}

TEST_F(Refusals, AReceiptOfAnEntryThatBreaksItsKindsRules) {
  TestLog headless = TestLog::Empty({});
  headless.AddEvents(3);
  ReceiptInput input;
  input.receipt = headless.ReceiptFor(0, 3);
  const Verdict verdict = VerifyReceipt(input, pin_, History());
  EXPECT_EQ(verdict.ExitCode(), kRefused);
  EXPECT_THAT(Reasons(verdict), HasSubstr("entry 0 is not the genesis"));
}

// Whoever wrote the header signed nothing, or another key did.
TEST_F(Refusals, AnEmittersSignatureThatDoesNotVerify) {
  log_.AddSignedEvent(TestEvent(77), 9);
  const uint64_t index = log_.size() - 1;
  Opening opening = *log_.openings()[index];
  Leaf leaf = ParseLeaf(log_.leaves()[index]).value();
  ASSERT_OK(CheckOpening(log_.origin(), leaf, opening, {}));
  EntryHeader header = ParseHeader(opening.header).value();
  header.signature->signature[5] ^= 1;
  opening.header = EncodeHeader(header).value();
  const std::vector<Unit> units = CutUnits(opening.event).value();
  leaf.commitment = EntryCommitment(HeaderHash(opening.seed, opening.header),
                                    EventCommitment(DigestUnits(opening.seed, units)));
  EXPECT_THAT(CheckOpening(log_.origin(), leaf, opening, {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("emitter's signature")));
}

// --- bundles ---------------------------------------------------------------------------------

TEST_F(Refusals, ATileOfAnotherLength) {
  BundleFiles files;
  files.width = 3;
  files.entries =
      EncodeEntryBundle(std::vector<std::string>(log_.leaves().begin(), log_.leaves().begin() + 3));
  std::string tile;
  for (int i = 0; i < 3; ++i) absl::StrAppend(&tile, LeafHash(log_.leaves()[i]).view());
  const auto said = [&](const std::string& bytes) {
    files.tile = bytes;
    const BundleResult result = CheckBundle({pin_, {}}, files);
    return result.findings.empty() ? std::string() : result.findings.kept().front().text;
  };
  EXPECT_EQ(said(tile), "");
  EXPECT_THAT(said(tile.substr(0, 64)), HasSubstr("has 64 bytes, needs 96"));
  EXPECT_THAT(said(tile + "x"), HasSubstr("has 97 bytes, needs 96"));
  EXPECT_THAT(said(tile + tile.substr(0, 32)), HasSubstr("trailing bytes"));
}

TEST_F(Refusals, WhatIsWrongIsRefusedAndWhatIsNotThereCannotBeTold) {
  const auto outcome_of = [&](const absl::Status& status) {
    Findings one;
    one.AddStatus("file", status);
    return std::pair(one.kept().front().outcome, one.kept().front().text);
  };
  for (const absl::Status& wrong :
       {absl::InvalidArgumentError("x"), absl::DataLossError("x"), absl::OutOfRangeError("x")}) {
    EXPECT_EQ(outcome_of(wrong), std::pair(Outcome::kRefused, std::string("file: x")));
  }
  EXPECT_EQ(outcome_of(absl::NotFoundError("x")),
            std::pair(Outcome::kCannotTell, std::string("file: is missing")));
  EXPECT_EQ(outcome_of(absl::UnavailableError("file: x")),
            std::pair(Outcome::kCannotTell, std::string("file: x")));
}

// --- whole logs -------------------------------------------------------------------------------

class LogRefusals : public Refusals {
 protected:
  Verdict Audit() {
    LogInput input;
    input.dir = dir_.File("export");
    return VerifyLog(input, pin_, History());
  }
};

TEST_F(LogRefusals, TimesRiseWithinABundleToo) {
  auto [leaf, opening] = log_.Seal(TestEvent(70), std::nullopt);
  log_.AddLeaf(leaf, opening);
  log_.AddLeaf(leaf, opening);
  testing::ExportLog(log_, dir_.File("export"));
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kRefused);
  EXPECT_THAT(Reasons(verdict), HasSubstr("entry 42: recorded no later"));
  EXPECT_THAT(absl::StrJoin(verdict.proven, "\n"), Not(HasSubstr("entries are there, in order")));
}

TEST_F(LogRefusals, AnEmptyLogIsNotEvenAGenesis) {
  WriteFile(dir_.File("export/checkpoint"), TestLog::Empty({}).CheckpointSaying(0, EmptyRoot()));
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kCannotTell);
  EXPECT_THAT(Reasons(verdict), HasSubstr("not even a genesis"));
}

TEST_F(LogRefusals, WithoutLeavesTheirTileStandsForThemAndWithoutBothThereIsNoRoot) {
  testing::ExportLog(log_, dir_.File("export"));
  EXPECT_THAT(absl::StrJoin(Audit().not_proven, "\n"),
              Not(HasSubstr("does not read their bodies")));
  std::filesystem::remove(dir_.File("export/tile/entries/000.p/41"));
  Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kCannotTell);
  EXPECT_THAT(Reasons(verdict), Not(HasSubstr("root could not be computed")));
  std::filesystem::remove(dir_.File("export/tile/0/000.p/41"));
  verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kCannotTell) << "nobody is accused";
  EXPECT_THAT(Reasons(verdict), HasSubstr("root could not be computed"));
}

// --- heads ------------------------------------------------------------------------------------

TEST_F(Refusals, WhatDoesNotParseCannotBeTold) {
  EXPECT_EQ(Head("nonsense").ExitCode(), kCannotTell);
  EXPECT_EQ(Head("old 5\nnonsense").ExitCode(), kCannotTell);
  EXPECT_EQ(Head(absl::StrCat("old 1\n\n", log_.Sign("no checkpoint\n"))).ExitCode(), kCannotTell);
  const Verdict two = VerifyTwoHeads({log_.CheckpointAt(5), "nonsense", {}}, pin_);
  EXPECT_EQ(two.ExitCode(), kCannotTell);
  EXPECT_EQ(two.reasons.size(), 1u);
}

TEST_F(Refusals, TheEarlierHeadIsCheckedToo) {
  history_ = History();
  EXPECT_THAT(Reasons(Head(log_.CheckpointAt(9), "nonsense")), HasSubstr("the earlier head: "));
  EXPECT_EQ(Head(log_.CheckpointAt(9), "nonsense").ExitCode(), kCannotTell);
  TestLog::Options options;
  options.key = 2;
  TestLog stranger(options);
  EXPECT_EQ(Head(log_.CheckpointAt(9), stranger.CheckpointAt(1)).ExitCode(), kRefused);
  EXPECT_THAT(Reasons(Head(log_.CheckpointAt(9), fork_.CheckpointAt(9))), HasSubstr("FORK: "));
  EXPECT_EQ(Head(log_.CheckpointAt(9), log_.CheckpointAt(12)).ExitCode(), kCannotTell);
}

TEST_F(Refusals, BareHashesHaveTheirThreeMembers) {
  for (const char* text :
       {R"({"old_size":1,"x":2,"hashes":[]})", R"({"x":1,"new_size":2,"hashes":[]})",
        R"({"old_size":1,"new_size":2,"x":[]})", R"({"old_size":1,"new_size":2,"hashes":{}})",
        R"({"old_size":1,"new_size":2,"hashes":7})"}) {
    EXPECT_THAT(ParseHeadProof(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  const auto of = [](size_t count) {
    std::vector<std::string> hashes(count, absl::StrCat("\"", EmptyRoot().ToBase64(), "\""));
    return ParseHeadProof(absl::StrCat("{\"old_size\":1,\"new_size\":2,\"hashes\":[",
                                       absl::StrJoin(hashes, ","), "]}"));
  };
  EXPECT_OK(of(kMaxProofHashes));
  EXPECT_THAT(of(kMaxProofHashes + 1), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(Refusals, AProofIsOnlyForTheSizesItStates) {
  const Checkpoint older = HeadOf(log_, 10);
  const Checkpoint newer = HeadOf(log_, 40);
  const auto relate = [&](const std::vector<HeadProof>& proofs) {
    History history;
    history.proofs = proofs;
    return RelateHeads(older, newer, history);
  };
  HeadProof mislabelled = ProofOf(log_, 10, 40);
  mislabelled.old_size = 9;
  EXPECT_EQ(relate({mislabelled}).kind, Kind::kUnproven);
  // A wrong proof for other heads is nothing against these two.
  HeadProof bad = ProofOf(fork_, 10, 40);
  EXPECT_EQ(relate({bad}).kind, Kind::kBadProof);
  bad.new_size = 30;
  EXPECT_EQ(relate({bad}).kind, Kind::kUnproven);
  HeadProof of_another = ProofOf(fork_, 10, 40);
  of_another.new_root = fork_.RootAt(40);
  EXPECT_EQ(relate({of_another}).kind, Kind::kUnproven);
  // A chain goes over heads that somebody has named.
  EXPECT_EQ(relate({ProofOf(log_, 10, 20), ProofOf(log_, 20, 40)}).kind, Kind::kUnproven);
  EXPECT_EQ(relate({}).detail, "");
}

TEST_F(Refusals, TilesThatAreNotThereProveNothing) {
  TestLog log;
  log.AddEvents(299);
  testing::ExportLog(log, dir_.File("export"));
  History history;
  history.log_dir = dir_.File("export");
  const Checkpoint older = HeadOf(log, 256);
  const Checkpoint newer = HeadOf(log, 300);
  EXPECT_EQ(RelateHeads(older, newer, history).kind, Kind::kExtends);
  // The proof needs the one, the root of the smaller head the other.
  for (const char* name : {"/tile/0/001.p/44", "/tile/1/000.p/1"}) {
    std::filesystem::rename(history.log_dir + name, dir_.File("away"));
    const HeadRelation relation = RelateHeads(older, newer, history);
    EXPECT_EQ(relation.kind, Kind::kUnproven) << name;
    EXPECT_THAT(relation.detail, HasSubstr("cannot be read")) << name;
    std::filesystem::rename(dir_.File("away"), history.log_dir + name);
  }
}

TEST_F(Refusals, AForkIsAForkWhateverProofIsGivenBesideIt) {
  testing::ExportLog(fork_, dir_.File("export"));
  History history;
  history.log_dir = dir_.File("export");
  history.proofs = {ProofOf(fork_, 10, 40)};
  EXPECT_EQ(RelateHeads(HeadOf(log_, 10), HeadOf(fork_, 40), history).kind, Kind::kFork);
}

// --- the trust store --------------------------------------------------------------------------

TEST_F(Refusals, AStoreThatCannotBeWrittenIsSaid) {
  ASSERT_EQ(Head(log_.CheckpointAt(9)).ExitCode(), kExitUnwitnessed);
  std::filesystem::create_directories(StoreFile() + ".tmp");
  const Verdict verdict = Head(log_.UpdateFrom(9, 12));
  EXPECT_EQ(verdict.ExitCode(), kCannotTell);
  EXPECT_THAT(Reasons(verdict), HasSubstr("could not be remembered"));
  std::filesystem::remove_all(dir_.File("trust"));
  const Verdict unlocked = Head(log_.CheckpointAt(9));
  EXPECT_EQ(unlocked.ExitCode(), kCannotTell);
  EXPECT_THAT(Reasons(unlocked), HasSubstr(".lock: ")) << "no lock, no verdict";
}

// Damaged by another run since the head was opened.
TEST_F(Refusals, AHeadIsNotRememberedWhoseKeysCannotBeRead) {
  const std::string note = log_.CheckpointAt(9);
  WriteFile(absl::StrCat(dir_.File("trust/"), Sha256({log_.origin()}).ToHex(), ".keys"), "rubbish");
  Verdict verdict = Verdict::About("checkpoint", pin_);
  CompareWithStore({HeadOf(log_, 9), note}, pin_, history_, HeadUse::kCheckpoint, verdict, {});
  EXPECT_EQ(verdict.ExitCode(), kCannotTell);
  EXPECT_THAT(Reasons(verdict), HasSubstr("memory of the log's keys does not fit the pin"));
}

TEST_F(Refusals, EvidenceThatCannotBeSavedStandsInTheVerdict) {
  ASSERT_EQ(Head(log_.CheckpointAt(9)).ExitCode(), kExitUnwitnessed);
  WriteFile(dir_.File("trust/evidence"), "a file where the folder should be");
  const Verdict verdict = Head(fork_.CheckpointAt(9));
  EXPECT_EQ(verdict.ExitCode(), kRefused);
  EXPECT_THAT(Reasons(verdict),
              AllOf(HasSubstr(log_.CheckpointAt(9)), HasSubstr(fork_.CheckpointAt(9)),
                    HasSubstr("FORK: "), Not(HasSubstr("DISHONEST"))));
}

TEST_F(Refusals, TheStoreLiesWhereTheUserSaysOrInTheHome) {
  const auto with = [](const char* state, const char* home) {
    state == nullptr ? ::unsetenv("XDG_STATE_HOME") : ::setenv("XDG_STATE_HOME", state, 1);
    home == nullptr ? ::unsetenv("HOME") : ::setenv("HOME", home, 1);
    return DefaultTrustDir();
  };
  EXPECT_EQ(with("/state", "/home"), "/state/auditledger/trust");
  EXPECT_EQ(with("relative", "/home"), "/home/.local/state/auditledger/trust");
  EXPECT_EQ(with(nullptr, "/home"), "/home/.local/state/auditledger/trust");
  EXPECT_EQ(with(nullptr, "relative"), "");
  EXPECT_EQ(with(nullptr, nullptr), "");
  EXPECT_FALSE(TrustStore::Open("").ok());
  EXPECT_THAT(store_->Forget("nobody"), StatusIs(absl::StatusCode::kNotFound));
  std::filesystem::remove_all(dir_.File("trust"));
  EXPECT_THAT(store_->List(), StatusIs(absl::StatusCode::kUnavailable));
  WriteFile(dir_.File("file"), "");
  EXPECT_FALSE(TrustStore::Open(dir_.File("file/below")).ok());
}

TEST_F(Refusals, APinIsALogsKeyUnderTheOriginsName) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const std::string witness =
      NoteVerifier::FromEd25519("o.test", TestPublicKey(1), kNoteEd25519Cosignature)->ToVkey();
  EXPECT_THAT(MakePin("o.test", witness), StatusIs(kInvalid, HasSubstr("not an Ed25519 log key")));
  EXPECT_THAT(LoadPin("o.test", log_.verifier().ToVkey()),
              StatusIs(kInvalid, StartsWith("pin: the key is named")))
      << "a vkey is no file's name";
  const std::string vkey = log_.verifier().ToVkey();
  for (const char* const end : {"", "\n", "\r\n"}) {
    WriteFile(dir_.File("vkey"), vkey + end);
    ASSERT_OK_AND_ASSIGN(const NoteVerifier verifier, LoadKey(dir_.File("vkey")));
    EXPECT_EQ(verifier.ToVkey(), vkey);
  }
  WriteFile(dir_.File("vkey"), vkey + "\n" + vkey);
  EXPECT_THAT(LoadKey(dir_.File("vkey")), StatusIs(kInvalid));
  EXPECT_THAT(LoadKey("absent.vkey"),
              StatusIs(kInvalid, AllOf(HasSubstr("nor a file"), HasSubstr("absent.vkey"))));
  const auto index_key = [](size_t bytes) {
    return ParseIndexKey(
        absl::StrCat("auditledger-key/v1 index 1 ", EncodeBase64(std::string(bytes, 'i')), "\n"));
  };
  EXPECT_OK(index_key(32));
  for (const size_t bytes : {0, 31, 33}) EXPECT_THAT(index_key(bytes), StatusIs(kInvalid));
}

// --- witnesses --------------------------------------------------------------------------------

class WitnessRefusals : public Refusals {
 protected:
  static constexpr uint64_t kTime = 1'700'000'000;
  struct Witness {
    NoteVerifier key;
    uint8_t seed;
  };
  static Witness Of(const std::string& name, uint8_t seed) {
    return {*NoteVerifier::FromEd25519(name, TestPublicKey(seed), kNoteEd25519Cosignature), seed};
  }
  // Any one of them is enough.
  void Ask(const std::vector<Witness>& witnesses) {
    std::string text, names;
    for (size_t w = 0; w < witnesses.size(); ++w) {
      absl::StrAppend(&text, "witness n", w, " ", witnesses[w].key.ToVkey(), "\n");
      absl::StrAppend(&names, " n", w);
    }
    ASSERT_OK(AddPolicy(
        *Policy::Parse(absl::StrCat(text, "group one any", names, "\nquorum one\n")), true, pin_));
  }
  static std::string Cosigned(const std::string& note, const std::vector<Witness>& by) {
    std::string out = note;
    for (const Witness& w : by) {
      const std::string message = CosignatureMessage(kTime, ParseNote(note)->text);
      absl::StrAppend(&out, FormatNoteSignature(
                                *MakeCosignature(w.key, kTime, TestSignature(w.seed, message))));
    }
    return out;
  }
  size_t Kept() { return CheckedWitnesses(store_->Load(pin_).value()->note); }
  size_t CheckedWitnesses(const std::string& note) {
    return VerifyCosignatures(note, pin_.policy->WitnessKeys()).value().size();
  }
};

TEST_F(WitnessRefusals, CosignersAreToldApartByNameAndByKey) {
  const auto [one, other] = testing::NamesOfOneKeyId(1);
  // A policy lists a key once, so that the colliding name is another key's with that ID: the store
  // is merged by lines alone.
  Ask({Of(one, 1), Of(one, 2)});
  ASSERT_EQ(Head(Cosigned(log_.CheckpointAt(9), {Of(one, 1), Of(one, 2)})).ExitCode(), 0);
  ASSERT_EQ(Head(Cosigned(log_.CheckpointAt(9), {Of(one, 1)})).ExitCode(), 0);
  EXPECT_EQ(Kept(), 2u) << "the other key of that name";
  // A stranger's line under the other name of the same ID takes nobody's place.
  ASSERT_EQ(Head(Cosigned(log_.CheckpointAt(9), {Of(other, 1), Of(one, 2)})).ExitCode(), 0);
  EXPECT_EQ(Kept(), 2u);
}

TEST_F(WitnessRefusals, LinesOfAnotherTextAreNotTakenOver) {
  Ask({Of("a", 1), Of("b", 2)});
  Checkpoint extended = HeadOf(log_, 9);
  extended.extensions = {"more"};
  const std::string with_extension = log_.Sign(FormatCheckpoint(extended));
  ASSERT_EQ(Head(Cosigned(with_extension, {Of("a", 1), Of("b", 2)})).ExitCode(), 0);
  const std::string plain = Cosigned(log_.CheckpointAt(9), {Of("a", 1)});
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Head(plain).ExitCode(), 0);
    EXPECT_EQ(store_->Load(pin_).value()->note, plain);
  }
}

TEST_F(WitnessRefusals, ANoteIsNotFilledBeyondWhatCanBeRead) {
  Ask({Of("a", 1), Of("b", 2)});
  ASSERT_EQ(Head(Cosigned(log_.CheckpointAt(9), {Of("a", 1), Of("b", 2)})).ExitCode(), 0);
  Note full = *ParseNote(Cosigned(log_.CheckpointAt(9), {Of("a", 1)}));
  while (full.signatures.size() < kMaxNoteSignatures) {
    full.signatures.push_back({"stranger", static_cast<uint32_t>(full.signatures.size()), "x"});
  }
  ASSERT_EQ(Head(FormatNote(full)).ExitCode(), 0);
  EXPECT_EQ(Kept(), 1u);
}

TEST_F(WitnessRefusals, ANoteWithAWrongLineNamesNobody) {
  const Witness w = Of("a", 1);
  Ask({w});
  const std::string good = Cosigned(log_.CheckpointAt(9), {w});
  const std::string wrong = Cosigned(fork_.CheckpointAt(9), {{w.key, 2}});
  EXPECT_THAT(CosignersOfBoth(good, wrong, pin_), IsEmpty());
  EXPECT_THAT(CosignersOfBoth(wrong, good, pin_), IsEmpty());
}

}  // namespace
}  // namespace auditledger
