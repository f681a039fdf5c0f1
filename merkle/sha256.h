// SHA-256 and HMAC-SHA-256 over OpenSSL: the only caller of its digests.
//
// It is OpenSSL's own code for the processor at hand, reached without its providers: a FIPS
// provider that is configured is not asked (sha256.cc says what that saves).
//
// Thread-safety: free functions are safe everywhere; a Sha256Stream belongs to one thread.
// Errors: none.
#ifndef AUDITLEDGER_MERKLE_SHA256_H_
#define AUDITLEDGER_MERKLE_SHA256_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "absl/strings/string_view.h"
#include "merkle/hash.h"

namespace auditledger {

// SHA-256 of the concatenation of `pieces`.
Hash Sha256(std::initializer_list<absl::string_view> pieces);

// A key of HMAC-SHA-256 (RFC 2104), its two blocks hashed once for many messages. Wiped when it
// goes.
class HmacKey {
 public:
  explicit HmacKey(absl::string_view key);
  ~HmacKey();
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;
  // Of the concatenation of `pieces`.
  Hash Mac(std::initializer_list<absl::string_view> pieces) const;

 private:
  std::array<uint32_t, 8> inner_;
  std::array<uint32_t, 8> outer_;
};

// The same for one message.
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
