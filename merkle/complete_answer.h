// A complete answer about one tag: which entries of a log carry it within a window of time, and the
// proof that these are all of them. One file, self-contained but for the pinned key.
//
//   answer   u8 version = 1 | u32 len | checkpoint (a signed note)
//            tag[32] | window recorded | window event
//            u8 has_index_head (0 or 1) | [u64 index of its entry | map]
//            u8 has_tail (0 or 1)
//            u32 n | n times (u64 index | u16 len | leaf)            ascending: what is shown whole
//            u32 n | hash[32] * n                                    their set proof (set_proof.h)
//   window   u64 from_us | u64 to_us                                 [from, to); to of all ones: no
//   end map      u8 present (0 or 1) | u16 len | proof (patricia.h) | [range] range    u64 count |
//   root[32]                                    the map's value (tag_log.h)
//            u64 first | u32 n | n times place                       n leaves of the tag's log
//            u8 n | hash[32] * n                                     their range proof (proof.h)
//   place    u8 1 | u64 index                                        an answer, shown whole below
//            u8 0 | u64 index | u64 recorded_at_us | u64 event_time_us | leaf_hash[32]    beside it
//
// There are no trailing bytes. The leaves shown whole are, with no other among them: entry 0 (the
// genesis, which names origin and index key), the index head, the answers below its size N, and
// with a tail all entries from N on.
//
// The window in recorded time selects a range of the tag's log: recorded times rise from entry to
// entry. The window in event time then filters that range, since late events are normal; an entry
// without event time counts by when it was recorded. What lies beside the window is shown only as
// far as the proof needs it, without leaf: the filtered entries, and one neighbour at each end.
//
// Bytes, not protobuf messages: there is one encoding, so that a file can be compared, hashed and
// handed on, and a verifier in any language needs no library to read it strictly. The wire carries
// it as it is.
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument naming the part, never its content.
#ifndef AUDITLEDGER_MERKLE_COMPLETE_ANSWER_H_
#define AUDITLEDGER_MERKLE_COMPLETE_ANSWER_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"
#include "merkle/tag_log.h"

namespace auditledger {

// Some 15,000 answers of 150 bytes with their paths, or 100,000 entries of tail. Who asks for more
// asks for the window in parts: each is complete by itself, and so are parts that adjoin.
inline constexpr size_t kMaxAnswerBytes = 16 << 20;
// Of the checkpoint's note: what a note may have (note.h).
inline constexpr size_t kMaxAnswerNoteBytes = 1'000'000;
// How far an event may be dated ahead of when it was recorded: 24 hours, beyond which the ledger
// refuses it. Less, and an emitter whose clock is ahead would hide its events from who asks when
// they happened.
inline constexpr uint64_t kAnswerSkewUs = 86'400'000'000;

inline constexpr uint64_t kNoEnd = std::numeric_limits<uint64_t>::max();
// Unix time in microseconds.
struct TimeWindow {
  uint64_t from_us = 0;
  uint64_t to_us = kNoEnd;  // exclusive; kNoEnd: all that follows
  bool Contains(uint64_t time_us) const { return time_us >= from_us && !IsBefore(time_us); }
  // Whether the window lies before that time.
  bool IsBefore(uint64_t time_us) const { return to_us != kNoEnd && time_us >= to_us; }
  friend bool operator==(const TimeWindow&, const TimeWindow&) = default;
};

struct AnswerQuery {
  Hash tag;
  TimeWindow recorded;
  TimeWindow event;
  friend bool operator==(const AnswerQuery&, const AnswerQuery&) = default;
};
// "Recorded within", and "happened within": of the latter the range of recorded times begins
// kAnswerSkewUs before the window and has no end.
AnswerQuery RecordedWithin(const Hash& tag, TimeWindow window);
AnswerQuery HappenedWithin(const Hash& tag, TimeWindow window);
// InvalidArgument for a window that has no time in it.
absl::Status CheckAnswerQuery(const AnswerQuery& query);
// Whether an entry that carries the tag is an answer.
bool IsAnswer(const AnswerQuery& query, uint64_t recorded_at_us, uint64_t event_time_us);

// A leaf of the tag's log.
struct AnswerPlace {
  bool shown = false;
  TagLogEntry entry;  // of a shown one only the index
  friend bool operator==(const AnswerPlace&, const AnswerPlace&) = default;
};
// Neighbours in the tag's log, and what the map has under the tag.
struct AnswerRange {
  TagValue value;
  uint64_t first = 0;
  std::vector<AnswerPlace> places;
  std::vector<Hash> proof;
  friend bool operator==(const AnswerRange&, const AnswerRange&) = default;
};
// What the map of an index head says about the tag.
struct AnswerMap {
  uint64_t index_head = 0;  // the index of its entry
  std::string proof;
  std::optional<AnswerRange> range;  // none: the tag is absent
  friend bool operator==(const AnswerMap&, const AnswerMap&) = default;
};
// An entry that is shown whole.
struct AnswerLeaf {
  uint64_t index = 0;
  std::string leaf;
  friend bool operator==(const AnswerLeaf&, const AnswerLeaf&) = default;
};

struct CompleteAnswer {
  std::string checkpoint;
  AnswerQuery query;
  std::optional<AnswerMap> map;  // none: the log has no index head yet
  bool has_tail = false;
  std::vector<AnswerLeaf> leaves;
  std::vector<Hash> proof;
  friend bool operator==(const CompleteAnswer&, const CompleteAnswer&) = default;
};

absl::StatusOr<std::string> EncodeCompleteAnswer(const CompleteAnswer& answer);
// Strict inverse: the form alone. What it proves: answer_check.h.
absl::StatusOr<CompleteAnswer> ParseCompleteAnswer(absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_COMPLETE_ANSWER_H_
