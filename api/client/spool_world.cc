#include "api/client/spool_world.h"

#include <openssl/rand.h>

#include <chrono>
#include <climits>
#include <cstdlib>
#include <iostream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace auditledger {
namespace {

template <typename Clock>
uint64_t MicrosOf() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch())
          .count());
}

std::string RandomBytes(size_t count) {
  std::string out(count, '\0');
  if (count > INT_MAX ||
      RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
    std::cerr << "auditledger: OpenSSL gives no random bytes\n";
    std::abort();
  }
  return out;
}

}  // namespace

SpoolWorld SpoolWorld::Machine() {
  return {&SpoolSystem::Machine(), &MicrosOf<std::chrono::system_clock>,
          &MicrosOf<std::chrono::steady_clock>, &RandomBytes};
}

std::string UuidOf(std::string random_bytes) {
  random_bytes.resize(16);
  random_bytes[6] = static_cast<char>((random_bytes[6] & 0x0F) | 0x40);
  random_bytes[8] = static_cast<char>((random_bytes[8] & 0x3F) | 0x80);
  const std::string hex = absl::BytesToHexString(random_bytes);
  const absl::string_view digits = hex;
  return absl::StrCat(digits.substr(0, 8), "-", digits.substr(8, 4), "-", digits.substr(12, 4), "-",
                      digits.substr(16, 4), "-", digits.substr(20));
}

}  // namespace auditledger
