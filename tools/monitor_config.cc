#include "tools/monitor_config.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// It names a folder.
absl::Status CheckName(const std::string& name) {
  bool good = name.size() <= kMaxMonitorNameBytes && absl::ascii_islower(name[0]);
  for (const char c : name) {
    good = good && (absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-');
  }
  return good ? absl::OkStatus() : absl::InvalidArgumentError("a name is [a-z][a-z0-9-]{0,62}");
}

absl::Status AddLog(const std::vector<std::string>& words, std::vector<MonitoredLog>& logs) {
  if (words.size() < 4) return absl::InvalidArgumentError("must be: log NAME VKEY PLACE...");
  RETURN_IF_ERROR(CheckName(words[1]));
  ASSIGN_OR_RETURN(NoteVerifier key, NoteVerifier::Parse(words[2]));
  if (key.type() != kNoteEd25519) return absl::InvalidArgumentError("not a log's key");
  for (const MonitoredLog& other : logs) {
    if (other.name == words[1]) return absl::InvalidArgumentError("this name is taken");
    if (other.key.name() == key.name()) {
      return absl::InvalidArgumentError("this origin is followed already");
    }
  }
  if (logs.size() == kMaxMonitoredLogs) {
    return absl::InvalidArgumentError(absl::StrCat("at most ", kMaxMonitoredLogs, " logs"));
  }
  const std::set<std::string> places(words.begin() + 3, words.end());
  if (places.size() != words.size() - 3) {
    return absl::InvalidArgumentError("a place is named twice");
  }
  for (const std::string& place : places) RETURN_IF_ERROR(OpenSource(place, {}).status());
  logs.push_back({words[1], std::move(key), {words.begin() + 3, words.end()}, {}});
  return absl::OkStatus();
}

absl::Status AddWitness(const std::vector<std::string>& words,
                        std::vector<NoteVerifier>& witnesses) {
  if (words.size() != 2) return absl::InvalidArgumentError("must be: witness VKEY");
  ASSIGN_OR_RETURN(NoteVerifier key, NoteVerifier::Parse(words[1]));
  if (key.type() != kNoteEd25519Cosignature) {
    return absl::InvalidArgumentError("not a witness's key (type 0x04)");
  }
  for (const NoteVerifier& other : witnesses) {
    if (other.ToVkey() == key.ToVkey()) return absl::InvalidArgumentError("named twice");
  }
  witnesses.push_back(std::move(key));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<MonitoredLog>> ParseMonitorConfig(absl::string_view text) {
  std::vector<MonitoredLog> logs;
  std::vector<NoteVerifier> witnesses;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.empty() || words[0][0] == '#') continue;
    absl::Status added = absl::InvalidArgumentError("begins with neither \"log\" nor \"witness\"");
    if (words[0] == "log") added = AddLog(words, logs);
    if (words[0] == "witness") added = AddWitness(words, witnesses);
    if (!added.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", added.message()));
    }
  }
  if (logs.empty()) return absl::InvalidArgumentError("names no log");
  for (MonitoredLog& log : logs) log.witnesses = witnesses;
  return logs;
}

}  // namespace auditledger
