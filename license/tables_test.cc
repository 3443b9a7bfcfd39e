// The tables under the book, against the standard library's.

#include <algorithm>
#include <map>
#include <set>

#include "license/book_fixture.h"
#include "license/due_heap.h"
#include "license/handle_table.h"
#include "license/index_set.h"
#include "license/stations.h"
#include "license/undo_bytes.h"

namespace tercet::license {
namespace {

uint64_t mix(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  return z ^ (z >> 29U);
}

TEST(HandleTable, AgreesWithAMapAtFullLoad) {
  for (const uint64_t seed : {0U, 1U, 12345U}) {
    constexpr size_t kItems = 100;
    HandleTable table(kItems, seed);
    std::map<Handle, uint32_t> model;
    std::array<Handle, kItems> by_number{};
    const auto find = [&](const Handle& h) {
      return table.find(h, [&](uint32_t number) { return by_number[number] == h; });
    };
    uint64_t dice = seed;
    for (int i = 0; i < 20'000; ++i) {
      const Handle handle = handle_of(mix(dice) % 150);
      const auto it = model.find(handle);
      ASSERT_EQ(find(handle), it == model.end() ? kNone : it->second);
      if (it != model.end()) {
        table.erase(handle, it->second);
        by_number[it->second] = handle_of(1'000'000);
        model.erase(it);
      } else if (model.size() < kItems) {
        uint32_t number = 0;
        while (std::ranges::any_of(model, [&](const auto& m) { return m.second == number; })) {
          ++number;
        }
        by_number[number] = handle;
        table.insert(handle, number);
        model.emplace(handle, number);
      }
    }
  }
}

TEST(HandleTable, ErasingWhatIsNotThereIsOurBug) {
  HandleTable table(10, 0);
  EXPECT_DEATH(table.erase(handle_of(1), 3), "handle table");
}

TEST(IndexSet, TheLowestFreeIsTaken) {
  for (const uint32_t capacity : {1U, 64U, 65U, 4'096U, 5'000U}) {
    IndexSet set(capacity);
    std::set<uint32_t> used;
    std::set<uint32_t> unused;
    for (uint32_t n = 0; n < capacity; ++n) {
      unused.insert(n);
    }
    uint64_t dice = capacity;
    for (int i = 0; i < 20'000; ++i) {
      ASSERT_EQ(set.full(), unused.empty());
      if (!unused.empty() && mix(dice) % 5 != 0) {
        const uint32_t lowest = *unused.begin();
        ASSERT_EQ(set.lowest_free(), lowest);
        set.take(lowest);
        used.insert(lowest);
        unused.erase(lowest);
      } else if (!used.empty()) {
        auto it = used.lower_bound(static_cast<uint32_t>(mix(dice) % capacity));
        it = it == used.end() ? used.begin() : it;
        set.give(*it);
        unused.insert(*it);
        used.erase(it);
      }
      ASSERT_EQ(set.size(), used.size());
      const auto from = static_cast<uint32_t>(mix(dice) % capacity);
      const auto next = used.lower_bound(from);
      ASSERT_EQ(set.next_used(from), next == used.end() ? kNone : *next);
    }
    EXPECT_EQ(set.next_used(capacity), kNone);
    EXPECT_EQ(set.next_used(UINT32_MAX), kNone);
  }
}

TEST(Stations, AgreeWithAMapThroughAllChanges) {
  for (const uint64_t seed : {0U, 7U}) {
    constexpr uint32_t kLeases = 300;
    const BookOptions options{.leases_max = kLeases, .hash_seed = seed};
    Stations stations(options);
    Zeroed<Lease> slab(kLeases);
    std::map<std::pair<uint32_t, std::string>, std::set<uint32_t>> model;
    std::map<uint32_t, std::pair<uint32_t, std::string>> where;
    uint64_t dice = seed;
    for (int i = 0; i < 100'000; ++i) {
      const auto index = static_cast<uint32_t>(mix(dice) % kLeases);
      if (const auto it = where.find(index); it != where.end()) {
        auto& same = model[it->second];
        ASSERT_EQ(Stations::alone(slab[index]), same.size() == 1);
        same.erase(index);
        ASSERT_EQ(stations.remove(slab, index), same.empty());
        where.erase(it);
      } else if (mix(dice) % 4 != 0 || i / 10'000 % 2 == 0) {  // fills, empties, …
        // As many of one station as of all others together, some named by their host.
        const auto license = static_cast<uint32_t>(mix(dice) % 3);
        const uint64_t n = mix(dice) % 2 == 0 ? 0 : mix(dice) % 120;
        const std::string name = "s" + std::to_string(n);
        Lease& lease = slab[index];
        lease = Lease{};
        lease.license = static_cast<uint16_t>(license & 0xFFFU);
        lease.text_size[0] = 2;
        lease.text_size[mix(dice) % 2 == 0 ? 1 : 4] = static_cast<uint8_t>(name.size());
        std::memcpy(lease.text + 2, name.data(), name.size());
        auto& same = model[{license, name}];
        ASSERT_EQ(stations.add(slab, index), same.empty());
        same.insert(index);
        where[index] = {license, name};
      }
      const auto license = static_cast<uint32_t>(mix(dice) % 3);
      const std::string name = "s" + std::to_string(mix(dice) % 120);
      const auto it = model.find({license, name});
      const uint32_t found = stations.find(slab, license, name);
      if (it == model.end() || it->second.empty()) {
        ASSERT_EQ(found, kNone);
      } else {
        ASSERT_TRUE(it->second.contains(found));
      }
    }
    EXPECT_GT(where.size(), 50u);
  }
}

TEST(DueHeap, IsInOrderThroughAllChanges) {
  constexpr uint32_t kLeases = 3'000;
  ChunkPool pool(kLeases, 4);
  Zeroed<DueHeap> heaps(4);
  std::array<std::set<std::pair<uint64_t, uint32_t>>, 4> model;
  struct Where {
    uint32_t heap = kNone;
    uint32_t place = 0;
    uint64_t due = 0;
  };
  std::vector<Where> where(kLeases);
  const auto moved = [&](uint32_t lease, uint32_t place) { where[lease].place = place; };
  uint64_t dice = 5;
  for (int i = 0; i < 200'000; ++i) {
    const auto lease = static_cast<uint32_t>(mix(dice) % kLeases);
    Where& w = where[lease];
    const uint64_t due = mix(dice) % 500;
    const uint64_t what = mix(dice) % 16;
    if (w.heap == kNone) {
      w.heap = static_cast<uint32_t>(mix(dice) % 4);
      w.due = due;
      heaps[w.heap].push(pool, Due{due, lease, 0}, moved);
      model[w.heap].emplace(due, lease);
    } else if (what < (i / 20'000 % 2 == 0 ? 2U : 14U)) {  // fills, empties, …
      heaps[w.heap].remove(pool, w.place, moved);
      model[w.heap].erase({w.due, lease});
      w.heap = kNone;
    } else {
      heaps[w.heap].change(pool, w.place, due, moved);
      model[w.heap].erase({w.due, lease});
      model[w.heap].emplace(due, lease);
      w.due = due;
    }
    for (unsigned h = 0; h < 4; ++h) {
      ASSERT_EQ(heaps[h].size(), model[h].size());
      if (!model[h].empty()) {
        const Due& first = heaps[h].at(pool, 0);
        ASSERT_EQ(std::pair(first.due_ms, first.lease), *model[h].begin());
      }
    }
  }
}

TEST(UndoBytes, AreAStackThatLosesItsOldEnd) {
  constexpr size_t kCapacity = 100'000;
  UndoBytes bytes(kCapacity);
  std::vector<uint8_t> model;  // from place 0 on
  uint64_t forgotten = 0;
  uint64_t dice = 3;
  for (int i = 0; i < 30'000; ++i) {
    const uint64_t what = mix(dice) % 8;
    const uint64_t held = model.size() - forgotten;
    if (what < 5) {
      std::vector<uint8_t> more(mix(dice) % 3'000);
      std::ranges::generate(more, [&] { return static_cast<uint8_t>(mix(dice)); });
      if (held + more.size() <= kCapacity) {
        bytes.append(more.data(), more.size());
        model.insert(model.end(), more.begin(), more.end());
      }
    } else if (what == 5) {
      model.resize(model.size() - mix(dice) % (held + 1));
      bytes.cut(model.size());
    } else if (i / 1'000 % 3 != 0) {  // now and then nothing is forgotten for long
      forgotten += mix(dice) % (std::min<uint64_t>(held, 9'000) + 1);
      bytes.forget(forgotten);
    }
    ASSERT_EQ(bytes.end(), model.size());
    const uint64_t from = forgotten + mix(dice) % (model.size() - forgotten + 1);
    std::vector<uint8_t> back(std::min<uint64_t>(model.size() - from, mix(dice) % 40'000));
    bytes.read(from, back.data(), back.size());
    ASSERT_TRUE(std::equal(back.begin(), back.end(), model.begin() + static_cast<ptrdiff_t>(from)));
  }
  EXPECT_LE(bytes.touched(), kCapacity / UndoBytes::kChunk + 2);
}

TEST(Zeroed, IsZeroAgainAfterClear) {
  Zeroed<uint64_t> items(10'000);
  items[9'999] = 7;
  items.prefault(10'000);
  EXPECT_EQ(items[9'999], 7u);
  items.clear();
  EXPECT_EQ(items[9'999], 0u);
  EXPECT_EQ(items.size(), 10'000u);
}

}  // namespace
}  // namespace tercet::license
