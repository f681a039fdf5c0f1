#include "verifier/sealed_file.h"

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using BioChainPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free_all>>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, OpensslDeleter<CMS_ContentInfo_free>>;

constexpr int kTagBytes = 16;
constexpr size_t kChunk = 64 << 10;
constexpr size_t kBeginning = 64;
// A SEQUENCE, and near its begin id-ct-authEnvelopedData (RFC 5083), which no text of ours has.
constexpr absl::string_view kSequence = "\x30";
constexpr absl::string_view kAuthEnvelopedData =
    "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";
constexpr size_t kTypeWithin = 32;

absl::StatusOr<EvpPkeyPtr> LoadPrivateKey(const std::string& path) {
  ASSIGN_OR_RETURN(std::string pem, ReadFileLimited(path, kMaxPrivateKeyFileBytes));
  ClearOpensslErrors();
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EvpPkeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  OPENSSL_cleanse(pem.data(), pem.size());
  if (key != nullptr) return key;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", DrainOpensslErrors("is no private key in PEM form")));
}

absl::StatusOr<CmsPtr> LoadCms(const std::string& path, size_t max_bytes) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFileLimited(path, max_bytes));
  ClearOpensslErrors();
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const unsigned char* const end = at + bytes.size();
  CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(bytes.size())));
  ClearOpensslErrors();
  if (cms != nullptr && at == end &&
      OBJ_obj2nid(CMS_get0_type(cms.get())) == NID_id_smime_ct_authEnvelopedData) {
    return cms;
  }
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": is not a sealed file (CMS AuthEnvelopedData, DER or BER)"));
}

// One pass over what is sealed. OpenSSL gives plaintext as it comes, and the tag's word at its end.
class Decryption {
 public:
  static absl::StatusOr<Decryption> Begin(CMS_ContentInfo* cms, EVP_PKEY* key) {
    ClearOpensslErrors();
    if (CMS_decrypt_set1_pkey(cms, key, nullptr) <= 0) {
      ClearOpensslErrors();
      return absl::PermissionDeniedError("this key is of none of the recipients");
    }
    Decryption pass(CMS_dataInit(cms, nullptr));
    EVP_CIPHER_CTX* cipher = nullptr;
    if (BIO_get_cipher_ctx(pass.bio_.get(), &cipher) <= 0 ||
        EVP_CIPHER_CTX_get_nid(cipher) != NID_aes_256_gcm ||
        EVP_CIPHER_CTX_get_tag_length(cipher) != kTagBytes) {
      ClearOpensslErrors();
      return absl::FailedPreconditionError("is not under AES-256-GCM with a tag of 16 bytes");
    }
    return pass;
  }

  // 0 at the end.
  absl::StatusOr<size_t> Read(char* to, size_t size) {
    const int got = BIO_read(bio_.get(), to, static_cast<int>(size));
    if (got > 0) return static_cast<size_t>(got);
    const bool authentic = got == 0 && BIO_get_cipher_status(bio_.get()) > 0;
    ClearOpensslErrors();
    if (authentic) return 0;
    return absl::DataLossError("its tag does not verify: it was changed on its way");
  }

 private:
  explicit Decryption(BIO* bio) : bio_(bio) {}
  BioChainPtr bio_;
};

}  // namespace

struct SealedFile::Parts {
  EvpPkeyPtr key;
  CmsPtr cms;
  std::optional<Decryption> second_pass;
};

bool LooksSealed(absl::string_view file) {
  return absl::StartsWith(file, kSequence) &&
         absl::StrContains(file.substr(0, kTypeWithin), kAuthEnvelopedData);
}

SealedFile::SealedFile(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SealedFile::~SealedFile() = default;
SealedFile::SealedFile(SealedFile&& other) noexcept = default;

absl::StatusOr<SealedFile> SealedFile::Open(const std::string& file, const std::string& key_file,
                                            size_t max_bytes) {
  auto parts = std::make_unique<Parts>();
  ASSIGN_OR_RETURN(parts->key, LoadPrivateKey(key_file));
  ASSIGN_OR_RETURN(parts->cms, LoadCms(file, max_bytes));
  // OpenSSL then says when a key is no recipient's, instead of going on with a random one: that is
  // against those who ask over a network, and here the holder of the key asks.
  CMS_decrypt(parts->cms.get(), nullptr, nullptr, nullptr, nullptr, CMS_DEBUG_DECRYPT);
  SealedFile out(std::move(parts));
  const absl::Status verified = out.VerifyTag();
  if (!verified.ok()) {
    return absl::Status(verified.code(), absl::StrCat(file, ": ", verified.message()));
  }
  return out;
}

absl::Status SealedFile::VerifyTag() {
  ASSIGN_OR_RETURN(Decryption pass, Decryption::Begin(parts_->cms.get(), parts_->key.get()));
  std::string chunk(kChunk, '\0');
  size_t got = 0;
  do {
    ASSIGN_OR_RETURN(got, pass.Read(chunk.data(), chunk.size()));
    if (beginning_.size() < kBeginning) {
      beginning_.append(chunk, 0, std::min(got, kBeginning - beginning_.size()));
    }
    size_ += got;
  } while (got > 0);
  OPENSSL_cleanse(chunk.data(), chunk.size());
  ASSIGN_OR_RETURN(Decryption again, Decryption::Begin(parts_->cms.get(), parts_->key.get()));
  parts_->second_pass.emplace(std::move(again));
  return absl::OkStatus();
}

absl::StatusOr<size_t> SealedFile::Read(char* to, size_t n) {
  return parts_->second_pass->Read(to, n);
}

absl::StatusOr<std::string> SealedFile::ReadAll() {
  std::string out(size_, '\0');
  for (size_t at = 0; at < out.size();) {
    ASSIGN_OR_RETURN(const size_t got, Read(out.data() + at, out.size() - at));
    at += got;
  }
  return out;
}

absl::StatusOr<std::string> ReadSealed(const std::string& file, const std::string& key_file) {
  ASSIGN_OR_RETURN(SealedFile sealed, SealedFile::Open(file, key_file));
  return sealed.ReadAll();
}

}  // namespace auditledger
