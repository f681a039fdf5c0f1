#include "ledger/ed25519_key.h"

#include "absl/strings/str_cat.h"
#include "merkle/ed25519_verify.h"
#include "merkle/openssl_ptr.h"

namespace auditledger {
namespace {

const unsigned char* In(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* Out(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

}  // namespace

struct Ed25519Key::Impl {
  EvpPkeyPtr key;
};

Ed25519Key::Ed25519Key() : impl_(std::make_unique<Impl>()) {}
Ed25519Key::Ed25519Key(Ed25519Key&&) noexcept = default;
Ed25519Key& Ed25519Key::operator=(Ed25519Key&&) noexcept = default;
Ed25519Key::~Ed25519Key() = default;

absl::StatusOr<Ed25519Key> Ed25519Key::FromSeed(absl::string_view seed) {
  if (seed.size() != kEd25519SeedBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("Ed25519 seed of ", seed.size(), " bytes, needs ", kEd25519SeedBytes));
  }
  ClearOpensslErrors();
  Ed25519Key result;
  result.impl_->key.reset(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, In(seed), seed.size()));
  size_t length = kEd25519PublicKeyBytes;
  result.public_key_.resize(length);
  if (result.impl_->key == nullptr ||
      EVP_PKEY_get_raw_public_key(result.impl_->key.get(), Out(result.public_key_), &length) != 1) {
    return absl::InternalError(DrainOpensslErrors("Ed25519 key"));
  }
  return result;
}

absl::StatusOr<std::string> Ed25519Key::Sign(absl::string_view message) const {
  ClearOpensslErrors();
  // A context of its own each time: one kept across one-shot signatures saves 3 us and a promise
  // nobody made.
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::string signature(kEd25519SignatureBytes, '\0');
  size_t length = signature.size();
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), Out(signature), &length, In(message), message.size()) != 1 ||
      length != signature.size()) {
    return absl::InternalError(DrainOpensslErrors("Ed25519 signature"));
  }
  return signature;
}

}  // namespace auditledger
