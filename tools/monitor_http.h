// The little HTTP a monitor speaks: GET of files of known largest size, POST of an alarm.
//
// http and https only, no redirects (a log's prefix is what the operator wrote down), certificates
// checked, proxies and authentication as libcurl takes them from the environment: none by default.
//
// Example:
//   HttpClient http({});
//   ASSIGN_OR_RETURN(const std::string note, http.Get("https://x.example/log/checkpoint", 1000));
//
// Thread-safety: an object belongs to one thread. It keeps its connections open.
// Errors: NotFound for 404 and 410; ResourceExhausted for an answer over `max_bytes`; Unavailable
// for anything else.
#ifndef AUDITLEDGER_TOOLS_MONITOR_HTTP_H_
#define AUDITLEDGER_TOOLS_MONITOR_HTTP_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

struct HttpLimits {
  // A server that does not answer at all.
  std::chrono::seconds connect_timeout{10};
  // One file: a bundle of the largest leaves, 16 MiB, over a line of 5 Mbit/s.
  std::chrono::seconds total_timeout{30};
  std::string ca_file{};  // empty: the machine's
};

class HttpClient {
 public:
  explicit HttpClient(const HttpLimits& limits);
  ~HttpClient();

  // The body of a 200.
  absl::StatusOr<std::string> Get(const std::string& url, size_t max_bytes);
  // OK for any 2xx.
  absl::Status PostJson(const std::string& url, absl::string_view body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_MONITOR_HTTP_H_
