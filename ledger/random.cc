#include "ledger/random.h"

#include <openssl/rand.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <iostream>

namespace auditledger {
namespace {

class SystemRandom : public Random {
 public:
  std::string Bytes(size_t count) override {
    std::string out(count, '\0');
    size_t done = 0;
    while (done < count) {
      const size_t step = std::min<size_t>(count - done, INT_MAX);
      auto* at = reinterpret_cast<unsigned char*>(out.data() + done);
      if (RAND_bytes(at, static_cast<int>(step)) != 1) {
        std::cerr << "auditledger: the random generator of OpenSSL failed\n";
        std::abort();
      }
      done += step;
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
