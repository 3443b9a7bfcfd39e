// renew, release: this process did not create the handle, so it reads the lease first and goes on from its
// last request number (DESIGN §2, Idempotence).

#include <CLI/CLI.hpp>

#include "client/command/context.h"
#include "client/command/seat_output.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

struct Found {
  Connection connection;
  client::SeatState seat;
  client::Lease lease;
};

/// The seat under `text`; without one the exit code, with everything printed.
tl::expected<Found, int> find(const std::string& text, Context& context) {
  const auto handle = client::parse_handle(text);
  if (!handle) {
    return tl::unexpected(context.fail(kUsage, handle.error()));
  }
  auto connection = context.connect();
  if (!connection) {
    return tl::unexpected(static_cast<int>(kUsage));
  }
  const auto lease = connection->cell().lease(*handle);
  if (!lease) {
    return tl::unexpected(context.fail(lease.error()));
  }
  client::SeatState seat;
  seat.handle = *handle;
  seat.number = lease->last_request;
  return Found{std::move(*connection), seat, *lease};
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
  auto found = find(text, context);
  if (!found) {
    return found.error();
  }
  const auto grant = found->connection.cell().renew(found->seat, lease_ms);
  if (!grant) {
    return context.fail(grant.error());
  }
  return print_seat(context, found->seat, *grant, found->lease.firm, found->lease.product);
}

int release(const std::string& text, Context& context) {
  auto found = find(text, context);
  if (!found) {
    return found.error();
  }
  const auto grant = found->connection.cell().release(found->seat);
  if (!grant) {
    return context.fail(grant.error());
  }
  return context.print({{"handle", client::text_of(found->seat.handle)},
                        {"released", true},
                        {"tmr_id", found->lease.tmr_id},
                        {"in_use", grant->result.in_use.get()},
                        {"quantity", grant->result.quantity.get()}},
                       "released");
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

void add_release(CLI::App& app, Context& context) {
  auto handle = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("release", "give a seat back");
  verb->add_option("HANDLE", *handle, "what checkout printed")->required();
  context.add_cell(*verb);
  verb->callback(
      [handle, &context] { context.action = [handle, &context] { return release(*handle, context); }; });
}

}  // namespace tercet::command
