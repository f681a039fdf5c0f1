#include "api/http_transport.h"

#include <curl/curl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kUserAgent[] = "auditledgerd";

struct Body {
  std::string bytes;
  size_t max = 0;
  bool over = false;
};

size_t Take(char* data, size_t, size_t count, void* to) {
  Body& body = *static_cast<Body*>(to);
  if (count > body.max - body.bytes.size()) {
    body.over = true;
    return 0;  // ends the transfer
  }
  body.bytes.append(data, count);
  return count;
}

// Owns a curl_slist.
class Headers {
 public:
  ~Headers() { curl_slist_free_all(list_); }
  void Add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

bool IsLoopback(absl::string_view url) {
  return absl::StartsWith(url, "http://127.0.0.1:") || absl::StartsWith(url, "http://[::1]:");
}

class CurlTransport : public HttpTransport {
 public:
  explicit CurlTransport(const HttpTransportOptions& options) : options_(options) {
    static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (once == CURLE_OK) curl_ = curl_easy_init();
  }
  ~CurlTransport() override { curl_easy_cleanup(curl_); }

  absl::StatusOr<HttpAnswer> Post(const std::string& url, const HttpPost& post) override {
    RETURN_IF_ERROR(Prepare(url));
    Headers headers;
    headers.Add(absl::StrCat("Content-Type: ", post.content_type));
    headers.Add("Expect:");  // a body this small is not announced first
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(post.body.size()));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, post.body.data());
    return Perform(post.max_answer_bytes);
  }

  absl::StatusOr<HttpAnswer> Get(const std::string& url, size_t max_answer_bytes) override {
    RETURN_IF_ERROR(Prepare(url));
    return Perform(max_answer_bytes);
  }

 private:
  absl::Status Prepare(const std::string& url) {
    if (curl_ == nullptr) return absl::UnavailableError("libcurl does not start");
    curl_easy_reset(curl_);  // connections stay
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl_, CURLOPT_FOLLOWLOCATION, 0L);
    // Whatever the environment says: nobody shall stand between where plain HTTP is believed.
    if (IsLoopback(url)) curl_easy_setopt(curl_, CURLOPT_PROXY, "");
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    curl_easy_setopt(curl_, CURLOPT_USERAGENT, kUserAgent);
    if (!options_.ca_file.empty()) {
      curl_easy_setopt(curl_, CURLOPT_CAINFO, options_.ca_file.c_str());
      // Else the machine's authorities, which Debian's libcurl looks up in a folder, count as well.
      curl_easy_setopt(curl_, CURLOPT_CAPATH, nullptr);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<HttpAnswer> Perform(size_t max_answer_bytes) {
    Body body{.bytes = "", .max = max_answer_bytes};
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &Take);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &body);
    const CURLcode code = curl_easy_perform(curl_);
    if (body.over) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the answer has over ", max_answer_bytes, " bytes"));
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
      return absl::DeadlineExceededError(
          absl::StrCat("no answer within ", options_.timeout.count(), " ms"));
    }
    if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
    HttpAnswer answer;
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    const char* type = nullptr;
    curl_easy_getinfo(curl_, CURLINFO_CONTENT_TYPE, &type);
    if (type != nullptr) answer.content_type = type;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(curl_, CURLINFO_RETRY_AFTER, &retry_after);
    answer.retry_after_seconds = static_cast<uint64_t>(std::max<curl_off_t>(retry_after, 0));
    answer.body = std::move(body.bytes);
    return answer;
  }

  const HttpTransportOptions options_;
  CURL* curl_ = nullptr;
};

}  // namespace

std::unique_ptr<HttpTransport> NewHttpTransport(const HttpTransportOptions& options) {
  return std::make_unique<CurlTransport>(options);
}

absl::Status CheckHttpUrl(absl::string_view url) {
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "http://") && !absl::ConsumePrefix(&rest, "https://")) {
    return absl::InvalidArgumentError("must begin with http:// or https://");
  }
  const absl::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.empty() || authority[0] == ':') {
    return absl::InvalidArgumentError("must name a host");
  }
  if (absl::StrContains(authority, "@")) {
    return absl::InvalidArgumentError("may not hold credentials");
  }
  if (absl::StrContains(rest, "?") || absl::StrContains(rest, "#")) {
    return absl::InvalidArgumentError("may have neither query nor fragment");
  }
  if (std::any_of(rest.begin(), rest.end(), [](char c) { return c <= ' ' || c == '\x7f'; })) {
    return absl::InvalidArgumentError("may hold no space or control character");
  }
  return absl::OkStatus();
}

}  // namespace auditledger
