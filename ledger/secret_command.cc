#include "ledger/secret_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

extern "C" {  // glibc 2.36 declares its functions as C++'s
#include <sys/pidfd.h>
}

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// A descriptor that is closed at its end.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { Close(); }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

absl::Status Failed(absl::string_view what, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("command: ", what));
}

// The process: killed and reaped at its end, unless it was seen to end.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    Reap();
  }
  pid_t pid() const { return pid_; }
  // REQUIRES: it is at its end, or will be.
  int Reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

// As a shell would start it: no signal blocked or ignored that this process blocks or ignores.
absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& words, int out) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (posix_spawn_file_actions_init(&actions) != 0) return Failed("start", ENOMEM);
  if (posix_spawnattr_init(&attributes) != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return Failed("start", ENOMEM);
  }
  sigset_t none;
  sigset_t pipe;
  sigemptyset(&none);
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  int error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &pipe);
  if (error == 0) {
    error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  pid_t pid = 0;
  if (error == 0) {
    error = ::posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Failed(absl::StrCat("start ", words[0]), error);
  return pid;
}

// Waits until `fd` has something to read, or is at its end.
absl::Status WaitReadable(int fd, SteadyTime deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wanted = {fd, POLLIN, 0};
    const int found = ::poll(&wanted, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (found > 0) return absl::OkStatus();
    if (found == 0) return absl::DeadlineExceededError("command: not at its end in time: killed");
    if (errno != EINTR) return Failed("poll", errno);
  }
}

absl::StatusOr<SecretString> ReadAll(int fd, size_t max_bytes, SteadyTime deadline) {
  std::string buffer(max_bytes + 1, '\0');
  size_t size = 0;
  absl::Status status;
  while (size <= max_bytes) {
    status = WaitReadable(fd, deadline);
    if (!status.ok()) break;
    const ssize_t count = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) status = Failed("read", errno);
    if (count <= 0) break;
    size += static_cast<size_t>(count);
  }
  const SecretString wiped(std::move(buffer));
  RETURN_IF_ERROR(status);
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("command: prints more than ", max_bytes, " bytes, a key is one line"));
  }
  return SecretString(std::string(wiped.Reveal().substr(0, size)));
}

}  // namespace

absl::StatusOr<SecretString> RunSecretCommand(const std::vector<std::string>& words,
                                              const SecretCommandLimits& limits) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + limits.deadline;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Failed("pipe", errno);
  const Descriptor in(ends[0]);
  Descriptor out(ends[1]);
  ASSIGN_OR_RETURN(const pid_t pid, Spawn(words, out.get()));
  Child child(pid);
  out.Close();
  const Descriptor watched(::pidfd_open(pid, 0));
  if (watched.get() < 0) return Failed("pidfd_open", errno);
  ASSIGN_OR_RETURN(SecretString text, ReadAll(in.get(), limits.max_bytes, deadline));
  RETURN_IF_ERROR(WaitReadable(watched.get(), deadline));
  const int status = child.Reap();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  return absl::FailedPreconditionError(
      WIFEXITED(status)
          ? absl::StrCat("command: ", words[0], " ended with exit code ", WEXITSTATUS(status))
          : absl::StrCat("command: ", words[0], " was ended by signal ", WTERMSIG(status)));
}

}  // namespace auditledger
