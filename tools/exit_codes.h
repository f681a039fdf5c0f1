// What the programs of this folder exit with. 1 and 2 mean what they mean to auditledger-verify,
// and 3, its "verified, unwitnessed", is left to it, so that a script may treat both programs
// alike.
#ifndef AUDITLEDGER_TOOLS_EXIT_CODES_H_
#define AUDITLEDGER_TOOLS_EXIT_CODES_H_

namespace auditledger {

inline constexpr int kExitOk = 0;
inline constexpr int kExitNotProven = 1;    // an answer whose proof or signature does not verify
inline constexpr int kExitUnreachable = 2;  // no answer: not running, wrong address, timeout
inline constexpr int kExitRefused = 4;      // the server, or a file, says no
inline constexpr int kExitUsage = 64;       // as sysexits.h

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_EXIT_CODES_H_
