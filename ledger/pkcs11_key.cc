#include "ledger/pkcs11_key.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/pkcs11_session.h"
#include "merkle/ed25519_verify.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// PKCS #11 3.0: not in p11-kit's header of Debian 12.
constexpr CK_MECHANISM_TYPE kEdwardsKeyPairGen = 0x1055;
// CKA_EC_PARAMS: the curve's name, a DER PrintableString (PKCS #11 3.0, 2.3.10).
constexpr char kCurve[] =
    "\x13\x0c"
    "edwards25519";
// CKA_EC_POINT: a DER OCTET STRING of 32 bytes; some tokens leave its two bytes out.
constexpr absl::string_view kPointPrefix("\x04\x20", 2);
constexpr Pkcs11Kind kPrivateKey = {CKO_PRIVATE_KEY, CKK_EC_EDWARDS, "Ed25519"};
constexpr Pkcs11Kind kPublicKey = {CKO_PUBLIC_KEY, CKK_EC_EDWARDS, "Ed25519"};

// Whether a new session may do what this one no longer does.
bool IsSessionLost(CK_RV result) {
  return result == CKR_SESSION_CLOSED || result == CKR_SESSION_HANDLE_INVALID ||
         result == CKR_USER_NOT_LOGGED_IN || result == CKR_DEVICE_REMOVED ||
         result == CKR_TOKEN_NOT_PRESENT || result == CKR_KEY_HANDLE_INVALID;
}

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

absl::StatusOr<std::string> PublicKey(const Pkcs11Session& session, const std::string& label) {
  ASSIGN_OR_RETURN(const CK_OBJECT_HANDLE key, session.Find(kPublicKey, label));
  std::string point(kPointPrefix.size() + kEd25519PublicKeyBytes + 1, '\0');
  CK_ATTRIBUTE wanted = {CKA_EC_POINT, point.data(), point.size()};
  const CK_RV result = session.f().C_GetAttributeValue(session.handle(), key, &wanted, 1);
  if (result != CKR_OK) return Pkcs11Error("C_GetAttributeValue", result);
  absl::string_view bytes(point.data(), wanted.ulValueLen);
  if (bytes.size() == kPointPrefix.size() + kEd25519PublicKeyBytes) {
    absl::ConsumePrefix(&bytes, kPointPrefix);
  }
  if (bytes.size() == kEd25519PublicKeyBytes) return std::string(bytes);
  return absl::FailedPreconditionError(absl::StrCat("token: ", label, " is no Ed25519 key"));
}

class Pkcs11Key : public SigningKey {
 public:
  Pkcs11Key(Pkcs11Spec spec, SecretString pin, Pkcs11Session session, CK_OBJECT_HANDLE key,
            std::string public_key)
      : spec_(std::move(spec)),
        pin_(std::move(pin)),
        session_(std::move(session)),
        key_(key),
        public_key_(std::move(public_key)) {}

  const std::string& public_key() const override { return public_key_; }

  absl::StatusOr<std::string> Sign(absl::string_view message) const override {
    std::string signature;
    CK_RV result = SignOnce(message, signature);
    if (IsSessionLost(result)) {
      ASSIGN_OR_RETURN(Pkcs11Session again, Pkcs11Session::Open(spec_, pin_));
      ASSIGN_OR_RETURN(key_, again.Find(kPrivateKey, spec_.key));
      session_ = std::move(again);
      result = SignOnce(message, signature);
    }
    if (result != CKR_OK) return Pkcs11Error("C_Sign", result);
    const absl::Status verified = VerifyEd25519(public_key_, message, signature);
    if (verified.ok()) return signature;
    return absl::UnavailableError(
        absl::StrCat("token: its signature is wrong: ", verified.message()));
  }

 private:
  CK_RV SignOnce(absl::string_view message, std::string& signature) const {
    CK_MECHANISM mechanism = {CKM_EDDSA, nullptr, 0};
    const CK_RV begun = session_.f().C_SignInit(session_.handle(), &mechanism, key_);
    if (begun != CKR_OK) return begun;
    std::string text(message);
    signature.assign(kEd25519SignatureBytes, '\0');
    CK_ULONG length = signature.size();
    const CK_RV result =
        session_.f().C_Sign(session_.handle(), Bytes(text), text.size(), Bytes(signature), &length);
    if (result == CKR_OK) signature.resize(length);
    return result;
  }

  const Pkcs11Spec spec_;
  const SecretString pin_;
  mutable Pkcs11Session session_;  // opened once more when the token has dropped it
  mutable CK_OBJECT_HANDLE key_;
  const std::string public_key_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SigningKey>> OpenPkcs11Key(const Pkcs11Spec& spec,
                                                          SecretString pin) {
  RETURN_IF_ERROR(CheckPkcs11Spec(spec));
  ASSIGN_OR_RETURN(Pkcs11Session session, Pkcs11Session::Open(spec, pin));
  ASSIGN_OR_RETURN(const CK_OBJECT_HANDLE key, session.Find(kPrivateKey, spec.key));
  ASSIGN_OR_RETURN(std::string public_key, PublicKey(session, spec.key));
  return std::make_unique<Pkcs11Key>(spec, std::move(pin), std::move(session), key,
                                     std::move(public_key));
}

absl::Status GeneratePkcs11Key(const Pkcs11Spec& spec, const SecretString& pin) {
  RETURN_IF_ERROR(CheckPkcs11Spec(spec));
  ASSIGN_OR_RETURN(const Pkcs11Session session, Pkcs11Session::Open(spec, pin, CKF_RW_SESSION));
  RETURN_IF_ERROR(session.CheckFree(kPrivateKey, spec.key));
  CK_MECHANISM mechanism = {kEdwardsKeyPairGen, nullptr, 0};
  std::string label = spec.key;
  std::string curve(kCurve, sizeof(kCurve) - 1);
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_ATTRIBUTE public_half[] = {{CKA_TOKEN, &yes, sizeof(yes)},
                                {CKA_VERIFY, &yes, sizeof(yes)},
                                {CKA_EC_PARAMS, curve.data(), curve.size()},
                                {CKA_LABEL, label.data(), label.size()}};
  CK_ATTRIBUTE private_half[] = {
      {CKA_TOKEN, &yes, sizeof(yes)},     {CKA_PRIVATE, &yes, sizeof(yes)},
      {CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &no, sizeof(no)},
      {CKA_SIGN, &yes, sizeof(yes)},      {CKA_LABEL, label.data(), label.size()}};
  CK_OBJECT_HANDLE made[2] = {};
  const CK_RV result = session.f().C_GenerateKeyPair(session.handle(), &mechanism, public_half,
                                                     std::size(public_half), private_half,
                                                     std::size(private_half), &made[0], &made[1]);
  return result == CKR_OK ? absl::OkStatus() : Pkcs11Error("C_GenerateKeyPair", result);
}

}  // namespace auditledger
