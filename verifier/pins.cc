#include "verifier/pins.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "merkle/base64.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"
#include "verifier/file_io.h"

namespace auditledger {

absl::StatusOr<NoteVerifier> LoadKey(const std::string& key) {
  absl::StatusOr<NoteVerifier> verifier = NoteVerifier::Parse(key);
  if (verifier.ok()) return verifier;
  const absl::StatusOr<std::string> file = ReadFileLimited(key, kMaxKeyFileBytes);
  if (!file.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("key: neither a vkey (",
                                                   verifier.status().message(), ") nor a file (",
                                                   file.status().message(), ")"));
  }
  return NoteVerifier::Parse(absl::StripAsciiWhitespace(*file));
}

absl::StatusOr<Pin> MakePin(absl::string_view origin, absl::string_view vkey) {
  ASSIGN_OR_RETURN(NoteVerifier key, NoteVerifier::Parse(vkey));
  if (key.type() != kNoteEd25519) {
    return absl::InvalidArgumentError("pin: the key is not an Ed25519 log key (type 1)");
  }
  if (key.name() != origin) {
    return absl::InvalidArgumentError(
        absl::StrCat("pin: the key is named ", key.name(), ", the origin is ", origin));
  }
  return Pin{std::string(origin), std::move(key)};
}

absl::StatusOr<Pin> LoadPin(absl::string_view origin, const std::string& key) {
  ASSIGN_OR_RETURN(const NoteVerifier verifier, LoadKey(key));
  return MakePin(origin, verifier.ToVkey());
}

absl::StatusOr<std::vector<Pin>> ParsePins(absl::string_view text) {
  std::vector<Pin> pins;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    absl::StatusOr<Pin> pin = MakePin(parts.first, parts.second);
    if (!pin.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("pins: line ", number, ": ", pin.status().message()));
    }
    if (std::any_of(pins.begin(), pins.end(),
                    [&](const Pin& other) { return other.origin == pin->origin; })) {
      return absl::InvalidArgumentError(
          absl::StrCat("pins: line ", number, ": ", pin->origin, " is pinned twice"));
    }
    pins.push_back(*std::move(pin));
  }
  return pins;
}

absl::Status AddPolicy(Policy policy, bool allow_weak_policy, Pin& pin) {
  const bool listed =
      std::any_of(policy.logs().begin(), policy.logs().end(),
                  [&](const PolicyLog& log) { return log.key.ToVkey() == pin.key.ToVkey(); });
  if (!policy.logs().empty() && !listed) {
    return absl::InvalidArgumentError("policy: it lists logs, and the pinned key is none of them");
  }
  pin.policy = std::move(policy);
  pin.allow_weak_policy = allow_weak_policy;
  return absl::OkStatus();
}

absl::StatusOr<Pin> PinFromPolicy(absl::string_view origin, Policy policy, bool allow_weak_policy) {
  const bool one_origin = std::all_of(
      policy.logs().begin(), policy.logs().end(),
      [&](const PolicyLog& log) { return log.key.name() == policy.logs().front().key.name(); });
  absl::StatusOr<Pin> pin = absl::InvalidArgumentError(
      origin.empty() ? "the policy does not list exactly one log: say which by --origin, --key"
                     : "the policy does not list a log of this origin: give --key");
  for (const PolicyLog& log : policy.logs()) {
    if (origin.empty() ? !one_origin : log.key.name() != origin) continue;
    absl::StatusOr<Pin> listed = MakePin(log.key.name(), log.key.ToVkey());
    if (!pin.ok()) {
      pin = std::move(listed);
    } else if (listed.ok()) {
      pin->other_keys.push_back(std::move(listed->key));
    }
  }
  RETURN_IF_ERROR(pin.status());
  RETURN_IF_ERROR(AddPolicy(std::move(policy), allow_weak_policy, *pin));
  return pin;
}

std::vector<NoteVerifier> PinnedKeys(const Pin& pin) {
  std::vector<NoteVerifier> keys = {pin.key};
  keys.insert(keys.end(), pin.other_keys.begin(), pin.other_keys.end());
  return keys;
}

absl::StatusOr<SignedCheckpoint> OpenPinned(absl::string_view note, const Pin& pin,
                                            NoteVerifier* signed_by) {
  absl::Status first;
  for (const NoteVerifier& key : PinnedKeys(pin)) {
    absl::StatusOr<SignedCheckpoint> head = OpenCheckpoint(note, pin.origin, key);
    if (head.ok()) {
      if (signed_by != nullptr) *signed_by = key;
      return head;
    }
    if (first.ok()) first = head.status();
  }
  return first;
}

absl::StatusOr<std::string> ParseIndexKey(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "auditledger-key/v1 index 1 ") ||
      !absl::ConsumeSuffix(&text, "\n")) {
    return absl::InvalidArgumentError("index key: not \"auditledger-key/v1 index 1 base64\"");
  }
  ASSIGN_OR_RETURN(std::string key, DecodeBase64("index key", text));
  if (key.size() != kIndexKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("index key: needs ", kIndexKeyBytes, " bytes"));
  }
  return key;
}

}  // namespace auditledger
