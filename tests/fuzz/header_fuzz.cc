// A header that parses encodes to the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "merkle/header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<EntryHeader> header = ParseHeader(bytes);
  if (!header.ok()) return 0;
  const absl::StatusOr<std::string> encoded = EncodeHeader(*header);
  if (!encoded.ok() || *encoded != bytes) std::abort();
  return 0;
}
