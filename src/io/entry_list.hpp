#pragma once
// Lists of a JOB that name entries: of [targets], and laws.

#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "rooflaw/io/catalogue.hpp"

namespace rooflaw::io {

/// The entries that a list names; ids must differ.
template <class Entry, class Load>
std::vector<Loaded<Entry>> read_entries(format::TableReader& reader, std::string_view key,
                                        Load load) {
  std::vector<Loaded<Entry>> entries;
  const std::string name = reader.full_name(key);
  if (!reader.has(key)) reader.fault(key, "is missing");
  const toml::array* list = reader.array(key);
  if (list == nullptr) return entries;
  if (list->empty()) reader.fault(key, "must not be empty");
  std::set<std::string> ids;
  std::size_t named = 0;
  for (const toml::node& node : *list) {
    for (auto& loaded : load(node, name)) {
      ++named;
      if (!ids.insert(loaded.provenance.id).second)
        reader.faults().add(node, name, "\"" + loaded.provenance.id + "\" is named twice");
      else
        entries.push_back(std::move(loaded));
    }
    if (named > format::longest_list) {  // a file may be named again and again
      reader.fault(key, fmt::format("must not name more than {} entries", format::longest_list));
      break;
    }
  }
  return entries;
}

}  // namespace rooflaw::io
