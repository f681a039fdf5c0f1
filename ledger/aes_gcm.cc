#include "ledger/aes_gcm.h"

#include <openssl/crypto.h>

#include <climits>
#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Fetched once for the process. Without it nothing can be sealed or read: a broken installation.
const EVP_CIPHER* Cipher() {
  static const EvpCipherPtr cipher(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  if (cipher == nullptr) {
    std::cerr << "auditledger: OpenSSL offers no AES-256-GCM\n";
    std::abort();
  }
  return cipher.get();
}

const unsigned char* In(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

absl::Status Failed(absl::string_view step) {
  return absl::InternalError(DrainOpensslErrors(step));
}

absl::Status CheckLengths(absl::string_view nonce, size_t bytes) {
  if (nonce.size() != kAesGcmNonceBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("AES-GCM: nonce of ", nonce.size(), " bytes, needs ", kAesGcmNonceBytes));
  }
  if (bytes > INT_MAX) return absl::InvalidArgumentError("AES-GCM: over 2 GiB");
  return absl::OkStatus();
}

}  // namespace

struct AesGcm::Impl {
  EvpCipherCtxPtr context{EVP_CIPHER_CTX_new()};
  bool has_key = false;

  // Sets the nonce, keeping the key, and feeds the associated data.
  absl::Status Start(absl::string_view nonce, absl::string_view associated, bool encrypt) {
    if (!has_key) return absl::FailedPreconditionError("AES-GCM: no key set");
    int written = 0;
    if (EVP_CipherInit_ex2(context.get(), nullptr, nullptr, In(nonce), encrypt ? 1 : 0, nullptr) !=
            1 ||
        EVP_CipherUpdate(context.get(), nullptr, &written, In(associated),
                         static_cast<int>(associated.size())) != 1) {
      return Failed("AES-GCM nonce and associated data");
    }
    return absl::OkStatus();
  }
};

AesGcm::AesGcm() : impl_(std::make_unique<Impl>()) {}
AesGcm::~AesGcm() = default;

absl::Status AesGcm::SetKey(absl::string_view key) {
  if (key.size() != kAesGcmKeyBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("AES-GCM: key of ", key.size(), " bytes, needs ", kAesGcmKeyBytes));
  }
  ClearOpensslErrors();
  impl_->has_key = false;
  if (impl_->context == nullptr ||
      EVP_CipherInit_ex2(impl_->context.get(), Cipher(), In(key), nullptr, 1, nullptr) != 1) {
    return Failed("AES-GCM key");
  }
  impl_->has_key = true;
  return absl::OkStatus();
}

absl::Status AesGcm::Seal(absl::string_view nonce, absl::string_view associated,
                          std::initializer_list<absl::string_view> plaintext, std::string& out) {
  size_t total = 0;
  for (const absl::string_view piece : plaintext) total += piece.size();
  RETURN_IF_ERROR(CheckLengths(nonce, total + associated.size()));
  ClearOpensslErrors();
  RETURN_IF_ERROR(impl_->Start(nonce, associated, true));

  EVP_CIPHER_CTX* const context = impl_->context.get();
  const size_t begin = out.size();
  out.resize(begin + total + kAesGcmTagBytes);
  auto* at = reinterpret_cast<unsigned char*>(out.data() + begin);
  int written = 0;
  for (const absl::string_view piece : plaintext) {
    if (piece.empty()) continue;
    if (EVP_EncryptUpdate(context, at, &written, In(piece), static_cast<int>(piece.size())) != 1) {
      return Failed("AES-GCM encrypt");
    }
    at += written;
  }
  if (EVP_EncryptFinal_ex(context, at, &written) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kAesGcmTagBytes, at) != 1) {
    return Failed("AES-GCM tag");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> AesGcm::Open(absl::string_view nonce, absl::string_view associated,
                                         absl::string_view ciphertext_and_tag) {
  RETURN_IF_ERROR(CheckLengths(nonce, ciphertext_and_tag.size() + associated.size()));
  if (ciphertext_and_tag.size() < kAesGcmTagBytes) {
    return absl::DataLossError("AES-GCM: shorter than its tag");
  }
  ClearOpensslErrors();
  RETURN_IF_ERROR(impl_->Start(nonce, associated, false));

  EVP_CIPHER_CTX* const context = impl_->context.get();
  const size_t size = ciphertext_and_tag.size() - kAesGcmTagBytes;
  std::string tag(ciphertext_and_tag.substr(size));
  std::string out(size, '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  int written = 0;
  if (size > 0 && EVP_DecryptUpdate(context, at, &written, In(ciphertext_and_tag),
                                    static_cast<int>(size)) != 1) {
    return Failed("AES-GCM decrypt");
  }
  if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kAesGcmTagBytes, tag.data()) != 1) {
    return Failed("AES-GCM tag");
  }
  unsigned char none[1];
  if (EVP_DecryptFinal_ex(context, none, &written) != 1) {
    OPENSSL_cleanse(out.data(), out.size());
    ClearOpensslErrors();
    return absl::DataLossError("AES-GCM: the tag does not match");
  }
  return out;
}

}  // namespace auditledger
