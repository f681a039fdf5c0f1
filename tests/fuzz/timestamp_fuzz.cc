// Replies and tokens of a timestamping authority, and the file of those that are pinned. No input
// is signed by the pinned one, so none may be believed.
#include "merkle/timestamp.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

// A certificate of nobody: what matters is that a store is there to be searched.
constexpr char kPinned[] = R"(-----BEGIN CERTIFICATE-----
MIIBODCB66ADAgECAhQlE9Vb6U5V/13ytPQk0DCfr7F8GjAFBgMrZXAwETEPMA0G
A1UEAwwGTm9ib2R5MCAXDTI2MTEyOTE3NTI0NloYDzIxMjYxMTA1MTc1MjQ2WjAR
MQ8wDQYDVQQDDAZOb2JvZHkwKjAFBgMrZXADIQAwpk1BXbPyfwq/10mA8uFVpheP
UDV6TgHckdXdswgV0qNTMFEwHQYDVR0OBBYEFO+dxUAOrbkU1ufz8HuKftQ+jVK5
MB8GA1UdIwQYMBaAFO+dxUAOrbkU1ufz8HuKftQ+jVK5MA8GA1UdEwEB/wQFMAMB
Af8wBQYDK2VwA0EA9FfoccRJCvZZo6/7aRwP+1xgqeZH8M9/3bJvRnww0ZPFRN39
pSuuSeyOj9y/VO71vhkzBGBXZbZomwlHS6bLBg==
-----END CERTIFICATE-----
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  static const TsaTrust trust = TsaTrust::FromPem(kPinned, {}).value();
  const absl::string_view input = FuzzInput(data, size);
  FUZZ_CHECK(!VerifyTimestampToken(input, "text\n", trust).ok());
  FUZZ_CHECK(!VerifyTimestampReply(input, "text\n", 1, trust).ok());
  (void)TsaTrust::FromPem(input, {});
  (void)IsDottedOid(std::string(input));
  return 0;
}
