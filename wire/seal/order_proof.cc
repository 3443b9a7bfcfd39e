#include "wire/seal/order_proof.h"

#include <sodium.h>

#include <array>

namespace tercet::seal {
namespace {

/// So that no other use of this key makes the same bytes.
constexpr std::string_view kPurpose = "tercet operator's order\n";

}  // namespace

std::string order_proof(const Key& client_master, std::string_view order) {
  const std::string text = std::string(kPurpose) + std::string(order);
  std::array<unsigned char, 32> mac{};
  crypto_generichash_blake2b(mac.data(), mac.size(), reinterpret_cast<const unsigned char*>(text.data()),
                             text.size(), client_master.bytes.data(), client_master.bytes.size());
  std::array<char, 2 * mac.size() + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), mac.data(), mac.size());
  return hex.data();
}

bool proves(const Key& client_master, std::string_view order, std::string_view proof) {
  const std::string right = order_proof(client_master, order);
  return proof.size() == right.size() && sodium_memcmp(proof.data(), right.data(), right.size()) == 0;
}

}  // namespace tercet::seal
