#pragma once
// What the commands share in reading their arguments.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "rooflaw/app/commands.hpp"
#include "rooflaw/format/quantity.hpp"
#include "rooflaw/format/seal.hpp"

namespace rooflaw::app {

/// Parses the arguments of a command. `--help` prints usage and description to stdout and returns
/// nullopt, and so does `--help-as man|bash|zsh PURPOSE`, from which the build makes the manual
/// pages and completions; `usage` is the line after "rooflaw ". `positional` names the options that
/// bare words fill, in order. One whose name ends in "..." takes all that remain, as a list of
/// texts.
/// @throws Error (exit 2) for anything else wrong
std::optional<boost::program_options::variables_map> parse_arguments(
    const Arguments& arguments, const std::string& usage, const std::string& purpose,
    const boost::program_options::options_description& options,
    const std::vector<std::string>& positional);

/// The value of a required option. @throws Error (exit 2) if absent
std::string required(const boost::program_options::variables_map& values, const std::string& name,
                     const std::string& usage);

/// The values of an option that may be given again; none if it was not.
std::vector<std::string> texts(const boost::program_options::variables_map& values,
                               const char* name);

/// @returns bytes or seconds > 0, of a text with or without a unit; "inf" is infinite
/// @throws InputError for anything else
double positive_quantity(const std::string& option, const std::string& text,
                         format::Dimension dimension);

/// What is wrong with the value of an option.
InputError bad_option(const std::string& option, const std::string& value, const std::string& rule,
                      const std::string& hint = {});

/// --unsealed, of commands that read a result.
void add_seal_option(boost::program_options::options_description& options);
format::Seal seal_option(const boost::program_options::variables_map& values);

/// A child was ended by a signal that is not its own fault. Whoever started it ends likewise, but
/// in order.
class EndedBySignal : public Error {
 public:
  explicit EndedBySignal(int signal)
      : Error("a child was ended by signal " + std::to_string(signal)), signal_(signal) {}
  int signal() const { return signal_; }

 private:
  int signal_;
};

/// The code of a process that does this and nothing else: every error ends here, as text on stderr.
ExitCode run_to_end(const std::function<ExitCode()>& work);

/// Prints an error to stderr, as one line a fault for wrong input, and returns its exit code.
ExitCode report_error(const std::exception& error);

/// 0.0123 -> "12.3 ms": a time, a size, a rate a person can read, to four digits. Without a prefix
/// in powers of ten where there is no unit near, "0" with the plain unit, "inf", "-inf" and "nan"
/// alone.
std::string readable_seconds(double seconds);
std::string readable_bytes(double bytes);
/// "42.5 TFLOP/s", "42.5 T", "7"
std::string readable_count(double count, std::string_view unit = {});

}  // namespace rooflaw::app
