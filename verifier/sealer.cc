#include "verifier/sealer.h"

#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, OpensslDeleter<CMS_ContentInfo_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;

// What 2,048 bits of RSA and 224 of EC are worth (NIST SP 800-57).
constexpr int kMinSecurityBits = 112;

X509Ptr ReadCertificate(BIO* pem) {
  return X509Ptr(PEM_read_bio_X509(pem, nullptr, nullptr, nullptr));
}

absl::Status CheckKey(X509* certificate) {
  const EVP_PKEY* const key = X509_get0_pubkey(certificate);
  const int type = key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key);
  if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC) {
    return absl::InvalidArgumentError("its key is neither RSA nor EC");
  }
  if (EVP_PKEY_get_security_bits(key) < kMinSecurityBits) {
    return absl::InvalidArgumentError("its key is too short: RSA needs 2048 bits, EC 224");
  }
  // All bits where the certificate names no uses.
  const uint32_t needed = type == EVP_PKEY_RSA ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
  if ((X509_get_key_usage(certificate) & needed) != 0) return absl::OkStatus();
  return absl::InvalidArgumentError("its key usage allows no encryption");
}

// Parameters that OpenSSL 3.0 would take from 2004: PKCS #1 v1.5 and SHA-1.
bool ChooseWrapping(CMS_RecipientInfo* recipient) {
  EVP_PKEY_CTX* const context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
  if (CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_TRANS) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0;
  }
  return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) > 0;
}

}  // namespace

struct Sealer::Parts {
  int fd = -1;
  CmsPtr cms;
  BioPtr file;             // writes to fd
  BIO* content = nullptr;  // what is written here is encrypted on its way to `file`

  // OpenSSL's chain of filters, without the file below it.
  void FreeContent() {
    while (content != nullptr && content != file.get()) {
      BIO* const next = BIO_pop(content);
      const BioPtr freed(content);
      content = next;
    }
    content = nullptr;
  }
};

absl::Status Recipients::Add(absl::string_view pem, int64_t now_s) {
  ClearOpensslErrors();
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate = ReadCertificate(in.get());
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(DrainOpensslErrors("is no certificate in PEM form"));
  }
  const bool more = ReadCertificate(in.get()) != nullptr;
  ClearOpensslErrors();
  if (more) {
    return absl::InvalidArgumentError(
        "has more than one certificate; name each recipient's own, without its chain");
  }
  time_t now = now_s;
  if (X509_cmp_time(X509_get0_notBefore(certificate.get()), &now) >= 0 ||
      X509_cmp_time(X509_get0_notAfter(certificate.get()), &now) <= 0) {
    return absl::InvalidArgumentError("its certificate has expired, or is not valid yet");
  }
  RETURN_IF_ERROR(CheckKey(certificate.get()));
  certificates_.emplace_back(std::move(certificate));
  return absl::OkStatus();
}

Sealer::Sealer() : parts_(std::make_unique<Parts>()) {}

absl::StatusOr<std::unique_ptr<Sealer>> Sealer::Create(const std::string& path,
                                                       const Recipients& recipients,
                                                       size_t max_bytes) {
  if (recipients.size() == 0) return absl::InvalidArgumentError("no recipient is named");
  std::unique_ptr<Sealer> sealer(new Sealer);
  sealer->max_bytes_ = max_bytes;
  RETURN_IF_ERROR(sealer->Open(path, recipients));
  return sealer;
}

Sealer::~Sealer() {
  parts_->FreeContent();
  if (parts_->fd < 0) return;
  ::close(parts_->fd);
  std::remove((path_ + ".tmp").c_str());
}

absl::Status Sealer::Open(const std::string& path, const Recipients& recipients) {
  ClearOpensslErrors();
  parts_->cms = CmsPtr(CMS_AuthEnvelopedData_create(EVP_aes_256_gcm()));
  for (const std::shared_ptr<X509>& certificate : recipients.certificates_) {
    CMS_RecipientInfo* const added =
        CMS_add1_recipient_cert(parts_->cms.get(), certificate.get(), CMS_KEY_PARAM);
    if (added == nullptr || !ChooseWrapping(added)) {
      return absl::InvalidArgumentError(DrainOpensslErrors("a recipient's certificate"));
    }
  }
  path_ = path;
  const std::string temporary = path_ + ".tmp";
  parts_->fd =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (parts_->fd < 0) {
    return absl::UnavailableError(absl::StrCat(temporary, ": open: ", std::strerror(errno)));
  }
  parts_->file = BioPtr(BIO_new_fd(parts_->fd, BIO_NOCLOSE));
  parts_->content = BIO_new_CMS(parts_->file.get(), parts_->cms.get());
  if (parts_->content != nullptr) return absl::OkStatus();
  return absl::InternalError(DrainOpensslErrors("encryption of the file"));
}

absl::Status Sealer::Write(absl::string_view bytes) {
  const int size = static_cast<int>(bytes.size());
  if (BIO_write(parts_->content, bytes.data(), size) == size) return CheckSize();
  return absl::UnavailableError(absl::StrCat(path_, ".tmp: write: ", std::strerror(errno)));
}

absl::Status Sealer::CheckSize() const {
  if (BIO_number_written(parts_->file.get()) <= max_bytes_) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat(path_, ": over ", max_bytes_, " bytes, which is what can be opened in memory"));
}

absl::Status Sealer::Finish() {
  if (BIO_flush(parts_->content) <= 0 || ::fsync(parts_->fd) != 0) {
    return absl::UnavailableError(absl::StrCat(path_, ".tmp: write: ", std::strerror(errno)));
  }
  RETURN_IF_ERROR(CheckSize());  // the end of the encryption, its tag included
  parts_->FreeContent();
  if (::rename((path_ + ".tmp").c_str(), path_.c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat(path_, ": rename: ", std::strerror(errno)));
  }
  ::close(parts_->fd);
  parts_->fd = -1;
  return SyncFileSystem(path_);
}

}  // namespace auditledger
