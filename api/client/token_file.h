// An access token in a file, sent with each call and read again when the file changes: whoever gets
// tokens from the issuer (an agent, a cron job) replaces the file, and nobody is restarted.
//
// Example: ChannelCredentials c = CompositeChannelCredentials(ssl, TokenFileCredentials("token"));
//
// The file holds the token alone; white space around it is dropped. While it cannot be read or
// holds something else, calls fail before they are sent, with UNAVAILABLE (so gRPC 1.51 calls
// whatever a plugin says) and the file's name. Thread-safety: pure function; credentials may be
// shared.
#ifndef AUDITLEDGER_API_CLIENT_TOKEN_FILE_H_
#define AUDITLEDGER_API_CLIENT_TOKEN_FILE_H_

#include <grpcpp/security/credentials.h>
#include <sys/types.h>

#include <cstddef>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace auditledger {

// What a server takes with a call's metadata, with room to say that it is too much.
inline constexpr size_t kMaxTokenFileBytes = 8 << 10;

// Thread-safe.
class TokenFile {
 public:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}
  // Unauthenticated, naming the file; never its contents.
  absl::StatusOr<std::string> Read();

 private:
  const std::string path_;
  std::mutex mutex_;
  bool read_ = false;
  timespec modified_{};
  ino_t inode_ = 0;
  off_t size_ = 0;
  std::string token_;
};

// To be composed with those of TLS or of a local socket: gRPC sends no token without.
std::shared_ptr<grpc::CallCredentials> TokenFileCredentials(const std::string& path);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_TOKEN_FILE_H_
