// Where an issuer's keys come from, kept current off the call path: a file that is read again when
// it changes, or an https URL that is asked again and again.
//
//   file   looked at each kJwksTick; read when its name, time or size changed
//   url    asked each kJwksRefresh; sooner, but at most once in kJwksUnknownKeyInterval, when a
//          token names a key that is not there (an issuer has rotated); after a failure again in
//          kJwksFirstRetry, then twice as long each time, at most kJwksRefresh
//
// What fails changes nothing: the last good keys stay. Those of a URL are given up after
// kJwksMaxAge, so that a key which its issuer withdrew is not believed for ever by a server that
// was cut off. A file that comes to hold no key ({"keys":[]}) withdraws all; a URL's is a fault.
//
// Example:
//   ASSIGN_OR_RETURN(auto source, JwksSource::Open(options, clock, log));
//   source->Start();
//   ... source->keys() ...          // never waits for the network
//
// Thread-safety: all methods but Start and Stop. `clock` and `log` must outlive it.
// Errors: Open gives InvalidArgument for a file that cannot be used. A URL may fail later: log
// token_keys_failed, metric auditledger_token_keys_failing.
#ifndef AUDITLEDGER_API_ACCESS_JWKS_SOURCE_H_
#define AUDITLEDGER_API_ACCESS_JWKS_SOURCE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/access/jwks_keys.h"
#include "api/access/watched_file.h"
#include "api/http_transport.h"
#include "api/notification.h"
#include "api/rpc_log.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"

namespace auditledger {

inline constexpr std::chrono::milliseconds kJwksTick{1000};
// Issuers tell caches minutes to a day; a key that was withdrawn is believed for so long.
inline constexpr std::chrono::seconds kJwksRefresh{300};
// Whoever sends made-up key ids cannot make us a burden to the issuer.
inline constexpr std::chrono::seconds kJwksUnknownKeyInterval{60};
inline constexpr std::chrono::seconds kJwksFirstRetry{5};
// An issuer that is away for so long has issued no token that is still valid.
inline constexpr std::chrono::hours kJwksMaxAge{24};
inline constexpr std::chrono::milliseconds kJwksTimeout{5000};

class JwksSource {
 public:
  struct Options {
    std::string issuer;  // for log and metrics
    std::string file;    // one of the two
    std::string url;
    std::string rsa_algorithm;
    HttpTransportFactory http;
  };
  struct Report {
    std::string issuer;
    size_t keys = 0;
    int64_t age_s = -1;  // since they were last read or confirmed; -1: never
    bool failing = false;
  };

  static absl::StatusOr<std::unique_ptr<JwksSource>> Open(Options options, Clock& clock,
                                                          RpcLog& log);
  ~JwksSource() { Stop(); }

  void Start();
  void Stop();     // after the request that is under way. Idempotent.
  void RunOnce();  // what the thread does every kJwksTick

  // nullptr: none yet, or none that is young enough. The same object as before while the set is the
  // same.
  std::shared_ptr<const JwksKeys> keys() const;
  // A token named a key that keys() lacks. True: they will be asked for at once; try again.
  bool WantKey();
  Report report() const;

 private:
  JwksSource(Options options, Clock& clock, RpcLog& log)
      : options_(std::move(options)),
        clock_(clock),
        log_(log),
        file_(options_.file, kMaxJwksBytes) {}
  absl::Status LookAtFile();
  absl::Status AskUrl();
  bool UrlIsDue();
  absl::Status Take(const std::string& text);
  void Confirm();  // that the keys are the issuer's now
  void Note(const absl::Status& status);

  const Options options_;
  Clock& clock_;
  RpcLog& log_;

  // The running thread's, or the caller's of RunOnce.
  WatchedFile file_;
  absl::Status file_status_;
  std::string text_;  // of the set in use
  std::string logged_;
  std::unique_ptr<HttpTransport> http_;

  mutable Mutex mutex_;
  std::shared_ptr<const JwksKeys> keys_ GUARDED_BY(mutex_);
  uint64_t read_us_ GUARDED_BY(mutex_) = 0;  // monotonic, as all times here; 0: never
  uint64_t due_us_ GUARDED_BY(mutex_) = 0;
  uint64_t next_wanted_us_ GUARDED_BY(mutex_) = 0;  // no sooner for an unknown key
  bool wanted_ GUARDED_BY(mutex_) = false;
  bool asking_ GUARDED_BY(mutex_) = false;
  uint32_t failures_in_row_ GUARDED_BY(mutex_) = 0;

  Notification stopping_;
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_JWKS_SOURCE_H_
