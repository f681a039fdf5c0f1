#include "merkle/ed25519_verify.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "merkle/openssl_ptr.h"

namespace auditledger {
namespace {

const uint8_t* Bytes(absl::string_view view) {
  return reinterpret_cast<const uint8_t*>(view.data());
}

}  // namespace

absl::Status VerifyEd25519(absl::string_view public_key, absl::string_view message,
                           absl::string_view signature) {
  if (public_key.size() != kEd25519PublicKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("Ed25519 public key: has ", public_key.size(),
                                                   " bytes, needs ", kEd25519PublicKeyBytes));
  }
  if (signature.size() != kEd25519SignatureBytes) {
    return absl::InvalidArgumentError(absl::StrCat("Ed25519 signature: has ", signature.size(),
                                                   " bytes, needs ", kEd25519SignatureBytes));
  }
  ClearOpensslErrors();
  const EvpPkeyPtr key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(public_key), public_key.size()));
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  if (key == nullptr || context == nullptr ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1) {
    return absl::InternalError(DrainOpensslErrors("prepare Ed25519 verification"));
  }
  if (EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message),
                       message.size()) != 1) {
    ClearOpensslErrors();
    return absl::DataLossError("Ed25519 signature does not verify");
  }
  return absl::OkStatus();
}

}  // namespace auditledger
