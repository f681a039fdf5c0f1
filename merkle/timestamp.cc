#include "merkle/timestamp.h"

#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/openssl_ptr.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using X509StorePtr = std::unique_ptr<X509_STORE, OpensslDeleter<X509_STORE_free>>;
struct X509StackDeleter {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using X509StackPtr = std::unique_ptr<STACK_OF(X509), X509StackDeleter>;
using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using Pkcs7Ptr = std::unique_ptr<PKCS7, OpensslDeleter<PKCS7_free>>;
using TsReqPtr = std::unique_ptr<TS_REQ, OpensslDeleter<TS_REQ_free>>;
using TsRespPtr = std::unique_ptr<TS_RESP, OpensslDeleter<TS_RESP_free>>;
using TsInfoPtr = std::unique_ptr<TS_TST_INFO, OpensslDeleter<TS_TST_INFO_free>>;
using TsImprintPtr = std::unique_ptr<TS_MSG_IMPRINT, OpensslDeleter<TS_MSG_IMPRINT_free>>;
using TsVerifyPtr = std::unique_ptr<TS_VERIFY_CTX, OpensslDeleter<TS_VERIFY_CTX_free>>;
using AlgorithmPtr = std::unique_ptr<X509_ALGOR, OpensslDeleter<X509_ALGOR_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, OpensslDeleter<ASN1_INTEGER_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, OpensslDeleter<ASN1_OBJECT_free>>;

// X509_VERIFY_PARAM_set_auth_level: 112 bits, so RSA of 2,048 and no SHA-1 in the chain.
constexpr int kAuthLevel = 2;
constexpr size_t kMaxNameBytes = 1024;  // of a TSA, as it is shown
constexpr size_t kGenTimeDigits = 14;   // YYYYMMDDhhmmss
constexpr size_t kMaxFractionDigits = 9;
constexpr size_t kStemHexDigits = 16;

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("timestamp: ", why));
}
absl::Status Wrong(absl::string_view why) {
  return absl::DataLossError(absl::StrCat("timestamp: ", why));
}

// Why a token was not believed. As DrainOpensslErrors, with what a chain of certificates lacked,
// which stands beside the reason.
absl::Status WhyNot() {
  std::vector<std::string> reasons;
  bool stranger = false;
  const char* data = nullptr;
  int flags = 0;
  while (const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    stranger = stranger ||
               (ERR_GET_LIB(code) == ERR_LIB_TS &&
                ERR_GET_REASON(code) == TS_R_CERTIFICATE_VERIFY_ERROR) ||
               (ERR_GET_LIB(code) == ERR_LIB_PKCS7 &&
                ERR_GET_REASON(code) == PKCS7_R_SIGNER_CERTIFICATE_NOT_FOUND);
    const char* reason = ERR_reason_error_string(code);
    std::string text = reason != nullptr ? reason : "unknown";
    if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') {
      absl::StrAppend(&text, " (", data, ")");
    }
    if (std::find(reasons.begin(), reasons.end(), text) == reasons.end()) {
      reasons.push_back(std::move(text));
    }
  }
  const std::string why = absl::StrJoin(reasons, "; ");
  if (stranger) {
    return absl::UnauthenticatedError(
        absl::StrCat("timestamp: no pinned certificate vouches for the signer: ", why));
  }
  return Wrong(why.empty() ? "it does not verify" : why);
}

absl::Status CheckLimit(absl::string_view bytes) {
  if (bytes.size() <= kMaxTimestampBytes) return absl::OkStatus();
  return Malformed(absl::StrCat("over ", kMaxTimestampBytes, " bytes"));
}

// One DER value and nothing behind it; nullptr otherwise.
template <typename Ptr, auto Read>
Ptr ReadDer(absl::string_view der) {
  ClearOpensslErrors();
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* at = begin;
  Ptr value(Read(nullptr, &at, static_cast<long>(der.size())));
  ClearOpensslErrors();
  if (at != begin + der.size()) value = nullptr;
  return value;
}

std::string OidText(const ASN1_OBJECT* object) {
  char text[kMaxTsaPolicyBytes] = {};
  const int size = OBJ_obj2txt(text, sizeof(text), object, /*no_name=*/1);
  return size > 0 && size < static_cast<int>(sizeof(text)) ? std::string(text) : std::string();
}

absl::StatusOr<TsReqPtr> MakeRequest(absl::string_view text, std::optional<uint64_t> nonce,
                                     const std::string& policy) {
  TsReqPtr request(TS_REQ_new());
  TsImprintPtr imprint(TS_MSG_IMPRINT_new());
  AlgorithmPtr algorithm(X509_ALGOR_new());
  if (request == nullptr || imprint == nullptr || algorithm == nullptr) {
    return absl::ResourceExhaustedError("timestamp: no memory");
  }
  Hash digest = Sha256({text});
  bool made = X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_sha256), V_ASN1_NULL, nullptr) == 1;
  made = made && TS_MSG_IMPRINT_set_algo(imprint.get(), algorithm.get()) == 1 &&
         TS_MSG_IMPRINT_set_msg(imprint.get(), digest.bytes.data(), Hash::kSize) == 1 &&
         TS_REQ_set_version(request.get(), 1) == 1 &&
         TS_REQ_set_msg_imprint(request.get(), imprint.get()) == 1 &&
         TS_REQ_set_cert_req(request.get(), 1) == 1;
  if (nonce.has_value()) {
    const IntegerPtr number(ASN1_INTEGER_new());
    made = made && number != nullptr && ASN1_INTEGER_set_uint64(number.get(), *nonce) == 1 &&
           TS_REQ_set_nonce(request.get(), number.get()) == 1;
  }
  if (!policy.empty()) {
    if (!IsDottedOid(policy)) return Malformed("policy: is not a dotted OID");
    const ObjectPtr object(OBJ_txt2obj(policy.c_str(), /*no_name=*/1));
    made = made && object != nullptr && TS_REQ_set_policy_id(request.get(), object.get()) == 1;
  }
  if (!made) return absl::InternalError(DrainOpensslErrors("timestamp: query"));
  return request;
}

absl::Status MalformedGenTime() { return Malformed("genTime: is not YYYYMMDDhhmmss[.fraction]Z"); }

// "20261129174440.25Z" -> microseconds since 1970.
absl::StatusOr<uint64_t> ParseGenTime(absl::string_view text) {
  if (text.size() <= kGenTimeDigits || text.back() != 'Z') return MalformedGenTime();
  text.remove_suffix(1);
  absl::string_view fraction = text.substr(kGenTimeDigits);
  text = text.substr(0, kGenTimeDigits);
  if (!fraction.empty()) {
    if (fraction.front() != '.' || fraction.size() == 1 ||
        fraction.size() > 1 + kMaxFractionDigits) {
      return MalformedGenTime();
    }
    fraction.remove_prefix(1);
  }
  const auto is_digit = [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); };
  if (!std::all_of(text.begin(), text.end(), is_digit) ||
      !std::all_of(fraction.begin(), fraction.end(), is_digit)) {
    return MalformedGenTime();
  }
  const auto number = [&text](size_t at, size_t count) {
    int value = 0;
    for (const char c : text.substr(at, count)) value = value * 10 + (c - '0');
    return value;
  };
  const std::chrono::year_month_day day(std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(4, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(6, 2))));
  if (!day.ok() || number(0, 4) < 1970 || number(8, 2) > 23 || number(10, 2) > 59 ||
      number(12, 2) > 59) {
    return MalformedGenTime();
  }
  const auto days = static_cast<uint64_t>(std::chrono::sys_days(day).time_since_epoch().count());
  const auto seconds = days * 86400 + static_cast<uint64_t>(number(8, 2) * 3600 +
                                                            number(10, 2) * 60 + number(12, 2));
  uint64_t micros = 0;
  for (size_t i = 0; i < 6; ++i) {
    micros = micros * 10 + (i < fraction.size() ? static_cast<uint64_t>(fraction[i] - '0') : 0);
  }
  return seconds * 1'000'000 + micros;
}

// Of a genTime that parsed: what its last digit counts.
uint64_t GenTimeUnitMicros(absl::string_view text) {
  uint64_t unit = 1'000'000;
  // After the seconds: '.', digits, 'Z'.
  for (size_t at = kGenTimeDigits + 2; at < text.size() && unit > 1; ++at) unit /= 10;
  return unit;
}

// Rounded up by nothing: the three parts add up exactly.
absl::StatusOr<std::optional<uint64_t>> ReadAccuracy(const TS_TST_INFO* info) {
  TS_ACCURACY* accuracy = TS_TST_INFO_get_accuracy(const_cast<TS_TST_INFO*>(info));
  if (accuracy == nullptr) return std::optional<uint64_t>();
  uint64_t micros = 0;
  const std::pair<const ASN1_INTEGER*, uint64_t> parts[] = {
      {TS_ACCURACY_get_seconds(accuracy), 1'000'000},
      {TS_ACCURACY_get_millis(accuracy), 1'000},
      {TS_ACCURACY_get_micros(accuracy), 1}};
  for (const auto& [part, unit] : parts) {
    if (part == nullptr) continue;
    uint64_t value = 0;
    // A century is no accuracy.
    if (ASN1_INTEGER_get_uint64(&value, part) != 1 || value > 3'155'760'000) {
      ClearOpensslErrors();
      return Malformed("accuracy: out of range");
    }
    micros += value * unit;
  }
  return std::optional<uint64_t>(micros);
}

absl::StatusOr<std::string> PrintName(const X509* certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (out == nullptr) return absl::ResourceExhaustedError("timestamp: no memory");
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  const absl::string_view name(data, size > 0 ? static_cast<size_t>(size) : 0);
  return std::string(name.substr(0, kMaxNameBytes));
}

absl::Status CheckDigestOf(PKCS7* token) {
  STACK_OF(PKCS7_SIGNER_INFO)* infos = PKCS7_get_signer_info(token);
  if (sk_PKCS7_SIGNER_INFO_num(infos) != 1) {
    return Malformed("has not exactly one signer");
  }
  const PKCS7_SIGNER_INFO* info = sk_PKCS7_SIGNER_INFO_value(infos, 0);
  switch (OBJ_obj2nid(info->digest_alg->algorithm)) {
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
      return absl::OkStatus();
    default:
      return Wrong("is signed with a digest weaker than SHA-256, or an unknown one");
  }
}

}  // namespace

struct TsaTrust::Parts {
  std::vector<X509Ptr> certificates;
  std::vector<std::string> policies;
};

absl::StatusOr<TsaTrust> TsaTrust::FromPem(absl::string_view pem,
                                           const std::vector<std::string>& policies) {
  if (pem.size() > kMaxTsaCaFileBytes) {
    return Malformed(absl::StrCat("the pinned certificates: over ", kMaxTsaCaFileBytes, " bytes"));
  }
  auto parts = std::make_shared<Parts>();
  ClearOpensslErrors();
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (in == nullptr) return absl::ResourceExhaustedError("timestamp: no memory");
  while (X509* certificate = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    parts->certificates.emplace_back(certificate);
    if (parts->certificates.size() > kMaxTsaCaCertificates) {
      return Malformed(
          absl::StrCat("over ", kMaxTsaCaCertificates, " pinned certificates in one file"));
    }
  }
  const unsigned long last = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (!at_end) return Malformed(DrainOpensslErrors("a pinned certificate does not parse"));
  ClearOpensslErrors();
  if (parts->certificates.empty()) {
    return Malformed("no certificate (-----BEGIN CERTIFICATE-----) among those pinned");
  }
  for (const std::string& policy : policies) {
    if (!IsDottedOid(policy)) return Malformed("policy: is not a dotted OID");
    parts->policies.push_back(policy);
  }
  return TsaTrust(std::move(parts));
}

// One token against one text and what is pinned.
class TimestampCheck {
 public:
  TimestampCheck(absl::string_view text, std::optional<uint64_t> nonce, const TsaTrust& trust)
      : text_(text), nonce_(nonce), trust_(*trust.parts_) {}

  absl::StatusOr<Timestamp> Run(PKCS7* token, TS_TST_INFO* info) {
    Timestamp stamp;
    const ASN1_GENERALIZEDTIME* time = TS_TST_INFO_get_time(info);
    if (time == nullptr) return Malformed("genTime: is missing");
    const absl::string_view gen_time(reinterpret_cast<const char*>(ASN1_STRING_get0_data(time)),
                                     static_cast<size_t>(ASN1_STRING_length(time)));
    ASSIGN_OR_RETURN(stamp.time_us, ParseGenTime(gen_time));
    stamp.unit_us = GenTimeUnitMicros(gen_time);
    ASSIGN_OR_RETURN(stamp.accuracy_us, ReadAccuracy(info));
    if (stamp.LatestMicros() > kMaxTimestampMicros) return Malformed("genTime: out of range");
    stamp.policy = OidText(TS_TST_INFO_get_policy_id(info));
    RETURN_IF_ERROR(CheckDigestOf(token));
    RETURN_IF_ERROR(Verify(token, static_cast<time_t>(stamp.time_us / 1'000'000)));
    RETURN_IF_ERROR(CheckPolicy(stamp.policy));
    ASSIGN_OR_RETURN(stamp.tsa, SignerOf(token));
    return stamp;
  }

 private:
  absl::Status Verify(PKCS7* token, time_t at) const {
    ASSIGN_OR_RETURN(const TsReqPtr request, MakeRequest(text_, nonce_, ""));
    ClearOpensslErrors();
    const TsVerifyPtr context(TS_REQ_to_TS_VERIFY_CTX(request.get(), nullptr));
    X509StorePtr store(X509_STORE_new());
    if (context == nullptr || store == nullptr) {
      return absl::ResourceExhaustedError("timestamp: no memory");
    }
    for (const X509Ptr& certificate : trust_.certificates) {
      if (X509_STORE_add_cert(store.get(), certificate.get()) != 1) {
        return absl::InternalError(DrainOpensslErrors("timestamp: pinned certificate"));
      }
    }
    X509_VERIFY_PARAM* how = X509_STORE_get0_param(store.get());
    X509_VERIFY_PARAM_set_time(how, at);
    X509_VERIFY_PARAM_set_auth_level(how, kAuthLevel);
    X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_PARTIAL_CHAIN);
    TS_VERIFY_CTX_set_store(context.get(), store.release());  // which then owns it
    TS_VERIFY_CTX_set_certs(context.get(), Pinned().release());
    TS_VERIFY_CTX_add_flags(context.get(), TS_VFY_SIGNATURE);
    if (TS_RESP_verify_token(context.get(), token) == 1) return absl::OkStatus();
    return WhyNot();
  }

  // A TSA that sends no certificate may be pinned itself.
  X509StackPtr Pinned() const {
    X509StackPtr stack(sk_X509_new_null());
    for (const X509Ptr& certificate : trust_.certificates) {
      if (stack != nullptr && X509_up_ref(certificate.get()) == 1) {
        sk_X509_push(stack.get(), certificate.get());
      }
    }
    return stack;
  }

  absl::Status CheckPolicy(const std::string& policy) const {
    if (trust_.policies.empty() || std::find(trust_.policies.begin(), trust_.policies.end(),
                                             policy) != trust_.policies.end()) {
      return absl::OkStatus();
    }
    return Wrong(absl::StrCat("policy ", policy, " is none of those that are pinned"));
  }

  absl::StatusOr<std::string> SignerOf(PKCS7* token) const {
    const X509StackPtr pinned = Pinned();
    const auto signers = PKCS7_get0_signers(token, pinned.get(), 0);
    if (signers == nullptr) return Malformed("the signer's certificate is missing");
    const absl::StatusOr<std::string> name = PrintName(sk_X509_value(signers, 0));
    sk_X509_free(signers);
    return name;
  }

  const absl::string_view text_;
  const std::optional<uint64_t> nonce_;
  const TsaTrust::Parts& trust_;
};

namespace {

absl::StatusOr<Timestamp> VerifyToken(absl::string_view token, absl::string_view text,
                                      std::optional<uint64_t> nonce, const TsaTrust& trust) {
  RETURN_IF_ERROR(CheckLimit(token));
  const Pkcs7Ptr parsed = ReadDer<Pkcs7Ptr, d2i_PKCS7>(token);
  if (parsed == nullptr) return Malformed("the token is not one DER ContentInfo");
  const TsInfoPtr info(PKCS7_to_TS_TST_INFO(parsed.get()));
  if (info == nullptr) return Malformed(DrainOpensslErrors("the token holds no TSTInfo"));
  ASSIGN_OR_RETURN(Timestamp stamp,
                   TimestampCheck(text, nonce, trust).Run(parsed.get(), info.get()));
  stamp.token = std::string(token);
  return stamp;
}

// 0 granted, 1 granted with modifications; else what RFC 3161 2.4.2 calls it.
absl::Status CheckGranted(const TS_STATUS_INFO* info) {
  const int64_t status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(info));
  if (status == TS_STATUS_GRANTED || status == TS_STATUS_GRANTED_WITH_MODS) {
    return absl::OkStatus();
  }
  std::string why;
  const ASN1_BIT_STRING* failure = TS_STATUS_INFO_get0_failure_info(info);
  const std::pair<int, const char*> names[] = {
      {TS_INFO_BAD_ALG, "badAlg"},
      {TS_INFO_BAD_REQUEST, "badRequest"},
      {TS_INFO_BAD_DATA_FORMAT, "badDataFormat"},
      {TS_INFO_TIME_NOT_AVAILABLE, "timeNotAvailable"},
      {TS_INFO_UNACCEPTED_POLICY, "unacceptedPolicy"},
      {TS_INFO_UNACCEPTED_EXTENSION, "unacceptedExtension"},
      {TS_INFO_ADD_INFO_NOT_AVAILABLE, "addInfoNotAvailable"},
      {TS_INFO_SYSTEM_FAILURE, "systemFailure"}};
  for (const auto& [bit, name] : names) {
    if (failure != nullptr && ASN1_BIT_STRING_get_bit(failure, bit) == 1) {
      absl::StrAppend(&why, ", ", name);
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("timestamp: the authority refused: status ", status, why));
}

}  // namespace

absl::StatusOr<std::string> EncodeTimestampQuery(absl::string_view text, uint64_t nonce,
                                                 const std::string& policy) {
  ASSIGN_OR_RETURN(const TsReqPtr request, MakeRequest(text, nonce, policy));
  const int size = i2d_TS_REQ(request.get(), nullptr);
  if (size <= 0) return absl::InternalError(DrainOpensslErrors("timestamp: query"));
  std::string out(static_cast<size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  i2d_TS_REQ(request.get(), &at);
  return out;
}

absl::StatusOr<Timestamp> VerifyTimestampReply(absl::string_view reply, absl::string_view text,
                                               uint64_t nonce, const TsaTrust& trust) {
  RETURN_IF_ERROR(CheckLimit(reply));
  const TsRespPtr parsed = ReadDer<TsRespPtr, d2i_TS_RESP>(reply);
  if (parsed == nullptr) return Malformed("the reply is not one DER TimeStampResp");
  RETURN_IF_ERROR(CheckGranted(TS_RESP_get_status_info(parsed.get())));
  PKCS7* token = TS_RESP_get_token(parsed.get());
  const int size = token == nullptr ? 0 : i2d_PKCS7(token, nullptr);
  if (size <= 0) return Malformed("the reply has no token");
  // What is kept is what is checked: the token by itself, as it will be read again.
  std::string der(static_cast<size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_PKCS7(token, &at);
  return VerifyToken(der, text, nonce, trust);
}

absl::StatusOr<Timestamp> VerifyTimestampToken(absl::string_view token, absl::string_view text,
                                               const TsaTrust& trust) {
  return VerifyToken(token, text, std::nullopt, trust);
}

std::string TimestampFileStem(uint64_t size, const Hash& token_hash) {
  return absl::StrCat(absl::Dec(size, absl::kZeroPad12), "-",
                      token_hash.ToHex().substr(0, kStemHexDigits));
}

bool IsTimestampFileStem(absl::string_view stem) {
  const size_t dash = stem.find('-');
  if (dash < 12 || dash > 19 || stem.size() != dash + 1 + kStemHexDigits) return false;
  const absl::string_view digits = stem.substr(0, dash);
  if (dash > 12 && digits.front() == '0') return false;
  const absl::string_view hex = stem.substr(dash + 1);
  return digits.find_first_not_of("0123456789") == absl::string_view::npos &&
         hex.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

bool IsDottedOid(const std::string& policy) {
  const bool form = std::all_of(policy.begin(), policy.end(),
                                [](unsigned char c) { return absl::ascii_isdigit(c) || c == '.'; });
  const ObjectPtr object(form ? OBJ_txt2obj(policy.c_str(), /*no_name=*/1) : nullptr);
  ClearOpensslErrors();
  return object != nullptr && OidText(object.get()) == policy;
}

}  // namespace auditledger
