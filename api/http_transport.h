// The little HTTP that the daemon speaks as a client: POST and GET of small bodies to places that
// the operator wrote down.
//
// http and https only, certificates checked against the machine's authorities, no redirects (an
// answer of 3xx is handed over as it is), no credentials, no proxy but the environment's, one
// answer of a known largest size within one time limit.
//
// Example:
//   const std::unique_ptr<HttpTransport> http = NewHttpTransport({});
//   ASSIGN_OR_RETURN(const HttpAnswer answer, http->Post(url, {body, "text/plain", 4096}));
//   if (answer.status == 200) Use(answer.body);
//
// Thread-safety: an object belongs to one thread. It keeps its connections open.
// Errors: DeadlineExceeded, the time was over; ResourceExhausted, the answer is too large;
// Unavailable, all else that comes from the network. Any HTTP status is an answer, not an error.
// Messages hold neither the URL nor anything the other side sent.
#ifndef AUDITLEDGER_API_HTTP_TRANSPORT_H_
#define AUDITLEDGER_API_HTTP_TRANSPORT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

struct HttpAnswer {
  int status = 0;
  std::string content_type{};  // as sent, parameters included; "" for none
  std::string body{};
  uint64_t retry_after_seconds = 0;  // of a Retry-After header; 0 for none
};

struct HttpPost {
  absl::string_view body;
  absl::string_view content_type;
  size_t max_answer_bytes = 0;
};

class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  virtual absl::StatusOr<HttpAnswer> Post(const std::string& url, const HttpPost& post) = 0;
  virtual absl::StatusOr<HttpAnswer> Get(const std::string& url, size_t max_answer_bytes) = 0;
};

struct HttpTransportOptions {
  // From the first packet to the last byte.
  std::chrono::milliseconds timeout{2000};
  std::string ca_file{};  // the authorities that count, and no others; empty: the machine's
};

// How an object that speaks HTTP gets its transport, one a thread; tests give their own.
using HttpTransportFactory = std::function<std::unique_ptr<HttpTransport>()>;

// Over libcurl.
std::unique_ptr<HttpTransport> NewHttpTransport(const HttpTransportOptions& options);

// OK for http:// and https:// with a host, and without credentials, query or fragment: what may
// stand in a configuration and a log. InvalidArgument says what is wrong.
absl::Status CheckHttpUrl(absl::string_view url);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_HTTP_TRANSPORT_H_
