// From which address a call comes, as rates are counted: an IPv4 address, an IPv6 /64, or "" where
// there is none.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_ACCESS_CALLER_ADDRESS_H_
#define AUDITLEDGER_API_ACCESS_CALLER_ADDRESS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace auditledger {

// `peer` as gRPC names it: "ipv4:192.0.2.1:4711", "ipv6:%5B2001:db8::1%5D:4711", "unix:...".
std::string AddressOfPeer(absl::string_view peer);
// `address` as an edge names it: "192.0.2.1", "2001:db8::1".
std::string AddressOfText(absl::string_view address);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_CALLER_ADDRESS_H_
