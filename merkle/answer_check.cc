#include "merkle/answer_check.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/leaf.h"
#include "merkle/patricia.h"
#include "merkle/set_proof.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

absl::Status Malformed(const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("answer: ", why));
}

absl::Status Untrue(const std::string& why) {
  return absl::DataLossError(absl::StrCat("answer: ", why));
}

std::string InWords(const TimeWindow& window) {
  return absl::StrCat("[", window.from_us, ", ",
                      window.to_us == kNoEnd ? std::string("...") : absl::StrCat(window.to_us),
                      ")");
}

std::string RecordedTooEarly(uint64_t index, uint64_t last) {
  return absl::StrCat("entry ", index, " was recorded no later than entry ", last);
}

// An entry that is shown whole, and that the set proof holds to be in the log.
struct ShownEntry {
  Leaf leaf;
  Hash hash;
  bool needed = false;  // by what the answer says
};

class Check {
 public:
  Check(const CompleteAnswer& answer, const Checkpoint& head)
      : answer_(answer), query_(answer.query), head_(head) {}

  absl::StatusOr<AnswerProven> Run(std::optional<Hash> index_key_hash) {
    RETURN_IF_ERROR(CheckInLog());
    RETURN_IF_ERROR(CheckGenesis(index_key_hash));
    RETURN_IF_ERROR(CheckIndexHead());
    RETURN_IF_ERROR(CheckTail());
    if (answer_.map.has_value()) RETURN_IF_ERROR(CheckMap(*answer_.map));
    TakeTail();
    RETURN_IF_ERROR(CheckNothingElse());
    const bool to_the_end = answer_.has_tail || ends_before_tail_;
    proven_.complete_size = to_the_end ? head_.size : covered_;
    return std::move(proven_);
  }

 private:
  // All that is shown whole is in the log, each in its place.
  absl::Status CheckInLog() {
    std::vector<IndexedHash> hashes;
    hashes.reserve(answer_.leaves.size());
    for (const AnswerLeaf& shown : answer_.leaves)
      hashes.push_back({shown.index, LeafHash(shown.leaf)});
    RETURN_IF_ERROR(VerifySet(hashes, head_.size, answer_.proof, head_.root));
    for (size_t i = 0; i < hashes.size(); ++i) {
      absl::StatusOr<Leaf> leaf = ParseLeaf(answer_.leaves[i].leaf);
      if (!leaf.ok()) {
        return Untrue(absl::StrCat("entry ", hashes[i].index, ": ", leaf.status().message()));
      }
      if (i > 0 && leaf->recorded_at_us <= shown_.rbegin()->second.leaf.recorded_at_us) {
        return Untrue(RecordedTooEarly(hashes[i].index, hashes[i - 1].index));
      }
      shown_.emplace(hashes[i].index, ShownEntry{*std::move(leaf), hashes[i].hash});
    }
    return absl::OkStatus();
  }

  // The entry at `index`, whole; nullptr when it is not shown so.
  ShownEntry* Take(uint64_t index) {
    const auto found = shown_.find(index);
    if (found == shown_.end()) return nullptr;
    found->second.needed = true;
    return &found->second;
  }

  absl::Status CheckGenesis(std::optional<Hash> index_key_hash) {
    const ShownEntry* entry = Take(0);
    if (entry == nullptr) return Malformed("entry 0, which names origin and index key, is missing");
    if (entry->leaf.kind != EntryKind::kGenesis) return Untrue("entry 0 is no genesis");
    const absl::StatusOr<Genesis> genesis = ParseGenesis(entry->leaf.body);
    if (!genesis.ok()) return Untrue(std::string(genesis.status().message()));
    if (genesis->origin != head_.origin) {
      return Untrue(absl::StrCat("the genesis names the origin ", genesis->origin, ", the head ",
                                 head_.origin));
    }
    if (!index_key_hash.has_value() || genesis->index_key_hash == *index_key_hash) {
      return absl::OkStatus();
    }
    return Untrue("the log's tags are made with another index key than the one given");
  }

  absl::Status CheckIndexHead() {
    if (!answer_.map.has_value()) {
      if (answer_.has_tail) return absl::OkStatus();
      return Malformed("without index head and tail nothing is proven");
    }
    const uint64_t index = answer_.map->index_head;
    const ShownEntry* entry = Take(index);
    if (entry == nullptr) {
      return Malformed(absl::StrCat("entry ", index, ", the index head, is missing"));
    }
    ASSIGN_OR_RETURN(const IndexHead head, ParseIndexHeadOf(index, entry->leaf));
    covered_ = head.size;
    proven_.index_head = head;
    proven_.index_head_entry = index;
    return absl::OkStatus();
  }

  absl::StatusOr<IndexHead> ParseIndexHeadOf(uint64_t index, const Leaf& leaf) {
    if (leaf.kind != EntryKind::kIndexHead) {
      return Untrue(
          absl::StrCat("entry ", index, " is no index head but ", EntryKindName(leaf.kind)));
    }
    const absl::StatusOr<IndexHead> head = ParseIndexHead(leaf.body);
    if (!head.ok()) return Untrue(absl::StrCat("entry ", index, ": ", head.status().message()));
    if (head->size <= index) return *head;
    return Untrue(absl::StrCat("the index head at entry ", index, " covers ", head->size,
                               " entries, more than there were"));
  }

  // That the tail is all that the index head does not cover, and has no newer one.
  absl::Status CheckTail() {
    if (!answer_.has_tail) return absl::OkStatus();
    uint64_t next = covered_;
    for (auto at = shown_.lower_bound(covered_); at != shown_.end(); ++at) {
      if (at->first != next) break;
      at->second.needed = true;
      ++next;
      RETURN_IF_ERROR(CheckTailHead(at->first, at->second.leaf));
    }
    if (next == head_.size) return absl::OkStatus();
    return Malformed(absl::StrCat("the tail from entry ", covered_, " on lacks entry ", next));
  }

  absl::Status CheckTailHead(uint64_t index, const Leaf& leaf) {
    if (leaf.kind != EntryKind::kIndexHead) return absl::OkStatus();
    if (!answer_.map.has_value() || index > answer_.map->index_head) {
      return Untrue(absl::StrCat("rests on an old index head or none: entry ", index, " is newer"));
    }
    ASSIGN_OR_RETURN(const IndexHead head, ParseIndexHeadOf(index, leaf));
    if (head.size > covered_) {
      return Untrue(absl::StrCat("the index head at entry ", index, " covers ", head.size,
                                 " entries, the later one only ", covered_));
    }
    if (head.size < covered_ || head == *proven_.index_head) return absl::OkStatus();
    return Untrue(absl::StrCat("the index head at entry ", index, " has another map of the same ",
                               covered_, " entries"));
  }

  absl::Status CheckMap(const AnswerMap& map) {
    const Hash& root = proven_.index_head->map_root;
    if (!map.range.has_value()) return VerifyAbsent(root, query_.tag.view(), map.proof);
    const AnswerRange& range = *map.range;
    RETURN_IF_ERROR(VerifyPresent(root, query_.tag.view(), EncodeTagValue(range.value), map.proof));
    if (range.value.count > covered_) {
      return Untrue(absl::StrCat("the map counts ", range.value.count, " entries of the tag among ",
                                 covered_));
    }
    std::vector<TagLogEntry> entries;
    std::vector<Hash> hashes;
    for (const AnswerPlace& place : range.places) {
      ASSIGN_OR_RETURN(entries.emplace_back(), EntryAt(place));
      hashes.push_back(TagLogHash(entries.back()));
    }
    RETURN_IF_ERROR(
        VerifyRange(range.first, hashes, range.value.count, range.proof, range.value.root));
    RETURN_IF_ERROR(CheckOrder(entries));
    return CheckEdges(range, entries);
  }

  // What the tag's log has in this place; of an answer its own leaf says it.
  absl::StatusOr<TagLogEntry> EntryAt(const AnswerPlace& place) {
    const uint64_t index = place.entry.index;
    TagLogEntry entry = place.entry;
    if (place.shown) {
      const ShownEntry* shown = Take(index);
      if (shown == nullptr) return Malformed(absl::StrCat("entry ", index, " is missing"));
      if (!HasTag(shown->leaf)) {
        return Untrue(absl::StrCat("entry ", index, " does not carry the tag"));
      }
      entry = TagLogEntryOf(index, shown->leaf, shown->hash);
    }
    if (index >= covered_) {
      return Untrue(absl::StrCat("entry ", index, " is not among the ", covered_,
                                 " that the index head covers"));
    }
    const bool answers = IsAnswer(query_, entry.recorded_at_us, entry.event_time_us);
    if (answers == place.shown) {
      if (answers) proven_.entries.push_back(*ShownAt(index));
      return entry;
    }
    return answers ? Untrue(absl::StrCat("entry ", index, " is an answer and is not shown"))
                   : Untrue(absl::StrCat("entry ", index, " is shown and is no answer"));
  }

  bool HasTag(const Leaf& leaf) const {
    return std::binary_search(leaf.tags.begin(), leaf.tags.end(), query_.tag);
  }

  // REQUIRES: it is shown.
  const AnswerLeaf* ShownAt(uint64_t index) const {
    return &*std::lower_bound(
        answer_.leaves.begin(), answer_.leaves.end(), index,
        [](const AnswerLeaf& shown, uint64_t wanted) { return shown.index < wanted; });
  }

  static absl::Status CheckOrder(const std::vector<TagLogEntry>& entries) {
    for (size_t i = 1; i < entries.size(); ++i) {
      const TagLogEntry& last = entries[i - 1];
      const TagLogEntry& entry = entries[i];
      if (entry.index <= last.index) {
        return Untrue(absl::StrCat("entry ", entry.index, " follows entry ", last.index));
      }
      if (entry.recorded_at_us <= last.recorded_at_us) {
        return Untrue(RecordedTooEarly(entry.index, last.index));
      }
    }
    return absl::OkStatus();
  }

  // That the range begins and ends beside the window, or with the tag's log, and no further out
  // than that takes.
  absl::Status CheckEdges(const AnswerRange& range, const std::vector<TagLogEntry>& entries) {
    const TimeWindow& window = query_.recorded;
    const auto before = [&](const TagLogEntry& entry) {
      return entry.recorded_at_us < window.from_us;
    };
    const auto behind = [&](const TagLogEntry& entry) {
      return window.IsBefore(entry.recorded_at_us);
    };
    if (range.first > 0 && !before(entries.front())) {
      return Untrue(absl::StrCat("what stands before entry ", entries.front().index,
                                 " in the tag's log is not shown to be before the window ",
                                 InWords(window)));
    }
    const bool ends_with_log = range.first + entries.size() == range.value.count;
    if (!ends_with_log && !behind(entries.back())) {
      return Untrue(absl::StrCat("what follows entry ", entries.back().index,
                                 " in the tag's log is not shown to be behind the window ",
                                 InWords(window)));
    }
    if (entries.size() > 1 && (before(entries[1]) || behind(entries[entries.size() - 2]))) {
      return Malformed("more entries beside the window than the two that show its edges");
    }
    ends_before_tail_ = behind(entries.back());
    return absl::OkStatus();
  }

  // The tail's own answers, which follow all others. Without a tail nothing is shown there but the
  // index head, which has no tag (CheckNothingElse).
  void TakeTail() {
    for (auto at = shown_.lower_bound(covered_); at != shown_.end(); ++at) {
      const Leaf& leaf = at->second.leaf;
      if (!HasTag(leaf) || !IsAnswer(query_, leaf.recorded_at_us, leaf.event_time_us)) continue;
      proven_.entries.push_back(*ShownAt(at->first));
    }
  }

  absl::Status CheckNothingElse() {
    for (const auto& [index, entry] : shown_) {
      if (!entry.needed) return Malformed(absl::StrCat("entry ", index, " has no part in it"));
    }
    return absl::OkStatus();
  }

  const CompleteAnswer& answer_;
  const AnswerQuery& query_;
  const Checkpoint& head_;
  std::map<uint64_t, ShownEntry> shown_;
  uint64_t covered_ = 0;           // by the index head
  bool ends_before_tail_ = false;  // the window, as the tag's log shows
  AnswerProven proven_;
};

absl::Status CheckQuestion(const AnswerQuery& query, const AnswerQuery& asked) {
  if (query.tag != asked.tag) {
    return Malformed(
        absl::StrCat("is about the tag ", query.tag.ToHex(), ", asked was ", asked.tag.ToHex()));
  }
  if (query.recorded != asked.recorded) {
    return Malformed(absl::StrCat("is about what was recorded in ", InWords(query.recorded),
                                  ", asked was ", InWords(asked.recorded)));
  }
  if (query.event != asked.event) {
    return Malformed(absl::StrCat("is about what happened in ", InWords(query.event),
                                  ", asked was ", InWords(asked.event)));
  }
  return CheckAnswerQuery(query);
}

}  // namespace

absl::StatusOr<AnswerProven> VerifyCompleteAnswer(const CompleteAnswer& answer,
                                                  const Checkpoint& head, const AnswerQuery& asked,
                                                  std::optional<Hash> index_key_hash) {
  RETURN_IF_ERROR(CheckQuestion(answer.query, asked));
  return Check(answer, head).Run(index_key_hash);
}

}  // namespace auditledger
