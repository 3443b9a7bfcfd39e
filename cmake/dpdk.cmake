# DPDK, for dataplane/port/dpdk alone: its headers are seen by that folder's .cc files only.
pkg_check_modules(dpdk REQUIRED libdpdk)

add_library(tercet_dpdk INTERFACE)
target_include_directories(tercet_dpdk SYSTEM INTERFACE ${dpdk_INCLUDE_DIRS})
# Its pkg-config file asks for -march=corei7, which is what its headers need (SSE 4.2) and would switch AVX off for whoever
# takes it: the folder gets the same level under its neutral name, nobody else gets any.
set(dpdk_flags ${dpdk_CFLAGS_OTHER})
list(FILTER dpdk_flags EXCLUDE REGEX "^-march=|^-I")
string(REPLACE "-include;rte_config.h" "SHELL:-include rte_config.h" dpdk_flags "${dpdk_flags}")
target_compile_options(tercet_dpdk INTERFACE ${dpdk_flags} -march=x86-64-v2 -Wno-volatile -Wno-deprecated-declarations)
# What we call ourselves; drivers are loaded by EAL from its own folder of plugins.
target_link_libraries(tercet_dpdk INTERFACE rte_ethdev rte_mbuf rte_mempool rte_ring rte_eal)
