#include "ledger/pkcs11_master.h"

#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "ledger/key_text.h"
#include "ledger/pkcs11_session.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr Pkcs11Kind kSecret = {CKO_SECRET_KEY, CKK_GENERIC_SECRET, "generic secret"};
// With its closing 0x00.
constexpr absl::string_view kLabel("auditledger/token-master/v1", 28);

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

absl::StatusOr<SecretString> DerivePkcs11Master(const Pkcs11Spec& spec, const SecretString& pin) {
  RETURN_IF_ERROR(CheckPkcs11Spec(spec));
  ASSIGN_OR_RETURN(const Pkcs11Session session, Pkcs11Session::Open(spec, pin));
  ASSIGN_OR_RETURN(const CK_OBJECT_HANDLE key, session.Find(kSecret, spec.key));
  CK_MECHANISM mechanism = {CKM_SHA256_HMAC, nullptr, 0};
  CK_RV result = session.f().C_SignInit(session.handle(), &mechanism, key);
  if (result != CKR_OK) return Pkcs11Error("C_SignInit", result);
  std::string message(kLabel);
  std::string derived(kSymmetricKeyBytes, '\0');
  CK_ULONG length = derived.size();
  result =
      session.f().C_Sign(session.handle(), Bytes(message), message.size(), Bytes(derived), &length);
  SecretString master(std::move(derived));
  if (result != CKR_OK) return Pkcs11Error("C_Sign", result);
  if (length == kSymmetricKeyBytes) return master;
  return absl::UnavailableError("token: its HMAC-SHA-256 is not of 32 bytes");
}

absl::Status GeneratePkcs11Master(const Pkcs11Spec& spec, const SecretString& pin) {
  RETURN_IF_ERROR(CheckPkcs11Spec(spec));
  ASSIGN_OR_RETURN(const Pkcs11Session session, Pkcs11Session::Open(spec, pin, CKF_RW_SESSION));
  RETURN_IF_ERROR(session.CheckFree(kSecret, spec.key));
  CK_MECHANISM mechanism = {CKM_GENERIC_SECRET_KEY_GEN, nullptr, 0};
  std::string label = spec.key;
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_ULONG length = kSymmetricKeyBytes;
  CK_ATTRIBUTE wanted[] = {
      {CKA_TOKEN, &yes, sizeof(yes)},         {CKA_PRIVATE, &yes, sizeof(yes)},
      {CKA_SENSITIVE, &yes, sizeof(yes)},     {CKA_EXTRACTABLE, &no, sizeof(no)},
      {CKA_SIGN, &yes, sizeof(yes)},          {CKA_VALUE_LEN, &length, sizeof(length)},
      {CKA_LABEL, label.data(), label.size()}};
  CK_OBJECT_HANDLE made = 0;
  const CK_RV result =
      session.f().C_GenerateKey(session.handle(), &mechanism, wanted, std::size(wanted), &made);
  return result == CKR_OK ? absl::OkStatus() : Pkcs11Error("C_GenerateKey", result);
}

}  // namespace auditledger
