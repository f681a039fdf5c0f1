// Configuration text: what parses and passes prints as text that parses and passes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/config.h"
#include "api/flags.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)ParseAdoptedHead(text);
  absl::StatusOr<config::v1::Config> config = ParseConfig(text);
  if (!config.ok()) return 0;
  ApplyDefaults(*config);
  const absl::Status valid = ValidateConfig(*config, true);
  const absl::StatusOr<config::v1::Config> again = ParseConfig(FormatConfig(*config));
  if (!again.ok() || ValidateConfig(*again, true).ok() != valid.ok()) std::abort();
  return 0;
}
