#include "client/command/context.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "base/time_text.h"
#include "wire/seal/license_text.h"

namespace tercet::command {

using client::Failure;

void Context::add_json(CLI::App& verb) { verb.add_flag("--json", json, "print one JSON document"); }

void Context::add_cell(CLI::App& verb) {
  add_json(verb);
  verb.add_option(
      "--config", config,
      "the client's configuration (else TERCET_CONFIG, ./client.toml, ~/.config/tercet/, /etc/tercet/)");
  verb.add_option("--timeout", timeout, "how long to ask, as in 10s (default 5s, or the configuration's)");
}

tl::expected<Duration, std::string> Context::patience(const client::Config& loaded) const {
  if (timeout.empty()) {
    return loaded.timeout;
  }
  const auto parsed = parse_duration(timeout);
  if (!parsed) {
    return tl::unexpected("--timeout: " + parsed.error());
  }
  if (*parsed < milliseconds(1) || *parsed > seconds(24 * 3'600)) {
    return tl::unexpected("--timeout " + timeout + " is out of range: ask for 1ms to 24h");
  }
  return *parsed;
}

std::optional<Connection> Context::connect() {
  const auto path = client::find_config(config);
  if (!path) {
    fail(kUsage, path.error());
    return std::nullopt;
  }
  auto loaded = client::load_config(*path);
  if (!loaded) {
    fail(kUsage, loaded.error());
    return std::nullopt;
  }
  const auto wait = patience(*loaded);
  if (!wait) {
    fail(kUsage, wait.error());
    return std::nullopt;
  }
  const auto keys = client::load_keys(*loaded);
  if (!keys) {
    fail(kUsage, keys.error());
    return std::nullopt;
  }
  auto channel = client::Channel::open(loaded->servers, *keys);
  if (!channel) {
    fail(kUsage, channel.error());
    return std::nullopt;
  }
  return Connection{std::move(*loaded),
                    *keys,
                    std::move(*channel),
                    {.timeout = *wait, .unavailable = client::kUnavailablePatience}};
}

int Context::fail(Exit code, const std::string& message) {
  err << "tercet: " << message << '\n';
  return code;
}

Exit exit_of(const Failure& failure) {
  switch (failure.kind) {
    case Failure::Kind::denied:
      return kDenied;
    case Failure::Kind::unavailable:
    case Failure::Kind::no_answer:
    case Failure::Kind::interrupted:
      return kUnavailable;
    case Failure::Kind::usage:
      return kUsage;
    case Failure::Kind::malformed:
      break;
  }
  return kInternal;
}

namespace {

/// The numbers that matter to a denial (OpResult says what its `features` are then); no others.
void add_numbers(Code code, const OpResult& result, Json& document) {
  const uint64_t reason = result.features;
  switch (code) {
    case Code::no_free_seat:
    case Code::station_busy:
      break;
    case Code::expired:
      document["valid_until"] = time_or_null(WallTime{static_cast<int64_t>(reason)});
      break;
    case Code::not_yet_valid:
      document["valid_from"] = time_or_null(WallTime{static_cast<int64_t>(reason)});
      break;
    case Code::usage_period_over:
      document["usage_until"] = time_or_null(WallTime{static_cast<int64_t>(reason)});
      break;
    case Code::no_units_left:
      document["units_left"] = reason;
      break;
    case Code::feature_not_licensed:
      document["features_missing"] = features_text(reason);
      break;
    case Code::only_one_constituent:
      document["constituents"] = {(reason & 1U) != 0, (reason & 2U) != 0, (reason & 4U) != 0};
      break;
    default:
      return;
  }
  document["in_use"] = result.in_use.get();
  document["quantity"] = result.quantity.get();
}

}  // namespace

Json document_of(const Failure& failure) {
  Json document;
  const bool named = failure.kind == Failure::Kind::denied || failure.code != Code::granted;
  document["code"] = named                                      ? name_of(failure.code)
                     : failure.kind == Failure::Kind::malformed ? "MALFORMED_ANSWER"
                                                                : "NO_ANSWER";
  document["message"] = failure.message;
  if (failure.kind == Failure::Kind::denied) {
    if (failure.result.tmr_id != 0) {
      document["tmr_id"] = failure.result.tmr_id.get();
    }
    add_numbers(failure.code, failure.result, document);
  } else {
    document["outcome_unknown"] = failure.outcome_unknown;
    if (failure.handle) {
      document["handle"] = client::text_of(*failure.handle);
    }
    document["first_unavailable_ms"] =
        failure.first_unavailable ? Json(static_cast<double>(failure.first_unavailable->us()) / 1'000.0)
                                  : Json();
  }
  return document;
}

int Context::fail(const Failure& failure) {
  const bool denied = failure.kind == Failure::Kind::denied;
  err << "tercet: " << (denied ? std::string(name_of(failure.code)) + ", " : "") << failure.message << '\n';
  if (json) {
    out << document_of(failure).dump(2) << '\n';
  }
  return exit_of(failure);
}

int Context::print(const Json& document, const std::string& people) {
  if (json) {
    out << document.dump(2) << '\n';
  } else {
    out << people << (people.empty() || people.back() == '\n' ? "" : "\n");
  }
  return kDone;
}

bool Context::written() {
  out.flush();
  unwritten_was_told_ = !out;
  return !unwritten_was_told_;
}

Json time_or_null(const std::optional<WallTime>& time) { return time ? Json(to_rfc3339(*time)) : Json(); }

std::string features_text(uint64_t features) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(features));
  return text;
}

tl::expected<uint64_t, std::string> parse_features(const std::string& text) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return tl::unexpected("--features " + text + " is no feature mask: write up to 16 hex digits, as in ff");
  }
  return value;
}

tl::expected<uint32_t, std::string> parse_lease(const std::string& text) {
  const auto lease = parse_duration(text);
  if (!lease) {
    return tl::unexpected("--lease: " + lease.error());
  }
  if (lease->ms() < seal::kLeaseMsMin || lease->ms() > seal::kLeaseMsMax) {
    return tl::unexpected("--lease " + text + " is out of range: ask for 1s to 24h");
  }
  return static_cast<uint32_t>(lease->ms());
}

}  // namespace tercet::command
