#include "rooflaw/app/command_line.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <new>
#include <span>
#include <system_error>
#include <typeinfo>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "help_pages.hpp"
#include "rooflaw/core/out_of_memory.hpp"
#include "rooflaw/core/patient_write.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/format/words.hpp"

template <>
struct fmt::formatter<boost::program_options::options_description> : fmt::ostream_formatter {};

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {
std::string behind(const std::string& hint) { return hint.empty() ? "" : "; " + hint; }
}  // namespace

std::optional<po::variables_map> parse_arguments(const Arguments& arguments,
                                                 const std::string& usage,
                                                 const std::string& purpose,
                                                 const po::options_description& options,
                                                 const std::vector<std::string>& positional) {
  po::options_description all;
  all.add(options);
  all.add_options()("help,h", "print this help");
  if (arguments.size() == 3 && arguments[0] == "--help-as") {
    const CommandHelp help{usage, arguments[2], purpose, all};
    if (arguments[1] == "man") fmt::print("{}", manual_page(help));
    if (arguments[1] == "bash") fmt::print("{}", bash_branch(help));
    if (arguments[1] == "zsh") fmt::print("{}", zsh_branch(help));
    return std::nullopt;
  }
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
  } catch (const po::unknown_option& e) {
    std::vector<std::string> names;
    for (const auto& option : all.options()) names.push_back("--" + option->long_name());
    throw Error(fmt::format("{}{}\nusage: rooflaw {}", e.what(),
                            behind(format::did_you_mean(e.get_option_name(), names)), usage),
                ExitCode::bad_input);
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
  if (values.count(name) == 0) {
    // A place is called in capitals, an option in small letters.
    const bool is_option = std::islower(static_cast<unsigned char>(name.front())) != 0;
    throw Error(
        fmt::format("{}{} is missing\nusage: rooflaw {}", is_option ? "--" : "", name, usage),
        ExitCode::bad_input);
  }
  return values[name].as<std::string>();
}

std::vector<std::string> texts(const po::variables_map& values, const char* name) {
  return values.count(name) == 0 ? std::vector<std::string>{}
                                 : values[name].as<std::vector<std::string>>();
}

InputError bad_option(const std::string& option, const std::string& value, const std::string& rule,
                      const std::string& hint) {
  return InputError(
      {{.file = "command line", .key = "--" + option, .value = value, .rule = rule, .hint = hint}});
}

double positive_quantity(const std::string& option, const std::string& text,
                         format::Dimension dimension) {
  const auto quantity = format::read_quantity(text, dimension);
  if (quantity.value && *quantity.value > 0.0) return *quantity.value;
  const std::string rule = fmt::format("must be a number of {} > 0, or one with {}{}",
                                       format::si_unit(dimension), format::unit_names(dimension),
                                       quantity.fault.empty() ? "" : ": " + quantity.fault);
  throw bad_option(option, text, rule, quantity.hint);
}

void add_seal_option(po::options_description& options) {
  options.add_options()("unsealed", po::bool_switch(),
                        "read a result, too, that another program has changed");
}

format::Seal seal_option(const po::variables_map& values) {
  return values["unsealed"].as<bool>() ? format::Seal::may_be_gone : format::Seal::required;
}

ExitCode run_to_end(const std::function<ExitCode()>& work) {
  try {
    const ExitCode code = work();
    if (std::fflush(stdout) != 0) throw FileError("stdout", "cannot be written");
    return code;
  } catch (const EndedBySignal& ended) {
    std::signal(ended.signal(), SIG_DFL);
    std::raise(ended.signal());
    return ExitCode::internal_error;  // not for one that stops
  } catch (const std::exception& e) {
    return report_error(e);
  }
}

ExitCode report_error(const std::exception& error) {
  // Each fault as FILE:LINE:COL: ..., so that editors find the place.
  if (const auto* input = dynamic_cast<const InputError*>(&error)) {
    say(fmt::format("{}\n", input->what()));
    return input->exit_code();
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    const bool sized = dynamic_cast<const OutOfMemory*>(&error) != nullptr;
    say("rooflaw: ");
    say(sized ? error.what() : "out of memory");
    say("\n");
    return ExitCode::internal_error;
  }
  // fmt::print on a full stdout
  if (typeid(error) == typeid(std::system_error))
    return report_error(FileError(
        "stdout",
        "cannot be written: " + dynamic_cast<const std::system_error&>(error).code().message()));
  // What a file holds may be part of it.
  say(fmt::format("rooflaw: {}\n", printable(error.what(), "\n")));
  if (const auto* known = dynamic_cast<const Error*>(&error)) return known->exit_code();
  // std::filesystem
  if (dynamic_cast<const std::system_error*>(&error) != nullptr) return ExitCode::file_error;
  return ExitCode::internal_error;
}

namespace {
struct Scale {
  double unit;
  const char* name;
};

/// In the largest unit that leaves a number >= 1 when it is rounded; `plain` is the one without a
/// prefix.
std::string scaled(double x, std::span<const Scale> scales, const char* plain) {
  if (!std::isfinite(x)) return fmt::format("{}", x);
  const auto with = [](double number, const std::string& unit) {
    return unit.empty() ? fmt::format("{:.4g}", number) : fmt::format("{:.4g} {}", number, unit);
  };
  const double size = std::abs(x);
  const double largest = scales.front().unit * 9999.5;
  const double smallest = std::min(scales.back().unit, 1.0) / 1000;
  if (size == 0.0) return with(0.0, plain);
  if (size >= largest || size < smallest) return with(x, plain);
  for (const auto& [unit, name] : scales)
    if (size >= unit * 0.99995) return with(x / unit, name);
  return with(x / scales.back().unit, scales.back().name);
}
}  // namespace

std::string readable_seconds(double seconds) {
  static constexpr Scale scales[] = {
      {31557600.0, "years"}, {86400.0, "d"}, {3600.0, "h"}, {1.0, "s"},
      {1e-3, "ms"},          {1e-6, "us"},   {1e-9, "ns"}};
  return scaled(seconds, scales, "s");
}

std::string readable_bytes(double bytes) {
  static constexpr Scale scales[] = {{0x1p60, "EiB"}, {0x1p50, "PiB"}, {0x1p40, "TiB"},
                                     {0x1p30, "GiB"}, {0x1p20, "MiB"}, {0x1p10, "KiB"},
                                     {1.0, "B"}};
  return scaled(bytes, scales, "B");
}

std::string readable_count(double count, std::string_view unit) {
  static constexpr Scale scales[] = {{1e18, "E"}, {1e15, "P"}, {1e12, "T"}, {1e9, "G"},
                                     {1e6, "M"},  {1e3, "k"},  {1.0, ""}};
  const std::string text = scaled(count, scales, "");
  // The prefix belongs to the unit.
  const bool prefixed = !text.empty() && std::isupper(static_cast<unsigned char>(text.back())) != 0;
  if (unit.empty()) return text;
  return fmt::format("{}{}{}", text, prefixed || text.back() == 'k' ? "" : " ", unit);
}

}  // namespace rooflaw::app
