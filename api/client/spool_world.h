// What a spool and an emitter take from outside: files, time, randomness. Tests give their own.
//
// Example: SpoolWorld world = SpoolWorld::Machine();
// Thread-safety: the functions may be called by many threads; what `system` points to outlives all.
#ifndef AUDITLEDGER_API_CLIENT_SPOOL_WORLD_H_
#define AUDITLEDGER_API_CLIENT_SPOOL_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "api/client/spool_system.h"

namespace auditledger {

struct SpoolWorld {
  SpoolSystem* system = nullptr;
  std::function<uint64_t()> wall_us;       // Unix time
  std::function<uint64_t()> monotonic_us;  // never set
  std::function<std::string(size_t)> random_bytes;

  // OpenSSL's generator; one that fails ends the process, since nothing may be sealed without it.
  static SpoolWorld Machine();
};

// A UUID of version 4 (RFC 9562) out of 16 random bytes.
std::string UuidOf(std::string random_bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SPOOL_WORLD_H_
