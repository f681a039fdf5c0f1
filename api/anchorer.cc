#include "api/anchorer.h"

#include <algorithm>
#include <future>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/tsa_client.h"
#include "ledger/posix_file.h"
#include "merkle/checkpoint.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/tlog_proof.h"

namespace auditledger {
namespace {

uint64_t MicrosOf(std::chrono::seconds time) {
  return static_cast<uint64_t>(std::chrono::microseconds(time).count());
}

// Whether entries [from, size) hold one that is not about a timestamp. Those that are stand at the
// beginning, so that one of another kind ends the search soon.
absl::StatusOr<bool> HasGrown(Ledger& ledger, uint64_t from, uint64_t size) {
  bool grown = false;
  if (from >= size) return grown;
  RETURN_IF_ERROR(ledger.ReadEntries(from, size, /*with_opening=*/false, [&](StoredEntry entry) {
    const absl::StatusOr<Leaf> leaf = ParseLeaf(entry.leaf);
    grown = !leaf.ok() || leaf->kind != EntryKind::kAnchor;
    return !grown;
  }));
  return grown;
}

// The entry that a stored receipt is of.
std::optional<Anchor> AnchorOf(const std::string& receipt) {
  const absl::StatusOr<TlogProof> proof = ParseTlogProof(receipt);
  if (!proof.ok() || !proof->extra.has_value()) return std::nullopt;
  const absl::StatusOr<ReceiptExtra> extra = ParseReceiptExtra(*proof->extra);
  const absl::StatusOr<Leaf> leaf = extra.ok() ? ParseLeaf(extra->leaf) : extra.status();
  const absl::StatusOr<Anchor> anchor = leaf.ok() ? ParseAnchor(leaf->body) : leaf.status();
  if (!anchor.ok()) return std::nullopt;
  return *anchor;
}

absl::StatusOr<std::string> ReceiptOf(AppendOutcome outcome) {
  AppendedEntry& entry = outcome.entries.front();
  TlogProof proof;
  ReceiptExtra extra;
  extra.leaf = std::move(entry.leaf);
  ASSIGN_OR_RETURN(proof.extra, EncodeReceiptExtra(extra));
  proof.index = entry.index;
  proof.path = std::move(entry.inclusion);
  proof.checkpoint = outcome.head->checkpoint;
  return FormatTlogProof(proof);
}

// The head that a note says, which we signed ourselves.
absl::StatusOr<Checkpoint> HeadOf(const std::string& checkpoint, std::string* text) {
  ASSIGN_OR_RETURN(Note note, ParseNote(checkpoint));
  ASSIGN_OR_RETURN(Checkpoint head, ParseCheckpoint(note.text));
  if (text != nullptr) *text = std::move(note.text);
  return head;
}

uint64_t Distance(uint64_t a, uint64_t b) { return a < b ? b - a : a - b; }

// Refused before it is kept: an entry that named it could not be taken back.
absl::Status CheckTime(const Timestamp& stamp, uint64_t now_us) {
  const uint64_t allowed =
      std::min(stamp.accuracy_us.value_or(0) + kMaxTsaClockOffsetMicros, kMaxAnchorAheadMicros);
  const uint64_t off = Distance(stamp.time_us, now_us);
  if (off <= allowed) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("wrong clock: the stamp's time is ", off / 1'000'000, " s ",
                   stamp.time_us > now_us ? "ahead of" : "behind", " this machine's, over the ",
                   allowed / 1'000'000, " s allowed: set the clock here, or ask another TSA"));
}

// Appends the entry, waits for it, and keeps its receipt. The committer answers always.
absl::Status NameToken(Ledger& ledger, const TimestampStore& store, const std::string& stem,
                       const Anchor& anchor) {
  std::promise<absl::StatusOr<AppendOutcome>> promise;
  ledger.AppendAnchor(anchor, [&promise](absl::StatusOr<AppendOutcome> outcome) {
    promise.set_value(std::move(outcome));
  });
  ASSIGN_OR_RETURN(AppendOutcome outcome, promise.get_future().get());
  ASSIGN_OR_RETURN(const std::string receipt, ReceiptOf(std::move(outcome)));
  return store.PutReceipt(stem, receipt);
}

}  // namespace

absl::StatusOr<Anchorer::Options> Anchorer::ReadOptions(const config::v1::Anchor& anchor,
                                                        const std::string& data_root) {
  Options out;
  out.data_root = data_root;
  out.interval = std::chrono::seconds(anchor.interval_s());
  out.timeout = std::chrono::milliseconds(anchor.timeout_ms());
  out.post = PostTimestampQuery;
  for (int i = 0; i < anchor.tsas_size(); ++i) {
    const config::v1::Tsa& tsa = anchor.tsas(i);
    const auto wrong = [i](const absl::Status& status) {
      return absl::InvalidArgumentError(
          absl::StrCat("anchor.tsas[", i, "].ca_file: ", status.message()));
    };
    const absl::StatusOr<std::string> pem = ReadWholeFile(tsa.ca_file(), kMaxTsaCaFileBytes);
    if (!pem.ok()) return wrong(pem.status());
    std::vector<std::string> policies;
    if (!tsa.policy_oid().empty()) policies.push_back(tsa.policy_oid());
    absl::StatusOr<TsaTrust> trust = TsaTrust::FromPem(*pem, policies);
    if (!trust.ok()) return wrong(trust.status());
    out.tsas.push_back({tsa.url(), tsa.policy_oid(), *std::move(trust)});
  }
  return out;
}

Anchorer::Anchorer(LedgerSet& ledgers, RpcLog& log, Clock& clock, Random& random, Options options)
    : ledgers_(ledgers), log_(log), clock_(clock), random_(random), options_(std::move(options)) {}

void Anchorer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Anchorer::Stop() {
  if (!thread_.joinable()) return;
  stopping_.Notify();
  thread_.join();
}

void Anchorer::Run() {
  do {
    RunOnce();
  } while (!stopping_.WaitFor(kAnchorTick));
}

void Anchorer::RunOnce() {
  MutexLock lock(round_mutex_);
  for (const LedgerSet::Slot& found : ledgers_.List()) {
    // All of a ledger's before one of them stamps: what one stored now, the next did not.
    for (size_t tsa = 0; tsa < options_.tsas.size(); ++tsa) OpenSlot(found.id, tsa);
    for (size_t tsa = 0; found.ledger != nullptr && tsa < options_.tsas.size(); ++tsa) {
      if (stopping_.WaitFor(std::chrono::milliseconds(0))) return;
      Visit(found.id, *found.ledger, tsa);
    }
  }
}

void Anchorer::Visit(const std::string& id, Ledger& ledger, size_t tsa) {
  Slot& slot = slots_[{id, tsa}];
  slot.report.ledger_id = id;
  slot.report.tsa = options_.tsas[tsa].url;
  if (clock_.MonotonicMicros() < slot.due_us) return;
  const absl::Status status = Stamp(id, ledger, options_.tsas[tsa], slot);
  Note(id, options_.tsas[tsa], status, slot);
  MutexLock lock(report_mutex_);
  report_[{id, tsa}] = slot.report;
}

// A process that is started again and again asks no more often than one that is not.
void Anchorer::OpenSlot(const std::string& id, size_t tsa) {
  Slot& slot = slots_[{id, tsa}];
  if (slot.opened) return;
  slot.opened = true;
  const TimestampStore store(absl::StrCat(options_.data_root, "/", id, "/timestamps"));
  const absl::StatusOr<std::vector<std::string>> stems = store.List();
  if (!stems.ok() || stems->empty()) return;
  const absl::StatusOr<StoredTimestamp> newest = store.Read(stems->back());
  const auto anchor = newest.ok() ? AnchorOf(newest->receipt) : std::nullopt;
  if (!anchor.has_value()) return;
  slot.stamped_size = anchor->size;
  const uint64_t now_us = clock_.WallMicros();
  const uint64_t interval_us = MicrosOf(options_.interval);
  const uint64_t age_us = now_us > anchor->time_us ? now_us - anchor->time_us : 0;
  if (age_us < interval_us) slot.due_us = clock_.MonotonicMicros() + interval_us - age_us;
}

absl::Status Anchorer::Stamp(const std::string& id, Ledger& ledger, const Tsa& tsa, Slot& slot) {
  const TimestampStore store(absl::StrCat(options_.data_root, "/", id, "/timestamps"));
  RETURN_IF_ERROR(NamePending(ledger, store));
  const std::shared_ptr<const PublishedHead> head = ledger.head();
  ASSIGN_OR_RETURN(const bool grown, HasGrown(ledger, slot.stamped_size, head->head.size));
  if (!grown) return absl::OkStatus();
  std::string text;
  ASSIGN_OR_RETURN(const Checkpoint stamped, HeadOf(head->checkpoint, &text));
  uint64_t nonce = 0;
  for (const char c : random_.Bytes(sizeof(nonce))) nonce = nonce << 8 | static_cast<uint8_t>(c);
  ASSIGN_OR_RETURN(const std::string query, EncodeTimestampQuery(text, nonce, tsa.policy_oid));
  ASSIGN_OR_RETURN(const std::string reply, options_.post(tsa.url, query, options_.timeout));
  ASSIGN_OR_RETURN(const Timestamp stamp, VerifyTimestampReply(reply, text, nonce, tsa.trust));
  RETURN_IF_ERROR(CheckTime(stamp, clock_.WallMicros()));
  const Hash token_hash = Sha256({stamp.token});
  const std::string stem = TimestampFileStem(stamped.size, token_hash);
  RETURN_IF_ERROR(store.Put({stem, head->checkpoint, stamp.token, ""}));
  RETURN_IF_ERROR(
      NameToken(ledger, store, stem, {stamped.size, stamped.root, token_hash, stamp.time_us}));
  slot.stamped_size = stamped.size;
  slot.report.size = stamped.size;
  slot.report.time_us = stamp.time_us;
  const int64_t ahead_us =
      static_cast<int64_t>(stamp.time_us) - static_cast<int64_t>(clock_.WallMicros());
  log_.Event("head_stamped", {{"ledger", id},
                              {"tsa", tsa.url},
                              {"size", absl::StrCat(stamped.size)},
                              {"tsa_clock_ahead_ms", absl::StrCat(ahead_us / 1000)}});
  return absl::OkStatus();
}

absl::Status Anchorer::NamePending(Ledger& ledger, const TimestampStore& store) {
  ASSIGN_OR_RETURN(const std::vector<std::string> stems, store.List());
  // The newest alone can be pending: nothing is stamped before it is named.
  if (stems.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const StoredTimestamp newest, store.Read(stems.back()));
  if (!newest.receipt.empty()) return absl::OkStatus();
  std::string text;
  ASSIGN_OR_RETURN(const Checkpoint head, HeadOf(newest.checkpoint, &text));
  for (const Tsa& tsa : options_.tsas) {
    const absl::StatusOr<Timestamp> stamp = VerifyTimestampToken(newest.token, text, tsa.trust);
    if (!stamp.ok()) continue;
    // Of a clock that was wrong then, or of ours that is wrong now: no stamp waits for it.
    if (stamp->time_us > clock_.WallMicros() + kMaxAnchorAheadMicros) break;
    return NameToken(ledger, store, newest.stem,
                     {head.size, head.root, Sha256({newest.token}), stamp->time_us});
  }
  // Of a TSA that is no longer configured, or of a time to come: it stands as it is.
  return absl::OkStatus();
}

void Anchorer::Note(const std::string& id, const Tsa& tsa, const absl::Status& status, Slot& slot) {
  const std::string why(status.message());
  const uint64_t interval_us = MicrosOf(options_.interval);
  uint64_t wait_us = interval_us;
  if (!status.ok()) {
    if (why != slot.logged) {
      log_.Warning("head_not_stamped", {{"ledger", id}, {"tsa", tsa.url}, {"why", why}});
    }
    const uint32_t doublings = std::min<uint32_t>(slot.failures_in_row, 20);
    wait_us = std::min(interval_us, MicrosOf(kFirstRetry) << doublings);
    ++slot.failures_in_row;
    ++slot.report.failures;
  } else {
    slot.failures_in_row = 0;
  }
  slot.logged = why;
  slot.report.failing = !status.ok();
  slot.due_us = clock_.MonotonicMicros() + wait_us;
}

std::vector<Anchorer::Anchored> Anchorer::Report() const {
  MutexLock lock(report_mutex_);
  std::vector<Anchored> out;
  for (const auto& [key, anchored] : report_) out.push_back(anchored);
  return out;
}

}  // namespace auditledger
