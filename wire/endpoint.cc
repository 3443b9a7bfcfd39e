#include "wire/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace tercet {
namespace {

bool parse_port(std::string_view text, uint16_t& port) {
  // from_chars takes no sign for unsigned types and no blanks, and refuses what does not fit.
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

tl::unexpected<std::string> refuse(std::string_view text, const char* why) {
  return tl::unexpected(std::string("\"").append(text).append("\": ").append(why));
}

}  // namespace

tl::expected<Endpoint, std::string> parse_address(std::string_view text, uint16_t port) {
  constexpr const char* kNotAnAddress =
      "not a numeric IPv4 or IPv6 address: write one like 198.18.0.1 or 2001:db8::1";
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.find('%') != std::string_view::npos) {
    return refuse(text, "an address with a scope (%interface) cannot be used: give a global address");
  }
  // A NUL inside would end the copy early and let "::1\0garbage" pass.
  if (text.size() >= sizeof(terminated) || text.find('\0') != std::string_view::npos) {
    return refuse(text, kNotAnAddress);
  }
  std::memcpy(terminated, text.data(), text.size());
  Endpoint endpoint;
  endpoint.port = port;
  if (in_addr v4{}; inet_pton(AF_INET, terminated, &v4) == 1) {
    endpoint.address[10] = endpoint.address[11] = 0xFF;
    std::memcpy(&endpoint.address[12], &v4, sizeof(v4));
    return endpoint;
  }
  if (inet_pton(AF_INET6, terminated, endpoint.address.data()) == 1) {
    return endpoint;
  }
  return refuse(text, kNotAnAddress);
}

tl::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  constexpr const char* kForm = "not an endpoint: write 198.18.0.1:8210 or [2001:db8::1]:8210";
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return refuse(text, kForm);
  }
  std::string_view address = text.substr(0, colon);
  const bool bracketed = address.size() >= 2 && address.front() == '[' && address.back() == ']';
  if (bracketed) {
    address = address.substr(1, address.size() - 2);
  }
  // IPv6 without brackets is ambiguous ("::1:8210"); IPv4 in brackets is not a form anybody writes on
  // purpose.
  if (bracketed != (address.find(':') != std::string_view::npos)) {
    return refuse(text, kForm);
  }
  uint16_t port = 0;
  if (!parse_port(text.substr(colon + 1), port)) {
    return refuse(text, "the port must be a number from 0 to 65535");
  }
  return parse_address(address, port);
}

std::string address_text(const Endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN] = {};
  if (endpoint.is_v4()) {
    inet_ntop(AF_INET, &endpoint.address[12], text, sizeof(text));
  } else {
    inet_ntop(AF_INET6, endpoint.address.data(), text, sizeof(text));
  }
  return text;
}

std::string to_string(const Endpoint& endpoint) {
  const std::string address = address_text(endpoint);
  return (endpoint.is_v4() ? address : "[" + address + "]") + ":" + std::to_string(endpoint.port);
}

}  // namespace tercet
