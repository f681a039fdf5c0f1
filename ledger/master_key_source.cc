#include "ledger/master_key_source.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "ledger/key_files.h"
#include "ledger/pkcs11_master.h"
#include "ledger/pkcs11_session.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using Kind = MasterKeySource::Kind;

constexpr char kCredentialsDirectory[] = "CREDENTIALS_DIRECTORY";

struct Form {
  Kind kind;
  absl::string_view prefix;
};
constexpr Form kForms[] = {{Kind::kFile, "file:"},
                           {Kind::kCredential, "credential:"},
                           {Kind::kEnvironment, "env:"},
                           {Kind::kCommand, "command:"},
                           {Kind::kPkcs11, "pkcs11:"}};

absl::Status Invalid(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "master_key: ", why,
      "; it is file:PATH, credential:NAME, env:NAME, command:/PROGRAM ARG... or pkcs11:PATH"));
}

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= ' ' && c != 127; });
}

// [A-Za-z_][A-Za-z0-9_]*
bool IsVariable(absl::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

absl::Status CheckPlace(const MasterKeySource& source) {
  const std::string& place = source.place;
  if (place.empty()) return Invalid("says no place");
  if (source.kind == Kind::kCredential && (absl::StrContains(place, '/') || place[0] == '.')) {
    return Invalid("a credential is a name, not a path");
  }
  if (source.kind == Kind::kEnvironment && !IsVariable(place)) {
    return Invalid("is no name of a variable");
  }
  if (source.kind != Kind::kCommand) return absl::OkStatus();
  if (place[0] != '/') return Invalid("a command's program is an absolute path");
  // One text, one reading: what two spaces or a quote would mean is not guessed.
  for (const std::string& word : source.words) {
    if (word.empty()) return Invalid("a command's words are parted by single spaces");
  }
  return absl::OkStatus();
}

// systemd gives the file to the service's user by an access list, which shows as the group's bits.
absl::StatusOr<SecretString> ReadCredential(const std::string& name) {
  const char* const dir = std::getenv(kCredentialsDirectory);
  if (dir == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("$", kCredentialsDirectory,
                     " is not set: the unit needs LoadCredentialEncrypted=", name, ":FILE"));
  }
  ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(absl::StrCat(dir, "/", name), O_RDONLY));
  ASSIGN_OR_RETURN(const struct stat info, file.Stat());
  if ((info.st_mode & 07) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(file.path(), " is open to others"));
  }
  return ReadSecretFile(file);
}

absl::StatusOr<SecretString> TakeVariable(const std::string& name) {
  char* const value = std::getenv(name.c_str());
  if (value == nullptr) return absl::NotFoundError("there is no such variable");
  std::string text = value;
  // A line feed is lost on the way through a shell.
  if (!absl::EndsWith(text, "\n")) text.push_back('\n');
  SecretString secret(std::move(text));
  ::explicit_bzero(value, std::strlen(value));  // /proc/PID/environ shows it
  ::unsetenv(name.c_str());
  return secret;
}

absl::StatusOr<Pkcs11Spec> ReadSpec(const std::string& path) {
  ASSIGN_OR_RETURN(const SecretString text, ReadPrivateFile(path));
  return ParsePkcs11Spec(text.Reveal());
}

absl::StatusOr<MasterKey> DeriveFromToken(const std::string& path) {
  ASSIGN_OR_RETURN(const Pkcs11Spec spec, ReadSpec(path));
  ASSIGN_OR_RETURN(const SecretString pin, ReadPkcs11Pin(spec.pin_file));
  ASSIGN_OR_RETURN(SecretString key, DerivePkcs11Master(spec, pin));
  return MasterKey::FromBytes(std::move(key));
}

absl::StatusOr<SecretString> ReadText(const MasterKeySource& source,
                                      const SecretCommandLimits& limits) {
  switch (source.kind) {
    case Kind::kFile:
      return ReadPrivateFile(source.place);
    case Kind::kCredential:
      return ReadCredential(source.place);
    case Kind::kEnvironment:
      return TakeVariable(source.place);
    case Kind::kCommand:
      return RunSecretCommand(source.words, limits);
    case Kind::kPkcs11:
      break;
  }
  return absl::InternalError("a token has no text");
}

absl::StatusOr<MasterKey> Load(const MasterKeySource& source, const SecretCommandLimits& limits) {
  if (source.kind == Kind::kPkcs11) return DeriveFromToken(source.place);
  ASSIGN_OR_RETURN(const SecretString text, ReadText(source, limits));
  absl::StatusOr<MasterKey> key = MasterKey::Parse(text.Reveal());
  if (key.ok()) return key;
  return absl::DataLossError(
      absl::StrCat(key.status().message(), "; `auditctl new-master-key` makes one"));
}

}  // namespace

absl::StatusOr<MasterKeySource> ParseMasterKeySource(absl::string_view text) {
  if (text.size() > kMaxMasterKeySourceBytes) return Invalid("is too long");
  if (!IsPrintable(text)) return Invalid("has control characters");
  for (const Form& form : kForms) {
    absl::string_view rest = text;
    if (!absl::ConsumePrefix(&rest, form.prefix)) continue;
    MasterKeySource source;
    source.kind = form.kind;
    source.place = std::string(rest);
    if (form.kind == Kind::kCommand) {
      source.words = absl::StrSplit(rest, ' ');
      source.place = source.words[0];
    }
    RETURN_IF_ERROR(CheckPlace(source));
    return source;
  }
  return Invalid("has no such form");
}

absl::StatusOr<std::shared_ptr<const MasterKey>> LoadMasterKey(absl::string_view source,
                                                               const SecretCommandLimits& limits) {
  ASSIGN_OR_RETURN(const MasterKeySource parsed, ParseMasterKeySource(source));
  absl::StatusOr<MasterKey> key = Load(parsed, limits);
  if (key.ok()) return std::make_shared<const MasterKey>(*std::move(key));
  const absl::string_view kind = source.substr(0, source.find(':'));
  return absl::Status(key.status().code(), absl::StrCat("master key of ", kind, ":", parsed.place,
                                                        ": ", key.status().message()));
}

absl::Status MakeMasterKeyInToken(const std::string& path) {
  ASSIGN_OR_RETURN(const Pkcs11Spec spec, ReadSpec(path));
  ASSIGN_OR_RETURN(const SecretString pin, ReadPkcs11Pin(spec.pin_file));
  return GeneratePkcs11Master(spec, pin);
}

absl::StatusOr<std::shared_ptr<const MasterKey>> LoadMasterKeyIfGiven(absl::string_view source) {
  if (source.empty()) return std::shared_ptr<const MasterKey>();
  return LoadMasterKey(source);
}

}  // namespace auditledger
