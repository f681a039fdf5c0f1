#include "ledger/payload_cipher.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/aes_gcm.h"
#include "ledger/payload_compression.h"
#include "merkle/bytes.h"
#include "merkle/commitment.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kAes256Gcm = 1;
constexpr uint8_t kNotCompressed = 0;
constexpr uint8_t kZstdDictionary1 = 1;
// Where the commitment seed comes from.
constexpr uint8_t kSeedDerived = 0;
constexpr uint8_t kSeedGiven = 1;

template <size_t N>
constexpr absl::string_view Label(const char (&label)[N]) {
  return absl::string_view(label, N);  // with its closing 0x00
}
constexpr absl::string_view kKeyLabel = Label("auditledger/payload-key/v1");
constexpr absl::string_view kSeedLabel = Label("auditledger/commitment-seed/v1");
constexpr absl::string_view kAssociatedLabel = Label("auditledger/payload/v1");

absl::Status CheckSecret(size_t bytes) {
  if (bytes == kEntrySecretBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("secret of ", bytes, " bytes, needs ", kEntrySecretBytes));
}

// The context of this thread, keyed for `secret`.
absl::StatusOr<AesGcm*> CipherFor(const HmacKey& secret) {
  static thread_local AesGcm cipher;
  RETURN_IF_ERROR(cipher.SetKey(secret.Mac({kKeyLabel}).view()));
  return &cipher;
}

Hash SeedFrom(const HmacKey& secret) { return secret.Mac({kSeedLabel}); }

std::string AssociatedData(absl::string_view origin, const Hash& commitment) {
  std::string out;
  out.reserve(kAssociatedLabel.size() + 2 + origin.size() + Hash::kSize);
  absl::StrAppend(&out, kAssociatedLabel);
  PutBytes16(out, origin);
  absl::StrAppend(&out, commitment.view());
  return out;
}

absl::StatusOr<std::string> ReadSeed(const HmacKey& secret, ByteReader& in) {
  uint8_t source = 0;
  RETURN_IF_ERROR(in.U8("payload seed source", source));
  if (source == kSeedDerived) return std::string(SeedFrom(secret).view());
  if (source != kSeedGiven) {
    return absl::InvalidArgumentError(absl::StrCat("payload: seed source ", source, " is unknown"));
  }
  absl::string_view seed;
  RETURN_IF_ERROR(in.Raw("payload seed", kSeedBytes, seed));
  return std::string(seed);
}

absl::StatusOr<Payload> ParseBody(std::string seed, absl::string_view body) {
  ByteReader in(body);
  absl::string_view header;
  RETURN_IF_ERROR(in.Bytes16("payload header", header));
  return Payload{std::move(seed), std::string(header), std::string(in.rest())};
}

absl::StatusOr<Payload> ParsePlaintext(const HmacKey& secret, absl::string_view plaintext) {
  ByteReader in(plaintext);
  uint8_t compression = 0;
  RETURN_IF_ERROR(in.U8("payload compression", compression));
  ASSIGN_OR_RETURN(std::string seed, ReadSeed(secret, in));
  if (compression == kNotCompressed) return ParseBody(std::move(seed), in.rest());
  if (compression != kZstdDictionary1) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: compression ", compression, " is unknown"));
  }
  ASSIGN_OR_RETURN(const std::string body, DecompressPayload(in.rest()));
  return ParseBody(std::move(seed), body);
}

absl::Status Damaged(const absl::Status& status) { return absl::DataLossError(status.message()); }

}  // namespace

PayloadKeys::PayloadKeys(absl::string_view secret)
    : secret_bytes_(secret.size()), key_(secret), seed_(SeedFrom(key_)) {}

absl::StatusOr<std::string> PayloadKeys::Encrypt(absl::string_view nonce, absl::string_view origin,
                                                 const Hash& commitment,
                                                 const PayloadView& payload) const {
  if (payload.header.size() > std::numeric_limits<uint16_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: header of ", payload.header.size(), " bytes, at most 65535"));
  }
  if (payload.seed.size() != kSeedBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: seed of ", payload.seed.size(), " bytes, needs ", kSeedBytes));
  }
  RETURN_IF_ERROR(CheckSecret(secret_bytes_));
  ASSIGN_OR_RETURN(AesGcm* const cipher, CipherFor(key_));
  std::string plain;
  plain.reserve(2 + payload.header.size() + payload.event.size());
  PutBytes16(plain, payload.header);
  absl::StrAppend(&plain, payload.event);
  const std::string compressed = CompressPayload(plain);
  const absl::string_view body = compressed.empty() ? plain : compressed;

  const bool given = payload.seed != seed_.view();
  std::string prefix;
  PutU8(prefix, compressed.empty() ? kNotCompressed : kZstdDictionary1);
  PutU8(prefix, given ? kSeedGiven : kSeedDerived);
  if (given) absl::StrAppend(&prefix, payload.seed);

  std::string record;
  record.reserve(2 + nonce.size() + prefix.size() + body.size() + kAesGcmTagBytes);
  PutU8(record, kVersion);
  PutU8(record, kAes256Gcm);
  absl::StrAppend(&record, nonce);
  RETURN_IF_ERROR(cipher->Seal(nonce, AssociatedData(origin, commitment), {prefix, body}, record));
  return record;
}

absl::StatusOr<Payload> DecryptPayload(absl::string_view secret, absl::string_view origin,
                                       const Hash& commitment, absl::string_view record) {
  RETURN_IF_ERROR(CheckSecret(secret.size()));
  const HmacKey key(secret);
  ASSIGN_OR_RETURN(AesGcm* const cipher, CipherFor(key));
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
  absl::StatusOr<Payload> payload = ParsePlaintext(key, plaintext);
  if (!payload.ok()) return Damaged(payload.status());
  return payload;
}

}  // namespace auditledger
