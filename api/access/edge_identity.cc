#include "api/access/edge_identity.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "api/access/uri_principal.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslDeleter<GENERAL_NAMES_free>>;

constexpr absl::string_view kPemBegin = "-----BEGIN CERTIFICATE-----\n";
constexpr absl::string_view kPemEnd = "-----END CERTIFICATE-----\n";

absl::Status Malformed() {
  return RefuseCertificate("what the edge passed on is not one certificate in escaped PEM");
}

// RFC 3986: all but unreserved characters as %HH. Anything else was not written by the edge.
absl::StatusOr<std::string> Unescape(absl::string_view escaped) {
  std::string out;
  for (size_t i = 0; i < escaped.size(); ++i) {
    const char c = escaped[i];
    if (c != '%') {
      if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && !absl::StrContains("-._~", c))
        return Malformed();
      out += c;
      continue;
    }
    const absl::string_view digits = escaped.substr(i + 1, 2);
    if (digits.size() != 2 || !absl::ascii_isxdigit(static_cast<unsigned char>(digits[0])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(digits[1])))
      return Malformed();
    out += absl::HexStringToBytes(digits);
    i += 2;
  }
  return out;
}

absl::StatusOr<X509Ptr> ParseDer(absl::string_view der) {
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* at = begin;
  ClearOpensslErrors();
  X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ClearOpensslErrors();
  if (certificate == nullptr || at != begin + der.size()) return Malformed();
  return certificate;
}

// The value of the one header of that name; empty otherwise.
absl::string_view OnlyValue(const ClientMetadata& metadata, const char* name) {
  const auto range = metadata.equal_range(name);
  if (range.first == range.second || std::next(range.first) != range.second) return "";
  const grpc::string_ref value = range.first->second;
  return absl::string_view(value.data(), value.size());
}

}  // namespace

absl::StatusOr<std::string> DecodeEscapedCertificate(absl::string_view escaped) {
  ASSIGN_OR_RETURN(const std::string pem, Unescape(escaped));
  // OpenSSL skips what stands around a block, and takes blocks of other names.
  if (!absl::StartsWith(pem, kPemBegin) || !absl::EndsWith(pem, kPemEnd)) return Malformed();
  if (absl::string_view(pem).find(kPemEnd) + kPemEnd.size() != pem.size()) return Malformed();
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const auto no_password = [](char*, int, int, void*) { return -1; };
  ClearOpensslErrors();
  const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
  ClearOpensslErrors();
  if (certificate == nullptr) return Malformed();
  const int size = i2d_X509(certificate.get(), nullptr);
  if (size <= 0) return Malformed();
  std::string der(static_cast<size_t>(size), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(certificate.get(), &out);
  return der;
}

absl::StatusOr<std::vector<std::string>> UriSansOf(absl::string_view der) {
  ASSIGN_OR_RETURN(const X509Ptr certificate, ParseDer(der));
  int critical = 0;  // -1: no such extension, -2: several
  ClearOpensslErrors();
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, &critical, nullptr)));
  ClearOpensslErrors();
  std::vector<std::string> uris;
  if (names == nullptr && critical == -1) return uris;
  if (names == nullptr) return RefuseCertificate("its subject alternative names cannot be read");
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<size_t>(ASN1_STRING_length(uri)));
  }
  return uris;
}

absl::StatusOr<std::string> ForwardedCertificate(const ClientMetadata& metadata) {
  const absl::string_view escaped = OnlyValue(metadata, kForwardedCertificate);
  if (escaped.empty())
    return RefuseCertificate("is required, and the edge passed on none, or several");
  return DecodeEscapedCertificate(escaped);
}

std::string ForwardedPem(const ClientMetadata& metadata) {
  if (!ForwardedCertificate(metadata).ok()) return "";
  return Unescape(OnlyValue(metadata, kForwardedCertificate)).value_or("");
}

absl::StatusOr<std::string> ForwardedPrincipal(const ClientMetadata& metadata) {
  ASSIGN_OR_RETURN(const std::string der, ForwardedCertificate(metadata));
  ASSIGN_OR_RETURN(const std::vector<std::string> uris, UriSansOf(der));
  return UriPrincipal({uris.begin(), uris.end()});
}

std::string ForwardedAddressOf(const ClientMetadata& metadata) {
  return std::string(OnlyValue(metadata, kForwardedAddress));
}

}  // namespace auditledger
