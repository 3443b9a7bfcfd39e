#include "backend/store/memory_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace tercet::store {
namespace {

constexpr uint64_t kSector = 512;

// SplitMix64 (Steele, Lea, Flood 2014): enough dice for a disk, the same everywhere.
uint64_t draw(uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

bool coin(uint64_t& state) { return (draw(state) >> 63U) != 0; }

uint64_t key_of(FileId file, uint64_t sector) { return (uint64_t{file} << 32U) | sector; }

}  // namespace

MemoryDisk::MemoryDisk(Options options) : options_(std::move(options)), dice_(options_.seed) {}
MemoryDisk::~MemoryDisk() = default;

Duration MemoryDisk::draw_latency() {
  const uint64_t dice = draw(dice_);
  if (options_.latency) {
    return options_.latency(dice);
  }
  const auto range = static_cast<uint64_t>((options_.latency_max - options_.latency_min).ns);
  return options_.latency_min + nanoseconds(static_cast<int64_t>(range == 0 ? 0 : dice % range));
}

void MemoryDisk::submit(Request request, Duration latency) {
  request.due = now_ + latency;
  request.order = order_++;
  under_way_.push_back(std::move(request));
}

std::vector<uint8_t> MemoryDisk::spare() {
  if (spares_.empty()) {
    return {};
  }
  std::vector<uint8_t> bytes = std::move(spares_.back());
  spares_.pop_back();
  return bytes;
}

void MemoryDisk::write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) {
  TERCET_CHECK(offset % kSector == 0 && bytes.size() % kSector == 0, "whole sectors are written");
  Request request;
  request.kind = Kind::write;
  request.durability = durability;
  request.fault = std::exchange(fault_, WriteFault::none);
  request.file = file;
  request.offset = offset;
  request.id = id;
  request.bytes = spare();
  request.bytes.assign(bytes.begin(), bytes.end());
  submit(std::move(request), draw_latency());
}

void MemoryDisk::read(FileId file, Offset offset, MutBytes bytes, IoId id) {
  TERCET_CHECK(offset % kSector == 0 && bytes.size() % kSector == 0, "whole sectors are read");
  Request request;
  request.kind = Kind::read;
  request.file = file;
  request.offset = offset;
  request.id = id;
  request.target = bytes;
  submit(std::move(request), draw_latency());
}

void MemoryDisk::create(FileId file, uint64_t size, IoId id) {
  Request request;
  request.kind = Kind::create;
  request.file = file;
  request.size = size;
  request.id = id;
  submit(std::move(request), options_.create_latency);
}

void MemoryDisk::begin(FileId image, uint64_t size, uint64_t leave, IoId id) {
  Request request;
  request.kind = Kind::begin;
  request.file = image;
  request.size = size;
  request.leave = leave;
  request.id = id;
  submit(std::move(request), options_.create_latency);
}

void MemoryDisk::sync(IoId id) {
  Request request;
  request.kind = Kind::sync;
  request.id = id;
  submit(std::move(request), draw_latency());
}

void MemoryDisk::submit_change(Kind kind, FileId file, FileId to, IoId id) {
  Request request;
  request.kind = kind;
  request.file = file;
  request.to = to;
  request.id = id;
  submit(std::move(request), draw_latency());
}

void MemoryDisk::publish(FileId image, IoId id) { submit_change(Kind::publish, image, 0, id); }
void MemoryDisk::drop(FileId image, IoId id) { submit_change(Kind::drop, image, 0, id); }
void MemoryDisk::remove(FileId file, IoId id) { submit_change(Kind::remove, file, 0, id); }
void MemoryDisk::recycle(FileId from, FileId to, IoId id) { submit_change(Kind::recycle, from, to, id); }

size_t MemoryDisk::reap(std::span<IoDone> done) {
  const size_t n = std::min(done.size(), done_.size());
  std::copy_n(done_.begin(), n, done.begin());
  done_.erase(done_.begin(), done_.begin() + static_cast<std::ptrdiff_t>(n));
  return n;
}

size_t MemoryDisk::next_request() const {
  size_t best = 0;
  for (size_t i = 1; i < under_way_.size(); ++i) {
    const Request& a = under_way_[i];
    const Request& b = under_way_[best];
    if (a.due < b.due || (a.due == b.due && a.order < b.order)) {
      best = i;
    }
  }
  return best;
}

MonoTime MemoryDisk::next_due() const {
  return under_way_.empty() ? MonoTime::never() : under_way_[next_request()].due;
}

void MemoryDisk::advance(MonoTime now) {
  now_ = later(now_, now);
  while (!under_way_.empty()) {
    const size_t i = next_request();
    if (under_way_[i].due > now_) {
      break;
    }
    Request request = std::move(under_way_[i]);
    under_way_[i] = std::move(under_way_.back());
    under_way_.pop_back();
    finish(request);
  }
}

bool MemoryDisk::wait() {
  if (!done_.empty()) {
    return true;
  }
  if (under_way_.empty()) {
    return false;
  }
  const size_t i = next_request();
  Request request = std::move(under_way_[i]);
  under_way_[i] = std::move(under_way_.back());
  under_way_.pop_back();
  finish(request);
  return true;
}

void MemoryDisk::finish(Request& request) {
  IoDone done;
  done.id = request.id;
  switch (request.kind) {
    case Kind::write:
      done.error = is_image(request.file) ? write_draft(request) : do_write(request);
      spares_.push_back(std::move(request.bytes));
      break;
    case Kind::read: {
      const auto bad = unreadable_.find(request.file);
      const uint64_t first = request.offset / kSector;
      if (!files_.contains(request.file)) {
        done.error = IoError::failed;
        done.os_error = ENOENT;
      } else if (bad != unreadable_.end() && bad->second >= first &&
                 bad->second < first + request.target.size() / kSector) {
        done.error = IoError::failed;
        done.os_error = EIO;
      } else {
        const uint64_t there = size(request.file);
        const uint64_t left = request.offset < there ? there - request.offset : 0;
        done.bytes = static_cast<uint32_t>(std::min<uint64_t>(left, request.target.size()));
        peek(request.file, request.offset, request.target.first(done.bytes));
      }
      break;
    }
    case Kind::create:
      done.os_error = do_create(request);
      break;
    case Kind::begin:
      done.os_error = do_begin(request);
      break;
    case Kind::publish:
    case Kind::drop:
    case Kind::remove:
    case Kind::recycle:
      done.os_error = do_change(request);
      break;
    case Kind::sync:
      done.error = poisoned_;
      if (poisoned_ == IoError::none) {
        former_.clear();
      }
      break;
  }
  if (done.os_error != 0) {
    done.error = done.os_error == ENOSPC ? IoError::full : IoError::failed;
  } else if (done.error != IoError::none) {
    done.os_error = done.error == IoError::full ? ENOSPC : EIO;
  }
  done_.push_back(done);
}

int MemoryDisk::do_create(const Request& request) {
  if (files_.contains(request.file)) {
    return EEXIST;
  }
  if (!has_room(request.size)) {
    return ENOSPC;
  }
  files_[request.file].size = request.size;
  return 0;
}

int MemoryDisk::do_begin(const Request& request) {
  drafts_.erase(request.file);
  if (files_.contains(request.file)) {
    return EEXIST;
  }
  if (!has_room(request.size + request.leave)) {
    return ENOSPC;
  }
  drafts_[request.file].file.size = request.size;
  return 0;
}

bool MemoryDisk::has_room(uint64_t bytes) const {
  const uint64_t used = space_used();
  return !full_ && used <= options_.space && bytes <= options_.space - used;
}

int MemoryDisk::do_change(const Request& request) {
  if (request.kind == Kind::publish) {
    const auto draft = drafts_.find(request.file);
    if (draft == drafts_.end()) {
      return ENOENT;
    }
    const IoError error = draft->second.error;
    if (error == IoError::none) {
      files_[request.file] = std::move(draft->second.file);
    }
    drafts_.erase(draft);
    return error == IoError::none ? 0 : error == IoError::full ? ENOSPC : EIO;
  }
  if (request.kind == Kind::drop) {
    drafts_.erase(request.file);
    return 0;
  }
  if (request.kind == Kind::remove) {
    lose(request.file);
    return 0;
  }
  if (files_.contains(request.to)) {
    return EEXIST;
  }
  auto file = files_.extract(request.file);
  if (file.empty()) {
    return ENOENT;
  }
  file.key() = request.to;
  files_.insert(std::move(file));
  // What a power loss may still take from it goes along.
  std::unordered_map<uint64_t, Former> moved;
  for (auto it = former_.begin(); it != former_.end();) {
    if ((it->first >> 32U) == request.file) {
      moved[key_of(request.to, it->first & UINT32_MAX)] = it->second;
      it = former_.erase(it);
    } else {
      ++it;
    }
  }
  former_.merge(moved);
  return 0;
}

IoError MemoryDisk::write_draft(Request& request) {
  const auto it = drafts_.find(request.file);
  if (it == drafts_.end()) {
    return IoError::failed;
  }
  Draft& draft = it->second;
  if (request.fault == WriteFault::lose) {
    return IoError::none;
  }
  if (request.fault == WriteFault::misdirect) {
    request.offset += kSector;
  }
  if (full_ || request.fault == WriteFault::full || request.fault == WriteFault::fail ||
      request.offset + request.bytes.size() > draft.file.size) {
    draft.error = full_ || request.fault == WriteFault::full ? IoError::full : IoError::failed;
    return draft.error;
  }
  bytes_written_ += request.bytes.size();
  write_to(draft.file, request.offset, request.bytes.data(), request.bytes.size());
  return IoError::none;
}

IoError MemoryDisk::do_write(Request& request) {
  if (poisoned_ != IoError::none) {
    return poisoned_;
  }
  ++writes_;
  const bool there = request.offset + request.bytes.size() <= size(request.file);
  if (full_ || request.fault == WriteFault::full || request.fault == WriteFault::fail || !there) {
    if (there) {
      apply_some_sectors(request, dice_);
    }
    poisoned_ = full_ || request.fault == WriteFault::full ? IoError::full : IoError::failed;
    return poisoned_;
  }
  if (request.fault == WriteFault::lose) {
    return IoError::none;
  }
  if (request.fault == WriteFault::misdirect) {
    request.offset += kSector;
    if (request.offset + request.bytes.size() > size(request.file)) {
      request.offset = 0;
    }
  }
  bytes_written_ += request.bytes.size();
  if (request.durability == Durability::memory) {
    remember_former(request, true);
  } else if (!former_.empty()) {
    forget_former(request);
    forget_page_cache();
  }
  write_through(request.file, request.offset, request.bytes.data(), request.bytes.size());
  return IoError::none;
}

void MemoryDisk::apply_some_sectors(const Request& request, uint64_t& dice) {
  for (size_t at = 0; at < request.bytes.size(); at += kSector) {
    if (coin(dice)) {
      write_through(request.file, request.offset + at, request.bytes.data() + at, kSector);
    }
  }
}

void MemoryDisk::remember_former(const Request& request, bool in_page_cache) {
  for (size_t at = 0; at < request.bytes.size(); at += kSector) {
    const Offset offset = request.offset + at;
    const auto [entry, fresh] = former_.try_emplace(key_of(request.file, offset / kSector));
    if (fresh) {
      peek(request.file, offset, entry->second.bytes);
    }
    entry->second.in_page_cache = entry->second.in_page_cache || in_page_cache;
  }
}

void MemoryDisk::forget_former(const Request& request) {
  for (size_t at = 0; at < request.bytes.size(); at += kSector) {
    former_.erase(key_of(request.file, (request.offset + at) / kSector));
  }
}

void MemoryDisk::forget_page_cache() {
  std::erase_if(former_, [](const auto& entry) { return entry.second.in_page_cache; });
}

void MemoryDisk::forget_requests() {
  for (Request& request : under_way_) {
    if (request.kind == Kind::write) {
      spares_.push_back(std::move(request.bytes));
    }
  }
  under_way_.clear();
  done_.clear();
  drafts_.clear();
  fault_ = WriteFault::none;
  poisoned_ = IoError::none;
}

void MemoryDisk::power_loss(uint64_t dice) {
  std::ranges::sort(under_way_, {}, &Request::order);
  // What was only cached goes first: it is older than what is in flight. In an order that does not hang on
  // the hash table.
  std::vector<uint64_t> keys;
  keys.reserve(former_.size());
  for (const auto& [key, former] : former_) {
    keys.push_back(key);
  }
  std::ranges::sort(keys);
  for (const uint64_t key : keys) {
    if (coin(dice)) {
      const auto file = static_cast<FileId>(key >> 32U);
      write_through(file, (key & UINT32_MAX) * kSector, former_[key].bytes.data(), kSector);
    }
  }
  former_.clear();
  for (const Request& request : under_way_) {
    if (is_change(request.kind)) {
      if (coin(dice)) {
        do_change(request);
      }
    } else if (request.kind == Kind::write && poisoned_ == IoError::none && !is_image(request.file) &&
               request.fault != WriteFault::lose &&
               request.offset + request.bytes.size() <= size(request.file)) {
      apply_some_sectors(request, dice);
    } else if (request.kind == Kind::create && !full_ && coin(dice) && !files_.contains(request.file)) {
      files_[request.file].size = request.size;
    }
  }
  forget_requests();
}

void MemoryDisk::kill(uint64_t dice) {
  std::ranges::sort(under_way_, {}, &Request::order);
  for (const Request& request : under_way_) {
    const bool happens = coin(dice);
    if (is_change(request.kind)) {
      if (happens) {
        do_change(request);
      }
    } else if (request.kind == Kind::write && !is_image(request.file) && poisoned_ == IoError::none &&
               happens && !full_ && request.fault == WriteFault::none &&
               request.offset + request.bytes.size() <= size(request.file)) {
      // It reached the drive, whose cache nobody flushed.
      remember_former(request, request.durability == Durability::memory);
      write_through(request.file, request.offset, request.bytes.data(), request.bytes.size());
    }
    // A file that was being created is not renamed into place any more.
  }
  forget_requests();
}

void MemoryDisk::write_through(FileId file, Offset offset, const uint8_t* bytes, size_t size) {
  write_to(files_.at(file), offset, bytes, size);
}

void MemoryDisk::write_to(File& f, Offset offset, const uint8_t* bytes, size_t size) {
  while (size != 0) {
    const size_t page = offset / kPageBytes;
    const size_t within = offset % kPageBytes;
    const size_t n = std::min(size, kPageBytes - within);
    if (f.pages.size() <= page) {
      f.pages.resize(page + 1);
    }
    if (f.pages[page] == nullptr) {
      f.pages[page] = std::make_unique<Page>();  // zeroed
    }
    std::memcpy(f.pages[page]->data() + within, bytes, n);
    offset += n;
    bytes += n;
    size -= n;
  }
}

void MemoryDisk::peek(FileId file, Offset offset, MutBytes bytes) const {
  const File& f = files_.at(file);
  while (!bytes.empty()) {
    const size_t page = offset / kPageBytes;
    const size_t within = offset % kPageBytes;
    const size_t n = std::min(bytes.size(), kPageBytes - within);
    if (page < f.pages.size() && f.pages[page] != nullptr) {
      std::memcpy(bytes.data(), f.pages[page]->data() + within, n);
    } else {
      std::memset(bytes.data(), 0, n);
    }
    offset += n;
    bytes = bytes.subspan(n);
  }
}

void MemoryDisk::poke(FileId file, Offset offset, Bytes bytes) {
  File& f = files_[file];
  f.size = std::max<uint64_t>(f.size, offset + bytes.size());
  write_through(file, offset, bytes.data(), bytes.size());
}

void MemoryDisk::flip(FileId file, Offset offset, uint8_t mask) {
  uint8_t byte = 0;
  peek(file, offset, {&byte, 1});
  byte ^= mask;
  write_through(file, offset, &byte, 1);
}

void MemoryDisk::lose(FileId file) {
  files_.erase(file);
  std::erase_if(former_, [file](const auto& entry) { return (entry.first >> 32U) == file; });
}

void MemoryDisk::truncate(FileId file, uint64_t size) {
  File& f = files_.at(file);
  TERCET_CHECK(size <= f.size, "a file is shortened");
  f.size = size;
}

uint64_t MemoryDisk::size(FileId file) {
  const auto it = files_.find(file);
  return it == files_.end() ? 0 : it->second.size;
}

FileRange MemoryDisk::files() {
  const auto end = files_.lower_bound(kImages);
  return files_.begin() == end ? FileRange{} : FileRange{files_.begin()->first, std::prev(end)->first + 1};
}

std::vector<FileId> MemoryDisk::images() {
  std::vector<FileId> images;
  for (auto it = files_.lower_bound(kImages); it != files_.end(); ++it) {
    images.push_back(it->first);
  }
  return images;
}

uint64_t MemoryDisk::space_used() const {
  uint64_t sum = 0;
  for (const auto& [id, file] : files_) {
    sum += file.size;
  }
  for (const auto& [id, draft] : drafts_) {
    sum += draft.file.size;
  }
  return sum;
}

}  // namespace tercet::store
