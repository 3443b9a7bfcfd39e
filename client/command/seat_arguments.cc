#include "client/command/seat_arguments.h"

#include <CLI/CLI.hpp>

#include "client/command/context.h"

namespace tercet::command {

void add_seat_options(CLI::App& verb, SeatArguments& given, const std::string& lease_help) {
  verb.add_option("--firm", given.wanted.firm, "Firm Code")->required();
  verb.add_option("--product", given.wanted.product, "Product Code")->required();
  verb.add_option("--features", given.features, "feature mask, hex: all of these must be licensed");
  verb.add_option("--tmr-id", given.wanted.tmr_id, "only this TMR license (default: any that matches)");
  verb.add_option("--lease", given.lease, lease_help);
  verb.add_option("--station", given.wanted.station,
                  "the workstation, for licenses that count stations (default: this host)");
}

tl::expected<client::Wanted, std::string> wanted_of(const SeatArguments& given) {
  client::Wanted wanted = given.wanted;
  if (!given.features.empty()) {
    const auto features = parse_features(given.features);
    if (!features) {
      return tl::unexpected(features.error());
    }
    wanted.features = *features;
  }
  if (!given.lease.empty()) {
    const auto lease = parse_lease(given.lease);
    if (!lease) {
      return tl::unexpected(lease.error());
    }
    wanted.lease_ms = *lease;
  }
  return wanted;
}

}  // namespace tercet::command
