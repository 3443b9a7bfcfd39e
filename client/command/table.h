#pragma once
// Table: what verbs print for people. Columns under their titles, as wide as they must be on a terminal: a
// cell's text may be any UTF-8, and some of it (a holder's user, host, station) was written by others.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tercet::command {

/// How many columns of a terminal `text` takes: characters and not bytes, none for a combining mark, two for
/// a wide one (East Asian, emoji). A byte that is no UTF-8 takes one.
size_t columns_of(std::string_view text);

/// `text` with every control character and every byte that is no UTF-8 as "?": what others wrote neither
/// breaks a table's lines nor moves the cursor.
std::string printable(std::string_view text);

class Table {
 public:
  explicit Table(std::vector<std::string> titles) { rows_.push_back(std::move(titles)); }
  void add(std::vector<std::string> row);
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tercet::command
