#include "ledger/pkcs11_key.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "ledger/mutex.h"
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

absl::Status TokenError(absl::string_view what, CK_RV result) {
  const std::string text = absl::StrFormat("token: %s: CKR 0x%x", what, result);
  switch (result) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
      return absl::PermissionDeniedError(absl::StrCat(text, " (PIN)"));
    default:
      return absl::UnavailableError(text);
  }
}

// Whether a new session may do what this one no longer does.
bool IsSessionLost(CK_RV result) {
  return result == CKR_SESSION_CLOSED || result == CKR_SESSION_HANDLE_INVALID ||
         result == CKR_USER_NOT_LOGGED_IN || result == CKR_DEVICE_REMOVED ||
         result == CKR_TOKEN_NOT_PRESENT || result == CKR_KEY_HANDLE_INVALID;
}

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// Each module once a process, as PKCS #11 asks.
absl::StatusOr<CK_FUNCTION_LIST*> LoadModule(const std::string& path) {
  static Mutex& mutex = *new Mutex;
  static auto& loaded = *new std::map<std::string, CK_FUNCTION_LIST*>;
  MutexLock lock(mutex);
  const auto found = loaded.find(path);
  if (found != loaded.end()) return found->second;
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return absl::NotFoundError(absl::StrCat("token: cannot load ", path, ": ", ::dlerror()));
  }
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (get == nullptr || get(&functions) != CKR_OK || functions == nullptr) {
    return absl::NotFoundError(absl::StrCat("token: ", path, " is no PKCS #11 module"));
  }
  CK_C_INITIALIZE_ARGS arguments = {};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV result = functions->C_Initialize(&arguments);
  if (result != CKR_OK && result != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
    return TokenError("C_Initialize", result);
  }
  return loaded[path] = functions;
}

absl::StatusOr<CK_SLOT_ID> FindToken(CK_FUNCTION_LIST& f, const std::string& label) {
  CK_ULONG count = 0;
  CK_RV result = f.C_GetSlotList(CK_TRUE, nullptr, &count);
  std::vector<CK_SLOT_ID> slots(count);
  if (result == CKR_OK) result = f.C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (result != CKR_OK) return TokenError("C_GetSlotList", result);
  slots.resize(count);
  std::vector<CK_SLOT_ID> found;
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO info = {};
    if (f.C_GetTokenInfo(slot, &info) != CKR_OK) continue;
    absl::string_view name(reinterpret_cast<const char*>(info.label), sizeof(info.label));
    while (absl::ConsumeSuffix(&name, " ")) continue;
    if (name == label) found.push_back(slot);
  }
  if (found.size() == 1) return found[0];
  if (found.empty()) return absl::NotFoundError(absl::StrCat("token: there is none named ", label));
  return absl::FailedPreconditionError(absl::StrCat("token: ", found.size(), " are named ", label));
}

// A session in which the user is logged in; closed at its end.
class Session {
 public:
  static absl::StatusOr<Session> Open(const Pkcs11Spec& spec, const SecretString& pin,
                                      CK_FLAGS more_flags = 0) {
    ASSIGN_OR_RETURN(CK_FUNCTION_LIST* const f, LoadModule(spec.module));
    ASSIGN_OR_RETURN(const CK_SLOT_ID slot, FindToken(*f, spec.token));
    CK_SESSION_HANDLE handle = 0;
    CK_RV result =
        f->C_OpenSession(slot, CKF_SERIAL_SESSION | more_flags, nullptr, nullptr, &handle);
    if (result != CKR_OK) return TokenError("C_OpenSession", result);
    Session session(f, handle);
    std::string text(pin.Reveal());
    result = f->C_Login(handle, CKU_USER, Bytes(text), text.size());
    WipeString(text);
    if (result != CKR_OK && result != CKR_USER_ALREADY_LOGGED_IN) {
      return TokenError("C_Login", result);
    }
    return session;
  }
  Session(Session&& other) noexcept
      : f_(std::exchange(other.f_, nullptr)), handle_(other.handle_) {}
  Session& operator=(Session&& other) noexcept {
    std::swap(f_, other.f_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Session() {
    if (f_ != nullptr) f_->C_CloseSession(handle_);
  }

  CK_FUNCTION_LIST& f() const { return *f_; }
  CK_SESSION_HANDLE handle() const { return handle_; }

  // The one Ed25519 key of this class and label.
  absl::StatusOr<CK_OBJECT_HANDLE> Find(CK_OBJECT_CLASS kind, const std::string& label) const {
    std::string name = label;
    CK_KEY_TYPE type = CKK_EC_EDWARDS;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &kind, sizeof(kind)},
                             {CKA_KEY_TYPE, &type, sizeof(type)},
                             {CKA_LABEL, name.data(), name.size()}};
    CK_RV result = f_->C_FindObjectsInit(handle_, wanted, std::size(wanted));
    if (result != CKR_OK) return TokenError("C_FindObjectsInit", result);
    CK_OBJECT_HANDLE found[2] = {};
    CK_ULONG count = 0;
    result = f_->C_FindObjects(handle_, found, std::size(found), &count);
    f_->C_FindObjectsFinal(handle_);
    if (result != CKR_OK) return TokenError("C_FindObjects", result);
    if (count == 1) return found[0];
    if (count > 1) {
      return absl::FailedPreconditionError(absl::StrCat("token: several keys are named ", label));
    }
    return absl::NotFoundError(absl::StrCat("token: there is no Ed25519 key named ", label));
  }

  absl::StatusOr<std::string> PublicKey(const std::string& label) const {
    ASSIGN_OR_RETURN(const CK_OBJECT_HANDLE key, Find(CKO_PUBLIC_KEY, label));
    std::string point(kPointPrefix.size() + kEd25519PublicKeyBytes + 1, '\0');
    CK_ATTRIBUTE wanted = {CKA_EC_POINT, point.data(), point.size()};
    const CK_RV result = f_->C_GetAttributeValue(handle_, key, &wanted, 1);
    if (result != CKR_OK) return TokenError("C_GetAttributeValue", result);
    absl::string_view bytes(point.data(), wanted.ulValueLen);
    if (bytes.size() == kPointPrefix.size() + kEd25519PublicKeyBytes) {
      absl::ConsumePrefix(&bytes, kPointPrefix);
    }
    if (bytes.size() == kEd25519PublicKeyBytes) return std::string(bytes);
    return absl::FailedPreconditionError(absl::StrCat("token: ", label, " is no Ed25519 key"));
  }

 private:
  Session(CK_FUNCTION_LIST* f, CK_SESSION_HANDLE handle) : f_(f), handle_(handle) {}
  CK_FUNCTION_LIST* f_;
  CK_SESSION_HANDLE handle_;
};

class Pkcs11Key : public SigningKey {
 public:
  Pkcs11Key(Pkcs11Spec spec, SecretString pin, Session session, CK_OBJECT_HANDLE key,
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
      ASSIGN_OR_RETURN(Session again, Session::Open(spec_, pin_));
      ASSIGN_OR_RETURN(key_, again.Find(CKO_PRIVATE_KEY, spec_.key));
      session_ = std::move(again);
      result = SignOnce(message, signature);
    }
    if (result != CKR_OK) return TokenError("C_Sign", result);
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
  mutable Session session_;  // opened once more when the token has dropped it
  mutable CK_OBJECT_HANDLE key_;
  const std::string public_key_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SigningKey>> OpenPkcs11Key(const Pkcs11Spec& spec,
                                                          SecretString pin) {
  RETURN_IF_ERROR(CheckPkcs11Spec(spec));
  ASSIGN_OR_RETURN(Session session, Session::Open(spec, pin));
  ASSIGN_OR_RETURN(const CK_OBJECT_HANDLE key, session.Find(CKO_PRIVATE_KEY, spec.key));
  ASSIGN_OR_RETURN(std::string public_key, session.PublicKey(spec.key));
  return std::make_unique<Pkcs11Key>(spec, std::move(pin), std::move(session), key,
                                     std::move(public_key));
}

absl::Status GeneratePkcs11Key(const Pkcs11Spec& spec, const SecretString& pin) {
  RETURN_IF_ERROR(CheckPkcs11Spec(spec));
  ASSIGN_OR_RETURN(const Session session, Session::Open(spec, pin, CKF_RW_SESSION));
  const absl::Status found = session.Find(CKO_PRIVATE_KEY, spec.key).status();
  if (found.ok()) return absl::AlreadyExistsError(absl::StrCat("token: has a key ", spec.key));
  if (!absl::IsNotFound(found)) return found;
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
  return result == CKR_OK ? absl::OkStatus() : TokenError("C_GenerateKeyPair", result);
}

}  // namespace auditledger
