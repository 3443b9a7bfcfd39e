// capture: the datagrams that a server receives and sends, written as pcap, on any engine. Run on the
// server's own host: it asks that server's admin interface, which streams them sealed, as on the wire; what
// --opened shows is opened here, with the server's key file, by whoever may read that.

#include <CLI/CLI.hpp>

#include "client/command/admin_reader.h"
#include "client/command/capture_file.h"
#include "client/command/context.h"
#include "client/command/run_until.h"
#include "client/command/server_place.h"
#include "client/command/verbs.h"
#include "dataplane/port/socket.h"
#include "wire/seal/key_file.h"
#include "wire/seal/private_file.h"

namespace tercet::command {
namespace {

constexpr Duration kAnswerWithin = seconds(5);
constexpr Duration kLookEvery = milliseconds(50);  ///< after a signal and the time
constexpr size_t kPageMax = 65'536;
constexpr size_t kTokenMax = 1'024;

struct CaptureArguments {
  std::string host, file, config, seconds;
  uint64_t packets = 0;
  bool opened = false;
};

/// What the admin interface says of its refusal.
std::string refusal_of(AdminReader& reader) {
  const auto page = reader.rest(kAnswerWithin, kPageMax);
  const Json document = page ? Json::parse(*page, nullptr, false) : Json();
  return document.is_object() && document.contains("error") && document["error"].is_string()
             ? document["error"].get<std::string>()
             : "HTTP status " + std::to_string(reader.status());
}

/// How many datagrams the server could not hand over in time; nothing if it does not say.
std::optional<uint64_t> lost_of(const ServerPlace& server, const std::string& token) {
  auto reader = AdminReader::get(server.admin, "/v1/capture/counts", token, kAnswerWithin);
  const auto page = reader && reader->status() == 200
                        ? reader->rest(kAnswerWithin, kPageMax)
                        : tl::expected<std::string, std::string>(tl::unexpected(std::string()));
  const Json document = page ? Json::parse(*page, nullptr, false) : Json();
  return document.is_object() && document.contains("lost") && document["lost"].is_number_unsigned()
             ? std::optional(document["lost"].get<uint64_t>())
             : std::nullopt;
}

/// Why a capture ended before it was told to; empty: it was.
std::string run(AdminReader& stream, CaptureFile& file, const std::optional<Duration>& time,
                const CaptureArguments& given, Context& context) {
  std::string piece;
  bool said = false;
  MonoTime until = dataplane::raw_now() + kAnswerWithin;  // its own time counts from its beginning
  while (!StopOnSignal::wanted() && !file.full() && dataplane::raw_now() < until) {
    piece.clear();
    const AdminReader::Step step = stream.next(piece, kLookEvery);
    if (auto taken = file.take(piece); !taken) {
      return taken.error();
    }
    if (file.begun() && !said) {
      said = true;
      until = time ? dataplane::raw_now() + *time : MonoTime::never();
      context.err << "tercet: capturing on " << given.host << ", " << (given.opened ? "opened" : "sealed")
                  << ", into " << given.file << std::endl;
    }
    if (step == AdminReader::Step::cut || step == AdminReader::Step::end) {
      return given.host + " ended the capture: it stopped, or its admin interface did; see its log";
    }
  }
  return {};
}

int report(const CaptureFile& file, const std::optional<uint64_t>& lost, const CaptureArguments& given,
           Context& context) {
  Json document{{"host", given.host},
                {"file", given.file},
                {"datagrams", file.packets()},
                {"lost", lost ? Json(*lost) : Json()}};
  std::string people = std::to_string(file.packets()) + " datagrams of " + given.host + " in " + given.file;
  if (given.opened) {
    document["opened"] = file.opened();
    people += ", " + std::to_string(file.packets() - file.opened()) + " of them not opened";
  }
  people += !lost        ? "; how many were lost is not known"
            : *lost == 0 ? "; none were lost"
                         : "; " + std::to_string(*lost) + " more came too fast and were lost";
  if (given.file == "-") {
    context.err << "tercet: " << people << "\n";
    return kDone;
  }
  return context.print(document, people);
}

int capture(const CaptureArguments& given, Context& context) {
  if (given.file == "-" && context.json) {
    return context.fail(kUsage, "standard output cannot be the capture and a document: leave --json out");
  }
  std::optional<Duration> time;
  if (!given.seconds.empty()) {
    const auto asked = run_time(given.seconds);
    if (!asked) {
      return context.fail(kUsage, asked.error());
    }
    time = *asked;
  }
  const auto server = find_server(given.host, given.config);
  if (!server) {
    return context.fail(kUsage, server.error());
  }
  CaptureFile::Options options{.packets_max = given.packets};
  if (given.opened) {
    auto keys = seal::read_server_keys(server->key_file, server->cell);
    if (keys && !seal::available(keys->aead)) {
      keys = tl::unexpected(server->key_file + ": " + seal::name_of(keys->aead) +
                            " cannot be opened by this CPU: capture sealed, and open it elsewhere");
    }
    if (!keys) {
      return context.fail(kUsage, keys.error());
    }
    options.keys = *keys;
  }
  std::string token;
  if (!server->token_file.empty()) {
    auto text = seal::read_private_file(server->token_file, kTokenMax);
    if (!text) {
      return context.fail(kUsage, text.error());
    }
    token = text->substr(0, text->find_first_of(" \r\n"));
  }
  const StopOnSignal signals;
  auto stream = AdminReader::get(server->admin, "/v1/capture", token, kAnswerWithin);
  if (!stream) {
    return context.fail(kUnavailable, "no answer from " + given.host + " at " + to_string(server->admin) +
                                          " (" + stream.error() + "): is it running on this host?");
  }
  if (stream->status() != 200) {
    return context.fail(stream->status() == 409 ? kUnavailable : kUsage,
                        given.host + " at " + to_string(server->admin) + ": " + refusal_of(*stream));
  }
  auto file = CaptureFile::create(given.file, options);
  if (!file) {
    return context.fail(kUsage, file.error());
  }
  const std::string why = run(*stream, *file, time, given, context);
  if (why.empty() && !file->begun() && !StopOnSignal::wanted()) {
    return context.fail(kUnavailable, given.host + " answered, but its capture did not begin: see its log");
  }
  const auto lost = lost_of(*server, token);  // while it is still this capture's
  const int code = report(*file, lost, given, context);
  return why.empty() ? code : context.fail(kInternal, why);
}

}  // namespace

void add_capture(CLI::App& app, Context& context) {
  auto given = std::make_shared<CaptureArguments>();
  CLI::App* verb = app.add_subcommand(
      "capture",
      "write what a server receives and sends as pcap, on every engine; run it on that server's host.\n"
      "Ends with SIGINT, after --seconds or --packets, or with the server. Wireshark and tshark read it\n"
      "with docs/wireshark/tercet.lua.");
  verb->add_option("HOST", given->host, "lb1, lb2, b1, b2 or b3: the server on this host")->required();
  verb->add_option("FILE", given->file, "where to; - is standard output")->required();
  verb->add_flag("--opened", given->opened,
                 "decrypt with the server's key file, for those who may read it (default: sealed, as on the "
                 "wire)");
  verb->add_option("--seconds", given->seconds, "how long, as in 30 or 500ms (default: until interrupted)");
  verb->add_option("--packets", given->packets, "end after so many (default: no limit)");
  verb->add_option(
      "--config", given->config,
      "the server's configuration (default: HOST.toml here, in HOST/ here or beside the client's "
      "folder, or in /etc/tercet)");
  context.add_json(*verb);
  verb->callback(
      [given, &context] { context.action = [given, &context] { return capture(*given, context); }; });
}

}  // namespace tercet::command
