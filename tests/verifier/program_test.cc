// auditledger-verify as a process: exit codes, --json, and what it links.
//
// Covers: verifier/event_file, verifier/cli/options, verifier/cli/run
#include "tests/verifier/program.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/cosignature.h"
#include "merkle/tlog_proof.h"
#include "nlohmann/json.hpp"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/file_io.h"
#include "verifier/verdict.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramTest;
using testing::Ran;
using testing::ReadFile;
using testing::RunShell;
using testing::SourcePath;
using testing::WriteFile;

TEST_F(ProgramTest, VerifiesReceiptLogEntryAndHeads) {
  const Ran receipt = Run("receipt @r.tlog-proof --event @r.event.pb --index-key @index.key");
  EXPECT_EQ(receipt.exit_code, kExitUnwitnessed) << receipt.out;
  EXPECT_THAT(receipt.out, HasSubstr("no witness policy given: this head is vouched for by the "
                                     "log's own key alone"));
  EXPECT_EQ(Run("log @export --index-key @index.key").exit_code, kExitUnwitnessed);
  const Ran entry = Run("entry @export 7");
  EXPECT_EQ(entry.exit_code, kExitUnwitnessed);
  EXPECT_THAT(entry.out, HasSubstr("event-7"));
  WriteFile(dir_.File("update"), log_.UpdateFrom(30, 40));
  EXPECT_EQ(Run("checkpoint @update").exit_code, kExitUnwitnessed);
  WriteFile(dir_.File("new"), log_.CheckpointAt(40));
  EXPECT_EQ(Run("consistency @export/checkpoint @new --proof @update").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("receipt @r.tlog-proof --pins @pins --no-trust-store", false).exit_code,
            kExitUnwitnessed);
}

TEST_F(ProgramTest, TheJsonIsOneStableObject) {
  const Ran ran = Run("receipt @r.tlog-proof --event @r.event.pb --json");
  const nlohmann::json json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["verdict"], "verified, unwitnessed");
  EXPECT_EQ(json["exit_code"], 3);
  EXPECT_TRUE(json["witnesses"].is_null());
  EXPECT_EQ(json["against"]["origin"], log_.origin());
  EXPECT_EQ(json["against"]["size"], 30);
  EXPECT_EQ(json["against"]["root"], log_.RootAt(30).ToHex());
  for (const char* name : {"proven", "not_proven", "reasons", "evidence"}) {
    EXPECT_TRUE(json[name].is_array()) << name;
  }
  const Ran entry = Run("entry @export 7 --json");
  EXPECT_EQ(nlohmann::json::parse(entry.out)["event"]["event_id"], "event-7");
}

// What the trust store keeps of a fork, judged by somebody who has the key and the file alone.
TEST_F(ProgramTest, TheEvidenceOfAForkIsJudgedByAnybody) {
  testing::TestLog fork;
  fork.AddEvents(20);
  fork.AddEvent(testing::TestEvent(999));
  fork.AddEvents(20);
  WriteFile(dir_.File("forked"), fork.CheckpointAt(30));
  EXPECT_EQ(Run("checkpoint @export/checkpoint").exit_code, kExitUnwitnessed);
  const Ran refused = Run("checkpoint @forked --json");
  EXPECT_EQ(refused.exit_code, 1);
  const std::string path = nlohmann::json::parse(refused.out)["evidence"][0];
  const Ran judged = Run("evidence " + path + " --no-trust-store");
  EXPECT_EQ(judged.exit_code, 1);
  EXPECT_THAT(judged.out, HasSubstr("MISBEHAVIOUR PROVEN: fork (verdict: refused)"));
  const Ran json = Run("evidence " + path + " --json");
  EXPECT_EQ(nlohmann::json::parse(json.out)["misbehaviour"]["accused"][0]["role"], "log");
  EXPECT_EQ(Run("evidence @export/checkpoint").exit_code, 2) << "it is no evidence";
  EXPECT_EQ(Run("evidence @nowhere").exit_code, 2);
  EXPECT_EQ(Run("evidence").exit_code, 64);
}

TEST_F(ProgramTest, TheEventMayBeProtobufJson) {
  const Ran entry = Run("entry @export 7 --json");
  WriteFile(dir_.File("e.json"), nlohmann::json::parse(entry.out)["event"].dump());
  EXPECT_EQ(Run("receipt @r.tlog-proof --event @e.json").exit_code, kExitUnwitnessed);
  WriteFile(dir_.File("bad.json"), "{\"no_such_field\": 1}");
  const Ran bad = Run("receipt @r.tlog-proof --event @bad.json");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.out, Not(HasSubstr("no_such_field"))) << "never quotes an event";
}

TEST_F(ProgramTest, ExitCodesTellRefusedFromCannotTellFromUsage) {
  std::string receipt = ReadFile(dir_.File("r.tlog-proof"));
  WriteFile(dir_.File("bad"), log_.ReceiptFor(8, 30));
  EXPECT_EQ(Run("receipt @bad --event @r.event.pb").exit_code, 1);
  EXPECT_EQ(Run("receipt @missing").exit_code, 2);
  WriteFile(dir_.File("cut"), receipt.substr(0, receipt.size() / 2));
  EXPECT_EQ(Run("receipt @cut").exit_code, 2);
  EXPECT_EQ(Run("log @missing").exit_code, 2);
  EXPECT_EQ(Run("receipt @r.tlog-proof", false).exit_code, 64) << "nothing is pinned";
  EXPECT_EQ(Run("receipt @r.tlog-proof --origin x --key y", false).exit_code, 64);
  EXPECT_EQ(Run("").exit_code, 64);
  EXPECT_EQ(Run("receipt @r.tlog-proof --no-such-flag").exit_code, 64);
  EXPECT_EQ(Run("--help", false).exit_code, 0);
  EXPECT_EQ(Run("--version", false).exit_code, 0);
  const Ran quiet = Run("receipt @bad --event @r.event.pb --quiet");
  EXPECT_EQ(quiet.exit_code, 1);
  EXPECT_EQ(quiet.out, "");
}

TEST_F(ProgramTest, TheTrustStoreIsListedShownAndForgotten) {
  EXPECT_EQ(Run("trust show").exit_code, 2);
  EXPECT_EQ(Run("log @export").exit_code, kExitUnwitnessed);
  EXPECT_THAT(Run("trust list").out, HasSubstr("ledger.test/clinic  size 30"));
  EXPECT_EQ(Run("trust show").out, log_.CheckpointAt(30));
  WriteFile(dir_.File("old"), log_.CheckpointAt(20));
  EXPECT_EQ(Run("checkpoint @old").exit_code, 1) << "a rollback";
  EXPECT_EQ(Run("trust forget").exit_code, 0);
  EXPECT_EQ(Run("checkpoint @old").exit_code, kExitUnwitnessed);
}

TEST_F(ProgramTest, AReceiptIsLinkedByProofFilesByALogOrCheckedAlone) {
  WriteFile(dir_.File("seen"), log_.CheckpointAt(40));
  EXPECT_EQ(Run("checkpoint @seen").exit_code, kExitUnwitnessed);
  const Ran bare = Run("receipt @r.tlog-proof");
  EXPECT_EQ(bare.exit_code, 2);
  EXPECT_THAT(bare.out, HasSubstr("auditctl prove-consistency 30 40"));
  WriteFile(dir_.File("p1"), log_.UpdateFrom(30, 35));
  WriteFile(dir_.File("p2"), log_.UpdateFrom(35, 40));
  const Ran linked = Run("receipt --proof @p1 --proof @p2 @r.tlog-proof");
  EXPECT_EQ(linked.exit_code, kExitUnwitnessed) << linked.out;
  EXPECT_EQ(Run("receipt @r.tlog-proof --no-trust-store").exit_code, kExitUnwitnessed);
  testing::ExportLog(log_, dir_.File("export"), 41);
  EXPECT_EQ(Run("receipt @r.tlog-proof --log @export").exit_code, kExitUnwitnessed);
}

// Five witnesses, four of whom must have cosigned.
class PolicyProgramTest : public ProgramTest {
 protected:
  PolicyProgramTest() {
    std::string text = "log " + log_.verifier().ToVkey() + "\n";
    std::string names;
    for (uint8_t w = 1; w <= 5; ++w) {
      keys_.push_back(*NoteVerifier::FromEd25519(absl::StrCat("witness.test/", w),
                                                 testing::TestPublicKey(100 + w),
                                                 kNoteEd25519Cosignature));
      absl::StrAppend(&text, "witness w", w, " ", keys_.back().ToVkey(), "\n");
      absl::StrAppend(&names, " w", w);
    }
    WriteFile(dir_.File("4of5"), absl::StrCat(text, "group all 4", names, "\nquorum all\n"));
    WriteFile(dir_.File("3of5"), absl::StrCat(text, "group all 3", names, "\nquorum all\n"));
    WriteFile(dir_.File("none"), text + "quorum none\n");
  }
  // The note with the lines of the first `count` witnesses.
  std::string Cosigned(const std::string& note, uint8_t count) {
    Note parsed = *ParseNote(note);
    for (uint8_t w = 1; w <= count; ++w) {
      const std::string message = CosignatureMessage(1'700'000'000, parsed.text);
      parsed.signatures.push_back(
          *MakeCosignature(keys_[w - 1], 1'700'000'000, testing::TestSignature(100 + w, message)));
    }
    return FormatNote(parsed);
  }
  std::vector<NoteVerifier> keys_;
};

TEST_F(PolicyProgramTest, AQuorumOfWitnessesIsExitCodeZero) {
  WriteFile(dir_.File("head"), Cosigned(log_.CheckpointAt(40), 4));
  const Ran ran = Run("checkpoint @head --policy @4of5");
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("VERIFIED: checkpoint"));
  EXPECT_THAT(ran.out, HasSubstr("policy survives f = 2 dishonest witnesses (4 of 5: two quorums "
                                 "share at least 3 witnesses, f = 3 - 1 = 2)"));
  EXPECT_THAT(ran.out, HasSubstr("witnessed by w1 (2023-11-14T22:13:20.000000Z), w2 "));
  EXPECT_THAT(ran.out, HasSubstr("that the log has no newer head: the newest of these "
                                 "cosignatures says 2023-11-14T22:13:20.000000Z, "));
  const auto json = nlohmann::json::parse(Run("checkpoint @head --policy @4of5 --json").out);
  EXPECT_EQ(json["verdict"], "verified");
  EXPECT_EQ(json["witnesses"]["met"], true);
  EXPECT_EQ(json["witnesses"]["f"], 2);
  EXPECT_EQ(json["witnesses"]["by"].size(), 4u);
  EXPECT_EQ(json["witnesses"]["by"][3]["name"], "w4");
  // The policy lists the log: it is a pin.
  EXPECT_EQ(Run("checkpoint @head --no-trust-store --policy @4of5", false).exit_code, 0);
  // Receipts and exports carry cosigned heads.
  TlogProof proof = *ParseTlogProof(log_.ReceiptFor(7, 40));
  proof.checkpoint = Cosigned(proof.checkpoint, 5);
  WriteFile(dir_.File("r5"), FormatTlogProof(proof));
  EXPECT_EQ(Run("receipt @r5 --event @r.event.pb --policy @4of5").exit_code, 0);
  testing::ExportLog(log_, dir_.File("cosigned"), 40);
  EXPECT_EQ(Run("log @cosigned --policy @4of5").exit_code, 1);
  WriteFile(dir_.File("cosigned/checkpoint"), Cosigned(log_.CheckpointAt(40), 5));
  EXPECT_EQ(Run("log @cosigned --policy @4of5").exit_code, 0);
  EXPECT_EQ(Run("entry @cosigned 7 --policy @4of5").exit_code, 0);
}

TEST_F(PolicyProgramTest, WithoutAQuorumItIsRefusedAndSaysWhoIsMissing) {
  WriteFile(dir_.File("head"), Cosigned(log_.CheckpointAt(40), 3));
  const Ran ran = Run("checkpoint @head --policy @4of5");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("all has 3 of the 4 it needs (w4 has not cosigned, w5 has"));
  EXPECT_EQ(Run("trust show").exit_code, 2) << "a head that was refused is not remembered";
  EXPECT_EQ(Run("checkpoint @head").exit_code, kExitUnwitnessed);
  WriteFile(dir_.File("wrong"),
            Cosigned(log_.CheckpointAt(40), 4) +
                FormatNoteSignature({keys_[4].name(), keys_[4].key_id(), std::string(72, 'x')}));
  EXPECT_EQ(Run("checkpoint @wrong --policy @4of5").exit_code, 1) << "a known key's wrong line";
}

TEST_F(PolicyProgramTest, AWeakPolicyIsRefusedUnlessAllowed) {
  WriteFile(dir_.File("head"), Cosigned(log_.CheckpointAt(40), 3));
  const Ran ran = Run("checkpoint @head --policy @3of5");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("survives no dishonest witness (3 of 5: two quorums share at "
                                 "least 1 witness, f = 1 - 1 = 0)"));
  EXPECT_EQ(Run("checkpoint @head --policy @3of5 --allow-weak-policy").exit_code, 0);
  EXPECT_EQ(Run("checkpoint @head --policy @none").exit_code, 1);
  const Ran none = Run("checkpoint @head --policy @none --allow-weak-policy");
  EXPECT_EQ(none.exit_code, kExitUnwitnessed);
  EXPECT_THAT(none.out, HasSubstr("VERIFIED, UNWITNESSED"));
}

TEST_F(PolicyProgramTest, PoliciesThatCannotBeMeantAreUsage) {
  WriteFile(dir_.File("head"), Cosigned(log_.CheckpointAt(40), 5));
  WriteFile(dir_.File("bad"), "quorum nobody\n");
  EXPECT_EQ(Run("checkpoint @head --policy @bad").exit_code, 64);
  EXPECT_EQ(Run("checkpoint @head --policy @absent").exit_code, 64);
  EXPECT_EQ(Run("checkpoint @head --allow-weak-policy").exit_code, 64);
  testing::TestLog::Options other;
  other.key = 2;
  WriteFile(dir_.File("other"),
            "log " + testing::TestLog(other).verifier().ToVkey() + "\nquorum none\n");
  const Ran ran = Run("checkpoint @head --policy @other");
  EXPECT_EQ(ran.exit_code, 64);
  EXPECT_THAT(ran.out, HasSubstr("the pinned key is none of them"));
  EXPECT_EQ(Run("checkpoint @head --policy @other --origin nobody", false).exit_code, 64);
}

TEST_F(PolicyProgramTest, AnyListedKeyOfTheOriginMaySign) {
  const std::string policy = ReadFile(dir_.File("4of5"));
  const std::string other =
      NoteVerifier::FromEd25519(log_.origin(), testing::TestPublicKey(2))->ToVkey();
  WriteFile(dir_.File("before"), "log " + other + "\n" + policy);
  WriteFile(dir_.File("after"), policy + "log " + other + "\n");
  testing::ExportLog(log_, dir_.File("cosigned"), 40);
  WriteFile(dir_.File("cosigned/checkpoint"), Cosigned(log_.CheckpointAt(40), 5));
  const std::string store = " --trust-store " + dir_.File("any");
  for (const char* name : {"before", "after"}) {
    for (const std::string& origin : {std::string(), " --origin " + log_.origin()}) {
      const std::string pin = absl::StrCat(" --policy @", name, store, origin);
      EXPECT_EQ(Run("checkpoint @cosigned/checkpoint" + pin, false).exit_code, 0) << pin;
      EXPECT_EQ(Run("log @cosigned" + pin, false).exit_code, 0) << pin;
      EXPECT_EQ(Run("trust show" + pin, false).exit_code, 0) << pin;
      const Ran ran = Run("checkpoint @cosigned/checkpoint --json" + pin, false);
      EXPECT_EQ(nlohmann::json::parse(ran.out)["against"]["key"], log_.verifier().ToVkey());
    }
  }
  // A key that was given is the only one.
  WriteFile(dir_.File("key2"), other + "\n");
  EXPECT_EQ(Run("checkpoint @cosigned/checkpoint --policy @before --no-trust-store --origin " +
                    log_.origin() + " --key @key2",
                false)
                .exit_code,
            1);
}

TEST_F(PolicyProgramTest, TheTrustStoreKeepsCosignedHeads) {
  WriteFile(dir_.File("bare"), log_.CheckpointAt(40));
  WriteFile(dir_.File("head"), Cosigned(log_.CheckpointAt(40), 4));
  EXPECT_EQ(Run("checkpoint @bare").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("checkpoint @head --policy @4of5").exit_code, 0);
  EXPECT_EQ(Run("trust show").out, Cosigned(log_.CheckpointAt(40), 4));
  EXPECT_EQ(Run("checkpoint @bare").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("trust show").out, Cosigned(log_.CheckpointAt(40), 4));
}

TEST_F(PolicyProgramTest, TheHeadThatTheTrustStoreShowsIsJudgedByThePolicy) {
  WriteFile(dir_.File("head"), Cosigned(log_.CheckpointAt(40), 3));
  EXPECT_EQ(Run("checkpoint @head").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("trust show").exit_code, 0);
  const Ran refused = Run("trust show --policy @4of5");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.out, HasSubstr("w4 has not cosigned"));
  EXPECT_EQ(Run("trust show --policy @3of5").exit_code, 1) << "weak";
  const Ran weak = Run("trust show --policy @3of5 --allow-weak-policy");
  EXPECT_EQ(weak.exit_code, 0);
  EXPECT_EQ(weak.out, Cosigned(log_.CheckpointAt(40), 3));
  EXPECT_EQ(Run("trust show --policy @none --allow-weak-policy").exit_code, kExitUnwitnessed);
}

TEST_F(PolicyProgramTest, TheTrustStoreForgetsNoCosigner) {
  const auto without = [&](size_t w) {
    Note note = *ParseNote(Cosigned(log_.CheckpointAt(40), 5));
    note.signatures.erase(note.signatures.begin() + static_cast<int>(w));
    return FormatNote(note);
  };
  // Seen without a policy, with a wrong line of w1: that one is not kept.
  Note wrong = *ParseNote(without(1));
  wrong.signatures.push_back({keys_[0].name(), keys_[0].key_id(), std::string(72, 'x')});
  wrong.signatures.push_back({"elsewhere.test/w", 7, std::string(72, 'y')});
  WriteFile(dir_.File("wrong"), FormatNote(wrong));
  WriteFile(dir_.File("no-w1"), without(1));
  WriteFile(dir_.File("no-w5"), without(5));
  EXPECT_EQ(Run("checkpoint @wrong").exit_code, kExitUnwitnessed);
  EXPECT_EQ(Run("checkpoint @no-w1 --policy @4of5").exit_code, 0);
  const std::string fewer = Run("trust show").out;
  EXPECT_THAT(*VerifyCosignatures(fewer, keys_), ::testing::SizeIs(4));
  EXPECT_THAT(fewer, HasSubstr("elsewhere.test/w")) << "a witness of another policy";
  EXPECT_EQ(Run("checkpoint @no-w5 --policy @4of5").exit_code, 0);
  EXPECT_EQ(Run("checkpoint @no-w1 --policy @4of5").exit_code, 0);
  EXPECT_THAT(*VerifyCosignatures(Run("trust show").out, keys_), ::testing::SizeIs(5));
}

// More than f witnesses were bribed: whoever sees both heads can name them.
TEST_F(PolicyProgramTest, WitnessesOfTwoHistoriesAreNamed) {
  WriteFile(dir_.File("head"), Cosigned(log_.CheckpointAt(40), 4));
  WriteFile(dir_.File("fork"), Cosigned(log_.CheckpointSaying(40, LeafHash("another history")), 5));
  EXPECT_EQ(Run("checkpoint @head --policy @4of5").exit_code, 0);
  const Ran ran = Run("checkpoint @fork --policy @4of5");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("FORK: "));
  EXPECT_THAT(ran.out,
              HasSubstr("DISHONEST: these witnesses cosigned both histories: w1, w2, w3, w4\n"));
}

TEST_F(ProgramTest, FilesOverTheirLimitAreNotRead) {
  const auto sparse = [&](const char* name, size_t size) {
    WriteFile(dir_.File(name), "");
    std::filesystem::resize_file(dir_.File(name), size);
  };
  sparse("proof", kMaxProofFileBytes + 1);
  sparse("note", kMaxNoteBytes + 1);
  sparse("key", kMaxKeyFileBytes + 1);
  sparse("many", kMaxPinsFileBytes + 1);
  for (const char* arguments :
       {"receipt @proof", "checkpoint @proof", "receipt @r.tlog-proof --proof @proof",
        "checkpoint @export/checkpoint --from @note", "consistency @note @export/checkpoint",
        "consistency @export/checkpoint @note", "receipt @r.tlog-proof --index-key @key"}) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, 2) << arguments;
    EXPECT_THAT(ran.out, HasSubstr(": over ")) << arguments;
  }
  const Ran pins = Run("receipt @r.tlog-proof --no-trust-store --pins @many", false);
  EXPECT_EQ(pins.exit_code, 64);
  EXPECT_THAT(pins.out, HasSubstr(": over "));
  sparse("proof", kMaxProofFileBytes);
  EXPECT_THAT(Run("receipt @proof").out, Not(HasSubstr(": over ")));
}

TEST_F(ProgramTest, ABundleIsJudgedAndMadeAPage) {
  const auto published =
      nlohmann::json::parse(ReadFile(SourcePath("tests/testdata/bundle/bundles.json")));
  WriteFile(dir_.File("bundle.vkey"), published.at("vkey").get<std::string>());
  const std::string pin =
      absl::StrCat(" --origin ", published.at("origin").get<std::string>(), " --key @bundle.vkey");
  const auto bundle = [&](const char* name) {
    return absl::StrCat("bundle ", SourcePath("tests/testdata/bundle"), "/", name, ".bundle", pin);
  };
  const Ran verified = Run(bundle("patient") + " --page @page.html", false);
  EXPECT_EQ(verified.exit_code, 3) << verified.out;
  EXPECT_THAT(verified.out, HasSubstr("VERIFIED, UNWITNESSED: bundle"));
  EXPECT_THAT(ReadFile(dir_.File("page.html")), HasSubstr("Content-Security-Policy"));
  EXPECT_EQ(Run(bundle("sparse") + " --quiet", false).out, "");
  EXPECT_EQ(Run(bundle("sparse"), false).exit_code, 2);
  const Ran no_key = Run(bundle("whole") + " --index-key @absent.key", false);
  EXPECT_EQ(no_key.exit_code, 2);
  EXPECT_THAT(no_key.out, HasSubstr("absent.key"));
  const Ran no_page = Run(bundle("whole") + " --page @absent/page.html", false);
  EXPECT_EQ(no_page.exit_code, 2) << "verified, and there is no page";
  EXPECT_THAT(no_page.out, HasSubstr("absent/page.html"));
  const Ran json = Run(bundle("whole") + " --json", false);
  EXPECT_EQ(nlohmann::json::parse(json.out).at("verdict"), "verified, unwitnessed");
  EXPECT_EQ(Run("bundle @none" + pin, false).exit_code, 2);
  EXPECT_EQ(Run("bundle @vkey" + pin, false).exit_code, 1);  // no bundle at all
  EXPECT_EQ(Run("bundle @vkey", false).exit_code, 64);
}

TEST_F(ProgramTest, LinksNeitherGrpcNorLeveldb) {
  for (const char* tool : {"readelf -d ", "ldd "}) {
    const Ran ran = RunShell(absl::StrCat(tool, AUDITLEDGER_VERIFY_PROGRAM));
    ASSERT_EQ(ran.exit_code, 0) << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("libcrypto")) << "the tool says something";
    EXPECT_THAT(ran.out, Not(HasSubstr("grpc")));
    EXPECT_THAT(ran.out, Not(HasSubstr("leveldb")));
  }
}

}  // namespace
}  // namespace auditledger
