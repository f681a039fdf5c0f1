// A certificate authority for tests of refusals: certificates that a good one never signs, and its
// revocation lists.
#ifndef AUDITLEDGER_TESTS_API_TEST_CA_H_
#define AUDITLEDGER_TESTS_API_TEST_CA_H_

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/openssl_ptr.h"

namespace auditledger::testing {

struct TestCertificate {
  std::string pem;
  std::string key_pem;
  long serial = 0;

  // NAME.pem and NAME.key in `dir`.
  void Write(const std::string& dir, const std::string& name) const {
    std::ofstream(dir + "/" + name + ".pem") << pem;
    std::ofstream(dir + "/" + name + ".key") << key_pem;
  }
};

class TestCa {
 public:
  explicit TestCa(const std::string& name = "test CA", const TestCa* parent = nullptr)
      : key_(EVP_EC_gen("P-256"), OpensslDeleter<EVP_PKEY_free>()) {
    certificate_ = Make(name, key_.get(), parent,
                        {{NID_basic_constraints, "critical,CA:TRUE"},
                         {NID_key_usage, "critical,keyCertSign,cRLSign"},
                         {NID_subject_key_identifier, "hash"}},
                        0, 3650L * 86400);
  }

  std::string pem() const { return Pem(certificate_.get()); }

  // A client's, valid from `begin_s` to `end_s` from now.
  TestCertificate Client(const std::vector<std::string>& uris, long begin_s = -3600,
                         long end_s = 86400) const {
    return Leaf(this, uris, begin_s, end_s);
  }
  static TestCertificate SelfSigned(const std::vector<std::string>& uris) {
    return Leaf(nullptr, uris, -3600, 86400);
  }

  // This authority's list of revoked serials, whose next is due `next_s` from now.
  std::string Crl(const std::vector<long>& serials, long next_s = 86400) const {
    const std::shared_ptr<X509_CRL> crl(X509_CRL_new(), OpensslDeleter<X509_CRL_free>());
    const std::shared_ptr<ASN1_TIME> time(ASN1_TIME_new(), OpensslDeleter<ASN1_TIME_free>());
    X509_CRL_set_version(crl.get(), 1);
    X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(certificate_.get()));
    X509_gmtime_adj(time.get(), -3600);
    X509_CRL_set1_lastUpdate(crl.get(), time.get());
    for (const long serial : serials) {
      X509_REVOKED* const revoked = X509_REVOKED_new();
      ASN1_INTEGER* const number = ASN1_INTEGER_new();
      ASN1_INTEGER_set(number, serial);
      X509_REVOKED_set_serialNumber(revoked, number);
      X509_REVOKED_set_revocationDate(revoked, time.get());
      OpensslDeleter<ASN1_INTEGER_free>()(number);
      X509_CRL_add0_revoked(crl.get(), revoked);
    }
    X509_gmtime_adj(time.get(), next_s);
    X509_CRL_set1_nextUpdate(crl.get(), time.get());
    X509_CRL_sort(crl.get());
    EXPECT_GT(X509_CRL_sign(crl.get(), key_.get(), EVP_sha256()), 0);
    return ToPem([&](BIO* bio) { PEM_write_bio_X509_CRL(bio, crl.get()); });
  }

 private:
  struct Extension {
    int nid;
    std::string value;
  };
  using CertificatePtr = std::shared_ptr<X509>;

  template <typename Write>
  static std::string ToPem(const Write& write) {
    BIO* const bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<size_t>(size));
    OpensslDeleter<BIO_free_all>()(bio);
    return out;
  }
  static std::string Pem(X509* certificate) {
    return ToPem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  }

  static TestCertificate Leaf(const TestCa* ca, const std::vector<std::string>& uris, long begin_s,
                              long end_s) {
    const std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), OpensslDeleter<EVP_PKEY_free>());
    std::vector<Extension> extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                                         {NID_ext_key_usage, "clientAuth"}};
    if (!uris.empty()) {
      extensions.push_back({NID_subject_alt_name, "URI:" + absl::StrJoin(uris, ",URI:")});
    }
    const CertificatePtr certificate = Make("client", key.get(), ca, extensions, begin_s, end_s);
    TestCertificate out;
    out.pem = Pem(certificate.get());
    out.key_pem = ToPem([&](BIO* bio) {
      PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    out.serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate.get()));
    return out;
  }

  // Signed by `ca`, or by itself without one.
  static CertificatePtr Make(const std::string& name, EVP_PKEY* key, const TestCa* ca,
                             const std::vector<Extension>& extensions, long begin_s, long end_s) {
    static long serial = 1000;
    const CertificatePtr out(X509_new(), OpensslDeleter<X509_free>());
    X509_set_version(out.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), begin_s);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), end_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_pubkey(out.get(), key);
    X509* const issuer = ca == nullptr ? out.get() : ca->certificate_.get();
    X509_set_issuer_name(out.get(), X509_get_subject_name(issuer));
    for (const Extension& extension : extensions) {
      X509V3_CTX context;
      X509V3_set_ctx_nodb(&context);
      X509V3_set_ctx(&context, issuer, out.get(), nullptr, nullptr, 0);
      X509_EXTENSION* const made =
          X509V3_EXT_conf_nid(nullptr, &context, extension.nid, extension.value.c_str());
      EXPECT_NE(made, nullptr) << extension.value;
      X509_add_ext(out.get(), made, -1);
      OpensslDeleter<X509_EXTENSION_free>()(made);
    }
    EXPECT_GT(X509_sign(out.get(), ca == nullptr ? key : ca->key_.get(), EVP_sha256()), 0);
    return out;
  }

  std::shared_ptr<EVP_PKEY> key_;
  CertificatePtr certificate_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_TEST_CA_H_
