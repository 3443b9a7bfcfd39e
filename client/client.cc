#include "client/include/tercet/client.h"

#include "client/config.h"
#include "client/identity.h"
#include "client/keeper.h"

namespace tercet {

using client::Cell;
using client::Channel;
using client::Failure;

struct Seat::State {
  std::unique_ptr<client::Keeper> keeper;
  Duration timeout;
};
struct Client::State {
  client::Config config;
  seal::ClientKeys keys;
  std::unique_ptr<Channel> channel;
};

namespace {

Error error_of(const Failure& failure) {
  Error error;
  error.message = failure.message;
  error.code = name_of(failure.code);
  error.in_use = failure.result.in_use;
  error.quantity = failure.result.quantity;
  error.units_left = failure.code == Code::no_units_left ? failure.result.features.get() : 0;
  error.handle = failure.handle ? client::text_of(*failure.handle) : "";
  switch (failure.kind) {
    case Failure::Kind::denied:
      error.kind = Error::Kind::denied;
      break;
    case Failure::Kind::unavailable:
      error.kind = Error::Kind::unavailable;
      break;
    case Failure::Kind::no_answer:
    case Failure::Kind::interrupted:
      error.kind = Error::Kind::no_answer;
      if (failure.code == Code::granted) {
        error.code = "NO_ANSWER";
      }
      break;
    case Failure::Kind::usage:
      error.kind = Error::Kind::configuration;
      error.code = "BAD_REQUEST";
      break;
    case Failure::Kind::malformed:
      error.code = "MALFORMED";
      break;
  }
  return error;
}

tl::unexpected<Error> wrong(const std::string& message) {
  return tl::unexpected(Error{Error::Kind::configuration, "CONFIGURATION", message, 0, 0});
}

}  // namespace

Seat::Seat(std::unique_ptr<State> state) : state_(std::move(state)) {}
Seat::Seat(Seat&&) noexcept = default;
Seat& Seat::operator=(Seat&&) noexcept = default;
Seat::~Seat() = default;

bool Seat::held() const { return state_ != nullptr && state_->keeper->held(); }
std::string Seat::lost() const { return state_ == nullptr ? "" : state_->keeper->lost(); }
std::string Seat::handle() const {
  return state_ == nullptr ? "" : client::text_of(state_->keeper->seat().handle);
}
uint32_t Seat::tmr_id() const { return state_ == nullptr ? 0 : state_->keeper->seat().tmr_id; }
uint64_t Seat::features() const { return state_ == nullptr ? 0 : state_->keeper->seat().features; }
std::chrono::system_clock::time_point Seat::lease_end() const {
  const int64_t ms = state_ == nullptr ? 0 : state_->keeper->seat().lease_end.ms;
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
}
tl::expected<uint64_t, Error> Seat::consume(uint64_t total) {
  if (state_ == nullptr) {
    return wrong("this seat was moved from: use the one that it was moved to");
  }
  const auto grant = state_->keeper->consume(total, state_->timeout);
  if (!grant) {
    return tl::unexpected(error_of(grant.error()));
  }
  return grant->result.features.get();
}
bool Seat::release() { return state_ != nullptr && state_->keeper->release(); }

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

tl::expected<Client, Error> Client::open(const std::string& config) {
  const auto path = client::find_config(config);
  if (!path) {
    return wrong(path.error());
  }
  auto loaded = client::load_config(*path);
  if (!loaded) {
    return wrong(loaded.error());
  }
  const auto keys = client::load_keys(*loaded);
  if (!keys) {
    return wrong(keys.error());
  }
  auto channel = Channel::open(loaded->servers, *keys);
  if (!channel) {
    return wrong(channel.error());
  }
  return Client(std::make_unique<State>(State{std::move(*loaded), *keys, std::move(*channel)}));
}

tl::expected<Seat, Error> Client::checkout(const SeatRequest& request,
                                           std::function<void(const std::string&)> on_lost) {
  if (request.lease.count() < 0 || request.lease.count() > INT32_MAX) {
    return wrong("the lease is out of range: ask for 1 s to 24 h");
  }
  std::optional<Handle> handle;
  if (!request.handle.empty()) {
    const auto parsed = client::parse_handle(request.handle);
    if (!parsed) {
      return wrong(parsed.error());
    }
    handle = *parsed;
  }
  client::Wanted wanted{.firm = request.firm,
                        .product = request.product,
                        .tmr_id = request.tmr_id,
                        .lease_ms = static_cast<uint32_t>(request.lease.count()),
                        .features = request.features,
                        .user = request.user,
                        .host = request.host,
                        .process = request.process,
                        .version = request.version,
                        .station = request.station};
  client::identify(wanted);
  // The keeper's channel is opened first: a seat that nobody could renew is not checked out.
  auto channel = Channel::open(state_->config.servers, state_->keys);
  if (!channel) {
    return wrong(channel.error());
  }
  Cell cell(*state_->channel,
            {.timeout = state_->config.timeout, .unavailable = client::kUnavailablePatience});
  client::SeatState seat;
  const auto grant = cell.checkout(wanted, handle, seat);
  if (!grant) {
    Error error = error_of(grant.error());
    // A repeat that did not get as far as the cell leaves open what was open before it.
    if (error.kind == Error::Kind::unavailable || error.kind == Error::Kind::no_answer) {
      error.handle = error.handle.empty() ? request.handle : error.handle;
    }
    return tl::unexpected(error);
  }
  auto state = std::make_unique<Seat::State>();
  state->timeout = state_->config.timeout;
  state->keeper = std::make_unique<client::Keeper>(std::move(*channel), seat, std::move(on_lost));
  return Seat(std::move(state));
}

tl::expected<void, Error> Client::release(const std::string& handle) {
  const auto parsed = client::parse_handle(handle);
  if (!parsed) {
    return wrong(parsed.error());
  }
  Cell cell(*state_->channel,
            {.timeout = state_->config.timeout, .unavailable = client::kUnavailablePatience});
  const auto done = cell.release_unknown(*parsed);
  if (!done && done.error().code != Code::unknown_handle) {
    return tl::unexpected(error_of(done.error()));
  }
  return {};
}

tl::expected<std::vector<LicenseInfo>, Error> Client::licenses(bool all) {
  Cell cell(*state_->channel,
            {.timeout = state_->config.timeout, .unavailable = client::kUnavailablePatience});
  const auto rows = cell.licenses(all);
  if (!rows) {
    return tl::unexpected(error_of(rows.error()));
  }
  std::vector<LicenseInfo> out;
  for (const client::License& row : *rows) {
    out.push_back({row.firm, row.product, row.tmr_id, row.name, client::name_of_mode(row.mode), row.quantity,
                   row.in_use, row.features, row.valid});
  }
  return out;
}

}  // namespace tercet
