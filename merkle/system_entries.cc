#include "merkle/system_entries.h"

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kBodyVersion = 1;
constexpr uint8_t kSuite1 = 1;
constexpr size_t kMaxStringBytes = 65535;
constexpr char kLogKeyDomain[] = "auditledger/log-key/v1";  // hashed with its closing 0x00

absl::Status CheckString(absl::string_view what, absl::string_view value) {
  if (value.size() <= kMaxStringBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": has ", value.size(), " bytes, at most ", kMaxStringBytes));
}

absl::Status CheckSuite(absl::string_view what, uint8_t suite) {
  if (suite == kSuite1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", suite, " is unknown"));
}

absl::Status CheckSuites(const Genesis& genesis) {
  RETURN_IF_ERROR(CheckSuite("genesis hash_suite", genesis.hash_suite));
  RETURN_IF_ERROR(CheckSuite("genesis tag_suite", genesis.tag_suite));
  return CheckSuite("genesis commitment_suite", genesis.commitment_suite);
}

absl::Status ReadVersion(absl::string_view what, ByteReader& in) {
  uint8_t version = 0;
  RETURN_IF_ERROR(in.U8(what, version));
  if (version == kBodyVersion) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", version, " is unknown"));
}

absl::Status ReadString(absl::string_view what, ByteReader& in, std::string& out) {
  absl::string_view value;
  RETURN_IF_ERROR(in.Bytes16(what, value));
  out = std::string(value);
  return absl::OkStatus();
}

absl::Status ReadHash(absl::string_view what, ByteReader& in, Hash& out) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw(what, Hash::kSize, raw));
  ASSIGN_OR_RETURN(out, Hash::FromBytes(raw));
  return absl::OkStatus();
}

absl::Status CheckSuccessor(const Freeze& freeze) {
  if (!freeze.successor_key_hash.has_value() || !freeze.successor_origin.empty()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("freeze successor_key_hash: a key without an origin");
}

}  // namespace

absl::StatusOr<std::string> EncodeGenesis(const Genesis& genesis) {
  RETURN_IF_ERROR(CheckString("genesis origin", genesis.origin));
  RETURN_IF_ERROR(CheckString("genesis predecessor", genesis.predecessor_checkpoint));
  RETURN_IF_ERROR(CheckSuites(genesis));
  std::string out;
  PutU8(out, kBodyVersion);
  PutBytes16(out, genesis.origin);
  PutU8(out, genesis.hash_suite);
  PutU8(out, genesis.tag_suite);
  PutU8(out, genesis.commitment_suite);
  absl::StrAppend(&out, genesis.log_key_hash.view(), genesis.index_key_hash.view());
  PutBytes16(out, genesis.predecessor_checkpoint);
  return out;
}

absl::StatusOr<Genesis> ParseGenesis(absl::string_view body) {
  ByteReader in(body);
  Genesis genesis;
  RETURN_IF_ERROR(ReadVersion("genesis version", in));
  RETURN_IF_ERROR(ReadString("genesis origin", in, genesis.origin));
  RETURN_IF_ERROR(in.U8("genesis hash_suite", genesis.hash_suite));
  RETURN_IF_ERROR(in.U8("genesis tag_suite", genesis.tag_suite));
  RETURN_IF_ERROR(in.U8("genesis commitment_suite", genesis.commitment_suite));
  RETURN_IF_ERROR(CheckSuites(genesis));
  RETURN_IF_ERROR(ReadHash("genesis log_key_hash", in, genesis.log_key_hash));
  RETURN_IF_ERROR(ReadHash("genesis index_key_hash", in, genesis.index_key_hash));
  RETURN_IF_ERROR(ReadString("genesis predecessor", in, genesis.predecessor_checkpoint));
  RETURN_IF_ERROR(in.Finish("genesis"));
  return genesis;
}

Hash LogKeyHash(uint8_t type, absl::string_view public_key) {
  const char type_byte = static_cast<char>(type);
  return Sha256({absl::string_view(kLogKeyDomain, sizeof(kLogKeyDomain)),
                 absl::string_view(&type_byte, 1), public_key});
}

std::string EncodeConflict(const Conflict& conflict) {
  std::string out;
  PutU8(out, kBodyVersion);
  PutU64(out, conflict.first_index);
  return out;
}

absl::StatusOr<Conflict> ParseConflict(absl::string_view body) {
  ByteReader in(body);
  Conflict conflict;
  RETURN_IF_ERROR(ReadVersion("conflict version", in));
  RETURN_IF_ERROR(in.U64("conflict first_index", conflict.first_index));
  RETURN_IF_ERROR(in.Finish("conflict"));
  return conflict;
}

absl::StatusOr<std::string> EncodeFreeze(const Freeze& freeze) {
  RETURN_IF_ERROR(CheckString("freeze successor_origin", freeze.successor_origin));
  RETURN_IF_ERROR(CheckSuccessor(freeze));
  std::string out;
  PutU8(out, kBodyVersion);
  PutU64(out, freeze.confirmed_size);
  PutBytes16(out, freeze.successor_origin);
  PutU8(out, freeze.successor_key_hash.has_value() ? 1 : 0);
  if (freeze.successor_key_hash.has_value()) {
    absl::StrAppend(&out, freeze.successor_key_hash->view());
  }
  return out;
}

absl::StatusOr<Freeze> ParseFreeze(absl::string_view body) {
  ByteReader in(body);
  Freeze freeze;
  uint8_t has_key = 0;
  RETURN_IF_ERROR(ReadVersion("freeze version", in));
  RETURN_IF_ERROR(in.U64("freeze confirmed_size", freeze.confirmed_size));
  RETURN_IF_ERROR(ReadString("freeze successor_origin", in, freeze.successor_origin));
  RETURN_IF_ERROR(in.U8("freeze has_key", has_key));
  if (has_key > 1) {
    return absl::InvalidArgumentError(absl::StrCat("freeze has_key: ", has_key, " is not 0 or 1"));
  }
  if (has_key == 1) {
    Hash hash;
    RETURN_IF_ERROR(ReadHash("freeze successor_key_hash", in, hash));
    freeze.successor_key_hash = hash;
  }
  RETURN_IF_ERROR(in.Finish("freeze"));
  RETURN_IF_ERROR(CheckSuccessor(freeze));
  return freeze;
}

absl::StatusOr<std::string> EncodeOperatorAction(const OperatorAction& action) {
  RETURN_IF_ERROR(CheckString("operator what", action.what));
  std::string out;
  PutU8(out, kBodyVersion);
  PutBytes16(out, action.what);
  return out;
}

absl::StatusOr<OperatorAction> ParseOperatorAction(absl::string_view body) {
  ByteReader in(body);
  OperatorAction action;
  RETURN_IF_ERROR(ReadVersion("operator version", in));
  RETURN_IF_ERROR(ReadString("operator what", in, action.what));
  RETURN_IF_ERROR(in.Finish("operator"));
  return action;
}

std::string EncodeClockStep(const ClockStep& step) {
  std::string out;
  PutU8(out, kBodyVersion);
  PutU64(out, step.before_us);
  PutU64(out, step.after_us);
  return out;
}

absl::StatusOr<ClockStep> ParseClockStep(absl::string_view body) {
  ByteReader in(body);
  ClockStep step;
  RETURN_IF_ERROR(ReadVersion("clock version", in));
  RETURN_IF_ERROR(in.U64("clock before_us", step.before_us));
  RETURN_IF_ERROR(in.U64("clock after_us", step.after_us));
  RETURN_IF_ERROR(in.Finish("clock"));
  return step;
}

std::string EncodeAnchor(const Anchor& anchor) {
  std::string out;
  PutU8(out, kBodyVersion);
  PutU64(out, anchor.size);
  absl::StrAppend(&out, anchor.root.view(), anchor.token_hash.view());
  PutU64(out, anchor.time_us);
  return out;
}

absl::StatusOr<Anchor> ParseAnchor(absl::string_view body) {
  ByteReader in(body);
  Anchor anchor;
  RETURN_IF_ERROR(ReadVersion("anchor version", in));
  RETURN_IF_ERROR(in.U64("anchor size", anchor.size));
  if (anchor.size == 0 || anchor.size > kMaxTreeSize) {
    return absl::InvalidArgumentError("anchor size: no head that is stamped has that");
  }
  RETURN_IF_ERROR(ReadHash("anchor root", in, anchor.root));
  RETURN_IF_ERROR(ReadHash("anchor token_hash", in, anchor.token_hash));
  RETURN_IF_ERROR(in.U64("anchor time_us", anchor.time_us));
  RETURN_IF_ERROR(in.Finish("anchor"));
  return anchor;
}

}  // namespace auditledger
