// Keys and records of a posting store (posting_store.h), to the byte.
//
//   'H'                                       header: u8 version = 1 | u64 position |
//                                             last_leaf[32] | key_check[32] | u16 len | origin
//   'P' u8 dimension | hash[16] | BE64(last)  a run: ascending entries about this term, of which
//                                             `last` is the greatest. Value: for each of the
//                                             others, from the greatest down, what lies between it
//                                             and the one above, as a varint (LEB128, shortest)
//   'Z' BE64(zone)                            u64 least | u64 greatest time among a zone's entries
//
// A run's key names its last entry, so that one Seek finds the run in which an entry would lie.
//
// Thread-safety: pure functions. Errors: DataLoss from parsing, which is strict: what parses
// encodes to the same bytes.
#ifndef AUDITLEDGER_LEDGER_POSTING_FORMAT_H_
#define AUDITLEDGER_LEDGER_POSTING_FORMAT_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"

namespace auditledger {

// A dimension and a keyed hash, cut to 16 bytes: among 2^32 terms two meet once in 2^64 stores, and
// half of the bytes that a store has of whoever comes but once is saved.
inline constexpr size_t kPostingTermBytes = 17;
struct PostingTerm {
  std::array<char, kPostingTermBytes> bytes{};
  absl::string_view view() const { return {bytes.data(), bytes.size()}; }
  friend auto operator<=>(const PostingTerm&, const PostingTerm&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const PostingTerm& term) {
    return H::combine(std::move(state), term.view());
  }
};
// Entries whose times one record bounds: at ten million entries there are 2,442 of them.
inline constexpr uint64_t kZoneEntries = 4096;
// Of a run, so that one is decoded in microseconds.
inline constexpr size_t kMaxRunEntries = 4096;

inline constexpr char kPostingHeaderKey[] = "H";

struct PostingHeader {
  uint64_t position = 0;  // entries below are in the store
  Hash last_leaf{};       // SHA-256(0x00 || leaf) of the entry before; zeros at 0
  Hash key_check{};       // of the key that the terms' hashes are under
  std::string origin;     // of the log
  friend bool operator==(const PostingHeader&, const PostingHeader&) = default;
};
std::string EncodePostingHeader(const PostingHeader& header);
absl::StatusOr<PostingHeader> ParsePostingHeader(absl::string_view bytes);

std::string RunKeyPrefix(const PostingTerm& term);
std::string RunKey(const PostingTerm& term, uint64_t last);

struct PostingRun {
  PostingTerm term;
  std::vector<uint64_t> entries;  // ascending, at least one
};
// REQUIRES: 1 to kMaxRunEntries, ascending strictly.
std::string EncodeRun(absl::Span<const uint64_t> entries);
absl::StatusOr<std::vector<uint64_t>> ParseRun(uint64_t last, absl::string_view value);
// DataLoss for any other key or value.
absl::StatusOr<PostingRun> ParseRunRecord(absl::string_view key, absl::string_view value);

struct TimeBounds {
  uint64_t least = 0;
  uint64_t greatest = 0;  // not below `least`
  friend bool operator==(const TimeBounds&, const TimeBounds&) = default;
};
std::string ZoneKey(uint64_t zone);
absl::StatusOr<uint64_t> ZoneOfKey(absl::string_view key);
std::string EncodeTimeBounds(const TimeBounds& bounds);
absl::StatusOr<TimeBounds> ParseTimeBounds(absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_POSTING_FORMAT_H_
