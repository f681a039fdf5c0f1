// What the programs of this folder exit with.
#ifndef AUDITLEDGER_TOOLS_EXIT_CODES_H_
#define AUDITLEDGER_TOOLS_EXIT_CODES_H_

namespace auditledger {

inline constexpr int kExitOk = 0;
inline constexpr int kExitRefused = 1;      // the server, or a file, says no
inline constexpr int kExitUnreachable = 2;  // no answer: not running, wrong address, timeout
inline constexpr int kExitNotProven = 3;    // an answer whose proof or signature does not verify
inline constexpr int kExitUsage = 64;       // as sysexits.h

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_EXIT_CODES_H_
