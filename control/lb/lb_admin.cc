#include "control/lb/lb_admin.h"

#include <nlohmann/json.hpp>

#include "dataplane/port/socket.h"

namespace tercet::control {
namespace {

AdminPage listing(const tl::expected<std::string, std::string>& text) {
  if (text) {
    return {200, "application/json", *text};
  }
  return error_page(503, text.error() == "NOT_ACTIVE"
                             ? "this load balancer is the standby: ask the active one"
                         : text.error() == "UNAVAILABLE" ? "fewer than two backends vote: see /v1/status"
                                                         : text.error());
}

}  // namespace

void LbBoard::publish(const dataplane::View& view, std::string status, bool on_air) {
  const std::lock_guard lock(mutex_);
  state_.view = view;
  state_.status = std::move(status);
  state_.on_air = on_air;
}

LbBoard::State LbBoard::read() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::vector<AdminRoute> lb_routes(const LbAdminSources& s) {
  std::vector<AdminRoute> routes;
  routes.push_back({"/healthz", true, [s]() -> AdminPage {
                      const bool sound = s.health->sound(dataplane::raw_now());
                      return {sound ? 200 : 503, "text/plain", sound ? "ok\n" : "a thread hangs\n"};
                    }});
  routes.push_back({"/active", true, [s]() -> AdminPage {
                      const LbBoard::State state = s.board->read();
                      const bool serves = state.on_air && state.view.serving;
                      return {serves ? 200 : 503, "text/plain", serves ? "active\n" : "not active\n"};
                    }});
  routes.push_back({"/v1/status", false, [s]() -> AdminPage {
                      const std::string status = s.board->read().status;
                      return status.empty() ? error_page(503, "starting")
                                            : AdminPage{200, "application/json", status + "\n"};
                    }});
  routes.push_back({"/v1/licenses", false, [s] { return listing(s.reads->licenses()); }});
  routes.push_back({"/v1/leases", false, [s] { return listing(s.reads->leases()); }});
  routes.push_back({"/v1/usage", false, [s] { return listing(s.reads->usage()); }});
  routes.push_back({"/metrics", false, [s]() -> AdminPage {
                      return {200, "text/plain; version=0.0.4; charset=utf-8", lb_metrics(s)};
                    }});
  routes.push_back({.path = "/v1/force-rejoin", .ask = [s](const AdminQuery& query) {
                      return s.forced->page(s.board->read().view, query);
                    }});
  add_capture_routes(routes, *s.captures);
  return routes;
}

}  // namespace tercet::control
