// The signer as a process: listens on a Unix socket, looks at who connects, answers questions
// (signer_protocol.h) from a folder of origins (signer_folder.h).
//
// Example:
//   ASSIGN_OR_RETURN(std::unique_ptr<SignerServer> server, SignerServer::Start(options));
//   ... until SIGTERM ...
//   server->Stop();
//
// Who is served: the process's own user, root, and who is named in `allowed_users`. Own user and
// root can read the key and the state as they lie on the disk, so that refusing them would protect
// nothing and lose `status`. Nobody else is served, whatever the socket's permissions say.
//
// A thread for each connection. One that stalls within a frame is cut off after `frame_timeout`;
// one that waits between questions may wait, but gives its place up when all are taken: the
// connection that has waited longest goes first, and its client connects again. So a client that
// sends rubbish, stalls or opens connections without end stops nobody else. While all are being
// answered (a token hangs) who comes is turned away: nobody waits for them but who asked.
//
// Thread-safety: Stop may be called by any thread.
#ifndef AUDITLEDGER_LEDGER_SIGNER_SERVER_H_
#define AUDITLEDGER_LEDGER_SIGNER_SERVER_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/mutex.h"
#include "ledger/signer_service.h"
#include "ledger/signer_socket.h"

namespace auditledger {

// As the daemon's for a failed sync: whoever watches both needs one number.
inline constexpr int kSignerSyncFailureExitCode = 70;

struct SignerServerOptions {
  std::string dir;
  std::string socket_path;
  std::vector<uid_t> allowed_users;
  // From a frame's first byte to its last, and for an answer to be taken: both fit a socket's
  // buffer and take microseconds.
  std::chrono::milliseconds frame_timeout{5000};
  // One a ledger is used (at most 100 in a daemon), a second while it connects again.
  size_t max_connections = 256;
  // A line for each thing an operator wants to know. May be called by many threads; never holds a
  // secret.
  std::function<void(absl::string_view line)> log = [](absl::string_view) {};
  // After the answer was sent that says so. Default: _exit(70). What the page cache shows of the
  // state may not be on the disk: only a new process that writes it once more is trusted.
  std::function<void()> on_sync_failure;
  // Tests put a crash between the state's write and the answer: false ends the connection instead.
  std::function<bool()> before_answer = [] { return true; };
};

class SignerServer {
 public:
  // FailedPrecondition for a folder that is open to others; errors of SignerListener::Listen.
  static absl::StatusOr<std::unique_ptr<SignerServer>> Start(SignerServerOptions options);
  ~SignerServer() { Stop(); }
  // Takes no more questions, finishes those under way. Idempotent.
  void Stop();

 private:
  struct Connection {
    explicit Connection(SignerSocket s) : socket(std::move(s)) {}
    SignerSocket socket;
    std::atomic<bool> busy{false};  // a question is being answered
    std::atomic<bool> done{false};  // its thread is at its end
    std::atomic<uint64_t> turn{0};  // when it was last answered, counted
    bool told_to_go = false;        // the accepting thread's
    std::thread thread;
  };

  SignerServer(SignerServerOptions options, SignerListener listener);
  void AcceptAll();
  void Admit(SignerSocket socket);
  bool IsAllowed(const SignerSocket& socket);
  // Joins the threads that are at their end.
  void Reap();
  // Does not wait until it is there. False when there is none to be made.
  bool MakeRoom();
  void Serve(Connection& connection);
  // False when the connection is over.
  bool ServeOne(Connection& connection);
  absl::StatusOr<SignerRequest> ReadQuestion(const SignerSocket& socket);
  void Send(const SignerSocket& socket, const SignerAnswer& answer);

  const SignerServerOptions options_;
  const uid_t own_user_;
  SignerListener listener_;
  SignerService service_;
  std::atomic<uint64_t> turns_{0};
  std::atomic<bool> stopping_{false};
  Mutex stop_mutex_;
  std::list<std::unique_ptr<Connection>> connections_;  // the accepting thread's, then Stop's
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNER_SERVER_H_
