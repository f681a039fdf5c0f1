#include "api/tile_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/tile_publisher.h"
#include "tests/api/log_ledger.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TileServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::LogLedger& main = ledgers_.Add("main");
    main.log.AddEvents(300);
    main.shown = 301;
    log_ = RpcLog::Open("error", dir_ / "log").value();
    TilePublisher(ledgers_, *log_, {.root = root_}).RunOnce();
    std::ofstream(root_ + "/secret") << "not for the public";
    std::ofstream(root_ + "/main/secret") << "not for the public";
    ASSERT_OK_AND_ASSIGN(server_, TileServer::Start(root_, "127.0.0.1:0"));
  }

  int Connect() {
    const std::string address = server_->address();
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    return fd;
  }
  void Send(int fd, const std::string& request) {
    EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
  }
  // One answer, or what there is of it when the server closes.
  std::string Receive(int fd, bool with_body = true) {
    std::string answer;
    char buffer[4096];
    ssize_t got = 0;
    while (!IsWhole(answer, with_body) && (got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      answer.append(buffer, static_cast<size_t>(got));
    }
    return answer;
  }
  static bool IsWhole(const std::string& answer, bool with_body) {
    const std::string name = "Content-Length: ";
    const size_t head = answer.find("\r\n\r\n");
    const size_t length = answer.find(name);
    if (head == std::string::npos || length == std::string::npos) return false;
    return !with_body ||
           answer.size() >= head + 4 + std::stoul(answer.substr(length + name.size()));
  }
  std::string Exchange(const std::string& request, bool with_body = true) {
    const int fd = Connect();
    Send(fd, request);
    const std::string answer = Receive(fd, with_body);
    close(fd);
    return answer;
  }
  std::string Ask(const std::string& method, const std::string& path) {
    return Exchange(
        absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        method != "HEAD");
  }
  std::string Body(const std::string& answer) {
    const size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
  }

  testing::TempDir dir_;
  const std::string root_ = dir_ / "public";
  testing::LogLedgerSet ledgers_;
  std::unique_ptr<RpcLog> log_;
  std::unique_ptr<TileServer> server_;
};

TEST_F(TileServerTest, ServesEachFileWithItsTypeAndItsAge) {
  const std::string checkpoint = Ask("GET", "/main/checkpoint");
  EXPECT_THAT(checkpoint, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(checkpoint, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(checkpoint, HasSubstr("Cache-Control: no-cache\r\n"));
  testing::LogLedger& main = *static_cast<testing::LogLedger*>(ledgers_.Find("main").value());
  EXPECT_EQ(Body(checkpoint), main.log.CheckpointAt(301));
  for (const char* path : {"tile/0/000", "tile/0/001.p/45", "tile/1/000.p/1", "tile/entries/000",
                           "tile/entries/001.p/45"}) {
    const std::string answer = Ask("GET", absl::StrCat("/main/", path));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200")) << path;
    EXPECT_THAT(answer, HasSubstr("Content-Type: application/octet-stream\r\n")) << path;
    EXPECT_THAT(answer, HasSubstr("immutable")) << path;
    EXPECT_EQ(Body(answer).size(), std::filesystem::file_size(root_ + "/main/" + path)) << path;
  }
  EXPECT_EQ(Body(Ask("HEAD", "/main/checkpoint")), "");
  EXPECT_THAT(Ask("HEAD", "/main/checkpoint"), StartsWith("HTTP/1.1 200"));
}

TEST_F(TileServerTest, NoOtherPathReachesAFile) {
  std::filesystem::create_symlink(root_ + "/secret", root_ + "/main/tile/0/002");
  for (const char* path : {"/",
                           "/main",
                           "/main/",
                           "/secret",
                           "/main/secret",
                           "/main/lock",
                           "//main/checkpoint",
                           "/main//checkpoint",
                           "/main/./checkpoint",
                           "/main/../main/checkpoint",
                           "/../secret",
                           "/main/tile/0/../../secret",
                           "/main/%2e%2e/secret",
                           "/..%2fsecret",
                           "/main/checkpoint/",
                           "/main/checkpoint%00",
                           "/main/tile/0/0",
                           "/main/tile/00/000",
                           "/main/tile/0/000.p/0",
                           "/main/tile/0/000.p/256",
                           "/main/tile/0/000.p/01",
                           "/main/tile/64/000",
                           "/main/tile/0/999",
                           "/MAIN/checkpoint",
                           "/other/checkpoint",
                           "/main/payload/000",
                           "*"}) {
    EXPECT_THAT(Ask("GET", path), ::testing::Not(StartsWith("HTTP/1.1 200"))) << path;
    EXPECT_THAT(Ask("GET", path), ::testing::Not(HasSubstr("not for the public"))) << path;
  }
  EXPECT_THAT(Ask("GET", "/main/tile/0/002"), StartsWith("HTTP/1.1 500")) << "a link";
  EXPECT_THAT(Ask("GET", "/main/tile/0/" + std::string(100'000, 'x')),
              ::testing::Not(StartsWith("HTTP/1.1 200")));
}

TEST_F(TileServerTest, OnlyReads) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    EXPECT_THAT(Ask(method, "/main/checkpoint"), StartsWith("HTTP/1.1 405")) << method;
  }
  EXPECT_THAT(Exchange("POST /main/checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n"
                       "\r\nsome of it"),
              StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Exchange("nonsense\r\n\r\n"), ::testing::Not(StartsWith("HTTP/1.1 200")));
}

TEST_F(TileServerTest, ManyRequestsOnOneConnection) {
  const int fd = Connect();
  for (int i = 0; i < 50; ++i) {
    Send(fd, "GET /main/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(Receive(fd), StartsWith("HTTP/1.1 200")) << i;
  }
  close(fd);
}

TEST_F(TileServerTest, TheBodyOfARefusedRequestIsNoRequest) {
  const std::string hidden = "GET /main/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string length = absl::StrCat("Content-Length: ", hidden.size());
  for (const std::string& body :
       {length, std::string("Transfer-Encoding: chunked"), "Content-Length: 0\r\n" + length}) {
    for (const char* method : {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}) {
      const int fd = Connect();
      Send(fd, absl::StrCat(method, " /main/checkpoint HTTP/1.1\r\nHost: x\r\n", body, "\r\n\r\n"));
      const std::string answer = Receive(fd);
      EXPECT_THAT(answer, ::testing::AnyOf(StartsWith("HTTP/1.1 400"), StartsWith("HTTP/1.1 405")));
      EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << "a proxy sends nothing more on it";
      // As late as a proxy may send it: the answer was there.
      (void)send(fd, hidden.data(), hidden.size(), MSG_NOSIGNAL);
      EXPECT_THAT(Receive(fd), ::testing::Not(HasSubstr("HTTP/1.1"))) << method << " " << body;
      close(fd);
    }
  }
}

TEST_F(TileServerTest, AnAddressThatIsTakenIsUnavailable) {
  EXPECT_EQ(TileServer::Start(root_, server_->address()).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace auditledger
