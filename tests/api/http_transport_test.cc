#include "api/http_transport.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/api/witness_http.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using testing::StatusIs;

class HttpTransportTest : public ::testing::Test {
 protected:
  testing::LoopbackHttp server_{[this](httplib::Server& server) {
    server.Post("/echo", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.get_header_value("Content-Type") + "|" + request.body,
                           "text/x.echo; charset=utf-8");
    });
    server.Get("/moved", [this](const httplib::Request&, httplib::Response& response) {
      response.set_redirect("/secret");
    });
    server.Get("/secret", [this](const httplib::Request&, httplib::Response& response) {
      redirected_ = true;
      response.set_content("secret", "text/plain");
    });
    server.Get("/large", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(std::string(5000, 'x'), "text/plain");
    });
    server.Get("/later", [](const httplib::Request&, httplib::Response& response) {
      response.status = 503;
      response.set_header("Retry-After", "17");
    });
  }};
  std::atomic<bool> redirected_{false};
  const std::unique_ptr<HttpTransport> http_ =
      NewHttpTransport({.timeout = std::chrono::milliseconds(300)});
};

TEST_F(HttpTransportTest, SendsABodyAndTakesTheAnswer) {
  const auto answer = http_->Post(server_.url() + "/echo", {"a\nb\n", "text/x.question", 1000});
  ASSERT_OK(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_type, "text/x.echo; charset=utf-8");
  EXPECT_EQ(answer->body, "text/x.question|a\nb\n");
  EXPECT_OK(http_->Post(server_.url() + "/echo", {"", "text/plain", 1000})) << "and again";
}

TEST_F(HttpTransportTest, AnyStatusIsAnAnswer) {
  EXPECT_EQ(http_->Get(server_.url() + "/none", 1000)->status, 404);
  const auto later = http_->Get(server_.url() + "/later", 1000);
  EXPECT_EQ(later->status, 503);
  EXPECT_EQ(later->retry_after_seconds, 17u);
}

TEST_F(HttpTransportTest, NeverFollowsARedirect) {
  EXPECT_EQ(http_->Get(server_.url() + "/moved", 1000)->status, 302);
  EXPECT_FALSE(redirected_);
}

TEST_F(HttpTransportTest, AnAnswerEndsAtItsLimit) {
  EXPECT_OK(http_->Get(server_.url() + "/large", 5000));
  EXPECT_THAT(http_->Get(server_.url() + "/large", 4999), StatusIs(StatusCode::kResourceExhausted));
}

// Keys come over plain HTTP from there because nobody can stand between.
TEST_F(HttpTransportTest, NoProxyStandsBeforeThisMachine) {
  ASSERT_EQ(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  ASSERT_EQ(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
  EXPECT_OK(http_->Get(server_.url() + "/large", 5000));
  unsetenv("http_proxy");
  unsetenv("all_proxy");
}

TEST_F(HttpTransportTest, NobodyThereIsUnavailable) {
  EXPECT_THAT(http_->Get("http://127.0.0.1:1/x", 10), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(http_->Get("file:///etc/hostname", 1000), StatusIs(StatusCode::kUnavailable));
}

// A peer that takes the connection and says nothing.
TEST_F(HttpTransportTest, SilenceEndsWithTheTime) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  socklen_t size = sizeof(address);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_THAT(http_->Get(absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port), "/"), 10),
              StatusIs(StatusCode::kDeadlineExceeded));
  close(fd);
}

TEST(CheckHttpUrlTest, TakesPlainPlacesOnly) {
  for (const char* url : {"http://w.example", "https://w.example:8080/w1/", "http://[::1]:80/x"}) {
    EXPECT_OK(CheckHttpUrl(url)) << url;
  }
  for (const char* url :
       {"", "w.example", "ftp://w", "http://", "http:///x", "http://:80/", "https://me@w/",
        "http://w/?q", "http://w/#f", "http://w/a b", "http://w/\n"}) {
    EXPECT_THAT(CheckHttpUrl(url), StatusIs(StatusCode::kInvalidArgument)) << url;
  }
}

}  // namespace
}  // namespace auditledger
