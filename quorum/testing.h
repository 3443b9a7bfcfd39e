#pragma once
// For tests of this folder and of those above it: a machine that is easy to predict, an LB's log to write
// Accepts from, one backend on a bench, and a small cell of real proposers and acceptors whose every message
// a test may hold back. No clock, no randomness: the test moves time.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "quorum/acceptor.h"
#include "quorum/chain.h"
#include "quorum/proposer.h"
#include "wire/listing.h"

namespace tercet::quorum {

inline constexpr Slot B1 = Slot::one;
inline constexpr Slot B2 = Slot::two;
inline constexpr Slot B3 = Slot::three;
inline constexpr Epoch kE1 = make_epoch(1, ServerId::lb1);
inline constexpr Epoch kE2 = make_epoch(2, ServerId::lb2);
inline constexpr Epoch kE3 = make_epoch(3, ServerId::lb1);

}  // namespace tercet::quorum

namespace tercet::quorum::testing {

inline constexpr std::array<uint64_t, kBackends> kLives{0x11, 0x22, 0x33};  ///< incarnations
inline constexpr Incarnation life_of(Slot slot) { return Incarnation{kLives[index(slot)]}; }

/// State: a hash over all operations. Result: its 8 bytes.
class ToyMachine : public Machine {
 public:
  void apply(const EntryView& entry, Result& result) override {
    undo_.emplace_back(state_, absent_slots);
    state_ = hash64(entry.op, state_ + static_cast<uint64_t>(entry.kind));
    if (const auto* body = header_of<ConstituentGoneBody>(entry.op);
        entry.kind == EntryKind::constituent_gone && body != nullptr) {
      const uint8_t bit = static_cast<uint8_t>(1U << body->slot);
      absent_slots = static_cast<uint8_t>(body->gone != 0 ? absent_slots | bit : absent_slots & ~bit);
    }
    if (entry.seq == corrupt_at) {
      state_ ^= 1;  // silent damage to the book
    }
    const Le64 word{state_ ^ (entry.seq == lie_at ? 0xFFU : 0U)};
    result.resize(sizeof(word));
    std::memcpy(result.data(), &word, sizeof(word));
    if (as_book) {
      OpResult granted{};
      granted.features = word;
      result.resize(sizeof(granted));
      std::memcpy(result.data(), &granted, sizeof(granted));
    }
    if (entry.seq == damage_at) {
      damaged_ = &result;
    }
    ++applied_;
  }
  bool undo() override {
    if (undo_.empty()) {
      return false;
    }
    std::tie(state_, absent_slots) = undo_.back();
    undo_.pop_back();
    --applied_;
    ++undone;
    return true;
  }
  void settle(Seq through) override {
    const size_t keep = through.value >= applied_ ? 0 : applied_ - through.value;
    if (undo_.size() > keep) {
      undo_.erase(undo_.begin(), undo_.end() - static_cast<std::ptrdiff_t>(keep));
    }
    settled = through;
  }
  void reset() override {
    state_ = 0;
    absent_slots = 0;
    applied_ = 0;
    undo_.clear();
    ++resets;
  }
  [[nodiscard]] Hash128 digest() const override { return {state_, ~state_}; }
  size_t read(Bytes query, MutBytes out) const override {
    const Le64 word{hash64(query, state_)};
    std::memcpy(out.data(), &word, sizeof(word));
    if (as_book) {
      PageHeader page{};
      page.kind = query.empty() ? uint8_t{0} : query[0];
      page.cell_ms = word;
      std::memcpy(out.data(), &page, sizeof(page));
      return sizeof(page);
    }
    return sizeof(word);
  }
  [[nodiscard]] bool leases_live() const override { return live; }
  [[nodiscard]] uint8_t absent() const override { return absent_slots; }
  [[nodiscard]] ContainerState container(Slot, Bytes) const override { return own_container; }
  [[nodiscard]] bool more_due() const override { return due; }
  /// Damages a result after it was hashed, as a bad memory cell would.
  void damage() {
    if (damaged_ != nullptr) {
      (*damaged_)[0] ^= 0x80U;
      damaged_ = nullptr;
    }
  }
  void forget_undo() { undo_.clear(); }

  bool as_book = false;  ///< results and answers have the form that clients' replies must have
  Seq lie_at;            ///< a wrong result there
  Seq corrupt_at;        ///< a wrong state from there on
  Seq damage_at;         ///< damage() changes the result of this one
  bool live = false;
  bool due = false;
  uint8_t absent_slots = 0;
  ContainerState own_container = ContainerState::here;
  Seq settled;
  unsigned undone = 0;
  unsigned resets = 0;

 private:
  std::vector<std::pair<uint64_t, uint8_t>> undo_;
  uint64_t state_ = 0;
  uint64_t applied_ = 0;
  Result* damaged_ = nullptr;
};

/// A log as an LB has it.
class Story {
 public:
  Story& genesis(Epoch epoch, const std::array<uint64_t, kBackends>& lives = kLives) {
    GenesisBody body{};
    body.cell = 7;
    for (unsigned i = 0; i < kBackends; ++i) {
      body.incarnation[i] = lives[i];
    }
    uint8_t op[kOpMax];
    const size_t size = write_genesis(body, {}, {}, op);
    return add(EntryKind::genesis, epoch, {op, size});
  }
  /// EpochStart that names the end of this log.
  Story& start(Epoch epoch, Slot source) {
    EpochStartBody body{};
    body.last_seq = last().value;
    body.last_l_low = l(last()).low;
    body.last_l_high = l(last()).high;
    body.source = static_cast<uint8_t>(source);
    body.lb = static_cast<uint8_t>(lb_of(epoch));
    return add(EntryKind::epoch_start, epoch, bytes_of(body));
  }
  Story& op(Epoch epoch, std::string_view what) { return add(EntryKind::op, epoch, as_bytes(what)); }
  Story& ops(Epoch epoch, unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      op(epoch, "op " + std::to_string(lines_.size() + 1));
    }
    return *this;
  }
  /// Cell time goes on before the next entry, besides the millisecond that each takes.
  Story& pass(int64_t ms) {
    passed_ms_ += ms;
    return *this;
  }
  [[nodiscard]] int64_t now_ms() const { return 1000 + passed_ms_ + static_cast<int64_t>(lines_.size()); }
  [[nodiscard]] Seq last() const { return Seq{lines_.size()}; }
  [[nodiscard]] Hash128 l(Seq seq) const { return seq.value == 0 ? Hash128{} : lines_[seq.value - 1].l; }
  [[nodiscard]] EntryView entry(Seq seq) const {
    const Line& line = lines_[seq.value - 1];
    return {seq, line.epoch, line.cell, line.wall, line.kind, line.op};
  }
  /// This log up to and with `seq`.
  [[nodiscard]] Story until(uint64_t seq) const {
    Story story = *this;
    story.lines_.resize(seq);
    return story;
  }
  /// S as an honest backend computes it.
  [[nodiscard]] Hash128 s(Seq seq) const {
    ToyMachine machine;
    Hash128 s;
    Result result;
    for (Seq at{1}; at <= seq; at = next(at)) {
      machine.apply(entry(at), result);
      s = next_s(s, l(at), {result.data(), result.size()}, machine.digest());
    }
    return s;
  }

  Story& add(EntryKind kind, Epoch epoch, Bytes op) {
    Line line{kind, epoch, CellTime{now_ms()}, WallTime{50'000}, {}, {}};
    line.op.assign(op.begin(), op.end());
    const EntryView view{Seq{lines_.size() + 1}, line.epoch, line.cell, line.wall, line.kind, line.op};
    line.l = next_l(l(last()), view);
    lines_.push_back(line);
    return *this;
  }

 private:
  struct Line {
    EntryKind kind;
    Epoch epoch;
    CellTime cell;
    WallTime wall;
    std::vector<uint8_t> op;
    Hash128 l;
  };
  std::vector<Line> lines_;
  int64_t passed_ms_ = 0;
};

struct Letter {
  ServerSet to;
  ClientRef client;
  std::vector<uint8_t> bytes;
};
inline std::vector<Letter> take_letters(Outbox& outbox) {
  std::vector<Letter> letters;
  for (const Outbox::Parcel& parcel : outbox.parcels()) {
    const Bytes bytes = outbox.bytes(parcel);
    letters.push_back({parcel.servers, parcel.client, {bytes.begin(), bytes.end()}});
  }
  outbox.clear();
  return letters;
}
/// What the receiver would see; a message that its parser drops is a bug of the sender.
inline CellView opened(Bytes bytes) {
  CellView view;
  const Drop drop = parse_cell(bytes, view);
  TERCET_CHECK(drop == Drop::none, "a test's message parses");
  return view;
}
/// The letters of one kind, oldest first; `letters` must outlive them.
template <class View>
std::vector<View> only(const std::vector<Letter>& letters) {
  std::vector<View> views;
  for (const Letter& letter : letters) {
    CellView view;
    if (parse_cell(letter.bytes, view) == Drop::none && std::holds_alternative<View>(view)) {
      views.push_back(std::get<View>(view));
    }
  }
  return views;
}
template <class Header>
std::vector<uint8_t> message_of(CellMessage type, Header header) {
  header.type = static_cast<uint8_t>(type);
  const Bytes bytes = bytes_of(header);
  return {bytes.begin(), bytes.end()};
}

struct AcceptOptions {
  uint64_t commit = 0;
  Hash128 commit_s{};
  bool fit = true;
  uint64_t instance = 0xA1;
  const char* query = nullptr;  ///< a read behind the entries
  uint8_t readers = 7;
};
/// An Accept with `story`'s entries [from, to] (none if to < from), of the epoch of the first.
inline std::vector<uint8_t> accept_of(const Story& story, uint64_t from, uint64_t to, Epoch epoch,
                                      const AcceptOptions& options = {}) {
  AcceptHeader header{};
  header.flags = options.fit ? kFit : 0;
  header.heartbeat_us = 10'000;
  header.epoch = epoch.value;
  header.instance = options.instance;
  header.first = from;
  header.prev_l = story.l(Seq{from - 1});
  header.commit = options.commit;
  header.commit_s = options.commit_s;
  header.cell_ms = 1000;
  header.wall_ms = 50'000;
  std::vector<uint8_t> bytes(kCellPlainMax);
  AcceptWriter writer(bytes, header);
  for (uint64_t seq = from; seq <= to; ++seq) {
    TERCET_CHECK(writer.add(story.entry(Seq{seq})), "a test's Accept fits");
  }
  if (options.query != nullptr) {
    ReadItem item{};
    item.readers = options.readers;
    item.slot = 3;
    item.generation = 9;
    item.body_from = static_cast<uint8_t>(__builtin_ctz(options.readers));
    TERCET_CHECK(writer.add(item, as_bytes(options.query)), "a test's Accept fits");
  }
  bytes.resize(writer.finish());
  return bytes;
}

/// One backend on a bench: an acceptor, its machine, what it wrote and what it sent.
class Bench {
 public:
  explicit Bench(Slot slot, const Acceptor::Options* options = nullptr)
      : acceptor(options != nullptr ? *options : default_options(slot)) {}
  static Acceptor::Options default_options(Slot slot) {
    Acceptor::Options options;
    options.cell = CellId{7};
    options.slot = slot;
    options.incarnation = life_of(slot);
    options.held = {.results = 256, .reads = 8};
    options.log.entries_max = 1U << 14U;
    options.log.bytes_max = 1U << 22U;
    return options;
  }
  void hear(ServerId from, Bytes bytes) {
    Acceptor::Output out{outbox, records};
    acceptor.step(from, opened(bytes), now, machine, out);
  }
  /// The records go to the disk, which keeps them to itself for now.
  MonoTime tick() {
    Acceptor::Output out{outbox, records};
    acceptor.note_commit_in(records);
    const MonoTime again = acceptor.tick(now, machine, out);
    write();
    return again;
  }
  void write() {
    for (const Records::Record& record : records.records()) {
      const Bytes bytes = records.bytes(record);
      disk.push_back({record.type, {bytes.begin(), bytes.end()}});
      must_sync.push_back(record.must_sync);
    }
    records.clear();
  }
  /// The disk is done with all that it was given.
  void sync() { acceptor.durable(acceptor.taken()); }
  std::vector<Letter> letters() { return take_letters(outbox); }
  /// A poll with a disk that is done at once.
  std::vector<Letter> poll() {
    tick();
    sync();
    tick();
    sync();
    return letters();
  }
  /// Takes [from, to] of `story` from the LB of `epoch`.
  void take(const Story& story, uint64_t from, uint64_t to, Epoch epoch, const AcceptOptions& options = {}) {
    hear(lb_of(epoch), accept_of(story, from, to, epoch, options));
  }
  void pass(Duration span) {
    now.mono = now.mono + span;
    now.wall = now.wall + span;
  }

  Acceptor acceptor;
  ToyMachine machine;
  Outbox outbox{256};
  Records records;
  Moment now{MonoTime{1'000'000'000}, WallTime{1'700'000'000'000}, 5};
  std::vector<std::pair<RecordType, std::vector<uint8_t>>> disk;
  std::vector<bool> must_sync;
};

inline std::vector<uint8_t> prepare_of(Epoch epoch, uint64_t instance) {
  Prepare message{};
  message.epoch = epoch.value;
  message.instance = instance;
  return message_of(CellMessage::prepare, message);
}
inline std::vector<uint8_t> ask_of(uint32_t number) {
  Ask message{};
  message.number = number;
  message.stamp = 77;
  return message_of(CellMessage::ask, message);
}

/// Two LBs and three backends without a network between them: each message arrives in the step after it was
/// sent, unless `lost` says otherwise. A step is a millisecond.
class SmallCell {
 public:
  struct Options {
    size_t window = 64;
    size_t history = 256;
    size_t reads = 16;
    Rounds::Options rounds = {};
    Duration absent_after = kAbsentAfter;
    Checkpoints::Options checkpoints = {};
  };
  SmallCell() : SmallCell(Options()) {}
  explicit SmallCell(const Options& sizes) {
    for (unsigned i = 0; i < 2; ++i) {
      Proposer::Options options;
      options.self = static_cast<ServerId>(i);
      options.cell = CellId{7};
      options.instance = Nonce{0xA0 + i};
      options.window = sizes.window;
      options.history = sizes.history;
      options.reads = sizes.reads;
      options.rounds = sizes.rounds;
      options.absent_after = sizes.absent_after;
      options.checkpoints = sizes.checkpoints;
      lbs.push_back(std::make_unique<Proposer>(options));
    }
    for (const Slot slot : kSlots) {
      backends.push_back(std::make_unique<Bench>(slot));
    }
  }
  Proposer& lb(unsigned i = 0) { return *lbs[i]; }
  Bench& backend(Slot slot) { return *backends[index(slot)]; }

  /// One message that is on its way.
  struct Flight {
    ServerId from;
    ServerId to;
    std::vector<uint8_t> bytes;
    [[nodiscard]] CellMessage type() const { return static_cast<CellMessage>(bytes[0]); }
  };
  /// True: that message never arrives.
  std::function<bool(const Flight&)> lost = [](const Flight&) { return false; };
  /// Backends whose disk never answers.
  SlotSet frozen_disks;

  void deliver(const Flight& flight) {
    if (is_lb(flight.to)) {
      const unsigned i = index(flight.to);
      lbs[i]->step(flight.from, opened(flight.bytes), now, output(i));
    } else if (Bench* bench = backends[index(slot_of(flight.to))].get(); bench != nullptr) {
      bench->now = now;
      bench->hear(flight.from, flight.bytes);
    }
  }
  void step() {
    now.mono = now.mono + milliseconds(1);
    now.wall = now.wall + milliseconds(1);
    now.dice = now.dice * 6364136223846793005U + 1442695040888963407U;
    std::vector<Flight> arriving;
    arriving.swap(flights);
    for (const Flight& flight : arriving) {
      if (!lost(flight)) {
        deliver(flight);
      }
    }
    for (const Slot slot : kSlots) {
      Bench* bench = backends[index(slot)].get();
      if (bench == nullptr) {
        continue;
      }
      bench->now = now;
      bench->tick();
      if (!frozen_disks.has(slot)) {
        bench->sync();
        bench->tick();
      }
      post(server_of(slot), bench->letters());
    }
    for (unsigned i = 0; i < 2; ++i) {
      lbs[i]->tick(now, output(i));
      collect(i);
      post(static_cast<ServerId>(i), take_letters(outboxes[i]));
    }
  }
  void run(Duration span) {
    for (const MonoTime end = now.mono + span; now.mono < end;) {
      step();
    }
  }
  /// LB 1 claims and wins.
  void begin() {
    lb().claim(Cause::start, now);
    run(milliseconds(60));
    TERCET_CHECK(lb().active(), "the small cell starts");
  }
  Admit propose(std::string_view op, uint32_t tag, unsigned i = 0) {
    return lbs[i]->propose(as_bytes(op), Tag{tag, 0}, now);
  }
  [[nodiscard]] bool answered(uint32_t tag) const { return find(tag) != nullptr; }
  struct Told {
    Outcome::Kind kind;
    bool read;
    uint32_t tag;
    Seq seq;
    std::vector<uint8_t> result;
    Tag whole_tag;
  };
  [[nodiscard]] const Told* find(uint32_t tag) const {
    for (const Told& one : told) {
      if (one.tag == tag) {
        return &one;
      }
    }
    return nullptr;
  }
  [[nodiscard]] unsigned count(RoleChange::Kind kind, unsigned i = 0) const {
    unsigned n = 0;
    for (const RoleChange& change : changes[i]) {
      n += change.kind == kind ? 1 : 0;
    }
    return n;
  }
  Proposer::Output& output(unsigned i) { return outputs_[i]; }
  void collect(unsigned i) {
    for (const Outcome& outcome : outcomes_[i]) {
      told.push_back({outcome.kind,
                      outcome.read,
                      outcome.tag.slot,
                      outcome.seq,
                      {outcome.result.begin(), outcome.result.end()},
                      outcome.tag});
    }
    outcomes_[i].clear();
    for (const RoleChange& change : roles_[i]) {
      changes[i].push_back(change);
    }
    roles_[i].clear();
  }
  void post(ServerId from, const std::vector<Letter>& letters) {
    for (const Letter& letter : letters) {
      for (unsigned to = 0; to < kServers; ++to) {
        if (letter.to.has(static_cast<ServerId>(to))) {
          flights.push_back({from, static_cast<ServerId>(to), letter.bytes});
          history.push_back(flights.back());
        }
      }
    }
  }
  [[nodiscard]] unsigned sent(CellMessage type, ServerId from, ServerId to) const {
    unsigned n = 0;
    for (const Flight& flight : history) {
      n += flight.type() == type && flight.from == from && flight.to == to ? 1 : 0;
    }
    return n;
  }

  Moment now{MonoTime{1'000'000'000}, WallTime{1'700'000'000'000}, 42};
  std::vector<std::unique_ptr<Proposer>> lbs;
  std::vector<std::unique_ptr<Bench>> backends;
  std::vector<Flight> flights;
  std::vector<Flight> history;  ///< all that was ever sent, lost or not
  std::vector<Told> told;       ///< outcomes of both LBs
  std::array<std::vector<RoleChange>, 2> changes;
  std::array<Outbox, 2> outboxes{Outbox{256}, Outbox{256}};

 private:
  std::array<Proposer::Outcomes, 2> outcomes_;
  std::array<Proposer::RoleChanges, 2> roles_;
  std::array<Proposer::Output, 2> outputs_{Proposer::Output{outboxes[0], outcomes_[0], roles_[0]},
                                           Proposer::Output{outboxes[1], outcomes_[1], roles_[1]}};
};

}  // namespace tercet::quorum::testing
