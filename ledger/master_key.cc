#include "ledger/master_key.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/aes_gcm.h"
#include "ledger/key_text.h"
#include "merkle/base64.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kPurpose[] = "master";
constexpr uint16_t kId = 1;
constexpr absl::string_view kSealedPrefix = "auditledger-sealed/v1 ";
constexpr size_t kFingerprintBytes = 8;
// With their closing 0x00.
constexpr absl::string_view kFingerprintLabel("auditledger/master/v1", 22);
constexpr absl::string_view kSealLabel("auditledger/seal/v1", 20);
constexpr absl::string_view kPlaceLabel("auditledger/sealed/v1", 22);

absl::Status Bad(absl::string_view why) {
  return absl::DataLossError(absl::StrCat("sealed key: ", why));
}

bool IsFingerprint(absl::string_view text) {
  return text.size() == 2 * kFingerprintBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

std::string Associated(const SealedPlace& place) {
  std::string out(kPlaceLabel);
  PutBytes16(out, place.origin);
  PutBytes16(out, place.file_name);
  return out;
}

}  // namespace

bool IsSealedText(absl::string_view text) { return absl::StartsWith(text, kSealedPrefix); }

absl::StatusOr<SealedText> ParseSealedText(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kSealedPrefix)) {
    return Bad("does not begin with auditledger-sealed/v1");
  }
  if (!absl::ConsumeSuffix(&text, "\n")) return Bad("no line feed at its end");
  const size_t end = text.find(' ');
  if (end == absl::string_view::npos || !IsFingerprint(text.substr(0, end))) {
    return Bad("no fingerprint of 16 lower-case hex digits");
  }
  absl::StatusOr<std::string> box = DecodeBase64("sealed key", text.substr(end + 1));
  if (!box.ok()) return Bad("not canonical base64");
  if (box->size() <= kAesGcmNonceBytes + kAesGcmTagBytes) return Bad("too short");
  return SealedText{std::string(text.substr(0, end)), *std::move(box)};
}

std::string FormatSealedText(const SealedText& sealed) {
  return absl::StrCat(kSealedPrefix, sealed.fingerprint, " ", EncodeBase64(sealed.box), "\n");
}

absl::StatusOr<MasterKey> MasterKey::FromBytes(SecretString key) {
  if (key.Reveal().size() != kSymmetricKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("master key: has ", key.Reveal().size(),
                                                   " bytes, needs ", kSymmetricKeyBytes));
  }
  const Hash hash = Sha256({kFingerprintLabel, key.Reveal()});
  return MasterKey(std::move(key),
                   absl::BytesToHexString(hash.view().substr(0, kFingerprintBytes)));
}

absl::StatusOr<MasterKey> MasterKey::Parse(absl::string_view text) {
  ASSIGN_OR_RETURN(SecretString key, ParseSymmetricKey(kPurpose, kId, text));
  return FromBytes(std::move(key));
}

SecretString MasterKey::NewText(Random& random) {
  const SecretString key(random.Bytes(kSymmetricKeyBytes));
  return FormatSymmetricKey(kPurpose, kId, key.Reveal());
}

SecretString MasterKey::SealingKey(absl::string_view origin) const {
  std::string framed;
  PutBytes16(framed, origin);
  return SecretString(std::string(HmacSha256(key_.Reveal(), {kSealLabel, framed}).view()));
}

absl::StatusOr<std::string> MasterKey::Seal(const SealedPlace& place, absl::string_view text,
                                            Random& random) const {
  AesGcm cipher;
  RETURN_IF_ERROR(cipher.SetKey(SealingKey(place.origin).Reveal()));
  std::string box = random.Bytes(kAesGcmNonceBytes);
  const std::string nonce = box;
  RETURN_IF_ERROR(cipher.Seal(nonce, Associated(place), {text}, box));
  return FormatSealedText({fingerprint_, std::move(box)});
}

absl::StatusOr<SecretString> MasterKey::Open(const SealedPlace& place,
                                             absl::string_view sealed) const {
  ASSIGN_OR_RETURN(const SealedText parsed, ParseSealedText(sealed));
  if (parsed.fingerprint != fingerprint_) {
    return absl::FailedPreconditionError(absl::StrCat(
        "sealed under master key ", parsed.fingerprint, ", and --master_key is ", fingerprint_,
        ": name the source of the former; `auditctl seal-keys --new_master_key` changes it"));
  }
  AesGcm cipher;
  RETURN_IF_ERROR(cipher.SetKey(SealingKey(place.origin).Reveal()));
  const absl::string_view box = parsed.box;
  absl::StatusOr<std::string> text = cipher.Open(box.substr(0, kAesGcmNonceBytes),
                                                 Associated(place), box.substr(kAesGcmNonceBytes));
  if (text.ok()) return SecretString(*std::move(text));
  return Bad(absl::StrCat("is not what master key ", fingerprint_, " sealed as ", place.file_name,
                          " of ", place.origin, ": it was changed, renamed or moved"));
}

}  // namespace auditledger
