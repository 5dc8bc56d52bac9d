#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/launcher.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/csv.hpp"
#include "rooflaw/io/result_file.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

const std::string usage = "export RESULT.h5 -o DIR";

/// All columns of a group, which are of one length.
std::string csv(const format::Hdf5Reader& file, const std::string& group) {
  const auto names = file.datasets(group);
  std::vector<format::Column> columns;
  for (const auto& name : names) columns.push_back(file.column(group + "/" + name));
  const auto length = [](const format::Column& column) {
    return std::visit([](const auto& values) { return values.size(); }, column);
  };
  for (const auto& column : columns)
    if (length(column) != length(columns.front()))
      throw FileError(file.file(), group + ": columns differ in length");
  return format::csv(names, columns);
}

/// A name of a group becomes that of a file or folder here; that of a foreign file could lead out
/// of the folder for the CSV files.
void require_file_name(const format::Hdf5Reader& file, const std::string& name) {
  const bool odd = name.empty() || name == "." || name == ".." ||
                   std::any_of(name.begin(), name.end(), [](char c) {
                     return c == '/' || static_cast<unsigned char>(c) < 0x20;
                   });
  if (odd) throw FileError(file.file(), "a group is called \"" + name + "\", which is no id");
}

void write_csv(const fs::path& path, const std::string& text) {
  format::write_atomically(path.string(), std::as_bytes(std::span<const char>(text)));
  fmt::print("{}\n", path.string());
}

}  // namespace

ExitCode export_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(),
                        "folder for the CSV files; made if it is not there");
  const auto values = parse_arguments(
      arguments, usage,
      "Every table of a result as a CSV file: DIR/targets.csv, DIR/frontiers/LAW/TARGET.csv, ...",
      options, {"RESULT.h5"});
  if (!values) return ExitCode::done;
  cluster::require_alone("export");
  const auto file = io::open_result(required(*values, "RESULT.h5", usage));
  const fs::path folder = required(*values, "output", usage);

  // Nothing is written of a file that is not a whole result.
  for (const auto& target : io::read_targets(file)) io::read_target(file, target);
  for (const std::string kind : io::result_kinds)
    for (const auto& table : io::result_tables(file, kind)) {
      require_file_name(file, table.law);
      require_file_name(file, table.target);
    }

  const auto make = [](const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) throw FileError(path.string(), "cannot be made: " + error.message());
  };
  make(folder);
  write_csv(folder / "targets.csv", csv(file, "/targets"));
  for (const std::string kind : io::result_kinds) {
    for (const auto& table : io::result_tables(file, kind)) {
      const fs::path place = folder / kind / table.law;
      make(place);
      write_csv(place / (table.target + ".csv"), csv(file, table.group));
    }
  }
  return ExitCode::done;
}

}  // namespace rooflaw::app
