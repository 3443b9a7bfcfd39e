#include "client/command/lb_views.h"

#include "wire/endpoint.h"

namespace tercet::command {

std::string text_of(const Json& object, const char* name) {
  const auto it = object.is_object() ? object.find(name) : object.end();
  if (it == object.end() || it->is_null()) {
    return "-";
  }
  return it->is_string() ? it->get<std::string>() : it->dump();
}

Json list_of(const Json& document, const char* name) {
  const auto it = document.find(name);
  return it != document.end() && it->is_array() ? *it : Json::array();
}

std::optional<Json> parse_view(const std::string& text) {
  Json document = Json::parse(text, nullptr, false);
  return document.is_object() ? std::optional<Json>(std::move(document)) : std::nullopt;
}

std::vector<Json> views_of_each(const Connection& connection, const client::Patience& patience) {
  std::vector<Json> views;
  for (const Endpoint& lb : connection.config.lbs) {
    auto channel = client::Channel::open({lb}, connection.keys);
    if (!channel) {
      continue;
    }
    const auto text = client::Cell(**channel, patience).status();
    if (auto document = text ? parse_view(*text) : std::nullopt) {
      (*document)["answered_by"] = to_string(lb);
      views.push_back(std::move(*document));
    }
  }
  return views;
}

}  // namespace tercet::command
