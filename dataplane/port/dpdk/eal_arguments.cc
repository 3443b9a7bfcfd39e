#include "dataplane/port/dpdk/eal_arguments.h"

#include <sched.h>

#include <algorithm>
#include <sstream>

namespace tercet::dataplane {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

bool gives(const std::vector<std::string>& words, std::initializer_list<std::string_view> options) {
  return std::ranges::any_of(words, [&](const std::string& word) {
    return std::ranges::any_of(options, [&](std::string_view option) {
      // "-l2" and "-l 2", "--lcores=…" and "--lcores …".
      const bool is_short = option.size() == 2;
      return word == option || word.starts_with(std::string(option) + "=") ||
             (is_short && word.starts_with(option) && !word.starts_with("--"));
    });
  });
}

/// What stands behind `option`, each time that it is given.
std::vector<std::string> values_of(const std::vector<std::string>& words, const std::string& option) {
  std::vector<std::string> values;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with(option + "=")) {
      values.push_back(words[i].substr(option.size() + 1));
    } else if (words[i] == option && i + 1 < words.size()) {
      values.push_back(words[i + 1]);
    }
  }
  return values;
}

/// EAL prints its usage and ends the process with 0. getopt takes what a long option begins with, too, and
/// several short ones together.
bool asks_for_help(const std::string& word) {
  return word.starts_with("-h") || word.starts_with("-vh") ||
         (word.size() >= 4 && std::string_view("--help").starts_with(word));
}

std::string allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string list;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) {
        list += (list.empty() ? "" : ",") + std::to_string(cpu);
      }
    }
  }
  return list.empty() ? "0" : list;
}

}  // namespace

std::vector<std::string> eal_words(const EalOptions& options) {
  std::vector<std::string> words{"tercet"};
  const std::vector<std::string> given = words_of(options.arguments);
  words.insert(words.end(), given.begin(), given.end());
  if (!gives(given, {"-l", "-c", "-s", "-S", "--lcores"})) {
    words.push_back("--lcores=0@(" + allowed_cpus() + ")");
  }
  if (!gives(given, {"--file-prefix"})) {
    words.push_back("--file-prefix=" + options.prefix);
  }
  if (!gives(given, {"--telemetry", "--no-telemetry"})) {
    words.emplace_back("--no-telemetry");
  }
  if (!gives(given, {"--no-huge", "--in-memory", "--huge-unlink"})) {
    words.emplace_back("--huge-unlink=always");
  }
  return words;
}

std::string refuse_arguments(std::string_view arguments) {
  const std::vector<std::string> words = words_of(arguments);
  const auto help = std::ranges::find_if(words, asks_for_help);
  if (help != words.end()) {
    return "port.eal says " + *help + ", with which DPDK prints its options and ends: leave it out";
  }
  if (gives(words, {"--no-huge"}) && gives(words, {"--in-memory"})) {
    return "port.eal says both --no-huge and --in-memory, which DPDK does not take together: leave one out";
  }
  return {};
}

bool wants_huge_pages(std::string_view arguments) { return !gives(words_of(arguments), {"--no-huge"}); }

bool names_a_device(std::string_view arguments) {
  return gives(words_of(arguments), {"--vdev", "-a", "--allow"});
}

std::vector<KernelDevice> kernel_devices(std::string_view arguments) {
  std::vector<KernelDevice> devices;
  for (const std::string& value : values_of(words_of(arguments), "--vdev")) {
    std::istringstream parts(value);
    KernelDevice device;
    std::getline(parts, device.name, ',');
    // "eth_af_packet" is the driver's older name, which it still answers to.
    if (device.name.find("_af_packet") == std::string::npos && !device.xdp()) {
      continue;
    }
    for (std::string part; std::getline(parts, part, ',');) {
      if (part.starts_with("iface=")) {
        device.interface = part.substr(6);
      }
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace tercet::dataplane
