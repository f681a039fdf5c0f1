#include "ledger/ledger_set.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/errors.h"
#include "ledger/mutex.h"
#include "ledger/posix_file.h"
#include "merkle/checkpoint.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

constexpr size_t kMaxIdLength = 63;  // as a DNS label
constexpr size_t kMaxOriginLength = 255;
constexpr char kOriginFile[] = "ledger.origin";

struct Root {
  const char* name;
  std::string LedgerPaths::*path;
};
constexpr Root kRoots[] = {{"data_dir", &LedgerPaths::data_dir},
                           {"state_dir", &LedgerPaths::state_dir},
                           {"key_dir", &LedgerPaths::key_dir},
                           {"seed_dir", &LedgerPaths::seed_dir}};

// The folder without links or dots, made when absent, closed to others.
absl::StatusOr<std::string> PrepareRoot(const Root& root, const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError(absl::StrCat(root.name, " is not given"));
  RETURN_IF_ERROR(MakeDirectory(path, 0700));
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat(root.name, " ", path));
  std::string canonical(resolved);
  ::free(resolved);
  struct stat info = {};
  if (::stat(canonical.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(root.name, " ", canonical));
  }
  if (!S_ISDIR(info.st_mode) || (info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s %s must be a folder closed to others (mode %04o): chmod 700 %s",
                        root.name, canonical, info.st_mode & 07777, canonical));
  }
  return canonical;
}

bool Inside(const std::string& inner, const std::string& outer) {
  return inner == outer || absl::StartsWith(inner, outer == "/" ? outer : outer + "/");
}

// A copy or a thief that takes one of them must not get another along with it.
absl::StatusOr<LedgerPaths> PrepareRoots(const LedgerPaths& given) {
  LedgerPaths out;
  out.signer_socket = given.signer_socket;
  out.master_key = given.master_key;
  for (const Root& root : kRoots) {
    ASSIGN_OR_RETURN(out.*root.path, PrepareRoot(root, given.*root.path));
  }
  for (const Root& inner : kRoots) {
    for (const Root& outer : kRoots) {
      if (inner.path == outer.path || !Inside(out.*inner.path, out.*outer.path)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(inner.name, " (", out.*inner.path, ") lies inside ", outer.name, " (",
                       out.*outer.path, "): each needs a place of its own"));
    }
  }
  return out;
}

class LedgerSetImpl : public LedgerSet {
 public:
  LedgerSetImpl(LedgerSetOptions options, LedgerPaths roots)
      : options_(std::move(options)), roots_(std::move(roots)) {}
  ~LedgerSetImpl() override { Drain(); }

  absl::Status OpenAll();
  absl::StatusOr<Ledger*> Create(absl::string_view id, absl::string_view origin,
                                 const Predecessor& predecessor) override;
  absl::StatusOr<Ledger*> Find(absl::string_view id) override;
  std::vector<Slot> List() override;
  void Refuse(absl::string_view id, const absl::Status& why) override;
  void Drain() override;

 private:
  struct Entry {
    std::string origin;
    absl::Status refused;
    std::unique_ptr<Ledger> ledger;
  };

  LedgerOptions OptionsOf(const std::string& id, const std::string& origin) const;
  std::string OriginPath(const std::string& id) const {
    return absl::StrCat(roots_.data_dir, "/", id, "/", kOriginFile);
  }
  absl::StatusOr<std::string> ReadOrigin(const std::string& id) const;
  absl::Status WriteOrigin(const std::string& id, const std::string& origin) const;
  absl::Status CheckFree(const std::string& id, const std::string& origin);
  absl::Status CheckPredecessor(const std::string& origin, const Predecessor& predecessor);

  const LedgerSetOptions options_;
  const LedgerPaths roots_;
  Mutex create_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // one Create at a time; reads go on meanwhile
  Mutex mutex_;
  std::map<std::string, Entry> ledgers_ ABSL_GUARDED_BY(mutex_);
};

LedgerOptions LedgerSetImpl::OptionsOf(const std::string& id, const std::string& origin) const {
  LedgerOptions out;
  out.origin = origin;
  for (const Root& root : kRoots) {
    out.paths.*root.path = absl::StrCat(roots_.*root.path, "/", id);
  }
  out.paths.signer_socket = roots_.signer_socket;
  out.paths.master_key = roots_.master_key;
  out.limits = options_.limits;
  out.overrides = options_.overrides;
  out.erasure.one_person = options_.one_person_erases && options_.one_person_erases(id);
  out.clock = options_.clock;
  out.random = options_.random;
  return out;
}

absl::StatusOr<std::string> LedgerSetImpl::ReadOrigin(const std::string& id) const {
  ASSIGN_OR_RETURN(std::string text, ReadWholeFile(OriginPath(id), kMaxOriginLength + 1));
  if (!absl::EndsWith(text, "\n")) {
    return absl::DataLossError(absl::StrCat(OriginPath(id), " does not end its line"));
  }
  text.pop_back();
  const absl::Status valid = CheckOrigin(text);
  if (!valid.ok()) {
    return absl::DataLossError(absl::StrCat(OriginPath(id), ": ", valid.message()));
  }
  return text;
}

absl::Status LedgerSetImpl::WriteOrigin(const std::string& id, const std::string& origin) const {
  RETURN_IF_ERROR(MakeDirectory(DirectoryOf(OriginPath(id))));
  const absl::Status written = CreateFile(OriginPath(id), origin + "\n");
  if (!absl::IsAlreadyExists(written)) return written;
  ASSIGN_OR_RETURN(const std::string there, ReadOrigin(id));
  if (there == origin) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the folder of ledger ", id, " was made for origin ", there));
}

absl::Status LedgerSetImpl::OpenAll() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(roots_.data_dir));
  std::map<std::string, int> count_of;  // ledgers, by origin
  MutexLock lock(mutex_);
  for (const std::string& id : names) {
    if (!CheckLedgerId(id).ok()) continue;
    if (ledgers_.size() >= options_.max_ledgers) {
      return WithReason(absl::ResourceExhaustedError(
                            absl::StrCat(roots_.data_dir, " holds more than max_ledgers, ",
                                         options_.max_ledgers, ", ledgers")),
                        kReasonTooManyLedgers);
    }
    Entry& entry = ledgers_[id];
    const absl::StatusOr<std::string> origin = ReadOrigin(id);
    if (!origin.ok()) {
      entry.refused = absl::FailedPreconditionError(
          absl::StrCat("its origin is unknown: ", origin.status().message()));
      continue;
    }
    entry.origin = *origin;
    ++count_of[*origin];
  }
  for (auto& [id, entry] : ledgers_) {
    if (entry.origin.empty()) continue;
    if (count_of[entry.origin] > 1) {
      // Both would sign as one log: whichever grew first, the other is a fork.
      entry.refused = absl::FailedPreconditionError(absl::StrCat(
          "origin ", entry.origin, " is that of ", count_of[entry.origin], " ledgers in ",
          roots_.data_dir, ": one of them is a copy. Move the copy away from all four folders"));
      continue;
    }
    LedgerOptions options = OptionsOf(id, entry.origin);
    options.hold_until_confirmed =
        options_.hold_until_confirmed && options_.hold_until_confirmed(id);
    auto opened = Ledger::Open(options);
    entry.refused = opened.status();
    if (opened.ok()) entry.ledger = *std::move(opened);
  }
  return absl::OkStatus();
}

// Whether a ledger may be made under this id and origin; one whose Create was cut short may.
absl::Status LedgerSetImpl::CheckFree(const std::string& id, const std::string& origin) {
  MutexLock lock(mutex_);
  for (const auto& [other, entry] : ledgers_) {
    if (other != id && entry.origin != origin) continue;
    if (other == id && entry.ledger == nullptr) continue;
    return WithReason(absl::AlreadyExistsError(absl::StrCat(
                          "ledger ", other, " has ", other == id ? "this id" : "this origin")),
                      kReasonLedgerExists);
  }
  if (ledgers_.count(id) == 0 && ledgers_.size() >= options_.max_ledgers) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrCat("max_ledgers is ", options_.max_ledgers)),
        kReasonTooManyLedgers);
  }
  return absl::OkStatus();
}

// That it is the last head of the log whose successor is made. Where that log is not here, whoever
// gave its checkpoint has checked it.
absl::Status LedgerSetImpl::CheckPredecessor(const std::string& origin,
                                             const Predecessor& predecessor) {
  if (predecessor.checkpoint.empty()) {
    return predecessor.end == 0 ? absl::OkStatus()
                                : absl::InvalidArgumentError("an end of no predecessor");
  }
  if (predecessor.checkpoint.size() > kMaxPredecessorBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the predecessor's checkpoint is over ", kMaxPredecessorBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const Note note, ParseNote(predecessor.checkpoint));
  ASSIGN_OR_RETURN(const Checkpoint head, ParseCheckpoint(note.text));
  if (head.origin == origin) {
    return absl::InvalidArgumentError("a successor has another origin than its predecessor");
  }
  if (head.size == 0) return absl::InvalidArgumentError("the predecessor's head has no entries");
  if (predecessor.end != 0 && predecessor.end <= head.size) {
    return absl::InvalidArgumentError("the predecessor's end is not beyond its head");
  }
  for (const Slot& slot : List()) {
    if (slot.origin != head.origin) continue;
    if (slot.ledger == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(
          "ledger ", slot.id,
          ", the predecessor, is here and not open, so that the "
          "head cannot be held against it (",
          slot.refused.message(), "). `auditctl retire` gives it up at a head that counts"));
    }
    if (slot.ledger->status().state != LedgerState::kFrozen) {
      return absl::FailedPreconditionError(
          absl::StrCat("ledger ", slot.id,
                       " is not frozen: `auditctl freeze` or `auditctl retire` "
                       "ends it before it has a successor"));
    }
    const Head last = slot.ledger->head()->head;
    if (head.size > last.size) {
      return absl::FailedPreconditionError(
          absl::StrCat("ledger ", slot.id, " has ", last.size, " entries, the head ", head.size));
    }
    ASSIGN_OR_RETURN(const std::vector<Hash> proof, slot.ledger->Consistency(head.size, last.size));
    if (!VerifyExtension(head.size, head.root, last.size, last.root, proof).ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("ledger ", slot.id, " has another head of size ", head.size));
    }
    // Entries between the two would vanish without a word.
    if (head.size < last.size && predecessor.end < last.size) {
      return absl::FailedPreconditionError(
          absl::StrCat("ledger ", slot.id, " ends at size ", last.size, ", the head has ",
                       head.size, ": give its last head, or --predecessor-end ", last.size,
                       " to record which entries are not carried over"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Ledger*> LedgerSetImpl::Create(absl::string_view id_view,
                                              absl::string_view origin_view,
                                              const Predecessor& predecessor) {
  RETURN_IF_ERROR(CheckLedgerId(id_view));
  RETURN_IF_ERROR(CheckOrigin(origin_view));
  const std::string id(id_view);
  const std::string origin(origin_view);
  MutexLock one(create_mutex_);
  RETURN_IF_ERROR(CheckFree(id, origin));
  RETURN_IF_ERROR(CheckPredecessor(origin, predecessor));
  RETURN_IF_ERROR(WriteOrigin(id, origin));
  LedgerOptions options = OptionsOf(id, origin);
  options.predecessor = predecessor;
  ASSIGN_OR_RETURN(std::unique_ptr<Ledger> ledger, Ledger::Create(options));
  MutexLock lock(mutex_);
  Entry& entry = ledgers_[id];
  entry.origin = origin;
  entry.refused = absl::OkStatus();
  entry.ledger = std::move(ledger);
  return entry.ledger.get();
}

absl::StatusOr<Ledger*> LedgerSetImpl::Find(absl::string_view id) {
  MutexLock lock(mutex_);
  const auto found = ledgers_.find(std::string(id));
  if (found == ledgers_.end()) {
    return WithReason(absl::NotFoundError("there is no ledger of this id"), kReasonLedgerNotFound);
  }
  if (!found->second.refused.ok()) return found->second.refused;
  return found->second.ledger.get();
}

std::vector<LedgerSet::Slot> LedgerSetImpl::List() {
  std::vector<Slot> slots;
  MutexLock lock(mutex_);
  for (const auto& [id, entry] : ledgers_) {
    Ledger* const ledger = entry.refused.ok() ? entry.ledger.get() : nullptr;
    slots.push_back({id, entry.origin, ledger, entry.refused});
  }
  return slots;
}

void LedgerSetImpl::Refuse(absl::string_view id, const absl::Status& why) {
  MutexLock lock(mutex_);
  const auto found = ledgers_.find(std::string(id));
  if (found == ledgers_.end() || found->second.ledger == nullptr) return;
  found->second.refused = why;
  found->second.ledger->Hold(WithReason(why, kReasonLedgerReadOnly));
}

void LedgerSetImpl::Drain() {
  std::vector<Ledger*> ledgers;  // refused ones too, which were open
  {
    MutexLock lock(mutex_);
    for (const auto& [id, entry] : ledgers_) {
      if (entry.ledger != nullptr) ledgers.push_back(entry.ledger.get());
    }
  }
  for (Ledger* const ledger : ledgers) ledger->Drain();
}

}  // namespace

absl::Status CheckLedgerId(absl::string_view id) {
  const bool fits = !id.empty() && id.size() <= kMaxIdLength && absl::ascii_islower(id[0]) &&
                    std::all_of(id.begin(), id.end(), [](char c) {
                      return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
                    });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError("a ledger id is [a-z][a-z0-9-]{0,62}");
}

absl::Status CheckOrigin(absl::string_view origin) {
  const bool fits = !origin.empty() && origin.size() <= kMaxOriginLength &&
                    !absl::StrContains(origin, "://") &&
                    std::all_of(origin.begin(), origin.end(),
                                [](char c) { return absl::ascii_isgraph(c) && c != '+'; });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "an origin has 1 to 255 printable ASCII characters, no space, no '+' and no scheme");
}

absl::StatusOr<std::unique_ptr<LedgerSet>> LedgerSet::Open(const LedgerSetOptions& options) {
  ASSIGN_OR_RETURN(LedgerPaths roots, PrepareRoots(options.roots));
  if (!roots.signer_socket.empty()) {
    RETURN_IF_ERROR(WaitForSigner(roots.signer_socket, options.signer_patience));
  }
  auto set = std::make_unique<LedgerSetImpl>(options, std::move(roots));
  RETURN_IF_ERROR(set->OpenAll());
  return set;
}

}  // namespace auditledger
