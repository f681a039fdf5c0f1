#include "ledger/signer_protocol.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/frontier.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

std::string Frame(SignerMessage type, absl::string_view body) {
  std::string out;
  PutU8(out, kSignerProtocolVersion);
  PutU8(out, static_cast<uint8_t>(type));
  PutU16(out, 0);
  PutU32(out, static_cast<uint32_t>(body.size()));
  out.append(body.data(), body.size());
  return out;
}

void PutHead(std::string& out, const Head& head) {
  PutU64(out, head.size);
  out.append(head.root.view().data(), Hash::kSize);
  PutU64(out, head.time_us);
}

absl::Status ReadHash(ByteReader& in, absl::string_view what, Hash& hash) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw(what, Hash::kSize, raw));
  ASSIGN_OR_RETURN(hash, Hash::FromBytes(raw));
  return absl::OkStatus();
}

absl::Status ReadHead(ByteReader& in, Head& head) {
  RETURN_IF_ERROR(in.U64("size", head.size));
  RETURN_IF_ERROR(ReadHash(in, "root", head.root));
  RETURN_IF_ERROR(in.U64("time", head.time_us));
  if (head.size == 0 || head.size > kMaxTreeSize) {
    return absl::InvalidArgumentError("size: no log has that");
  }
  return absl::OkStatus();
}

absl::Status ReadText(ByteReader& in, absl::string_view what, size_t max, std::string& out) {
  absl::string_view text;
  RETURN_IF_ERROR(in.Bytes16(what, text));
  if (text.size() > max) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": over ", max, " bytes"));
  }
  out = std::string(text);
  return absl::OkStatus();
}

void PutHashes(std::string& out, const std::vector<Hash>& hashes) {
  PutU8(out, static_cast<uint8_t>(hashes.size()));
  for (const Hash& hash : hashes) out.append(hash.view().data(), Hash::kSize);
}

absl::Status ReadHashes(ByteReader& in, std::vector<Hash>& hashes) {
  uint8_t count = 0;
  RETURN_IF_ERROR(in.U8("proof", count));
  if (count > kMaxSignerProofHashes) {
    return absl::InvalidArgumentError(absl::StrCat("proof: over ", kMaxSignerProofHashes));
  }
  hashes.resize(count);
  for (Hash& hash : hashes) RETURN_IF_ERROR(ReadHash(in, "proof", hash));
  return absl::OkStatus();
}

bool IsQuestion(SignerMessage type) { return (static_cast<uint8_t>(type) & 0x80) == 0; }

bool IsKnown(uint8_t type) {
  switch (static_cast<SignerMessage>(type)) {
    case SignerMessage::kLastSigned:
    case SignerMessage::kSign:
    case SignerMessage::kPublicKey:
    case SignerMessage::kSignCoseHead:
    case SignerMessage::kPendingKeyChange:
    case SignerMessage::kSignKeyChange:
    case SignerMessage::kLastSignedAnswer:
    case SignerMessage::kSignAnswer:
    case SignerMessage::kPublicKeyAnswer:
    case SignerMessage::kSignCoseHeadAnswer:
    case SignerMessage::kPendingKeyChangeAnswer:
    case SignerMessage::kSignKeyChangeAnswer:
    case SignerMessage::kError:
      return true;
  }
  return false;
}

absl::Status ReadLastSigned(ByteReader& in, SignerAnswer& out) {
  uint8_t present = 0;
  RETURN_IF_ERROR(in.U8("presence", present));
  if (present > 1) return absl::InvalidArgumentError("presence: neither 0 nor 1");
  if (present == 0) return absl::OkStatus();
  return ReadHead(in, out.head.emplace());
}

absl::Status ReadError(ByteReader& in, SignerAnswer& out) {
  uint8_t code = 0;
  RETURN_IF_ERROR(in.U8("code", code));
  if (code < static_cast<uint8_t>(SignerError::kMalformed) ||
      code > static_cast<uint8_t>(SignerError::kNotAllowed)) {
    return absl::InvalidArgumentError("code: unknown");
  }
  out.error = static_cast<SignerError>(code);
  return ReadText(in, "message", kMaxSignerTextBytes, out.text);
}

}  // namespace

absl::StatusOr<SignerFrameHeader> ParseSignerFrameHeader(absl::string_view header) {
  ByteReader in(header);
  uint8_t version = 0;
  uint8_t type = 0;
  uint16_t zero = 0;
  SignerFrameHeader out;
  RETURN_IF_ERROR(in.U8("version", version));
  RETURN_IF_ERROR(in.U8("type", type));
  RETURN_IF_ERROR(in.U16("reserved", zero));
  RETURN_IF_ERROR(in.U32("length", out.body_bytes));
  RETURN_IF_ERROR(in.Finish("frame header"));
  if (version != kSignerProtocolVersion) {
    return absl::InvalidArgumentError(absl::StrCat("version: not ", kSignerProtocolVersion));
  }
  if (!IsKnown(type)) return absl::InvalidArgumentError("type: unknown");
  if (zero != 0) return absl::InvalidArgumentError("reserved: not zero");
  if (out.body_bytes > kMaxSignerBodyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("length: over ", kMaxSignerBodyBytes));
  }
  out.type = static_cast<SignerMessage>(type);
  return out;
}

absl::StatusOr<std::string> EncodeSignerRequest(const SignerRequest& request) {
  if (request.origin.size() > kMaxSignerOriginBytes) {
    return absl::InvalidArgumentError(absl::StrCat("origin: over ", kMaxSignerOriginBytes));
  }
  if (request.consistency.size() > kMaxSignerProofHashes ||
      request.inclusion.size() > kMaxSignerProofHashes) {
    return absl::InvalidArgumentError(absl::StrCat("proof: over ", kMaxSignerProofHashes));
  }
  if (request.leaf.size() > kMaxSignerLeafBytes) {
    return absl::InvalidArgumentError(absl::StrCat("leaf: over ", kMaxSignerLeafBytes));
  }
  std::string body;
  PutBytes16(body, request.origin);
  const bool changes_key = request.type == SignerMessage::kSignKeyChange;
  if (request.type == SignerMessage::kSign || changes_key) {
    PutHead(body, request.head);
    PutHashes(body, request.consistency);
  }
  if (changes_key) {
    PutBytes16(body, request.leaf);
    PutHashes(body, request.inclusion);
  }
  if (request.type == SignerMessage::kSignCoseHead) PutHead(body, request.head);
  return Frame(request.type, body);
}

absl::StatusOr<SignerRequest> ParseSignerRequest(SignerMessage type, absl::string_view body) {
  if (!IsQuestion(type)) return absl::InvalidArgumentError("type: not a question");
  SignerRequest out;
  out.type = type;
  ByteReader in(body);
  RETURN_IF_ERROR(ReadText(in, "origin", kMaxSignerOriginBytes, out.origin));
  const bool changes_key = type == SignerMessage::kSignKeyChange;
  if (type == SignerMessage::kSign || changes_key) {
    RETURN_IF_ERROR(ReadHead(in, out.head));
    RETURN_IF_ERROR(ReadHashes(in, out.consistency));
  }
  if (changes_key) {
    RETURN_IF_ERROR(ReadText(in, "leaf", kMaxSignerLeafBytes, out.leaf));
    RETURN_IF_ERROR(ReadHashes(in, out.inclusion));
  }
  if (type == SignerMessage::kSignCoseHead) RETURN_IF_ERROR(ReadHead(in, out.head));
  RETURN_IF_ERROR(in.Finish("question"));
  return out;
}

std::string EncodeSignerAnswer(const SignerAnswer& answer) {
  std::string body;
  if (answer.type == SignerMessage::kLastSignedAnswer) {
    PutU8(body, answer.head.has_value() ? 1 : 0);
    if (answer.head.has_value()) PutHead(body, *answer.head);
    return Frame(answer.type, body);
  }
  if (answer.type == SignerMessage::kError) PutU8(body, static_cast<uint8_t>(answer.error));
  PutBytes16(body, absl::string_view(answer.text).substr(0, kMaxSignerTextBytes));
  return Frame(answer.type, body);
}

absl::StatusOr<SignerAnswer> ParseSignerAnswer(SignerMessage type, absl::string_view body) {
  if (IsQuestion(type)) return absl::InvalidArgumentError("type: not an answer");
  SignerAnswer out;
  out.type = type;
  ByteReader in(body);
  if (type == SignerMessage::kLastSignedAnswer) {
    RETURN_IF_ERROR(ReadLastSigned(in, out));
  } else if (type == SignerMessage::kError) {
    RETURN_IF_ERROR(ReadError(in, out));
  } else {
    RETURN_IF_ERROR(ReadText(in, "text", kMaxSignerTextBytes, out.text));
  }
  RETURN_IF_ERROR(in.Finish("answer"));
  return out;
}

}  // namespace auditledger
