#include "merkle/header.h"

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kHeaderVersion = 1;
constexpr uint8_t kNoSignature = 0;
constexpr uint8_t kEd25519 = 1;
constexpr size_t kPublicKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;
constexpr size_t kMaxStringBytes = 65535;
// Everything but the strings and a signature.
constexpr size_t kFixedHeaderBytes = 1 + 8 + 8 + 3 * 2 + 8 + 1;

// In bit order.
constexpr const char* kFlagNames[] = {"CLOCK_SKEW",      "LATE",          "NO_ZONE",
                                      "NO_PURPOSE",      "NO_PATIENT",    "NO_NETWORK",
                                      "NO_REQUESTOR_ID", "UNKNOWN_ENUM",  "UNKNOWN_FIELDS",
                                      "PROFILE",         "SECRETS_MASKED"};
constexpr size_t kFlagCount = sizeof(kFlagNames) / sizeof(kFlagNames[0]);
static_assert(kFlagSecretsMasked == 1u << (kFlagCount - 1));

absl::Status CheckString(absl::string_view what, absl::string_view value) {
  if (value.size() <= kMaxStringBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("header ", what, ": has ", value.size(), " bytes, at most ", kMaxStringBytes));
}

absl::Status CheckSignature(const EmitterSignature& signature) {
  if (signature.public_key.size() == kPublicKeyBytes &&
      signature.signature.size() == kSignatureBytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("header signature: key or signature of another length");
}

absl::Status ReadString(absl::string_view what, ByteReader& in, std::string& out) {
  absl::string_view value;
  RETURN_IF_ERROR(in.Bytes16(what, value));
  out = std::string(value);
  return absl::OkStatus();
}

absl::Status ReadSignature(ByteReader& in, std::optional<EmitterSignature>& out) {
  uint8_t algorithm = 0;
  RETURN_IF_ERROR(in.U8("header signature_algorithm", algorithm));
  if (algorithm == kNoSignature) return absl::OkStatus();
  if (algorithm != kEd25519) {
    return absl::InvalidArgumentError(
        absl::StrCat("header signature_algorithm: ", algorithm, " is unknown"));
  }
  absl::string_view key, signature;
  RETURN_IF_ERROR(in.Raw("header public_key", kPublicKeyBytes, key));
  RETURN_IF_ERROR(in.Raw("header signature", kSignatureBytes, signature));
  out = EmitterSignature{std::string(key), std::string(signature)};
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> FlagNames(uint64_t flags) {
  std::vector<std::string> names;
  for (size_t bit = 0; bit < 64; ++bit) {
    if ((flags >> bit & 1) == 0) continue;
    names.push_back(bit < kFlagCount ? kFlagNames[bit] : absl::StrCat("BIT_", bit));
  }
  return names;
}

absl::StatusOr<std::string> EncodeHeader(const EntryHeader& header) {
  RETURN_IF_ERROR(CheckString("principal", header.principal));
  RETURN_IF_ERROR(CheckString("stream_id", header.stream_id));
  RETURN_IF_ERROR(CheckString("event_id", header.event_id));
  if (header.signature) RETURN_IF_ERROR(CheckSignature(*header.signature));
  std::string out;
  out.reserve(kFixedHeaderBytes + header.principal.size() + header.stream_id.size() +
              header.event_id.size());
  PutU8(out, kHeaderVersion);
  PutU64(out, header.received_at_us);
  PutU64(out, header.flags);
  PutBytes16(out, header.principal);
  PutBytes16(out, header.stream_id);
  PutBytes16(out, header.event_id);
  PutU64(out, header.stream_sequence);
  PutU8(out, header.signature ? kEd25519 : kNoSignature);
  if (header.signature) out += header.signature->public_key + header.signature->signature;
  return out;
}

absl::StatusOr<EntryHeader> ParseHeader(absl::string_view bytes) {
  ByteReader in(bytes);
  EntryHeader header;
  uint8_t version = 0;
  RETURN_IF_ERROR(in.U8("header version", version));
  if (version != kHeaderVersion) {
    return absl::InvalidArgumentError(absl::StrCat("header version: ", version, " is unknown"));
  }
  RETURN_IF_ERROR(in.U64("header received_at_us", header.received_at_us));
  RETURN_IF_ERROR(in.U64("header flags", header.flags));
  RETURN_IF_ERROR(ReadString("header principal", in, header.principal));
  RETURN_IF_ERROR(ReadString("header stream_id", in, header.stream_id));
  RETURN_IF_ERROR(ReadString("header event_id", in, header.event_id));
  RETURN_IF_ERROR(in.U64("header stream_sequence", header.stream_sequence));
  RETURN_IF_ERROR(ReadSignature(in, header.signature));
  RETURN_IF_ERROR(in.Finish("header"));
  return header;
}

}  // namespace auditledger
