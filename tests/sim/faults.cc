// What goes wrong in a run, and when: drawn from the seed.

#include <algorithm>
#include <array>
#include <optional>

#include "tests/sim/world.h"

namespace tercet::sim {
namespace {

enum class Strike : uint8_t {
  lb_down,
  backend_down,
  power_cut,
  pause,
  isolate,
  cut_path,
  weather,
  clients_cut,
  churn,
  trap_vote,
  trap_promise,
  lose_disk,
  fail_disk,
  damage_book,
  lone_sleep,
  jump_wall,
  last_words,
  late_prepare,
  usurper,
  no_container,
};

/// How often each comes where all may come.
constexpr std::array<std::pair<Strike, unsigned>, 20> kOften{
    {{Strike::lb_down, 2},   {Strike::backend_down, 2}, {Strike::power_cut, 2},
     {Strike::pause, 1},     {Strike::isolate, 1},      {Strike::cut_path, 1},
     {Strike::weather, 1},   {Strike::clients_cut, 1},  {Strike::churn, 2},
     {Strike::trap_vote, 1}, {Strike::trap_promise, 1}, {Strike::lose_disk, 3},
     {Strike::fail_disk, 1}, {Strike::damage_book, 1},  {Strike::lone_sleep, 2},
     {Strike::jump_wall, 2}, {Strike::last_words, 1},   {Strike::late_prepare, 2},
     {Strike::usurper, 2},   {Strike::no_container, 1}}};

/// A fault that lasts, and how it ends.
struct Standing {
  enum class Kind : uint8_t {
    lb_down,
    backend_down,
    isolated,
    cut_path,
    clients_cut,
    weather,
    churn,
    last_words,
    no_container
  } kind{};
  Host a = 0;
  Host b = 0;
  MonoTime ends;
};

class Faults {
 public:
  /// Most runs leave some kinds of faults out: those that remain come together more often than among all
  /// ("swarm testing", Groce et al. 2012).
  explicit Faults(World& world) : world_(world), random_(world.random().next()) {
    const double share = random_.chance(0.35) ? 1.0 : 0.3;
    while (bag_.empty()) {
      for (const auto& [strike, often] : kOften) {
        bag_.insert(bag_.end(), random_.chance(share) ? often : 0, strike);
      }
    }
  }

  /// One more fault now.
  void strike() {
    world_.note_fault();
    if (world_.disk_lies()) {
      return;  // one backend is the fault budget, and nobody but an LB that saw the vote can tell of that one
    }
    const MonoTime ends = world_.now() + random_.between(milliseconds(50), milliseconds(2500));
    switch (bag_[random_.below(bag_.size())]) {
      case Strike::lb_down: {
        const auto lb = static_cast<unsigned>(random_.below(2));
        world_.crash_lb(lb);
        standing_.push_back({Standing::Kind::lb_down, static_cast<Host>(lb), 0, ends});
        break;
      }
      case Strike::backend_down: {
        const auto slot = static_cast<unsigned>(random_.below(kBackends));
        world_.crash_backend(slot, random_.chance(0.6));
        standing_.push_back({Standing::Kind::backend_down, static_cast<Host>(slot), 0, ends});
        break;
      }
      case Strike::power_cut: {
        // All at once: the room's power.
        for (unsigned slot = 0; slot < kBackends; ++slot) {
          world_.crash_backend(slot, true);
          standing_.push_back({Standing::Kind::backend_down, static_cast<Host>(slot), 0,
                               world_.now() + random_.between(milliseconds(20), milliseconds(600))});
        }
        break;
      }
      case Strike::pause:
        world_.pause(any_server(), random_.between(milliseconds(20), milliseconds(3000)));
        break;
      case Strike::isolate: {
        const Host host = any_server();
        world_.isolate(host);
        standing_.push_back({Standing::Kind::isolated, host, 0, ends});
        break;
      }
      case Strike::cut_path: {
        const auto lb = static_cast<Host>(random_.below(2));
        const auto other =
            static_cast<Host>(lb == 0 && random_.chance(0.3) ? 1 : 2 + random_.below(kBackends));
        world_.cut(lb, other);
        standing_.push_back({Standing::Kind::cut_path, lb, other, ends});
        break;
      }
      case Strike::weather: {
        Weather bad;
        bad.loss = random_.chance(0.5) ? 0.2 : 0.02;
        bad.doubled = 0.2;
        bad.slow = random_.chance(0.5) ? 0.5 : 0.05;
        bad.slow_max = random_.between(milliseconds(1), milliseconds(300));
        world_.network().weather(bad);
        standing_.push_back({Standing::Kind::weather, 0, 0, ends});
        break;
      }
      case Strike::clients_cut: {
        const auto lb = static_cast<Host>(random_.below(2));
        world_.cut_clients(lb, true);
        standing_.push_back({Standing::Kind::clients_cut, lb, 0, ends});
        break;
      }
      case Strike::trap_vote:
        world_.trap(static_cast<unsigned>(random_.below(kBackends)), CellMessage::vote);
        break;
      case Strike::trap_promise: {
        // Promises only come at a takeover: kill both LBs, so that one has to ask for them.
        world_.trap(static_cast<unsigned>(random_.below(kBackends)), CellMessage::promise);
        for (unsigned lb = 0; lb < 2; ++lb) {
          world_.crash_lb(lb);
          standing_.push_back({Standing::Kind::lb_down, static_cast<Host>(lb), 0,
                               world_.now() + random_.between(milliseconds(10), milliseconds(300))});
        }
        break;
      }
      case Strike::churn:
        // Partitions that change faster than epochs settle: what Raft's figure 8 needs.
        standing_.push_back(
            {Standing::Kind::churn, 0, 0, world_.now() + random_.between(milliseconds(800), seconds(3))});
        churn_next_ = world_.now();
        break;
      case Strike::lose_disk:
        lose_disk(ends);
        break;
      case Strike::fail_disk: {
        const auto slot = static_cast<unsigned>(random_.below(kBackends));
        if (world_.backend_up(slot)) {
          world_.fail_disk(slot, random_.chance(0.5) ? store::WriteFault::full : store::WriteFault::fail);
        }
        break;
      }
      case Strike::damage_book: {
        const auto slot = static_cast<unsigned>(random_.below(kBackends));
        if (world_.may_lose_disk(slot)) {
          world_.damage_book(slot, random_.between(milliseconds(20), milliseconds(400)));
        }
        break;
      }
      case Strike::lone_sleep: {
        // Nobody follows the one that sleeps: what it slept it must not make up for.
        const auto lb = static_cast<unsigned>(random_.below(2));
        world_.crash_lb(1 - lb);
        standing_.push_back({Standing::Kind::lb_down, static_cast<Host>(1 - lb), 0, ends});
        world_.pause(static_cast<Host>(lb), random_.between(milliseconds(1500), milliseconds(3000)));
        break;
      }
      case Strike::last_words:
        // LB after LB dies when one backend has its first Accept, and each time another backend hears
        // nothing.
        standing_.push_back(
            {Standing::Kind::last_words, 0, 0, world_.now() + random_.between(seconds(1), seconds(4))});
        take_last_words();
        break;
      case Strike::late_prepare: {
        // The holder sleeps until the other one has asked for promises, and goes on as if nothing were.
        const auto lb = static_cast<unsigned>(random_.below(2));
        world_.pause(static_cast<Host>(lb), random_.between(milliseconds(80), milliseconds(170)));
        world_.trap_prepare(1 - lb);
        if (random_.chance(0.6)) {
          // Awake, it admits the one that lost its disk, and goes on with that one and another; the third
          // hears nothing of it, and is the one that the other LB reaches: who promised in its former life
          // must not count there.
          const auto unheard = static_cast<unsigned>(random_.below(kBackends));
          const auto unasked = (unheard + 1 + static_cast<unsigned>(random_.below(2))) % kBackends;
          const MonoTime at = world_.now() + random_.between(milliseconds(100), milliseconds(280));
          planned_.push_back({at, static_cast<Host>(lb), static_cast<Host>(unheard + 2)});
          planned_.push_back({at, static_cast<Host>(1 - lb), static_cast<Host>(unasked + 2)});
        }
        break;
      }
      case Strike::usurper:
        usurper_begins();
        break;
      case Strike::no_container: {
        // One container, or two at once: then nothing may be granted.
        const auto slot = static_cast<unsigned>(random_.below(kBackends));
        for (unsigned i = 0; i < (random_.chance(0.5) ? 2U : 1U); ++i) {
          const unsigned lost = (slot + i) % kBackends;
          world_.take_container(lost, true);
          standing_.push_back({Standing::Kind::no_container, static_cast<Host>(lost), 0, ends});
        }
        break;
      }
      case Strike::jump_wall:
        world_.jump_wall(any_server(), random_.chance(0.5) ? seconds(86'400) : seconds(-7'200));
        break;
    }
  }

  /// While last words stand: whom an Accept has killed starts again, and the next one falls into the trap.
  void last_words() {
    const std::vector<unsigned> dead = world_.take_trapped_lbs();
    for (const unsigned lb : dead) {
      standing_.push_back({Standing::Kind::lb_down, static_cast<Host>(lb), 0,
                           world_.now() + random_.between(milliseconds(10), milliseconds(200))});
    }
    if (!dead.empty() && stands(Standing::Kind::last_words)) {
      take_last_words();
    }
  }

  /// While the holder sleeps another one holds the epoch, with two backends. Then one of these loses its
  /// disk, the other is cut off, and the usurper is gone: whom the holder finds when it wakes is the third,
  /// which never heard of that epoch, and one that forgot it.
  void usurper() {
    if (!usurped_) {
      return;
    }
    const Usurped u = *usurped_;
    if (world_.now() >= u.given_up) {
      usurper_ends();
    } else if (world_.active(1 - u.holder) && world_.may_lose_disk(u.forgets)) {
      usurper_ends();
      world_.wipe_backend(u.forgets);
      standing_.push_back(
          {Standing::Kind::backend_down, static_cast<Host>(u.forgets), 0, world_.now() + milliseconds(10)});
      const MonoTime ends = world_.now() + random_.between(milliseconds(800), milliseconds(2500));
      world_.isolate(static_cast<Host>(u.cut_off + 2U));
      standing_.push_back({Standing::Kind::isolated, static_cast<Host>(u.cut_off + 2U), 0, ends});
      world_.crash_lb(1 - u.holder);
      standing_.push_back({Standing::Kind::lb_down, static_cast<Host>(1 - u.holder), 0, ends});
    }
  }

  /// While a churn stands: new paths every few tens of milliseconds, and now and then an LB dies.
  void churn() {
    if (!stands(Standing::Kind::churn) || world_.now() < churn_next_) {
      return;
    }
    churn_next_ = world_.now() + random_.between(milliseconds(20), milliseconds(350));
    end_churn();
    for (Host lb = 0; lb < 2; ++lb) {
      for (Host backend = 2; backend < kServers; ++backend) {
        if (random_.chance(0.4)) {
          world_.cut(lb, backend);
          churned_.push_back({lb, backend});
        }
      }
    }
    if (random_.chance(0.6)) {
      world_.cut(0, 1);
      churned_.push_back({0, 1});
    }
    if (random_.chance(0.25)) {
      const auto lb = static_cast<unsigned>(random_.below(2));
      world_.crash_lb(lb);
      standing_.push_back({Standing::Kind::lb_down, static_cast<Host>(lb), 0,
                           world_.now() + random_.between(milliseconds(10), milliseconds(200))});
    }
  }

  void end_what_is_over() {
    for (const unsigned slot : world_.take_trapped()) {
      standing_.push_back(
          {Standing::Kind::backend_down, static_cast<Host>(slot), 0,
           world_.now() + random_.between(milliseconds(10), milliseconds(random_.chance(0.5) ? 40 : 400))});
    }
    std::erase_if(planned_, [this](const PlannedCut& cut) {
      if (cut.at > world_.now()) {
        return false;
      }
      world_.cut(cut.a, cut.b);
      standing_.push_back({Standing::Kind::cut_path, cut.a, cut.b,
                           world_.now() + random_.between(milliseconds(100), milliseconds(600))});
      return true;
    });
    for (size_t i = 0; i < standing_.size();) {
      if (standing_[i].ends > world_.now()) {
        ++i;
        continue;
      }
      end(standing_[i]);
      standing_.erase(standing_.begin() + static_cast<ptrdiff_t>(i));
    }
  }

 private:
  /// What it had is gone, and the two others go on: mostly it is away for a while, at times back at once.
  void lose_disk(MonoTime ends) {
    const auto slot = static_cast<unsigned>(random_.below(kBackends));
    if (!world_.may_lose_disk(slot)) {
      return;
    }
    const uint64_t how = random_.below(5);
    // The entry that it forgets must be with both others: nothing keeps it from them, or the LB from telling.
    if (how == 0 && world_.all_awake() && standing_.empty() && planned_.empty() && !usurped_) {
      world_.lose_write(slot, random_.chance(0.5) ? store::WriteFault::lose
                                                  : store::WriteFault::misdirect);  // it dies by itself
      return;
    }
    if (how == 4 && world_.backend_up(slot)) {
      world_.rot_image(slot);
      return;
    }
    if (how <= 1) {
      world_.corrupt_backend(slot);
    } else {
      world_.wipe_backend(slot);
    }
    standing_.push_back({Standing::Kind::backend_down, static_cast<Host>(slot), 0,
                         random_.chance(0.5) ? ends : world_.now() + milliseconds(20)});
  }
  struct PlannedCut {
    MonoTime at;
    Host a = 0;
    Host b = 0;
  };
  struct Usurped {
    unsigned holder = 0;   ///< LB
    unsigned unasked = 0;  ///< the backend that the usurper does not reach
    unsigned forgets = 0;  ///< … of those that it reaches
    unsigned cut_off = 0;
    MonoTime given_up;
  };
  void usurper_begins() {
    const unsigned holder = world_.active(0) ? 0 : 1;
    if (usurped_ || !world_.active(holder)) {
      return;
    }
    const auto unasked = static_cast<unsigned>(random_.below(kBackends));
    const unsigned step = random_.chance(0.5) ? 1 : 2;
    usurped_ = Usurped{holder, unasked, (unasked + step) % kBackends, (unasked + 3 - step) % kBackends,
                       world_.now() + milliseconds(400)};
    world_.pause(static_cast<Host>(holder), random_.between(milliseconds(120), milliseconds(240)));
    world_.cut(0, 1);
    world_.cut(static_cast<Host>(1 - holder), static_cast<Host>(unasked + 2));
  }
  void usurper_ends() {
    world_.heal(0, 1);
    world_.heal(static_cast<Host>(1 - usurped_->holder), static_cast<Host>(usurped_->unasked + 2U));
    usurped_.reset();
  }

  [[nodiscard]] bool stands(Standing::Kind kind) const {
    return std::ranges::any_of(standing_, [kind](const Standing& fault) { return fault.kind == kind; });
  }

  void take_last_words() {
    world_.rejoin(deaf_);
    deaf_ = static_cast<Host>(2 + random_.below(kBackends));
    world_.isolate(deaf_);
    world_.trap_accept(0, true);
    world_.trap_accept(1, true);
  }

  Host any_server() { return static_cast<Host>(random_.below(kServers)); }
  void end(const Standing& fault) {
    switch (fault.kind) {
      case Standing::Kind::lb_down:
        world_.start_lb(fault.a);
        break;
      case Standing::Kind::backend_down:
        world_.start_backend(fault.a);
        break;
      case Standing::Kind::isolated:
        world_.rejoin(fault.a);
        break;
      case Standing::Kind::cut_path:
        world_.heal(fault.a, fault.b);
        break;
      case Standing::Kind::clients_cut:
        world_.cut_clients(fault.a, false);
        break;
      case Standing::Kind::weather:
        world_.network().weather({});
        break;
      case Standing::Kind::churn:
        end_churn();
        break;
      case Standing::Kind::last_words:
        world_.rejoin(deaf_);
        world_.trap_accept(0, false);
        world_.trap_accept(1, false);
        break;
      case Standing::Kind::no_container:
        world_.take_container(fault.a, false);
        break;
    }
  }

  void end_churn() {
    for (const auto& [a, b] : churned_) {
      world_.heal(a, b);
    }
    churned_.clear();
  }

  World& world_;
  Random random_;
  std::vector<Strike> bag_;
  std::vector<std::pair<Host, Host>> churned_;
  MonoTime churn_next_;
  std::optional<Usurped> usurped_;
  std::vector<PlannedCut> planned_;
  Host deaf_ = 2;  ///< while last words stand
  std::vector<Standing> standing_;
};

}  // namespace

std::string run_seed(uint64_t seed, bool trace, Totals* totals) {
  Random dice(seed ^ 0x5EED);
  WorldOptions options;
  options.seed = seed;
  options.trace = trace;
  options.seats = 2 + static_cast<unsigned>(dice.below(3));
  options.lease = milliseconds(1000 + static_cast<int64_t>(dice.below(2000)));
  // At most one backend computes or says wrong things (the fault budget).
  if (dice.chance(0.15)) {
    options.lying_slot = static_cast<int>(dice.below(kBackends));
  } else if (dice.chance(0.2)) {
    options.damaging_slot = static_cast<int>(dice.below(kBackends));
  }
  if (dice.chance(0.2)) {
    options.disk_max = milliseconds(1 + static_cast<int64_t>(dice.below(30)));
  }
  if (dice.chance(0.7)) {
    options.checkpoint_every = 20 + dice.below(150);
    if (dice.chance(0.3)) {
      options.checkpoint_every = 5 + dice.below(10);  // nearly always one is being written
    }
    options.keep_for_fed = dice.chance(0.5) ? 64 : 4096;
  }
  options.clients = 4 + static_cast<unsigned>(dice.below(8));
  if (dice.chance(0.3)) {
    options.burst_max = microseconds(500 + static_cast<int64_t>(dice.below(5000)));
  }
  // Dice of their own: the other worlds stay what they were.
  options.hasty_clients = Random(seed ^ 0x4A57E).chance(0.25);
  World world(options);
  Faults faults(world);
  const MonoTime begin = world.now();
  world.import_license();
  const MonoTime calm = begin + milliseconds(7500);
  const unsigned strikes = 5 + static_cast<unsigned>(dice.below(5));
  std::vector<MonoTime> when;
  for (unsigned i = 0; i < strikes; ++i) {
    when.push_back(begin + milliseconds(static_cast<int64_t>(dice.below(7000))));
  }
  std::sort(when.begin(), when.end());
  for (MonoTime at = begin; at < calm && world.checkers().sound(); at = at + milliseconds(10)) {
    world.run(at);
    faults.end_what_is_over();
    faults.last_words();
    faults.usurper();
    faults.churn();
    while (!when.empty() && when.front() <= at) {
      faults.strike();
      when.erase(when.begin());
    }
  }
  world.heal_all();
  world.run(calm + milliseconds(4500));
  world.expect_service();
  if (dice.chance(0.25)) {
    // An active LB that hears no clients, for good: the other one must follow it.
    world.cut_clients_of_active();
    world.run(calm + milliseconds(8000));
    world.expect_service();
  }
  if (!world.checkers().sound()) {
    world.tell_standing();
  }
  if (totals != nullptr) {
    *totals = world.totals();
  }
  return world.checkers().violation();
}

}  // namespace tercet::sim
