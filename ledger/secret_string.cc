#include "ledger/secret_string.h"

#include <openssl/crypto.h>

#include <utility>

namespace auditledger {

void WipeString(std::string& value) {
  value.resize(value.capacity());  // what a shorter value left behind as well; never reallocates
  OPENSSL_cleanse(value.data(), value.size());
  value.clear();
}

// Moving a short string copies its bytes and leaves them in the source: hence swap and wipe.
SecretString::SecretString(std::string value) {
  value_.swap(value);
  WipeString(value);
}

SecretString::SecretString(SecretString&& other) noexcept {
  value_.swap(other.value_);
  other.Wipe();
}

SecretString& SecretString::operator=(SecretString&& other) noexcept {
  if (this == &other) return *this;
  value_.swap(other.value_);
  other.Wipe();
  return *this;
}

void SecretString::Wipe() { WipeString(value_); }

}  // namespace auditledger
