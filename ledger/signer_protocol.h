// What a ledger and a signer process say to each other over a Unix socket: one question, one
// answer, in turn, as often as wanted.
//
// Every frame, big-endian:
//   u8 version = 1 | u8 type | u16 zero | u32 length of the body | body
//
//   type                       body
//   0x01 last signed           u16 length, origin
//   0x02 sign                  u16 length, origin | u64 size | root[32] | u64 time_us |
//                              u8 n | hash[32] * n
//   0x03 public key            u16 length, origin
//   0x04 sign COSE head        as 0x01, then u64 size | root[32] | u64 time_us
//   0x05 pending key change    u16 length, origin
//   0x06 sign key change       as 0x02, then u16 length, leaf | u8 m | hash[32] * m
//   0x81 last signed           u8 1 | u64 size | root[32] | u64 time_us, or u8 0: nothing yet
//   0x82, 0x86 signed          u16 length, checkpoint: a signed note
//   0x83 public key            u16 length, vkey
//   0x84 COSE head             u16 length, signature of 64 bytes (merkle/cose_receipt.h)
//   0x85 pending key change    u16 length, body of the entry (merkle/key_chain.h); empty: none
//   0xFF error                 u8 code | u16 length, message
//
// The hashes of "sign" prove that the head extends the last one signed (none from size 0 or for the
// same head); those behind the leaf that it is the head's last entry. "sign COSE head" is answered
// for the last head signed alone. The same head has the same answer, so a question whose answer was
// lost is asked again. After an answer with code kMalformed the connection ends: where the next
// frame begins is unknown.
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument, naming the field; no byte of the input is quoted.
#ifndef AUDITLEDGER_LEDGER_SIGNER_PROTOCOL_H_
#define AUDITLEDGER_LEDGER_SIGNER_PROTOCOL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/engine.h"
#include "merkle/hash.h"

namespace auditledger {

inline constexpr uint8_t kSignerProtocolVersion = 1;
inline constexpr size_t kSignerFrameHeaderBytes = 8;
// A body: the longest question has 255 bytes of origin, 128 hashes and a leaf (4,921 bytes), the
// longest answer a text of kMaxSignerTextBytes; what is beyond leaves room for a later version.
inline constexpr size_t kMaxSignerBodyBytes = 8192;
inline constexpr size_t kMaxSignerOriginBytes = 255;  // as CheckOrigin
inline constexpr size_t kMaxSignerProofHashes = 64;   // a consistency proof's, at 2^63 - 1 entries
inline constexpr size_t kMaxSignerLeafBytes = 512;    // of a key change: 218
inline constexpr size_t kMaxSignerTextBytes = 2048;   // a checkpoint takes some 700

enum class SignerMessage : uint8_t {
  kLastSigned = 0x01,
  kSign = 0x02,
  kPublicKey = 0x03,
  kSignCoseHead = 0x04,
  kPendingKeyChange = 0x05,
  kSignKeyChange = 0x06,
  kLastSignedAnswer = 0x81,
  kSignAnswer = 0x82,
  kPublicKeyAnswer = 0x83,
  kSignCoseHeadAnswer = 0x84,
  kPendingKeyChangeAnswer = 0x85,
  kSignKeyChangeAnswer = 0x86,
  kError = 0xFF,
};

struct SignerFrameHeader {
  SignerMessage type = SignerMessage::kError;
  uint32_t body_bytes = 0;
};
// REQUIRES: kSignerFrameHeaderBytes bytes.
absl::StatusOr<SignerFrameHeader> ParseSignerFrameHeader(absl::string_view header);

struct SignerRequest {
  SignerMessage type = SignerMessage::kLastSigned;  // a question
  std::string origin;
  Head head;                         // of kSign, kSignCoseHead, kSignKeyChange
  std::vector<Hash> consistency;     // of kSign and kSignKeyChange
  std::string leaf = {};             // of kSignKeyChange
  std::vector<Hash> inclusion = {};  // of kSignKeyChange
  friend bool operator==(const SignerRequest&, const SignerRequest&) = default;
};
// The whole frame. InvalidArgument over a limit.
absl::StatusOr<std::string> EncodeSignerRequest(const SignerRequest& request);
absl::StatusOr<SignerRequest> ParseSignerRequest(SignerMessage type, absl::string_view body);

// Why there is no other answer.
enum class SignerError : uint8_t {
  kMalformed = 1,      // the question; a bug or a stranger
  kUnknownOrigin = 2,  // the signer holds no key of this name
  kRefused = 3,        // rollback, fork, no proof; or this origin cannot sign: the message says why
  kSyncFailed = 4,     // the signer's own state may be lost; its process ends
  kFailed = 5,         // any other error of its storage or key
  kNotAllowed = 6,     // the user at the other end; the connection ends
};

struct SignerAnswer {
  SignerMessage type = SignerMessage::kError;  // an answer
  std::optional<Head> head;                    // of kLastSignedAnswer
  std::string text;                            // checkpoint, vkey, signature, body or message
  SignerError error = SignerError::kFailed;    // of kError
  friend bool operator==(const SignerAnswer&, const SignerAnswer&) = default;
};
// The whole frame. A text over its limit is cut: only messages can be that long.
std::string EncodeSignerAnswer(const SignerAnswer& answer);
absl::StatusOr<SignerAnswer> ParseSignerAnswer(SignerMessage type, absl::string_view body);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNER_PROTOCOL_H_
