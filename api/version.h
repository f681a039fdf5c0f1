// The version of this build, from CMake's project().
#ifndef AUDITLEDGER_API_VERSION_H_
#define AUDITLEDGER_API_VERSION_H_

namespace auditledger {

inline constexpr char kVersion[] = AUDITLEDGER_VERSION;

}  // namespace auditledger

#endif  // AUDITLEDGER_API_VERSION_H_
