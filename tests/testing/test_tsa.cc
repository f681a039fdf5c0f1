#include "tests/testing/test_tsa.h"

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

#include "merkle/openssl_ptr.h"

namespace auditledger::testing {
namespace {

using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDeleter<X509_EXTENSION_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, OpensslDeleter<ASN1_OBJECT_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, OpensslDeleter<ASN1_INTEGER_free>>;
using TimePtr = std::unique_ptr<ASN1_GENERALIZEDTIME, OpensslDeleter<ASN1_GENERALIZEDTIME_free>>;
using InfoPtr = std::unique_ptr<TS_TST_INFO, OpensslDeleter<TS_TST_INFO_free>>;
using ImprintPtr = std::unique_ptr<TS_MSG_IMPRINT, OpensslDeleter<TS_MSG_IMPRINT_free>>;
using AlgorithmPtr = std::unique_ptr<X509_ALGOR, OpensslDeleter<X509_ALGOR_free>>;
using AccuracyPtr = std::unique_ptr<TS_ACCURACY, OpensslDeleter<TS_ACCURACY_free>>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, OpensslDeleter<CMS_ContentInfo_free>>;
using RequestPtr = std::unique_ptr<TS_REQ, OpensslDeleter<TS_REQ_free>>;
using ResponsePtr = std::unique_ptr<TS_RESP, OpensslDeleter<TS_RESP_free>>;
using StatusPtr = std::unique_ptr<TS_STATUS_INFO, OpensslDeleter<TS_STATUS_INFO_free>>;
using Pkcs7Ptr = std::unique_ptr<PKCS7, OpensslDeleter<PKCS7_free>>;

void Need(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "test TSA: %s\n", DrainOpensslErrors(what).c_str());
  std::abort();
}

template <typename T>
std::string Der(int (*write)(const T*, unsigned char**), const T* value) {
  const int size = write(value, nullptr);
  Need(size > 0, "DER");
  std::string out(static_cast<size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  write(value, &at);
  return out;
}

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string PemOf(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Need(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM");
  return TextOf(bio.get());
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  Need(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

struct Identity {
  X509Ptr certificate;
  EvpPkeyPtr key;
};

Identity NewIdentity(const std::string& name, const std::string& curve, long serial,
                     const std::string& not_before, const std::string& not_after) {
  Identity out;
  out.key.reset(EVP_EC_gen(curve.c_str()));
  out.certificate.reset(X509_new());
  X509* certificate = out.certificate.get();
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  Need(out.key != nullptr && X509_set_version(certificate, 2) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), not_before.c_str()) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), not_after.c_str()) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
           X509_set_pubkey(certificate, out.key.get()) == 1,
       "certificate");
  return out;
}

void Sign(const Identity& issuer, X509* certificate) {
  Need(X509_sign(certificate, issuer.key.get(), EVP_sha256()) > 0, "signing a certificate");
}

InfoPtr MakeInfo(absl::string_view text, const TestStamp& stamp) {
  InfoPtr info(TS_TST_INFO_new());
  const ImprintPtr imprint(TS_MSG_IMPRINT_new());
  const AlgorithmPtr algorithm(X509_ALGOR_new());
  const EVP_MD* digest = EVP_get_digestbyname(stamp.imprint.c_str());
  unsigned char hashed[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), hashed, &size, digest, nullptr);
  std::string bytes(reinterpret_cast<char*>(hashed), size);
  if (!stamp.imprint_bytes.empty()) bytes = stamp.imprint_bytes;
  X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(EVP_MD_get_type(digest)), V_ASN1_NULL, nullptr);
  const ObjectPtr policy(OBJ_txt2obj(stamp.policy.c_str(), 1));
  const IntegerPtr serial(ASN1_INTEGER_new());
  const TimePtr time(ASN1_GENERALIZEDTIME_new());
  Need(ASN1_STRING_set(time.get(), stamp.time.data(), static_cast<int>(stamp.time.size())) == 1 &&
           ASN1_INTEGER_set(serial.get(), 7) == 1 &&
           TS_MSG_IMPRINT_set_algo(imprint.get(), algorithm.get()) == 1 &&
           TS_MSG_IMPRINT_set_msg(imprint.get(), reinterpret_cast<unsigned char*>(bytes.data()),
                                  static_cast<int>(bytes.size())) == 1 &&
           TS_TST_INFO_set_version(info.get(), 1) == 1 &&
           TS_TST_INFO_set_policy_id(info.get(), policy.get()) == 1 &&
           TS_TST_INFO_set_msg_imprint(info.get(), imprint.get()) == 1 &&
           TS_TST_INFO_set_serial(info.get(), serial.get()) == 1 &&
           TS_TST_INFO_set_time(info.get(), time.get()) == 1,
       "TSTInfo");
  if (stamp.nonce) {
    const IntegerPtr nonce(ASN1_INTEGER_new());
    ASN1_INTEGER_set_uint64(nonce.get(), *stamp.nonce);
    Need(TS_TST_INFO_set_nonce(info.get(), nonce.get()) == 1, "nonce");
  }
  if (stamp.accuracy_seconds != 0) {
    const AccuracyPtr accuracy(TS_ACCURACY_new());
    const IntegerPtr seconds(ASN1_INTEGER_new());
    ASN1_INTEGER_set(seconds.get(), stamp.accuracy_seconds);
    TS_ACCURACY_set_seconds(accuracy.get(), seconds.get());
    Need(TS_TST_INFO_set_accuracy(info.get(), accuracy.get()) == 1, "accuracy");
  }
  return info;
}

}  // namespace

struct TestTsa::Impl {
  Identity ca;
  Identity tsa;
};

TestTsa::TestTsa(const TestTsaOptions& options) : impl_(std::make_unique<Impl>()) {
  impl_->ca = NewIdentity(options.name + " CA", "P-256", 1, "20000101000000Z", "21000101000000Z");
  X509* ca = impl_->ca.certificate.get();
  X509_set_issuer_name(ca, X509_get_subject_name(ca));
  AddExtension(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(ca, ca, NID_subject_key_identifier, "hash");
  Sign(impl_->ca, ca);
  impl_->tsa = NewIdentity(options.name, options.curve, 2, options.not_before, options.not_after);
  X509* tsa = impl_->tsa.certificate.get();
  X509_set_issuer_name(tsa, X509_get_subject_name(ca));
  AddExtension(tsa, ca, NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(tsa, ca, NID_key_usage, "critical,digitalSignature");
  if (!options.extended_key_usage.empty()) {
    AddExtension(tsa, ca, NID_ext_key_usage, options.extended_key_usage);
  }
  Sign(impl_->ca, tsa);
}

TestTsa::~TestTsa() = default;

std::string TestTsa::ca_pem() const { return PemOf(impl_->ca.certificate.get()); }
std::string TestTsa::tsa_pem() const { return PemOf(impl_->tsa.certificate.get()); }
std::string TestTsa::tsa_key_pem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Need(PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->tsa.key.get(), nullptr, nullptr, 0, nullptr,
                                     nullptr) == 1,
       "PEM");
  return TextOf(bio.get());
}

std::string TestTsa::Stamp(absl::string_view text, const TestStamp& stamp) const {
  const InfoPtr info = MakeInfo(text, stamp);
  const std::string content = Der(i2d_TS_TST_INFO, info.get());
  const BioPtr in(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  const unsigned flags = CMS_BINARY | CMS_PARTIAL;
  const CmsPtr cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, flags));
  Need(cms != nullptr, "CMS");
  const unsigned signer_flags = CMS_BINARY | (stamp.with_ess ? CMS_CADES : 0U) | CMS_NOSMIMECAP |
                                (stamp.with_certificate ? 0U : CMS_NOCERTS);
  Need(CMS_set1_eContentType(cms.get(), OBJ_nid2obj(NID_id_smime_ct_TSTInfo)) == 1, "CMS");
  for (int i = 0; i < stamp.signers; ++i) {
    Need(CMS_add1_signer(cms.get(), impl_->tsa.certificate.get(), impl_->tsa.key.get(),
                         EVP_get_digestbyname(stamp.digest.c_str()),
                         i == 0 ? signer_flags : signer_flags | CMS_NOCERTS) != nullptr,
         "CMS signer");
  }
  Need(CMS_final(cms.get(), in.get(), nullptr, CMS_BINARY) == 1, "CMS");
  return Der(i2d_CMS_ContentInfo, cms.get());
}

std::string TestTsa::Reply(absl::string_view token) {
  const auto* at = reinterpret_cast<const unsigned char*>(token.data());
  Pkcs7Ptr parsed(d2i_PKCS7(nullptr, &at, static_cast<long>(token.size())));
  Need(parsed != nullptr, "token");
  InfoPtr info(PKCS7_to_TS_TST_INFO(parsed.get()));
  const ResponsePtr response(TS_RESP_new());
  const StatusPtr status(TS_STATUS_INFO_new());
  Need(TS_STATUS_INFO_set_status(status.get(), TS_STATUS_GRANTED) == 1 &&
           TS_RESP_set_status_info(response.get(), status.get()) == 1,
       "response");
  TS_RESP_set_tst_info(response.get(), parsed.release(), info.release());
  return Der(i2d_TS_RESP, response.get());
}

std::string TestTsa::Refusal(int failure_bit) {
  // SEQUENCE { SEQUENCE { INTEGER 2 rejection, BIT STRING failInfo } }
  std::string bits(static_cast<size_t>(failure_bit / 8 + 1), '\0');
  bits.back() = static_cast<char>(0x80 >> failure_bit % 8);
  const char unused = static_cast<char>(7 - failure_bit % 8);
  const std::string fail = std::string("\x03") + static_cast<char>(bits.size() + 1) + unused + bits;
  const std::string status = std::string("\x02\x01\x02", 3) + fail;
  const std::string info = std::string("\x30") + static_cast<char>(status.size()) + status;
  return std::string("\x30") + static_cast<char>(info.size()) + info;
}

std::string TestTsa::Answer(absl::string_view query, const std::string& time) const {
  const auto* at = reinterpret_cast<const unsigned char*>(query.data());
  const RequestPtr request(d2i_TS_REQ(nullptr, &at, static_cast<long>(query.size())));
  if (request == nullptr) return Refusal(TS_INFO_BAD_DATA_FORMAT);
  const ASN1_OCTET_STRING* imprint = TS_MSG_IMPRINT_get_msg(TS_REQ_get_msg_imprint(request.get()));
  TestStamp stamp;
  stamp.time = time;
  stamp.imprint_bytes.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(imprint)),
                             static_cast<size_t>(ASN1_STRING_length(imprint)));
  uint64_t nonce = 0;
  if (const ASN1_INTEGER* asked = TS_REQ_get_nonce(request.get()); asked != nullptr) {
    ASN1_INTEGER_get_uint64(&nonce, asked);
    stamp.nonce = nonce;
  }
  if (const ASN1_OBJECT* policy = TS_REQ_get_policy_id(request.get()); policy != nullptr) {
    char text[128] = {};
    OBJ_obj2txt(text, sizeof(text), policy, 1);
    stamp.policy = text;
  }
  return Reply(Stamp("", stamp));
}

}  // namespace auditledger::testing
