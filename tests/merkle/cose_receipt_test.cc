#include "merkle/cose_receipt.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/proof.h"
#include "merkle/verify.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::auditledger::testing::BytesFromHex;
using ::auditledger::testing::ReadVectors;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TestLog;
using ::auditledger::testing::TestSignature;
using ::auditledger::testing::VectorPath;
using ::testing::HasSubstr;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kAnothers = absl::StatusCode::kFailedPrecondition;
constexpr char kVectors[] = "derived/cose-receipts.json";

// What the log's key signs when a signer does its part.
CoseReceipt Receipt(TestLog& log, uint64_t index, uint64_t size) {
  CoseReceipt receipt = NewCoseReceipt(log.verifier());
  receipt.size = size;
  receipt.index = index;
  receipt.path = InclusionProof(index, size, log).value();
  receipt.signature = TestSignature(1, CoseSignedBytes(log.verifier(), log.RootAt(size)));
  return receipt;
}
TestLog LogOf(uint64_t size) {
  TestLog log;
  log.AddEvents(size - 1);
  return log;
}
Hash LeafAt(const TestLog& log, uint64_t index) { return LeafHash(log.leaves()[index]); }

TEST(CoseReceipt, EachEntryOfASmallWorldHasOne) {
  TestLog log = LogOf(20);
  for (uint64_t size = 2; size <= log.size(); ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      const CoseReceipt made = Receipt(log, index, size);
      ASSERT_OK_AND_ASSIGN(const std::string bytes, EncodeCoseReceipt(made));
      ASSERT_OK_AND_ASSIGN(const CoseReceipt read, ParseCoseReceipt(bytes));
      EXPECT_EQ(read, made);
      EXPECT_OK(VerifyCoseInclusion(read, LeafAt(log, index), log.verifier()));
      EXPECT_FALSE(VerifyCoseInclusion(read, LeafAt(log, (index + 1) % size), log.verifier()).ok());
    }
  }
}

TEST(CoseReceipt, ATreeOfOneEntryHasNone) {
  TestLog log;
  EXPECT_THAT(EncodeCoseReceipt(Receipt(log, 0, 1)), StatusIs(kInvalid, HasSubstr("one entry")));
}

TEST(CoseReceipt, OneOfConsistencySaysThatNothingChanged) {
  TestLog log = LogOf(15);
  CoseReceipt receipt = NewCoseReceipt(log.verifier());
  receipt.kind = CoseReceipt::Kind::kConsistency;
  receipt.old_size = 6;
  receipt.size = 15;
  receipt.path = ConsistencyProof(6, 15, log).value();
  receipt.signature = TestSignature(1, CoseSignedBytes(log.verifier(), log.RootAt(15)));
  ASSERT_OK_AND_ASSIGN(const CoseReceipt read,
                       ParseCoseReceipt(EncodeCoseReceipt(receipt).value()));
  EXPECT_EQ(read, receipt);
  EXPECT_OK(VerifyCoseConsistency(read, log.RootAt(6), log.RootAt(15), log.verifier()));
  EXPECT_THAT(VerifyCoseConsistency(read, log.RootAt(7), log.RootAt(15), log.verifier()),
              StatusIs(kDataLoss));
  CoseReceipt unsigned_one = read;
  unsigned_one.signature[5] ^= 1;
  EXPECT_THAT(VerifyCoseConsistency(unsigned_one, log.RootAt(6), log.RootAt(15), log.verifier()),
              StatusIs(kDataLoss, HasSubstr("has not signed the root")));
  EXPECT_THAT(VerifyCoseInclusion(read, LeafAt(log, 3), log.verifier()), StatusIs(kInvalid));
  EXPECT_THAT(
      VerifyCoseConsistency(Receipt(log, 3, 15), log.RootAt(6), log.RootAt(15), log.verifier()),
      StatusIs(kInvalid, HasSubstr("is one of an entry")));
}

TEST(CoseReceipt, ThePublicVectorsAreReadVerifiedAndWrittenTheSame) {
  REQUIRE_SHARED(VectorPath(kVectors));
  const nlohmann::json file = ReadVectors(kVectors);
  const NoteVerifier log = NoteVerifier::FromEd25519("example.com/log/testdata",
                                                     BytesFromHex(file["ed25519_public_hex"]))
                               .value();
  for (const nlohmann::json& vector : file["vectors"]) {
    const std::string bytes = BytesFromHex(vector["receipt_hex"]);
    ASSERT_OK_AND_ASSIGN(const CoseReceipt receipt, ParseCoseReceipt(bytes));
    EXPECT_EQ(EncodeCoseReceipt(receipt).value(), bytes);
    EXPECT_EQ(receipt.alg, vector["alg"].get<int64_t>());
    EXPECT_EQ(receipt.kid, NewCoseReceipt(log).kid);
    const Hash root = Hash::FromHex(vector["root_hex"].get<std::string>()).value();
    if (receipt.alg == kCoseEdDsa) {
      EXPECT_EQ(CoseSignedBytes(log, root), BytesFromHex(vector["sig_structure_hex"]));
    }
    if (vector["kind"] == "inclusion") {
      EXPECT_EQ(receipt.index, vector["leaf_index"].get<uint64_t>());
      EXPECT_EQ(receipt.size, vector["tree_size"].get<uint64_t>());
      const std::string entry = vector["entry_utf8"];
      EXPECT_OK(VerifyCoseInclusion(receipt, LeafHash(entry), log));
      EXPECT_THAT(VerifyCoseInclusion(receipt, LeafHash("other"), log), StatusIs(kDataLoss));
    } else {
      const Hash old_root = Hash::FromHex(vector["root_1_hex"].get<std::string>()).value();
      EXPECT_OK(VerifyCoseConsistency(receipt, old_root, root, log));
    }
  }
}

TEST(CoseReceipt, AnotherLogsReceiptIsRefusedByName) {
  TestLog log = LogOf(4);
  TestLog::Options options;
  options.origin = "ledger.test/other";
  const TestLog other(options);
  EXPECT_THAT(VerifyCoseInclusion(Receipt(log, 2, 4), LeafAt(log, 2), other.verifier()),
              StatusIs(kAnothers, HasSubstr("issuer")));
  CoseReceipt subject = Receipt(log, 2, 4);
  subject.subject = "ledger.test/other";
  EXPECT_THAT(VerifyCoseInclusion(subject, LeafAt(log, 2), log.verifier()),
              StatusIs(kAnothers, HasSubstr("subject")));
}

TEST(CoseReceipt, AWitnesssKeyIsNoLogs) {
  TestLog log = LogOf(4);
  const NoteVerifier witness =
      NoteVerifier::FromEd25519(log.origin(), testing::TestPublicKey(1), kNoteEd25519Cosignature)
          .value();
  EXPECT_THAT(VerifyCoseInclusion(Receipt(log, 2, 4), LeafAt(log, 2), witness),
              StatusIs(kInvalid, HasSubstr("not one of Ed25519")));
}

TEST(CoseReceipt, ACheckpointsSignatureIsNone) {
  TestLog log = LogOf(4);
  CoseReceipt receipt = Receipt(log, 2, 4);
  receipt.signature = ParseNote(log.CheckpointAt(4))->signatures[0].signature;
  EXPECT_THAT(VerifyCoseInclusion(receipt, LeafAt(log, 2), log.verifier()), StatusIs(kDataLoss));
}

TEST(CoseReceipt, EachBitMatters) {
  TestLog log = LogOf(7);
  const std::string bytes = EncodeCoseReceipt(Receipt(log, 4, 7)).value();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto receipt = ParseCoseReceipt(flipped);
    if (!receipt.ok()) continue;
    EXPECT_FALSE(VerifyCoseInclusion(*receipt, LeafAt(log, 4), log.verifier()).ok()) << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ParseCoseReceipt(bytes.substr(0, size)), StatusIs(kInvalid)) << size;
  }
  EXPECT_THAT(ParseCoseReceipt(bytes + '\0'), StatusIs(kInvalid, HasSubstr("trailing")));
}

TEST(CoseReceipt, OneFormAloneIsRead) {
  TestLog log = LogOf(7);
  const std::string bytes = EncodeCoseReceipt(Receipt(log, 4, 7)).value();
  const auto with = [&](absl::string_view from, absl::string_view to) {
    std::string changed = bytes;
    const size_t at = changed.find(std::string(from));
    EXPECT_NE(at, std::string::npos);
    changed.replace(at, from.size(), std::string(to));
    return ParseCoseReceipt(changed).status();
  };
  EXPECT_THAT(with("\xd2\x84", "\x84"), StatusIs(kInvalid, HasSubstr("tag")));
  EXPECT_THAT(with("\xd2\x84", "\xd2\x9f"), StatusIs(kInvalid, HasSubstr("definite")));
  EXPECT_THAT(with("\xd2\x84", "\xd2\x98\x04"), StatusIs(kInvalid, HasSubstr("shortest")));
  EXPECT_THAT(with(absl::string_view("\xa4\x01\x27", 3), absl::string_view("\xa4\x01\x26", 3)),
              StatusIs(kInvalid, HasSubstr("alg")));
  EXPECT_THAT(with("\x19\x01\x8b\x01", "\x19\x01\x8b\x02"), StatusIs(kInvalid, HasSubstr("vds")));
  EXPECT_THAT(with("\xa1\x20\x81", "\xa1\x22\x81"), StatusIs(kInvalid, HasSubstr("-1 nor -2")));
  EXPECT_THAT(with("\xa1\x20\x81", "\xa1\x20\x82"), StatusIs(kInvalid, HasSubstr("number")));
  EXPECT_THAT(with("\xf6\x58\x40", "\xf7\x58\x40"), StatusIs(kInvalid, HasSubstr("nil")));
}

// A byte string of CBOR, RFC 8949 3.1.
std::string Bstr(const std::string& bytes) {
  if (bytes.size() < 24) return static_cast<char>(0x40 + bytes.size()) + bytes;
  return absl::StrCat("\x58", std::string(1, static_cast<char>(bytes.size())), bytes);
}
std::string Tstr(const std::string& text) {
  return static_cast<char>(0x60 + text.size()) + text;  // REQUIRES: under 24 bytes
}

struct Part {
  std::string name, bytes;
};

// The receipt of entry 4 of 7, taken apart.
class CoseReceiptParts : public ::testing::Test {
 protected:
  CoseReceiptParts() {
    const CoseReceipt receipt = Receipt(log_, 4, 7);
    header_ = {{"protected header", "\xa4"},
               {"label alg", "\x01"},
               {"alg", "\x27"},
               {"label kid", "\x04"},
               {"kid", Bstr(receipt.kid)},
               {"label claims", "\x0f"},
               {"claims", "\xa2"},
               {"label iss", "\x01"},
               {"iss", Tstr(receipt.issuer)},
               {"label sub", "\x02"},
               {"sub", Tstr(receipt.subject)},
               {"label vds", "\x19\x01\x8b"},
               {"vds", "\x01"}};
    proof_ = {{"proof", "\x83"},
              {"proof, first number", "\x07"},
              {"proof, second number", "\x04"},
              {"path", "\x83"}};
    for (const Hash& hash : receipt.path) {
      proof_.push_back({"hash", Bstr(std::string(hash.view()))});
    }
    signature_ = receipt.signature;
  }
  std::vector<Part> Whole(const std::string& header, const std::string& proof) const {
    return {{"tag", "\xd2"},
            {"COSE_Sign1", "\x84"},
            {"protected header", Bstr(header)},
            {"unprotected header", "\xa1"},
            {"label proofs", "\x19\x01\x8c"},
            {"proofs", "\xa1"},
            {"kind of proof", "\x20"},
            {"number of proofs", "\x81"},
            {"proof", Bstr(proof)},
            {"payload", "\xf6"},
            {"signature", Bstr(signature_)}};
  }
  static std::string Join(const std::vector<Part>& parts) {
    std::string out;
    for (const Part& part : parts) out += part.bytes;
    return out;
  }
  absl::Status Parse(const std::string& header, const std::string& proof) const {
    return ParseCoseReceipt(Join(Whole(header, proof))).status();
  }
  // Cut within each part: what is said names that part.
  static void ExpectEveryCutNamed(const std::vector<Part>& parts,
                                  const std::function<absl::Status(const std::string&)>& parse) {
    const std::string whole = Join(parts);
    size_t begin = 0;
    for (const Part& part : parts) {
      for (size_t cut = begin; cut < begin + part.bytes.size(); ++cut) {
        EXPECT_THAT(parse(whole.substr(0, cut)),
                    StatusIs(kInvalid, HasSubstr(part.name + ": needs")))
            << cut;
      }
      begin += part.bytes.size();
    }
  }

  TestLog log_ = LogOf(7);
  std::vector<Part> header_, proof_;
  std::string signature_;
};

TEST_F(CoseReceiptParts, EveryCutIsNamed) {
  const std::string header = Join(header_);
  const std::string proof = Join(proof_);
  EXPECT_OK(Parse(header, proof));
  EXPECT_EQ(Join(Whole(header, proof)), EncodeCoseReceipt(Receipt(log_, 4, 7)).value());
  ExpectEveryCutNamed(Whole(header, proof),
                      [](const std::string& bytes) { return ParseCoseReceipt(bytes).status(); });
  const std::string whole = Join(Whole(header, proof));
  EXPECT_THAT(ParseCoseReceipt(whole.substr(0, 2 + 2 + 5)),
              StatusIs(kInvalid, HasSubstr(absl::StrCat("protected header: needs ", header.size(),
                                                        " bytes, 5 left"))));
  ExpectEveryCutNamed(header_, [&](const std::string& bytes) { return Parse(bytes, proof); });
  ExpectEveryCutNamed(proof_, [&](const std::string& bytes) { return Parse(header, bytes); });
  EXPECT_THAT(Parse(header + "x", proof),
              StatusIs(kInvalid, HasSubstr("protected header: 1 trailing")));
  EXPECT_THAT(Parse(header, proof + "x"), StatusIs(kInvalid, HasSubstr("proof: 1 trailing")));
}

TEST_F(CoseReceiptParts, WhatNoReceiptHoldsIsNotRead) {
  const std::string header = Join(header_);
  for (const size_t name : {size_t{8}, size_t{10}}) {
    std::vector<Part> changed = header_;
    changed[name].bytes = Tstr("led\x01ger");
    EXPECT_THAT(Parse(Join(changed), Join(proof_)),
                StatusIs(kInvalid, HasSubstr(header_[name].name + ": control character")));
  }
  EXPECT_THAT(Parse(header, std::string("\x83\x01\x00\x80", 4)),
              StatusIs(kInvalid, HasSubstr("path is empty")));
  EXPECT_THAT(Parse(header, std::string("\x83\x07\x04\x98\x40")),
              StatusIs(kInvalid, HasSubstr("path: has 64 hashes")));
  for (const size_t bytes : {31, 33}) {
    EXPECT_THAT(Parse(header, "\x83\x02\x01\x81" + Bstr(std::string(bytes, 'h'))),
                StatusIs(kInvalid));
  }
  std::vector<Part> changed = header_;
  changed[4].bytes = Bstr(std::string(kMaxCoseKidBytes + 1, 'k'));
  EXPECT_THAT(Parse(Join(changed), Join(proof_)), StatusIs(kInvalid, HasSubstr("kid: has 65")));
  signature_.pop_back();
  EXPECT_THAT(Parse(header, Join(proof_)), StatusIs(kInvalid, HasSubstr("has not 64 bytes")));
}

TEST(CoseReceipt, LimitsHoldAtTheirEdge) {
  TestLog log = LogOf(4);
  EXPECT_THAT(ParseCoseReceipt(std::string(kMaxCoseReceiptBytes + 1, 'x')),
              StatusIs(kInvalid, HasSubstr("over")));
  CoseReceipt receipt = Receipt(log, 2, 4);
  receipt.issuer.assign(kMaxCoseNameBytes, 'o');
  receipt.kid.assign(kMaxCoseKidBytes, 'k');
  receipt.path.assign(63, Hash());
  receipt.size = (uint64_t{1} << 63) - 1;
  ASSERT_OK_AND_ASSIGN(const std::string longest, EncodeCoseReceipt(receipt));
  EXPECT_OK(ParseCoseReceipt(longest));
  CoseReceipt over = receipt;
  for (std::string CoseReceipt::*name :
       {&CoseReceipt::issuer, &CoseReceipt::subject, &CoseReceipt::kid}) {
    over = receipt;
    over.*name += std::string(kMaxCoseNameBytes, 'o');
    EXPECT_THAT(EncodeCoseReceipt(over), StatusIs(kInvalid, HasSubstr("too long")));
  }
  over = receipt;
  over.path.push_back(Hash());
  EXPECT_THAT(EncodeCoseReceipt(over), StatusIs(kInvalid, HasSubstr("hashes")));
  for (uint64_t CoseReceipt::*number :
       {&CoseReceipt::size, &CoseReceipt::index, &CoseReceipt::old_size}) {
    over = receipt;
    over.*number = uint64_t{1} << 63;
    EXPECT_THAT(EncodeCoseReceipt(over), StatusIs(kInvalid, HasSubstr("2^63")));
  }
  over = receipt;
  over.signature.pop_back();
  EXPECT_THAT(EncodeCoseReceipt(over), StatusIs(kInvalid, HasSubstr("64 bytes")));
}

}  // namespace
}  // namespace auditledger
