#include "bench/peers/raft_node.h"

#include <cstring>

#include "wire/op.h"

namespace tercet::bench {
namespace {

static_assert(kEntryBytes >= sizeof(OpHeader) + sizeof(RenewBody), "what is compared is of the same size");

// libraft's own, 1,000 ms, would be waited for at the start, where one server listens a moment after another
// asks for it.
constexpr unsigned kConnectRetryMs = 50;
// It takes no snapshot while it is measured: one every 1,024 entries, its default, would be two more synced
// files each 10 ms or so, for a state machine of nothing.
constexpr unsigned kNoSnapshots = 1U << 30U;

}  // namespace

tl::expected<std::unique_ptr<RaftNode>, std::string> RaftNode::start(uv_loop_t& loop,
                                                                     const NodeOptions& options) {
  std::unique_ptr<RaftNode> node(new RaftNode);
  if (std::string wrong = node->open(loop, options); !wrong.empty()) {
    node.release();  // the loop may hold handles of it: the process ends now
    return tl::unexpected(std::move(wrong));
  }
  return node;
}

std::string RaftNode::open(uv_loop_t& loop, const NodeOptions& options) {
  const std::string& address = options.addresses[options.id - 1];
  const auto failed = [](const std::string& what, const std::string& why) { return what + ": " + why; };
  machine_.version = 1;
  machine_.data = this;
  machine_.apply = [](raft_fsm* machine, const raft_buffer* entry, void** result) {
    auto* node = static_cast<RaftNode*>(machine->data);
    *result = nullptr;
    if (node->listener_ != nullptr) {
      node->listener_->applied({static_cast<const uint8_t*>(entry->base), entry->len});
    }
    return 0;
  };
  if (const int error = raft_uv_tcp_init(&transport_, &loop); error != 0) {
    return failed("raft_uv_tcp_init", raft_strerror(error));
  }
  if (const int error = raft_uv_init(&io_, &loop, options.directory.c_str(), &transport_); error != 0) {
    return failed(options.directory, raft_strerror(error));
  }
  if (const int error = raft_init(&raft_, &io_, &machine_, options.id, address.c_str()); error != 0) {
    return failed(options.directory, raft_errmsg(&raft_));
  }
  raft_uv_set_connect_retry_delay(&io_, kConnectRetryMs);
  raft_set_snapshot_threshold(&raft_, kNoSnapshots);
  raft_configuration members;
  raft_configuration_init(&members);
  int error = 0;
  for (unsigned id = 1; id <= options.addresses.size() && error == 0; ++id) {
    error = raft_configuration_add(&members, id, options.addresses[id - 1].c_str(), RAFT_VOTER);
  }
  if (error == 0) {
    error = raft_bootstrap(&raft_, &members);
  }
  raft_configuration_close(&members);
  if (error != 0) {
    return failed(options.directory, std::string(raft_strerror(error)) + ": give it an empty directory");
  }
  if (error = raft_start(&raft_); error != 0) {
    return failed(address, raft_errmsg(&raft_));
  }
  return {};
}

void RaftNode::answered(struct raft_apply* apply, int status, void* /*result*/) {
  const std::unique_ptr<Request> request(static_cast<Request*>(apply->data));
  if (status != 0 && request->node->listener_ != nullptr) {
    request->node->listener_->failed(raft_strerror(status));
  }
}

tl::expected<void, std::string> RaftNode::propose(std::span<const Entry> entries) {
  buffers_.clear();
  for (const Entry& entry : entries) {
    // Of libraft's heap: it frees them.
    raft_buffer buffer{raft_malloc(entry.size()), entry.size()};
    std::memcpy(buffer.base, entry.data(), entry.size());
    buffers_.push_back(buffer);
  }
  auto request = std::make_unique<Request>();
  request->node = this;
  request->apply.data = request.get();
  const int error = raft_apply(&raft_, &request->apply, buffers_.data(),
                               static_cast<unsigned>(buffers_.size()), RaftNode::answered);
  if (error != 0) {
    for (const raft_buffer& buffer : buffers_) {
      raft_free(buffer.base);
    }
    return tl::unexpected(std::string(raft_strerror(error)));
  }
  request.release();  // answered() has it
  return {};
}

unsigned RaftNode::leader() {
  raft_id id = 0;
  const char* address = nullptr;
  raft_leader(&raft_, &id, &address);
  return static_cast<unsigned>(id);
}

}  // namespace tercet::bench
