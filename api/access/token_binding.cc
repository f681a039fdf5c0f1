#include "api/access/token_binding.h"

#include "absl/strings/str_replace.h"
#include "api/access/jwt_jose.h"
#include "merkle/base64.h"
#include "merkle/sha256.h"

namespace auditledger {
namespace {

constexpr absl::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr absl::string_view kEnd = "-----END CERTIFICATE-----";

}  // namespace

std::string CertificateThumbprint(absl::string_view pem) {
  const size_t begin = pem.find(kBegin);
  if (begin == absl::string_view::npos) return "";
  const absl::string_view rest = pem.substr(begin + kBegin.size());
  const size_t end = rest.find(kEnd);
  if (end == absl::string_view::npos) return "";
  const std::string base64 = absl::StrReplaceAll(rest.substr(0, end), {{"\n", ""}, {"\r", ""}});
  const absl::StatusOr<std::string> der = DecodeBase64("certificate", base64);
  if (!der.ok() || der->empty()) return "";
  return EncodeBase64Url(Sha256({*der}).view());
}

}  // namespace auditledger
