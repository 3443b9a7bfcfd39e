// Two backends are lost, and the operator orders the cell to go on with one log (quorum/force.h). Around
// that: LBs die, sleep and are cut off, paths and weather are bad, the survivor loses its power, and the one
// that was given up comes back with its old disk, whenever. In most worlds logs begin behind checkpoints by
// then, so that whoever comes new takes over an image. The cell must serve again on the survivor's log, and
// never split: what is decided from the order on is checked like anything (I1, I2, I5); what was decided
// above the survivor's log is lost, only then.

#include <algorithm>

#include "tests/sim/world.h"

namespace tercet::sim {
namespace {

class Operator {
 public:
  explicit Operator(World& world) : world_(world), random_(world.random().next()) {
    named_ = static_cast<unsigned>(random_.below(kBackends));
    gone_ = (named_ + 1 + static_cast<unsigned>(random_.below(2))) % kBackends;
    survivor_ = kBackends - named_ - gone_;
  }

  /// Until all faults end at `calm`.
  void run(MonoTime begin, MonoTime calm) {
    const MonoTime falls_behind = begin + milliseconds(800);
    const MonoTime lost_at = begin + random_.between(milliseconds(1000), milliseconds(2000));
    MonoTime order_at = lost_at + random_.between(milliseconds(100), milliseconds(1200));
    const MonoTime back_at = order_at + random_.between(milliseconds(200), milliseconds(3500));
    bool lags = random_.chance(0.4);
    bool lost = false;
    bool back = false;
    for (MonoTime at = begin; at < calm && world_.checkers().sound(); at = at + milliseconds(10)) {
      world_.run(at);
      if (lags && at >= falls_behind && !lost) {
        lags = false;
        world_.isolate(host_of(survivor_));  // the others decide without it
      }
      if (!lost && at >= lost_at && world_.backend_up(named_)) {
        lost = true;
        world_.note_fault();
        world_.lose_two(named_, gone_);
        world_.rejoin(host_of(survivor_));
        world_.start_backend(named_);
      }
      if (lost && world_.forced().value == 0 && at >= order_at) {
        world_.order_force(named_);
        order_at = at + milliseconds(500);
      }
      if (lost && !back && at >= back_at && (world_.forced().value != 0 || random_.chance(0.002))) {
        back = true;
        world_.start_backend(gone_);
      }
      if (lost) {
        disturb(at);
      }
    }
    end_disturbance();
  }
  [[nodiscard]] unsigned gone() const { return gone_; }

 private:
  static Host host_of(unsigned slot) { return static_cast<Host>(slot + 2); }

  /// One thing at a time, for a short while.
  void disturb(MonoTime at) {
    if (at < disturbed_until_) {
      return;
    }
    end_disturbance();
    disturbed_until_ = at + random_.between(milliseconds(50), milliseconds(600));
    const auto lb = static_cast<unsigned>(random_.below(2));
    switch (random_.below(10)) {
      case 0:
        world_.crash_lb(lb);
        break;
      case 1:
        world_.pause(static_cast<Host>(lb), random_.between(milliseconds(20), milliseconds(2000)));
        break;
      case 2:
        world_.cut(static_cast<Host>(lb), host_of(static_cast<unsigned>(random_.below(kBackends))));
        break;
      case 3:
        world_.cut(host_of(survivor_), host_of(named_));
        break;
      case 4:
        world_.crash_backend(survivor_, true);
        break;
      case 5:
        world_.crash_backend(named_, true);
        break;
      case 6: {
        Weather bad;
        bad.loss = 0.1;
        bad.doubled = 0.2;
        bad.slow = 0.3;
        bad.slow_max = random_.between(milliseconds(1), milliseconds(300));
        world_.network().weather(bad);
        break;
      }
      case 7:
        world_.cut(0, 1);
        break;
      default:
        return;
    }
    world_.note_fault();
  }

  void end_disturbance() {
    for (unsigned lb = 0; lb < 2; ++lb) {
      world_.start_lb(lb);
    }
    world_.start_backend(survivor_);
    world_.start_backend(named_);
    world_.network().heal_all();
    world_.network().weather({});
  }

  World& world_;
  Random random_;
  unsigned named_ = 0;
  unsigned gone_ = 0;
  unsigned survivor_ = 0;
  MonoTime disturbed_until_;
};

}  // namespace

std::string run_forced(uint64_t seed, bool trace, Totals* totals) {
  Random dice(seed ^ 0xF04CED);
  WorldOptions options;
  options.seed = seed;
  options.trace = trace;
  if (dice.chance(0.7)) {
    // The named one finds a log that begins behind a checkpoint: it is let in on an image.
    options.checkpoint_every = 10 + dice.below(60);
    options.keep_for_fed = dice.chance(0.5) ? 64 : 4096;
  }
  World world(options);
  Operator ordering(world);
  const MonoTime begin = world.now();
  world.import_license();
  const MonoTime calm = begin + milliseconds(7500);
  ordering.run(begin, calm);
  world.heal_all();
  world.run(calm + milliseconds(4500));
  world.expect_service();
  if (!world.checkers().sound()) {
    world.tell_standing();
  }
  if (totals != nullptr) {
    *totals = world.totals();
  }
  return world.checkers().violation();
}

}  // namespace tercet::sim
