#include <CLI/CLI.hpp>

#include "base/time_text.h"
#include "client/command/context.h"
#include "client/command/seat_arguments.h"
#include "client/command/seat_output.h"
#include "client/command/verbs.h"
#include "client/identity.h"

namespace tercet::command {
namespace {

struct CheckoutArguments {
  SeatArguments seat;
  std::string handle;
};

int checkout(const CheckoutArguments& given, Context& context) {
  auto read = wanted_of(given.seat);
  if (!read) {
    return context.fail(kUsage, read.error());
  }
  client::Wanted& wanted = *read;
  std::optional<Handle> handle;
  if (!given.handle.empty()) {
    const auto parsed = client::parse_handle(given.handle);
    if (!parsed) {
      return context.fail(kUsage, parsed.error());
    }
    handle = *parsed;
  }
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  client::identify(wanted);
  client::SeatState seat;
  const auto grant = connection->cell().checkout(wanted, handle, seat);
  if (!grant) {
    return context.fail(grant.error());
  }
  const int code = print_seat(context, seat, *grant, wanted.firm, wanted.product);
  if (!context.written()) {
    // Nobody has the handle: a seat that nobody can use or give back is given back here.
    const std::string name = client::text_of(seat.handle);
    return context.fail(kInternal, connection->cell().give_back(seat)
                                       ? "the output could not be written, the seat of handle " + name +
                                             " was given back: check where it goes"
                                       : "the output could not be written, the seat of handle " + name +
                                             " is held: give it back with tercet release " + name);
  }
  return code;
}

}  // namespace

int print_seat(Context& context, const client::SeatState& seat, const client::Grant& grant, uint32_t firm,
               uint32_t product) {
  // Without a limit of seats there is no number of seats left.
  const bool limited = grant.result.seats_left != UINT32_MAX;
  const std::string handle = client::text_of(seat.handle);
  const std::string end = to_rfc3339(seat.lease_end);
  return context.print({{"handle", handle},
                        {"tmr_id", seat.tmr_id},
                        {"firm_code", firm},
                        {"product_code", product},
                        {"lease_end", end},
                        {"lease_ms", seat.lease_ms},
                        {"seats_left", limited ? Json(grant.result.seats_left.get()) : Json()},
                        {"features", features_text(seat.features)},
                        {"request", seat.number}},
                       "handle      " + handle + "\ntmr id      " + std::to_string(seat.tmr_id) +
                           "\nlease end   " + end + "\nseats left  " +
                           (limited ? std::to_string(grant.result.seats_left.get()) : "no limit"));
}

void add_checkout(CLI::App& app, Context& context) {
  auto given = std::make_shared<CheckoutArguments>();
  CLI::App* verb = app.add_subcommand("checkout", "check a seat out; prints its handle");
  add_seat_options(*verb, given->seat,
                   "how long the seat is held unless renewed, 1s to 24h (default: the license's)");
  verb->add_option("--handle", given->handle,
                   "a handle of your own, 32 random hex digits (default: a fresh one)");
  context.add_cell(*verb);
  verb->callback(
      [given, &context] { context.action = [given, &context] { return checkout(*given, context); }; });
}

}  // namespace tercet::command
