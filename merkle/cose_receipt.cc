#include "merkle/cose_receipt.h"

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/ed25519_verify.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

// CBOR's major types (RFC 8949 3.1), and the labels of RFC 9052, 9597 and 9942.
constexpr uint8_t kUnsigned = 0;
constexpr uint8_t kNegative = 1;
constexpr uint8_t kBytes = 2;
constexpr uint8_t kText = 3;
constexpr uint8_t kArray = 4;
constexpr uint8_t kMap = 5;
constexpr uint8_t kTag = 6;
constexpr uint8_t kNil = 0xF6;
constexpr uint64_t kSign1Tag = 18;
constexpr uint64_t kLabelAlg = 1;
constexpr uint64_t kLabelKid = 4;
constexpr uint64_t kLabelClaims = 15;
constexpr uint64_t kClaimIssuer = 1;
constexpr uint64_t kClaimSubject = 2;
constexpr uint64_t kLabelVds = 395;
constexpr uint64_t kLabelProofs = 396;
constexpr uint64_t kVdsRfc9162Sha256 = 1;
// Of negative numbers CBOR holds -1 - n.
constexpr uint64_t kInclusionLabel = 0;    // -1
constexpr uint64_t kConsistencyLabel = 1;  // -2
constexpr size_t kKidBytes = 8;

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("COSE receipt: ", why));
}

void PutHead(std::string& out, uint8_t major, uint64_t value) {
  const auto type = static_cast<uint8_t>(major << 5);
  if (value < 24) {
    PutU8(out, static_cast<uint8_t>(type | value));
  } else if (value <= 0xFF) {
    PutU8(out, type | 24);
    PutU8(out, static_cast<uint8_t>(value));
  } else if (value <= 0xFFFF) {
    PutU8(out, type | 25);
    PutU16(out, static_cast<uint16_t>(value));
  } else if (value <= 0xFFFFFFFF) {
    PutU8(out, type | 26);
    PutU32(out, static_cast<uint32_t>(value));
  } else {
    PutU8(out, type | 27);
    PutU64(out, value);
  }
}

void PutString(std::string& out, uint8_t major, absl::string_view bytes) {
  PutHead(out, major, bytes.size());
  absl::StrAppend(&out, bytes);
}

// Heads in their shortest form alone; RFC 8949 4.2.1.
class CborReader {
 public:
  explicit CborReader(absl::string_view bytes) : in_(bytes) {}

  absl::Status Head(absl::string_view what, uint8_t major, uint64_t& value) {
    uint8_t first = 0;
    RETURN_IF_ERROR(in_.U8(what, first));
    if (first >> 5 != major) return Malformed(absl::StrCat(what, ": is of another type"));
    const uint8_t form = first & 0x1F;
    if (form < 24) {
      value = form;
      return absl::OkStatus();
    }
    if (form > 27) return Malformed(absl::StrCat(what, ": is of no definite length"));
    const size_t width = size_t{1} << (form - 24);
    absl::string_view raw;
    RETURN_IF_ERROR(in_.Raw(what, width, raw));
    value = 0;
    for (const char c : raw) value = value << 8 | static_cast<uint8_t>(c);
    const uint64_t smallest = width == 1 ? 24 : uint64_t{1} << (width * 4);
    if (value < smallest) return Malformed(absl::StrCat(what, ": is not in its shortest form"));
    return absl::OkStatus();
  }

  // A head that can only be this one.
  absl::Status Expect(absl::string_view what, uint8_t major, uint64_t wanted) {
    uint64_t value = 0;
    RETURN_IF_ERROR(Head(what, major, value));
    if (value == wanted) return absl::OkStatus();
    return Malformed(absl::StrCat(what, ": ", value, " stands where ", wanted, " is expected"));
  }

  absl::Status String(absl::string_view what, uint8_t major, size_t max, absl::string_view& out) {
    uint64_t size = 0;
    RETURN_IF_ERROR(Head(what, major, size));
    if (size > max) return Malformed(absl::StrCat(what, ": has ", size, " bytes, at most ", max));
    return in_.Raw(what, size, out);
  }

  absl::Status Name(absl::string_view what, std::string& out) {
    absl::string_view text;
    RETURN_IF_ERROR(String(what, kText, kMaxCoseNameBytes, text));
    RETURN_IF_ERROR(CheckNoteCharacters(what, text));
    out = std::string(text);
    return absl::OkStatus();
  }

  absl::Status Nil(absl::string_view what) {
    uint8_t byte = 0;
    RETURN_IF_ERROR(in_.U8(what, byte));
    return byte == kNil ? absl::OkStatus() : Malformed(absl::StrCat(what, ": is not nil"));
  }

  absl::Status Finish(absl::string_view what) { return in_.Finish(what); }

 private:
  ByteReader in_;
};

std::string EncodeProtected(const CoseReceipt& receipt) {
  std::string out;
  PutHead(out, kMap, 4);
  PutHead(out, kUnsigned, kLabelAlg);
  PutHead(out, kNegative, static_cast<uint64_t>(-1 - receipt.alg));
  PutHead(out, kUnsigned, kLabelKid);
  PutString(out, kBytes, receipt.kid);
  PutHead(out, kUnsigned, kLabelClaims);
  PutHead(out, kMap, 2);
  PutHead(out, kUnsigned, kClaimIssuer);
  PutString(out, kText, receipt.issuer);
  PutHead(out, kUnsigned, kClaimSubject);
  PutString(out, kText, receipt.subject);
  PutHead(out, kUnsigned, kLabelVds);
  PutHead(out, kUnsigned, kVdsRfc9162Sha256);
  return out;
}

absl::Status ParseProtected(absl::string_view bytes, CoseReceipt& receipt) {
  CborReader in(bytes);
  RETURN_IF_ERROR(in.Expect("protected header", kMap, 4));
  RETURN_IF_ERROR(in.Expect("label alg", kUnsigned, kLabelAlg));
  uint64_t alg = 0;
  RETURN_IF_ERROR(in.Head("alg", kNegative, alg));
  if (alg != static_cast<uint64_t>(-1 - kCoseEdDsa) &&
      alg != static_cast<uint64_t>(-1 - kCoseEd25519)) {
    return Malformed("alg: is neither -8 (EdDSA) nor -19 (Ed25519)");
  }
  receipt.alg = -1 - static_cast<int64_t>(alg);
  RETURN_IF_ERROR(in.Expect("label kid", kUnsigned, kLabelKid));
  absl::string_view kid;
  RETURN_IF_ERROR(in.String("kid", kBytes, kMaxCoseKidBytes, kid));
  receipt.kid = std::string(kid);
  RETURN_IF_ERROR(in.Expect("label claims", kUnsigned, kLabelClaims));
  RETURN_IF_ERROR(in.Expect("claims", kMap, 2));
  RETURN_IF_ERROR(in.Expect("label iss", kUnsigned, kClaimIssuer));
  RETURN_IF_ERROR(in.Name("iss", receipt.issuer));
  RETURN_IF_ERROR(in.Expect("label sub", kUnsigned, kClaimSubject));
  RETURN_IF_ERROR(in.Name("sub", receipt.subject));
  RETURN_IF_ERROR(in.Expect("label vds", kUnsigned, kLabelVds));
  RETURN_IF_ERROR(in.Expect("vds", kUnsigned, kVdsRfc9162Sha256));
  return in.Finish("protected header");
}

std::string EncodeProof(const CoseReceipt& receipt) {
  std::string out;
  PutHead(out, kArray, 3);
  const bool inclusion = receipt.kind == CoseReceipt::Kind::kInclusion;
  PutHead(out, kUnsigned, inclusion ? receipt.size : receipt.old_size);
  PutHead(out, kUnsigned, inclusion ? receipt.index : receipt.size);
  PutHead(out, kArray, receipt.path.size());
  for (const Hash& hash : receipt.path) PutString(out, kBytes, hash.view());
  return out;
}

absl::Status ParseProof(absl::string_view bytes, CoseReceipt& receipt) {
  CborReader in(bytes);
  RETURN_IF_ERROR(in.Expect("proof", kArray, 3));
  const bool inclusion = receipt.kind == CoseReceipt::Kind::kInclusion;
  RETURN_IF_ERROR(
      in.Head("proof, first number", kUnsigned, inclusion ? receipt.size : receipt.old_size));
  RETURN_IF_ERROR(
      in.Head("proof, second number", kUnsigned, inclusion ? receipt.index : receipt.size));
  uint64_t count = 0;
  RETURN_IF_ERROR(in.Head("path", kArray, count));
  if (count > kMaxProofHashes) return Malformed(absl::StrCat("path: has ", count, " hashes"));
  for (uint64_t i = 0; i < count; ++i) {
    absl::string_view raw;
    RETURN_IF_ERROR(in.String("hash", kBytes, Hash::kSize, raw));
    ASSIGN_OR_RETURN(Hash hash, Hash::FromBytes(raw));
    receipt.path.push_back(hash);
  }
  return in.Finish("proof");
}

// What an encoder may write and a parser may return.
absl::Status CheckReceipt(const CoseReceipt& receipt) {
  if (receipt.path.empty()) {
    return Malformed(
        "the path is empty: the standard wants one hash at least, so a tree of one entry, and two "
        "equal sizes, have no receipt");
  }
  if (receipt.path.size() > kMaxProofHashes) return Malformed("path: has too many hashes");
  if (receipt.size > kMaxTreeSize || receipt.index > kMaxTreeSize ||
      receipt.old_size > kMaxTreeSize) {
    return Malformed("a number over 2^63 - 1");
  }
  if (receipt.issuer.size() > kMaxCoseNameBytes || receipt.subject.size() > kMaxCoseNameBytes ||
      receipt.kid.size() > kMaxCoseKidBytes) {
    return Malformed("iss, sub or kid is too long");
  }
  if (receipt.signature.size() != kEd25519SignatureBytes) {
    return Malformed("the signature has not 64 bytes");
  }
  return absl::OkStatus();
}

std::string SignedBytes(const CoseReceipt& receipt, const Hash& root) {
  std::string out;
  PutHead(out, kArray, 4);
  PutString(out, kText, "Signature1");
  PutString(out, kBytes, EncodeProtected(receipt));
  PutString(out, kBytes, "");
  PutString(out, kBytes, root.view());
  return out;
}

// That the receipt is one of this log, and its signature one over `root`.
absl::Status CheckSignature(const CoseReceipt& receipt, const Hash& root, const NoteVerifier& log) {
  if (receipt.issuer != log.name()) {
    return absl::FailedPreconditionError("COSE receipt: its issuer is another log");
  }
  if (receipt.subject != log.name()) {
    return absl::FailedPreconditionError("COSE receipt: its subject is another log");
  }
  if (log.type() != kNoteEd25519) return Malformed("the log's key is not one of Ed25519");
  const absl::Status verified =
      VerifyEd25519(log.public_key(), SignedBytes(receipt, root), receipt.signature);
  if (verified.ok()) return verified;
  return absl::DataLossError(
      "COSE receipt: the log's key has not signed the root that the entry and the path lead to");
}

}  // namespace

CoseReceipt NewCoseReceipt(const NoteVerifier& log) {
  CoseReceipt receipt;
  receipt.kid = std::string(Sha256({log.public_key()}).view().substr(0, kKidBytes));
  receipt.issuer = log.name();
  receipt.subject = log.name();
  return receipt;
}

std::string CoseSignedBytes(const NoteVerifier& log, const Hash& root) {
  return SignedBytes(NewCoseReceipt(log), root);
}

absl::StatusOr<std::string> EncodeCoseReceipt(const CoseReceipt& receipt) {
  RETURN_IF_ERROR(CheckReceipt(receipt));
  std::string out;
  PutHead(out, kTag, kSign1Tag);
  PutHead(out, kArray, 4);
  PutString(out, kBytes, EncodeProtected(receipt));
  PutHead(out, kMap, 1);
  PutHead(out, kUnsigned, kLabelProofs);
  PutHead(out, kMap, 1);
  PutHead(out, kNegative,
          receipt.kind == CoseReceipt::Kind::kInclusion ? kInclusionLabel : kConsistencyLabel);
  PutHead(out, kArray, 1);
  PutString(out, kBytes, EncodeProof(receipt));
  PutU8(out, kNil);
  PutString(out, kBytes, receipt.signature);
  return out;
}

absl::StatusOr<CoseReceipt> ParseCoseReceipt(absl::string_view bytes) {
  if (bytes.size() > kMaxCoseReceiptBytes) {
    return Malformed(absl::StrCat("over ", kMaxCoseReceiptBytes, " bytes"));
  }
  CoseReceipt receipt;
  CborReader in(bytes);
  absl::string_view part;
  RETURN_IF_ERROR(in.Expect("tag", kTag, kSign1Tag));
  RETURN_IF_ERROR(in.Expect("COSE_Sign1", kArray, 4));
  RETURN_IF_ERROR(in.String("protected header", kBytes, kMaxCoseReceiptBytes, part));
  RETURN_IF_ERROR(ParseProtected(part, receipt));
  RETURN_IF_ERROR(in.Expect("unprotected header", kMap, 1));
  RETURN_IF_ERROR(in.Expect("label proofs", kUnsigned, kLabelProofs));
  RETURN_IF_ERROR(in.Expect("proofs", kMap, 1));
  uint64_t label = 0;
  RETURN_IF_ERROR(in.Head("kind of proof", kNegative, label));
  if (label > kConsistencyLabel) return Malformed("kind of proof: is neither -1 nor -2");
  receipt.kind =
      label == kInclusionLabel ? CoseReceipt::Kind::kInclusion : CoseReceipt::Kind::kConsistency;
  RETURN_IF_ERROR(in.Expect("number of proofs", kArray, 1));
  RETURN_IF_ERROR(in.String("proof", kBytes, kMaxCoseReceiptBytes, part));
  RETURN_IF_ERROR(ParseProof(part, receipt));
  RETURN_IF_ERROR(in.Nil("payload"));
  RETURN_IF_ERROR(in.String("signature", kBytes, kEd25519SignatureBytes, part));
  receipt.signature = std::string(part);
  RETURN_IF_ERROR(in.Finish("COSE receipt"));
  RETURN_IF_ERROR(CheckReceipt(receipt));
  return receipt;
}

absl::Status VerifyCoseInclusion(const CoseReceipt& receipt, const Hash& leaf_hash,
                                 const NoteVerifier& log) {
  if (receipt.kind != CoseReceipt::Kind::kInclusion) {
    return Malformed("its proof is one of consistency, not of an entry");
  }
  ASSIGN_OR_RETURN(const Hash root,
                   RootOfInclusion(receipt.index, receipt.size, leaf_hash, receipt.path));
  return CheckSignature(receipt, root, log);
}

absl::Status VerifyCoseConsistency(const CoseReceipt& receipt, const Hash& old_root,
                                   const Hash& new_root, const NoteVerifier& log) {
  if (receipt.kind != CoseReceipt::Kind::kConsistency) {
    return Malformed("its proof is one of an entry, not of consistency");
  }
  RETURN_IF_ERROR(
      VerifyConsistency(receipt.old_size, old_root, receipt.size, new_root, receipt.path));
  return CheckSignature(receipt, new_root, log);
}

}  // namespace auditledger
