#pragma once
// The key `form` of a law, and the coefficients of the form it names.

#include <optional>

#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/model/law_forms.hpp"

namespace rooflaw::io {

/// A sum of terms without the key; absent if it names no form. Coefficients of any other form than
/// that of the law are told so.
std::optional<model::LawForm> read_law_form(format::TableReader& reader);

}  // namespace rooflaw::io
