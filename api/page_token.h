// Page tokens: opaque, URL-safe, and good for one listing only. A token is authenticated under a
// random key of this process together with the listing's fields, so that it can neither be made up
// nor moved to another listing; after a restart a client lists anew.
//
//   base64url(HMAC-SHA-256(key, BE16 len || listing || body)[0:16] || body)
//
// Example:
//   token = tokens.Seal("ListEntries ledgers/a 2 0 0", body);
//   ASSIGN_OR_RETURN(std::string body, tokens.Open("ListEntries ledgers/a 2 0 0", token));
//
// Thread-safety: immutable.
#ifndef AUDITLEDGER_API_PAGE_TOKEN_H_
#define AUDITLEDGER_API_PAGE_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/random.h"

namespace auditledger {

class PageTokens {
 public:
  explicit PageTokens(Random& random) : key_(random.Bytes(32)) {}
  // REQUIRES: listing.size() <= 65535.
  std::string Seal(absl::string_view listing, absl::string_view body) const;
  // InvalidArgument (BAD_PAGE_TOKEN) for anything Seal did not make for this listing.
  absl::StatusOr<std::string> Open(absl::string_view listing, absl::string_view token) const;

 private:
  std::string Mac(absl::string_view listing, absl::string_view body) const;
  const std::string key_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_PAGE_TOKEN_H_
