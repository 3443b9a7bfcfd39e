#include "control/backend/set_aside.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

namespace tercet::control {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "lost-";

/// N of lost-N, 0 for any other name.
unsigned number_of(std::string_view name) {
  unsigned number = 0;
  if (!name.starts_with(kPrefix)) {
    return 0;
  }
  name.remove_prefix(kPrefix.size());
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} && end == name.data() + name.size() ? number : 0;
}

/// A segment or an image, finished or a draft.
bool of_a_log(std::string_view name) {
  return (name.starts_with("log-") && name.find(".tlog") != name.npos) ||
         (name.starts_with("image-") && name.find(".timg") != name.npos);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

std::vector<unsigned> lost_disks(const std::string& store_dir) {
  std::vector<unsigned> numbers;
  for (const std::string& name : names_in(store_dir)) {
    if (const unsigned number = number_of(name); number != 0) {
      numbers.push_back(number);
    }
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string failed(const std::string& path, const char* what) {
  const int error = errno;
  return path + ": " + what + " failed (" + std::strerror(error) + "): " +
         (error == ENOSPC || error == EDQUOT ? "make room there"
                                             : "the store's folder must be writable for this user");
}

tl::expected<void, std::string> sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  auto result = done ? tl::expected<void, std::string>() : tl::unexpected(failed(path, "syncing"));
  if (fd >= 0) {
    ::close(fd);
  }
  return result;
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

SettingAside::SettingAside(std::string store_dir, const Identity& identity)
    : store_dir_(std::move(store_dir)), identity_(identity), number_(identity.aside) {
  if (number_ != 0) {
    at_ = At::move;
    return;
  }
  identity_.lost = true;
  identity_.log_made = false;
  identity_.clean = false;
  identity_.doubted = false;
}

std::string SettingAside::folder() const { return std::string(kPrefix) + std::to_string(number_); }

tl::expected<bool, std::string> SettingAside::step() {
  switch (at_) {
    case At::make_folder:
      at_ = At::keep_identity;
      return make_folder().map([] { return true; });
    case At::keep_identity:
      at_ = At::change;
      return keep_identity().map([] { return true; });
    case At::change:
      at_ = At::move;
      identity_.aside = number_;
      return write_identity(store_dir_, identity_).map([] { return true; });
    case At::move: {
      const auto moved = move_one();
      at_ = moved && !*moved ? At::settle : At::move;
      return moved.map([](bool) { return true; });
    }
    case At::settle:
      at_ = At::done;
      identity_.aside = 0;
      return write_identity(store_dir_, identity_).map([] { return true; });
    case At::done:
      break;
  }
  return false;
}

tl::expected<void, std::string> SettingAside::finish() {
  for (;;) {
    const auto more = step();
    if (!more) {
      return tl::unexpected(more.error());
    }
    if (!*more) {
      return {};
    }
  }
}

/// One that a crash left before the switch: nothing of a log in it, and no identity but the one that still
/// stands.
bool SettingAside::may_be_used_again(const std::string& folder) const {
  std::error_code error;
  return fs::is_directory(folder, error) &&
         std::ranges::all_of(names_in(folder), [&](const std::string& name) {
           return name == "identity" && same_file(folder + "/identity", identity_path(store_dir_));
         });
}

tl::expected<void, std::string> SettingAside::make_folder() {
  const std::vector<unsigned> there = lost_disks(store_dir_);
  const unsigned newest = there.empty() ? 0 : there.back();
  if (newest != 0 && newest <= std::numeric_limits<uint16_t>::max()) {
    number_ = static_cast<uint16_t>(newest);
    if (may_be_used_again(path())) {
      return {};
    }
  }
  if (newest >= std::numeric_limits<uint16_t>::max()) {
    return tl::unexpected(store_dir_ + ": there is no number above lost-" + std::to_string(newest) +
                          " for the folder of one more lost disk: remove those that you do not need");
  }
  number_ = static_cast<uint16_t>(newest + 1);
  if (::mkdir(path().c_str(), 0700) != 0) {
    return tl::unexpected(failed(path(), "making this folder"));
  }
  return sync_folder(store_dir_);
}

tl::expected<void, std::string> SettingAside::keep_identity() {
  const std::string from = identity_path(store_dir_);
  if (::link(from.c_str(), (path() + "/identity").c_str()) != 0 && errno != ENOENT && errno != EEXIST) {
    return tl::unexpected(failed(from, "keeping it"));
  }
  return sync_folder(path());
}

tl::expected<bool, std::string> SettingAside::move_one() {
  for (const std::string& name : names_in(store_dir_)) {
    if (!of_a_log(name)) {
      continue;
    }
    const std::string from = store_dir_ + "/" + name;
    if (::rename(from.c_str(), (path() + "/" + name).c_str()) != 0) {
      return tl::unexpected(failed(from, "moving it aside"));
    }
    return true;
  }
  // What comes next stands where these stood: they must not be there again after a power loss.
  for (const std::string& folder : {path(), store_dir_}) {
    if (auto synced = sync_folder(folder); !synced) {
      return tl::unexpected(synced.error());
    }
  }
  return false;
}

std::vector<std::string> old_lost_disks(const std::string& store_dir, size_t keep) {
  std::vector<unsigned> numbers = lost_disks(store_dir);
  numbers.resize(numbers.size() - std::min(keep, numbers.size()));
  std::vector<std::string> names;
  for (const unsigned number : numbers) {
    names.push_back(std::string(kPrefix) + std::to_string(number));
  }
  return names;
}

}  // namespace tercet::control
