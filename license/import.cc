// Import: one constituent an operation. It is taken when an issuer of the cell signed it, its container is
// one of the cell's three, and its properties are those of the constituents of the same revision that are
// here already, and no other issuer issued the license. Whatever the answer, its TMR-ID and slot say which
// constituent it speaks of, once they are known.

#include "license/rules.h"

namespace tercet::license {
namespace {

Code fits(const State& state, uint32_t index, unsigned slot, const Terms& terms) {
  const License& license = state.licenses()[index];
  if (license.withdrawn != 0) {
    return Code::revoked;
  }
  if (license.shown().issuer != terms.issuer) {
    return Code::unknown_issuer;  // of this license it is none
  }
  const bool bound = license.bound_to[slot] == state.cell().generations[slot];
  const uint32_t held_revision = license.terms[slot].revision;
  // What is bound to the container before takes a higher revision to replace it.
  if (license.present[slot] != 0 &&
      (terms.revision < held_revision || (!bound && terms.revision == held_revision))) {
    return Code::older_revision;
  }
  if (const Terms* force = license.in_force(); force != nullptr && terms.revision < force->revision) {
    return Code::older_revision;
  }
  for (unsigned other = 0; other < kBackends; ++other) {
    const Terms& held = license.terms[other];
    if (license.present[other] != 0 && held.revision == terms.revision &&
        held.properties != terms.properties) {
      return Code::properties_differ;
    }
  }
  return license.present[slot] != 0 && held_revision == terms.revision ? Code::repeated : Code::granted;
}

Code take(State& state, unsigned slot, const Terms& terms) {
  const uint32_t index = state.licenses().find(terms.firm, terms.product, terms.tmr_id);
  License license{};
  if (index != kNone) {
    license = state.licenses()[index];
    if (const Code code = fits(state, index, slot, terms); code != Code::granted) {
      return code;
    }
  } else if (state.licenses().size() == kLicensesMax ||
             state.licenses().matching(terms.firm, terms.product, 0).size() == kLicensesPerProductMax) {
    return Code::book_full;
  }
  license.present[slot] = 1;
  license.bound_to[slot] = state.cell().generations[slot];
  license.terms[slot] = terms;
  if (index != kNone) {
    state.change_license(index, license);
  } else {
    state.add_license(license);
  }
  return Code::granted;
}

OpResult judged(State& state, const OpView& op, const ConstituentCheck& check) {
  CheckedConstituent text;
  if (const Code code = check(op.body, state.cell().keys(), text); code != Code::granted) {
    OpResult refused = denial(code);
    refused.tmr_id = text.terms.tmr_id;  // 0 unless the text could be read
    return refused;
  }
  OpResult out = denial(judge(text.terms));
  out.tmr_id = text.terms.tmr_id;
  const unsigned slot = state.cell().slot_of(text.container_key);
  if (slot == kBackends) {
    out.code = static_cast<uint8_t>(state.cell().is_revoked(text.container_key) ? Code::container_revoked
                                                                                : Code::foreign_container);
    return out;
  }
  out.slot = static_cast<uint8_t>(slot + 1);
  if (static_cast<Code>(out.code) != Code::granted) {
    return out;
  }
  out.code = static_cast<uint8_t>(take(state, slot, text.terms));
  const uint32_t index = state.licenses().find(text.terms.firm, text.terms.product, text.terms.tmr_id);
  if (index != kNone) {
    const Terms& shown = state.licenses()[index].shown();
    put_seats(out, seats(state, index, shown));
    out.features = shown.features;
  }
  return out;
}

}  // namespace

OpResult import_constituent(State& state, const OpView& op, const ConstituentCheck& check) {
  const OpResult answer = judged(state, op, check);
  return remember(state, op, find(state, op.handle),
                  answer);  // granted too, so that a repeat is told the same
}

}  // namespace tercet::license
