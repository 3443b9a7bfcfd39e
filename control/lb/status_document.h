#pragma once
// The status document: what `tercet status` and /v1/status show, as JSON. Made by the control thread from the
// data plane's View and this LB's receipts; the polling thread serves it to clients page by page.

#include <span>
#include <string>
#include <vector>

#include "control/thread_load.h"
#include "dataplane/steer/view.h"
#include "failover/receipt.h"

namespace tercet::control {

/// Most receipts in the document: it is bounded.
inline constexpr size_t kStatusReceiptsMax = 32;

struct StatusInput {
  CellId cell;
  const dataplane::View* view = nullptr;
  bool on_air = false;                      ///< has the virtual address
  const char* engine = "";                  ///< of its port
  std::vector<failover::Receipt> receipts;  ///< newest first
  WallTime at;
  std::span<const dataplane::ThreadView> threads = {};
  const ThreadLoad* load = nullptr;  ///< of the threads
};
/// One line of JSON, below the size of StatusDocument::text. Backends are listed by the active LB; by a
/// standby only while nobody is active, with what they last said of themselves.
std::string status_json(const StatusInput& input);

/// Puts `text` into the document, as its `version`.
void write_document(const std::string& text, uint32_t version, dataplane::StatusDocument& out);

}  // namespace tercet::control
