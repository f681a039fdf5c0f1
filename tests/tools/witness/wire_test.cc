// What a proxy that reuses connections, and a client that stalls, may send a witness's server.
//
// Covers: tools/witness_server
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "ledger/clock.h"
#include "tests/tools/witness/fixture.h"
#include "tools/witness_server.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class WitnessWireTest : public WitnessFixture {
 protected:
  void SetUp() override {
    WitnessFixture::SetUp();
    Serve();
  }
  void TearDown() override { Disconnect(); }
  void Serve() {
    Disconnect();
    absl::StatusOr<std::unique_ptr<WitnessServer>> started =
        WitnessServer::Start(options, *witness);
    ASSERT_OK(started);
    server = *std::move(started);
  }
  void Connect() {
    Disconnect();
    const std::string address = server->address();
    fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  void Disconnect() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  void SendBytes(const std::string& bytes) {
    (void)::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);  // it may have closed
  }
  // Until `end` was received, or the server closed.
  std::string ReceiveTo(const std::string& end) {
    std::string answer;
    char byte = 0;
    while (answer.find(end) == std::string::npos && ::recv(fd, &byte, 1, 0) == 1) answer += byte;
    return answer;
  }
  std::string ReceiveAll() {
    std::string answer;
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) == 1) answer += byte;
    return answer;
  }

  WitnessServerOptions options;
  std::unique_ptr<WitnessServer> server;
  int fd = -1;
};

// What comes after the answer must not be taken for another request: for a proxy that reuses the
// connection, its answer would be the next client's.
TEST_F(WitnessWireTest, ABodyThatComesLaterIsNoRequest) {
  const std::string hidden = "GET /metrics HTTP/1.1\r\nHost: evil\r\n\r\n";
  const std::string length = absl::StrCat("Content-Length: ", hidden.size());
  const std::vector<std::string> requests = {
      "GET /metrics HTTP/1.1\r\n" + length,
      "HEAD /metrics HTTP/1.1\r\n" + length,
      "GET /nowhere HTTP/1.1\r\n" + length,
      "GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked",
      "GET /metrics HTTP/1.1\r\nContent-Length: 0",
  };
  for (const std::string& request : requests) {
    Connect();
    SendBytes(request + "\r\nHost: x\r\n\r\n");
    const std::string head = ReceiveTo("\r\n\r\n");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 ")) << request;
    SendBytes(hidden);
    EXPECT_THAT(ReceiveAll(), Not(HasSubstr("HTTP/1.1"))) << request;
  }
}

TEST_F(WitnessWireTest, AQuestionWithABodyIsRefused) {
  const auto ask = [&](const std::string& request) {
    Connect();
    SendBytes(request + "\r\nHost: x\r\n\r\n");
    return ReceiveAll();
  };
  for (const char* bad : {"Content-Length: 1", "Content-Length: 00", "Content-Length: x",
                          "Transfer-Encoding: chunked", "Transfer-Encoding: identity",
                          "Content-Length: 0\r\nContent-Length: 5"}) {
    for (const char* method : {"GET", "HEAD"}) {
      EXPECT_THAT(ask(absl::StrCat(method, " /metrics HTTP/1.1\r\n", bad)),
                  StartsWith("HTTP/1.1 400"))
          << method << " " << bad;
    }
  }
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nContent-Length: 0"), StartsWith("HTTP/1.1 200"));
}

// Each reading comes `step` after the one before.
class SteppingClock : public Clock {
 public:
  explicit SteppingClock(uint64_t step) : step_(step) {}
  uint64_t WallMicros() override { return 0; }
  uint64_t MonotonicMicros() override { return now_ += step_; }

 private:
  const uint64_t step_;
  std::atomic<uint64_t> now_{1};
};

TEST_F(WitnessWireTest, ABodyHasAnEndInTime) {
  const std::string body = log.Request(0, 0, 8);
  const std::string head = absl::StrCat("POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n",
                                        "Content-Length: ", body.size(), "\r\n\r\n");
  const auto post = [&](Clock& time, const std::string& bytes) {
    options.clock = &time;
    Serve();
    Connect();
    SendBytes(bytes);
    return ReceiveAll();
  };
  SteppingClock late(kWitnessBodyMicros + 1);
  EXPECT_THAT(post(late, head + body), StartsWith("HTTP/1.1 408"));
  // A byte now and then: it is not waited for the rest.
  EXPECT_THAT(post(late, head + body.substr(0, 1)), StartsWith("HTTP/1.1 408"));
  EXPECT_EQ(KnownSize(), 0u);
  SteppingClock in_time(kWitnessBodyMicros);
  EXPECT_THAT(post(in_time, head + body), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace auditledger::testing
