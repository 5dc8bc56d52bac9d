#include "rooflaw/search/method.hpp"

#include <array>

namespace rooflaw::search {

namespace {

struct Entry {
  std::string_view name;
  Method with_defaults;
  std::string_view how_found;
};
const std::array<Entry, std::variant_size_v<Method>> methods = {
    {{"exact", Exact{}, "of those scored"},
     {"grid", Grid{}, "of those scored"},
     {"sample", Sample{}, "of those sampled"},
     {"plas", PlasOptions{}, "found by plas"}}};

std::optional<double> gap_of(const Exact& exact) { return exact.tolerance; }
std::optional<double> gap_of(const Grid&) { return 0.0; }
std::optional<double> gap_of(const Sample&) { return std::nullopt; }
std::optional<double> gap_of(const PlasOptions&) { return std::nullopt; }

}  // namespace

std::string_view to_string(const Method& method) { return methods.at(method.index()).name; }

std::optional<Method> method_from(std::string_view name) {
  for (const auto& entry : methods)
    if (entry.name == name) return entry.with_defaults;
  return std::nullopt;
}

std::optional<double> proven_gap(const Method& method) {
  return std::visit([](const auto& options) { return gap_of(options); }, method);
}

Method method_under(const Method& method, const model::LawCoefficients<double>& law) {
  if (std::holds_alternative<Exact>(method) && !model::is_monotone(law)) return Grid{};
  return method;
}

std::string_view how_found(const Method& method) { return methods.at(method.index()).how_found; }

double max_seconds(const Method& method) {
  return std::visit(
      [](const auto& options) {
        if constexpr (requires { options.max_seconds; })
          return options.max_seconds;
        else
          return no_limit;
      },
      method);
}

}  // namespace rooflaw::search
