#include "ledger/signer_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr int kBacklog = 64;  // connections not yet accepted; a ledger makes one
constexpr mode_t kSocketMode = 0660;

absl::Status Gone(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("the other end has gone (", what, ")"));
}

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  RETURN_IF_ERROR(CheckSocketPath(path));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

absl::StatusOr<SignerSocket> NewSocket(int flags = 0) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "socket");
  return SignerSocket(fd);
}

const sockaddr* Plain(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// 0, or errno; EAGAIN when as many wait as may.
int ConnectTo(int fd, const sockaddr_un& address) {
  while (::connect(fd, Plain(address), sizeof(address)) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

// Milliseconds for poll(2), rounded up so that it is not called again for a rest.
int PollTimeout(SocketDeadline deadline) {
  if (deadline == kNoSocketDeadline) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - SocketClock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
}

absl::Status Wait(int fd, short events, SocketDeadline deadline) {
  while (true) {
    pollfd wanted = {fd, events, 0};
    const int ready = ::poll(&wanted, 1, PollTimeout(deadline));
    if (ready > 0) return absl::OkStatus();
    if (ready == 0) return absl::DeadlineExceededError("no answer in time");
    if (errno != EINTR) return absl::ErrnoToStatus(errno, "poll");
  }
}

// Makes room where a listener was killed.
absl::Status RemoveStale(const std::string& path) {
  struct stat info = {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": is there and no socket"));
  }
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  ASSIGN_OR_RETURN(const SignerSocket probe, NewSocket(SOCK_NONBLOCK));
  const int refused = ConnectTo(probe.fd(), address);
  if (refused == 0 || refused == EAGAIN) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": another process listens there"));
  }
  if (refused != ECONNREFUSED) return absl::ErrnoToStatus(refused, path);
  if (::unlink(path.c_str()) != 0) return absl::ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSocketPath(absl::string_view path) {
  if (!absl::StartsWith(path, "/") || absl::StrContains(path, absl::string_view("\0", 1))) {
    return absl::InvalidArgumentError("a socket's path must be absolute");
  }
  if (path.size() <= kMaxSocketPathBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a socket's path has at most ", kMaxSocketPathBytes, " bytes"));
}

SignerSocket::~SignerSocket() {
  if (fd_ >= 0) ::close(fd_);
}

absl::StatusOr<SignerSocket> SignerSocket::Connect(const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  ASSIGN_OR_RETURN(SignerSocket socket, NewSocket(SOCK_NONBLOCK));
  const int refused = ConnectTo(socket.fd(), address);
  if (refused == 0) return socket;
  const std::string why = absl::StrCat("cannot connect to ", path, ": ", std::strerror(refused));
  if (refused == EACCES) return absl::PermissionDeniedError(why);
  return absl::UnavailableError(why);
}

absl::StatusOr<std::string> SignerSocket::Read(size_t count, SocketDeadline deadline) const {
  std::string out(count, '\0');
  size_t done = 0;
  while (done < count) {
    RETURN_IF_ERROR(Wait(fd_, POLLIN, deadline));
    const ssize_t got = ::recv(fd_, &out[done], count - done, MSG_DONTWAIT);
    if (got == 0) return Gone("end of stream");
    if (got > 0) {
      done += static_cast<size_t>(got);
    } else if (errno != EINTR && errno != EAGAIN) {
      return Gone(std::strerror(errno));
    }
  }
  return out;
}

absl::Status SignerSocket::Write(absl::string_view bytes, SocketDeadline deadline) const {
  while (!bytes.empty()) {
    RETURN_IF_ERROR(Wait(fd_, POLLOUT, deadline));
    const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
    } else if (errno != EINTR && errno != EAGAIN) {
      return Gone(std::strerror(errno));
    }
  }
  return absl::OkStatus();
}

absl::Status SignerSocket::WaitReadable(SocketDeadline deadline) const {
  return Wait(fd_, POLLIN, deadline);
}

absl::StatusOr<uid_t> SignerSocket::PeerUser() const {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd_, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || size != sizeof(peer)) {
    return absl::ErrnoToStatus(errno, "SO_PEERCRED");
  }
  return peer.uid;
}

void SignerSocket::Shutdown() const { ::shutdown(fd_, SHUT_RDWR); }

absl::StatusOr<SignerListener> SignerListener::Listen(const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  RETURN_IF_ERROR(RemoveStale(path));
  ASSIGN_OR_RETURN(SignerSocket socket, NewSocket());
  if (::bind(socket.fd(), Plain(address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot listen on ", path));
  }
  SignerListener listener(std::move(socket), path);
  // Nobody can connect before listen(2).
  if (::chmod(path.c_str(), kSocketMode) != 0 || ::listen(listener.socket_.fd(), kBacklog) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot listen on ", path));
  }
  return listener;
}

SignerListener::~SignerListener() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

absl::StatusOr<SignerSocket> SignerListener::Accept() const {
  while (true) {
    const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) return SignerSocket(fd);
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EINVAL) return absl::UnavailableError("not listening any more");
    return absl::ResourceExhaustedError(absl::StrCat("accept: ", std::strerror(errno)));
  }
}

}  // namespace auditledger
