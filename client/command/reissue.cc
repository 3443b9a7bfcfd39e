// reissue, revoke: what an issuer issues about a license that it issued before.

#include <CLI/CLI.hpp>
#include <ctime>

#include "client/command/context.h"
#include "client/command/verbs.h"
#include "client/issuer/issuer.h"

namespace tercet::command {
namespace {

struct ReissueArguments {
  std::string issuer, request, file;
  uint32_t tmr_id = 0;
};

WallTime today() { return WallTime{int64_t{std::time(nullptr)} * 1'000}; }

int reissue(const ReissueArguments& given, Context& context) {
  auto from = issuer::Issuer::open(given.issuer);
  if (!from) {
    return context.fail(kUsage, from.error());
  }
  const auto request = seal::read_request(given.request);
  if (!request) {
    return context.fail(kUsage, request.error());
  }
  const auto issued = from->reissue(given.tmr_id, *request, today(), given.file);
  if (!issued) {
    return context.fail(kUsage, issued.error());
  }
  const seal::LicenseText& text = issued->texts.front();
  const unsigned slot = index(request->slot) + 1;
  return context.print({{"tmr_id", issued->tmr_id},
                        {"firm_code", text.firm_code.value},
                        {"product_code", text.product_code.value},
                        {"name", text.name},
                        {"revision", text.revision},
                        {"slot", slot},
                        {"container", request->serial},
                        {"file", given.file}},
                       "TMR license " + std::to_string(issued->tmr_id) + ", revision " +
                           std::to_string(text.revision) + ": slot " + std::to_string(slot) +
                           " is bound to container " + request->serial + ", the one before is revoked, in " +
                           given.file + "\nnext: tercet import " + given.file);
}

int revoke(const ReissueArguments& given, Context& context) {
  auto from = issuer::Issuer::open(given.issuer);
  if (!from) {
    return context.fail(kUsage, from.error());
  }
  const auto text = from->withdraw(given.tmr_id, today(), given.file);
  if (!text) {
    return context.fail(kUsage, text.error());
  }
  return context.print({{"tmr_id", given.tmr_id},
                        {"firm_code", text->firm_code.value},
                        {"product_code", text->product_code.value},
                        {"name", text->name},
                        {"withdrawn", true},
                        {"file", given.file}},
                       "TMR license " + std::to_string(given.tmr_id) + " is withdrawn by " + given.file +
                           ": once it is imported, its seats are revoked\nnext: tercet import " + given.file);
}

void add_common(CLI::App& verb, ReissueArguments& given) {
  verb.add_option("--issuer", given.issuer, "the issuer's folder")->required();
  verb.add_option("--tmr-id", given.tmr_id, "TMR-ID of the license")->required();
  verb.add_option("-o,--output", given.file, "the file, a new one")->required();
}

}  // namespace

void add_reissue(CLI::App& app, Context& context) {
  auto given = std::make_shared<ReissueArguments>();
  CLI::App* verb = app.add_subcommand(
      "reissue", "bind a license's constituent of a lost container to a new one; the lost one is revoked");
  add_common(*verb, *given);
  verb->add_option("--request", given->request, "the new container's request file")->required();
  context.add_json(*verb);
  verb->callback(
      [given, &context] { context.action = [given, &context] { return reissue(*given, context); }; });
}

void add_revoke(CLI::App& app, Context& context) {
  auto given = std::make_shared<ReissueArguments>();
  CLI::App* verb =
      app.add_subcommand("revoke", "withdraw a license: its seats end once the file is imported");
  add_common(*verb, *given);
  context.add_json(*verb);
  verb->callback(
      [given, &context] { context.action = [given, &context] { return revoke(*given, context); }; });
}

}  // namespace tercet::command
