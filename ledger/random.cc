#include "ledger/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <iostream>

namespace auditledger {
namespace {

void Fill(unsigned char* at, size_t count) {
  while (count > 0) {
    const size_t step = std::min<size_t>(count, INT_MAX);
    if (RAND_bytes(at, static_cast<int>(step)) != 1) {
      std::cerr << "auditledger: the random generator of OpenSSL failed\n";
      std::abort();
    }
    at += step;
    count -= step;
  }
}

// Drawn in bulk, given out once, wiped as it goes: a call of OpenSSL's generator costs more than
// the encryption that its bytes are for. A forked child would give out the same bytes: nothing here
// forks without exec.
class Pool {
 public:
  static constexpr size_t kBytes = 1024;

  ~Pool() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  void Take(unsigned char* out, size_t count) {
    if (kBytes - used_ < count) {
      Fill(bytes_.data(), kBytes);
      used_ = 0;
    }
    unsigned char* const at = bytes_.data() + used_;
    std::copy_n(at, count, out);
    OPENSSL_cleanse(at, count);
    used_ += count;
  }

 private:
  std::array<unsigned char, kBytes> bytes_;
  size_t used_ = kBytes;
};

class SystemRandom : public Random {
 public:
  std::string Bytes(size_t count) override {
    std::string out(count, '\0');
    auto* const at = reinterpret_cast<unsigned char*>(out.data());
    if (count > Pool::kBytes / 4) {
      Fill(at, count);
    } else {
      static thread_local Pool pool;
      pool.Take(at, count);
    }
    return out;
  }
};

}  // namespace

Random& Random::System() {
  static SystemRandom random;
  return random;
}

}  // namespace auditledger
