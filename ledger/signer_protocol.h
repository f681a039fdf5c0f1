// What a ledger and a signer process say to each other over a Unix socket: one question, one
// answer, in turn, as often as wanted.
//
// Every frame, big-endian:
//   u8 version = 1 | u8 type | u16 zero | u32 length of the body | body
//
//   type                  body
//   0x01 last signed      u16 length, origin
//   0x02 sign             as 0x01, then u64 size | root[32] | u64 time_us | u8 n | hash[32] * n
//   0x03 public key       as 0x01
//   0x04 sign COSE head   as 0x01, then u64 size | root[32] | u64 time_us
//   0x81 last signed      u8 1 | u64 size | root[32] | u64 time_us, or u8 0: nothing was signed
//   0x82 signed           u16 length, checkpoint: a signed note
//   0x83 public key       u16 length, vkey
//   0x84 COSE head        u16 length, signature of 64 bytes (merkle/cose_receipt.h)
//   0xFF error            u8 code | u16 length, message
//
// The hashes of "sign" prove that the head extends the last one signed (none from size 0 or for the
// same head). "sign COSE head" is answered for the last head signed alone. The same head has the
// same answer, so a question whose answer was lost is asked again. After an answer with code
// kMalformed the connection ends: where the next frame begins is unknown.
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
// A body: the longest question has 255 bytes of origin and 64 hashes (2,354 bytes), the longest
// answer a text of kMaxSignerTextBytes; twice that leaves room for a later version.
inline constexpr size_t kMaxSignerBodyBytes = 4096;
inline constexpr size_t kMaxSignerOriginBytes = 255;  // as CheckOrigin
inline constexpr size_t kMaxSignerProofHashes = 64;   // a consistency proof's, at 2^63 - 1 entries
inline constexpr size_t kMaxSignerTextBytes = 2048;   // a checkpoint takes some 700

enum class SignerMessage : uint8_t {
  kLastSigned = 0x01,
  kSign = 0x02,
  kPublicKey = 0x03,
  kSignCoseHead = 0x04,
  kLastSignedAnswer = 0x81,
  kSignAnswer = 0x82,
  kPublicKeyAnswer = 0x83,
  kSignCoseHeadAnswer = 0x84,
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
  Head head;                      // of kSign and kSignCoseHead
  std::vector<Hash> consistency;  // of kSign
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
  std::string text;                            // checkpoint, vkey, signature or message
  SignerError error = SignerError::kFailed;    // of kError
  friend bool operator==(const SignerAnswer&, const SignerAnswer&) = default;
};
// The whole frame. A text over its limit is cut: only messages can be that long.
std::string EncodeSignerAnswer(const SignerAnswer& answer);
absl::StatusOr<SignerAnswer> ParseSignerAnswer(SignerMessage type, absl::string_view body);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNER_PROTOCOL_H_
