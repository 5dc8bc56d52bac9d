#include <set>

#include <fmt/format.h>

#include "apart.hpp"
#include "budget_option.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/comparison.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/io/result_file.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string compare_usage =
    "compare RESULT.h5 --baseline DEVICE [--at-model MODEL]... [--budget KIND=TIME]... "
    "[--verbose] [--json | --csv] [--unsealed]";

/// A comparison has times to compare at only.
model::Limit time_from(const std::string& text) {
  const auto budget = budget_from(text);
  if (budget.objective == model::Objective::energy || budget.objective == model::Objective::memory)
    throw bad_option("budget", text, "must be prefill=TIME, tpot=TIME or total=TIME");
  return budget;
}

/// Those of the job, and those named here in the place of one of the same id.
std::vector<io::ModelEntry> models_of(const format::Hdf5Reader& file, const po::variables_map& v) {
  auto models = io::read_compared_models(file);
  io::SourceFiles files;
  for (const auto& word : texts(v, "at-model"))
    for (auto& model : io::named_models(file, files, "--at-model", word)) {
      std::erase_if(models, [&](const auto& other) { return other.id == model.id; });
      models.push_back(std::move(model));
    }
  return models;
}

}  // namespace

ExitCode compare_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("baseline", po::value<std::string>(),
                        "device that the others are compared "
                        "with")(
      "at-model", po::value<std::vector<std::string>>()->composing(),
      "id, file or config.json of a model to place on every device; may be given again")(
      "budget", po::value<std::vector<std::string>>()->composing(),
      "time to compare at, total=100ms, instead of five of the baseline's; may be given again")(
      "verbose,v", po::bool_switch(), "print the tables of each precision alone, too")(
      "json", po::bool_switch(), "print one JSON object, numbers in full")(
      "csv", po::bool_switch(), "print one table, a row a device, time, architecture and model");
  add_seal_option(options);
  const auto values = parse_arguments(
      arguments, compare_usage,
      "Devices side by side, from one result.\nBest loss within a time, time ratio at equal loss, "
      "each one's best architecture and public\nmodels on the others, what more of a chip is "
      "worth.\nExample: rooflaw compare results/both.h5 --baseline jetson-agx-orin-64gb"
      " --budget total=100ms",
      options, {"RESULT.h5"});
  if (!values) return ExitCode::done;
  const bool as_json = (*values)["json"].as<bool>(), csv = (*values)["csv"].as<bool>();
  if (as_json && csv)
    throw Error(
        fmt::format("--json and --csv exclude each other\nusage: rooflaw {}", compare_usage),
        ExitCode::bad_input);
  const std::string path = required(*values, "RESULT.h5", compare_usage);
  ComparisonQuestion question{
      .baseline = required(*values, "baseline", compare_usage), .models = {}, .budgets = {}};
  for (const auto& text : texts(*values, "budget")) question.budgets.push_back(time_from(text));
  return read_apart({path}, [&] {
    const auto file = io::open_result(path, seal_option(*values));
    question.models = models_of(file, *values);
    const DeviceComparison c = compare(file, question);
    // Ids of a file from elsewhere must not reach the terminal's controls.
    if (as_json)
      fmt::print("{}\n",
                 comparison_json(c).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    else
      fmt::print("{}", printable(csv ? comparison_csv(c)
                                     : comparison_text(c, terminal_width(),
                                                       (*values)["verbose"].as<bool>()),
                                 "\n"));
    for (const auto& fault : c.faults) fmt::print(stderr, "rooflaw: {}\n", printable(fault));
    return c.faults.empty() ? ExitCode::done : ExitCode::bad_input;
  });
}

}  // namespace rooflaw::app
