#include <CLI/CLI.hpp>
#include <ctime>

#include "base/time_text.h"
#include "client/command/context.h"
#include "client/command/verbs.h"
#include "client/issuer/issuer.h"

namespace tercet::command {
namespace {

struct IssueArguments {
  std::string issuer, name, mode = "user-limit", features, from, until, usage_period, lease, file;
  std::vector<std::string> requests;
  uint32_t firm = 0, product = 0, quantity = 0;
  std::optional<uint32_t> tmr_id;
  std::optional<uint64_t> units;
  bool quantity_given = false;
};

tl::expected<issuer::NewLicense, std::string> license_of(const IssueArguments& given) {
  issuer::NewLicense license;
  license.firm = given.firm;
  license.product = given.product;
  license.name = given.name;
  license.quantity = given.quantity;
  license.tmr_id = given.tmr_id;
  if (given.tmr_id == 0U) {
    return tl::unexpected("--tmr-id 0 is out of range: give 1 to " + std::to_string(UINT32_MAX) +
                          ", or leave it out for the next one");
  }
  const auto mode = seal::parse_license_mode(given.mode);
  if (!mode) {
    return tl::unexpected("--mode: " + mode.error());
  }
  license.mode = *mode;
  if (*mode != seal::LicenseMode::no_user_limit && !given.quantity_given) {
    return tl::unexpected(std::string("--quantity is missing: give the number of seats"));
  }
  if (!given.features.empty()) {
    const auto features = parse_features(given.features);
    if (!features) {
      return tl::unexpected(features.error());
    }
    license.features = *features;
  }
  if (!given.lease.empty()) {
    const auto lease = parse_lease(given.lease);
    if (!lease) {
      return tl::unexpected(lease.error());
    }
    license.lease_ms = *lease;
  }
  if (!given.usage_period.empty()) {
    const auto period = parse_duration(given.usage_period);
    if (!period) {
      return tl::unexpected("--usage-period: " + period.error());
    }
    if (period->ms() < 1) {
      return tl::unexpected("--usage-period " + given.usage_period +
                            " is out of range: give 1ms or more, as in 30d");
    }
    license.usage_period_ms = static_cast<uint64_t>(period->ms());
  }
  if (given.units == 0U) {
    return tl::unexpected(std::string(
        "--units 0 is out of range: give 1 or more, or leave it out for a license without units"));
  }
  license.units = given.units;
  for (const auto& [text, option, out] :
       {std::make_tuple(&given.from, "--valid-from", &license.valid_from),
        std::make_tuple(&given.until, "--valid-until", &license.valid_until)}) {
    if (!text->empty()) {
      const auto time = parse_rfc3339(*text);
      if (!time) {
        return tl::unexpected(std::string(option) + ": " + time.error());
      }
      *out = *time;
    }
  }
  return license;
}

int issue(const IssueArguments& given, Context& context) {
  const auto license = license_of(given);
  if (!license) {
    return context.fail(kUsage, license.error());
  }
  auto from = issuer::Issuer::open(given.issuer);
  if (!from) {
    return context.fail(kUsage, from.error());
  }
  std::vector<seal::ContainerRequest> requests;
  for (const std::string& path : given.requests) {
    auto request = seal::read_request(path);
    if (!request) {
      return context.fail(kUsage, request.error());
    }
    requests.push_back(std::move(*request));
  }
  const WallTime now{int64_t{std::time(nullptr)} * 1'000};
  const auto issued = from->issue(*license, requests, now, given.file);
  if (!issued) {
    return context.fail(kUsage, issued.error());
  }
  const seal::LicenseText& text = issued->texts.front();
  if (text.valid_until && *text.valid_until <= now) {
    context.fail(kDone, "the license is over already, it was valid until " + to_rfc3339(*text.valid_until) +
                            ": issue another with a later --valid-until");
  }
  const std::string quantity = text.mode == seal::LicenseMode::no_user_limit
                                   ? "no limit of seats"
                                   : std::to_string(text.quantity) + " seats";
  return context.print({{"tmr_id", issued->tmr_id},
                        {"firm_code", given.firm},
                        {"product_code", given.product},
                        {"name", text.name},
                        {"mode", seal::name_of(text.mode)},
                        {"quantity", text.quantity},
                        {"features", features_text(text.features)},
                        {"valid_from", time_or_null(text.valid_from)},
                        {"valid_until", time_or_null(text.valid_until)},
                        {"usage_period_ms", text.usage_period_ms ? Json(*text.usage_period_ms) : Json()},
                        {"units", text.units ? Json(*text.units) : Json()},
                        {"lease_ms", text.lease_default_ms},
                        {"revision", text.revision},
                        {"activation_id", text.activation_id},
                        {"file", given.file}},
                       "TMR license " + std::to_string(issued->tmr_id) + " (firm " +
                           std::to_string(given.firm) + ", product " + std::to_string(given.product) + ", " +
                           quantity + ") in " + given.file + "\nnext: tercet import " + given.file);
}

}  // namespace

void add_issue(CLI::App& app, Context& context) {
  auto given = std::make_shared<IssueArguments>();
  CLI::App* verb = app.add_subcommand("issue", "issue a TMR license: three constituents in one signed file");
  verb->add_option("--issuer", given->issuer, "the issuer's folder")->required();
  verb->add_option("--request", given->requests, "a container's request file, three times")
      ->required()
      ->allow_extra_args(false);
  verb->add_option("--firm", given->firm, "Firm Code")->required();
  verb->add_option("--product", given->product, "Product Code")->required();
  CLI::Option* quantity = verb->add_option("--quantity", given->quantity, "seats");
  verb->add_option("--tmr-id", given->tmr_id, "TMR-ID (default: the next of this issuer)");
  verb->add_option("--name", given->name, "text that people see, up to 96 bytes");
  verb->add_option(
      "--mode", given->mode,
      "what takes a seat: user-limit (default): each checkout; station-share: a station, for all "
      "its checkouts; exclusive: a station, for one; no-user-limit: nothing");
  verb->add_option("--features", given->features, "feature map, hex (default 0)");
  verb->add_option("--valid-from", given->from, "RFC 3339 time or date");
  verb->add_option("--valid-until", given->until, "RFC 3339 time or date");
  verb->add_option("--usage-period", given->usage_period,
                   "how long it can be used from its first checkout on, as in 30d (default: no end)");
  verb->add_option("--units", given->units, "how many units can be used in all (default: it has no units)");
  verb->add_option("--lease", given->lease, "default lease of its checkouts, 1s to 24h (default 60s)");
  verb->add_option("-o,--output", given->file, "the license file, a new one")->required();
  context.add_json(*verb);
  verb->callback([given, quantity, &context] {
    given->quantity_given = quantity->count() > 0;
    context.action = [given, &context] { return issue(*given, context); };
  });
}

}  // namespace tercet::command
