// Refusals that no story of another test comes by: each case here is a check of merkle/ that
// tools/mutate.py took away and nobody missed.
//
// Covers: merkle/checkpoint, merkle/cosignature, merkle/evidence_check, merkle/hash, merkle/note
// Covers: merkle/note_verifier, merkle/opening, merkle/key_chain, merkle/verify, merkle/tlog_proof
// Covers: merkle/units, merkle/tags, merkle/tile
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "merkle/base64.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "merkle/evidence.h"
#include "merkle/key_chain.h"
#include "merkle/note.h"
#include "merkle/opening.h"
#include "merkle/proof.h"
#include "merkle/tags.h"
#include "merkle/tile.h"
#include "merkle/tlog_proof.h"
#include "merkle/units.h"
#include "merkle/verify.h"
#include "merkle/wire.h"
#include "tests/testing/key_ids.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::StatusIs;
using testing::TestLog;
using testing::TestPublicKey;
using testing::TestSignature;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(CheckpointRefusals, ALineWithoutItsEndIsNamed) {
  const std::string root = EmptyRoot().ToBase64();
  for (const auto& [text, line] : std::map<std::string, std::string>{
           {"origin", "checkpoint: origin: line missing"},
           {"origin\n0", "checkpoint: size: line missing"},
           {"origin\n0\n" + root, "checkpoint: root: line missing"},
           {"origin\n0\n" + root + "\nmore", "checkpoint: extension: line missing"}}) {
    EXPECT_THAT(ParseCheckpoint(text), StatusIs(kInvalid, HasSubstr(line)));
  }
}

TEST(HashRefusals, HexOfAnyOtherLength) {
  const std::string hex = EmptyRoot().ToHex();
  EXPECT_OK(Hash::FromHex(hex));
  for (const std::string& other : {hex + "0", hex + "00", hex.substr(1), hex.substr(2)}) {
    EXPECT_THAT(Hash::FromHex(other), StatusIs(kInvalid, HasSubstr("hex digits, needs 64")));
  }
}

TEST(NoteRefusals, ASignatureLineIsWhole) {
  const auto with = [](const std::string& line) { return ParseNote("text\n\n" + line).status(); };
  EXPECT_OK(with("\xe2\x80\x94 name AAAAAAA=\n"));
  EXPECT_THAT(with("\xe2\x80\x94 name AAAA\n"), StatusIs(kInvalid, HasSubstr("note: key ID")));
  EXPECT_THAT(with("\xe2\x80\x94 AAAAAAA=\n"), StatusIs(kInvalid, HasSubstr("without signature")));
  EXPECT_THAT(with("\xe2\x80\x94 name AAAAAAA="), StatusIs(kInvalid, HasSubstr("without its LF")));
}

TEST(VkeyRefusals, NameKeyIdAndKeyAreThereAndAKeyMayHaveThatName) {
  const auto vkey_named = [](const std::string& name) {
    const std::string key = TestPublicKey(1);
    return absl::StrCat(name, "+", absl::StrFormat("%08x", NoteKeyId(name, kNoteEd25519, key)), "+",
                        EncodeBase64(std::string(1, '\x01') + key));
  };
  EXPECT_OK(NoteVerifier::Parse(vkey_named("good")));
  for (const char* name : {"", "with space", "with\xc2\xa0space",
                           "with\x01"
                           "control"}) {
    EXPECT_THAT(NoteVerifier::Parse(vkey_named(name)), StatusIs(kInvalid, HasSubstr("bad name")));
  }
  EXPECT_THAT(NoteVerifier::Parse("name"), StatusIs(kInvalid, HasSubstr("no key ID")));
  EXPECT_THAT(NoteVerifier::Parse("name+01234567"), StatusIs(kInvalid, HasSubstr("no key")));
}

TEST(VkeyRefusals, AnEd25519SignatureOfAnotherLengthSaysSo) {
  const NoteVerifier key = *NoteVerifier::FromEd25519("log", TestPublicKey(1));
  EXPECT_THAT(key.Verify("text\n", TestSignature(1, "text\n") + "x"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("signature of 65 bytes")));
}

// Witness keys that differ in name alone and in key ID alone.
class CosignersTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kTime = 1'700'000'000;
  static NoteVerifier Witness(const std::string& name, uint8_t seed) {
    return *NoteVerifier::FromEd25519(name, TestPublicKey(seed), kNoteEd25519Cosignature);
  }
  std::string Line(const NoteVerifier& witness, uint8_t seed) {
    return FormatNoteSignature(
        *MakeCosignature(witness, kTime, TestSignature(seed, CosignatureMessage(kTime, text_))));
  }
  TestLog log_;
  std::string note_ = log_.CheckpointAt(1);
  std::string text_ = ParseNote(note_)->text;
};

TEST_F(CosignersTest, AWitnessIsItsNameAndItsKey) {
  const auto [one, other] = testing::NamesOfOneKeyId(1);
  const std::vector<NoteVerifier> keys = {Witness(one, 1), Witness(other, 1), Witness(one, 2)};
  ASSERT_EQ(keys[0].key_id(), keys[1].key_id());
  for (size_t signer = 0; signer < keys.size(); ++signer) {
    const std::string note = note_ + Line(keys[signer], signer == 2 ? 2 : 1);
    EXPECT_THAT(*VerifyCosignatures(note, keys), ElementsAre(Cosignature{signer, kTime}));
    // A line more by each of the others is kept; the same again is not.
    for (size_t more = 0; more < keys.size(); ++more) {
      const absl::StatusOr<std::string> added =
          AddCosignatures(note, Line(keys[more], more == 2 ? 2 : 1), keys);
      ASSERT_OK(added);
      EXPECT_THAT(*VerifyCosignatures(*added, keys), SizeIs(more == signer ? 1 : 2));
      EXPECT_THAT(ParseNote(*added)->signatures, SizeIs(more == signer ? 2 : 3));
    }
  }
}

class EvidenceRefusals : public ::testing::Test {
 protected:
  EvidenceRefusals() { log_.AddEvents(20); }
  void ExpectNothing(const Evidence& evidence, const std::string& why) {
    EXPECT_THAT(CheckEvidence(evidence, {log_.origin(), log_.verifier(), {}}),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(why)));
  }
  Evidence Heads(Evidence::Kind kind, uint64_t first, uint64_t second) {
    Evidence evidence;
    evidence.kind = kind;
    evidence.first = log_.CheckpointAt(first);
    evidence.second = log_.CheckpointAt(second);
    return evidence;
  }
  TestLog log_;
};

TEST_F(EvidenceRefusals, OneHeadTwiceIsNoFork) {
  ExpectNothing(Heads(Evidence::Kind::kFork, 9, 9), "the heads agree");
}

TEST_F(EvidenceRefusals, AHistoryHasASmallerHeadAndALarger) {
  for (const uint64_t second : {uint64_t{5}, uint64_t{9}}) {
    Evidence evidence = Heads(Evidence::Kind::kHistory, 9, second);
    evidence.prefix = LeafHash("other");
    ExpectNothing(evidence, "the second head is not the larger");
  }
}

TEST_F(EvidenceRefusals, OneEntryUnderTwoHeadsIsTheHonestCase) {
  Evidence evidence = Heads(Evidence::Kind::kReceipt, 9, 12);
  evidence.index = 3;
  evidence.first_hash = evidence.second_hash = LeafHash(log_.leaves()[3]);
  evidence.proof = InclusionProof(3, 9, log_).value();
  evidence.second_proof = InclusionProof(3, 12, log_).value();
  ExpectNothing(evidence, "both have this entry");
}

TEST_F(EvidenceRefusals, ARollbackNeedsNotesWhoseCosignaturesVerify) {
  const NoteVerifier witness =
      *NoteVerifier::FromEd25519("w", TestPublicKey(7), kNoteEd25519Cosignature);
  const auto cosigned = [&](uint64_t size, uint64_t time, uint8_t seed) {
    const std::string note = log_.CheckpointAt(size);
    const std::string text = ParseNote(note)->text;
    return note + FormatNoteSignature(*MakeCosignature(
                      witness, time, TestSignature(seed, CosignatureMessage(time, text))));
  };
  const EvidencePins pins{log_.origin(), log_.verifier(), {witness}};
  Evidence evidence = Heads(Evidence::Kind::kRollback, 12, 9);
  evidence.first = cosigned(12, 1000, 7);
  evidence.second = cosigned(9, 2000, 7);
  EXPECT_OK(CheckEvidence(evidence, pins));
  // By a stranger, under the witness's name and key ID.
  for (std::string Evidence::*note : {&Evidence::first, &Evidence::second}) {
    Evidence forged = evidence;
    forged.*note = note == &Evidence::first ? cosigned(12, 1000, 8) : cosigned(9, 2000, 8);
    EXPECT_THAT(CheckEvidence(forged, pins),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("does not verify")));
  }
}

TEST_F(EvidenceRefusals, AHeadInAnEvidenceFileIsANote) {
  std::string text = FormatEvidence(Heads(Evidence::Kind::kFork, 9, 9));
  const size_t dash = text.find("\xe2\x80\x94");
  text[dash - 1] = 'x';  // the empty line before the signature
  EXPECT_THAT(ParseEvidence(text), StatusIs(kInvalid, HasSubstr("note: ")));
}

TEST(ProofRefusals, WhatIsNotInATreeIsSaidInTheQuestionsOwnWords) {
  constexpr auto kBeyond = absl::StatusCode::kOutOfRange;
  TestLog log;
  log.AddEvents(4);
  EXPECT_THAT(InclusionProof(5, 5, log),
              StatusIs(kBeyond, HasSubstr("inclusion proof: no leaf 5")));
  EXPECT_THAT(InclusionProof(0, kMaxTreeSize + 1, log),
              StatusIs(kBeyond, HasSubstr("inclusion proof: no leaf 0")));
  EXPECT_THAT(ConsistencyProof(5, 4, log),
              StatusIs(kBeyond, HasSubstr("consistency proof: leaves")));
  EXPECT_FALSE(IsSubtree({UINT64_MAX - 7, 0})) << "though the difference wraps round to 8";
}

TEST(VerifyRefusals, ASubtreeIsOneAndHoldsTheLeaf) {
  const Hash hash = LeafHash("leaf");
  for (const auto& [index, subtree] : std::vector<std::pair<uint64_t, LeafRange>>{
           {3, {4, 8}}, {8, {4, 8}}, {1, {1, 3}}, {0, {8, 4}}}) {
    EXPECT_THAT(VerifySubtreeInclusion(index, subtree, hash, {}, hash),
                StatusIs(kInvalid, HasSubstr("subtree inclusion: no leaf")));
  }
  EXPECT_THAT(VerifySubtreeInclusion(0, {0, kMaxTreeSize + 1}, hash, {}, hash),
              StatusIs(kInvalid, HasSubstr("subtree inclusion: size")));
  for (const LeafRange subtree : {LeafRange{1, 3}, LeafRange{8, 16}}) {
    EXPECT_THAT(VerifySubtreeConsistency(subtree, hash, 12, hash, {}),
                StatusIs(kInvalid, HasSubstr("subtree consistency: no subtree")));
  }
  EXPECT_THAT(VerifySubtreeConsistency({0, 4}, hash, kMaxTreeSize + 1, hash, {}),
              StatusIs(kInvalid, HasSubstr("subtree consistency: size")));
}

TEST(TlogProofRefusals, EachLineThatIsMissingIsNamed) {
  const std::string header = "c2sp.org/tlog-proof@v1\n";
  for (const std::string& text :
       {header.substr(0, 5), header, header + "index 1", header + "extra AAAA\n"}) {
    EXPECT_THAT(ParseTlogProof(text), StatusIs(kInvalid, HasSubstr("tlog-proof: line missing")));
  }
  EXPECT_THAT(ParseTlogProof(header + "index 1\n"),
              StatusIs(kInvalid, HasSubstr("tlog-proof: hash: line missing")));
  EXPECT_THAT(ParseCheckpointUpdate("old 1"),
              StatusIs(kInvalid, HasSubstr("checkpoint update: line missing")));
}

TEST(UnitRefusals, UnitsThatArePutTogetherAreHeldToTheLimitsOfAnEvent) {
  const std::string record = "\x10\x01";  // field 2 = 1
  const auto unit = [&](uint32_t occurrence) { return Unit{{2, occurrence, 0}, record}; };
  EXPECT_THAT(JoinUnits({unit(0), unit(2)}), StatusIs(kInvalid, HasSubstr("not contiguous")));
  EXPECT_THAT(JoinUnits({unit(1)}), StatusIs(kInvalid, HasSubstr("not contiguous")));
  std::vector<Unit> many;
  for (uint32_t i = 0; i <= kMaxUnits; ++i) many.push_back(unit(i));
  EXPECT_THAT(JoinUnits(many), StatusIs(kInvalid, HasSubstr("units: more than")));
  EXPECT_THAT(JoinUnits({Unit{{2, 0, 0}, std::string(kMaxEventBytes + 1, 'x')}}),
              StatusIs(kInvalid, HasSubstr(absl::StrCat("units: more than ", kMaxEventBytes))));
}

TEST(TagRefusals, AnIdentifiersSystemHasItsLimitToo) {
  const auto text = [](uint32_t field, const std::string& value) {
    std::string out;
    PutLengthDelimitedPrefix(out, field, value.size());
    return out + value;
  };
  const auto keys_of = [&](size_t system_bytes) {
    const std::string identifier = text(3, std::string(system_bytes, 's')) + text(4, "1");
    return TagKeys(std::vector<Unit>{{{14, 0, 3}, text(3, identifier)}}).status();
  };
  EXPECT_OK(keys_of(65535));
  EXPECT_THAT(keys_of(65536), StatusIs(kInvalid, HasSubstr("over 65535 bytes")));
}

TEST(TileRefusals, APathsNumbersAreDigits) {
  EXPECT_OK(ParseTilePath("tile/0/001"));
  for (const char* path : {"tile/0/0/1", "tile/0/00:", "tile/0/0a1", "tile/0"}) {
    EXPECT_THAT(ParseTilePath(path), StatusIs(kInvalid)) << path;
  }
}

TEST(OpeningRefusals, AReceiptIsNotMadeOfABadOpening) {
  ReceiptExtra extra;
  extra.leaf = "leaf";
  extra.opening.emplace().seed = "too short";
  EXPECT_THAT(EncodeReceiptExtra(extra), StatusIs(kInvalid, HasSubstr("opening seed")));
}

TEST(OpeningRefusals, AnOpeningMadeInMemoryIsHeldToTheLimitsToo) {
  TestLog log;
  const auto [leaf, good] = log.Seal(testing::TestEvent(1), std::nullopt);
  EXPECT_OK(VerifyOpening(leaf, good, std::nullopt));
  Opening bad = good;
  bad.seed.pop_back();
  EXPECT_THAT(VerifyOpening(leaf, bad, std::nullopt), StatusIs(kInvalid, HasSubstr("seed")));
}

TEST(KeyChangeRefusals, EachPartHasItsLength) {
  const KeyChange good{TestPublicKey(1), TestPublicKey(2), std::string(64, 'a'),
                       std::string(64, 'b')};
  EXPECT_OK(EncodeKeyChange(good));
  const std::map<std::string, std::string KeyChange::*> parts = {
      {"old key", &KeyChange::old_key},
      {"new key", &KeyChange::new_key},
      {"old signature", &KeyChange::old_signature},
      {"new signature", &KeyChange::new_signature}};
  for (const auto& [name, part] : parts) {
    KeyChange bad = good;
    (bad.*part) += "x";
    EXPECT_THAT(EncodeKeyChange(bad), StatusIs(kInvalid, HasSubstr(name)));
  }
  EXPECT_THAT(KeyChangeMessage("o", good.old_key, "short"),
              StatusIs(kInvalid, HasSubstr("new key")));
}

}  // namespace
}  // namespace auditledger
