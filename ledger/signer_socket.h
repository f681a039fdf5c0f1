// Stream sockets on this machine, as ledger and signer speak over them: whole reads and writes with
// a deadline, and who is at the other end.
//
// Example:
//   ASSIGN_OR_RETURN(SignerSocket socket, SignerSocket::Connect("/run/signer/socket"));
//   const SocketDeadline deadline = SocketClock::now() + std::chrono::seconds(5);
//   RETURN_IF_ERROR(socket.Write(question, deadline));
//   ASSIGN_OR_RETURN(const std::string header, socket.Read(8, deadline));
//
// Thread-safety: one thread, but for Shutdown, which others may call while the object lives.
// Errors: Unavailable when the other end is not there or has gone, DeadlineExceeded,
// InvalidArgument for a path that no socket can have.
#ifndef AUDITLEDGER_LEDGER_SIGNER_SOCKET_H_
#define AUDITLEDGER_LEDGER_SIGNER_SOCKET_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

using SocketClock = std::chrono::steady_clock;
using SocketDeadline = SocketClock::time_point;
inline constexpr SocketDeadline kNoSocketDeadline = SocketDeadline::max();
inline constexpr size_t kMaxSocketPathBytes = 107;  // sockaddr_un's 108 and its final zero

// InvalidArgument unless `path` is absolute and fits.
absl::Status CheckSocketPath(absl::string_view path);

class SignerSocket {
 public:
  explicit SignerSocket(int fd) : fd_(fd) {}
  SignerSocket(SignerSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  SignerSocket& operator=(SignerSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~SignerSocket();

  // Never waits: Unavailable when nobody listens, or too many wait already. PermissionDenied when
  // the socket or a folder on the way is closed to this user.
  static absl::StatusOr<SignerSocket> Connect(const std::string& path);

  // Exactly `count` bytes. Unavailable when the stream ends before.
  absl::StatusOr<std::string> Read(size_t count, SocketDeadline deadline) const;
  absl::Status Write(absl::string_view bytes, SocketDeadline deadline) const;
  // Waits for the first byte of what comes next, which is not taken.
  absl::Status WaitReadable(SocketDeadline deadline) const;
  // The user of the process that connected, as of then and as this user namespace sees it.
  absl::StatusOr<uid_t> PeerUser() const;
  // Ends what another thread waits for, here and at the other end.
  void Shutdown() const;
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// Listens on a path, which it removes at its end.
class SignerListener {
 public:
  // What is left of a process that was killed is replaced. AlreadyExists when somebody listens
  // there, or it is no socket. The socket has mode 0660: who may reach it is for its folder and
  // group to say, who is served for SignerSocket::PeerUser.
  static absl::StatusOr<SignerListener> Listen(const std::string& path);
  SignerListener(SignerListener&& other) noexcept
      : socket_(std::move(other.socket_)), path_(std::exchange(other.path_, "")) {}
  ~SignerListener();

  // Blocks. Unavailable once Shutdown was called; any other error passes (descriptors, memory).
  absl::StatusOr<SignerSocket> Accept() const;
  void Shutdown() const { socket_.Shutdown(); }

 private:
  SignerListener(SignerSocket socket, std::string path)
      : socket_(std::move(socket)), path_(std::move(path)) {}
  SignerSocket socket_;
  std::string path_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNER_SOCKET_H_
