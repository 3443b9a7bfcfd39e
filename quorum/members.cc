#include "quorum/members.h"

#include <tuple>

namespace tercet::quorum {

namespace {

/// One goes on, one is named anew, and the third is out.
void note_forced(Members& members, const ForcedStartBody& body, const EntryView& entry) {
  for (const Slot slot : kSlots) {
    if (index(slot) == body.start.forced_slot) {
      members.slots[index(slot)] = {Incarnation{body.incarnation}, entry.epoch, entry.seq};
    } else if (index(slot) != body.start.source) {
      members.slots[index(slot)] = {Incarnation{0}, entry.epoch, entry.seq};
    }
  }
}

}  // namespace

void note_members(Members& members, const EntryView& entry) {
  if (entry.kind == EntryKind::rejoin) {
    if (const auto* rejoin = header_of<RejoinBody>(entry.op); rejoin != nullptr && rejoin->slot < kBackends) {
      members.slots[rejoin->slot] = {Incarnation{rejoin->incarnation.get()}, entry.epoch, entry.seq};
    }
    return;
  }
  if (entry.kind == EntryKind::epoch_start) {
    if (const ForcedStartBody* body = forced_start(entry.op); body != nullptr) {
      note_forced(members, *body, entry);
    }
    return;
  }
  if (entry.kind != EntryKind::genesis) {
    return;
  }
  const auto* genesis = header_of<GenesisBody>(entry.op);
  if (genesis == nullptr) {
    return;
  }
  for (const Slot slot : kSlots) {
    members.slots[index(slot)] = {Incarnation{genesis->incarnation[index(slot)].get()}, entry.epoch,
                                  entry.seq};
  }
}

Members newest(const Members& a, const Members& b) {
  Members out = a;
  for (const Slot slot : kSlots) {
    const Member& mine = a.slots[index(slot)];
    const Member& theirs = b.slots[index(slot)];
    if (std::tie(theirs.epoch, theirs.seq) > std::tie(mine.epoch, mine.seq)) {
      out.slots[index(slot)] = theirs;
    }
  }
  return out;
}

void write_members(const Members& members, WireMember (&out)[kBackends]) {
  for (const Slot slot : kSlots) {
    const Member& member = members.slots[index(slot)];
    out[index(slot)] = {member.incarnation.value, member.epoch.value, member.seq.value};
  }
}

Members read_members(const WireMember (&in)[kBackends]) {
  Members members;
  for (const Slot slot : kSlots) {
    const WireMember& m = in[index(slot)];
    members.slots[index(slot)] = {Incarnation{m.incarnation}, Epoch{m.epoch}, Seq{m.seq}};
  }
  return members;
}

}  // namespace tercet::quorum
