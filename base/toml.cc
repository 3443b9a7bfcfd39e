#include "base/toml.h"

#include <algorithm>
#include <climits>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/file.h"
#include "base/time_text.h"

namespace tercet {
namespace {

std::string at(const std::string& path, int line) { return path + ":" + std::to_string(line); }

/// Optimal string alignment distance: a swap of neighbours counts once, as it is one slip of the fingers.
size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

std::string_view last_part(std::string_view key) {
  const size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  size_t fewest = SIZE_MAX;
  for (const std::string_view candidate : known) {
    // A key under the wrong section is as near as its own name, and one step.
    size_t away = edits(word, candidate);
    if (word.find('.') != std::string_view::npos && candidate.find('.') != std::string_view::npos) {
      away = std::min(away, edits(last_part(word), last_part(candidate)) + 1);
    }
    if (away < fewest) {
      fewest = away;
      best = candidate;
    }
  }
  const size_t most = std::max<size_t>(2, last_part(word).size() / 2);
  return fewest <= most ? best : std::string_view{};
}

struct Toml::Reader {
  static void read(const toml::table& table, const std::string& prefix, Toml& out) {
    for (const auto& [key, node] : table) {
      const std::string name =
          prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
      if (const toml::table* inner = node.as_table()) {
        if (!inner->empty()) {
          read(*inner, name, out);
        }
        continue;
      }
      Value value;
      value.line = static_cast<int>(key.source().begin.line);
      if (const auto* text = node.as_string()) {
        value.kind = Kind::text;
        value.text = text->get();
      } else if (const auto* number = node.as_integer()) {
        value.kind = Kind::integer;
        value.integer = number->get();
      } else if (const auto* truth = node.as_boolean()) {
        value.kind = Kind::boolean;
        value.boolean = truth->get();
      } else if (const auto* list = node.as_array()) {
        value.kind = Kind::texts;
        for (const auto& item : *list) {
          if (const auto* one = item.as_string()) {
            value.texts.push_back(one->get());
          } else {
            value.kind = Kind::other;
          }
        }
      }
      out.values_.emplace(name, std::move(value));
    }
  }
};

tl::expected<Toml, std::string> Toml::load(const std::string& path) {
  const auto text = read_file(path);
  if (!text) {
    return tl::unexpected(text.error());
  }
  return parse(*text, path);
}

tl::expected<Toml, std::string> Toml::parse(std::string_view text, std::string name) {
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    std::string what(error.description());
    std::replace(what.begin(), what.end(), '\n', ' ');
    return tl::unexpected(at(name, static_cast<int>(error.source().begin.line)) + ": " + what +
                          ": mend the TOML there");
  }
  Toml out;
  out.path_ = std::move(name);
  Reader::read(parsed.table(), "", out);
  return out;
}

bool Toml::has(std::string_view key) const {
  const auto it = values_.lower_bound(key);
  if (it == values_.end()) {
    return false;
  }
  if (it->first == key) {
    return true;
  }
  const std::string section = std::string(key) + ".";
  const auto below = values_.lower_bound(section);
  return below != values_.end() && below->first.starts_with(section);
}

void Toml::complain(int line, const std::string& what) {
  errors_.emplace_back(line, at(path_, line) + ": " + what);
}

const Toml::Value* Toml::find(std::string_view key, Kind kind, const char* wanted) {
  known_.emplace(key);
  const auto it = values_.find(key);
  if (it == values_.end()) {
    return nullptr;
  }
  if (it->second.kind != kind) {
    complain(it->second.line, std::string(key) + " has a value of the wrong type: write " + wanted);
    return nullptr;
  }
  return &it->second;
}

std::string Toml::text(std::string_view key, std::string_view fallback) {
  const Value* value = find(key, Kind::text, "a string in quotes");
  return value == nullptr ? std::string(fallback) : value->text;
}

std::string Toml::required(std::string_view key) {
  const bool there = has(key);
  std::string value = text(key);
  if (value.empty() && (!there || values_.find(key)->second.kind == Kind::text)) {
    refuse(key, there ? "is empty: give it a value" : "is missing: add it");
  }
  return value;
}

std::string Toml::one_of(std::string_view key, std::string_view fallback,
                         std::vector<std::string_view> allowed) {
  std::string value = text(key, fallback);
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    std::string list;
    for (const std::string_view a : allowed) {
      list += (list.empty() ? "" : ", ") + std::string(a);
    }
    refuse(key, "\"" + value + "\" is none of its values: write one of " + list);
    return std::string(fallback);
  }
  return value;
}

int64_t Toml::integer(std::string_view key, int64_t fallback, int64_t min, int64_t max) {
  const Value* value = find(key, Kind::integer, "a whole number");
  if (value == nullptr) {
    return fallback;
  }
  if (value->integer < min || value->integer > max) {
    refuse(key, std::to_string(value->integer) + " is out of range: write " + std::to_string(min) + " to " +
                    std::to_string(max));
    return fallback;
  }
  return value->integer;
}

bool Toml::boolean(std::string_view key, bool fallback) {
  const Value* value = find(key, Kind::boolean, "true or false");
  return value == nullptr ? fallback : value->boolean;
}

Duration Toml::duration(std::string_view key, Duration fallback, Duration min, Duration max) {
  const Value* value = find(key, Kind::text, "a duration in quotes, like \"100ms\"");
  if (value == nullptr) {
    return fallback;
  }
  const auto parsed = parse_duration(value->text);
  if (!parsed) {
    refuse(key, parsed.error());
    return fallback;
  }
  if (*parsed < min || *parsed > max) {
    refuse(key, "\"" + value->text + "\" is out of range: " +
                    (max.ns == INT64_MAX ? "at least " + to_text(min)
                                         : "write " + to_text(min) + " to " + to_text(max)));
    return fallback;
  }
  return *parsed;
}

std::vector<std::string> Toml::texts(std::string_view key, std::vector<std::string> fallback) {
  const Value* value = find(key, Kind::texts, "an array of strings, like [\"a\", \"b\"]");
  return value == nullptr ? std::move(fallback) : value->texts;
}

std::string Toml::file(std::string_view key, std::string_view fallback) {
  std::string value = text(key, fallback);
  if (value.empty() || value.front() == '/') {
    return value;
  }
  const size_t slash = path_.rfind('/');
  return slash == std::string::npos ? value : path_.substr(0, slash + 1) + value;
}

void Toml::refuse(std::string_view key, const std::string& what) {
  const auto it = values_.find(key);
  if (it == values_.end()) {
    // Behind what is there and wrong: a misspelled key, or another program's file, tells more than what is
    // missing.
    errors_.emplace_back(INT_MAX, path_ + ": " + std::string(key) + " " + what);
    return;
  }
  complain(it->second.line, std::string(key) + ": " + what);
}

void Toml::allow(std::string_view key) { known_.emplace(key); }

std::vector<std::string> Toml::errors() const {
  std::vector<std::pair<int, std::string>> all = errors_;
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const auto& [key, value] : values_) {
    if (known_.contains(key)) {
      continue;
    }
    const std::string_view near = nearest(key, known);
    all.emplace_back(value.line,
                     at(path_, value.line) + ": unknown key \"" + key + "\": " +
                         (near.empty() ? "remove it" : "did you mean \"" + std::string(near) + "\"?"));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> lines;
  lines.reserve(all.size());
  for (auto& [line, what] : all) {
    lines.push_back(std::move(what));
  }
  return lines;
}

tl::expected<void, std::string> Toml::finish() const {
  std::vector<std::string> all = errors();
  if (all.empty()) {
    return {};
  }
  return tl::unexpected(all.front() +
                        (all.size() == 1 ? "" : " (and " + std::to_string(all.size() - 1) + " more)"));
}

}  // namespace tercet
