// Which head the witnesses of one ledger are asked to cosign, whom to ask when, and what has been
// cosigned. All decisions, no thread and no network: time and answers are given.
//
// A quorum counts on one head, so there are rounds: a round holds the head that was the newest when
// it began, everybody is asked for that head, and once the quorum has cosigned it the next round
// takes the newest head of then. Heads between two rounds are never asked for; a later one vouches
// for them. Nothing is queued.
//
//   a round ends     with its quorum, and the next begins when `interval` has passed since it began
//                    and there is a newer head
//   without quorum   it stays, so that a witness which comes back adds to what the others gave;
//                    only when nobody is being asked and it is kStaleRoundMicros old, or a witness
//                    has cosigned a newer head already, does it give way to the newest head
//   late answers     are added to the newest cosigned head as long as it is the newest
//   nothing new      the same head is cosigned again each kRefreshMicros: the log at rest shows
//   that
//                    its witnesses are there, and a fresh time
//
// A witness that fails is left alone for a time that doubles, with jitter, up to a bound that is
// short for those that are away (service comes back by itself) and longer for those that refuse.
//
// Example:
//   rounds.Offer(head, now);
//   if (const auto ask = rounds.Take(w, now)) rounds.Answer(w, *ask, client.Cosign(...), now);
//
// Thread-safety: none; api/cosigner.h holds its lock. Times are monotonic microseconds.
#ifndef AUDITLEDGER_API_COSIGNING_ROUNDS_H_
#define AUDITLEDGER_API_COSIGNING_ROUNDS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/witness_client.h"
#include "api/witness_policy.h"
#include "ledger/ledger.h"
#include "ledger/random.h"

namespace auditledger {

// First pause after a failure: a witness that was restarted is there again.
inline constexpr uint64_t kWitnessBackoffMinMicros = 200'000;
// Longest for one that does not answer: so long may WITNESSED stay away after it came back.
inline constexpr uint64_t kWitnessBackoffMaxMicros = 5'000'000;
// Longest for one that answers and refuses: a person has to change something there first.
inline constexpr uint64_t kWitnessRefusedBackoffMaxMicros = 30'000'000;
// The longest Retry-After that is believed: an hour of it would be a way to switch witnessing off.
inline constexpr uint64_t kWitnessRetryAfterMaxMicros = 60'000'000;
// A round without quorum may give way after this long.
inline constexpr uint64_t kStaleRoundMicros = 2'000'000;
// A log at rest is cosigned anew after this long.
inline constexpr uint64_t kRefreshMicros = uint64_t{600} * 1'000'000;

using HeadPtr = std::shared_ptr<const PublishedHead>;

class CosigningRounds {
 public:
  // `policy` and `random` must outlive it.
  CosigningRounds(const WitnessPolicy& policy, uint64_t interval_us, Random& random);

  // A head cosigned by the quorum in an earlier run, its note with the cosignatures.
  void Restore(HeadPtr cosigned) { cosigned_ = std::move(cosigned); }

  // The newest head. True when somebody may have something to do who had not before.
  bool Offer(HeadPtr head, uint64_t now_us);

  struct Ask {
    uint64_t round = 0;
    HeadPtr head;
  };
  // What witness `w` (index into policy.asked) is to be asked now, if anything. It counts as being
  // asked until Answer.
  std::optional<Ask> Take(size_t w, uint64_t now_us);
  // True when cosigned() has become another.
  bool Answer(size_t w, const Ask& ask, const WitnessReply& reply, uint64_t now_us);
  // How long Take(w) will have nothing, unless a head or an answer comes; at most a second.
  uint64_t WaitMicros(size_t w, uint64_t now_us) const;

  // The newest head that a quorum cosigned, its note with all cosignatures so far; nullptr before.
  HeadPtr cosigned() const { return cosigned_; }
  // Whether that came from witnesses asked in this run, not from Restore.
  bool met_once() const { return cosigned_round_ > 0; }
  uint64_t round() const { return round_.number; }
  // Since when a quorum has been wanted and is not there; 0 while it is.
  uint64_t AwayMicros(uint64_t now_us) const { return Since(unmet_since_us_, now_us); }
  // Age of the oldest head beyond cosigned(); 0 when there is none.
  uint64_t LagMicros(uint64_t now_us) const { return Since(unwitnessed_since_us_, now_us); }
  uint64_t LagEntries() const;
  // Every witness was asked and answered or failed, in this run.
  bool EachTried() const;
  // Witnesses whose last word in this run was that they have cosigned what is beyond our newest
  // head, or what it does not extend. Being away afterwards takes nothing back.
  size_t Contradicting() const;

 private:
  struct Slot {
    bool asking = false;
    uint64_t tried_round = 0;     // last one asked for
    uint64_t answered_round = 0;  // last one it needs no asking for any more
    uint64_t not_before_us = 0;
    int failures = 0;
    bool tried = false;
    bool contradicts = false;
  };
  struct Round {
    uint64_t number = 0;  // 0: none yet
    HeadPtr head;
    uint64_t started_us = 0;
    bool met = false;
    bool wants_newer = false;
    std::vector<std::string> lines;  // by index into policy.witnesses()
  };

  static uint64_t Since(std::optional<uint64_t> start, uint64_t now_us) {
    return start.has_value() && now_us > *start ? now_us - *start : 0;
  }
  bool HasNewer() const { return newest_->head.size > round_.head->head.size; }
  void Advance(uint64_t now_us);
  bool MayGiveWay(uint64_t now_us) const;
  void Begin(uint64_t now_us);
  bool AddLine(size_t w, uint64_t round, const std::string& line);
  void Fail(Slot& slot, const WitnessReply& reply, uint64_t now_us);
  // The round's head with the lines that verify, each under its own witness's key; nullptr unless
  // the policy's quorum is among them.
  HeadPtr Witnessed(const Round& round) const;

  const WitnessPolicy& policy_;
  const std::vector<NoteVerifier> keys_;
  const uint64_t interval_us_;
  Random& random_;
  std::vector<Slot> slots_;
  HeadPtr newest_;
  Round round_;
  Round last_met_;  // its lines, for late answers
  HeadPtr cosigned_;
  uint64_t cosigned_round_ = 0;  // 0: from Restore, or none
  std::optional<uint64_t> unmet_since_us_;
  std::optional<uint64_t> unwitnessed_since_us_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_COSIGNING_ROUNDS_H_
