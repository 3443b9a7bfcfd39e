#include "wire/seal/ipsec_mb.h"

#if defined(__x86_64__)

#include <emmintrin.h>
#include <intel-ipsec-mb.h>
#include <sodium.h>

#include <cstring>
#include <memory>

namespace tercet::seal {
namespace {

constexpr size_t kAeadTagSize = 16;
static_assert(sizeof(gcm_key_data) == 1008 && sizeof(gcm_key_data) <= sizeof(PreparedKey));
static_assert(alignof(gcm_key_data) <= alignof(PreparedKey));
static_assert(IMB_GCM_256_KEY_LEN == sizeof(Key) && IMB_GCM_IV_DATA_LEN == 12);

const gcm_key_data* key_data(const PreparedKey& key) {
  return reinterpret_cast<const gcm_key_data*>(key.state.data());
}

/// In constant time: all 16 bytes at once.
bool equal_tags(const uint8_t* a, const uint8_t* b) {
  const __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)),
                                      _mm_loadu_si128(reinterpret_cast<const __m128i*>(b)));
  return _mm_movemask_epi8(same) == 0xFFFF;
}

}  // namespace

tl::expected<IpsecMb, std::string> IpsecMb::load(bool hide_aes) {
  // Asked of the CPU, not of the library: without AES the functions that it names are null.
  if (hide_aes || !__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul") ||
      !__builtin_cpu_supports("sse4.2")) {
    return tl::unexpected(
        std::string("ipsec-mb needs the AES and PCLMULQDQ instructions, which this CPU lacks"));
  }
  const std::unique_ptr<IMB_MGR, decltype(&free_mb_mgr)> manager(alloc_mb_mgr(0), free_mb_mgr);
  if (!manager) {
    return tl::unexpected(std::string("ipsec-mb has no memory to start with"));
  }
  IMB_ARCH architecture = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager.get(), &architecture);  // tests itself
  if (imb_get_errno(manager.get()) != 0) {
    return tl::unexpected("ipsec-mb does not start: " +
                          std::string(imb_get_strerror(imb_get_errno(manager.get()))));
  }
  if (manager->gcm256_enc == nullptr || manager->gcm256_dec == nullptr || manager->gcm256_pre == nullptr) {
    return tl::unexpected(std::string("ipsec-mb has no AES-256-GCM for this CPU"));
  }
  return IpsecMb(manager->gcm256_enc, manager->gcm256_dec, manager->gcm256_pre);
}

void IpsecMb::prepare(const Key& key, PreparedKey& out) const {
  prepare_(key.bytes.data(), reinterpret_cast<gcm_key_data*>(out.state.data()));
}

void IpsecMb::seal(const PreparedKey& key, const uint8_t* nonce, Bytes aad, Bytes plain, uint8_t* out) const {
  gcm_context_data context;
  encrypt_(key_data(key), &context, out, plain.data(), plain.size(), nonce, aad.data(), aad.size(),
           out + plain.size(), kAeadTagSize);
}

bool IpsecMb::open(const PreparedKey& key, const uint8_t* nonce, Bytes aad, MutBytes sealed) const {
  const size_t size = sealed.size() - kAeadTagSize;
  gcm_context_data context;
  uint8_t tag[kAeadTagSize];
  decrypt_(key_data(key), &context, sealed.data(), sealed.data(), size, nonce, aad.data(), aad.size(), tag,
           kAeadTagSize);
  if (equal_tags(tag, sealed.data() + size)) {
    return true;
  }
  // Decrypted before it was judged: what nobody vouches for does not stay. The right tag does not, either.
  if (size != 0) {
    sodium_memzero(sealed.data(), size);
  }
  sodium_memzero(tag, sizeof tag);
  return false;
}

}  // namespace tercet::seal

#else  // CMakeLists.txt does not ask for the library

#include "base/check.h"

namespace tercet::seal {

tl::expected<IpsecMb, std::string> IpsecMb::load(bool) {
  return tl::unexpected(std::string("ipsec-mb is for x86-64 CPUs"));
}
void IpsecMb::prepare(const Key&, PreparedKey&) const { TERCET_CHECK(false, "there is no IpsecMb here"); }
void IpsecMb::seal(const PreparedKey&, const uint8_t*, Bytes, Bytes, uint8_t*) const {
  TERCET_CHECK(false, "there is no IpsecMb here");
}
bool IpsecMb::open(const PreparedKey&, const uint8_t*, Bytes, MutBytes) const {
  TERCET_CHECK(false, "there is no IpsecMb here");
  return false;
}

}  // namespace tercet::seal

#endif

namespace tercet::seal {

const tl::expected<IpsecMb, std::string>& IpsecMb::here() {
  static const tl::expected<IpsecMb, std::string> mine = load(false);
  return mine;
}

}  // namespace tercet::seal
