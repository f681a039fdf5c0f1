// FakeWitnesses behind real HTTP on loopback, for what the daemon does with libcurl.
#ifndef AUDITLEDGER_TESTS_API_WITNESS_HTTP_H_
#define AUDITLEDGER_TESTS_API_WITNESS_HTTP_H_

#include <httplib.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/api/fake_witness.h"

namespace auditledger::testing {

// An HTTP server on a port of its own. `set_up` adds its routes.
class LoopbackHttp {
 public:
  using SetUp = std::function<void(httplib::Server&)>;

  explicit LoopbackHttp(const SetUp& set_up)
      : LoopbackHttp(std::make_unique<httplib::Server>(), "http://127.0.0.1:", set_up) {}
  // Over TLS, with `identity`.pem and .key, at another address of the loopback if need be.
  LoopbackHttp(const std::string& identity, const SetUp& set_up,
               const std::string& host = "127.0.0.1")
      : LoopbackHttp(std::make_unique<httplib::SSLServer>((identity + ".pem").c_str(),
                                                          (identity + ".key").c_str()),
                     absl::StrCat("https://", host, ":"), set_up, host) {}
  ~LoopbackHttp() {
    server_->stop();
    thread_.join();
  }
  std::string url() const { return absl::StrCat(url_, port_); }

 private:
  LoopbackHttp(std::unique_ptr<httplib::Server> server, std::string url, const SetUp& set_up,
               const std::string& host = "127.0.0.1")
      : server_(std::move(server)), url_(std::move(url)) {
    server_->new_task_queue = [] { return new httplib::ThreadPool(2); };
    server_->set_keep_alive_max_count(1);
    set_up(*server_);
    port_ = server_->bind_to_any_port(host.c_str());
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::yield();
  }

  const std::unique_ptr<httplib::Server> server_;
  const std::string url_;
  int port_ = 0;
  std::thread thread_;
};

class HttpWitnesses {
 public:
  explicit HttpWitnesses(Clock& clock) : witnesses_(clock) {
    for (size_t i = 0; i < witnesses_.size(); ++i) {
      servers_.push_back(std::make_unique<LoopbackHttp>([&, i](httplib::Server& server) {
        server.Post("/w/add-checkpoint",
                    [&, i](const httplib::Request& request, httplib::Response& response) {
                      Send(witnesses_[i].Post(request.body), response);
                    });
        server.Get("/w/[0-9a-f]{64}/checkpoint",
                   [&, i](const httplib::Request&, httplib::Response& response) {
                     Send(witnesses_[i].Get(), response);
                   });
      }));
    }
  }
  FakeWitnesses& witnesses() { return witnesses_; }
  FakeWitness& operator[](size_t i) { return witnesses_[i]; }
  std::string PolicyText(const std::string& threshold = "4") const {
    std::string text = witnesses_.PolicyText(threshold);
    for (size_t i = 0; i < servers_.size(); ++i) {
      text = absl::StrReplaceAll(
          text, {{absl::StrCat("http://w", i + 1, ".test/"), servers_[i]->url() + "/w/"}});
    }
    return text;
  }

 private:
  // A witness that is down answers 503: the port stays bound.
  static void Send(const absl::StatusOr<HttpAnswer>& answer, httplib::Response& response) {
    response.status = answer.ok() ? answer->status : 503;
    if (answer.ok()) response.set_content(answer->body, answer->content_type);
  }
  FakeWitnesses witnesses_;
  std::vector<std::unique_ptr<LoopbackHttp>> servers_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_WITNESS_HTTP_H_
