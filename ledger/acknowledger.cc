#include "ledger/acknowledger.h"

#include <utility>

#include "merkle/proof.h"
#include "merkle/status_macros.h"

namespace auditledger {

void Acknowledger::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Acknowledger::Post(Acknowledgement acknowledgement) {
  MutexLock lock(mutex_);
  while (queue_.size() >= kMaxUnansweredCommits) changed_.Wait(mutex_);
  queue_.push_back(std::move(acknowledgement));
  changed_.SignalAll();
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
      changed_.SignalAll();
    }
    AnswerAll(next);
  }
}

void Acknowledger::AnswerAll(Acknowledgement& acknowledgement) {
  for (Answer& answer : acknowledgement.answers) {
    if (answer.refusal.ok()) {
      answer.refusal = Complete(acknowledgement.head, *acknowledgement.nodes, answer);
    }
    if (answer.refusal.ok()) {
      answer.done(AppendOutcome{acknowledgement.head, std::move(answer.entries)});
    } else {
      answer.done(std::move(answer.refusal));
    }
  }
  if (acknowledgement.new_head) feed_.Notify(acknowledgement.head);
  if (acknowledgement.afterwards) acknowledgement.afterwards();
}

absl::Status Acknowledger::Complete(const HeadFeed::HeadPtr& head, NodeCache& nodes,
                                    Answer& answer) {
  for (AppendedEntry& entry : answer.entries) {
    if (entry.repeated) {
      ASSIGN_OR_RETURN(entry, reader_.ReadRepeat(entry.index));
    }
    auto proof = InclusionProof(entry.index, head->head.size, nodes);
    if (!proof.ok()) return Corrupt(proof.status());
    entry.inclusion = *std::move(proof);
  }
  return absl::OkStatus();
}

}  // namespace auditledger
