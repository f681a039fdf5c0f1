// Accepts a listener's connections in gRPC's place, and hands over only as many as there is room
// for.
//
// gRPC 1.51's own listener ends for good when it is out of descriptors (CVE-2023-4785): 200 idle
// connections against a limit of 64, and nobody is served any more. Here a connection too many is
// closed at once, an accept that fails is tried again, and no address takes all places. Who hung up
// while waiting costs gRPC nothing: behind an edge each call that is reset at once leaves such a
// connection, thousands a second, and the queue of those that wait would be full of them.
//
// Example:
//   ASSIGN_OR_RETURN(auto guard, AcceptGuard::Listen("127.0.0.1:7443", limits, clock));
//   guard->Start([&](int listener, int fd) { ... });   // takes the descriptor
//   ...
//   guard->Stop();                                     // then shut the server down
//
// It does not look into connections. Who resets streams too fast is named to it (reset_watch.h),
// and it closes what that address has, whose connections it then refuses for kCutOffMs. What else
// is sent on a connection that was let in is gRPC's to bear: put the edge in front
// (tools/packaging/edge).
//
// That a connection ended is noticed without gRPC's help: its descriptor is closed, or is another
// file by now. Looked for where a place is missing, at most every kSweepMs.
// Thread-safety: Stop, stats and CutOff by any thread. Errors: InvalidArgument for an address that
// is none, Unavailable where nobody can listen.
#ifndef AUDITLEDGER_API_ACCEPT_GUARD_H_
#define AUDITLEDGER_API_ACCEPT_GUARD_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"

namespace auditledger {

class AcceptGuard {
 public:
  struct Limits {
    // In all; and never over half of the process's descriptors: then both numbers shrink alike.
    size_t connections = 0;
    size_t connections_per_address = 0;  // of IPv6, per /64: that is what a subscriber has
  };
  struct Stats {
    uint64_t accepted = 0;
    uint64_t refused_full = 0;     // over Limits::connections
    uint64_t refused_address = 0;  // over Limits::connections_per_address
    uint64_t refused_cut_off = 0;  // of an address that was cut off just before
    uint64_t gone = 0;             // hung up before their turn came
    uint64_t cut_off = 0;          // closed for their address
    uint64_t failed = 0;           // accept(2) failed: descriptors or memory were short
    size_t open = 0;               // as of the last look
  };
  // Takes over `fd`, accepted from `listener_fd`: non-blocking, closed on exec.
  using Handover = std::function<void(int listener_fd, int fd)>;
  // Addresses to cut off, as CountedAddress has them; asked every kResetLookMs, or less often where
  // that takes long.
  using Offenders = std::function<std::vector<std::string>(uint64_t now_us)>;

  // host:port, or unix:/path. All addresses of a name are listened at, with one port.
  static absl::StatusOr<std::unique_ptr<AcceptGuard>> Listen(const std::string& address,
                                                             Limits limits, Clock& clock);
  ~AcceptGuard() { Stop(); }

  int port() const { return port_; }  // 0 for a Unix socket
  void Start(Handover handover, Offenders offenders = nullptr);
  // Accepts no more. Connections handed over are not touched.
  void Stop();
  Stats stats() const;
  // Closes the connections of `address`, and refuses new ones for kCutOffMs.
  void CutOff(const std::string& address);

 private:
  struct Connection {
    ino_t inode = 0;  // tells a socket from what has its descriptor later
    std::string address;
    bool cut_off = false;
  };

  AcceptGuard(Limits limits, Clock& clock) : limits_(limits), clock_(clock) {}
  absl::Status ListenTcp(const std::string& address);
  absl::Status ListenUnix(const std::string& path);
  void Run();
  void Look();
  // False when the descriptors are short: nothing else can be accepted now either.
  bool AcceptFrom(int listener_fd);
  // Whether somebody waits at the other end, and there is a place for one more of that address.
  bool Admit(int fd, const std::string& address) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasPlace(const std::string& address) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsCutOff(const std::string& address) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Track(int fd, const std::string& address) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(int fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Sweep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Limits limits_;
  Clock& clock_;
  Handover handover_;
  Offenders offenders_;
  uint64_t next_look_us_ = 0;
  std::vector<int> listeners_;
  std::string unlink_;  // the Unix socket's path
  int port_ = 0;
  int stop_fd_ = -1;
  std::thread thread_;
  mutable Mutex mutex_;
  Stats stats_ ABSL_GUARDED_BY(mutex_);
  std::map<int, Connection> open_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, size_t> per_address_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t> cut_off_until_us_ ABSL_GUARDED_BY(mutex_);
  uint64_t swept_us_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What connections are counted by: an IPv4 address or an IPv6 /64, as access/caller_address.h
// writes them; "" for a Unix socket.
std::string CountedAddress(const sockaddr_storage& address);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCEPT_GUARD_H_
