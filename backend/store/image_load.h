#pragma once
// Reads an image at start-up, waiting for the disk.

#include <functional>
#include <string>

#include "backend/store/image_file.h"
#include "backend/store/recover.h"

namespace tercet::store {

struct LoadedImage {
  Verdict verdict = Verdict::clean;  ///< clean, corrupt or unreadable
  std::string why;                   ///< of the others, one line
  ImageHeader header;
  ImageBase base{};
};

/// The header, the base, then the book's bytes to `book`, in pieces. False from it: they are no book.
LoadedImage load_image(Disk& disk, FileId image, StoreId store, const std::function<bool(Bytes)>& book);

}  // namespace tercet::store
