#include "verifier/sealed_export.h"

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"
#include "verifier/export_archive.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using BioChainPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free_all>>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, OpensslDeleter<CMS_ContentInfo_free>>;

constexpr int kTagBytes = 16;
constexpr size_t kChunk = 64 << 10;

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
      absl::StrCat(path, ": is not a sealed export (CMS AuthEnvelopedData, DER or BER)"));
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

absl::Status VerifyTag(CMS_ContentInfo* cms, EVP_PKEY* key) {
  ASSIGN_OR_RETURN(Decryption pass, Decryption::Begin(cms, key));
  std::string chunk(kChunk, '\0');
  size_t got = 0;
  do {
    ASSIGN_OR_RETURN(got, pass.Read(chunk.data(), chunk.size()));
  } while (got > 0);
  OPENSSL_cleanse(chunk.data(), chunk.size());
  return absl::OkStatus();
}

// A folder that is gone again unless it was renamed.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& out) : path_(out + ".XXXXXX") {
    made_ = ::mkdtemp(path_.data()) != nullptr;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (made_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  bool made() const { return made_; }

  absl::Status RenameTo(const std::string& out) {
    if (std::rename(path_.c_str(), out.c_str()) != 0) {
      return absl::UnavailableError(absl::StrCat(out, ": rename: ", std::strerror(errno)));
    }
    made_ = false;
    return SyncFileSystem(out);
  }

 private:
  std::string path_;
  bool made_ = false;
};

absl::Status Extract(CMS_ContentInfo* cms, EVP_PKEY* key, const std::string& out) {
  TemporaryFolder folder(out);
  if (!folder.made()) {
    return absl::UnavailableError(absl::StrCat(folder.path(), ": ", std::strerror(errno)));
  }
  ASSIGN_OR_RETURN(Decryption pass, Decryption::Begin(cms, key));
  {
    FolderSink files(folder.path());
    RETURN_IF_ERROR(
        ReadArchive([&pass](char* to, size_t size) { return pass.Read(to, size); }, files));
  }
  return folder.RenameTo(out);
}

}  // namespace

absl::Status OpenSealedExport(const SealedExport& what) {
  const std::string out(absl::StripSuffix(what.out, "/"));
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(out, ignored))) {
    return absl::InvalidArgumentError(
        absl::StrCat(out, ": is there already; name a folder that is not"));
  }
  ASSIGN_OR_RETURN(const EvpPkeyPtr key, LoadPrivateKey(what.key_file));
  ASSIGN_OR_RETURN(const CmsPtr cms, LoadCms(what.file, what.max_bytes));
  // OpenSSL then says when a key is no recipient's, instead of going on with a random one: that is
  // against those who ask over a network, and here the holder of the key asks.
  CMS_decrypt(cms.get(), nullptr, nullptr, nullptr, nullptr, CMS_DEBUG_DECRYPT);
  absl::Status status = VerifyTag(cms.get(), key.get());
  if (status.ok()) status = Extract(cms.get(), key.get(), out);
  // One that is OK has no words, and stays OK.
  return absl::Status(status.code(), absl::StrCat(what.file, ": ", status.message()));
}

}  // namespace auditledger
