// Random bytes as an interface, so that tests are repeatable.
#ifndef AUDITLEDGER_LEDGER_RANDOM_H_
#define AUDITLEDGER_LEDGER_RANDOM_H_

#include <cstddef>
#include <string>

namespace auditledger {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::string Bytes(size_t count) = 0;
  // OpenSSL's generator; a failing one aborts, since nothing may be sealed without it.
  static Random& System();
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_RANDOM_H_
