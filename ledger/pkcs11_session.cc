#include "ledger/pkcs11_session.h"

#include <dlfcn.h>

#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "ledger/key_files.h"
#include "ledger/mutex.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

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
    return Pkcs11Error("C_Initialize", result);
  }
  return loaded[path] = functions;
}

absl::StatusOr<CK_SLOT_ID> FindToken(CK_FUNCTION_LIST& f, const std::string& label) {
  CK_ULONG count = 0;
  CK_RV result = f.C_GetSlotList(CK_TRUE, nullptr, &count);
  std::vector<CK_SLOT_ID> slots(count);
  if (result == CKR_OK) result = f.C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (result != CKR_OK) return Pkcs11Error("C_GetSlotList", result);
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

}  // namespace

absl::StatusOr<SecretString> ReadPkcs11Pin(const std::string& path) {
  ASSIGN_OR_RETURN(const SecretString text, ReadPrivateFile(path));
  absl::string_view pin = text.Reveal();
  if (!absl::ConsumeSuffix(&pin, "\n") || pin.empty() || absl::StrContains(pin, '\n')) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": must be one line, the PIN"));
  }
  return SecretString(std::string(pin));
}

absl::Status Pkcs11Error(absl::string_view what, CK_RV result) {
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

absl::StatusOr<Pkcs11Session> Pkcs11Session::Open(const Pkcs11Spec& spec, const SecretString& pin,
                                                  CK_FLAGS more_flags) {
  ASSIGN_OR_RETURN(CK_FUNCTION_LIST* const f, LoadModule(spec.module));
  ASSIGN_OR_RETURN(const CK_SLOT_ID slot, FindToken(*f, spec.token));
  CK_SESSION_HANDLE handle = 0;
  CK_RV result = f->C_OpenSession(slot, CKF_SERIAL_SESSION | more_flags, nullptr, nullptr, &handle);
  if (result != CKR_OK) return Pkcs11Error("C_OpenSession", result);
  Pkcs11Session session(f, handle);
  std::string text(pin.Reveal());
  result = f->C_Login(handle, CKU_USER, Bytes(text), text.size());
  WipeString(text);
  if (result != CKR_OK && result != CKR_USER_ALREADY_LOGGED_IN) {
    return Pkcs11Error("C_Login", result);
  }
  return session;
}

absl::StatusOr<CK_OBJECT_HANDLE> Pkcs11Session::Find(const Pkcs11Kind& kind,
                                                     const std::string& label) const {
  std::string name = label;
  CK_OBJECT_CLASS object = kind.object;
  CK_KEY_TYPE type = kind.type;
  CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object, sizeof(object)},
                           {CKA_KEY_TYPE, &type, sizeof(type)},
                           {CKA_LABEL, name.data(), name.size()}};
  CK_RV result = f_->C_FindObjectsInit(handle_, wanted, std::size(wanted));
  if (result != CKR_OK) return Pkcs11Error("C_FindObjectsInit", result);
  CK_OBJECT_HANDLE found[2] = {};
  CK_ULONG count = 0;
  result = f_->C_FindObjects(handle_, found, std::size(found), &count);
  f_->C_FindObjectsFinal(handle_);
  if (result != CKR_OK) return Pkcs11Error("C_FindObjects", result);
  if (count == 1) return found[0];
  if (count > 1) {
    return absl::FailedPreconditionError(absl::StrCat("token: several keys are named ", label));
  }
  return absl::NotFoundError(absl::StrCat("token: there is no ", kind.name, " key named ", label));
}

absl::Status Pkcs11Session::CheckFree(const Pkcs11Kind& kind, const std::string& label) const {
  const absl::Status found = Find(kind, label).status();
  if (found.ok()) return absl::AlreadyExistsError(absl::StrCat("token: has a key ", label));
  return absl::IsNotFound(found) ? absl::OkStatus() : found;
}

}  // namespace auditledger
