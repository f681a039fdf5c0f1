// Answers appends off the committer's thread, unless that one has nothing better to do: builds
// inclusion proofs, reads repeats back, calls the callbacks and then the head listeners, in the
// order of commits.
//
// Thread-safety: Post by one thread; Stop once, after the last Post. What is given must outlive it.
#ifndef AUDITLEDGER_LEDGER_ACKNOWLEDGER_H_
#define AUDITLEDGER_LEDGER_ACKNOWLEDGER_H_

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "ledger/head_feed.h"
#include "ledger/ledger.h"
#include "ledger/mutex.h"
#include "ledger/node_cache.h"
#include "ledger/reader.h"

namespace auditledger {

// Commits whose answers may be outstanding before the committer waits: bounds memory when callbacks
// are slower than the disk, and keeps the committer busy when they are a little late.
inline constexpr size_t kMaxUnansweredCommits = 8;

// Answers that the committer gives itself, when no request waits for it and none of its answers is
// outstanding: a lone caller waits for one thread less. More would keep who comes next waiting.
inline constexpr size_t kMaxOwnAnswers = 8;

// The answer to one request. Entries that repeat carry only their index.
struct Answer {
  AppendCallback done;
  absl::Status refusal;
  std::vector<AppendedEntry> entries;
};

struct Acknowledgement {
  std::vector<Answer> answers;
  std::vector<std::pair<CoseHeadCallback, absl::StatusOr<CoseHead>>> cose_heads;
  HeadFeed::HeadPtr head;                 // that the proofs lead to
  bool new_head = false;                  // listeners hear of it
  std::unique_ptr<NodeCache> nodes;       // of that head's tree
  absl::AnyInvocable<void()> afterwards;  // may be empty; work that nobody waits for
};

class Acknowledger {
 public:
  Acknowledger(const Reader& reader, HeadFeed& feed) : reader_(reader), feed_(feed) {}
  ~Acknowledger() { Stop(); }

  void Start();
  // Waits while kMaxUnansweredCommits are outstanding. With `idle` the calling thread may answer.
  void Post(Acknowledgement acknowledgement, bool idle);
  // Answers what was posted, then ends the thread. Idempotent.
  void Stop();

 private:
  void Run();
  void AnswerAll(Acknowledgement& acknowledgement);
  static absl::Status ProveNew(Acknowledgement& acknowledgement);
  absl::Status CompleteRepeats(const HeadFeed::HeadPtr& head, NodeCache& nodes, Answer& answer);

  const Reader& reader_;
  HeadFeed& feed_;
  std::thread thread_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Acknowledgement> queue_ ABSL_GUARDED_BY(mutex_);
  bool answering_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_ACKNOWLEDGER_H_
