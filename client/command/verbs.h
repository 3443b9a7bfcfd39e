#pragma once
// The verbs: each adds itself to the command line and sets Context::action when it is chosen. A verb a file.

namespace CLI {
class App;
}

namespace tercet::command {

class Context;

void add_cell_init(CLI::App& cell, Context& context);
void add_force_rejoin(CLI::App& cell, Context& context);
void add_issuer_init(CLI::App& issuer, Context& context);
void add_container_init(CLI::App& container, Context& context);
void add_container_request(CLI::App& container, Context& context);
void add_issue(CLI::App& app, Context& context);
void add_reissue(CLI::App& app, Context& context);
void add_revoke(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_licenses(CLI::App& app, Context& context);
void add_containers(CLI::App& app, Context& context);
void add_leases(CLI::App& app, Context& context);
void add_lease(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_failovers(CLI::App& app, Context& context);
void add_checkout(CLI::App& app, Context& context);
void add_renew(CLI::App& app, Context& context);
void add_release(CLI::App& app, Context& context);
void add_consume(CLI::App& app, Context& context);
void add_usage(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_bench(CLI::App& app, Context& context);
void add_capture(CLI::App& app, Context& context);

}  // namespace tercet::command
