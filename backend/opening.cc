#include "backend/opening.h"

#include "backend/store/image_load.h"
#include "license/image_format.h"

namespace tercet::backend {
namespace {

static_assert(store::kImageFileVersion == license::kImageVersion, "one of them has changed: raise both");

/// The newest image, if there is one: the machine and the acceptor stand behind it then.
store::LoadedImage restore(store::Disk& disk, quorum::Machine& machine, quorum::Acceptor& acceptor,
                           store::StoreId store) {
  const std::vector<store::FileId> images = disk.images();
  if (images.empty()) {
    return {};
  }
  machine.begin_load();
  store::LoadedImage image =
      store::load_image(disk, images.back(), store, [&machine](Bytes bytes) { return machine.load(bytes); });
  if (image.verdict != store::Verdict::clean) {
    return image;
  }
  const auto checkpoint = quorum::read_base(image.base);
  if (!machine.end_load() || !checkpoint || !checkpoint->fits(machine.digest())) {
    image.verdict = store::Verdict::corrupt;
    image.why = "checkpoint " + std::to_string(images.back() & ~store::kImages) +
                ": its book is not the one that was captured";
    return image;
  }
  acceptor.restore({*checkpoint, Epoch{image.header.promised}, Nonce{image.header.promised_to},
                    Seq{image.header.admitted_by}, image.header.foreign});
  return image;
}

}  // namespace

Opening open_log(store::Disk& disk, quorum::Machine& machine, const OpeningOptions& options) {
  auto acceptor = std::make_unique<quorum::Acceptor>(options.acceptor);
  Opening opening;
  const store::LoadedImage image = restore(disk, machine, *acceptor, options.log.store);
  opening.verdict = image.verdict;
  opening.why = image.why;
  if (image.verdict != store::Verdict::clean) {
    return opening;
  }
  opening.older = image.header.older;
  const auto replay = [&](store::Lsn lsn, uint8_t type, Bytes bytes) {
    return lsn <= opening.older || acceptor->replay(static_cast<RecordType>(type), bytes);
  };
  store::Recovered recovered = store::recover(
      disk, {.store = options.log.store, .fresh = !options.log_made, .start = image.header.start}, replay);
  opening.verdict = recovered.verdict;
  opening.why = recovered.why;
  opening.records = recovered.records;
  opening.end = recovered.end;
  if (recovered.verdict != store::Verdict::clean && recovered.verdict != store::Verdict::torn) {
    return opening;
  }
  if (recovered.end.lsn < opening.older) {
    opening.verdict = store::Verdict::corrupt;
    opening.why = "the log ends before its checkpoint";
    return opening;
  }
  acceptor->recovered(machine);
  opening.acceptor = std::move(acceptor);
  opening.log = std::make_unique<store::Log>(disk, options.log, recovered.end, std::move(recovered.starts));
  opening.log->release(image.header.start.segment);
  return opening;
}

}  // namespace tercet::backend
