#include "wire/cell.h"

namespace tercet {

Drop parse_cell(Bytes plain, CellView& out) {
  if (plain.empty()) {
    return Drop::too_short;
  }
  switch (static_cast<CellMessage>(plain[0])) {
    case CellMessage::accept:
      return parse_accept(plain, out.emplace<AcceptView>());
    case CellMessage::vote:
      return parse_vote(plain, out.emplace<VoteView>());
    case CellMessage::answer:
      return parse_answer(plain, out.emplace<AnswerView>());
    case CellMessage::prepare:
      return parse_prepare(plain, out.emplace<PrepareView>());
    case CellMessage::promise:
      return parse_promise(plain, out.emplace<PromiseView>());
    case CellMessage::refused:
      return parse_refused(plain, out.emplace<RefusedView>());
    case CellMessage::ask:
      return parse_ask(plain, out.emplace<AskView>());
    case CellMessage::heard:
      return parse_heard(plain, out.emplace<HeardView>());
    case CellMessage::keepalive:
      return parse_keepalive(plain, out.emplace<KeepaliveView>());
    case CellMessage::missing:
      return parse_missing(plain, out.emplace<MissingView>());
    case CellMessage::entries:
      return parse_entries(plain, out.emplace<EntriesView>());
    case CellMessage::heartbeat:
      return parse_heartbeat(plain, out.emplace<HeartbeatView>());
    case CellMessage::fetch:
      return parse_fetch(plain, out.emplace<FetchView>());
    case CellMessage::chunk:
      return parse_chunk(plain, out.emplace<ChunkView>());
    case CellMessage::handover:
      break;  // its place; no server of this version sends or knows it
  }
  return Drop::unknown_type;
}

}  // namespace tercet
