// tercet-bench-disk: what a bare synced write of 4 KiB costs on a disk: N writers, each with a file of its
// own that holds data already, one write after the other. The floor below every durable commit; prints one
// JSON document.

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bench/peers/latencies.h"
#include "control/threads.h"
#include "dataplane/port/port.h"
#include "dataplane/port/socket.h"

namespace tercet::bench {
namespace {

using dataplane::raw_now;

constexpr size_t kWriteBytes = 4'096;
constexpr size_t kFileBytes = 8U << 20U;  // as long as libraft's segments

struct Options {
  std::string directory;
  unsigned writers = 1;
  double run_s = 1;
  std::string sync = "dsync";  // O_DIRECT | O_DSYNC, or fdatasync after a write through the page cache
};

struct Writer {
  dataplane::OwnedFd fd;
  std::vector<int64_t> latencies_ns;
  int error = 0;
};

using Page = std::unique_ptr<uint8_t, decltype(&std::free)>;

Page a_page() {
  Page page(static_cast<uint8_t*>(std::aligned_alloc(kWriteBytes, kWriteBytes)), &std::free);
  std::memset(page.get(), 'x', kWriteBytes);
  return page;
}

bool write_once(int fd, const uint8_t* page, size_t offset) {
  return ::pwrite(fd, page, kWriteBytes, static_cast<off_t>(offset)) == ssize_t{kWriteBytes};
}

/// An errno, or 0. Its name is gone when it is open: nothing stays behind.
int open_writer(const Options& options, Writer& writer) {
  std::string path = options.directory + "/tercet-bench-disk-XXXXXX";
  writer.fd = dataplane::OwnedFd(::mkostemp(path.data(), O_CLOEXEC));
  if (writer.fd.get() < 0) {
    return errno;
  }
  const Page page = a_page();
  int error = 0;
  // Written, not only allocated: the first write to a block that was only allocated changes the file system's
  // own records too.
  for (size_t offset = 0; offset < kFileBytes && error == 0; offset += kWriteBytes) {
    error = write_once(writer.fd.get(), page.get(), offset) ? 0 : errno;
  }
  if (error == 0 && ::fdatasync(writer.fd.get()) != 0) {
    error = errno;
  }
  if (error == 0 && options.sync == "dsync") {
    // Anew: O_DSYNC cannot be set later.
    writer.fd = dataplane::OwnedFd(::open(path.c_str(), O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC));
    error = writer.fd.get() < 0 ? errno : 0;
  }
  ::unlink(path.c_str());
  return error;
}

void write_on(const Options& options, Writer& writer, std::latch& all) {
  const Page page = a_page();
  const int fd = writer.fd.get();
  const bool flush = options.sync == "fdatasync";
  writer.latencies_ns.reserve(1U << 20U);
  control::raise_priority();  // as the servers that it is the floor of
  all.arrive_and_wait();
  MonoTime now = raw_now();
  const MonoTime end = now + nanoseconds(static_cast<int64_t>(options.run_s * 1e9));
  for (size_t offset = 0; now < end; offset = (offset + kWriteBytes) % kFileBytes) {
    const MonoTime before = now;
    if (!write_once(fd, page.get(), offset) || (flush && ::fdatasync(fd) != 0)) {
      writer.error = errno;
      return;
    }
    now = raw_now();
    writer.latencies_ns.push_back((now - before).ns);
  }
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"Synced writes of 4 KiB, one after the other."};
  app.add_option("--dir", options.directory, "a directory on the disk to measure")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--writers", options.writers, "threads, each with its own file")->check(CLI::Range(1, 64));
  app.add_option("--seconds", options.run_s, "how long")->check(CLI::Range(0.01, 3'600.0));
  app.add_option("--sync", options.sync, "dsync (O_DIRECT, O_DSYNC) or fdatasync (after each write)")
      ->check(CLI::IsMember({"dsync", "fdatasync"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  control::raise_session();
  std::vector<Writer> writers(options.writers);
  for (Writer& writer : writers) {
    if (const int error = open_writer(options, writer); error != 0) {
      std::fprintf(stderr, "tercet-bench-disk: %s: %s: give it a directory on a disk\n",
                   options.directory.c_str(), std::strerror(error));
      return 1;
    }
  }
  const MonoTime start = raw_now();
  {
    std::latch all(static_cast<ptrdiff_t>(writers.size()));
    std::vector<std::jthread> threads;
    for (Writer& writer : writers) {
      threads.emplace_back([&] { write_on(options, writer, all); });
    }
  }
  const double ran = static_cast<double>((raw_now() - start).ns) / 1e9;
  std::vector<int64_t> all;
  for (const Writer& writer : writers) {
    if (writer.error != 0) {
      std::fprintf(stderr, "tercet-bench-disk: %s: a write failed: %s\n", options.directory.c_str(),
                   std::strerror(writer.error));
      return 1;
    }
    all.insert(all.end(), writer.latencies_ns.begin(), writer.latencies_ns.end());
  }
  std::ranges::sort(all);
  const nlohmann::ordered_json out{{"seconds", ran},
                                   {"writers", options.writers},
                                   {"sync", options.sync},
                                   {"bytes", kWriteBytes},
                                   {"writes", all.size()},
                                   {"rate", static_cast<double>(all.size()) / ran},
                                   {"latency_us", latency_us(all)}};
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace tercet::bench

int main(int argc, char** argv) {
  try {
    return tercet::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tercet-bench-disk: %s\n", e.what());
    return 1;
  }
}
