#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/client/emitter.h"
#include "api/client/retry.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_receipt.h"
#include "tools/event_reader.h"
#include "tools/json_event.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

constexpr std::chrono::milliseconds kLockPause{50};

struct EmitOptions {
  std::vector<std::string> files;
  std::vector<std::string> events;
  std::string format = "auto";
  std::string spool;
  std::string spool_key;
  std::string stream;
  std::string observer;
  std::string sign_key;
  std::string receipts_dir;
  uint64_t spool_mib = 256;
  double wait_s = 10;
  double lock_wait_s = 10;
  bool no_follow = false;
  bool refused = false;
  std::string take_refused;
};

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

std::string HostObserver() {
  char name[256] = "";
  if (::gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "Device/unknown";
  return absl::StrCat("Device/", name);
}

// One run: from the spool's lock to what became of everything in it.
class EmitRun {
 public:
  EmitRun(const EmitOptions& options, const Options& global) : options_(options), global_(global) {}

  absl::Status Go() {
    if (!options_.receipts_dir.empty()) RETURN_IF_ERROR(MakeFolders(options_.receipts_dir));
    RETURN_IF_ERROR(Start());
    if (options_.refused) return ShowRefused();
    if (!options_.take_refused.empty()) return TakeRefused();
    const absl::Status taken = TakeAll();
    const absl::Status sent = emitter_->Drain(Milliseconds(options_.wait_s));
    emitter_->Stop();  // what is told below is then final
    const absl::Status settled = Judge(sent);
    return taken.ok() ? settled : taken;
  }

 private:
  absl::Status Start() {
    ASSIGN_OR_RETURN(const EmitterOptions emitter_options, MakeOptions());
    LedgerTransportOptions transport;
    ASSIGN_OR_RETURN(transport.ledger, LedgerNameOf(global_));
    transport.follow = !options_.no_follow;
    transport.stream_timeout = transport.timeout = Milliseconds(global_.timeout_s);
    if (!global_.pin_key.empty()) {
      ASSIGN_OR_RETURN(const Pin pin, LoadPinOfItself(global_.pin_key));
      transport.log = PinnedLog{pin.origin, pin.key};
    }
    if (!options_.sign_key.empty()) {
      if (!transport.log.has_value()) {
        return absl::InvalidArgumentError("--sign-key needs --pin-key: the log is signed too");
      }
      ASSIGN_OR_RETURN(EmitterKey key, EmitterKey::FromFile(options_.sign_key));
      transport.key = std::make_shared<const EmitterKey>(std::move(key));
    }
    ASSIGN_OR_RETURN(const auto channel, OpenChannel(global_));
    const RetryPolicy pause;
    for (auto waited = std::chrono::milliseconds(0);; waited += kLockPause) {
      ASSIGN_OR_RETURN(SpoolKey key, SpoolKey::FromFile(options_.spool_key));
      auto emitter = Emitter::Start(emitter_options, std::move(key),
                                    std::make_unique<LedgerTransport>(channel, transport));
      if (emitter.ok()) {
        emitter_ = *std::move(emitter);
        return absl::OkStatus();
      }
      const bool busy = absl::IsUnavailable(emitter.status());  // another process has the spool
      if (!busy || waited >= Milliseconds(options_.lock_wait_s)) return emitter.status();
      Sleep(pause, kLockPause);
    }
  }

  absl::StatusOr<EmitterOptions> MakeOptions() {
    EmitterOptions out;
    out.spool.folder = options_.spool;
    out.spool.stream = options_.stream;
    out.spool.max_bytes = options_.spool_mib << 20;
    out.source.mutable_observer()->set_reference(options_.observer);
    out.heartbeat = std::chrono::seconds(0);  // who runs and ends is not silent
    out.declare_recording = false;
    out.send.on_refused = [this](const SpooledEvent& spooled, const absl::Status& why) {
      std::cerr << "auditctl: refused: " << spooled.sequence << " " << spooled.event.event_id()
                << ": " << why.message() << "\n";
    };
    if (!options_.receipts_dir.empty()) {
      out.send.on_receipt = [this](const SpooledEvent& spooled, const v1::Receipt& receipt) {
        const absl::Status written = WriteReceipt(spooled.event, receipt);
        if (receipts_.ok()) receipts_ = written;
      };
    }
    return out;
  }

  absl::Status WriteReceipt(const v1::AuditEvent& event, const v1::Receipt& receipt) const {
    std::string bytes = event.SerializeAsString();
    if (receipt.has_opening()) {
      ASSIGN_OR_RETURN(bytes, SealedEventOf(receipt.opening(), bytes));
    }
    return WriteReceiptFiles(options_.receipts_dir, OfReceipt(receipt), bytes);
  }

  absl::Status TakeAll() {
    for (const std::string& text : options_.events) {
      ASSIGN_OR_RETURN(v1::AuditEvent event, AuditEventFromText(text));
      RETURN_IF_ERROR(Take(std::move(event), "--event"));
    }
    for (const std::string& file : options_.files) {
      if (file == "-") {
        RETURN_IF_ERROR(TakeFrom(std::cin, "stdin"));
        continue;
      }
      std::ifstream input(file, std::ios::binary);
      if (!input) return absl::InvalidArgumentError(absl::StrCat("cannot read ", file));
      RETURN_IF_ERROR(TakeFrom(input, file));
    }
    return absl::OkStatus();
  }

  absl::Status TakeFrom(std::istream& input, const std::string& name) {
    ASSIGN_OR_RETURN(const EventFormat format, ParseEventFormat(options_.format));
    EventReader reader(input, name, format);
    while (true) {
      auto next = reader.Next();
      if (!next.ok()) {
        return absl::Status(next.status().code(),
                            absl::StrCat(next.status().message(), "\n  ", accepted_,
                                         " before it were accepted, nothing after it"));
      }
      if (!next->has_value()) return absl::OkStatus();
      RETURN_IF_ERROR(Take(*std::move(*next), absl::StrCat(name, ":", reader.line())));
    }
  }

  // A line once the event is on the disk: what was printed arrives.
  absl::Status Take(v1::AuditEvent event, const std::string& where) {
    const auto emitted = emitter_->Emit(std::move(event));
    if (!emitted.ok()) {
      return absl::Status(emitted.status().code(),
                          absl::StrCat(where, ": was not accepted: ", emitted.status().message()));
    }
    ++accepted_;
    if (global_.json) {
      PrintJson({{"sequence", emitted->sequence},
                 {"event_id", emitted->event_id},
                 {"stream_id", emitted->stream_id}});
    } else {
      PrintRow({absl::StrCat(emitted->sequence), emitted->event_id});
    }
    std::cout.flush();
    return absl::OkStatus();
  }

  // What the exit code says of `sent`, Drain's answer.
  absl::Status Judge(const absl::Status& sent) const {
    const EmitterCounters counters = emitter_->counters();
    if (!global_.json) {
      std::cerr << accepted_ << " events accepted; of all in the spool " << counters.sender.receipts
                << " were recorded" << (global_.pin_key.empty() ? "" : ", every receipt verified")
                << ", " << counters.spool_events << " wait\n";
    }
    if (!sent.ok() && counters.sender.not_proven > 0) {
      return NotProven(counters.sender.last_error);
    }
    RETURN_IF_ERROR(counters.spool);
    RETURN_IF_ERROR(receipts_);
    if (!sent.ok()) return Unsent(sent, counters.sender.last_error);
    const uint64_t refused = counters.sender.refused + counters.sender.erased;
    if (refused == 0) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "the ledger refused ", refused, " events; `auditctl emit --refused` shows all that were"));
  }

  // Nobody answered, or somebody said no.
  static absl::Status Unsent(const absl::Status& sent, const absl::Status& last) {
    const bool answered = !last.ok() && !IsRetryable(last);
    return answered ? absl::FailedPreconditionError(sent.message())
                    : FromRpc({grpc::StatusCode::UNAVAILABLE, std::string(sent.message())});
  }

  absl::Status ShowRefused() const {
    ASSIGN_OR_RETURN(const std::vector<RefusedEvent> refused, emitter_->Refused());
    for (const RefusedEvent& one : refused) {
      ASSIGN_OR_RETURN(const std::string event, JsonFromAuditEvent(one.event, false));
      PrintRow({one.why, event});
    }
    return absl::OkStatus();
  }

  // To the file first, for the spool lets go of them then.
  absl::Status TakeRefused() {
    const std::string& path = options_.take_refused;
    if (std::filesystem::exists(path)) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is there: give a new file"));
    }
    ASSIGN_OR_RETURN(const std::vector<RefusedEvent> refused, emitter_->Refused());
    if (refused.empty()) return absl::OkStatus();
    std::string lines;
    for (const RefusedEvent& one : refused) {
      PrintRow({one.why, one.event.event_id()});
      if (absl::StartsWith(one.why, "EVENT_ERASED")) continue;  // nothing of it is left
      ASSIGN_OR_RETURN(const std::string event, JsonFromAuditEvent(one.event, false));
      absl::StrAppend(&lines, event, "\n");
    }
    RETURN_IF_ERROR(
        WriteFileAtomically({.path = path, .temporary = path + ".tmp", .mode = 0600}, lines));
    return emitter_->TakeRefused(refused.back().number);
  }

  const EmitOptions& options_;
  const Options& global_;
  absl::Status receipts_;  // of writing them; set on the sender's thread, read when it has ended
  uint64_t accepted_ = 0;
  std::unique_ptr<Emitter> emitter_;
};

constexpr char kEmitHelp[] =
    "Hand events over to a spool on this machine, and send what it holds.\n\n"
    "An event counts as accepted when it is on the disk: a line then says its number in the stream "
    "and its\n"
    "id. It is sent in this run (--wait) or in any later one, and recorded once. Without files and "
    "events\n"
    "only what waits is sent: let cron do that. An event that has an id keeps it, and must not be "
    "emitted\n"
    "twice; `auditctl append` is for files that may be sent again.\n\n"
    "Exit codes: 0 all is recorded; 2 what was accepted is safe, but the ledger did not answer; 4 "
    "an event was\n"
    "not accepted (spool or disk full), the ledger refused one, or refuses all; 1 a receipt or "
    "head "
    "does not\n"
    "prove what it should; 64 wrong usage or input (lines before were accepted).\n\n"
    "Examples:\n"
    "  head -c 32 /dev/urandom >spool.key; chmod 600 spool.key\n"
    "  auditctl emit --spool spool --spool-key spool.key --stream backup-1 day.jsonl\n"
    "  my-exporter | auditctl emit --spool spool --spool-key spool.key --stream backup-1 -\n"
    "  auditctl emit --spool spool --spool-key spool.key --stream backup-1   # cron: send the rest";

}  // namespace

void AddEmitCommand(CLI::App& app, Run& run) {
  auto options = std::make_shared<EmitOptions>();
  options->observer = HostObserver();
  CLI::App* command = app.add_subcommand("emit", kEmitHelp);
  command->add_option("files", options->files, "files; - is standard input");
  command->add_option("--event", options->events, "an event, as JSON; may be given again")
      ->allow_extra_args(false);
  command->add_option("--format", options->format, "auto, event-json, jsonl or fhir-r4")
      ->capture_default_str();
  command->add_option("--spool", options->spool, "folder of the spool; made if need be")
      ->envname("AUDITCTL_SPOOL")
      ->required();
  command
      ->add_option("--spool-key", options->spool_key,
                   "file of 32 random bytes, its owner's alone, that the spool is encrypted under")
      ->envname("AUDITCTL_SPOOL_KEY")
      ->required();
  command
      ->add_option("--stream", options->stream,
                   "name of this emitter among those of one principal; the ledger sees NAME@EPOCH")
      ->envname("AUDITCTL_STREAM")
      ->required();
  command->add_option("--observer", options->observer, "who reports, in events that do not say")
      ->capture_default_str();
  command->add_option("--spool-mib", options->spool_mib, "the most that waits; then 4")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20))
      ->capture_default_str();
  command->add_option("--wait", options->wait_s, "seconds to send in; 0: as far as it goes at once")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--lock-wait", options->lock_wait_s,
                   "seconds to wait for another process that has the spool; then 4")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option(
      "--receipts", options->receipts_dir,
      "folder for INDEX.tlog-proof and INDEX.event.pb, which auditledger-verify reads");
  command->add_option("--sign-key", options->sign_key,
                      "Ed25519 private key (PEM) of this emitter's own, which signs each event; "
                      "needs --pin-key");
  command->add_flag("--no-follow", options->no_follow,
                    "do not have the ledger prove that its heads extend each other (for a "
                    "principal without the role prover)");
  command->add_flag("--refused", options->refused,
                    "show what the ledger refused, and why; take and wait for nothing");
  command->add_option("--take-refused", options->take_refused,
                      "move what the ledger refused into this new file, an event a line, which "
                      "`auditctl emit` takes again when it was mended; take nothing else");
  command->callback([options, &run] {
    run.action = [options, &run] { return EmitRun(*options, run.options).Go(); };
  });
}

}  // namespace auditledger::ctl
