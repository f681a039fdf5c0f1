// OpenSSL's allocators note their caller's path, which would differ between two builds.
#define OPENSSL_NO_FILENAMES

#include "ledger/secret_string.h"

#include <openssl/crypto.h>

#include <cstring>
#include <new>
#include <utility>

namespace auditledger {

void WipeString(std::string& value) {
  value.resize(value.capacity());  // what a shorter value left behind as well; never reallocates
  OPENSSL_cleanse(value.data(), value.size());
  value.clear();
}

SecretString::SecretString(std::string value) : size_(value.size()) {
  if (size_ > 0) {
    void* bytes = OPENSSL_secure_malloc(size_);
    if (bytes == nullptr) bytes = OPENSSL_malloc(size_);  // the secure heap is full
    if (bytes == nullptr) throw std::bad_alloc();         // as std::string does
    data_ = static_cast<char*>(bytes);
    std::memcpy(data_, value.data(), size_);
  }
  WipeString(value);
}

SecretString::SecretString(SecretString&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SecretString& SecretString::operator=(SecretString&& other) noexcept {
  if (this == &other) return *this;
  Wipe();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void SecretString::Wipe() {
  OPENSSL_secure_clear_free(data_, size_);  // of either heap
  data_ = nullptr;
  size_ = 0;
}

}  // namespace auditledger
