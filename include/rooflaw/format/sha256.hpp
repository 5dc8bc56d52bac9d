#pragma once
// SHA-256 (FIPS 180-4, by OpenSSL) of what need not be in memory all at once.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/evp.h>

namespace rooflaw::format {

class Sha256 {
 public:
  /// @throws Error where this OpenSSL has no SHA-256
  Sha256();

  void add(std::span<const std::byte> bytes);
  /// Of all that was added, as 64 hex digits. To be called once, at the end.
  std::string hex();

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string sha256_hex(std::string_view text);

}  // namespace rooflaw::format
