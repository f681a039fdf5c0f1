#include "tests/testing/test_recipient.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>

#include "merkle/openssl_ptr.h"

namespace auditledger::testing {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDeleter<X509_EXTENSION_free>>;

EvpPkeyPtr MakeKey(const std::string& kind) {
  if (kind == "RSA") return EvpPkeyPtr(EVP_RSA_gen(2048));
  if (kind == "RSA-1024") return EvpPkeyPtr(EVP_RSA_gen(1024));
  if (kind == "ED25519") return EvpPkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return EvpPkeyPtr(EVP_EC_gen(kind.c_str()));
}

template <typename Write>
std::string ToPem(const Write& write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (write(bio.get()) <= 0) std::abort();
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace

TestRecipient::TestRecipient(const TestRecipientOptions& options) {
  static long serial = 0;
  const EvpPkeyPtr key = MakeKey(options.key);
  const X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), options.not_before_s);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), options.not_after_s);
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(options.name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), name);
  if (!options.key_usage.empty()) {
    const ExtensionPtr usage(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_key_usage, options.key_usage.c_str()));
    X509_add_ext(certificate.get(), usage.get(), -1);
  }
  X509_set_pubkey(certificate.get(), key.get());
  const EVP_MD* const digest = options.key == "ED25519" ? nullptr : EVP_sha256();
  if (X509_sign(certificate.get(), key.get(), digest) <= 0) std::abort();
  pem_ = ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
  key_pem_ = ToPem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace auditledger::testing
