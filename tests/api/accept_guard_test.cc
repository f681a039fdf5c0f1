// Who gets a connection, and that the listener outlives a flood of them.
//
// Covers: api/listener_server
#include "api/accept_guard.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <set>

#include "api/client/channel.h"
#include "api/client/dev_certs.h"
#include "api/limits.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::Eventually;
using ::testing::HasSubstr;
using testing::StatusIs;

// A descriptor that is closed at the end.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

sockaddr_in Loopback(const char* address, int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address, &out.sin_addr);
  return out;
}

Fd Connect(int port, const char* from = "127.0.0.1") {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in source = Loopback(from, 0);
  const sockaddr_in target = Loopback("127.0.0.1", port);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&source), sizeof(source)), 0);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&target), sizeof(target)), 0);
  return fd;
}

Fd ConnectUnix(const std::string& path) {
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

// Whether the other side closes the connection within ten seconds.
bool IsClosed(const Fd& fd) {
  pollfd wanted{fd.get(), POLLIN, 0};
  char byte = 0;
  return poll(&wanted, 1, 10'000) == 1 && recv(fd.get(), &byte, 1, 0) <= 0;
}

class AcceptGuardTest : public ::testing::Test {
 protected:
  void Start(AcceptGuard::Limits limits, const std::string& address = "127.0.0.1:0") {
    Listen(limits, address);
    Accept();
  }
  void Listen(AcceptGuard::Limits limits, const std::string& address) {
    guard_ = AcceptGuard::Listen(address, limits, clock_).value();
  }
  void Accept() {
    guard_->Start(
        [this](int, int fd) {
          MutexLock lock(mutex_);
          taken_.emplace_back(fd);
        },
        [this](uint64_t) { return offenders_; });
  }
  ~AcceptGuardTest() override {
    if (guard_ != nullptr) guard_->Stop();
  }
  bool Taken(size_t count) {
    return Eventually([&] {
      MutexLock lock(mutex_);
      return taken_.size() == count;
    });
  }
  // As gRPC does when a connection ends.
  void CloseOne() {
    MutexLock lock(mutex_);
    taken_.pop_back();
  }

  // The system's, and what a test adds to it.
  class ShiftedClock : public Clock {
   public:
    uint64_t WallMicros() override { return Clock::System().WallMicros(); }
    uint64_t MonotonicMicros() override {
      return Clock::System().MonotonicMicros() + shift_us.load();
    }
    std::atomic<uint64_t> shift_us{0};
  };

  ShiftedClock clock_;
  std::vector<std::string> offenders_;  // set before Start
  std::unique_ptr<AcceptGuard> guard_;
  Mutex mutex_;
  std::vector<Fd> taken_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(AcceptGuardTest, TakesAsManyAsThereAreAndClosesWhatIsOver) {
  Start({.connections = 3, .connections_per_address = 10});
  std::vector<Fd> held;
  for (int i = 0; i < 3; ++i) held.push_back(Connect(guard_->port()));
  ASSERT_TRUE(Taken(3));
  EXPECT_TRUE(IsClosed(Connect(guard_->port(), "127.0.0.2"))) << "another address: it is full";
  EXPECT_EQ(guard_->stats().refused_full, 1u);
  EXPECT_EQ(guard_->stats().accepted, 3u);
  EXPECT_EQ(guard_->stats().open, 3u);
}

TEST_F(AcceptGuardTest, AnAddressGetsItsShareAndNoMore) {
  Start({.connections = 10, .connections_per_address = 2});
  const Fd first = Connect(guard_->port());
  const Fd second = Connect(guard_->port());
  ASSERT_TRUE(Taken(2));
  EXPECT_TRUE(IsClosed(Connect(guard_->port())));
  EXPECT_EQ(guard_->stats().refused_address, 1u);
  const Fd other = Connect(guard_->port(), "127.0.0.2");
  EXPECT_TRUE(Taken(3)) << "others are not its concern";
}

TEST_F(AcceptGuardTest, APlaceIsFreeAgainOnceItsConnectionEnded) {
  Start({.connections = 2, .connections_per_address = 2});
  const Fd first = Connect(guard_->port());
  const Fd second = Connect(guard_->port());
  ASSERT_TRUE(Taken(2));
  CloseOne();
  // The place is looked for at most every kSweepMs: until then a newcomer is refused.
  EXPECT_TRUE(Eventually([&] {
    const Fd again = Connect(guard_->port());
    pollfd wanted{again.get(), POLLIN, 0};
    return poll(&wanted, 1, 1) == 0;
  }));
  EXPECT_LE(guard_->stats().open, 2u);
}

TEST_F(AcceptGuardTest, ADescriptorThatIsAnotherFileByNowIsNoConnection) {
  Start({.connections = 1, .connections_per_address = 1});
  const Fd first = Connect(guard_->port());
  ASSERT_TRUE(Taken(1));
  int reused = -1;
  {
    MutexLock lock(mutex_);
    reused = taken_.back().get();
    // The number stays in use, for something else.
    ASSERT_EQ(dup2(STDERR_FILENO, reused), reused);
  }
  EXPECT_TRUE(Eventually([&] {
    const Fd again = Connect(guard_->port());
    pollfd wanted{again.get(), POLLIN, 0};
    return poll(&wanted, 1, 1) == 0;
  }));
}

TEST_F(AcceptGuardTest, OutlivesThatThereAreNoDescriptors) {
  Start({.connections = 100, .connections_per_address = 100});
  // A guard at work: UBSan's check of an object's type, made once for each type, takes a
  // descriptor.
  const Fd first = Connect(guard_->port());
  ASSERT_TRUE(Taken(1));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<Fd> waiting;
  for (int i = 0; i < 3; ++i) {  // made before, for this process is on both sides
    waiting.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }
  // Nothing at or above the lowest free number may be opened.
  const int lowest = dup(STDERR_FILENO);
  close(lowest);
  const rlimit none{static_cast<rlim_t>(lowest), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const sockaddr_in target = Loopback("127.0.0.1", guard_->port());
  for (const Fd& fd : waiting) {
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&target), sizeof(target)), 0);
  }
  EXPECT_TRUE(Eventually([&] { return guard_->stats().failed >= 2; })) << "and tries again";
  EXPECT_TRUE(Taken(1));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(Taken(4)) << "those that waited are served";
}

TEST_F(AcceptGuardTest, LeavesHalfOfTheDescriptorsToTheLedgers) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{64, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  auto guard = AcceptGuard::Listen("127.0.0.1:0", {1000, 1000}, Clock::System());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  guard_ = *std::move(guard);
  guard_->Start([this](int, int fd) {
    MutexLock lock(mutex_);
    taken_.emplace_back(fd);
  });
  std::vector<Fd> held;
  for (int i = 0; i < 32; ++i) held.push_back(Connect(guard_->port()));
  ASSERT_TRUE(Taken(32));
  EXPECT_TRUE(IsClosed(Connect(guard_->port())));
}

// An edge leaves one for each call that its client cancels at once: 22,000 in 1.5 s, against which
// gRPC alone was so slow that the queue filled and good calls found no place in it.
TEST_F(AcceptGuardTest, WhoHungUpBeforeTheirTurnIsNotHandedOver) {
  const testing::TempDir dir;
  for (const std::string& address : {dir.path() + "/socket", std::string()}) {
    SCOPED_TRACE(address);
    const bool unix_socket = !address.empty();
    Listen({.connections = 3, .connections_per_address = 3},
           unix_socket ? "unix:" + address : "127.0.0.1:0");
    const auto connect = [&] {
      return unix_socket ? ConnectUnix(address) : Connect(guard_->port());
    };
    for (int i = 0; i < 10; ++i) {
      const Fd gone = connect();
      EXPECT_EQ(send(gone.get(), "PRI * HTTP/2.0", 14, 0), 14) << "a call came before";
    }
    const Fd waits = connect();
    Accept();
    EXPECT_TRUE(Taken(1));
    EXPECT_EQ(guard_->stats().gone, 10u);
    EXPECT_EQ(guard_->stats().accepted, 1u);
    guard_->Stop();
    CloseOne();
  }
}

TEST_F(AcceptGuardTest, UnixSocketsAreCountedInAll) {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/socket";
  Start({.connections = 2, .connections_per_address = 1}, "unix:" + path);
  const Fd first = ConnectUnix(path);
  const Fd second = ConnectUnix(path);
  ASSERT_TRUE(Taken(2)) << "an edge is one peer";
  EXPECT_TRUE(IsClosed(ConnectUnix(path)));
  guard_->Stop();
  struct stat info {};
  EXPECT_NE(stat(path.c_str(), &info), 0) << "it takes its file along";
}

TEST_F(AcceptGuardTest, WhoIsCutOffLosesItsConnectionsAndComesBackLater) {
  Start({.connections = 10, .connections_per_address = 10});
  const Fd bad = Connect(guard_->port(), "127.0.0.2");
  const Fd good = Connect(guard_->port());
  ASSERT_TRUE(Taken(2));
  guard_->CutOff("127.0.0.2");
  EXPECT_TRUE(IsClosed(bad));
  EXPECT_EQ(guard_->stats().cut_off, 1u);
  EXPECT_TRUE(IsClosed(Connect(guard_->port(), "127.0.0.2")));
  EXPECT_EQ(guard_->stats().refused_cut_off, 1u);
  const Fd other = Connect(guard_->port());
  EXPECT_TRUE(Taken(3)) << "others are not its concern";
  clock_.shift_us = kCutOffMs * 1000;
  const Fd again = Connect(guard_->port(), "127.0.0.2");
  EXPECT_TRUE(Taken(4));
}

TEST_F(AcceptGuardTest, CuttingOffClosesNoFileThatHasTheNumberByNow) {
  Start({.connections = 10, .connections_per_address = 10});
  const Fd first = Connect(guard_->port());
  ASSERT_TRUE(Taken(1));
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const Fd other_end(pair[0]);
  {
    MutexLock lock(mutex_);
    const int reused = taken_.back().get();
    ASSERT_EQ(dup2(pair[1], reused), reused);
    close(pair[1]);
  }
  guard_->CutOff("127.0.0.1");
  EXPECT_EQ(guard_->stats().cut_off, 0u);
  EXPECT_EQ(send(other_end.get(), "x", 1, MSG_NOSIGNAL), 1) << "it is open";
}

TEST_F(AcceptGuardTest, AsksWhomToCutOff) {
  offenders_ = {"127.0.0.1"};
  Start({.connections = 10, .connections_per_address = 10});
  EXPECT_TRUE(Eventually([&] {
    const Fd mine = Connect(guard_->port());
    return guard_->stats().refused_cut_off > 0;
  }));
}

TEST_F(AcceptGuardTest, AddressesThatCannotBeListenedAtAreSaid) {
  Start({.connections = 2, .connections_per_address = 1});
  const auto listen = [](const std::string& address) {
    return AcceptGuard::Listen(address, {1, 1}, Clock::System()).status();
  };
  EXPECT_THAT(listen("127.0.0.1:" + std::to_string(guard_->port())),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("in use")));
  EXPECT_THAT(listen("192.0.2.1:0"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(listen("no such host:0"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(listen("nowhere"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(listen("unix:/" + std::string(108, 'a')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(listen("unix:/absent/socket"), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(CountedAddress, IsAnAddressOfFourOrASubnetOfSix) {
  const auto of = [](int family, const char* text) {
    sockaddr_storage out{};
    out.ss_family = static_cast<sa_family_t>(family);
    void* bytes = family == AF_INET
                      ? static_cast<void*>(&reinterpret_cast<sockaddr_in&>(out).sin_addr)
                      : static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(out).sin6_addr);
    EXPECT_EQ(inet_pton(family, text, bytes), 1);
    return CountedAddress(out);
  };
  EXPECT_EQ(of(AF_INET, "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(of(AF_INET6, "2001:db8::1"), "2001:db8::/64");
  EXPECT_EQ(of(AF_INET6, "::ffff:192.0.2.1"), of(AF_INET, "192.0.2.1"));
  EXPECT_EQ(of(AF_INET6, "2001:db8::1"), of(AF_INET6, "2001:db8::ffff:1"));
  EXPECT_NE(of(AF_INET6, "2001:db8::1"), of(AF_INET6, "2001:db8:0:1::1"));
  sockaddr_storage local{};
  local.ss_family = AF_UNIX;
  EXPECT_EQ(CountedAddress(local), "");
}

// The guard within a server.
class GuardedServerTest : public ::testing::Test {
 protected:
  GuardedServerTest() {
    EXPECT_OK(MakeDevCa(certs_));
    EXPECT_OK(MakeDevServerCert(certs_, "server"));
    EXPECT_OK(MakeDevServerCert(certs_, "other"));
    EXPECT_OK(MakeDevClientCert(certs_, "ehr", {"spiffe://hospital.example/ehr"}));
  }
  void Listen(config::v1::Config& config) {
    config::v1::Listener* tls = config.add_listeners();
    tls->set_name("tls");
    tls->set_address("127.0.0.1:0");
    tls->mutable_tls()->set_certificate_file(certs_ + "/server.pem");
    tls->mutable_tls()->set_private_key_file(certs_ + "/server.key");
    tls->mutable_tls()->set_client_ca_file(certs_ + "/ca.pem");
  }
  absl::Status Call(const std::string& address) {
    const auto channel =
        TlsChannel({address, certs_ + "/ca.pem", certs_ + "/ehr.pem", certs_ + "/ehr.key"});
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::ListLedgersResponse response;
    return FromGrpc(v1::LedgerService::NewStub(*channel)->ListLedgers(&context, {}, &response));
  }

  testing::TempDir dir_;
  const std::string certs_ = dir_.path() + "/certs";
  testing::FakeLedgerSet ledgers_;
};

TEST_F(GuardedServerTest, WhoIsSilentIsClosedAndWhoIsOverIsRefusedWhileOthersAreServed) {
  testing::ServerUnderTest server(ledgers_, [&](config::v1::Config& config) {
    Listen(config);
    config.mutable_limits()->set_handshake_timeout_ms(300);
    config.mutable_limits()->set_max_connections_per_address(5);
  });
  const std::string address = server.server().listeners().back().address;
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  std::vector<Fd> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(Connect(port, "127.0.0.2"));
  EXPECT_THAT(Call(address), StatusIs(absl::StatusCode::kPermissionDenied))
      << "an answer, though this certificate may do nothing";
  for (const Fd& fd : silent) EXPECT_TRUE(IsClosed(fd));
  EXPECT_EQ(server.Metric("auditledger_connections_total{listener=\"tls\",outcome="
                          "\"refused_address\"} "),
            3);
  EXPECT_GE(server.Metric("auditledger_connections_total{listener=\"tls\",outcome=\"accepted\"} "),
            6);
}

TEST_F(GuardedServerTest, WhoOpensCallsOnlyToCancelThemIsCutOff) {
  testing::ServerUnderTest server(ledgers_, [&](config::v1::Config& config) { Listen(config); });
  const std::string address = server.server().listeners().back().address;
  const auto channel =
      TlsChannel({address, certs_ + "/ca.pem", certs_ + "/ehr.pem", certs_ + "/ehr.key"});
  const auto stub = v1::LedgerService::NewStub(*channel);
  const auto metric = [&](const char* outcome) {
    return server.Metric(
        absl::StrCat("auditledger_connections_total{listener=\"tls\",outcome=\"", outcome, "\"} "));
  };
  EXPECT_TRUE(Eventually([&] {
    for (int i = 0; i < 500; ++i) {
      grpc::ClientContext context;
      const auto stream = stub->AppendEventStream(&context);
      context.TryCancel();
      stream->Finish();
    }
    return metric("cut_off") >= 1;
  }));
  EXPECT_THAT(Call(address), StatusIs(absl::StatusCode::kUnavailable)) << "for a while";
  EXPECT_TRUE(Eventually([&] { return metric("refused_cut_off") >= 1; }));
}

}  // namespace
}  // namespace auditledger
