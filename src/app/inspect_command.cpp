#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/io/result_file.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string usage = "inspect RESULT.h5";

std::string to_string(const format::Attribute& attribute) {
  if (const auto* number = std::get_if<double>(&attribute)) return fmt::format("{:.6g}", *number);
  if (const auto* integer = std::get_if<std::int64_t>(&attribute))
    return fmt::format("{}", *integer);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute))
    return fmt::format("{}", fmt::join(*list, "."));
  return std::get<std::string>(attribute);
}

void print_attributes(const format::Hdf5Reader& file, const std::string& path) {
  for (const auto& name : file.attributes(path))
    if (name != "job_toml")  // printed last, as it has many lines
      fmt::print("  {:<18} {}\n", name, to_string(file.attribute(path, name)));
}

std::size_t rows(const format::Column& column) {
  return std::visit([](const auto& values) { return values.size(); }, column);
}

std::string range(const std::vector<double>& sorted, const char* format) {
  if (sorted.empty()) return "";
  const auto [low, high] = std::minmax(sorted.front(), sorted.back());
  return fmt::format(fmt::runtime(format), low, high);
}

void print_frontiers(const format::Hdf5Reader& file) {
  fmt::print("\nfrontiers\n  {:<50} {:>7} {:>23} {:>17} {:>9} {:>12}\n", "target", "points",
             "latency [s]", "loss", "certified", "extrapolated");
  for (const auto& table : io::result_tables(file, "frontiers")) {
    const auto latency = format::column_as<double>(file, table.group + "/latency_s");
    const auto loss = format::column_as<double>(file, table.group + "/loss");
    const auto flags = format::column_as<std::int64_t>(file, table.group + "/extrapolated");
    const auto outside = static_cast<double>(std::count(flags.begin(), flags.end(), 1));
    fmt::print("  {:<50} {:>7} {:>23} {:>17} {:>9} {:>11.1f}%\n", table.target, latency.size(),
               range(latency, "{:.4g} .. {:.4g}"), range(loss, "{:.4f} .. {:.4f}"),
               to_string(file.attribute(table.group, "certified")),
               flags.empty() ? 0.0 : 100.0 * outside / static_cast<double>(flags.size()));
  }
}

void print_refined(const format::Hdf5Reader& file) {
  const auto tables = io::result_tables(file, "refined");
  if (tables.empty()) return;
  fmt::print("\nrefined: points between those of the space\n  {:<50} {:>7} {:>17}\n", "target",
             "points", "hypervolume [%]");
  for (const auto& table : tables)
    fmt::print("  {:<50} {:>7} {:>+17.3f}\n", table.target,
               rows(file.column(table.group + "/loss")),
               100 * format::attribute_as<double>(file, table.group, "hypervolume_gain"));
}

/// How far the search is above the closed-form optimum under each point's latency and memory.
void print_theory_gaps(const format::Hdf5Reader& file) {
  const auto tables = io::result_tables(file, "theory");
  if (tables.empty()) return;
  fmt::print("\nloss of the search above the closed forms [nats]\n  {:<50} {:>9} {:>9} {:>9}  {}\n",
             "target", "least", "median", "largest", "binds at most points");
  for (const auto& table : tables) {
    auto gaps = format::column_as<double>(file, table.group + "/search_minus_theory_loss");
    std::erase_if(gaps, [](double gap) { return std::isnan(gap); });
    if (gaps.empty()) continue;
    std::sort(gaps.begin(), gaps.end());
    std::map<std::string, int> count;
    for (const auto& name : format::column_as<std::string>(file, table.group + "/binding"))
      ++count[name];
    const auto most = std::max_element(count.begin(), count.end(),
                                       [](auto& x, auto& y) { return x.second < y.second; });
    if (most == count.end())
      throw FileError(file.file(), table.group + ": columns differ in length");
    fmt::print("  {:<50} {:>9.4f} {:>9.4f} {:>9.4f}  {}\n", table.target, gaps.front(),
               gaps[gaps.size() / 2], gaps.back(), most->first);
  }
}

}  // namespace

ExitCode inspect_command(const Arguments& arguments) {
  const auto values = parse_arguments(
      arguments, usage, "Where a result comes from: program, job, inputs; and what is in it.",
      po::options_description("options"), {"RESULT.h5"});
  if (!values) return ExitCode::done;
  const auto file = io::open_result(required(*values, "RESULT.h5", usage));

  fmt::print("{}\n", file.file());
  print_attributes(file, "/");
  fmt::print("\nrun\n");
  print_attributes(file, "/runtime");
  fmt::print("\ninputs\n");
  for (const auto& kind : file.groups("/inputs"))
    for (const auto& id : file.datasets("/inputs/" + kind)) {
      const std::string path = "/inputs/" + kind + "/" + id;
      fmt::print("  {:<10} {:<28} sha256 {:.16} {}\n", kind, id,
                 to_string(file.attribute(path, "sha256")),
                 to_string(file.attribute(path, "file")));
    }
  fmt::print("\ntargets: {}\n", rows(file.column("/targets/id")));
  print_frontiers(file);
  print_refined(file);
  print_theory_gaps(file);
  fmt::print("\njob\n{}\n", to_string(file.attribute("/", "job_toml")));
  return ExitCode::done;
}

}  // namespace rooflaw::app
