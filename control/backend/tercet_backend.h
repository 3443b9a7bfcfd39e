#pragma once
// tercet-backend: the wiring. The store's folder → identity, container, log → acceptor and book, recovered →
// a polling thread that runs them behind a Port; the caller's thread is the control thread.

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "backend/book_machine.h"
#include "backend/replica.h"
#include "backend/store/memory_disk.h"
#include "backend/store/ring_disk.h"
#include "control/backend/backend_admin.h"
#include "control/backend/backend_config.h"
#include "control/backend/identity.h"
#include "control/device_watch.h"
#include "control/plane.h"
#include "control/thread_load.h"

namespace tercet::control {

/// One connected lane to each of the other servers.
dataplane::PortOptions backend_lanes(const BackendConfig& config, dataplane::Routes& routes);

/// --check: prints what is missing; the exit code.
int check_backend(const BackendConfig& config, const Engines& engines);

class Backend {
 public:
  /// Opens and recovers everything; the error is one line with what to do.
  static tl::expected<std::unique_ptr<Backend>, std::string> open(const BackendConfig& config,
                                                                  const Engines& engines);
  ~Backend();

  /// Until SIGTERM: serves, then stops cleanly. Returns the exit code.
  int run();

 private:
  explicit Backend(const BackendConfig& config) : config_(config) {}
  tl::expected<void, std::string> open_container(quorum::Acceptor::Options& options);
  tl::expected<void, std::string> open_store(quorum::Acceptor::Options& options);
  void recover_log(quorum::Acceptor::Options& options);
  void distrust(quorum::Acceptor::Options& options, const std::string& why);
  tl::expected<void, std::string> plant_fault();
  tl::expected<void, std::string> open_network(const Engines& engines, const seal::ServerKeys& keys,
                                               const seal::KeyringOptions& sealing);
  tl::expected<void, std::string> open_admin();
  void turn(const Moment& now);
  bool close_log();
  const char* disk_way();
  void say_changes(const backend::ReplicaView& view);

  BackendConfig config_;
  Identity identity_;
  std::string untrusted_;  ///< why it runs as amnesiac; empty: it does not
  std::unique_ptr<store::FileDisk> files_;
  std::unique_ptr<store::RingDisk> disk_;  ///< files_, and the ring of the thread that serves, if it has one
  std::unique_ptr<store::MemoryDisk> no_disk_;  ///< an amnesiac's log writes nothing to the real one
  std::unique_ptr<backend::BookMachine> machine_;
  std::unique_ptr<quorum::Acceptor> acceptor_;
  std::unique_ptr<store::Log> log_;
  std::unique_ptr<backend::Replica> replica_;
  std::string crypto_why_;
  std::unique_ptr<Plane> plane_;
  std::unique_ptr<DeviceWatch> device_watch_;
  dataplane::Snapshot<backend::ReplicaView> view_;
  std::string said_state_;
  uint64_t recovered_records_ = 0;
  BackendBoard board_;
  Health health_;
  ThreadLoad load_;
  std::unique_ptr<Captures> captures_;
  std::unique_ptr<Admin> admin_;  ///< last: its threads read the others
};

}  // namespace tercet::control
