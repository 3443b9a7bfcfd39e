#pragma once
// What checkout and run take alike: which license, and for whom.

#include <string>
#include <tl/expected.hpp>

#include "client/request.h"

namespace CLI {
class App;
}

namespace tercet::command {

struct SeatArguments {
  client::Wanted wanted;
  std::string features, lease;  ///< as given; wanted_of() reads them
};

/// --firm, --product, --features, --tmr-id, --lease, --station. `lease_help`: what the lease means to the
/// verb.
void add_seat_options(CLI::App& verb, SeatArguments& given, const std::string& lease_help);
/// The error names the option and what to write.
tl::expected<client::Wanted, std::string> wanted_of(const SeatArguments& given);

}  // namespace tercet::command
