#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>

#include "apart.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/launcher.hpp"
#include "rooflaw/core/patient_write.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/claim.hpp"
#include "rooflaw/format/csv.hpp"
#include "rooflaw/io/result_file.hpp"
#include "tidy_tables.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

const std::string export_usage = "export RESULT.h5 -o DIR [--tidy] [--unsealed]";

/// A name with a comma or a line break would be another header.
void require_column_name(const format::Hdf5Reader& file, const std::string& group,
                         const std::string& name) {
  const auto fits = [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), fits))
    throw FileError(file.file(), group + " has a column whose name is no name: " + printable(name));
}

/// All columns of a group, which are of one length.
std::string csv(const format::Hdf5Reader& file, const std::string& group) {
  const auto names = file.datasets(group);
  for (const auto& name : names) require_column_name(file, group, name);
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
                   name.find('/') != std::string::npos || name != printable(name);
  if (odd)
    throw FileError(file.file(), "a group is called \"" + printable(name) + "\", which is no id");
}

/// A table that was exported before has the same first line; any other file is not ours.
void require_table_or_nothing(const fs::path& path, const std::string& text) {
  std::error_code absent;
  if (!fs::is_regular_file(path, absent)) return;  // what is no file is refused when it is written
  const std::string header = text.substr(0, text.find('\n') + 1);
  std::string there(header.size(), '\0');
  std::ifstream(path, std::ios::binary).read(there.data(), std::ssize(there));
  if (there != header)
    throw FileError(path.string(),
                    "is there and is no such table, as its first line says: such a file is never "
                    "replaced; remove it, or choose another folder");
}

/// Folders that are made for files; those that got none are gone in the end.
class Folders {
 public:
  Folders() = default;
  ~Folders() {
    std::error_code not_empty;
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) fs::remove(*path, not_empty);
  }
  Folders(const Folders&) = delete;
  Folders& operator=(const Folders&) = delete;

  void make(const fs::path& path) {
    std::error_code error;
    std::vector<fs::path> missing;
    for (fs::path p = path; !p.empty() && !fs::exists(p, error); p = p.parent_path())
      missing.push_back(p);
    error.clear();
    for (auto p = missing.rbegin(); p != missing.rend() && !error; ++p)
      if (fs::create_directory(*p, error)) made_.push_back(*p);
    if (error) throw FileError(path.string(), "cannot be made: " + error.message());
    if (!fs::is_directory(path, error)) throw FileError(path.string(), "is a file, not a folder");
  }

 private:
  std::vector<fs::path> made_;
};

constexpr auto intensity_folder = "intensity";  // of one law

/// All tables of a result, or nothing: they get their names when the last one is written.
class Export {
 public:
  Export(format::Hdf5Reader& file, fs::path folder, Folders& folders)
      : file_(file), folder_(std::move(folder)), folders_(folders) {}

  void run() {
    const auto targets = io::read_targets(file_);
    require_file_names();
    add("", folder_, "/targets");  // first in what is printed
    for (const auto& target : targets) {
      require_file_name(file_, target.id);
      // Checked as a whole result; its columns are then there for the tables, too.
      const format::Hdf5Reader::Kept kept(file_);
      const auto found = io::read_target(file_, target);
      const auto add_of = [&](const std::string& kind, const std::string& law) {
        if (const std::string group = fmt::format("/{}/{}/{}", kind, law, target.id);
            file_.has(group))
          add(kind, folder_ / kind / law, group);
      };
      for (const std::string kind : io::result_kinds)
        if (!io::is_of_opinions(kind)) add_of(kind, target.law);
      if (found.opinions)
        for (const auto& opinion : found.opinions->by_law)
          for (const std::string kind : io::result_kinds)
            if (io::is_of_opinions(kind)) add_of(kind, opinion.law);
      if (found.intensity)
        add(intensity_folder, folder_ / intensity_folder, io::intensity_group(target));
    }
    files_.keep();
  }

  void run_tidy() {
    add_table("", folder_, folder_ / "frontiers.csv", tidy_frontiers(file_));
    add_table("", folder_, folder_ / "best.csv", tidy_best(file_));
    files_.keep();
  }

  /// Tables that an earlier export has left: whoever reads all of a folder would read them, too.
  std::size_t others() const {
    std::size_t count = 0;
    for (const auto& place : seen_)
      for (const auto& there : fs::directory_iterator(place))
        if (there.path().extension() == ".csv" && !paths_.contains(there.path())) ++count;
    return count;
  }

  void print() const {
    for (const auto& [kind, paths] : written_)
      for (const auto& path : paths) fmt::print("{}\n", path);
  }

 private:
  void require_file_names() const {
    for (const std::string kind : io::result_kinds)
      for (const auto& table : io::result_tables(file_, kind)) {
        require_file_name(file_, table.law);
        require_file_name(file_, table.target);
      }
  }

  void add(const std::string& kind, const fs::path& place, const std::string& group) {
    add_table(kind, place, place / (fs::path(group).filename().string() + ".csv"),
              csv(file_, group));
  }

  void add_table(const std::string& kind, const fs::path& place, const fs::path& path,
                 const std::string& text) {
    if (seen_.insert(place).second) {
      for (fs::path p = place; p != folder_; p = p.parent_path())
        if (fs::is_symlink(p))
          throw FileError(p.string(), "is a link to another place; tables go below their folder");
      folders_.make(place);
      format::remove_leftovers_in(place.string(), ".csv");
    }
    require_table_or_nothing(path, text);
    files_.add(path.string(), std::as_bytes(std::span<const char>(text)));
    written_[kind].push_back(path.string());
    paths_.insert(path);
  }

  format::Hdf5Reader& file_;
  fs::path folder_;
  Folders& folders_;
  format::AtomicFiles files_;
  std::set<fs::path> seen_;
  std::map<std::string, std::vector<std::string>> written_;
  std::set<fs::path> paths_;
};

/// Of a child that crashed.
void remove_leftovers(const fs::path& folder) {
  std::error_code absent;
  format::remove_leftovers_in(folder.string(), ".csv");
  for (const std::string kind : io::result_kinds) {
    for (const auto& law : fs::directory_iterator(folder / kind, absent)) {
      format::remove_leftovers_in(law.path().string(), ".csv");
      fs::remove(law, absent);  // if nothing is in it
    }
    fs::remove(folder / kind, absent);
  }
  format::remove_leftovers_in((folder / intensity_folder).string(), ".csv");
  fs::remove(folder / intensity_folder, absent);
}

}  // namespace

ExitCode export_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(),
                        "folder for the CSV files; made if it is not there")(
      "tidy", po::bool_switch(),
      "two tables instead: frontiers.csv and best.csv, what a row is of in its columns");
  add_seal_option(options);
  const auto values = parse_arguments(
      arguments, export_usage,
      "Every table of a result as a CSV file: DIR/targets.csv, DIR/frontiers/LAW/TARGET.csv, "
      "...\nExample: rooflaw export results/quick.h5 -o results/csv",
      options, {"RESULT.h5"});
  if (!values) return ExitCode::done;
  cluster::require_alone("export");
  const std::string result = required(*values, "RESULT.h5", export_usage);
  const fs::path folder = required(*values, "output", export_usage);
  Folders folders;
  folders.make(folder);
  // A result may be on its way to this very name.
  format::require_unclaimed(folder.string(), format::claim_path(folder.string()));
  format::Claim claim(folder.string(), (folder / "export.claim").string(),
                      fmt::format("rooflaw export {}", fmt::join(arguments, " ")));
  const auto export_all = [&] {
    auto file = io::open_result(result, seal_option(*values));
    Folders below;  // not those of the parent
    Export tables(file, folder, below);
    if ((*values)["tidy"].as<bool>())
      tables.run_tidy();
    else
      tables.run();
    claim.release();  // whoever reads what is printed may not read it, or close the pipe
    if (const auto others = tables.others(); others > 0)
      say(fmt::format("rooflaw: {}: holds {} more CSV files, which are not of this result\n",
                      folder.string(), others));
    tables.print();
    return ExitCode::done;
  };
  try {
    return read_apart({result}, export_all);
  } catch (const Error&) {
    remove_leftovers(folder);
    throw;
  }
}

}  // namespace rooflaw::app
