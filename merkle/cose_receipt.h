// COSE receipts (RFC 9942, RFC9162_SHA256): a proof of this log as procurement and SCITT tools read
// it. The same tree, the same root, the same key as a checkpoint's; nothing new is trusted.
//
//   receipt     18([ protected, { 396: { -1 | -2: [ proof ] } }, nil, signature ])
//   protected   << { 1: alg, 4: kid, 15: { 1: iss, 2: sub }, 395: 1 } >>
//   inclusion   << [ size, index, [ + hash ] ] >>          under -1
//   consistency << [ old size, new size, [ + hash ] ] >>   under -2
//   signed      [ "Signature1", protected, h'', root ]     root: the payload, which is not sent
//
// << >> is CBOR within a byte string. iss and sub are both the log's origin: what is signed is a
// statement of the log about itself, the same for every entry under one head. kid is the first 8
// bytes of SHA-256 of the public key. alg is -8 (EdDSA) in what we make; -19 (Ed25519, RFC 9864) is
// read too.
//
// A tree of one entry has an empty path, and a proof between equal sizes too; the standard wants
// one hash at least, so neither has a receipt.
//
// Example, the verifier:
//   ASSIGN_OR_RETURN(const CoseReceipt receipt, ParseCoseReceipt(file));
//   RETURN_IF_ERROR(VerifyCoseInclusion(receipt, LeafHash(leaf), log_key));
// and the signer, whose key it is:
//   message = CoseSignedBytes(verifier, root)
//
// Encoding and reading know one form alone: core deterministic CBOR (RFC 8949 4.2.1) with exactly
// the entries above, so that what parses encodes to the same bytes.
//
// What a receipt shows is what the signature under a checkpoint of that size shows, and no more: it
// carries no cosignatures. For a head that witnesses vouch for use a tlog-proof (tlog_proof.h).
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument for a wrong form or question; FailedPrecondition for another log's
// receipt; DataLoss for hashes or a signature that do not hold.
// Source: RFC 9942, RFC 9053 2.2 (shared/reference/standards.md 3.1).
#ifndef AUDITLEDGER_MERKLE_COSE_RECEIPT_H_
#define AUDITLEDGER_MERKLE_COSE_RECEIPT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"
#include "merkle/note.h"

namespace auditledger {

inline constexpr int64_t kCoseEdDsa = -8;
inline constexpr int64_t kCoseEd25519 = -19;
// 63 hashes of 34 bytes, two names of 255, a signature, and twice as much room.
inline constexpr size_t kMaxCoseReceiptBytes = 8192;
inline constexpr size_t kMaxCoseNameBytes = 255;  // iss, sub
inline constexpr size_t kMaxCoseKidBytes = 64;

struct CoseReceipt {
  enum class Kind { kInclusion, kConsistency };
  Kind kind = Kind::kInclusion;
  int64_t alg = kCoseEdDsa;
  std::string kid;
  std::string issuer;
  std::string subject;
  uint64_t size = 0;      // of the tree whose root is signed
  uint64_t index = 0;     // of kInclusion
  uint64_t old_size = 0;  // of kConsistency
  std::vector<Hash> path;
  std::string signature;  // 64 bytes
  friend bool operator==(const CoseReceipt&, const CoseReceipt&) = default;
};

// A receipt of `log` without proof and signature. REQUIRES: an Ed25519 key.
CoseReceipt NewCoseReceipt(const NoteVerifier& log);
// What the log's key signs for the head with this root: CBOR that begins with 0x84, which no note
// text and no other message of ours does.
std::string CoseSignedBytes(const NoteVerifier& log, const Hash& root);

// InvalidArgument for an empty path (see above), or over a limit.
absl::StatusOr<std::string> EncodeCoseReceipt(const CoseReceipt& receipt);
// Checks the form alone.
absl::StatusOr<CoseReceipt> ParseCoseReceipt(absl::string_view bytes);

// The entry with `leaf_hash` is in the tree under the root that `log` signed.
absl::Status VerifyCoseInclusion(const CoseReceipt& receipt, const Hash& leaf_hash,
                                 const NoteVerifier& log);
// The tree (old_size, old_root) is a prefix of the one of size and `new_root` that `log` signed.
absl::Status VerifyCoseConsistency(const CoseReceipt& receipt, const Hash& old_root,
                                   const Hash& new_root, const NoteVerifier& log);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_COSE_RECEIPT_H_
