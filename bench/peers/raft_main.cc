// tercet-bench-raft: one of three libraft servers; the leader carries the load in its own process. It listens
// to lines on its standard input, answers each with one line of JSON, and ends when that is closed:
//
//   status                      id, leader (0: it knows none), leads, term, applied
//   load N SECONDS each         N entries outstanding, one raft_apply for each
//   load N SECONDS together     … one raft_apply for what is due in the same turn of the loop

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>

#include "bench/peers/latencies.h"
#include "bench/peers/raft_load.h"
#include "bench/peers/raft_node.h"
#include "control/threads.h"

namespace tercet::bench {
namespace {

constexpr size_t kLineMax = 256;

void say(const nlohmann::ordered_json& document) {
  std::printf("%s\n", document.dump().c_str());
  std::fflush(stdout);
}

nlohmann::ordered_json document(const RaftLoadResult& result) {
  const double ran = static_cast<double>(result.ran.ns) / 1e9;
  nlohmann::ordered_json out{{"seconds", ran},
                             {"commits", result.latencies_ns.size()},
                             {"rate", static_cast<double>(result.latencies_ns.size()) / ran},
                             {"latency_us", latency_us(result.latencies_ns)}};
  if (!result.failed.empty()) {
    out["failed"] = result.failed;
  }
  return out;
}

/// "load N SECONDS each|together", without its first word.
std::optional<RaftLoadOptions> parse_load(std::istringstream& words) {
  RaftLoadOptions options;
  double run = 0;
  std::string how;
  std::string rest;
  if (!(words >> options.outstanding >> run >> how) || words >> rest || options.outstanding < 1 ||
      options.outstanding > kOutstandingMax || !(run >= 0.05 && run <= 3'600) ||
      (how != "each" && how != "together")) {
    return std::nullopt;
  }
  options.run = nanoseconds(static_cast<int64_t>(run * 1e9));
  options.together = how == "together";
  return options;
}

class Session {
 public:
  Session(uv_loop_t& loop, RaftNode& node, unsigned id)
      : loop_(loop), node_(node), load_(loop, node), id_(id) {}

  /// False where the standard input cannot be watched.
  bool open() {
    input_.data = this;
    return uv_pipe_init(&loop_, &input_, 0) == 0 && uv_pipe_open(&input_, 0) == 0 &&
           uv_read_start(stream(), Session::room, Session::came) == 0;
  }

 private:
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&input_); }

  static void room(uv_handle_t* handle, size_t /*wanted*/, uv_buf_t* buffer) {
    auto* session = static_cast<Session*>(handle->data);
    *buffer = uv_buf_init(session->chunk_.data(), static_cast<unsigned>(session->chunk_.size()));
  }
  static void came(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
    auto* session = static_cast<Session*>(stream->data);
    if (size < 0) {
      uv_stop(&session->loop_);
      return;
    }
    session->text_.append(buffer->base, static_cast<size_t>(size));
    for (size_t end = 0; (end = session->text_.find('\n')) != std::string::npos;) {
      session->command(session->text_.substr(0, end));
      session->text_.erase(0, end + 1);
    }
    if (session->text_.size() > kLineMax) {
      uv_stop(&session->loop_);  // whoever that is, it is not speaking to us
    }
  }

  void command(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (line == "status") {
      say({{"id", id_},
           {"leader", node_.leader()},
           {"leads", node_.leads()},
           {"term", node_.term()},
           {"applied", node_.last_applied()}});
      return;
    }
    const auto options = verb == "load" ? parse_load(words) : std::nullopt;
    if (!options) {
      say({{"error",
            "status, or load N SECONDS each|together: N from 1 to 4096, SECONDS from 0.05 to 3600"}});
    } else if (load_.running()) {
      say({{"error", "one load at a time: wait for its answer"}});
    } else {
      load_.start(*options, [](const RaftLoadResult& result) { say(document(result)); });
    }
  }

  uv_loop_t& loop_;
  RaftNode& node_;
  RaftLoad load_;
  unsigned id_;
  uv_pipe_t input_{};
  std::array<char, kLineMax> chunk_{};
  std::string text_;
};

int run(int argc, char** argv) {
  NodeOptions options;
  CLI::App app{"One of three libraft servers, which keeps its log in --dir; commands on the standard input."};
  app.add_option("--id", options.id, "its place in --servers")->required()->check(CLI::Range(1, 3));
  app.add_option("--servers", options.addresses, "addresses of all three: 127.0.0.1:9001,127.0.0.1:9002,…")
      ->required()
      ->delimiter(',')
      ->expected(3);
  app.add_option("--dir", options.directory, "an empty directory on the disk to measure")
      ->required()
      ->check(CLI::ExistingDirectory);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  // A server that went away is a connection that broke, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  // libraft draws election timeouts from rand(): three servers with the same seed would stand as candidates
  // at once.
  std::srand(static_cast<unsigned>(::getpid()));
  // As a Tercet server does for its polling thread: else ours alone would go before what else runs here.
  // libuv's workers inherit it.
  control::raise_session();
  control::raise_priority();
  uv_loop_t loop;
  uv_loop_init(&loop);
  auto node = RaftNode::start(loop, options);
  if (!node) {
    std::fprintf(stderr, "tercet-bench-raft: %s\n", node.error().c_str());
    return 1;
  }
  Session session(loop, **node, options.id);
  if (!session.open()) {
    std::fprintf(stderr, "tercet-bench-raft: the standard input cannot be watched: make it a pipe\n");
    return 2;
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  std::_Exit(0);  // the log is nobody's any more; what libraft has under way is not waited for
}

}  // namespace
}  // namespace tercet::bench

int main(int argc, char** argv) {
  try {
    return tercet::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tercet-bench-raft: %s\n", e.what());
    return 1;
  }
}
