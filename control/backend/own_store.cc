#include "control/backend/own_store.h"

#include <fstream>
#include <iterator>

#include "backend/store/meta_file.h"
#include "control/backend/disk_probe.h"
#include "control/backend/set_aside.h"
#include "dataplane/real_clock.h"

namespace tercet::control {
namespace {

constexpr Duration kCloseFor = seconds(5);
constexpr size_t kLostDisksKept = 3;  ///< beyond them the operator is told that they may go

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

}  // namespace

tl::expected<std::unique_ptr<OwnStore>, std::string> OwnStore::open(const Options& options,
                                                                    quorum::Machine& machine) {
  std::unique_ptr<OwnStore> self(new OwnStore(options));
  if (auto done = self->open_disk(); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->find(machine); !done) {
    return tl::unexpected(done.error());
  }
  if (const auto old = old_lost_disks(options.dir, kLostDisksKept); !old.empty()) {
    self->warnings_.push_back("store " + options.dir + " still holds " + listed(old) +
                              ", disks that were given up long ago: remove them when you need the room");
  }
  return self;
}

store::Disk& OwnStore::disk() {
  return fault_disk_ != nullptr ? static_cast<store::Disk&>(*fault_disk_) : *ring_disk_;
}

tl::expected<void, std::string> OwnStore::open_disk() {
  fault_disk_.reset();
  ring_disk_.reset();
  files_.reset();  // its lock must be free
  auto files = store::FileDisk::open({.directory = options_.dir});
  if (!files) {
    return tl::unexpected(files.error());
  }
  files_ = std::move(*files);
  ring_disk_ = std::make_unique<store::RingDisk>(*files_);
  if (!options_.fault_file.empty()) {
    fault_disk_ = std::make_unique<store::FaultDisk>(*ring_disk_);
    turn();
  }
  return {};
}

tl::expected<void, std::string> OwnStore::find(quorum::Machine& machine) {
  const store::FileRange files = files_->files();
  auto found =
      find_identity(options_.dir, files.first != files.end, options_.acceptor.cell, options_.acceptor.slot);
  if (!found) {
    return tl::unexpected(found.error());
  }
  const auto another = [this] { return draw_identity(options_.acceptor.cell, options_.acceptor.slot); };
  switch (found->kind) {
    case Found::Kind::untrusted:
      return begin_anew(another(), found->why, machine);
    case Found::Kind::blank:
      identity_ = another();
      identity_.boot_id = options_.boot_id;
      // Before the log is made: a crash in between leaves a disk that never promised anything, which is still
      // blank.
      if (auto done = write_identity(options_.dir, identity_); !done) {
        return done;
      }
      break;
    case Found::Kind::known:
      identity_ = found->identity;
      if (identity_.aside != 0) {
        return begin_anew(identity_, "its last start was interrupted while it gave its disk up", machine);
      }
      if (const std::string why = doubt(identity_, options_.boot_id); !why.empty()) {
        return begin_anew(another(), why, machine);
      }
      break;
  }
  read_log(machine);
  if (opening_.verdict == store::Verdict::corrupt) {
    return begin_anew(another(), std::string("its log is corrupt: ") + opening_.why, machine);
  }
  if (identity_.lost) {
    lost_ = "its disk follows one that was lost";
  }
  return begin_log();
}

/// `identity`: of the disk that follows, or the one that is just taking its place.
tl::expected<void, std::string> OwnStore::begin_anew(const Identity& identity, const std::string& why,
                                                     quorum::Machine& machine) {
  SettingAside aside(options_.dir, identity);
  if (auto done = aside.finish(); !done) {
    return done;
  }
  identity_ = aside.identity();
  lost_ = why;
  warnings_.push_back(
      "this disk is not trusted: " + why + ": its files are kept in " + options_.dir + "/" + aside.folder() +
      "; an empty log begins under a new incarnation, and this backend votes again when the other two "
      "have admitted it");
  // What the disk has open of the old files must not be written to any more.
  if (auto done = open_disk(); !done) {
    return done;
  }
  read_log(machine);
  return begin_log();
}

void OwnStore::read_log(quorum::Machine& machine) {
  backend::OpeningOptions options;
  options.acceptor = options_.acceptor;
  options.acceptor.incarnation = identity_.incarnation;
  options.acceptor.amnesiac = identity_.lost;
  options.log = {
      .store = identity_.store, .segment_bytes = options_.segment_bytes, .durability = options_.durability};
  options.log_made = identity_.log_made;
  opening_ = backend::open_log(disk(), machine, options);
}

tl::expected<void, std::string> OwnStore::begin_log() {
  if (!opening_.sound()) {
    return tl::unexpected("store " + options_.dir + ": its log is " + store::name_of(opening_.verdict) +
                          " (" + opening_.why +
                          "): nothing is known of this disk, and its files are left as they are: " +
                          "mend what keeps it from being read");
  }
  if (opening_.verdict == store::Verdict::torn) {
    warnings_.push_back("the log's last batch was torn by a crash and is cut: " + opening_.why);
  }
  while (!log().ready() && !log().failed()) {
    disk().wait();
    log().reap();
  }
  if (log().failed()) {
    return tl::unexpected("store " + options_.dir + ": " + std::string(log().state_text()) +
                          ": make room there, or name another folder in store.dir");
  }
  identity_.log_made = true;
  identity_.clean = false;
  identity_.memory = options_.durability == store::Durability::memory;
  identity_.boot_id = options_.boot_id;
  if (!acceptor().amnesiac()) {
    identity_.lost = false;  // its log says so itself
    lost_.clear();
  }
  return write_identity(options_.dir, identity_);
}

void OwnStore::attach(FileRing& ring) {
  fixed_ = ring.fix(log().buffers());
  ring_disk_->attach(ring);
}

std::string OwnStore::turn() {
  if (fault_disk_ == nullptr) {
    return {};
  }
  std::ifstream file(options_.fault_file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const store::DiskFault fault = store::parse_disk_fault(text).value_or(store::DiskFault::ok);
  fault_disk_->set(fault);
  return std::exchange(fault_, fault) == fault
             ? std::string()
             : "TERCET_FAULT_DISK: the disk is " + std::string(store::name_of(fault)) + " from now on";
}

void OwnStore::note_stopped() {
  if (log().unsure()) {
    give_up();
  }
}

bool OwnStore::give_up() {
  if (!noted_) {
    identity_.doubted = true;
    noted_ = write_identity(options_.dir, identity_).has_value();
  }
  return noted_;
}

std::string OwnStore::probe() const {
  if (fault_disk_ != nullptr && (fault_ == store::DiskFault::full || fault_ == store::DiskFault::eio)) {
    return std::string("TERCET_FAULT_DISK says ") + store::name_of(fault_);
  }
  return probe_disk(options_.dir, options_.segment_bytes, files_->direct());
}

bool OwnStore::close() {
  log().close();
  dataplane::RealClock clock;
  const MonoTime until = clock.now().mono + kCloseFor;
  while (!log().closed() && !log().failed() && clock.now().mono < until) {
    disk().wait();
    log().reap();
  }
  identity_.clean = log().closed();  // a doubt stands beside it
  identity_.lost = identity_.lost && acceptor().amnesiac();
  return identity_.clean && write_identity(options_.dir, identity_).has_value();
}

}  // namespace tercet::control
