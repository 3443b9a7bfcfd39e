#pragma once
// Which library seals and opens datagrams: the configured one, or with `auto` ipsec-mb where this CPU can run
// it, else libsodium. They give the same bytes (wire/seal/aead.h), so hosts of a cell may differ in it.

#include <string>
#include <tl/expected.hpp>

#include "control/server_config.h"
#include "wire/seal/aead.h"

namespace tercet::control {

struct ChosenCrypto {
  seal::Provider provider{};
  std::string why;  ///< for the log and --check: "aes-256-gcm by ipsec-mb (port.crypto = \"auto\")"
};

/// `aead` must be available(). The error is one line with what to do.
tl::expected<ChosenCrypto, std::string> choose_crypto(Crypto wanted, seal::Algorithm aead);
/// The same where ipsec-mb can (`ipsec_mb`) or cannot run.
tl::expected<ChosenCrypto, std::string> choose_crypto(Crypto wanted, seal::Algorithm aead,
                                                      const tl::expected<void, std::string>& ipsec_mb);

}  // namespace tercet::control
