// renew, release, consume: this process did not create the handle, so it reads the lease first and goes on
// from its last request number (DESIGN §2, Idempotence).

#include <CLI/CLI.hpp>

#include "client/command/context.h"
#include "client/command/seat_output.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

struct Asked {
  Handle handle;
  Connection connection;
};

struct Found {
  client::SeatState seat;
  client::Lease lease;
};

/// The handle that `text` is, and the cell; without them the exit code, with everything printed.
tl::expected<Asked, int> open(const std::string& text, Context& context) {
  const auto handle = client::parse_handle(text);
  if (!handle) {
    return tl::unexpected(context.fail(kUsage, handle.error()));
  }
  auto connection = context.connect();
  if (!connection) {
    return tl::unexpected(static_cast<int>(kUsage));
  }
  return Asked{*handle, std::move(*connection)};
}

tl::expected<Found, client::Failure> find(const Asked& asked) {
  const auto lease = asked.connection.cell().lease(asked.handle);
  if (!lease) {
    return tl::unexpected(lease.error());
  }
  client::SeatState seat;
  seat.handle = asked.handle;
  seat.number = lease->last_request;
  return Found{seat, *lease};
}

int renew(const std::string& text, const std::string& lease_text, Context& context) {
  uint32_t lease_ms = 0;
  if (!lease_text.empty()) {
    const auto lease = parse_lease(lease_text);
    if (!lease) {
      return context.fail(kUsage, lease.error());
    }
    lease_ms = *lease;
  }
  const auto asked = open(text, context);
  if (!asked) {
    return asked.error();
  }
  auto found = find(*asked);
  if (!found) {
    return context.fail(found.error());
  }
  const auto grant = asked->connection.cell().renew(found->seat, lease_ms);
  if (!grant) {
    return context.fail(grant.error());
  }
  return print_seat(context, found->seat, *grant, found->lease.firm, found->lease.product);
}

int release(const std::string& text, Context& context) {
  const auto asked = open(text, context);
  if (!asked) {
    return asked.error();
  }
  auto found = find(*asked);
  if (!found && found.error().code != Code::unknown_handle) {
    return context.fail(found.error());
  }
  // Unknown, it is ordered all the same: a checkout that nobody waits for may still be on its way.
  client::Cell cell = asked->connection.cell();
  const auto grant = found ? cell.release(found->seat) : cell.release_unknown(asked->handle);
  if (!grant) {
    return context.fail(grant.error());
  }
  return context.print({{"handle", client::text_of(asked->handle)},
                        {"released", true},
                        {"tmr_id", grant->result.tmr_id.get()},
                        {"in_use", grant->result.in_use.get()},
                        {"quantity", grant->result.quantity.get()}},
                       "released");
}

int consume(const std::string& text, uint64_t total, Context& context) {
  const auto asked = open(text, context);
  if (!asked) {
    return asked.error();
  }
  auto found = find(*asked);
  if (!found) {
    return context.fail(found.error());
  }
  const auto grant = asked->connection.cell().consume(found->seat, total);
  if (!grant) {
    return context.fail(grant.error());
  }
  const uint64_t left = grant->result.features;
  return context.print({{"handle", client::text_of(asked->handle)},
                        {"tmr_id", grant->result.tmr_id.get()},
                        {"firm_code", found->lease.firm},
                        {"product_code", found->lease.product},
                        {"units", total},
                        {"units_left", left},
                        {"request", found->seat.number}},
                       "units left  " + std::to_string(left));
}

}  // namespace

void add_renew(CLI::App& app, Context& context) {
  auto handle = std::make_shared<std::string>();
  auto lease = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("renew", "renew a seat's lease");
  verb->add_option("HANDLE", *handle, "what checkout printed")->required();
  verb->add_option("--lease", *lease, "1s to 24h (default: as at checkout)");
  context.add_cell(*verb);
  verb->callback([handle, lease, &context] {
    context.action = [handle, lease, &context] { return renew(*handle, *lease, context); };
  });
}

void add_consume(CLI::App& app, Context& context) {
  auto handle = std::make_shared<std::string>();
  auto total = std::make_shared<uint64_t>(0);
  CLI::App* verb = app.add_subcommand("consume", "use units of a seat's license");
  verb->add_option("HANDLE", *handle, "what checkout printed")->required();
  verb->add_option("--units", *total,
                   "all units used on this seat so far, these included: the same total again uses none")
      ->required();
  context.add_cell(*verb);
  verb->callback([handle, total, &context] {
    context.action = [handle, total, &context] { return consume(*handle, *total, context); };
  });
}

void add_release(CLI::App& app, Context& context) {
  auto handle = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("release", "give a seat back");
  verb->add_option("HANDLE", *handle, "what checkout printed")->required();
  context.add_cell(*verb);
  verb->callback(
      [handle, &context] { context.action = [handle, &context] { return release(*handle, context); }; });
}

}  // namespace tercet::command
