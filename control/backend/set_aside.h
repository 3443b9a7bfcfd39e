#pragma once
// Giving a disk up, as a whole: its files move into a folder `lost-1`, `lost-2`, … beside them, where nothing
// of ours reads them again, and another identity stands where they stood. Nothing is ever deleted.
// container.json stays: it is the licenses' business, not the log's.
//
// The switch is one write: the new `identity`, which names the folder (`aside`). Before it the old disk is
// there with all its files; from it on this is another disk, and whatever of the old one still lies here is
// on its way:
//
//   1  lost-N is made, durable
//   2  lost-N/identity: the old one, if there is one (a second name of the same file)
//   3  identity: the new one, marked `lost`, aside = N            ◄ the switch
//   4  each file of the old log, images too, is renamed into lost-N            (again after a crash: those
//   that are left) 5  identity: aside = 0                                        then its log may begin
//
// Start-up only, by who holds the store's lock. Errors are one line with what to do; what was done stays
// done, and a later try goes on from there.

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/backend/identity.h"

namespace tercet::control {

class SettingAside {
 public:
  /// `identity`: as it was found, with `aside` set by a switch that a crash followed; or a new one
  /// (draw_identity).
  SettingAside(std::string store_dir, const Identity& identity);

  /// The next of the steps above. False: all are done.
  tl::expected<bool, std::string> step();
  /// All that are left.
  tl::expected<void, std::string> finish();

  /// As it stands in the store now, or will.
  [[nodiscard]] const Identity& identity() const { return identity_; }
  /// "lost-2"; once it was chosen.
  [[nodiscard]] std::string folder() const;

 private:
  enum class At : uint8_t { make_folder, keep_identity, change, move, settle, done };
  tl::expected<void, std::string> make_folder();
  tl::expected<void, std::string> keep_identity();
  tl::expected<bool, std::string> move_one();
  [[nodiscard]] bool may_be_used_again(const std::string& folder) const;
  [[nodiscard]] std::string path() const { return store_dir_ + "/" + folder(); }

  std::string store_dir_;
  Identity identity_;
  uint16_t number_ = 0;
  At at_ = At::make_folder;
};

/// The folders of former disks in the store, oldest first, without the newest `keep`.
std::vector<std::string> old_lost_disks(const std::string& store_dir, size_t keep);

}  // namespace tercet::control
