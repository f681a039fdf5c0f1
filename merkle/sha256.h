// SHA-256 and HMAC-SHA-256 over OpenSSL: the only caller of its digests.
//
// The provider's algorithm is fetched once per process and one context is kept per thread, because
// an implicit fetch costs more than a node hash (shared/reference/performance.md section 1).
//
// Thread-safety: free functions are safe everywhere; a Sha256 object belongs to one thread.
// Errors: digests do not fail on valid memory; a failing provider is a broken installation and
// aborts.
#ifndef AUDITLEDGER_MERKLE_SHA256_H_
#define AUDITLEDGER_MERKLE_SHA256_H_

#include <initializer_list>
#include <memory>

#include "absl/strings/string_view.h"
#include "merkle/hash.h"

namespace auditledger {

// SHA-256 of the concatenation of `pieces`.
Hash Sha256(std::initializer_list<absl::string_view> pieces);

// HMAC-SHA-256 (RFC 2104) under `key` of the concatenation of `pieces`.
Hash HmacSha256(absl::string_view key, std::initializer_list<absl::string_view> pieces);

// SHA-256 over pieces that arrive one by one.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void Update(absl::string_view piece);
  // Returns the digest and starts anew.
  Hash Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_SHA256_H_
