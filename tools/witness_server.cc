#include "tools/witness_server.h"

#include <httplib.h>

#include <array>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "ledger/mutex.h"
#include "merkle/hash.h"
#include "merkle/status_macros.h"
#include "merkle/witness.h"

namespace auditledger {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kMetricsType[] = "text/plain; version=0.0.4";
constexpr int kTooLate = 408;
constexpr int kTooLong = 413;

// httplib takes paths as regular expressions.
std::string Literal(const std::string& path) {
  std::string pattern;
  for (char c : path) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '/') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

bool IsQuestionWithBody(const httplib::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return false;
  const size_t lengths = request.get_header_value_count("Content-Length");
  return request.has_header("Transfer-Encoding") || lengths > 1 ||
         (lengths == 1 && request.get_header_value("Content-Length") != "0");
}

// Answers so far, by status.
class Counters {
 public:
  void Count(int status) {
    MutexLock lock(mutex_);
    ++counts_[status];
  }
  std::map<int, uint64_t> All() {
    MutexLock lock(mutex_);
    return counts_;
  }

 private:
  Mutex mutex_;
  std::map<int, uint64_t> counts_ ABSL_GUARDED_BY(mutex_);
};

class HttpServer : public WitnessServer {
 public:
  HttpServer(WitnessServerOptions options, Witness& witness, std::unique_ptr<httplib::Server> http)
      : options_(std::move(options)), witness_(witness), http_(std::move(http)) {
    http_->new_task_queue = [] { return new httplib::ThreadPool(kWitnessThreads); };
    http_->set_read_timeout(kWitnessTimeoutSeconds);
    http_->set_write_timeout(kWitnessTimeoutSeconds);
    http_->set_keep_alive_timeout(kWitnessTimeoutSeconds);
    // httplib leaves bodies that it does not expect, or refuses, on the connection, and would take
    // them for requests: so each connection is closed after one.
    http_->set_keep_alive_max_count(1);
    http_->set_tcp_nodelay(true);
    http_->set_payload_max_length(kMaxAddCheckpointBytes);
    http_->set_pre_routing_handler(
        [](const httplib::Request& request, httplib::Response& response) {
          if (!IsQuestionWithBody(request)) return httplib::Server::HandlerResponse::Unhandled;
          response.status = static_cast<int>(WitnessStatus::kBadRequest);
          response.set_content("a GET has no body\n", kPlainText);
          return httplib::Server::HandlerResponse::Handled;
        });
    const std::string prefix = Literal(options_.prefix);
    http_->Post(prefix + "/add-checkpoint",
                [this](const httplib::Request&, httplib::Response& response,
                       const httplib::ContentReader& reader) { Add(reader, response); });
    http_->Get(prefix + "/([0-9a-f]{64})/checkpoint",
               [this](const httplib::Request& request, httplib::Response& response) {
                 Last(request.matches[1], response);
               });
    http_->Get(prefix + "/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(Metrics(), kMetricsType);
    });
  }

  ~HttpServer() override { Stop(); }

  absl::Status Listen() {
    port_ = options_.port;
    if (port_ == 0) {
      port_ = http_->bind_to_any_port(options_.host);
    } else if (!http_->bind_to_port(options_.host, port_)) {
      port_ = -1;
    }
    if (port_ < 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options_.host, ":", options_.port));
    }
    thread_ = std::thread([this] { http_->listen_after_bind(); });
    return absl::OkStatus();
  }

  std::string address() const override { return absl::StrCat(options_.host, ":", port_); }

  void Stop() override {
    if (!thread_.joinable()) return;
    while (!http_->is_running()) std::this_thread::yield();  // stop() before it starts is lost
    http_->stop();
    thread_.join();
  }

 private:
  void Add(const httplib::ContentReader& reader, httplib::Response& response) {
    std::string body;
    int refused = 0;
    const uint64_t start = options_.clock->MonotonicMicros();
    const bool whole = reader([&](const char* data, size_t size) {
      if (size > kMaxAddCheckpointBytes - body.size()) {
        refused = kTooLong;
      } else if (options_.clock->MonotonicMicros() - start > kWitnessBodyMicros) {
        refused = kTooLate;
      } else {
        body.append(data, size);
      }
      return refused == 0;
    });
    if (!whole) {
      if (refused != 0) response.status = refused;  // else httplib has said why
      counters_.Count(response.status);
      return;
    }
    const WitnessAnswer answer = witness_.AddCheckpoint(body);
    response.status = answer.status;
    response.set_content(answer.body,
                         answer.content_type.empty() ? kPlainText : answer.content_type);
    counters_.Count(answer.status);
    Log(answer);
  }

  void Last(const std::string& origin_hash, httplib::Response& response) {
    const absl::StatusOr<std::string> note = witness_.LastCheckpoint(origin_hash);
    response.status = note.ok() ? 200 : 404;
    response.set_content(note.ok() ? *note : absl::StrCat(note.status().message(), "\n"),
                         kPlainText);
  }

  std::string Metrics() {
    std::string text = "# TYPE auditledger_witness_answers_total counter\n";
    for (const auto& [status, count] : counters_.All()) {
      absl::StrAppend(&text, "auditledger_witness_answers_total{status=\"", status, "\"} ", count,
                      "\n");
    }
    absl::StrAppend(&text, "# TYPE auditledger_witness_size gauge\n");
    for (const auto& [origin, size] : witness_.Sizes()) {
      absl::StrAppend(&text, "auditledger_witness_size{origin=\"", absl::CEscape(origin), "\"} ",
                      size, "\n");
    }
    return text;
  }

  // Unknown origins are a stranger's text and stay out of it.
  void Log(const WitnessAnswer& answer) {
    if (options_.log == nullptr) return;
    const std::string why =
        answer.status == static_cast<int>(WitnessStatus::kCosigned) ? "cosigned" : answer.body;
    MutexLock lock(log_mutex_);
    *options_.log << absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone()) << " "
                  << answer.status << " " << (answer.origin.empty() ? "-" : answer.origin)
                  << " size " << answer.size << ": " << absl::StripAsciiWhitespace(why) << "\n"
                  << std::flush;
  }

  const WitnessServerOptions options_;
  Witness& witness_;
  const std::unique_ptr<httplib::Server> http_;
  int port_ = -1;
  std::thread thread_;
  Counters counters_;
  Mutex log_mutex_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<WitnessServer>> WitnessServer::Start(
    const WitnessServerOptions& options, Witness& witness) {
  std::unique_ptr<httplib::Server> http;
  if (options.certificate.empty()) {
    http = std::make_unique<httplib::Server>();
  } else {
    http = std::make_unique<httplib::SSLServer>(options.certificate.c_str(), options.key.c_str());
    if (!http->is_valid()) return absl::InvalidArgumentError("cannot use certificate and key");
  }
  auto server = std::make_unique<HttpServer>(options, witness, std::move(http));
  RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace auditledger
