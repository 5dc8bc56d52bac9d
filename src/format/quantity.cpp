#include "rooflaw/format/quantity.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "rooflaw/format/words.hpp"

namespace rooflaw::format {

namespace {

/// A product and a quotient by a number that a double holds are each rounded once; by 1e-3 it
/// would be twice.
struct Unit {
  std::string_view name;
  Dimension dimension;
  double times;
  double per = 1.0;
};

constexpr Unit units[] = {
    {"B", Dimension::bytes, 1.0},
    {"kB", Dimension::bytes, 1e3},
    {"MB", Dimension::bytes, 1e6},
    {"GB", Dimension::bytes, 1e9},
    {"TB", Dimension::bytes, 1e12},
    {"KiB", Dimension::bytes, 0x1p10},
    {"MiB", Dimension::bytes, 0x1p20},
    {"GiB", Dimension::bytes, 0x1p30},
    {"TiB", Dimension::bytes, 0x1p40},
    {"ns", Dimension::seconds, 1.0, 1e9},
    {"us", Dimension::seconds, 1.0, 1e6},
    {"\u00b5s", Dimension::seconds, 1.0, 1e6},
    {"\u03bcs", Dimension::seconds, 1.0, 1e6},  // the Greek letter, which looks the same
    {"ms", Dimension::seconds, 1.0, 1e3},
    {"s", Dimension::seconds, 1.0},
    {"min", Dimension::seconds, 60.0},
    {"h", Dimension::seconds, 3600.0},
    {"d", Dimension::seconds, 86400.0},
    {"MB/s", Dimension::bytes_per_second, 1e6},
    {"GB/s", Dimension::bytes_per_second, 1e9},
    {"TB/s", Dimension::bytes_per_second, 1e12},
    {"GiB/s", Dimension::bytes_per_second, 0x1p30},
    {"GFLOP/s", Dimension::flop_per_second, 1e9},
    {"TFLOP/s", Dimension::flop_per_second, 1e12},
    {"PFLOP/s", Dimension::flop_per_second, 1e15},
    {"TFLOPS", Dimension::flop_per_second, 1e12},
    {"TOPS", Dimension::flop_per_second, 1e12},
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::vector<std::string> names(Dimension dimension) {
  std::vector<std::string> found;
  for (const Unit& unit : units)
    if (unit.dimension == dimension && is_ascii(unit.name)) found.emplace_back(unit.name);
  return found;
}

std::string_view name(Dimension dimension) {
  switch (dimension) {
    case Dimension::bytes:
      return "size";
    case Dimension::seconds:
      return "time";
    case Dimension::bytes_per_second:
      return "bandwidth";
    case Dimension::flop_per_second:
      return "compute rate";
    case Dimension::none:
      break;
  }
  return "number";
}

}  // namespace

std::string_view si_unit(Dimension dimension) {
  switch (dimension) {
    case Dimension::bytes:
      return "bytes";
    case Dimension::seconds:
      return "seconds";
    case Dimension::bytes_per_second:
      return "bytes/s";
    case Dimension::flop_per_second:
      return "FLOP/s";
    case Dimension::none:
      break;
  }
  return "";
}

std::string unit_names(Dimension dimension) {
  const auto all = names(dimension);
  return fmt::format("{} or {}", fmt::join(all.begin(), all.end() - 1, ", "), all.back());
}

Quantity read_quantity(std::string_view text, Dimension dimension) {
  if (text.empty()) return {.fault = "it is empty"};
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument) return {.fault = "it does not begin with a number"};
  if (error == std::errc::result_out_of_range)
    return {.fault = "the number is larger or smaller than any that is held"};
  if (std::isnan(number)) return {.fault = "it is not a number"};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.empty()) return {.value = number};
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.empty()) return {.fault = "there are spaces behind it"};

  const auto unit = std::find_if(std::begin(units), std::end(units),
                                 [&](const Unit& u) { return u.name == text; });
  if (unit == std::end(units))
    return {.fault = fmt::format("there is no unit \"{}\"", text),
            .hint = did_you_mean(std::string(text), names(dimension))};
  if (unit->dimension != dimension)
    return {.fault = fmt::format("\"{}\" is a unit of {}, not of {}", text, name(unit->dimension),
                                 name(dimension))};
  const double value = number * unit->times / unit->per;
  if (std::isinf(value) && std::isfinite(number))
    return {.fault = "the number is larger than any that is held"};
  return {.value = value, .has_unit = true};
}

}  // namespace rooflaw::format
