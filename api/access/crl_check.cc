#include "api/access/crl_check.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, OpensslDeleter<X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, OpensslDeleter<X509_STORE_free>>;
using StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, OpensslDeleter<X509_STORE_CTX_free>>;

struct StackRelease {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using StackPtr = std::unique_ptr<STACK_OF(X509), StackRelease>;

BioPtr Reader(absl::string_view pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// True where reading ended for want of more, not for want of sense. Clears the queue.
bool AtEnd() {
  const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ClearOpensslErrors();
  return end;
}

absl::StatusOr<std::vector<X509Ptr>> Certificates(absl::string_view pem) {
  std::vector<X509Ptr> out;
  if (pem.empty()) return out;
  ClearOpensslErrors();
  const BioPtr reader = Reader(pem);
  while (X509* one = PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)) {
    out.emplace_back(one);
  }
  if (!AtEnd()) return absl::InvalidArgumentError("is not a certificate (PEM)");
  return out;
}

absl::StatusOr<std::vector<CrlPtr>> Crls(absl::string_view pem) {
  std::vector<CrlPtr> out;
  if (pem.empty()) return absl::InvalidArgumentError("is empty");
  ClearOpensslErrors();
  const BioPtr reader = Reader(pem);
  while (X509_CRL* one = PEM_read_bio_X509_CRL(reader.get(), nullptr, nullptr, nullptr)) {
    out.emplace_back(one);
  }
  if (!AtEnd() || out.empty()) {
    return absl::InvalidArgumentError("must hold certificate revocation lists (PEM)");
  }
  return out;
}

// One that no authority here has signed would only look as if it did something.
bool SignedByOne(X509_CRL* crl, const std::vector<X509Ptr>& authorities) {
  for (const X509Ptr& authority : authorities) {
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(authority.get())) != 0) {
      continue;
    }
    if (X509_CRL_verify(crl, X509_get0_pubkey(authority.get())) == 1) return true;
  }
  return false;
}

}  // namespace

struct CrlCheck::Store {
  StorePtr store;
};

CrlCheck::CrlCheck(std::string ca_pem, const std::string& crl_file, Clock& clock, RpcLog& log)
    : ca_pem_(std::move(ca_pem)), clock_(clock), log_(log), file_(crl_file, kMaxCrlBytes) {}
CrlCheck::~CrlCheck() = default;

absl::StatusOr<std::unique_ptr<CrlCheck>> CrlCheck::Open(const std::string& ca_pem,
                                                         const std::string& crl_file, Clock& clock,
                                                         RpcLog& log) {
  std::unique_ptr<CrlCheck> out(new CrlCheck(ca_pem, crl_file, clock, log));
  MutexLock lock(out->mutex_);
  const absl::Status loaded = out->Load();
  if (!loaded.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(crl_file, ": ", loaded.message()));
  }
  return out;
}

absl::Status CrlCheck::Load() {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, file_.ReadIfChanged());
  if (!text.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<X509Ptr> authorities, Certificates(ca_pem_));
  ASSIGN_OR_RETURN(const std::vector<CrlPtr> crls, Crls(*text));
  StorePtr store(X509_STORE_new());
  bool good =
      store != nullptr &&
      X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
  for (const X509Ptr& authority : authorities) {
    good = good && X509_STORE_add_cert(store.get(), authority.get()) == 1;
  }
  for (const CrlPtr& crl : crls) {
    good = good && X509_STORE_add_crl(store.get(), crl.get()) == 1;
  }
  bool ours = false;
  for (const CrlPtr& crl : crls) ours = ours || SignedByOne(crl.get(), authorities);
  if (!good) return absl::InvalidArgumentError(DrainOpensslErrors("cannot be used"));
  ClearOpensslErrors();
  if (!ours) {
    return absl::InvalidArgumentError("holds no list that an authority of client_ca_file signed");
  }
  store_ = std::make_shared<const Store>(Store{std::move(store)});
  log_.Event("crl_read", {{"file", file_.path()}, {"lists", absl::StrCat(crls.size())}});
  return absl::OkStatus();
}

std::shared_ptr<const CrlCheck::Store> CrlCheck::Current() {
  const uint64_t now = clock_.MonotonicMicros();
  MutexLock lock(mutex_);
  if (now >= look_us_) {
    look_us_ = now + static_cast<uint64_t>(std::chrono::microseconds(kCrlLook).count());
    const absl::Status loaded = Load();
    const std::string why(loaded.message());
    if (!loaded.ok() && why != logged_) {
      log_.Warning("crl_failed", {{"file", file_.path()}, {"why", why}});
    }
    logged_ = why;
  }
  return store_;
}

absl::Status CrlCheck::Verify(absl::string_view leaf_pem, absl::string_view chain_pem) {
  const auto refuse = [](absl::string_view why) {
    return absl::UnauthenticatedError(absl::StrCat("client certificate: ", why));
  };
  const std::shared_ptr<const Store> current = Current();
  const absl::StatusOr<std::vector<X509Ptr>> leaf = Certificates(leaf_pem);
  absl::StatusOr<std::vector<X509Ptr>> chain = Certificates(chain_pem);
  if (!leaf.ok() || leaf->size() != 1 || !chain.ok()) return refuse("cannot be read");
  const StackPtr others(sk_X509_new_null());
  for (X509Ptr& one : *chain) sk_X509_push(others.get(), one.release());
  const StoreCtxPtr context(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(context.get(), current->store.get(), leaf->front().get(), others.get()) !=
          1 ||
      X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT) != 1) {
    return refuse(DrainOpensslErrors("cannot be checked"));
  }
  X509_STORE_CTX_set_time(context.get(), 0, static_cast<time_t>(clock_.WallMicros() / 1'000'000));
  const bool verified = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  ClearOpensslErrors();
  return verified ? absl::OkStatus() : refuse(X509_verify_cert_error_string(error));
}

}  // namespace auditledger
