#include "attribute_text.hpp"

#include <fmt/format.h>

namespace rooflaw::app {

std::string attribute_text(const format::Attribute& attribute) {
  if (const auto* number = std::get_if<double>(&attribute)) return fmt::format("{:.6g}", *number);
  if (const auto* integer = std::get_if<std::int64_t>(&attribute))
    return fmt::format("{}", *integer);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute))
    return fmt::format("{}", fmt::join(*list, "."));
  return std::get<std::string>(attribute);
}

}  // namespace rooflaw::app
