#include "ledger/acknowledger.h"

#include <utility>

#include "merkle/neighbour_proofs.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"

namespace auditledger {

void Acknowledger::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Acknowledger::Post(Acknowledgement acknowledgement, bool idle) {
  const bool few = acknowledgement.answers.size() <= kMaxOwnAnswers && !acknowledgement.afterwards;
  {
    MutexLock lock(mutex_);
    // There is one poster: what comes after these answers is posted after them.
    if (!idle || !few || answering_ || !queue_.empty()) {
      while (queue_.size() >= kMaxUnansweredCommits) changed_.Wait(mutex_);
      queue_.push_back(std::move(acknowledgement));
      changed_.SignalAll();
      return;
    }
  }
  AnswerAll(acknowledgement);
}

void Acknowledger::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Acknowledger::Run() {
  while (true) {
    Acknowledgement next;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) changed_.Wait(mutex_);
      if (queue_.empty()) return;
      next = std::move(queue_.front());
      queue_.pop_front();
      answering_ = true;
      changed_.SignalAll();
    }
    AnswerAll(next);
    MutexLock lock(mutex_);
    answering_ = false;
  }
}

void Acknowledger::AnswerAll(Acknowledgement& acknowledgement) {
  const absl::Status proven = ProveNew(acknowledgement);
  for (Answer& answer : acknowledgement.answers) {
    if (answer.refusal.ok()) answer.refusal = proven;
    if (answer.refusal.ok()) {
      answer.refusal = CompleteRepeats(acknowledgement.head, *acknowledgement.nodes, answer);
    }
    if (answer.refusal.ok()) {
      answer.done(AppendOutcome{acknowledgement.head, std::move(answer.entries)});
    } else {
      answer.done(std::move(answer.refusal));
    }
  }
  for (auto& [done, signed_head] : acknowledgement.cose_heads) done(std::move(signed_head));
  if (acknowledgement.new_head) feed_.Notify(acknowledgement.head);
  if (acknowledgement.afterwards) acknowledgement.afterwards();
}

// The new entries of a commit are neighbours: their proofs are made together.
absl::Status Acknowledger::ProveNew(Acknowledgement& acknowledgement) {
  std::vector<AppendedEntry*> entries;
  for (Answer& answer : acknowledgement.answers) {
    if (!answer.refusal.ok()) continue;
    for (AppendedEntry& entry : answer.entries) {
      if (!entry.repeated) entries.push_back(&entry);
    }
  }
  if (entries.empty()) return absl::OkStatus();
  // In the order of the requests, which is that of the log.
  const uint64_t first = entries.front()->index;
  auto proofs = InclusionProofs({first, entries.back()->index + 1}, acknowledgement.head->head.size,
                                *acknowledgement.nodes);
  if (!proofs.ok()) return Corrupt(proofs.status());
  for (AppendedEntry* const entry : entries) {
    entry->inclusion = std::move((*proofs)[entry->index - first]);
  }
  return absl::OkStatus();
}

absl::Status Acknowledger::CompleteRepeats(const HeadFeed::HeadPtr& head, NodeCache& nodes,
                                           Answer& answer) {
  for (AppendedEntry& entry : answer.entries) {
    if (!entry.repeated) continue;
    ASSIGN_OR_RETURN(entry, reader_.ReadRepeat(entry.index));
    auto proof = InclusionProof(entry.index, head->head.size, nodes);
    if (!proof.ok()) return Corrupt(proof.status());
    entry.inclusion = *std::move(proof);
  }
  return absl::OkStatus();
}

}  // namespace auditledger
