#pragma once
// tercet-backend: the wiring. The store's folder → identity, container, log → acceptor and book, recovered →
// a polling thread that runs them behind a Port; the caller's thread is the control thread.

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "backend/book_machine.h"
#include "backend/replica.h"
#include "control/backend/backend_admin.h"
#include "control/backend/backend_config.h"
#include "control/backend/container_watch.h"
#include "control/backend/own_store.h"
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

  enum class Ended : uint8_t {
    cleanly,
    badly,  ///< the log could not be closed
    again,  ///< everything is to be opened anew (lives.h): the log had stopped, and its disk takes writes
            ///< again; or the disk was given up
  };
  /// Serves until SIGTERM, or until another life is to go on. `short_lives`: how many there were directly
  /// before (lives.h); they decide how long it waits until then.
  Ended run(unsigned short_lives);

 private:
  explicit Backend(const BackendConfig& config) : config_(config) {}
  tl::expected<void, std::string> open_container(quorum::Acceptor::Options& options);
  tl::expected<void, std::string> open_store(const quorum::Acceptor::Options& options);
  tl::expected<void, std::string> plant_fault();
  tl::expected<void, std::string> open_network(const Engines& engines, const seal::ServerKeys& keys,
                                               const seal::KeyringOptions& sealing);
  tl::expected<void, std::string> open_admin();
  /// Whether the next life may begin.
  bool turn(const Moment& now, unsigned short_lives);
  bool look_at_the_disk(const Moment& now, Duration pause);
  bool give_up();
  const char* disk_way();
  [[nodiscard]] std::string why(const backend::ReplicaView& view);
  void look_at_the_container();
  void say_changes(const backend::ReplicaView& view);

  BackendConfig config_;
  std::unique_ptr<backend::BookMachine> machine_;
  std::unique_ptr<OwnStore> store_;
  std::unique_ptr<backend::Replica> replica_;
  std::string crypto_why_;
  std::unique_ptr<Plane> plane_;
  std::unique_ptr<DeviceWatch> device_watch_;
  dataplane::Snapshot<backend::ReplicaView> view_;
  std::unique_ptr<ContainerWatch> container_;
  dataplane::Snapshot<backend::Replica::Introduced> introduced_;
  MonoTime begun_;
  std::string said_state_;
  ContainerState said_container_ = ContainerState::here;
  Seq said_checkpoint_;
  uint64_t said_room_wanted_ = 0;
  uint64_t said_forced_ = 0;
  std::optional<MonoTime> look_at_;  ///< when the disk of a log that stopped is looked at next
  std::string not_yet_;              ///< what was wrong with it at the last look
  BackendBoard board_;
  Health health_;
  ThreadLoad load_;
  std::unique_ptr<Captures> captures_;
  std::unique_ptr<Admin> admin_;  ///< last: its threads read the others
};

}  // namespace tercet::control
