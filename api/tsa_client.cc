#include "api/tsa_client.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/timestamp.h"

namespace auditledger {
namespace {

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Body {
  std::string bytes;
  bool over = false;
};

size_t Take(char* data, size_t, size_t count, void* to) {
  Body& body = *static_cast<Body*>(to);
  if (body.bytes.size() + count > kMaxTimestampBytes) {
    body.over = true;
    return 0;  // ends the transfer
  }
  body.bytes.append(data, count);
  return count;
}

}  // namespace

absl::StatusOr<std::string> PostTimestampQuery(const std::string& url, const std::string& query,
                                               std::chrono::milliseconds timeout) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, CurlDeleter> curl(once == CURLE_OK ? curl_easy_init() : nullptr);
  const std::unique_ptr<curl_slist, CurlDeleter> headers(
      curl_slist_append(nullptr, "Content-Type: application/timestamp-query"));
  if (curl == nullptr || headers == nullptr) {
    return absl::UnavailableError("libcurl does not start");
  }
  Body body;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "auditledgerd");
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(query.size()));
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, query.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl.get());
  if (body.over) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the answer has over ", kMaxTimestampBytes, " bytes"));
  }
  if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
  long status = 0;
  const char* type = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_TYPE, &type);
  if (status != 200) return absl::UnavailableError(absl::StrCat("HTTP ", status));
  if (type == nullptr || !absl::StartsWith(type, "application/timestamp-reply")) {
    return absl::UnavailableError("the answer is no application/timestamp-reply");
  }
  return std::move(body.bytes);
}

}  // namespace auditledger
