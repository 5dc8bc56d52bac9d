#include <filesystem>
#include <fstream>
#include <span>

#include <fmt/format.h>

#include "apart.hpp"
#include "budget_option.hpp"
#include "report/assets.hpp"
#include "report/figures.hpp"
#include "report/page.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/core/patient_write.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/io/result_file.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

const std::string report_usage =
    "report RESULT.h5 [-o FILE.html] [--png DIR] [--svg DIR] [--budget KIND=VALUE]... "
    "[--baseline DEVICE] [--portfolio PORTFOLIO.h5] [--force] [--unsealed]";

/// What every page begins with; by it a page may be written again without --force.
constexpr std::string_view page_start = "<!DOCTYPE html>\n<!-- rooflaw report -->\n";

bool is_page(const std::string& path) {
  std::string start(page_start.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  return file && start == page_start;
}

bool is_hdf5(const std::string& path) {
  constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
  std::string start(signature.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  return file && start == signature;
}

/// Only a page is replaced without being asked, and never a result, which took longer to make.
void require_page_or_nothing(const std::string& path, bool force) {
  if (is_hdf5(path))
    throw FileError(path, "is a result, which a page never replaces; remove it, or name another");
  format::require_writable(path);
  if (!force && fs::exists(path) && !is_page(path))
    throw FileError(path, "is there and no page of rooflaw report; --force replaces it");
}

}  // namespace

ExitCode report_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(), "HTML file to write")(
      "png", po::value<std::string>(),
      "folder for figures for papers, drawn by python3 with h5py "
      "and matplotlib (results/plot_figures.py has more options)")("svg", po::value<std::string>(),
                                                                   "the same as SVG")(
      "budget", po::value<std::vector<std::string>>()->composing(),
      "what to build within: total=100ms, prefill=, tpot=, energy=2J; default as of rooflaw best")(
      "portfolio", po::value<std::string>(),
      "what rooflaw portfolio found, to be shown on the page, too")(
      "baseline", po::value<std::string>()->default_value(""),
      "device that the others are compared with; the first of the result if not given")(
      "force", po::bool_switch(), "replace a file that is no such page");
  add_seal_option(options);
  const auto values = parse_arguments(
      arguments, report_usage,
      "A page for whoever decides: one HTML file with what to build, the frontiers to explore, "
      "chips\n"
      "side by side, what binds, the roofline, how architectures change, what more of a chip is\n"
      "worth, how far to trust it and where it is from. It loads nothing, and can be read without\n"
      "JavaScript.\nExample: rooflaw report results/quick.h5 -o results/quick.html",
      options, {"RESULT.h5"});
  if (!values) return ExitCode::done;
  const std::string result = required(*values, "RESULT.h5", report_usage);
  const auto optional = [&](const char* name) {
    return values->count(name) == 0 ? std::string() : (*values)[name].as<std::string>();
  };
  const std::string output = optional("output");
  if (output.empty() && values->count("png") + values->count("svg") == 0)
    throw Error(fmt::format("nothing to write: name a page by -o or figures by --png or --svg\n"
                            "usage: rooflaw {}",
                            report_usage),
                ExitCode::bad_input);
  report::PageQuestion question{.baseline = (*values)["baseline"].as<std::string>(), .budgets = {}};
  for (const auto& text : texts(*values, "budget")) question.budgets.push_back(budget_from(text));
  if (!output.empty()) require_page_or_nothing(output, (*values)["force"].as<bool>());
  std::vector<std::string> read{result};
  const std::string portfolio = optional("portfolio");
  if (!portfolio.empty()) read.push_back(portfolio);
  const ExitCode code = read_apart(read, [&] {
    const auto file = io::open_result(result, seal_option(*values));
    std::optional<format::Hdf5Reader> beside;
    if (!portfolio.empty()) beside.emplace(io::open_result(portfolio, seal_option(*values)));
    if (beside) question.portfolio = &*beside;
    if (output.empty()) return ExitCode::done;
    const std::string page = report::page_of(file, question);
    format::write_atomically(output, std::as_bytes(std::span(page)));
    fmt::print("report: {}\n", output);
    if (report::asset("chart-library").empty())
      say("rooflaw: built without Chart.js (Debian: libjs-chart.js): the charts do not move\n");
    return ExitCode::done;
  });
  if (code != ExitCode::done) return code;
  for (const char* kind : {"png", "svg"})
    if (const auto folder = optional(kind); !folder.empty())
      report::draw_figures({result, folder, kind, question.budgets, (*values)["force"].as<bool>(),
                            seal_option(*values) == format::Seal::may_be_gone});
  return code;
}

}  // namespace rooflaw::app
