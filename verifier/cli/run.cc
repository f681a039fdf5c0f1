#include "verifier/cli/run.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "nlohmann/json.hpp"
#include "verifier/answer_report.h"
#include "verifier/bundle_page.h"
#include "verifier/bundle_verify.h"
#include "verifier/cli/answer.h"
#include "verifier/cose_check.h"
#include "verifier/event_file.h"
#include "verifier/evidence_report.h"
#include "verifier/file_io.h"
#include "verifier/log_audit.h"
#include "verifier/mapped_file.h"
#include "verifier/sealed_export.h"
#include "verifier/sealed_file.h"
#include "verifier/successor.h"
#include "verifier/verify.h"
#include "verifier/witnesses.h"

namespace auditledger {
namespace {

int Usage(const absl::Status& status) {
  std::cerr << "auditledger-verify: " << status.message() << "\nSee --help.\n";
  return kExitUsage;
}

// The log and key alone, as --origin with --key, or --pins, say.
absl::StatusOr<Pin> PinnedLog(const Options& options) {
  if (options.pins.empty() == options.key.empty()) {
    return absl::InvalidArgumentError("pin the log: give --origin and --key, or --pins");
  }
  if (!options.key.empty()) {
    if (options.origin.empty()) return absl::InvalidArgumentError("--origin is missing");
    return LoadPin(options.origin, options.key);
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFileLimited(options.pins, kMaxPinsFileBytes));
  ASSIGN_OR_RETURN(std::vector<Pin> pins, ParsePins(text));
  if (options.origin.empty() && pins.size() == 1) return std::move(pins.front());
  for (Pin& pin : pins) {
    if (pin.origin == options.origin) return std::move(pin);
  }
  return absl::InvalidArgumentError(options.origin.empty()
                                        ? "the pins file has several origins: say which by --origin"
                                        : "the pins file does not have this origin");
}

absl::StatusOr<Pin> PinOf(const Options& options) {
  if (options.policy.empty()) {
    if (!options.allow_weak_policy) return PinnedLog(options);
    return absl::InvalidArgumentError("--allow-weak-policy without --policy");
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFileLimited(options.policy, kMaxPolicyBytes));
  ASSIGN_OR_RETURN(Policy policy, Policy::Parse(text));
  if (options.pins.empty() && options.key.empty()) {
    return PinFromPolicy(options.origin, std::move(policy), options.allow_weak_policy);
  }
  ASSIGN_OR_RETURN(Pin pin, PinnedLog(options));
  RETURN_IF_ERROR(AddPolicy(std::move(policy), options.allow_weak_policy, pin));
  return pin;
}

std::string TrustDir(const Options& options) {
  return options.trust_store.empty() ? DefaultTrustDir() : options.trust_store;
}

int Print(const Verdict& verdict, const Options& options) {
  if (!options.quiet) {
    std::cout << (options.json ? VerdictJson(verdict) : VerdictText(verdict));
  }
  return verdict.ExitCode();
}

// What lies on disk could not be read: no verdict about the log.
int PrintCannotTell(const absl::Status& status, const Pin& pin, const Options& options) {
  Verdict verdict = Verdict::About(options.command, pin);
  verdict.CannotTell(status.message());
  return Print(verdict, options);
}

absl::Status ReadOptional(const std::string& path, size_t max_bytes,
                          std::optional<std::string>& out) {
  if (path.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(out, ReadFileLimited(path, max_bytes));
  return absl::OkStatus();
}

absl::Status ReadIndexKey(const std::string& path, std::optional<std::string>& out) {
  if (path.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, ReadFileLimited(path, kMaxKeyFileBytes));
  ASSIGN_OR_RETURN(out, ParseIndexKey(text));
  return absl::OkStatus();
}

// `of_export`: the folder's own place for them; "" where there is none.
absl::Status ReadTimestamps(const Options& options, const std::string& of_export,
                            std::optional<TimestampFolder>& out) {
  if (options.tsa_ca.empty()) {
    if (options.timestamps.empty() && options.tsa_policies.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("--timestamps and --tsa-policy need --tsa-ca");
  }
  const std::string dir = options.timestamps.empty() ? of_export : options.timestamps;
  if (dir.empty()) return absl::InvalidArgumentError("--tsa-ca needs --timestamps DIR");
  ASSIGN_OR_RETURN(const std::string pem, ReadFileLimited(options.tsa_ca, kMaxTsaCaFileBytes));
  absl::StatusOr<TsaTrust> trust = TsaTrust::FromPem(pem, options.tsa_policies);
  if (!trust.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--tsa-ca: ", trust.status().message()));
  }
  out.emplace(TimestampFolder{dir, *std::move(trust)});
  return absl::OkStatus();
}

using Timestamps = std::optional<TimestampFolder>;

absl::StatusOr<Verdict> CheckReceipt(const Options& options, const Pin& pin, const History& history,
                                     const Timestamps& timestamps) {
  ReceiptInput input;
  ASSIGN_OR_RETURN(input.receipt, ReadFileLimited(options.file, kMaxProofFileBytes));
  if (!options.event.empty()) {
    ASSIGN_OR_RETURN(input.event, ReadEventFile(options.event));
  }
  RETURN_IF_ERROR(ReadIndexKey(options.index_key, input.index_key));
  input.timestamps = timestamps;
  return VerifyReceipt(input, pin, history);
}

absl::StatusOr<Verdict> CheckHead(const Options& options, const Pin& pin, const History& history) {
  CheckpointInput input;
  ASSIGN_OR_RETURN(input.text, ReadFileLimited(options.file, kMaxProofFileBytes));
  RETURN_IF_ERROR(ReadOptional(options.from, kMaxNoteBytes, input.from));
  return VerifyHead(input, pin, history);
}

absl::Status ReadProofs(const Options& options, std::vector<HeadProof>& proofs) {
  for (const std::string& path : options.proofs) {
    ASSIGN_OR_RETURN(const std::string text, ReadFileLimited(path, kMaxProofFileBytes));
    ASSIGN_OR_RETURN(HeadProof proof, ParseHeadProof(text));
    proofs.push_back(std::move(proof));
  }
  return absl::OkStatus();
}

absl::Status ReadKeyChanges(const Options& options, std::optional<KeyChangeList>& changes) {
  if (options.key_changes.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text,
                   ReadFileLimited(options.key_changes, kMaxKeyChangeListBytes));
  ASSIGN_OR_RETURN(changes, ParseKeyChangeList(text));
  return absl::OkStatus();
}

absl::StatusOr<Verdict> CheckTwoHeads(const Options& options, const Pin& pin,
                                      const History& history) {
  ConsistencyInput input;
  ASSIGN_OR_RETURN(input.old_note, ReadFileLimited(options.file, kMaxNoteBytes));
  ASSIGN_OR_RETURN(input.new_note, ReadFileLimited(options.new_file, kMaxNoteBytes));
  input.proofs = history.proofs;
  input.key_changes = history.key_changes;
  return VerifyTwoHeads(input, pin);
}

// On a terminal, every half second.
std::function<void(uint64_t, uint64_t)> ProgressLine(const Options& options) {
  if (options.quiet || ::isatty(STDERR_FILENO) == 0) return nullptr;
  auto last = std::chrono::steady_clock::now();
  return [last](uint64_t done, uint64_t total) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (done != total && now - last < std::chrono::milliseconds(500)) return;
    last = now;
    std::cerr << absl::StrFormat("\r%d of %d entries (%d %%)", done, total, done * 100 / total)
              << (done == total ? "\n" : "") << std::flush;
  };
}

absl::StatusOr<Verdict> CheckLog(const Options& options, const Pin& pin, const History& history,
                                 const Timestamps& timestamps) {
  LogInput input;
  input.dir = options.file;
  input.threads = options.threads;
  input.progress = ProgressLine(options);
  RETURN_IF_ERROR(ReadIndexKey(options.index_key, input.index_key));
  input.timestamps = timestamps;
  Verdict verdict = VerifyLog(input, pin, history);
  if (!options.predecessor.empty()) {
    CheckPredecessor(options.file, pin, {options.predecessor, options.predecessor_key}, history,
                     verdict);
  }
  return verdict;
}

int ShowEntry(const Options& options, const Pin& pin, const Timestamps& timestamps) {
  const EntryReport report = VerifyEntry(options.file, options.index, pin, timestamps);
  if (options.quiet) return report.verdict.ExitCode();
  if (options.json) {
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(VerdictJson(report.verdict));
    json["entry"] = {{"index", options.index},
                     {"kind", report.kind},
                     {"recorded_at", report.recorded_at},
                     {"leaf", report.leaf_hex},
                     {"sender", report.sender}};
    if (!report.event_json.empty()) {
      json["event"] = nlohmann::ordered_json::parse(report.event_json, nullptr, false);
    }
    std::cout << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
    return report.verdict.ExitCode();
  }
  if (!report.kind.empty()) {
    std::cout << "entry " << options.index << " (" << report.kind << "), recorded "
              << report.recorded_at << "\nleaf " << report.leaf_hex << "\n";
  }
  if (!report.sender.empty()) std::cout << "sent by " << report.sender << "\n";
  std::cout << report.event_json;
  return Print(report.verdict, options);
}

// What the trust store knows of the log's keys, if there is one: nothing is made for it.
absl::Status ReadRemembered(const Options& options, const Pin& pin,
                            std::vector<LoggedKeyChange>& changes) {
  const std::string dir = TrustDir(options);
  if (options.no_trust_store || !std::filesystem::exists(dir)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const TrustStore store, TrustStore::Open(dir));
  ASSIGN_OR_RETURN(changes, store.LoadKeyChanges(pin));
  return absl::OkStatus();
}

int ShowEvidence(const Options& options, const Pin& pin) {
  const absl::StatusOr<std::string> text = ReadFileLimited(options.file, kMaxEvidenceBytes);
  if (!text.ok()) return PrintCannotTell(text.status(), pin, options);
  EvidenceKeys keys;
  absl::Status read = ReadKeyChanges(options, keys.given);
  if (read.ok()) read = ReadRemembered(options, pin, keys.remembered);
  if (!read.ok()) return PrintCannotTell(read, pin, options);
  const EvidenceReport report = JudgeEvidence(*text, pin, keys);
  if (!options.quiet) std::cout << (options.json ? EvidenceJson(report) : EvidenceText(report));
  return report.verdict.ExitCode();
}

// What was sealed could not be opened.
int SealedFailed(const absl::Status& status) {
  if (absl::IsInvalidArgument(status)) return Usage(status);
  std::cerr << "auditledger-verify: " << status.message() << "\n";
  return absl::IsDataLoss(status) ? kExitRefused : kExitCannotTell;
}

int JudgeBundle(absl::string_view bytes, const Options& options, const Pin& pin) {
  BundleInput input;
  input.bytes = bytes;
  const absl::Status read = ReadIndexKey(options.index_key, input.index_key);
  if (!read.ok()) return PrintCannotTell(read, pin, options);
  const BundleReport report = VerifyBundle(input, pin);
  if (!options.quiet) std::cout << (options.json ? BundleJson(report) : BundleText(report));
  if (options.page.empty()) return report.ExitCode();
  const absl::Status written =
      WriteFileAtomically({.path = options.page, .temporary = options.page + ".tmp", .mode = 0600},
                          BundlePage(input.bytes, pin.key.ToVkey()));
  if (written.ok()) return report.ExitCode();
  std::cerr << "auditledger-verify: " << written.message() << "\n";
  return kExitCannotTell;
}

// A sealed one is opened in memory: nothing of it lies on a disk afterwards.
int ShowSealedBundle(const Options& options, const Pin& pin) {
  const absl::StatusOr<std::string> bytes = ReadSealed(options.file, options.recipient_key);
  if (!bytes.ok()) return SealedFailed(bytes.status());
  return JudgeBundle(*bytes, options, pin);
}

int ShowBundle(const Options& options, const Pin& pin) {
  if (!options.recipient_key.empty()) return ShowSealedBundle(options, pin);
  const absl::StatusOr<MappedFile> file = MappedFile::Open(options.file);
  if (!file.ok()) return PrintCannotTell(file.status(), pin, options);
  if (LooksSealed(file->bytes())) {
    return PrintCannotTell(absl::FailedPreconditionError(
                               "the file is sealed for its recipients: give --recipient-key"),
                           pin, options);
  }
  return JudgeBundle(file->bytes(), options, pin);
}

// No verdict: what is in it is as unproven as any export or bundle that somebody handed over.
int OpenExport(const Options& options) {
  const absl::Status status = OpenSealedExport(
      {.file = options.file, .key_file = options.recipient_key, .out = options.out});
  if (!status.ok()) return SealedFailed(status);
  if (options.quiet) return 0;
  if (options.json) {
    std::cout << nlohmann::ordered_json({{"opened", options.out}}).dump(2) << "\n";
  } else {
    std::cout << "opened into " << options.out << ", and nothing of it is verified yet: run `"
              << (std::filesystem::is_directory(options.out) ? "log" : "bundle") << " "
              << options.out << "`\n";
  }
  return 0;
}

int ListTrust(const TrustStore& store, const Options& options) {
  const absl::StatusOr<std::vector<std::string>> notes = store.List();
  if (!notes.ok()) {
    std::cerr << "auditledger-verify: " << notes.status().message() << "\n";
    return kExitCannotTell;
  }
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const std::string& text : *notes) {
    const absl::StatusOr<Note> note = ParseNote(text);
    const absl::StatusOr<Checkpoint> head = note.ok() ? ParseCheckpoint(note->text) : note.status();
    if (!head.ok()) {
      std::cerr << "auditledger-verify: a damaged head in " << store.dir() << "\n";
      return kExitCannotTell;
    }
    json.push_back({{"origin", head->origin}, {"size", head->size}, {"root", head->root.ToHex()}});
    if (!options.json && !options.quiet) {
      std::cout << head->origin << "  size " << head->size << "  root " << head->root.ToHex()
                << "\n";
    }
  }
  if (options.json && !options.quiet) std::cout << json.dump(2) << "\n";
  return 0;
}

int RunTrust(const Options& options) {
  const absl::StatusOr<TrustStore> store = TrustStore::Open(TrustDir(options));
  if (!store.ok()) {
    std::cerr << "auditledger-verify: " << store.status().message() << "\n";
    return kExitCannotTell;
  }
  if (options.command == "trust list") return ListTrust(*store, options);
  if (options.command == "trust forget") {
    if (options.origin.empty()) return Usage(absl::InvalidArgumentError("--origin is missing"));
    const absl::Status status = store->Forget(options.origin);
    if (status.ok()) return 0;
    std::cerr << "auditledger-verify: " << status.message() << "\n";
    return kExitCannotTell;
  }
  const absl::StatusOr<Pin> pin = PinOf(options);
  if (!pin.ok()) return Usage(pin.status());
  const absl::StatusOr<std::optional<SignedCheckpoint>> head = store->Load(*pin);
  if (!head.ok()) return PrintCannotTell(head.status(), *pin, options);
  if (!head->has_value()) {
    return PrintCannotTell(absl::NotFoundError("the trust store has seen no head of this log"),
                           *pin, options);
  }
  int exit_code = 0;
  if (pin->policy) {
    Verdict verdict = Verdict::About(options.command, *pin);
    verdict.head = (*head)->checkpoint;
    CheckWitnesses(**head, *pin, verdict);
    if (verdict.outcome != Outcome::kVerified) return Print(verdict, options);
    exit_code = verdict.ExitCode();
  }
  if (!options.quiet) std::cout << (*head)->note;
  return exit_code;
}

int ShowAnswer(const Options& options, const Pin& pin, const History& history) {
  const absl::StatusOr<AnswerInput> input = AnswerInputOf(options);
  if (absl::IsInvalidArgument(input.status())) return Usage(input.status());
  if (!input.ok()) return PrintCannotTell(input.status(), pin, options);
  const AnswerReport report = VerifyAnswer(*input, pin, history);
  if (!options.quiet) std::cout << (options.json ? AnswerJson(report) : AnswerText(report));
  return report.verdict.ExitCode();
}

absl::StatusOr<Verdict> CheckCose(const Options& options, const Pin& pin) {
  CoseInput input;
  ASSIGN_OR_RETURN(input.receipt, ReadFileLimited(options.file, kMaxCoseReceiptBytes));
  RETURN_IF_ERROR(ReadOptional(options.leaf, kMaxLeafBytes, input.leaf));
  RETURN_IF_ERROR(ReadOptional(options.receipt, kMaxProofFileBytes, input.tlog_proof));
  RETURN_IF_ERROR(ReadOptional(options.checkpoint, kMaxNoteBytes, input.checkpoint));
  if (!options.event.empty()) {
    ASSIGN_OR_RETURN(input.event, ReadEventFile(options.event));
  }
  return VerifyCose(input, pin);
}

absl::StatusOr<Verdict> Check(const Options& options, const Pin& pin, const History& history,
                              const Timestamps& timestamps) {
  if (options.command == "receipt") return CheckReceipt(options, pin, history, timestamps);
  if (options.command == "checkpoint") return CheckHead(options, pin, history);
  if (options.command == "cose") return CheckCose(options, pin);
  if (options.command == "consistency") return CheckTwoHeads(options, pin, history);
  return CheckLog(options, pin, history, timestamps);
}

}  // namespace

int Run(const Options& options) {
  if (options.command.starts_with("trust ")) return RunTrust(options);
  if (options.command == "open-export") return OpenExport(options);
  const absl::StatusOr<Pin> pin = PinOf(options);
  if (!pin.ok()) return Usage(pin.status());
  if (options.command == "evidence") return ShowEvidence(options, *pin);
  if (options.command == "bundle") return ShowBundle(options, *pin);
  Timestamps timestamps;
  const bool is_export = options.command == "log" || options.command == "entry";
  const absl::Status times =
      ReadTimestamps(options, is_export ? options.file + "/timestamps" : "", timestamps);
  if (absl::IsInvalidArgument(times)) return Usage(times);
  if (!times.ok()) return PrintCannotTell(times, *pin, options);
  if (options.command == "entry") return ShowEntry(options, *pin, timestamps);

  History history;
  history.log_dir = options.log_dir;
  std::optional<TrustStore> store;
  if (!options.no_trust_store && options.command != "consistency" && options.command != "cose") {
    absl::StatusOr<TrustStore> opened = TrustStore::Open(TrustDir(options));
    if (!opened.ok()) return PrintCannotTell(opened.status(), *pin, options);
    history.store = &store.emplace(*std::move(opened));
  }
  absl::Status read = ReadProofs(options, history.proofs);
  if (read.ok()) read = ReadKeyChanges(options, history.key_changes);
  if (!read.ok()) return PrintCannotTell(read, *pin, options);
  if (options.command == "answer") return ShowAnswer(options, *pin, history);
  const absl::StatusOr<Verdict> verdict = Check(options, *pin, history, timestamps);
  if (!verdict.ok()) return PrintCannotTell(verdict.status(), *pin, options);
  return Print(*verdict, options);
}

}  // namespace auditledger
