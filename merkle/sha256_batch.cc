#include "merkle/sha256_batch.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "merkle/sha256_block.h"
#include "merkle/sha256_lanes.h"

namespace auditledger {
namespace {

// A step of all lanes takes as long as seven blocks, one after the other, on an Intel of 2023.
constexpr size_t kFewestLanes = 8;

constexpr std::array<unsigned char, kSha256BlockBytes> kIdleBlock{};

// Two copies of one fixed size, which may overlap, instead of a call: most pieces are that short,
// and the calls took as long as the hashing.
template <size_t N>
void CopyEnds(absl::string_view piece, unsigned char* to) {
  std::memcpy(to, piece.data(), N);
  std::memcpy(to + piece.size() - N, piece.data() + piece.size() - N, N);
}

void CopyPiece(absl::string_view piece, unsigned char* to) {
  const size_t size = piece.size();
  if (size > 64) {
    std::memcpy(to, piece.data(), size);
  } else if (size >= 32) {
    CopyEnds<32>(piece, to);
  } else if (size >= 16) {
    CopyEnds<16>(piece, to);
  } else if (size >= 8) {
    CopyEnds<8>(piece, to);
  } else if (size >= 4) {
    CopyEnds<4>(piece, to);
  } else {
    for (size_t i = 0; i < size; ++i) to[i] = static_cast<unsigned char>(piece[i]);
  }
}

}  // namespace

// Messages in lanes: whichever ends gives its lane to the next.
class Sha256Batch::Lanes {
 public:
  Lanes(const Sha256Batch& batch, absl::Span<Hash> digests) : batch_(batch), digests_(digests) {
    blocks_.fill(kIdleBlock.data());
    for (size_t lane = 0; lane < kSha256Lanes; ++lane) Refill(lane);
  }

  void Run() {
    while (running_ >= kFewestLanes) Step();
    for (size_t lane = 0; lane < kSha256Lanes; ++lane) {
      if (left_[lane] == 0) continue;
      Sha256State state = StateOf(lane);
      CompressSha256(blocks_[lane], left_[lane], state);
      digests_[message_[lane]] = ToHash(state);
    }
  }

 private:
  void Refill(size_t lane) {
    blocks_[lane] = kIdleBlock.data();
    if (next_ == batch_.messages_.size()) return;
    message_[lane] = next_;
    const Message& message = batch_.messages_[next_++];
    blocks_[lane] = batch_.bytes_.data() + message.begin;
    left_[lane] = message.blocks;
    for (size_t i = 0; i < states_.size(); ++i) states_[i][lane] = kSha256Initial[i];
    ++running_;
  }

  void Step() {
    CompressSha256Lanes(blocks_, states_);
    for (size_t lane = 0; lane < kSha256Lanes; ++lane) {
      if (left_[lane] == 0) continue;
      blocks_[lane] += kSha256BlockBytes;
      if (--left_[lane] > 0) continue;
      // Into its place word by word: a copy made by words and then moved as a whole stalls.
      Hash& digest = digests_[message_[lane]];
      for (size_t i = 0; i < states_.size(); ++i) {
        StoreSha256Word(states_[i][lane], &digest.bytes[4 * i]);
      }
      --running_;
      Refill(lane);
    }
  }

  Sha256State StateOf(size_t lane) const {
    Sha256State state;
    for (size_t i = 0; i < state.size(); ++i) state[i] = states_[i][lane];
    return state;
  }

  const Sha256Batch& batch_;
  const absl::Span<Hash> digests_;
  size_t next_ = 0;     // message that is in no lane yet
  size_t running_ = 0;  // lanes with a message
  Sha256LaneStates states_{};
  std::array<const unsigned char*, kSha256Lanes> blocks_{};
  std::array<size_t, kSha256Lanes> left_{};  // blocks; 0: an idle lane
  std::array<size_t, kSha256Lanes> message_{};
};

Sha256Batch::Sha256Batch() : Sha256Batch(HaveSha256Lanes()) {}

Sha256Batch::~Sha256Batch() { Wipe(); }

void Sha256Batch::Add(std::initializer_list<absl::string_view> pieces) {
  size_t total = 0;
  for (absl::string_view piece : pieces) total += piece.size();
  const Message message{used_, Sha256Blocks(total)};
  used_ += message.blocks * kSha256BlockBytes;
  if (bytes_.size() < used_) Grow();
  unsigned char* const begin = bytes_.data() + message.begin;
  unsigned char* at = begin;
  // What closes the message lies in its last two blocks.
  std::memset(bytes_.data() + used_ - kSha256BlockBytes, 0, kSha256BlockBytes);
  if (message.blocks > 1) {
    std::memset(bytes_.data() + used_ - 2 * kSha256BlockBytes, 0, kSha256BlockBytes);
  }
  for (absl::string_view piece : pieces) {
    CopyPiece(piece, at);
    at += piece.size();
  }
  CloseSha256(total, 0, begin);
  messages_.push_back(message);
}

// By copying, so that no secret stays behind in memory that was given back.
void Sha256Batch::Grow() {
  std::vector<unsigned char> larger(std::max(used_, 2 * bytes_.size()));
  std::copy(bytes_.begin(), bytes_.end(), larger.begin());
  if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
  bytes_.swap(larger);
}

void Sha256Batch::Finish(absl::Span<Hash> digests) {
  if (side_by_side_ && messages_.size() >= kFewestLanes) {
    Lanes(*this, digests).Run();
  } else {
    for (size_t i = 0; i < messages_.size(); ++i) {
      Sha256State state = kSha256Initial;
      CompressSha256(bytes_.data() + messages_[i].begin, messages_[i].blocks, state);
      digests[i] = ToHash(state);
    }
  }
  Wipe();
}

void Sha256Batch::Wipe() {
  if (used_ > 0) explicit_bzero(bytes_.data(), used_);
  used_ = 0;
  messages_.clear();
}

}  // namespace auditledger
