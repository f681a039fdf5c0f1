#include "api/client/spool_key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr int kTagBytes = static_cast<int>(kSpoolTagBytes);

const unsigned char* In(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string NonceOf(uint64_t number) {
  std::string nonce(4, '\0');
  PutU64(nonce, number);
  return nonce;
}

absl::Status Failed(absl::string_view step) {
  return absl::InternalError(DrainOpensslErrors(step));
}

// All of it, or one byte more than a key has.
std::string ReadKey(int fd) {
  std::string bytes(kSpoolKeyBytes + 1, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);  // does not move what it shortens
  return bytes;
}

}  // namespace

absl::StatusOr<SpoolKey> SpoolKey::FromBytes(std::string bytes) {
  const size_t size = bytes.size();
  if (size != kSpoolKeyBytes) {
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return absl::InvalidArgumentError(absl::StrCat("a spool's key has ", kSpoolKeyBytes,
                                                   " bytes, not ", size,
                                                   "; `head -c 32 /dev/urandom` makes one"));
  }
  SpoolKey key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

absl::StatusOr<SpoolKey> SpoolKey::FromFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("open ", path));
  struct stat info = {};
  const bool known = ::fstat(fd, &info) == 0;
  std::string bytes = ReadKey(fd);
  ::close(fd);
  if (!known || (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": others than its owner may use it; chmod 600"));
  }
  auto key = FromBytes(std::move(bytes));
  if (key.ok()) return key;
  return absl::Status(key.status().code(), absl::StrCat(path, ": ", key.status().message()));
}

struct SpoolCipher::Impl {
  EvpCipherCtxPtr context{EVP_CIPHER_CTX_new()};

  // Sets the nonce, keeping the key, and feeds the associated data.
  absl::Status Start(uint64_t number, absl::string_view associated, bool encrypt) {
    int written = 0;
    if (EVP_CipherInit_ex2(context.get(), nullptr, nullptr, In(NonceOf(number)), encrypt ? 1 : 0,
                           nullptr) != 1 ||
        EVP_CipherUpdate(context.get(), nullptr, &written, In(associated),
                         static_cast<int>(associated.size())) != 1) {
      return Failed("AES-GCM nonce");
    }
    return absl::OkStatus();
  }
};

SpoolCipher::SpoolCipher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SpoolCipher::SpoolCipher(SpoolCipher&&) noexcept = default;
SpoolCipher& SpoolCipher::operator=(SpoolCipher&&) noexcept = default;
SpoolCipher::~SpoolCipher() = default;

absl::StatusOr<SpoolCipher> SpoolCipher::Derive(const SpoolKey& key, absl::string_view label,
                                                absl::string_view context) {
  ClearOpensslErrors();
  const EvpCipherPtr cipher(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  auto impl = std::make_unique<Impl>();
  Hash derived = key.derive_->Mac({label, absl::string_view("\0", 1), context});
  const bool set = cipher != nullptr && impl->context != nullptr &&
                   EVP_CipherInit_ex2(impl->context.get(), cipher.get(), In(derived.view()),
                                      nullptr, 1, nullptr) == 1;
  OPENSSL_cleanse(&derived, sizeof(derived));
  if (!set) return Failed("AES-256-GCM");
  return SpoolCipher(std::move(impl));
}

absl::Status SpoolCipher::Seal(uint64_t number, absl::string_view associated,
                               absl::string_view plaintext, std::string& out) {
  if (plaintext.size() > INT_MAX) return absl::InvalidArgumentError("AES-GCM: over 2 GiB");
  ClearOpensslErrors();
  RETURN_IF_ERROR(impl_->Start(number, associated, true));
  const size_t begin = out.size();
  out.resize(begin + plaintext.size() + kSpoolTagBytes);
  auto* at = reinterpret_cast<unsigned char*>(out.data() + begin);
  EVP_CIPHER_CTX* const context = impl_->context.get();
  int written = 0;
  if (!plaintext.empty() && EVP_EncryptUpdate(context, at, &written, In(plaintext),
                                              static_cast<int>(plaintext.size())) != 1) {
    return Failed("AES-GCM encrypt");
  }
  at += plaintext.size();
  if (EVP_EncryptFinal_ex(context, at, &written) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, at) != 1) {
    return Failed("AES-GCM tag");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SpoolCipher::Open(uint64_t number, absl::string_view associated,
                                              absl::string_view sealed) {
  if (sealed.size() < kSpoolTagBytes || sealed.size() > INT_MAX) {
    return absl::DataLossError("AES-GCM: shorter than its tag, or over 2 GiB");
  }
  ClearOpensslErrors();
  RETURN_IF_ERROR(impl_->Start(number, associated, false));
  const size_t size = sealed.size() - kSpoolTagBytes;
  std::string tag(sealed.substr(size));
  std::string out(size, '\0');
  EVP_CIPHER_CTX* const context = impl_->context.get();
  int written = 0;
  if (size > 0 && EVP_DecryptUpdate(context, reinterpret_cast<unsigned char*>(out.data()), &written,
                                    In(sealed), static_cast<int>(size)) != 1) {
    return Failed("AES-GCM decrypt");
  }
  unsigned char none[1];
  if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) != 1 ||
      EVP_DecryptFinal_ex(context, none, &written) != 1) {
    OPENSSL_cleanse(out.data(), out.size());
    ClearOpensslErrors();
    return absl::DataLossError("AES-GCM: the tag does not match");
  }
  return out;
}

}  // namespace auditledger
