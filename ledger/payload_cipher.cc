#include "ledger/payload_cipher.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "ledger/aes_gcm.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kAes256Gcm = 1;
constexpr uint8_t kNotCompressed = 0;
constexpr size_t kSeedBytes = 32;

template <size_t N>
constexpr absl::string_view Label(const char (&label)[N]) {
  return absl::string_view(label, N);  // with its closing 0x00
}
constexpr absl::string_view kKeyLabel = Label("auditledger/payload-key/v1");
constexpr absl::string_view kAssociatedLabel = Label("auditledger/payload/v1");

// The context of this thread, keyed for `seed`.
absl::StatusOr<AesGcm*> CipherFor(absl::string_view seed) {
  if (seed.size() != kSeedBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("seed of ", seed.size(), " bytes, needs ", kSeedBytes));
  }
  static thread_local AesGcm cipher;
  RETURN_IF_ERROR(cipher.SetKey(HmacSha256(seed, {kKeyLabel}).view()));
  return &cipher;
}

std::string AssociatedData(absl::string_view origin, const Hash& commitment) {
  std::string out;
  out.reserve(kAssociatedLabel.size() + 2 + origin.size() + Hash::kSize);
  absl::StrAppend(&out, kAssociatedLabel);
  PutBytes16(out, origin);
  absl::StrAppend(&out, commitment.view());
  return out;
}

absl::StatusOr<Payload> ParsePlaintext(absl::string_view plaintext) {
  ByteReader in(plaintext);
  uint8_t compression = 0;
  RETURN_IF_ERROR(in.U8("payload compression", compression));
  if (compression != kNotCompressed) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: compression ", compression, " is unknown"));
  }
  absl::string_view header;
  RETURN_IF_ERROR(in.Bytes16("payload header", header));
  return Payload{std::string(header), std::string(in.rest())};
}

absl::Status Damaged(const absl::Status& status) { return absl::DataLossError(status.message()); }

}  // namespace

absl::StatusOr<std::string> EncryptPayload(absl::string_view seed, absl::string_view nonce,
                                           absl::string_view origin, const Hash& commitment,
                                           const Payload& payload) {
  if (payload.header.size() > std::numeric_limits<uint16_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: header of ", payload.header.size(), " bytes, at most 65535"));
  }
  ASSIGN_OR_RETURN(AesGcm* const cipher, CipherFor(seed));
  std::string prefix;
  PutU8(prefix, kNotCompressed);
  PutU16(prefix, static_cast<uint16_t>(payload.header.size()));

  std::string record;
  record.reserve(2 + nonce.size() + prefix.size() + payload.header.size() + payload.event.size() +
                 kAesGcmTagBytes);
  PutU8(record, kVersion);
  PutU8(record, kAes256Gcm);
  absl::StrAppend(&record, nonce);
  RETURN_IF_ERROR(cipher->Seal(nonce, AssociatedData(origin, commitment),
                               {prefix, payload.header, payload.event}, record));
  return record;
}

absl::StatusOr<Payload> DecryptPayload(absl::string_view seed, absl::string_view origin,
                                       const Hash& commitment, absl::string_view record) {
  ASSIGN_OR_RETURN(AesGcm* const cipher, CipherFor(seed));
  ByteReader in(record);
  uint8_t version = 0;
  uint8_t algorithm = 0;
  absl::string_view nonce;
  absl::Status status = in.U8("payload version", version);
  if (status.ok()) status = in.U8("payload algorithm", algorithm);
  if (status.ok()) status = in.Raw("payload nonce", kPayloadNonceBytes, nonce);
  if (!status.ok()) return Damaged(status);
  if (version != kVersion || algorithm != kAes256Gcm) {
    return absl::DataLossError(
        absl::StrCat("payload: version ", version, ", algorithm ", algorithm, " is unknown"));
  }
  ASSIGN_OR_RETURN(const std::string plaintext,
                   cipher->Open(nonce, AssociatedData(origin, commitment), in.rest()));
  absl::StatusOr<Payload> payload = ParsePlaintext(plaintext);
  if (!payload.ok()) return Damaged(payload.status());
  return payload;
}

}  // namespace auditledger
