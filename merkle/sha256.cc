#include "merkle/sha256.h"

#include <openssl/crypto.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "merkle/openssl_ptr.h"

namespace auditledger {
namespace {

constexpr size_t kBlockBytes = 64;

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "%s\n", DrainOpensslErrors(what).c_str());
  std::abort();
}

// Never destroyed, so that a thread which outlives main() can still hash.
const EVP_MD* Algorithm() {
  static const EvpMdPtr& md = *new EvpMdPtr(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  if (md == nullptr) Die("fetch SHA-256");
  return md.get();
}

void Begin(EVP_MD_CTX* context) {
  if (context == nullptr || EVP_DigestInit_ex2(context, Algorithm(), nullptr) != 1) {
    Die("begin SHA-256");
  }
}

void Absorb(EVP_MD_CTX* context, absl::string_view piece) {
  if (EVP_DigestUpdate(context, piece.data(), piece.size()) != 1) Die("update SHA-256");
}

Hash End(EVP_MD_CTX* context) {
  Hash hash;
  if (EVP_DigestFinal_ex(context, hash.bytes.data(), nullptr) != 1) Die("finish SHA-256");
  return hash;
}

EVP_MD_CTX* ThreadContext() {
  thread_local const EvpMdCtxPtr context(EVP_MD_CTX_new());
  return context.get();
}

Hash PaddedHash(std::array<char, kBlockBytes>& pad,
                std::initializer_list<absl::string_view> pieces) {
  EVP_MD_CTX* context = ThreadContext();
  Begin(context);
  Absorb(context, absl::string_view(pad.data(), pad.size()));
  for (absl::string_view piece : pieces) Absorb(context, piece);
  return End(context);
}

}  // namespace

Hash Sha256(std::initializer_list<absl::string_view> pieces) {
  EVP_MD_CTX* context = ThreadContext();
  Begin(context);
  for (absl::string_view piece : pieces) Absorb(context, piece);
  return End(context);
}

Hash HmacSha256(absl::string_view key, std::initializer_list<absl::string_view> pieces) {
  std::array<char, kBlockBytes> pad{};
  Hash short_key;
  if (key.size() > kBlockBytes) {
    short_key = Sha256({key});
    key = short_key.view();
  }
  if (!key.empty()) std::memcpy(pad.data(), key.data(), key.size());
  for (char& c : pad) c = static_cast<char>(c ^ 0x36);
  const Hash inner = PaddedHash(pad, pieces);
  for (char& c : pad) c = static_cast<char>(c ^ 0x36 ^ 0x5c);
  const Hash outer = PaddedHash(pad, {inner.view()});
  // The pad and the shortened key are the key.
  OPENSSL_cleanse(pad.data(), pad.size());
  OPENSSL_cleanse(short_key.bytes.data(), short_key.bytes.size());
  return outer;
}

struct Sha256Stream::Impl {
  EvpMdCtxPtr context{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : impl_(std::make_unique<Impl>()) { Begin(impl_->context.get()); }
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Update(absl::string_view piece) { Absorb(impl_->context.get(), piece); }

Hash Sha256Stream::Finish() {
  const Hash hash = End(impl_->context.get());
  Begin(impl_->context.get());
  return hash;
}

}  // namespace auditledger
