#include "api/cosigning_rounds.h"

#include <algorithm>
#include <utility>

#include "merkle/cosignature.h"

namespace auditledger {
namespace {

constexpr uint64_t kMaxWaitMicros = 1'000'000;
constexpr uint64_t kMicrosPerSecond = 1'000'000;

// It is there and says no: asking again soon changes nothing.
bool Refuses(WitnessOutcome outcome) {
  switch (outcome) {
    case WitnessOutcome::kUnreachable:
    case WitnessOutcome::kTimeout:
    case WitnessOutcome::kBusy:
    case WitnessOutcome::kConflict:
    case WitnessOutcome::kCosigned:
      return false;
    default:
      return true;
  }
}

}  // namespace

CosigningRounds::CosigningRounds(const WitnessPolicy& policy, uint64_t interval_us, Random& random)
    : policy_(policy),
      keys_(policy.policy.WitnessKeys()),
      interval_us_(interval_us),
      random_(random),
      slots_(policy.asked.size()) {}

bool CosigningRounds::Offer(HeadPtr head, uint64_t now_us) {
  const bool first = round_.number == 0 || !HasNewer();
  newest_ = std::move(head);
  const bool beyond = cosigned_ == nullptr || newest_->head.size > cosigned_->head.size;
  if (beyond && !unwitnessed_since_us_.has_value()) unwitnessed_since_us_ = now_us;
  return first;
}

uint64_t CosigningRounds::LagEntries() const {
  if (newest_ == nullptr) return 0;
  const uint64_t cosigned = cosigned_ == nullptr ? 0 : cosigned_->head.size;
  return newest_->head.size > cosigned ? newest_->head.size - cosigned : 0;
}

bool CosigningRounds::EachTried() const {
  return std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.tried; });
}

size_t CosigningRounds::Contradicting() const {
  return static_cast<size_t>(std::count_if(slots_.begin(), slots_.end(),
                                           [](const Slot& slot) { return slot.contradicts; }));
}

void CosigningRounds::Begin(uint64_t now_us) {
  round_ = Round{round_.number + 1, newest_, now_us, false, false, {}};
  round_.lines.resize(policy_.policy.witnesses().size());
  if (!unmet_since_us_.has_value()) unmet_since_us_ = now_us;
}

bool CosigningRounds::MayGiveWay(uint64_t now_us) const {
  if (!HasNewer()) return false;
  if (!round_.wants_newer && now_us - round_.started_us < kStaleRoundMicros) return false;
  // Nobody is being asked for it, and whoever is not failing has been.
  return std::all_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    if (slot.asking) return slot.tried_round != round_.number;
    return slot.tried_round == round_.number || slot.not_before_us > now_us;
  });
}

void CosigningRounds::Advance(uint64_t now_us) {
  if (newest_ == nullptr) return;
  if (round_.number == 0) return Begin(now_us);
  const uint64_t age = now_us - round_.started_us;
  const bool due = round_.met ? (HasNewer() && age >= interval_us_) || age >= kRefreshMicros
                              : MayGiveWay(now_us);
  if (due) Begin(now_us);
}

std::optional<CosigningRounds::Ask> CosigningRounds::Take(size_t w, uint64_t now_us) {
  Advance(now_us);
  Slot& slot = slots_[w];
  if (round_.number == 0 || slot.asking || now_us < slot.not_before_us ||
      slot.answered_round == round_.number) {
    return std::nullopt;
  }
  slot.asking = true;
  slot.tried_round = round_.number;
  return Ask{round_.number, round_.head};
}

uint64_t CosigningRounds::WaitMicros(size_t w, uint64_t now_us) const {
  uint64_t wait = kMaxWaitMicros;
  const auto until = [&](uint64_t due_us) {
    if (due_us > now_us) wait = std::min(wait, due_us - now_us);  // what is past waits for news
  };
  const Slot& slot = slots_[w];
  until(slot.not_before_us);
  if (round_.number > 0 && newest_ != nullptr && HasNewer()) {
    until(round_.started_us + (round_.met ? interval_us_ : kStaleRoundMicros));
  }
  return wait;
}

bool CosigningRounds::Answer(size_t w, const Ask& ask, const WitnessReply& reply, uint64_t now_us) {
  Slot& slot = slots_[w];
  slot.asking = false;
  slot.tried = true;
  if (reply.outcome == WitnessOutcome::kCosigned) {
    slot.failures = 0;
    slot.contradicts = false;
    slot.answered_round = ask.round;
    return AddLine(w, ask.round, reply.line);
  }
  if (reply.outcome == WitnessOutcome::kAhead && reply.size <= newest_->head.size) {
    // Somebody else showed it a newer head of ours: it can only cosign one from there on.
    slot.contradicts = false;
    slot.answered_round = ask.round;
    if (ask.round == round_.number) round_.wants_newer = true;
    return false;
  }
  if (reply.outcome == WitnessOutcome::kAhead || reply.outcome == WitnessOutcome::kForked) {
    slot.contradicts = true;
  }
  Fail(slot, reply, now_us);
  return false;
}

void CosigningRounds::Fail(Slot& slot, const WitnessReply& reply, uint64_t now_us) {
  const uint64_t bound =
      Refuses(reply.outcome) ? kWitnessRefusedBackoffMaxMicros : kWitnessBackoffMaxMicros;
  uint64_t pause = kWitnessBackoffMinMicros << std::min(slot.failures, 20);
  pause = std::min(pause, bound);
  ++slot.failures;
  // From half to all of it, so that the witnesses of many ledgers do not come back at one moment.
  const std::string bytes = random_.Bytes(2);
  const uint64_t random = static_cast<uint8_t>(bytes[0]) * 256u + static_cast<uint8_t>(bytes[1]);
  pause = pause / 2 + pause / 2 * random / 65535;
  if (reply.retry_after_seconds > 0) {
    const uint64_t asked =
        std::min(reply.retry_after_seconds, kWitnessRetryAfterMaxMicros / kMicrosPerSecond);
    pause = std::max(pause, asked * kMicrosPerSecond);
  }
  slot.not_before_us = now_us + pause;
}

bool CosigningRounds::AddLine(size_t w, uint64_t round, const std::string& line) {
  const bool current = round == round_.number;
  if (!current && (round != cosigned_round_ || round == 0)) return false;
  Round& in = current ? round_ : last_met_;
  in.lines[policy_.asked[w]] = line;
  HeadPtr head = Witnessed(in);
  if (head == nullptr) return false;
  if (current) {
    if (!round_.met) {
      round_.met = true;
      unmet_since_us_.reset();
      unwitnessed_since_us_.reset();
      // What is beyond came after the round began.
      if (HasNewer()) unwitnessed_since_us_ = round_.started_us;
    }
    last_met_ = round_;
    cosigned_round_ = round;
  }
  cosigned_ = std::move(head);
  return true;
}

HeadPtr CosigningRounds::Witnessed(const Round& round) const {
  auto head = std::make_shared<PublishedHead>(*round.head);
  for (size_t i = 0; i < round.lines.size(); ++i) {
    if (round.lines[i].empty()) continue;
    // Of the other lines that one witness may have answered, none stands for another.
    absl::StatusOr<std::string> note =
        AddCosignatures(head->checkpoint, round.lines[i], {&keys_[i], 1});
    if (note.ok()) head->checkpoint = *std::move(note);
  }
  // What is given out is what counts: the note itself, as whoever verifies a receipt reads it.
  const absl::StatusOr<std::vector<Cosignature>> by = VerifyCosignatures(head->checkpoint, keys_);
  if (!by.ok() || !policy_.policy.CheckQuorum(CosigningKeys(*by)).ok()) return nullptr;
  head->witnessed = true;
  return head;
}

}  // namespace auditledger
