#include "api/accept_guard.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/access/caller_address.h"
#include "api/limits.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr absl::string_view kUnixPrefix = "unix:";
constexpr int kMaxDiscards = 16;

size_t DescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

struct AddressesDeleter {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, AddressesDeleter>;

absl::StatusOr<Addresses> Resolve(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return absl::InvalidArgumentError("address: must be host:port");
  std::string host = address.substr(0, colon);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]"))
    host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0)
    return absl::UnavailableError("address: its host is not known");
  return Addresses(found);
}

void SetPort(sockaddr* address, int port) {
  const in_port_t in_order = htons(static_cast<uint16_t>(port));
  if (address->sa_family == AF_INET) reinterpret_cast<sockaddr_in*>(address)->sin_port = in_order;
  if (address->sa_family == AF_INET6)
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = in_order;
}

int PortOf(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  if (bound.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  return ntohs(reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port);
}

// A listening socket, or -1 with errno.
int BindAndListen(const sockaddr* address, socklen_t size) {
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  const int off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // [::] is every address of both families, as gRPC has it.
  if (address->sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (bind(fd, address, size) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

// Throws away what has come on a connection. Bounded: somebody may be sending still.
void Discard(int fd) {
  constexpr size_t kAll = 1 << 30;
  for (int i = 0; i < kMaxDiscards; ++i)
    if (recv(fd, nullptr, kAll, MSG_TRUNC | MSG_DONTWAIT) <= 0) return;
}

// What this thread has used: under an attack it waits for its turn, which is no reason to look
// less.
uint64_t ProcessorMicros() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<uint64_t>(used.tv_sec) * 1'000'000 +
         static_cast<uint64_t>(used.tv_nsec) / 1000;
}

// Nobody waits at the other end any more.
bool HasHungUp(int fd) {
  pollfd wanted{fd, POLLRDHUP, 0};
  return poll(&wanted, 1, 0) == 1;
}

ino_t InodeOf(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

}  // namespace

std::string CountedAddress(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  const void* bytes = nullptr;
  if (address.ss_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (address.ss_family == AF_INET6)
    bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (bytes == nullptr) return "";
  return AddressOfText(inet_ntop(address.ss_family, bytes, text, sizeof(text)));
}

absl::StatusOr<std::unique_ptr<AcceptGuard>> AcceptGuard::Listen(const std::string& address,
                                                                 Limits limits, Clock& clock) {
  // Where there are fewer places, the share of an address is smaller too.
  const size_t places = std::min(limits.connections, DescriptorLimit() / 2);
  if (places < limits.connections) {
    limits.connections_per_address =
        std::max<size_t>(1, limits.connections_per_address * places / limits.connections);
    limits.connections = places;
  }
  std::unique_ptr<AcceptGuard> guard(new AcceptGuard(limits, clock));
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, kUnixPrefix)) {
    RETURN_IF_ERROR(guard->ListenUnix(std::string(path)));
  } else {
    RETURN_IF_ERROR(guard->ListenTcp(address));
  }
  guard->stop_fd_ = eventfd(0, EFD_CLOEXEC);
  if (guard->stop_fd_ < 0) return absl::UnavailableError("out of descriptors");
  return guard;
}

absl::Status AcceptGuard::ListenTcp(const std::string& address) {
  ASSIGN_OR_RETURN(const Addresses found, Resolve(address));
  for (addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    if (port_ != 0) SetPort(one->ai_addr, port_);
    const int fd = BindAndListen(one->ai_addr, one->ai_addrlen);
    // A family that this machine does not have; another's port is not to be shared with anybody.
    if (fd < 0 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)) continue;
    if (fd < 0) return absl::UnavailableError(absl::StrCat("address: ", std::strerror(errno)));
    listeners_.push_back(fd);
    port_ = PortOf(fd);
  }
  if (listeners_.empty()) return absl::UnavailableError("address: is none of this machine's");
  return absl::OkStatus();
}

absl::Status AcceptGuard::ListenUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return absl::InvalidArgumentError("address: a socket's path has at most 107 bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  struct stat info {};
  // What a process that was killed has left behind.
  if (lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) unlink(path.c_str());
  const int fd = BindAndListen(reinterpret_cast<sockaddr*>(&address), sizeof(address));
  if (fd < 0) return absl::UnavailableError(absl::StrCat("address: ", std::strerror(errno)));
  listeners_.push_back(fd);
  unlink_ = path;
  return absl::OkStatus();
}

void AcceptGuard::Start(Handover handover, Offenders offenders) {
  handover_ = std::move(handover);
  offenders_ = std::move(offenders);
  thread_ = std::thread([this] { Run(); });
}

void AcceptGuard::Stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    while (write(stop_fd_, &one, sizeof(one)) < 0 && errno == EINTR) continue;
    thread_.join();
  }
  for (const int fd : listeners_) close(fd);
  listeners_.clear();
  if (stop_fd_ >= 0) close(std::exchange(stop_fd_, -1));
  if (!unlink_.empty()) unlink(std::exchange(unlink_, "").c_str());
}

AcceptGuard::Stats AcceptGuard::stats() const {
  MutexLock lock(mutex_);
  Stats out = stats_;
  out.open = open_.size();
  return out;
}

void AcceptGuard::Run() {
  std::vector<pollfd> wanted = {{stop_fd_, POLLIN, 0}};
  for (const int fd : listeners_) wanted.push_back({fd, POLLIN, 0});
  bool short_of_descriptors = false;
  while (true) {
    // While nothing can be accepted the listeners would be ready all the time: only the stop
    // counts.
    const nfds_t count = short_of_descriptors ? 1 : wanted.size();
    const int longest_ms = offenders_ == nullptr ? -1 : static_cast<int>(kResetLookMs);
    const int ready =
        poll(wanted.data(), count, short_of_descriptors ? kAcceptPauseMs : longest_ms);
    if (ready > 0 && wanted[0].revents != 0) return;
    Look();
    if (ready < 0 && errno != EINTR) short_of_descriptors = true;
    if (short_of_descriptors) {
      short_of_descriptors = false;
      continue;
    }
    for (size_t i = 1; ready > 0 && i < wanted.size(); ++i) {
      if (wanted[i].revents != 0 && !AcceptFrom(wanted[i].fd)) short_of_descriptors = true;
    }
  }
}

void AcceptGuard::Look() {
  const uint64_t now = clock_.MonotonicMicros();
  if (offenders_ == nullptr || now < next_look_us_) return;
  const uint64_t began = ProcessorMicros();
  for (const std::string& address : offenders_(now)) CutOff(address);
  const uint64_t took = ProcessorMicros() - began;
  next_look_us_ = now + std::max(kResetLookMs * 1000, kLookPart * took);
}

void AcceptGuard::CutOff(const std::string& address) {
  const uint64_t now = clock_.MonotonicMicros();
  MutexLock lock(mutex_);
  for (auto it = cut_off_until_us_.begin(); it != cut_off_until_us_.end();)
    it = it->second <= now ? cut_off_until_us_.erase(it) : std::next(it);
  cut_off_until_us_[address] = now + kCutOffMs * 1000;
  for (auto& [fd, connection] : open_) {
    if (connection.address != address || connection.cut_off) continue;
    // gRPC may close it at any moment, and the number be another file's: a number of our own stays
    // with the file that it was made of.
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) continue;
    connection.cut_off = InodeOf(own) == connection.inode && shutdown(own, SHUT_RDWR) == 0;
    stats_.cut_off += connection.cut_off ? 1 : 0;
    // What it has sent already, up to megabytes, shall not be read.
    if (connection.cut_off) Discard(own);
    close(own);
  }
}

bool AcceptGuard::AcceptFrom(int listener_fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  const int fd =
      accept4(listener_fd, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return true;
    MutexLock lock(mutex_);
    ++stats_.failed;
    return false;
  }
  const std::string address = CountedAddress(peer);
  {
    MutexLock lock(mutex_);
    Forget(fd);
    if (!Admit(fd, address)) {
      close(fd);
      return true;
    }
    Track(fd, address);
    ++stats_.accepted;
  }
  const int on = 1;
  if (!address.empty()) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  handover_(listener_fd, fd);
  return true;
}

bool AcceptGuard::IsCutOff(const std::string& address) const {
  const auto found = cut_off_until_us_.find(address);
  return found != cut_off_until_us_.end() && clock_.MonotonicMicros() < found->second;
}

bool AcceptGuard::Admit(int fd, const std::string& address) {
  if (IsCutOff(address)) {
    ++stats_.refused_cut_off;
    return false;
  }
  if (HasHungUp(fd)) {
    ++stats_.gone;
    return false;
  }
  if (!HasPlace(address)) Sweep();
  if (HasPlace(address)) return true;
  ++(open_.size() >= limits_.connections ? stats_.refused_full : stats_.refused_address);
  return false;
}

bool AcceptGuard::HasPlace(const std::string& address) const {
  if (open_.size() >= limits_.connections) return false;
  const auto found = per_address_.find(address);
  return address.empty() || found == per_address_.end() ||
         found->second < limits_.connections_per_address;
}

void AcceptGuard::Track(int fd, const std::string& address) {
  open_[fd] = {InodeOf(fd), address, false};
  ++per_address_[address];
}

void AcceptGuard::Forget(int fd) {
  const auto found = open_.find(fd);
  if (found == open_.end()) return;
  const auto count = per_address_.find(found->second.address);
  if (--count->second == 0) per_address_.erase(count);
  open_.erase(found);
}

void AcceptGuard::Sweep() {
  const uint64_t now = clock_.MonotonicMicros();
  if (swept_us_ != 0 && now - swept_us_ < kSweepMs * 1000) return;
  swept_us_ = now;
  std::vector<int> ended;
  for (const auto& [fd, connection] : open_) {
    if (InodeOf(fd) != connection.inode) ended.push_back(fd);
  }
  for (const int fd : ended) Forget(fd);
}

}  // namespace auditledger
