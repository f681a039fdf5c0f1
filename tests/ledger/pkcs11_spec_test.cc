#include "ledger/pkcs11_spec.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

const Pkcs11Spec kSpec{"/usr/lib/softhsm/libsofthsm2.so", "audit ledger", "clinic", "/etc/pin"};

TEST(Pkcs11Spec, IsThisToTheByte) {
  const std::string text =
      "auditledger-pkcs11/v1\n"
      "module /usr/lib/softhsm/libsofthsm2.so\n"
      "token audit ledger\n"
      "key clinic\n"
      "pin /etc/pin\n";
  EXPECT_EQ(FormatPkcs11Spec(kSpec), text);
  EXPECT_EQ(ParsePkcs11Spec(text).value(), kSpec);
}

TEST(Pkcs11Spec, HasOneForm) {
  const std::string good = FormatPkcs11Spec(kSpec);
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(ParsePkcs11Spec(good.substr(0, length)), StatusIs(absl::StatusCode::kDataLoss));
  }
  for (const char* more : {"\n", " ", "key other\n"}) {
    EXPECT_THAT(ParsePkcs11Spec(good + more), StatusIs(absl::StatusCode::kDataLoss));
  }
  const std::string swapped = "auditledger-pkcs11/v1\nmodule /m\nkey k\ntoken t\npin /p\n";
  EXPECT_THAT(ParsePkcs11Spec(swapped), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("token")));
  EXPECT_FALSE(ParsePkcs11Spec("auditledger-pkcs11/v1\nmodule /m \ntoken t\nkey k\npin /p\n").ok());
}

TEST(Pkcs11Spec, ValuesHaveLimits) {
  const struct {
    std::string Pkcs11Spec::*value;
    size_t max;
    const char* begin;
  } kValues[] = {{&Pkcs11Spec::module, kMaxPkcs11PathBytes, "/"},
                 {&Pkcs11Spec::token, kMaxTokenLabelBytes, ""},
                 {&Pkcs11Spec::key, kMaxPkcs11KeyBytes, ""},
                 {&Pkcs11Spec::pin_file, kMaxPkcs11PathBytes, "/"}};
  for (const auto& [value, max, begin] : kValues) {
    Pkcs11Spec spec = kSpec;
    spec.*value = begin + std::string(max - std::string(begin).size(), 'x');
    EXPECT_OK(CheckPkcs11Spec(spec));
    EXPECT_EQ(ParsePkcs11Spec(FormatPkcs11Spec(spec)).value(), spec);
    for (const std::string& wrong :
         {spec.*value + "x", std::string(), std::string(" x"), std::string("/x "),
          std::string("/a\nb"), std::string("/\x80"), std::string("/\0", 2)}) {
      spec.*value = wrong;
      EXPECT_THAT(CheckPkcs11Spec(spec), StatusIs(absl::StatusCode::kInvalidArgument)) << wrong;
    }
  }
  Pkcs11Spec relative = kSpec;
  relative.pin_file = "pin";
  EXPECT_THAT(CheckPkcs11Spec(relative),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("absolute")));
}

}  // namespace
}  // namespace auditledger
