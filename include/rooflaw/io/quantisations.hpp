#pragma once
// Names that engines print for the format of their weights, and the bytes they stand for: the
// precisions and inputs/quantisations.toml. See inputs/README.md for the keys.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/model/precision.hpp"

namespace rooflaw::io {

/// An entry of quantisations.toml: a precision under other names, or a format of its own.
struct Quantisation {
  std::string id;
  std::vector<std::string> names;  // beside the id
  std::string precision;           // id of a precision; empty: `format` says it
  model::Precision format;
};

Quantisation read_quantisation(format::TableReader& reader);

class Quantisations {
 public:
  /// Names that neither list has, and that both have and mean differently, are left out.
  Quantisations(const std::vector<model::Precision>& precisions,
                const std::vector<Quantisation>& quantisations);

  /// By id or name, letter case aside; null if there is none. Its id is that of the precision, or
  /// that of the entry.
  const model::Precision* find(std::string_view name) const;
  /// The longest name that `text` ends in, behind a space, with what stands before it:
  /// "qwen2 1.5B Q4_K - Medium" ends in "Q4_K - Medium".
  struct Ending {
    const model::Precision* precision = nullptr;
    std::string before;
    std::string name;
  };
  Ending ending_of(std::string_view text) const;

  std::vector<std::string> names() const;

 private:
  std::map<std::string, model::Precision> by_name_;  // in lower case
};

}  // namespace rooflaw::io
