// Verifier keys and the check of one signature; parsing and opening notes is in note.cc.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "merkle/base64.h"
#include "merkle/bytes.h"
#include "merkle/ed25519_verify.h"
#include "merkle/frontier.h"
#include "merkle/note.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

// Registered in c2sp.org/signed-note, not checked here.
constexpr uint8_t kNoteEcdsa = 0x02;
constexpr uint8_t kNoteRfc6962TreeHead = 0x05;
constexpr uint8_t kNoteMlDsa44 = 0x06;
constexpr size_t kMlDsa44PublicKeyBytes = 1312;

absl::Status BadVkey(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("vkey: ", why));
}

// White_Space of Unicode, as Go's unicode.IsSpace, which decides for golang.org/x/mod.
bool IsUnicodeSpace(char32_t c) {
  constexpr char32_t kSpaces[] = {' ', 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
  if ((c >= 0x09 && c <= 0x0d) || (c >= 0x2000 && c <= 0x200a)) return true;
  return std::find(std::begin(kSpaces), std::end(kSpaces), c) != std::end(kSpaces);
}

uint32_t FirstFour(const Hash& hash) {
  uint32_t id = 0;
  for (int i = 0; i < 4; ++i) id = id << 8 | hash.bytes[static_cast<size_t>(i)];
  return id;
}

// The key ID a vkey of this type must state.
absl::StatusOr<uint32_t> KeyIdOf(absl::string_view name, uint8_t type, absl::string_view key) {
  const auto needs = [&](size_t bytes) -> absl::StatusOr<uint32_t> {
    if (key.size() == bytes) return NoteKeyId(name, type, key);
    return BadVkey(absl::StrCat("key has ", key.size(), " bytes, needs ", bytes));
  };
  switch (type) {
    case kNoteEd25519:
    case kNoteEd25519Cosignature:
      return needs(kEd25519PublicKeyBytes);
    case kNoteMlDsa44:
      return needs(kMlDsa44PublicKeyBytes);
    case kNoteEcdsa:  // of the key alone: the type is older than the common rule
      return FirstFour(Sha256({key}));
    case kNoteRfc6962TreeHead:  // of the log's ID, which is the hash of the key
      return NoteKeyId(name, type, Sha256({key}).view());
    default:
      return BadVkey(absl::StrCat("unknown signature type ", type));
  }
}

// "name+hex8+base64": the first two '+' divide, since base64 may hold more.
struct VkeyParts {
  absl::string_view name;
  absl::string_view key_id;
  absl::string_view key;
};

absl::StatusOr<VkeyParts> SplitVkey(absl::string_view vkey) {
  const size_t first = vkey.find('+');
  if (first == absl::string_view::npos) return BadVkey("no key ID");
  const size_t second = vkey.find('+', first + 1);
  if (second == absl::string_view::npos) return BadVkey("no key");
  return VkeyParts{vkey.substr(0, first), vkey.substr(first + 1, second - first - 1),
                   vkey.substr(second + 1)};
}

}  // namespace

uint32_t NoteKeyId(absl::string_view name, uint8_t type, absl::string_view public_key) {
  const char separator_and_type[] = {'\n', static_cast<char>(type)};
  return FirstFour(Sha256({name, absl::string_view(separator_and_type, 2), public_key}));
}

bool IsValidNoteName(absl::string_view name) {
  if (name.empty()) return false;
  char32_t c = 0;
  while (!name.empty()) {
    if (!TakeUtf8(name, c) || c < 0x20 || c == '+' || IsUnicodeSpace(c)) return false;
  }
  return true;
}

absl::StatusOr<NoteVerifier> NoteVerifier::Parse(absl::string_view vkey) {
  ASSIGN_OR_RETURN(const VkeyParts parts, SplitVkey(vkey));
  if (!IsValidNoteName(parts.name)) return BadVkey("bad name");
  ASSIGN_OR_RETURN(const std::string key, DecodeBase64("vkey: key", parts.key));
  if (key.empty()) return BadVkey("no key");

  NoteVerifier verifier;
  verifier.name_ = std::string(parts.name);
  verifier.type_ = static_cast<uint8_t>(key[0]);
  verifier.public_key_ = key.substr(1);
  ASSIGN_OR_RETURN(verifier.key_id_, KeyIdOf(verifier.name_, verifier.type_, verifier.public_key_));
  if (parts.key_id != absl::StrFormat("%08x", verifier.key_id_)) {
    return BadVkey("the key ID is not that of name and key (eight lower-case hex digits)");
  }
  return verifier;
}

absl::StatusOr<NoteVerifier> NoteVerifier::FromEd25519(absl::string_view name,
                                                       absl::string_view public_key, uint8_t type) {
  if (!IsValidNoteName(name)) return BadVkey("bad name");
  if (type != kNoteEd25519 && type != kNoteEd25519Cosignature) {
    return BadVkey(absl::StrCat("type ", type, " is not of Ed25519"));
  }
  NoteVerifier verifier;
  ASSIGN_OR_RETURN(verifier.key_id_, KeyIdOf(name, type, public_key));
  verifier.name_ = std::string(name);
  verifier.type_ = type;
  verifier.public_key_ = std::string(public_key);
  return verifier;
}

std::string NoteVerifier::ToVkey() const {
  std::string key(1, static_cast<char>(type_));
  key += public_key_;
  return absl::StrCat(name_, "+", absl::StrFormat("%08x", key_id_), "+", EncodeBase64(key));
}

absl::Status NoteVerifier::Verify(absl::string_view text, absl::string_view signature) const {
  if (type_ == kNoteEd25519) {
    if (signature.size() != kEd25519SignatureBytes) {
      return absl::DataLossError(absl::StrCat("Ed25519 signature of ", signature.size(), " bytes"));
    }
    return VerifyEd25519(public_key_, text, signature);
  }
  if (type_ != kNoteEd25519Cosignature) {
    return absl::UnimplementedError(absl::StrCat("signature type ", type_, " is not checked"));
  }
  // c2sp.org/tlog-cosignature: BE64(timestamp) || signature.
  ByteReader reader(signature);
  uint64_t timestamp = 0;
  if (signature.size() != sizeof(timestamp) + kEd25519SignatureBytes ||
      !reader.U64("timestamp", timestamp).ok() || timestamp > kMaxTreeSize) {
    return absl::DataLossError("cosignature/v1: wrong length or timestamp over 2^63 - 1");
  }
  const std::string message = absl::StrCat("cosignature/v1\ntime ", timestamp, "\n", text);
  return VerifyEd25519(public_key_, message, reader.rest());
}

}  // namespace auditledger
