#include "tools/monitor_http.h"

#include <curl/curl.h>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Of an answer to an alarm nobody reads more.
constexpr size_t kMaxPostAnswerBytes = 4096;

struct Body {
  std::string bytes;
  size_t max = 0;
  bool over = false;
};

size_t Take(char* data, size_t, size_t count, void* to) {
  Body& body = *static_cast<Body*>(to);
  if (body.bytes.size() + count > body.max) {
    body.over = true;
    return 0;  // ends the transfer
  }
  body.bytes.append(data, count);
  return count;
}

}  // namespace

struct HttpClient::Impl {
  HttpLimits limits;
  CURL* curl = nullptr;

  // Everything but what a method adds.
  void Prepare(const std::string& url, Body& body) {
    curl_easy_reset(curl);  // connections stay
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                     static_cast<long>(limits.connect_timeout.count()));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(limits.total_timeout.count()));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "auditledger-monitor");
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");  // tlog-tiles: bundles may be compressed
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    if (!limits.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, limits.ca_file.c_str());
  }

  absl::StatusOr<long> Perform(const Body& body) {
    const CURLcode code = curl_easy_perform(curl);
    if (body.over) {
      return absl::ResourceExhaustedError(absl::StrCat("the answer has over ", body.max, " bytes"));
    }
    if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
};

HttpClient::HttpClient(const HttpLimits& limits) : impl_(std::make_unique<Impl>()) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  impl_->limits = limits;
  if (once == CURLE_OK) impl_->curl = curl_easy_init();
}

HttpClient::~HttpClient() { curl_easy_cleanup(impl_->curl); }

absl::StatusOr<std::string> HttpClient::Get(const std::string& url, size_t max_bytes) {
  if (impl_->curl == nullptr) return absl::UnavailableError("libcurl does not start");
  Body body{.bytes = "", .max = max_bytes};
  impl_->Prepare(url, body);
  ASSIGN_OR_RETURN(const long status, impl_->Perform(body));
  if (status == 404 || status == 410) return absl::NotFoundError(absl::StrCat("HTTP ", status));
  if (status != 200) return absl::UnavailableError(absl::StrCat("HTTP ", status));
  return std::move(body.bytes);
}

absl::Status HttpClient::PostJson(const std::string& url, absl::string_view json) {
  if (impl_->curl == nullptr) return absl::UnavailableError("libcurl does not start");
  Body body{.bytes = "", .max = kMaxPostAnswerBytes};
  impl_->Prepare(url, body);
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
  curl_easy_setopt(impl_->curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(impl_->curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(json.size()));
  curl_easy_setopt(impl_->curl, CURLOPT_POSTFIELDS, json.data());
  const absl::StatusOr<long> status = impl_->Perform(body);
  curl_slist_free_all(headers);
  RETURN_IF_ERROR(status.status());
  if (*status / 100 != 2) return absl::UnavailableError(absl::StrCat("HTTP ", *status));
  return absl::OkStatus();
}

}  // namespace auditledger
