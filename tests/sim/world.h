#pragma once
// World: two LBs, three backends, clients, in one deterministic process: the same Services that the servers
// run, over a simulated network, simulated disks and clocks. One seed decides everything; a run is replayed
// by its number.

#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "backend/book_machine.h"
#include "backend/opening.h"
#include "backend/replica.h"
#include "backend/store/memory_disk.h"
#include "dataplane/steer/balancer.h"
#include "tests/sim/checkers.h"
#include "tests/sim/client.h"
#include "tests/sim/network.h"

namespace tercet::sim {

struct WorldOptions {
  uint64_t seed = 1;
  unsigned clients = 6;
  unsigned seats = 3;
  Duration lease = seconds(2);
  Duration heartbeat = milliseconds(20);
  bool trace = false;
  /// A backend that computes wrong results (its book lies), or whose results are damaged after they were
  /// hashed.
  int lying_slot = -1;
  int damaging_slot = -1;
  Duration burst_max =
      microseconds(40);  ///< how long a server gathers before it is run: what comes together is a burst
  Duration disk_max = microseconds(160);         ///< slowest write of the disks
  Duration absent_after = milliseconds(600);     ///< a backend that is down for so long is ordered absent
  uint64_t checkpoint_every = UINT64_MAX >> 1U;  ///< entries
  uint64_t keep_for_fed = 64;                    ///< entries
  /// Clients leave without a word, or before they are answered, and what they sent may come seconds late.
  bool hasty_clients = false;
};

struct Totals {
  uint64_t requests = 0;
  uint64_t answered = 0;
  uint64_t unknown = 0;
  uint64_t faults = 0;
  uint64_t takeovers = 0;
  uint64_t disks_lost = 0;
  uint64_t checkpoints = 0;  ///< images written
  uint64_t images = 0;       ///< … and taken over from a peer
  bool forced = false;       ///< the operator's order was carried out
  uint64_t events = 0;
  uint64_t decided = 0;
};

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();

  /// Runs until `until` or the first violation.
  void run(MonoTime until);
  [[nodiscard]] MonoTime now() const { return now_; }
  [[nodiscard]] Checkers& checkers() { return checkers_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] Totals totals() const;

  // Faults. Each names its host.
  void crash_lb(unsigned lb);
  void start_lb(unsigned lb);
  void crash_backend(unsigned slot, bool power);
  void start_backend(unsigned slot);
  /// What a backend loses for good: only while the two others have all that they voted (the fault budget).
  [[nodiscard]] bool may_lose_disk(unsigned slot) const;
  /// A vote that its disk forgot nobody notices but an LB that saw it: what stands in that entry must be with
  /// both others.
  [[nodiscard]] bool disk_lies() const;
  [[nodiscard]] bool all_awake() const;
  /// Another, empty disk.
  void wipe_backend(unsigned slot);
  /// Its power fails, and a byte of what it had written is another one afterwards.
  void corrupt_backend(unsigned slot);
  /// A byte of its newest image is another one, and it does not know.
  void rot_image(unsigned slot);
  /// A write that the disk says it did, and did not, or elsewhere (`lose`, `misdirect`): the power fails when
  /// the next one was done.
  void lose_write(unsigned slot, store::WriteFault fault);
  /// Its book computes wrong things for a while: then its state is wrong, and its log is not.
  void damage_book(unsigned slot, Duration span);
  /// Its next write fails, or finds the disk full: its log stops.
  void fail_disk(unsigned slot, store::WriteFault fault);
  /// Its container is gone, or there again.
  void take_container(unsigned slot, bool gone);
  /// Beyond the fault budget: `named` has an empty disk, `gone` is away with its own.
  void lose_two(unsigned named, unsigned gone);
  /// The operator's order, at both LBs: `named` as it is now.
  void order_force(unsigned named);
  /// An order was carried out: the epoch that it began.
  [[nodiscard]] Epoch forced() const { return forced_; }
  void pause(Host host, Duration span);
  void isolate(Host host);
  void rejoin(Host host);
  void cut(Host a, Host b);
  void heal(Host a, Host b);
  void cut_clients(unsigned lb, bool off);
  void cut_clients_of_active();
  void jump_wall(Host host, Duration by);
  /// The worst moment: this backend loses its power right after its next Promise (or Vote) has left.
  void trap(unsigned slot, CellMessage after) { backends_[slot].trap = after; }
  /// This LB's next Prepare comes to one backend at once, which promises, loses its disk for good and is soon
  /// there again; and to the two others much later.
  void trap_prepare(unsigned lb) { lbs_[lb].prepare_trapped = true; }
  /// The same for an LB: it dies when its next Accept with entries has reached one backend of three.
  void trap_accept(unsigned lb, bool armed) { lbs_[lb].trapped = armed; }
  /// Backends that a trap has killed since the last call, and LBs.
  std::vector<unsigned> take_trapped() { return std::exchange(trapped_, {}); }
  std::vector<unsigned> take_trapped_lbs() { return std::exchange(trapped_lbs_, {}); }
  /// Ends every fault; what is down starts.
  void heal_all();
  [[nodiscard]] bool lb_up(unsigned lb) const { return lbs_[lb].service != nullptr; }
  /// It holds an epoch that began.
  [[nodiscard]] bool active(unsigned lb) const { return lb_up(lb) && lbs_[lb].service->proposer().active(); }
  [[nodiscard]] bool backend_up(unsigned slot) const { return backends_[slot].replica != nullptr; }
  void note_fault() { ++faults_; }

  /// After the faults ended: everybody must be served again and every member vote with one state.
  void expect_service();
  /// With a trace: where everybody stands, for whoever looks into a violation.
  void tell_standing();
  /// A first client imports the cell's license, constituent by constituent.
  void import_license();

 private:
  struct Lb {
    std::unique_ptr<dataplane::Balancer> service;
    MonoTime next;
    MonoTime paused_until;
    std::deque<std::pair<Host, std::vector<uint8_t>>> inbox;
    bool clients_cut = false;
    Epoch epoch;
    Seq checked;
    uint32_t token = 0;
    bool owns = false;
    bool trapped = false;  ///< dies by its next Accept
    bool prepare_trapped = false;
    std::array<MonoTime, kBackends> no_prepare_before{};  ///< what it sends there earlier is lost
  };
  struct Backend {
    std::unique_ptr<store::MemoryDisk> disk;
    std::unique_ptr<backend::BookMachine> machine;
    backend::Opening opening;  ///< its log is gone before the disk is
    std::unique_ptr<backend::Replica> replica;
    Incarnation incarnation;
    store::StoreId store = 0;
    bool log_made = false;
    bool lost = false;      ///< this disk follows one that was lost, and it knows
    bool given_up = false;  ///< what it holds for decided was lost by the operator's order
    bool no_container = false;
    bool whole = false;  ///< it has all that it voted: nothing was destroyed since it was a member
    MonoTime next;
    MonoTime paused_until;
    std::deque<std::pair<Host, std::vector<uint8_t>>> inbox;
    std::optional<uint64_t> power_fails_after;  ///< so many writes of its disk
    MonoTime power_fails_at = MonoTime::never();
    std::optional<store::FileId> rotten;  ///< an image with a flipped byte, as long as it is there
    bool disk_lied = false;               ///< said that it wrote what it did not
    MonoTime book_mends_at;               ///< its book computes wrong things until then
    bool book_wrong = false;              ///< it computed wrong things, and may not know it yet
    Seq wrong_to;                         ///< … up to here at most
    MonoTime reopens_at;                  ///< its log stopped: then its owner tries again
    // What it has told: must be on the disk (I6).
    Seq voted;
    Hash128 voted_l;
    Epoch promised;
    Seq checked;
    Seq knew;  ///< its commit
    std::optional<CellMessage> trap;
    bool trap_wipes = false;  ///< and its disk is lost
    bool sprung = false;
  };
  struct Event {
    MonoTime at;
    uint64_t order = 0;
    Host to = 0;
    Host from = 0;
    std::vector<uint8_t> bytes;  ///< empty: a wake-up
    bool operator>(const Event& o) const { return at != o.at ? at > o.at : order > o.order; }
  };
  struct Clock {
    int64_t mono_offset_ns = 0;
    int64_t drift_ppm = 0;
    int64_t wall_offset_ms = 0;
  };

  void wake(Host host, MonoTime at);
  void poll(Host host);
  void poll_lb(unsigned lb);
  void poll_backend(unsigned slot);
  void poll_client(unsigned client);
  void route(Host from, const Outbox& out);
  [[nodiscard]] bool last_word(unsigned lb, Bytes plain) const;
  void hold_prepares(unsigned lb);
  [[nodiscard]] bool held_back(Host from, Host to, Bytes plain) const;
  void watch_outgoing(unsigned slot, Bytes plain);
  void check_lb(unsigned lb);
  void check_backend(unsigned slot);
  void check_forced(unsigned slot);
  void new_disk(unsigned slot, bool knows);
  [[nodiscard]] FixedVector<uint8_t, kIntroductionMax> introduction(unsigned slot) const;
  [[nodiscard]] uint64_t written_end(unsigned slot, store::FileId file) const;
  [[nodiscard]] bool open_backend(unsigned slot);
  void take_events(unsigned lb);
  void announce(unsigned lb);
  [[nodiscard]] Moment moment(Host host);
  [[nodiscard]] MonoTime true_time(Host host, MonoTime local) const;
  [[nodiscard]] bool is_client(Host host) const { return host >= kFirstClient; }
  void trace(const char* format, ...) __attribute__((format(printf, 2, 3)));

  WorldOptions options_;
  Random random_;
  Checkers checkers_;
  Network network_;
  MonoTime now_{1'000'000'000};
  std::priority_queue<Event, std::vector<Event>, std::greater<>> queue_;
  std::array<MonoTime, kHostsMax> wake_at_{};
  uint64_t order_ = 0;
  uint64_t events_ = 0;
  uint64_t faults_ = 0;
  uint64_t takeovers_ = 0;
  uint64_t disks_lost_ = 0;
  uint64_t checkpoints_ = 0;  ///< of replicas that are gone
  uint64_t images_ = 0;
  Epoch forced_;
  Seq forced_at_;
  std::array<Lb, 2> lbs_;
  std::array<Backend, kBackends> backends_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<unsigned> believes_;  ///< which LB each client's neighbour table points to
  std::array<Clock, kHostsMax> clocks_;
  std::vector<unsigned> trapped_;
  std::vector<unsigned> trapped_lbs_;
  std::unique_ptr<Outbox> outbox_;
  std::vector<dataplane::Message> messages_;
  std::vector<uint8_t> scratch_;
};

/// One whole run: a cell starts, clients work, ≥ 5 faults come and go, all heals, service must return.
/// Returns the first violation, or nothing. `totals` may be null.
std::string run_seed(uint64_t seed, bool trace, Totals* totals);
/// The same, and in the middle two backends are lost and the operator orders (tests/sim/forced.cc).
std::string run_forced(uint64_t seed, bool trace, Totals* totals);

}  // namespace tercet::sim
