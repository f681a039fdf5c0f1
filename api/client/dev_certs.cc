#include "api/client/dev_certs.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free_all>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDeleter<X509_EXTENSION_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, OpensslDeleter<BN_free>>;

constexpr int kX509Version3 = 2;
constexpr int kSerialBits = 127;  // positive and at most 20 bytes (RFC 5280 4.1.2.2)
constexpr long kClockSlackSeconds = 3600;

absl::Status OpensslError(absl::string_view what) {
  return absl::InternalError(DrainOpensslErrors(what));
}

absl::Status CheckName(const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
      });
  return good ? absl::OkStatus() : absl::InvalidArgumentError("name: must be [A-Za-z0-9_-]{1,64}");
}

absl::Status WriteNew(const std::string& path, const std::string& bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return errno == EEXIST ? absl::AlreadyExistsError(absl::StrCat(path, " is there already"))
                           : absl::FailedPreconditionError(absl::StrCat(path, " cannot be made"));
  }
  const ssize_t written = write(fd, bytes.data(), bytes.size());
  const bool closed = close(fd) == 0;
  if (written == static_cast<ssize_t>(bytes.size()) && closed) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, " could not be written"));
}

absl::Status AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return OpensslError("certificate extension");
  }
  return absl::OkStatus();
}

std::string PemOf(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string PemOf(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return absl::NotFoundError(absl::StrCat(path, " cannot be read; make the CA first"));
  return text.str();
}

struct Identity {
  X509Ptr certificate;
  EvpPkeyPtr key;
};

absl::StatusOr<Identity> LoadCa(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::string certificate, ReadAll(dir + "/ca.pem"));
  ASSIGN_OR_RETURN(const std::string key, ReadAll(dir + "/ca.key"));
  ClearOpensslErrors();
  const BioPtr certificate_bio(
      BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())));
  const BioPtr key_bio(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
  Identity ca;
  ca.certificate.reset(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
  ca.key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (ca.certificate == nullptr || ca.key == nullptr) return OpensslError("development CA");
  return ca;
}

struct Extension {
  int nid;
  std::string value;
};

// A certificate for a new key, signed by `ca`, or by itself without one.
absl::StatusOr<Identity> Issue(const std::string& common_name, const Identity* ca,
                               const std::vector<Extension>& extensions) {
  ClearOpensslErrors();
  Identity out;
  out.key.reset(EVP_EC_gen("P-256"));
  out.certificate.reset(X509_new());
  if (out.key == nullptr || out.certificate == nullptr) return OpensslError("key generation");
  X509* const certificate = out.certificate.get();
  const BignumPtr serial(BN_new());
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const auto* const text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  const bool named =
      X509_set_version(certificate, kX509Version3) == 1 &&
      BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
      BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr &&
      X509_gmtime_adj(X509_getm_notBefore(certificate), -kClockSlackSeconds) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * kDevCertDays) != nullptr &&
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
      X509_set_pubkey(certificate, out.key.get()) == 1;
  if (!named) return OpensslError("certificate");
  X509* const issuer = ca == nullptr ? certificate : ca->certificate.get();
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1)
    return OpensslError("issuer");
  for (const Extension& extension : extensions) {
    RETURN_IF_ERROR(AddExtension(certificate, issuer, extension.nid, extension.value));
  }
  if (X509_sign(certificate, ca == nullptr ? out.key.get() : ca->key.get(), EVP_sha256()) == 0) {
    return OpensslError("signing the certificate");
  }
  return out;
}

absl::Status Write(const std::string& dir, const std::string& name, const Identity& identity) {
  RETURN_IF_ERROR(WriteNew(absl::StrCat(dir, "/", name, ".key"), PemOf(identity.key.get())));
  return WriteNew(absl::StrCat(dir, "/", name, ".pem"), PemOf(identity.certificate.get()));
}

}  // namespace

absl::Status MakeDevCa(const std::string& dir) {
  if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::FailedPreconditionError(absl::StrCat(dir, " cannot be made"));
  }
  ASSIGN_OR_RETURN(const Identity ca, Issue("auditledger development CA", nullptr,
                                            {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                             {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                             {NID_subject_key_identifier, "hash"}}));
  return Write(dir, "ca", ca);
}

absl::Status MakeDevServerCert(const std::string& dir, const std::string& name) {
  RETURN_IF_ERROR(CheckName(name));
  ASSIGN_OR_RETURN(const Identity ca, LoadCa(dir));
  ASSIGN_OR_RETURN(const Identity server,
                   Issue(name, &ca,
                         {{NID_basic_constraints, "critical,CA:FALSE"},
                          {NID_key_usage, "critical,digitalSignature"},
                          {NID_ext_key_usage, "serverAuth"},
                          {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"}}));
  return Write(dir, name, server);
}

absl::Status MakeDevClientCert(const std::string& dir, const std::string& name,
                               const std::vector<std::string>& uris) {
  RETURN_IF_ERROR(CheckName(name));
  std::vector<Extension> extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                                       {NID_key_usage, "critical,digitalSignature"},
                                       {NID_ext_key_usage, "clientAuth"}};
  std::string names;
  for (const std::string& uri : uris) {
    // A comma would begin another name in OpenSSL's notation.
    const bool good = !uri.empty() && std::all_of(uri.begin(), uri.end(), [](char c) {
      return c > ' ' && c < 0x7f && c != ',';
    });
    if (!good)
      return absl::InvalidArgumentError("uri: must be printable ASCII without space and comma");
    absl::StrAppend(&names, names.empty() ? "" : ",", "URI:", uri);
  }
  if (!names.empty()) extensions.push_back({NID_subject_alt_name, names});
  ASSIGN_OR_RETURN(const Identity ca, LoadCa(dir));
  ASSIGN_OR_RETURN(const Identity client, Issue(name, &ca, extensions));
  return Write(dir, name, client);
}

std::vector<config::v1::Role> AllDevRoles() {
  return {config::v1::ROLE_EMITTER,  config::v1::ROLE_PROVER,
          config::v1::ROLE_AUDITOR,  config::v1::ROLE_PRIVACY_OFFICER,
          config::v1::ROLE_OPERATOR, config::v1::ROLE_KEY_CUSTODIAN,
          config::v1::ROLE_PATIENT};
}

absl::Status AddDevGrants(const std::string& dir, const std::string& principal,
                          const std::vector<config::v1::Role>& roles) {
  const std::string expires = absl::FormatTime(
      "%Y-%m-%dT%H:%M:%SZ", absl::Now() + absl::Hours(24 * kDevCertDays), absl::UTCTimeZone());
  std::string text;
  for (const config::v1::Role role : roles) {
    absl::StrAppend(&text, "grants {\n  principal: \"", absl::CEscape(principal),
                    "\"\n  role: ", config::v1::Role_Name(role),
                    "\n  ledgers: \"*\"\n  expires: \"", expires,
                    "\"\n  approved_by: \"auditctl:dev-certs\"\n  reason: \"development\"\n}\n");
  }
  const std::string path = dir + "/access.policy";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return absl::FailedPreconditionError(absl::StrCat(path, " cannot be written"));
  const ssize_t written = write(fd, text.data(), text.size());
  const bool closed = close(fd) == 0;
  if (written == static_cast<ssize_t>(text.size()) && closed) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, " could not be written"));
}

}  // namespace auditledger
