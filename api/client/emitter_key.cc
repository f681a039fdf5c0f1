#include "api/client/emitter_key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/spool_file.h"
#include "api/client/spool_world.h"
#include "merkle/commitment.h"
#include "merkle/header.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"
#include "merkle/units.h"

namespace auditledger {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;

constexpr size_t kPublicKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;
constexpr size_t kSealSeedBytes = 32;

unsigned char* Out(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// Instead of asking at a terminal, which a service does not have.
int NoPassphrase(char*, int, int, void*) { return 0; }

absl::StatusOr<std::string> Sign(EVP_PKEY* key, absl::string_view message) {
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  size_t length = signature.size();
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), Out(signature), &length,
                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) != 1 ||
      length != signature.size()) {
    return absl::InternalError(DrainOpensslErrors("Ed25519 signature"));
  }
  return signature;
}

}  // namespace

struct EmitterKey::Impl {
  EvpPkeyPtr key;
};

EmitterKey::EmitterKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmitterKey::EmitterKey(EmitterKey&&) noexcept = default;
EmitterKey& EmitterKey::operator=(EmitterKey&&) noexcept = default;
EmitterKey::~EmitterKey() = default;

absl::StatusOr<EmitterKey> EmitterKey::FromPem(absl::string_view pem) {
  ClearOpensslErrors();
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  auto impl = std::make_unique<Impl>();
  impl->key.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, &NoPassphrase, nullptr));
  if (impl->key == nullptr || EVP_PKEY_is_a(impl->key.get(), "ED25519") != 1) {
    ClearOpensslErrors();
    return absl::InvalidArgumentError(
        "is no Ed25519 private key in PEM form without a passphrase; `openssl genpkey -algorithm "
        "ed25519` makes one");
  }
  EmitterKey key(std::move(impl));
  size_t length = kPublicKeyBytes;
  key.public_key_.resize(length);
  if (EVP_PKEY_get_raw_public_key(key.impl_->key.get(), Out(key.public_key_), &length) != 1) {
    return absl::InternalError(DrainOpensslErrors("Ed25519 key"));
  }
  return key;
}

absl::StatusOr<EmitterKey> EmitterKey::FromFile(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": others than its owner may use it; chmod 600"));
  }
  ASSIGN_OR_RETURN(std::string pem,
                   ReadSpoolFile(SpoolSystem::Machine(), path, kMaxEmitterKeyFileBytes));
  auto key = FromPem(pem);
  OPENSSL_cleanse(pem.data(), pem.size());
  if (key.ok()) return key;
  return absl::Status(key.status().code(), absl::StrCat(path, ": ", key.status().message()));
}

absl::StatusOr<v1::EmitterSeal> EmitterKey::Seal(absl::string_view origin,
                                                 const v1::AuditEvent& event,
                                                 std::string seed) const {
  ClearOpensslErrors();
  const std::string bytes = event.SerializeAsString();
  ASSIGN_OR_RETURN(const std::vector<UnitView> units, CutUnitViews(bytes));
  const Hash commitment = EventCommitment(DigestUnits(seed, units));
  v1::EmitterSeal seal;
  ASSIGN_OR_RETURN(*seal.mutable_signature(),
                   Sign(impl_->key.get(), EmitMessage(origin, event.source().stream_id(),
                                                      event.event_id(), commitment)));
  seal.set_seed(std::move(seed));
  seal.set_public_key(public_key_);
  return seal;
}

absl::StatusOr<v1::EmitterSeal> EmitterKey::Seal(absl::string_view origin,
                                                 const v1::AuditEvent& event) const {
  return Seal(origin, event, SpoolWorld::Machine().random_bytes(kSealSeedBytes));
}

absl::Status EmitterKey::CheckSigned(const v1::Receipt& receipt) const {
  const auto header = ParseHeader(receipt.opening().header());
  if (header.ok() && header->signature.has_value() &&
      header->signature->public_key == public_key_) {
    return absl::OkStatus();
  }
  return absl::DataLossError("the receipt's entry does not carry this emitter's signature");
}

}  // namespace auditledger
