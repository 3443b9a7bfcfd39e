#include "control/crypto.h"

namespace tercet::control {

tl::expected<ChosenCrypto, std::string> choose_crypto(Crypto wanted, seal::Algorithm aead,
                                                      const tl::expected<void, std::string>& ipsec_mb) {
  if (wanted == Crypto::ipsec_mb && !ipsec_mb) {
    return tl::unexpected("port.crypto is \"ipsec-mb\", but " + ipsec_mb.error() +
                          ": set port.crypto = \"auto\" or \"libsodium\"");
  }
  ChosenCrypto chosen;
  chosen.provider =
      wanted == Crypto::libsodium || !ipsec_mb ? seal::Provider::libsodium : seal::Provider::ipsec_mb;
  chosen.why = std::string(seal::name_of(aead)) + " by " + seal::name_of(chosen.provider);
  if (wanted != Crypto::automatic) {
    chosen.why += " (as configured)";
  } else if (ipsec_mb) {
    chosen.why += " (port.crypto = \"auto\")";
  } else {
    chosen.why += " (port.crypto = \"auto\"; " + ipsec_mb.error() + ")";
  }
  return chosen;
}

tl::expected<ChosenCrypto, std::string> choose_crypto(Crypto wanted, seal::Algorithm aead) {
  if (wanted == Crypto::libsodium) {
    return choose_crypto(wanted, aead, {});  // then the other one is not even started
  }
  return choose_crypto(wanted, aead, seal::can_run(seal::Provider::ipsec_mb, aead));
}

}  // namespace tercet::control
