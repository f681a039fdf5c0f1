#include "merkle/cose_receipt.h"

#include <gtest/gtest.h>

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
  EXPECT_THAT(VerifyCoseInclusion(read, LeafAt(log, 3), log.verifier()), StatusIs(kInvalid));
  EXPECT_THAT(
      VerifyCoseConsistency(Receipt(log, 3, 15), log.RootAt(6), log.RootAt(15), log.verifier()),
      StatusIs(kInvalid));
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
  over.issuer += 'o';
  EXPECT_THAT(EncodeCoseReceipt(over), StatusIs(kInvalid));
  over = receipt;
  over.path.push_back(Hash());
  EXPECT_THAT(EncodeCoseReceipt(over), StatusIs(kInvalid, HasSubstr("hashes")));
  over = receipt;
  over.size += 1;
  EXPECT_THAT(EncodeCoseReceipt(over), StatusIs(kInvalid, HasSubstr("2^63")));
  over = receipt;
  over.signature.pop_back();
  EXPECT_THAT(EncodeCoseReceipt(over), StatusIs(kInvalid, HasSubstr("64 bytes")));
}

}  // namespace
}  // namespace auditledger
