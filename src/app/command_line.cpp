#include "rooflaw/app/command_line.hpp"

#include <cmath>
#include <cstdio>
#include <iostream>
#include <new>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "rooflaw/core/out_of_memory.hpp"

template <>
struct fmt::formatter<boost::program_options::options_description> : fmt::ostream_formatter {};

namespace rooflaw::app {

namespace po = boost::program_options;

std::optional<po::variables_map> parse_arguments(const Arguments& arguments,
                                                 const std::string& usage,
                                                 const std::string& purpose,
                                                 const po::options_description& options,
                                                 const std::vector<std::string>& positional) {
  po::options_description all;
  all.add(options);
  all.add_options()("help,h", "print this help");
  po::options_description accepted;
  accepted.add(all);
  po::positional_options_description places;
  for (const auto& name : positional) {
    const bool takes_rest = name.ends_with("...");
    if (takes_rest)
      accepted.add_options()(name.c_str(), po::value<std::vector<std::string>>());
    else
      accepted.add_options()(name.c_str(), po::value<std::string>());
    places.add(name.c_str(), takes_rest ? -1 : 1);
  }
  po::variables_map values;
  try {
    po::store(po::command_line_parser(arguments).options(accepted).positional(places).run(),
              values);
    po::notify(values);
  } catch (const po::error& e) {
    throw Error(fmt::format("{}\nusage: rooflaw {}", e.what(), usage), ExitCode::bad_input);
  }
  if (values.count("help") > 0) {
    fmt::print("usage: rooflaw {}\n\n{}\n\n{}", usage, purpose, all);
    return std::nullopt;
  }
  return values;
}

std::string required(const po::variables_map& values, const std::string& name,
                     const std::string& usage) {
  if (values.count(name) == 0)
    throw Error(fmt::format("{} is missing\nusage: rooflaw {}", name, usage), ExitCode::bad_input);
  return values[name].as<std::string>();
}

ExitCode report_error(const std::exception& error) {
  // Not with fmt::print, which throws where stderr cannot be written.
  // Each fault as FILE:LINE:COL: ..., so that editors find the place.
  if (const auto* input = dynamic_cast<const InputError*>(&error)) {
    std::fputs(fmt::format("{}\n", input->what()).c_str(), stderr);
    return input->exit_code();
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    const bool sized = dynamic_cast<const OutOfMemory*>(&error) != nullptr;
    std::fputs("rooflaw: ", stderr);
    std::fputs(sized ? error.what() : "out of memory", stderr);
    std::fputs("\n", stderr);
    return ExitCode::internal_error;
  }
  std::fputs(fmt::format("rooflaw: {}\n", error.what()).c_str(), stderr);
  if (const auto* known = dynamic_cast<const Error*>(&error)) return known->exit_code();
  // fmt::print on a full stdout, std::filesystem
  if (dynamic_cast<const std::system_error*>(&error) != nullptr) return ExitCode::file_error;
  return ExitCode::internal_error;
}

namespace {
struct Scale {
  double unit;
  const char* name;
};
/// In the largest unit that leaves a number >= 1, to four digits.
template <std::size_t N>
std::string scaled(double x, const Scale (&scales)[N]) {
  for (const auto& [unit, name] : scales)
    if (std::abs(x) >= unit) return fmt::format("{:.4g} {}", x / unit, name);
  const auto& [unit, name] = scales[N - 1];
  return fmt::format("{:.4g} {}", x / unit, name);
}
}  // namespace

std::string readable_seconds(double seconds) {
  static constexpr Scale scales[] = {{1.0, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  return scaled(seconds, scales);
}
std::string readable_bytes(double bytes) {
  static constexpr Scale scales[] = {
      {0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"}, {0x1p10, "KiB"}, {1.0, "B"}};
  return scaled(bytes, scales);
}
std::string readable_count(double count) {
  static constexpr Scale scales[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1.0, ""}};
  return scaled(count, scales);
}

}  // namespace rooflaw::app
