#include "rooflaw/io/quantisations.hpp"

#include "rooflaw/format/words.hpp"
#include "rooflaw/io/catalogue.hpp"

namespace rooflaw::io {

Quantisation read_quantisation(format::TableReader& reader) {
  Quantisation q;
  q.id = read_id(reader);
  reader.allow({"name", "source", "confidence", "checked", "notes"});
  if (const toml::array* names = reader.array("names"))
    for (const toml::node& node : *names) {
      const auto name = node.value<std::string>();
      if (node.is_string() && format::is_plain_text(*name))
        q.names.push_back(*name);
      else
        reader.faults().add(node, reader.full_name("names"), "must be a text");
    }
  if (reader.has("precision"))
    q.precision = reader.text("precision").value_or("");
  else
    q.format = read_precision(reader);
  return q;
}

Quantisations::Quantisations(const std::vector<model::Precision>& precisions,
                             const std::vector<Quantisation>& quantisations) {
  for (const auto& precision : precisions) by_name_.emplace(format::lower(precision.id), precision);
  for (const auto& q : quantisations) {
    model::Precision meant = q.format;
    if (!q.precision.empty()) {
      const auto* known = find(q.precision);
      if (known == nullptr) continue;
      meant = *known;
    }
    by_name_.emplace(format::lower(q.id), meant);
    for (const auto& name : q.names) by_name_.emplace(format::lower(name), meant);
  }
}

const model::Precision* Quantisations::find(std::string_view name) const {
  const auto found = by_name_.find(format::lower(std::string(name)));
  return found == by_name_.end() ? nullptr : &found->second;
}

Quantisations::Ending Quantisations::ending_of(std::string_view text) const {
  for (std::size_t space = text.find(' '); space != text.npos; space = text.find(' ', space + 1))
    if (const auto* precision = find(text.substr(space + 1)))
      return {precision, std::string(text.substr(0, space)), std::string(text.substr(space + 1))};
  return {};
}

std::vector<std::string> Quantisations::names() const {
  std::vector<std::string> all;
  for (const auto& [name, precision] : by_name_) all.push_back(name);
  return all;
}

}  // namespace rooflaw::io
