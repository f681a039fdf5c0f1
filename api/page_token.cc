#include "api/page_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

#include "absl/strings/escaping.h"
#include "api/limits.h"
#include "api/status.h"
#include "merkle/bytes.h"

namespace auditledger {
namespace {

constexpr size_t kMacBytes = 16;

}  // namespace

std::string PageTokens::Mac(absl::string_view listing, absl::string_view body) const {
  std::string message;
  PutBytes16(message, listing);
  message.append(body.data(), body.size());
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  const unsigned char* ok =
      HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(),
           reinterpret_cast<unsigned char*>(mac.data()), &length);
  if (ok == nullptr) std::abort();  // SHA-256 is always there; going on would accept forged tokens
  mac.resize(kMacBytes);
  return mac;
}

std::string PageTokens::Seal(absl::string_view listing, absl::string_view body) const {
  std::string raw = Mac(listing, body);
  raw.append(body.data(), body.size());
  return absl::WebSafeBase64Escape(raw);
}

absl::StatusOr<std::string> PageTokens::Open(absl::string_view listing,
                                             absl::string_view token) const {
  const absl::Status bad = InvalidField(
      "page_token", "is not a token of this listing on this server", kReasonBadPageToken);
  std::string raw;
  if (token.size() > kMaxPageTokenBytes || !absl::WebSafeBase64Unescape(token, &raw)) return bad;
  if (raw.size() < kMacBytes) return bad;
  const std::string body = raw.substr(kMacBytes);
  const std::string mac = Mac(listing, body);
  if (CRYPTO_memcmp(mac.data(), raw.data(), kMacBytes) != 0) return bad;
  return body;
}

}  // namespace auditledger
