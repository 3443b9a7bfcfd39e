#include "control/thread_load.h"

#include <nlohmann/json.hpp>

namespace tercet::control {
namespace {

using nlohmann::json;

json link_json(const dataplane::LinkCounters& link) {
  return {{"waiting", link.consumer.waiting.get()},
          {"waiting_max", link.consumer.waiting_max.get()},
          {"capacity", link.capacity},
          {"drops", link.producer.drop_full.get()}};
}

}  // namespace

void ThreadLoad::note(MonoTime now, std::span<const dataplane::ThreadView> threads) {
  if (now < due_) {
    return;
  }
  due_ = now + kEvery;
  for (size_t i = 0; i < threads.size() && i < kThreadsMax; ++i) {
    const Last at{threads[i].loop->busy_ns.get(), threads[i].loop->idle_ns.get()};
    const uint64_t busy = at.busy_ns - last_[i].busy_ns;
    const uint64_t all = busy + (at.idle_ns - last_[i].idle_ns);
    permille_[i].store(all == 0 ? 0U : static_cast<unsigned>(busy * 1'000 / all), std::memory_order_relaxed);
    last_[i] = at;
  }
}

json threads_json(std::span<const dataplane::ThreadView> threads, const ThreadLoad& load) {
  json list = json::array();
  for (size_t i = 0; i < threads.size(); ++i) {
    const dataplane::LoopCounters& loop = *threads[i].loop;
    const uint64_t bursts = loop.busy_polls.get();
    json one{{"name", threads[i].name},
             {"busy", load.permille(i) / 1e3},
             {"longest_turn_us", loop.longest_ns.get() / 1'000},
             {"burst_mean", bursts == 0 ? 0.0 : static_cast<double>(loop.taken.get() * 10 / bursts) / 10.0},
             {"burst_max", loop.taken_max.get()}};
    if (threads[i].up != nullptr) {
      one["link_up"] = link_json(*threads[i].up);
    }
    if (threads[i].down != nullptr) {
      one["link_down"] = link_json(*threads[i].down);
    }
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace tercet::control
