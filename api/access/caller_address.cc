#include "api/access/caller_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace auditledger {

std::string AddressOfText(absl::string_view address) {
  const std::string text(address);
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return text;
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return "";
  char out[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&six)) return inet_ntop(AF_INET, &six.s6_addr[12], out, sizeof(out));
  std::memset(&six.s6_addr[8], 0, 8);
  return absl::StrCat(inet_ntop(AF_INET6, &six, out, sizeof(out)), "/64");
}

std::string AddressOfPeer(absl::string_view peer) {
  const size_t port = peer.rfind(':');
  if (port == absl::string_view::npos) return "";
  absl::string_view host = peer.substr(0, port);
  if (absl::ConsumePrefix(&host, "ipv4:")) return AddressOfText(host);
  if (!absl::ConsumePrefix(&host, "ipv6:")) return "";
  const std::string plain =
      absl::StrReplaceAll(host, {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}});
  return AddressOfText(absl::string_view(plain).substr(0, plain.find('%')));  // without its zone
}

}  // namespace auditledger
