#pragma once
// What load balancers say of themselves and of the cell: their status documents, asked for at the virtual IP
// or at each one's own address. Answered without a quorum.

#include <optional>
#include <string>
#include <vector>

#include "client/command/context.h"

namespace tercet::command {

/// A value for people, whatever its type; "-" where there is none.
std::string text_of(const Json& object, const char* name);
/// A list in a document; empty where there is none.
Json list_of(const Json& document, const char* name);
/// Nothing if the text is no JSON object.
std::optional<Json> parse_view(const std::string& text);
/// The views of all load balancers that answer at their own addresses, each with `answered_by`; `patience`
/// for each.
std::vector<Json> views_of_each(const Connection& connection, const client::Patience& patience);

}  // namespace tercet::command
