#include "ledger/signer_server.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "ledger/signer_folder.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr int kPauseMillis = 100;  // when accepting fails, for a connection to give its own up

SignerAnswer ErrorAnswer(SignerError error, absl::string_view message) {
  SignerAnswer out;
  out.error = error;
  out.text = std::string(message);
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SignerServer>> SignerServer::Start(SignerServerOptions options) {
  RETURN_IF_ERROR(PrepareSignerFolder(options.dir));
  ASSIGN_OR_RETURN(SignerListener listener, SignerListener::Listen(options.socket_path));
  auto server =
      std::unique_ptr<SignerServer>(new SignerServer(std::move(options), std::move(listener)));
  const auto& log = server->options_.log;
  RETURN_IF_ERROR(
      server->service_.OpenAll([&](const std::string& origin, const absl::Status& problem) {
        log(absl::StrCat("cannot sign for ", origin, ": ", problem.message()));
      }));
  server->thread_ = std::thread([raw = server.get()] { raw->AcceptAll(); });
  return server;
}

SignerServer::SignerServer(SignerServerOptions options, SignerListener listener)
    : options_(std::move(options)),
      own_user_(::geteuid()),
      listener_(std::move(listener)),
      service_(options_.dir) {}

void SignerServer::Stop() {
  MutexLock one(stop_mutex_);
  if (!thread_.joinable()) return;
  stopping_ = true;
  listener_.Shutdown();
  thread_.join();
  for (const auto& connection : connections_) connection->socket.Shutdown();
  for (const auto& connection : connections_) connection->thread.join();
  connections_.clear();
}

void SignerServer::AcceptAll() {
  while (!stopping_) {
    absl::StatusOr<SignerSocket> socket = listener_.Accept();
    if (stopping_) return;
    if (socket.ok()) {
      Admit(*std::move(socket));
    } else {
      // No descriptor or no memory is left: a connection that waits gives its own up.
      options_.log(socket.status().message());
      Reap();
      MakeRoom();
      ::poll(nullptr, 0, kPauseMillis);
    }
  }
}

bool SignerServer::IsAllowed(const SignerSocket& socket) {
  const absl::StatusOr<uid_t> user = socket.PeerUser();
  const auto& allowed = options_.allowed_users;
  if (user.ok() && (*user == 0 || *user == own_user_ ||
                    std::find(allowed.begin(), allowed.end(), *user) != allowed.end())) {
    return true;
  }
  const std::string who = user.ok() ? absl::StrCat("user ", *user) : "a user not known";
  options_.log(absl::StrCat("refused a connection of ", who));
  Send(socket, ErrorAnswer(SignerError::kNotAllowed, absl::StrCat(who, " is not served")));
  return false;
}

void SignerServer::Admit(SignerSocket socket) {
  if (!IsAllowed(socket)) return;
  Reap();
  const size_t staying = std::count_if(connections_.begin(), connections_.end(),
                                       [](const auto& one) { return !one->told_to_go; });
  // One that was told to go may have been asked just then, and hang: so many threads and no more.
  const bool has_place = connections_.size() < 2 * options_.max_connections &&
                         (staying < options_.max_connections || MakeRoom());
  if (!has_place) return options_.log("turned a connection away: all are being answered");
  Connection& added = *connections_.emplace_back(std::make_unique<Connection>(std::move(socket)));
  added.turn = ++turns_;
  added.thread = std::thread([this, &added] { Serve(added); });
}

void SignerServer::Reap() {
  connections_.remove_if([](const std::unique_ptr<Connection>& connection) {
    if (connection->done) connection->thread.join();
    return connection->done.load();
  });
}

// Ends the connection that has waited longest.
bool SignerServer::MakeRoom() {
  Connection* oldest = nullptr;
  for (const auto& one : connections_) {
    if (one->told_to_go || one->busy) continue;
    if (oldest == nullptr || one->turn < oldest->turn) oldest = one.get();
  }
  if (oldest == nullptr) return false;
  oldest->told_to_go = true;
  oldest->socket.Shutdown();
  return true;
}

void SignerServer::Serve(Connection& connection) {
  while (!stopping_ && ServeOne(connection)) continue;
  connection.socket.Shutdown();
  connection.done = true;
}

bool SignerServer::ServeOne(Connection& connection) {
  const SignerSocket& socket = connection.socket;
  if (!socket.WaitReadable(kNoSocketDeadline).ok()) return false;
  const absl::StatusOr<SignerRequest> question = ReadQuestion(socket);
  if (!question.ok()) {
    if (!absl::IsInvalidArgument(question.status())) return false;
    options_.log(absl::StrCat("refused a malformed question: ", question.status().message()));
    Send(socket, ErrorAnswer(SignerError::kMalformed, question.status().message()));
    return false;
  }
  connection.busy = true;
  const SignerAnswer answer = service_.Answer(*question);
  if (answer.type == SignerMessage::kError) {
    options_.log(absl::StrCat(absl::CHexEscape(question->origin), ": ", answer.text));
  }
  if (!options_.before_answer()) return false;
  Send(socket, answer);
  if (answer.type == SignerMessage::kError && answer.error == SignerError::kSyncFailed) {
    if (!options_.on_sync_failure) _exit(kSignerSyncFailureExitCode);
    options_.on_sync_failure();
  }
  connection.turn = ++turns_;
  connection.busy = false;
  return true;
}

absl::StatusOr<SignerRequest> SignerServer::ReadQuestion(const SignerSocket& socket) {
  const SocketDeadline deadline = SocketClock::now() + options_.frame_timeout;
  ASSIGN_OR_RETURN(const std::string bytes, socket.Read(kSignerFrameHeaderBytes, deadline));
  ASSIGN_OR_RETURN(const SignerFrameHeader header, ParseSignerFrameHeader(bytes));
  ASSIGN_OR_RETURN(const std::string body, socket.Read(header.body_bytes, deadline));
  return ParseSignerRequest(header.type, body);
}

void SignerServer::Send(const SignerSocket& socket, const SignerAnswer& answer) {
  // Who does not take it asks again.
  socket.Write(EncodeSignerAnswer(answer), SocketClock::now() + options_.frame_timeout)
      .IgnoreError();
}

}  // namespace auditledger
