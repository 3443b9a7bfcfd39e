// cell force-rejoin: the operator's way out when a second backend is gone for good. Run on a load balancer's
// own host, by whoever may read its key file. Says what may be lost, and wants the words typed.

#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "client/command/admin_reader.h"
#include "client/command/context.h"
#include "client/command/lb_views.h"
#include "client/command/server_place.h"
#include "client/command/verbs.h"
#include "dataplane/port/socket.h"
#include "wire/seal/key_file.h"
#include "wire/seal/order_proof.h"
#include "wire/seal/private_file.h"

namespace tercet::command {
namespace {

constexpr Duration kPageWithin = seconds(5);
/// A load balancer that is not active asks the backends now and then: it may not know all at once.
constexpr Duration kPlanWithin = seconds(3);
constexpr Duration kDoneWithin = seconds(10);
constexpr auto kLookAgain = std::chrono::milliseconds(200);
constexpr size_t kPlanMax = 65'536;
constexpr size_t kOrderTokenMax = 1'024;

struct ForceArguments {
  std::string slot, lb, config;
};

/// One load balancer's admin interface.
struct Desk {
  ServerPlace place;
  std::string name;
  std::string token;
};

struct Page {
  int status = 0;
  Json document;
};

tl::expected<Desk, std::string> find_desk(const ForceArguments& given) {
  std::string why;
  for (const std::string name : {"lb1", "lb2"}) {
    if (!given.lb.empty() && given.lb != name) {
      continue;
    }
    const auto place = find_server(name, given.config);
    if (!place) {
      why = why.empty() ? place.error() : why;
      continue;
    }
    Desk desk{*place, name, {}};
    if (!place->token_file.empty()) {
      auto text = seal::read_private_file(place->token_file, kOrderTokenMax);
      if (!text) {
        return tl::unexpected(text.error());
      }
      desk.token = text->substr(0, text->find_first_of(" \r\n"));
    }
    return desk;
  }
  return tl::unexpected(why.empty() ? "--lb: lb1 or lb2" : why);
}

tl::expected<Page, std::string> get(const Desk& desk, const std::string& path) {
  auto reader = AdminReader::get(desk.place.admin, path, desk.token, kPageWithin);
  const auto no_answer = [&](const std::string& why) {
    return tl::unexpected("no answer from " + desk.name + " at " + to_string(desk.place.admin) + " (" + why +
                          "): is it running on this host?");
  };
  if (!reader) {
    return no_answer(reader.error());
  }
  const auto text = reader->rest(kPageWithin, kPlanMax);
  if (!text) {
    return no_answer(text.error());
  }
  Page page{reader->status(), Json::parse(*text, nullptr, false)};
  if (!page.document.is_object()) {
    return tl::unexpected(desk.name + " answered what is no document: is it of the same version?");
  }
  return page;
}

std::string path_of(const std::string& slot) { return "/v1/force-rejoin?slot=" + slot; }

/// What would be done; asked again for a moment while it is not possible.
tl::expected<Page, std::string> plan(const Desk& desk, const std::string& slot) {
  const MonoTime until = dataplane::raw_now() + kPlanWithin;
  for (;;) {
    auto page = get(desk, path_of(slot));
    if (!page || page->status != 200 || text_of(page->document, "possible") == "true" ||
        dataplane::raw_now() >= until) {
      return page;
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

int deny(Context& context, const std::string& code, const std::string& message) {
  if (context.json) {
    context.out << Json{{"code", code}, {"message", message}}.dump() << "\n";
  }
  return context.fail(kDenied, message);
}

std::string field(const Json& document, const char* object, const char* name) {
  const auto it = document.find(object);
  return it != document.end() && it->is_object() ? text_of(*it, name) : "-";
}

std::string warning(const Json& plan) {
  const std::string named = text_of(plan, "name");
  const std::string survivor = field(plan, "survivor", "name");
  const std::string seq = field(plan, "survivor", "seq");
  const std::string gone = field(plan, "gone", "name");
  const std::string gone_seq = field(plan, "gone", "seq");
  return "The log of " + survivor + " alone goes on, as it is: up to seq " + seq + ", cell time " +
         text_of(plan, "cell_time") + ".\n" + named + " (incarnation " + text_of(plan, "incarnation") +
         ") becomes a member beside it; " + gone + " is one no more.\n\nWhat may be lost: whatever " + gone +
         " and the former disk of " + named + " decided without " + survivor +
         ": seats, releases and units used\nthat clients were told of. " +
         (gone_seq == "-" ? "How far " + gone + " had come is not known here.\n"
                          : gone + " was last known at seq " + gone_seq + ".\n") +
         "This load balancer saw entries decided up to seq " + text_of(plan, "commit") +
         ".\n\nIt cannot be undone. " + gone +
         " may come back later: with its old disk or a new one it is taken in anew, and its old\nlog counts "
         "for nothing. But never start " +
         gone + " and " + named +
         " together with both their OLD disks: those two would\nbe a cell of their "
         "own. Destroy one of them.\n";
}

/// The order is given; what becomes of it.
int follow(const Desk& desk, const Json& plan, const std::string& token, Context& context) {
  const std::string slot = text_of(plan, "slot");
  const MonoTime until = dataplane::raw_now() + kDoneWithin;
  while (dataplane::raw_now() < until) {
    std::this_thread::sleep_for(kLookAgain);
    const auto page = get(desk, path_of(slot));
    if (!page) {
      return context.fail(kUnavailable, page.error());
    }
    const Json order = page->document.value("order", Json());
    if (!order.is_object() || text_of(order, "token") != token) {
      continue;
    }
    if (text_of(order, "phase") == "refused") {
      return deny(context, text_of(order, "code"), text_of(order, "message"));
    }
    if (text_of(order, "phase") == "done") {
      const Json document{{"slot", plan["slot"]},
                          {"name", plan["name"]},
                          {"incarnation", plan["incarnation"]},
                          {"survivor", order["survivor"]},
                          {"gone", plan["gone"]["name"]},
                          {"last_seq", order["last_seq"]},
                          {"epoch", order["epoch"]}};
      return context.print(document, "the log of " + text_of(order, "survivor") + " goes on from seq " +
                                         text_of(order, "last_seq") + "; " + text_of(plan, "name") +
                                         " votes as soon as it has pulled that log: see tercet status");
    }
  }
  return context.fail(kUnavailable, "the order was taken, and nothing is known of it yet: see tercet status");
}

int force_rejoin(const ForceArguments& given, Context& context) {
  const std::string slot = given.slot.size() == 2 && given.slot[0] == 'b' ? given.slot.substr(1) : given.slot;
  if (slot != "1" && slot != "2" && slot != "3") {
    return context.fail(kUsage, "SLOT: 1, 2 or 3, or b1, b2 or b3: the backend that comes back");
  }
  const auto desk = find_desk(given);
  if (!desk) {
    return context.fail(kUsage, desk.error());
  }
  const auto keys = seal::read_server_keys(desk->place.key_file, desk->place.cell);
  if (!keys) {
    return context.fail(kUsage, keys.error());
  }
  if (!keys->client_master) {
    return context.fail(kUsage, desk->place.key_file + ": is no load balancer's key file");
  }
  const auto page = plan(*desk, slot);
  if (!page) {
    return context.fail(kUnavailable, page.error());
  }
  const Json& document = page->document;
  if (page->status != 200) {
    return context.fail(kUnavailable, desk->name + ": " + text_of(document, "error"));
  }
  if (text_of(document, "possible") != "true") {
    return deny(context, text_of(document, "code"), text_of(document, "message"));
  }
  const std::string words = text_of(document, "words");
  context.err << warning(document) << "\nType: " << words << "\n> " << std::flush;
  std::string typed;
  std::getline(std::cin, typed);
  if (typed != words) {
    return context.fail(kUsage, "these were not the words: nothing was done");
  }
  const std::string order =
      seal::text_of(desk->place.cell) + "\n" + slot + "\n" + text_of(document, "incarnation") + "\n" + words;
  const auto taken = get(*desk, path_of(slot) + "&incarnation=" + text_of(document, "incarnation") +
                                    "&proof=" + seal::order_proof(*keys->client_master, order));
  if (!taken) {
    return context.fail(kUnavailable, taken.error());
  }
  if (taken->status != 202) {
    return deny(context, "refused", desk->name + ": " + text_of(taken->document, "error"));
  }
  return follow(*desk, document, text_of(taken->document, "token"), context);
}

}  // namespace

void add_force_rejoin(CLI::App& cell, Context& context) {
  auto given = std::make_shared<ForceArguments>();
  CLI::App* verb = cell.add_subcommand("force-rejoin",
                                       "when two backends have lost their logs: go on with the log of the "
                                       "third alone, and take one of the two "
                                       "in.\n"
                                       "Says what may be lost, and wants words typed. Run it on the host of "
                                       "the active load balancer, with its\n"
                                       "key file; the backend in SLOT runs on a new, empty store.");
  verb->add_option("SLOT", given->slot, "which backend is taken in: 1, 2 or 3 (or b1, b2, b3)")->required();
  verb->add_option("--lb", given->lb,
                   "lb1 or lb2: the load balancer on this host (default: whose file is found)");
  verb->add_option("--config", given->config,
                   "that load balancer's configuration (default: as tercet capture finds it)");
  context.add_json(*verb);
  verb->callback(
      [given, &context] { context.action = [given, &context] { return force_rejoin(*given, context); }; });
}

}  // namespace tercet::command
