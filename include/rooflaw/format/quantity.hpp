#pragma once
// Sizes, times and rates as people write them: "4GiB", "7.3 GB", "20ms", "204.8GB/s", "85 TFLOP/s".
// A number alone is bytes, seconds, bytes or FLOP per second. Units are written as in the table of
// quantity.cpp, letter case included: kB is 1000 bytes and KiB 1024; KB, K and G are none, since
// they are used for both.

#include <optional>
#include <string>
#include <string_view>

namespace rooflaw::format {

enum class Dimension { none, bytes, seconds, bytes_per_second, flop_per_second };

struct Quantity {
  std::optional<double> value{};  // in the SI unit; infinite for "inf", never NaN
  bool has_unit = false;
  std::string fault{};  // why there is no value
  std::string hint{};   // "did you mean ..."; may be empty
};

/// Reads digits with or without a point and an exponent, spaces or none, and a unit or none. A
/// whole number of a unit gives the double nearest to the product: "20ms" is 0.02. Negative numbers
/// and zero are read too.
Quantity read_quantity(std::string_view text, Dimension dimension);

/// "bytes", "seconds", ...: what a number alone counts.
std::string_view si_unit(Dimension dimension);

/// B, kB, MB, ... or ns, us, ms, ...: those of a dimension.
std::string unit_names(Dimension dimension);

}  // namespace rooflaw::format
