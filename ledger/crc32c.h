// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78): tells a torn or rotten record of ours from
// a whole one. It does not protect against intent. Source: RFC 3720 appendix B.4, whose vectors the
// test uses.
//
// Thread-safety: pure function.
#ifndef AUDITLEDGER_LEDGER_CRC32C_H_
#define AUDITLEDGER_LEDGER_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace auditledger {

// `before`: the CRC of what stands before `bytes`.
uint32_t Crc32c(absl::string_view bytes, uint32_t before = 0);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_CRC32C_H_
