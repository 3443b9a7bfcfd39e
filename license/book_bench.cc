// The book's part of a query: checkout, renew, release, with the digest and undo records, at several sizes.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "license/image_reader.h"
#include "license/image_writer.h"
#include "license/plain_constituent.h"

namespace tercet::license {
namespace {

/// A book with `held` leases of a license large enough, and the operations to drive it.
class Loaded {
 public:
  explicit Loaded(uint32_t held)
      : options_{.leases_max = held + 1'000, .tombstones_max = 1'000'000},
        book_(plain_checks(), options_),
        held_(held) {
    apply(EntryKind::genesis, make_genesis());
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      PlainConstituent p;
      p.issuer = 0xA1;
      std::memset(p.container_key, static_cast<int>(0x11 * (slot + 1)), sizeof p.container_key);
      p.firm = 10;
      p.product = 20;
      p.tmr_id = 1;
      p.quantity = held + 1'000;
      op_ = make_op(OpKind::import_constituent, handle(UINT64_MAX - slot), 1, now_, bytes_of(p));
      apply(EntryKind::op, op_);
    }
    for (uint32_t i = 0; i < held; ++i) {
      now_ += i % 16 == 0 ? 1 : 0;
      checkout(i, 86'400'000);
    }
    TERCET_CHECK(book_.state().leases().size() == held, "they are held: no denial is measured");
  }
  void checkout(uint64_t who, uint32_t lease_ms) {
    CheckoutBody body{};
    body.firm = 10;
    body.product = 20;
    body.lease_ms = lease_ms;
    body.user_size = 16;
    std::array<uint8_t, sizeof body + 16> bytes{};
    bytes.fill('a');
    std::memcpy(bytes.data(), &body, sizeof body);
    run(OpKind::checkout, who, 1, bytes);
  }
  void tick() { apply(EntryKind::tick, {}); }
  [[nodiscard]] bool more_due() const { return book_.more_due(); }
  void all_are_over() { now_ += 100'000'000; }
  /// The last so many entries are not decided yet.
  void undecided(uint64_t entries) { undecided_ = entries; }
  void renew(uint64_t who, uint32_t request) { run(OpKind::renew, who, request, bytes_of(RenewBody{})); }
  void release(uint64_t who, uint32_t request) { run(OpKind::release, who, request, {}); }
  [[nodiscard]] uint64_t any(uint64_t n) const { return n * 0x9E3779B1U % held_; }
  void pass() { ++now_; }
  [[nodiscard]] const BookOptions& options() const { return options_; }
  [[nodiscard]] Book& book() { return book_; }

 private:
  static Handle handle(uint64_t n) {
    Handle h;
    std::memcpy(h.bytes.data(), &n, sizeof n);
    return h;
  }
  void run(OpKind kind, uint64_t who, uint32_t request, Bytes body) {
    OpHeader h{};
    h.kind = static_cast<uint8_t>(kind);
    h.length = static_cast<uint16_t>(sizeof h + body.size());
    h.request = request;
    h.sent_cell_ms = static_cast<uint64_t>(now_);
    const Handle id = handle(who);
    std::memcpy(h.handle, id.bytes.data(), sizeof h.handle);
    std::memcpy(room_.data(), &h, sizeof h);
    if (!body.empty()) {
      std::memcpy(room_.data() + sizeof h, body.data(), body.size());
    }
    apply(EntryKind::op, Bytes(room_).first(h.length));
  }
  void apply(EntryKind kind, Bytes op) {
    Result result;
    EntryView entry;
    entry.seq = next(book_.applied());
    entry.cell = CellTime{now_};
    entry.wall = WallTime{now_};
    entry.kind = kind;
    entry.op = op;
    book_.apply(entry, result);
    benchmark::DoNotOptimize(result);
    benchmark::DoNotOptimize(book_.digest());
    book_.settle(Seq{entry.seq.value - std::min(entry.seq.value, undecided_)});
  }

  BookOptions options_;
  Book book_;
  uint32_t held_;
  int64_t now_ = 1'000;
  uint64_t undecided_ = 0;
  Buffer op_;
  std::array<uint8_t, kOpMax> room_{};
};

void BM_BookRenew(benchmark::State& state) {
  Loaded loaded(static_cast<uint32_t>(state.range(0)));
  uint64_t n = 0;
  uint32_t request = 2;
  for (auto _ : state) {
    loaded.renew(loaded.any(n), request);
    if (++n % 1'024 == 0) {
      loaded.pass();
      ++request;
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_BookRenew)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void BM_BookCheckoutRelease(benchmark::State& state) {
  Loaded loaded(static_cast<uint32_t>(state.range(0)));
  uint64_t n = 1'000'000'000;
  for (auto _ : state) {
    loaded.checkout(n, 0);
    loaded.release(n, 2);
    if (++n % 512 == 0) {
      loaded.pass();
    }
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(BM_BookCheckoutRelease)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

/// What this thread has run so far, its page faults included: the time that others had the processor is not
/// the book's.
int64_t thread_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

/// Percentiles of what single entries took, in µs.
void report(benchmark::State& state, std::vector<int64_t>& took) {
  std::ranges::sort(took);
  const auto at = [&](double part) {
    const auto n = static_cast<size_t>(part * static_cast<double>(took.size()));
    return static_cast<double>(took[std::min(n, took.size() - 1)]) / 1'000.0;
  };
  state.counters["entries"] = static_cast<double>(took.size());
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_9_us"] = at(0.999);
  state.counters["max_us"] = at(1.0);
}

/// A million leases that end at one moment: how long each entry takes that ends some of them, with a whole
/// window of entries undecided.
void BM_BookMillionEnd(benchmark::State& state) {
  std::vector<int64_t> took;
  for (auto _ : state) {
    state.PauseTiming();
    Loaded loaded(static_cast<uint32_t>(state.range(0)));
    loaded.undecided(kUndoneMax);
    loaded.all_are_over();
    state.ResumeTiming();
    do {
      const int64_t before = thread_ns();
      loaded.tick();
      took.push_back(thread_ns() - before);
    } while (loaded.more_due());
  }
  report(state, took);
}
BENCHMARK(BM_BookMillionEnd)->Arg(1'000'000)->Iterations(3)->Unit(benchmark::kMillisecond);

/// Renewals that come at once, as many as a window holds, each millisecond of cell time: how long a polling
/// loop is busy with them, while a million leases end or while none does.
void burst(benchmark::State& state, bool they_end) {
  std::vector<int64_t> took;
  for (auto _ : state) {
    state.PauseTiming();
    Loaded loaded(1'000'000);
    loaded.undecided(kUndoneMax);
    if (they_end) {
      loaded.all_are_over();
    }
    state.ResumeTiming();
    uint64_t n = 0;
    for (int burst = 0; burst < 2'000; ++burst) {
      const int64_t before = thread_ns();
      for (int64_t i = 0; i < state.range(0); ++i) {
        loaded.renew(2'000'000'000 + n++, 1);  // of nobody's handle: the dearest, it leaves a tombstone
      }
      took.push_back(thread_ns() - before);
      loaded.pass();
    }
  }
  report(state, took);
}
void BM_BookBurstWhileMillionEnd(benchmark::State& state) { burst(state, true); }
void BM_BookBurstWhileNoneEnds(benchmark::State& state) { burst(state, false); }
#define TERCET_BURSTS Arg(1)->Arg(64)->Arg(1'024)->Iterations(1)->Unit(benchmark::kMillisecond)
BENCHMARK(BM_BookBurstWhileMillionEnd)->TERCET_BURSTS;
BENCHMARK(BM_BookBurstWhileNoneEnds)->TERCET_BURSTS;

/// An image of a million leases beneath a load of renewals: how long begin() and each slice of 64 objects
/// take, and then to load it.
void BM_BookImage(benchmark::State& state) {
  std::vector<int64_t> took;
  double begin_us = 0;
  double load_ms = 0;
  double megabytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto held = static_cast<uint32_t>(state.range(0));
    Loaded loaded(held);
    ImageWriter writer(loaded.options());
    Buffer bytes;
    bytes.reserve(size_t{held} * 256);
    state.ResumeTiming();
    const int64_t start = thread_ns();
    loaded.book().capture(writer);
    begin_us = static_cast<double>(thread_ns() - start) / 1'000.0;
    uint64_t n = 0;
    while (writer.phase() == ImageWriter::Phase::running) {
      const int64_t before = thread_ns();
      writer.slice(64);
      took.push_back(thread_ns() - before);
      for (int i = 0; i < 64; ++i) {
        loaded.renew(loaded.any(n++), 2);
      }
      bytes.insert(bytes.end(), writer.written().begin(), writer.written().end());
      writer.taken();
    }
    state.PauseTiming();
    Book other(plain_checks(), loaded.options());
    const int64_t load = thread_ns();
    ImageReader reader(other.to_load());
    TERCET_CHECK(reader.take(bytes) && reader.finish(), "the image is whole");
    load_ms = static_cast<double>(thread_ns() - load) / 1'000'000.0;
    megabytes = static_cast<double>(bytes.size()) / 1'000'000.0;
    state.ResumeTiming();
  }
  report(state, took);
  state.counters["begin_us"] = begin_us;
  state.counters["load_ms"] = load_ms;
  state.counters["MB"] = megabytes;
}
BENCHMARK(BM_BookImage)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tercet::license
