#pragma once
// Plane: a server's polling threads with all that they own: one that runs to completion, or with
// `port.steering_threads` = N the N that receive and send and the one that runs the Service. The servers
// differ in the lanes, the keys and the Service; this is the same for both.
//
// Threads: all calls by the control thread; views() and what it points to by any.

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/engine.h"
#include "control/threads.h"
#include "dataplane/many_threads.h"
#include "dataplane/one_thread.h"

namespace tercet::control {

class Plane {
 public:
  /// Opens the ports. `lanes`: of the whole server, clients' before peers', which `routes` names. The
  /// clients' keys that `sealing` allows are dealt out among the threads. The error is one line with what to
  /// do.
  static tl::expected<std::unique_ptr<Plane>, std::string> open(
      const ServerConfig& config, const Engines& engines, const dataplane::PortOptions& lanes,
      const dataplane::Routes& routes, const seal::ServerKeys& keys, const seal::KeyringOptions& sealing);
  ~Plane();
  Plane(const Plane&) = delete;
  Plane& operator=(const Plane&) = delete;

  /// Which engine, why, and how many threads: for the log.
  [[nodiscard]] const std::string& why() const { return why_; }
  /// What works, but should not stay so: for the log.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  /// Of an engine without a kernel, else null (OpenedPorts::path).
  [[nodiscard]] const std::shared_ptr<dataplane::ControlPath>& path() const { return path_; }
  [[nodiscard]] const char* engine() const { return ports_.front()->engine(); }
  /// Where the service's thread writes files and sleeps; before start().
  [[nodiscard]] FileRing* file_ring() { return service_port().file_ring(); }
  void watch(int fd) { service_port().watch(fd); }

  /// Makes the loops around `service`, which outlives the threads. Once.
  tl::expected<void, std::string> serve(dataplane::Service& service);
  /// After serve(), once.
  void start();
  /// Returns when all threads have ended; what the service said last is sent.
  void stop();

  /// One for each thread; after serve(). The counters live as long as the plane.
  [[nodiscard]] const std::vector<dataplane::ThreadView>& views() const { return views_; }
  /// Where what each port receives and sends can be seen. They live as long as the plane.
  [[nodiscard]] std::vector<dataplane::Wiretap*> taps() const;

 private:
  Plane() = default;
  dataplane::Port& service_port() { return rest_ ? *rest_ : *ports_.front(); }

  unsigned steering_ = 0;
  dataplane::PollMode poll_ = dataplane::PollMode::adaptive;
  dataplane::Owners owners_{};
  std::vector<dataplane::Routes> routes_;  ///< of each port
  Engines::Ports ports_;
  std::unique_ptr<dataplane::Port> rest_;
  std::vector<int> rest_cpus_;
  std::vector<std::unique_ptr<seal::Keyring>> keyrings_;
  std::shared_ptr<dataplane::ControlPath> path_;
  std::vector<std::unique_ptr<dataplane::Wiretap>> taps_;  ///< of each port
  std::string why_;
  std::vector<std::string> warnings_;
  std::unique_ptr<dataplane::OneThread> one_;
  std::unique_ptr<dataplane::ManyThreads> many_;
  std::vector<dataplane::ThreadView> views_;
  std::vector<std::unique_ptr<PollingThread>> threads_;  ///< in the order in which they stop
};

}  // namespace tercet::control
