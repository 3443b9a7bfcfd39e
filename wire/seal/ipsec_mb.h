#pragma once
// AES-256-GCM by the direct calls of Intel's ipsec-mb, behind Aead (aead.h): two to five times as fast as
// libsodium's, since it has code for each generation of CPUs. Its job and burst interfaces, made for many
// messages at once, gain nothing for ours.
//
// Threads: the library's manager only finds the functions for this CPU. The direct calls are not given it and
// keep no state but the key and a context on our stack, so one IpsecMb serves all threads and no manager
// stays. (Each call also clears a variable of the library's own, its last error, which all threads share and
// we never read; two threads that seal at once were measured to be no slower for it.)

#include <string>
#include <tl/expected.hpp>

#include "wire/seal/aead.h"

struct gcm_key_data;  // the library's
struct gcm_context_data;

namespace tercet::seal {

class IpsecMb {
 public:
  /// This machine's, made at the first call (thread-safe), or what is missing: built without the library,
  /// or a CPU without AES.
  static const tl::expected<IpsecMb, std::string>& here();
  /// For tests: `hide_aes` as on a CPU without AES instructions.
  static tl::expected<IpsecMb, std::string> load(bool hide_aes);

  void prepare(const Key& key, PreparedKey& out) const;
  /// As Aead::seal and Aead::open; `nonce` has 12 bytes, `sealed` at least the tag's 16.
  void seal(const PreparedKey& key, const uint8_t* nonce, Bytes aad, Bytes plain, uint8_t* out) const;
  [[nodiscard]] bool open(const PreparedKey& key, const uint8_t* nonce, Bytes aad, MutBytes sealed) const;

 private:
  using Crypt = void (*)(const gcm_key_data*, gcm_context_data*, uint8_t*, const uint8_t*, uint64_t,
                         const uint8_t*, const uint8_t*, uint64_t, uint8_t*, uint64_t);
  using Prepare = void (*)(const void*, gcm_key_data*);
  IpsecMb(Crypt encrypt, Crypt decrypt, Prepare make_ready)
      : encrypt_(encrypt), decrypt_(decrypt), prepare_(make_ready) {}

  Crypt encrypt_;
  Crypt decrypt_;
  Prepare prepare_;
};

}  // namespace tercet::seal
