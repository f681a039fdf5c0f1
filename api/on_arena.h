// A request whose parts lie together and go together: a batch of a thousand events is twenty
// thousand messages, which one by one cost more to make and to free than to parse.
//
// Example:
//   return HandleUnary<OnArena<v1::BatchAppendEventsRequest>>(...);
//
// Thread-safety: as the message; copies share it, and the last one frees it.
#ifndef AUDITLEDGER_API_ON_ARENA_H_
#define AUDITLEDGER_API_ON_ARENA_H_

#include <memory>

#include "api/message_io.h"
#include "google/protobuf/arena.h"

namespace auditledger {

template <typename T>
class OnArena {
 public:
  OnArena()
      : arena_(std::make_shared<google::protobuf::Arena>(Options())),
        message_(google::protobuf::Arena::CreateMessage<T>(arena_.get())) {}
  const T& operator*() const { return *message_; }
  const T* operator->() const { return message_; }
  T& mutable_message() { return *message_; }

 private:
  // Blocks grow with the message: one for a small request, a dozen for the largest batch.
  static google::protobuf::ArenaOptions Options() {
    google::protobuf::ArenaOptions options;
    options.start_block_size = 4 << 10;
    options.max_block_size = 256 << 10;
    return options;
  }
  std::shared_ptr<google::protobuf::Arena> arena_;
  T* message_;
};

// As that of message_io.h.
template <typename T>
absl::Status ParseMessage(const grpc::ByteBuffer& buffer, OnArena<T>& out) {
  return ParseMessage(buffer, out.mutable_message());
}

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ON_ARENA_H_
