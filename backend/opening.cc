#include "backend/opening.h"

namespace tercet::backend {

Opening open_log(store::Disk& disk, quorum::Machine& machine, const OpeningOptions& options) {
  auto acceptor = std::make_unique<quorum::Acceptor>(options.acceptor);
  store::Recovered recovered = store::recover(disk, {.store = options.log.store, .fresh = !options.log_made},
                                              [&acceptor](store::Lsn, uint8_t type, Bytes bytes) {
                                                return acceptor->replay(static_cast<RecordType>(type), bytes);
                                              });
  Opening opening;
  opening.verdict = recovered.verdict;
  opening.why = recovered.why;
  opening.records = recovered.records;
  opening.end = recovered.end;
  if (recovered.verdict != store::Verdict::clean && recovered.verdict != store::Verdict::torn) {
    return opening;
  }
  acceptor->recovered(machine);
  opening.acceptor = std::move(acceptor);
  opening.log = std::make_unique<store::Log>(disk, options.log, recovered.end, std::move(recovered.starts));
  return opening;
}

}  // namespace tercet::backend
