// OpenSSL objects as unique_ptr, and its error queue as text. Private to merkle/*.cc and whoever
// else calls OpenSSL: public headers of ours do not show OpenSSL's types.
//
// Example:
//   ClearOpensslErrors();
//   EvpPkeyPtr key(EVP_PKEY_new_raw_public_key(...));
//   if (key == nullptr) return absl::InvalidArgumentError(DrainOpensslErrors("public key"));
//
// Thread-safety: OpenSSL's error queue is per thread, so both functions touch the caller's alone.
#ifndef AUDITLEDGER_MERKLE_OPENSSL_PTR_H_
#define AUDITLEDGER_MERKLE_OPENSSL_PTR_H_

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// Deletes with an OpenSSL _free function and takes no space in the unique_ptr.
template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using EvpMdPtr = std::unique_ptr<EVP_MD, OpensslDeleter<EVP_MD_free>>;
using EvpMdCtxPtr = std::unique_ptr<EVP_MD_CTX, OpensslDeleter<EVP_MD_CTX_free>>;
using EvpPkeyPtr = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using EvpPkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslDeleter<EVP_PKEY_CTX_free>>;
using EvpCipherPtr = std::unique_ptr<EVP_CIPHER, OpensslDeleter<EVP_CIPHER_free>>;
using EvpCipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, OpensslDeleter<EVP_CIPHER_CTX_free>>;

// Call before a sequence of OpenSSL calls: an old entry would otherwise be blamed on it.
inline void ClearOpensslErrors() { ERR_clear_error(); }

// "<what>: <reason>; <reason>", and leaves the queue empty. "<what>: failed" when OpenSSL gave no
// reason.
inline std::string DrainOpensslErrors(absl::string_view what) {
  std::string out;
  while (const unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    absl::StrAppend(&out, out.empty() ? "" : "; ", reason != nullptr ? reason : "unknown");
  }
  return absl::StrCat(what, ": ", out.empty() ? "failed" : out);
}

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_OPENSSL_PTR_H_
