// What happens to a world: pauses, cuts, clocks that jump, and the end of all faults.

#include <algorithm>

#include "tests/sim/world.h"

namespace tercet::sim {

void World::pause(Host host, Duration span) {
  trace("%s pauses for %ld ms", name_of(static_cast<ServerId>(host)), static_cast<long>(span.ms()));
  if (host < 2) {
    lbs_[host].paused_until = now_ + span;
  } else {
    backends_[host - 2U].paused_until = now_ + span;
  }
  wake(host, now_ + span);
}

bool World::may_lose_disk(unsigned slot) const {
  // One that computes or says wrong things is a fault already.
  bool whole = options_.lying_slot < 0 && options_.damaging_slot < 0 && backends_[slot].replica != nullptr;
  for (const Backend& b : backends_) {
    whole = whole && b.whole;
  }
  return whole;
}

bool World::disk_lies() const {
  return std::ranges::any_of(backends_, [](const Backend& b) { return b.disk_lied; });
}

bool World::all_awake() const {
  const auto awake = [this](MonoTime paused_until) { return now_ >= paused_until; };
  return std::ranges::all_of(
             backends_, [&](const Backend& b) { return b.replica != nullptr && awake(b.paused_until); }) &&
         std::ranges::all_of(lbs_, [&](const Lb& lb) { return awake(lb.paused_until); });
}

void World::wipe_backend(unsigned slot) {
  crash_backend(slot, true);
  trace("b%u gets an empty disk", slot + 1);
  new_disk(slot, false);
  ++disks_lost_;
}

void World::lose_two(unsigned named, unsigned gone) {
  crash_backend(gone, true);
  crash_backend(named, true);
  trace("b%u is gone, b%u gets an empty disk", gone + 1, named + 1);
  new_disk(named, random_.chance(0.5));
  disks_lost_ += 2;
}

void World::order_force(unsigned named) {
  for (unsigned lb = 0; lb < 2; ++lb) {
    if (lbs_[lb].service == nullptr) {
      continue;
    }
    dataplane::Command command;
    command.kind = dataplane::Command::Kind::force;
    command.token = ++lbs_[lb].token;
    command.slot = static_cast<Slot>(named);
    command.incarnation = backends_[named].incarnation;
    lbs_[lb].service->command(command, moment(static_cast<Host>(lb)));
    wake(static_cast<Host>(lb), now_);
  }
}

/// Where the last sector that is not zero ends, at least one sector.
uint64_t World::written_end(unsigned slot, store::FileId file) const {
  const store::MemoryDisk& disk = *backends_[slot].disk;
  uint8_t sector[512];
  for (uint64_t end = backends_[slot].disk->size(file); end > 512; end -= 512) {
    disk.peek(file, end - 512, sector);
    if (std::ranges::any_of(sector, [](uint8_t byte) { return byte != 0; })) {
      return end;
    }
  }
  return 512;
}

void World::corrupt_backend(unsigned slot) {
  crash_backend(slot, true);
  Backend& b = backends_[slot];
  b.whole = false;
  const store::FileRange files = b.disk->files();
  const std::vector<store::FileId> images = b.disk->images();
  const auto file = !images.empty() && random_.chance(0.3)
                        ? images[random_.below(images.size())]
                        : files.first + static_cast<store::FileId>(random_.below(files.end - files.first));
  // Anywhere, where the log is, or in what was written last: only that can be taken for a torn batch.
  uint64_t at = random_.below(b.disk->size(file));
  if (random_.chance(0.8)) {
    const uint64_t end = written_end(slot, file);
    const uint64_t span = random_.chance(0.5) ? end : std::min<uint64_t>(end, 1024);
    at = end - 1 - random_.below(span);
  }
  b.disk->flip(file, at, static_cast<uint8_t>(1U << random_.below(8)));
  trace("b%u: byte %lu of %s flips", slot + 1, static_cast<unsigned long>(at),
        store::file_name(file).c_str());
  ++disks_lost_;
}

/// While it runs: it does not look at that file again, but a peer may ask for it.
void World::rot_image(unsigned slot) {
  Backend& b = backends_[slot];
  const std::vector<store::FileId> images = b.disk->images();
  if (images.empty()) {
    return;
  }
  b.whole = false;
  b.rotten = images.back();
  const uint64_t at = random_.below(written_end(slot, *b.rotten));
  b.disk->flip(*b.rotten, at, static_cast<uint8_t>(1U << random_.below(8)));
  trace("b%u: byte %lu of %s flips while it runs", slot + 1, static_cast<unsigned long>(at),
        store::file_name(*b.rotten).c_str());
  ++disks_lost_;
}

void World::damage_book(unsigned slot, Duration span) {
  Backend& b = backends_[slot];
  trace("b%u: its book computes wrong things for %ld ms", slot + 1, static_cast<long>(span.ms()));
  b.whole = false;
  b.book_mends_at = now_ + span;
  b.book_wrong = true;
  b.machine->lie(true);
}

/// Had the log gone on as if the write had been done, the power that fails soon after would show it.
void World::fail_disk(unsigned slot, store::WriteFault fault) {
  Backend& b = backends_[slot];
  trace("b%u: a write fails", slot + 1);
  b.disk->fault_next_write(fault);
  b.power_fails_at = now_ + milliseconds(200);
}

void World::lose_write(unsigned slot, store::WriteFault fault) {
  Backend& b = backends_[slot];
  trace("b%u: a write %s", slot + 1, fault == store::WriteFault::lose ? "is lost" : "goes elsewhere");
  b.whole = false;
  b.disk->fault_next_write(fault);
  b.power_fails_after = b.disk->writes() + 2;
  b.disk_lied = true;
  ++disks_lost_;
}

void World::isolate(Host host) {
  trace("%s is cut off", name_of(static_cast<ServerId>(host)));
  for (Host other = 0; other < kFirstClient + clients_.size(); ++other) {
    network_.cut(host, other);
    network_.cut(other, host);
  }
}

void World::rejoin(Host host) {
  trace("%s is connected again", name_of(static_cast<ServerId>(host)));
  for (Host other = 0; other < kFirstClient + clients_.size(); ++other) {
    network_.heal(host, other);
    network_.heal(other, host);
  }
}

void World::cut(Host a, Host b) {
  trace("path %s - %s is cut", name_of(static_cast<ServerId>(a)), name_of(static_cast<ServerId>(b)));
  network_.cut(a, b);
  network_.cut(b, a);
}

void World::take_container(unsigned slot, bool gone) {
  Backend& b = backends_[slot];
  if (gone && checkers_.decided_entries() == 0) {
    return;  // Genesis writes the three down
  }
  trace("b%u's container is %s", slot + 1, gone ? "gone" : "there again");
  b.no_container = gone;
  if (b.opening.acceptor != nullptr) {
    const auto own = introduction(slot);
    b.opening.acceptor->introduce({own.data(), own.size()});
  }
}

void World::heal(Host a, Host b) {
  network_.heal(a, b);
  network_.heal(b, a);
}

void World::cut_clients(unsigned lb, bool off) {
  trace("lb%u %s clients", lb + 1, off ? "hears no" : "hears its");
  lbs_[lb].clients_cut = off;
  if (lbs_[lb].service != nullptr) {
    lbs_[lb].service->set_hears_clients(!off);
  }
}

void World::cut_clients_of_active() {
  for (unsigned lb = 0; lb < 2; ++lb) {
    if (lbs_[lb].service != nullptr && lbs_[lb].service->proposer().active()) {
      cut_clients(lb, true);
      return;
    }
  }
}

void World::jump_wall(Host host, Duration by) {
  trace("%s: wall clock jumps by %ld s", name_of(static_cast<ServerId>(host)),
        static_cast<long>(by.ms() / 1000));
  clocks_[host].wall_offset_ms += by.ms();
}

void World::heal_all() {
  trace("all faults end");
  network_.heal_all();
  for (unsigned lb = 0; lb < 2; ++lb) {
    lbs_[lb].paused_until = {};
    lbs_[lb].trapped = lbs_[lb].prepare_trapped = false;
    start_lb(lb);
    cut_clients(lb, false);
    wake(static_cast<Host>(lb), now_);
  }
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    backends_[slot].paused_until = {};
    backends_[slot].trap.reset();
    backends_[slot].trap_wipes = false;
    take_container(slot, false);
    backends_[slot].disk->fault_next_write(store::WriteFault::none);
    backends_[slot].power_fails_after.reset();
    backends_[slot].power_fails_at = MonoTime::never();
    if (backends_[slot].disk_lied) {
      wipe_backend(slot);  // what it forgot it would never find out by itself
    }
    start_backend(slot);
    wake(static_cast<Host>(slot + 2), now_);
  }
}

}  // namespace tercet::sim
