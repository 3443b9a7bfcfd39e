// What ordering costs, step by step and in memory: one proposer, three acceptors with a book that does
// nothing, no sealing and no network. Each benchmark drives whole rounds of `batch` operations of 48 bytes (a
// renew) and times one step of them alone; with batches of 1 the clock itself (~20 ns a round) is in the
// figure.
//
// The clock is bench/'s, not this folder's: quorum/ stays pure.
// It has to be read here: the steps of a round need one another, so what Google Benchmark itself times could
// only be a whole round, and of all rounds together (bench/median_rounds.h says why the median).
//
//   propose → pack (tick: one Accept for three) → accept ×3 (append, apply, vote) → tally ×3 votes, answers

#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <string>

#include "bench/median_rounds.h"
#include "quorum/acceptor.h"
#include "quorum/proposer.h"
#include "wire/op.h"

namespace tercet::quorum {
namespace {

using bench::RoundClock;

constexpr size_t kOpBytes = 48;
/// Results as large as the book's.
constexpr size_t kResultBytes = sizeof(OpResult);
/// A rig is replaced, outside the timed part, before its acceptors' logs grow without end.
constexpr uint64_t kEntriesPerRig = 200'000;

class NullMachine final : public Machine {
 public:
  void apply(const EntryView&, Result& result) override { result.resize(kResultBytes); }
  bool undo() override { return true; }
  void settle(Seq) override {}
  void reset() override {}
  [[nodiscard]] Hash128 digest() const override { return {1, 2}; }
  size_t read(Bytes, MutBytes) const override { return 0; }
  [[nodiscard]] bool leases_live() const override { return false; }
  [[nodiscard]] uint8_t absent() const override { return 0; }
  [[nodiscard]] ContainerState container(Slot, Bytes) const override { return ContainerState::here; }
  [[nodiscard]] bool more_due() const override { return false; }
};

enum class Step : uint8_t { propose, pack, accept, tally, whole };

class Rig {
 public:
  Rig() {
    Proposer::Options options;
    options.cell = CellId{1};
    options.instance = Nonce{7};
    lb_ = std::make_unique<Proposer>(options);
    for (const Slot slot : kSlots) {
      Acceptor::Options backend;
      backend.cell = options.cell;
      backend.slot = slot;
      backend.incarnation = Incarnation{11U + index(slot)};
      backend.introduction.push_back(0);
      backend.log.entries_max = 2 * kEntriesPerRig;
      backend.log.bytes_max = size_t{64} << 20U;
      backends_[index(slot)] = std::make_unique<Acceptor>(backend);
    }
    lb_->claim(Cause::start, now_);
    for (int i = 0; i < 1'000 && !lb_->active(); ++i) {
      pass(milliseconds(1));
      exchange();
    }
  }
  [[nodiscard]] bool active() const { return lb_->active(); }
  [[nodiscard]] bool used_up() const { return ordered_ >= kEntriesPerRig; }

  /// One round of `batch` operations; the time that `step` of it took. None: something was not decided.
  std::optional<RoundClock::duration> round(size_t batch, Step step) {
    pass(microseconds(1));
    const auto t0 = RoundClock::now();
    for (size_t i = 0; i < batch; ++i) {
      if (lb_->propose(op_, {static_cast<uint32_t>(i), 1}, now_) != Admit::taken) {
        return std::nullopt;
      }
    }
    const auto t1 = RoundClock::now();
    tick_lb();
    const auto t2 = RoundClock::now();
    const auto first = backend_turn(0);  // the step of one backend is what one backend's core pays
    const auto t3 = RoundClock::now();
    backend_turn(1);
    backend_turn(2);
    to_backends_.clear();
    outcomes_.clear();
    const auto t4 = RoundClock::now();
    size_t answered = 0;
    for (unsigned i = 0; i < kBackends; ++i) {
      Proposer::Output out{to_backends_, outcomes_, roles_};
      step_lb(i, out);
      from_backend_[i].clear();
    }
    // As the Balancer does: one tick hands out at most a FixedVector of outcomes.
    do {
      answered += outcomes_.size();
      outcomes_.clear();
      tick_lb();
    } while (!outcomes_.empty());
    const auto t5 = RoundClock::now();
    to_backends_.clear();
    ordered_ += batch;
    if (answered != batch || !first) {
      return std::nullopt;
    }
    switch (step) {
      case Step::propose:
        return t1 - t0;
      case Step::pack:
        return t2 - t1;
      case Step::accept:
        return t3 - t2;
      case Step::tally:
        return t5 - t4;
      default:
        return t2 - t0 + (t5 - t4);
    }
  }

 private:
  void pass(Duration d) {
    now_.mono = now_.mono + d;
    now_.wall = WallTime{1'790'000'000'000 + now_.mono.ns / 1'000'000};
    ++now_.dice;
  }
  void tick_lb() {
    Proposer::Output out{to_backends_, outcomes_, roles_};
    benchmark::DoNotOptimize(lb_->tick(now_, out));
  }
  bool backend_turn(unsigned i) {
    Acceptor& backend = *backends_[i];
    Acceptor::Output out{from_backend_[i], records_};
    const auto self = static_cast<ServerId>(i + 2);
    for (const Outbox::Parcel& parcel : to_backends_.parcels()) {
      CellView view;
      if (parcel.servers.has(self)) {
        if (parse_cell(to_backends_.bytes(parcel), view) != Drop::none) {
          return false;
        }
        backend.step(ServerId::lb1, view, now_, machine_, out);
      }
    }
    backend.durable(backend.taken());
    benchmark::DoNotOptimize(backend.tick(now_, machine_, out));
    records_.clear();
    return true;
  }
  void step_lb(unsigned i, Proposer::Output& out) {
    for (const Outbox::Parcel& parcel : from_backend_[i].parcels()) {
      CellView view;
      if (parse_cell(from_backend_[i].bytes(parcel), view) == Drop::none) {
        lb_->step(static_cast<ServerId>(i + 2), view, now_, out);
      }
    }
  }
  void exchange() {
    tick_lb();
    for (unsigned i = 0; i < kBackends; ++i) {
      backend_turn(i);
    }
    to_backends_.clear();
    Proposer::Output out{to_backends_, outcomes_, roles_};
    for (unsigned i = 0; i < kBackends; ++i) {
      step_lb(i, out);
      from_backend_[i].clear();
    }
    outcomes_.clear();
    roles_.clear();
  }

  NullMachine machine_;
  std::unique_ptr<Proposer> lb_;
  std::array<std::unique_ptr<Acceptor>, kBackends> backends_;
  Outbox to_backends_;
  std::array<Outbox, kBackends> from_backend_;
  Records records_;
  Proposer::Outcomes outcomes_;
  Proposer::RoleChanges roles_;
  Moment now_{MonoTime{1'000'000'000}, WallTime{1'790'000'000'000}, 1};
  std::array<uint8_t, kOpBytes> op_{};
  uint64_t ordered_ = 0;
};

void run_step(benchmark::State& state, Step step) {
  const auto batch = static_cast<size_t>(state.range(0));
  std::unique_ptr<Rig> rig;
  bench::MedianRounds rounds(state, state.range(0));
  for (auto _ : state) {
    if (rig == nullptr || rig->used_up()) {
      rig = std::make_unique<Rig>();
      for (int warm = 0; warm < 32 && rig->active(); ++warm) {
        rig->round(batch, step);
      }
    }
    const auto took = rig->round(batch, step);
    if (!took) {
      state.SkipWithError(rig->active() ? "a round was not decided" : "no epoch was won");
      return;
    }
    rounds.add(*took);
  }
}

void BM_Propose(benchmark::State& state) { run_step(state, Step::propose); }
void BM_PackAccept(benchmark::State& state) { run_step(state, Step::pack); }
void BM_TakeAccept(benchmark::State& state) { run_step(state, Step::accept); }
void BM_TallyVotes(benchmark::State& state) { run_step(state, Step::tally); }
/// propose + pack + tally: the LB's part of ordering.
void BM_OrderAll(benchmark::State& state) { run_step(state, Step::whole); }

#define TERCET_BATCHES ArgName("batch")->Arg(1)->Arg(8)->Arg(24)->UseManualTime()
BENCHMARK(BM_Propose)->TERCET_BATCHES;
BENCHMARK(BM_PackAccept)->TERCET_BATCHES;
BENCHMARK(BM_TakeAccept)->TERCET_BATCHES;
BENCHMARK(BM_TallyVotes)->TERCET_BATCHES;
BENCHMARK(BM_OrderAll)->TERCET_BATCHES;

}  // namespace
}  // namespace tercet::quorum
