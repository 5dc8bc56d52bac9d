#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "law_fit.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/each_piece.hpp"
#include "rooflaw/cluster/mpi_communicator.hpp"
#include "rooflaw/cluster/signals.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/sha256.hpp"
#include "rooflaw/format/words.hpp"
#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/io/replace.hpp"
#include "rooflaw/io/runs_csv.hpp"
#include "run_and_write.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string fit_usage =
    "fit RUNS.csv -o LAW.toml [--terms LIST] [--lowest N] [--resamples N] [--seed N] [--id ID] "
    "[--force] [--json]";
constexpr auto runs_file = "RUNS.csv";
constexpr std::uint64_t least_resamples = 40, most_resamples = 10000;

struct FitRequest {
  std::string runs;
  std::string output;
  std::string id;
  std::vector<const fit::TermForm*> terms;
  std::uint64_t lowest = 0;  // 0: all runs
  fit::StudyOptions study;
  bool force = false;
  bool json = false;
  cluster::WatchOptions watch;
};

/// On one rank of several; see RankedCommand for who does what.
class Fitting {
 public:
  Fitting(const FitRequest& request, cluster::Communicator& ranks)
      : request_(request), ranks_(ranks) {}

  Bytes prepare(cluster::WatchOptions&) {
    cluster::catch_signals();
    io::require_own_table(request_.output, law_begins, "law that fit wrote");
    read();
    return packed(files_.pack());
  }

  void work(const Bytes& prepared, cluster::Watch& watch) {
    if (!ranks_.is_root()) {
      cluster::catch_signals();
      files_ = io::SourceFiles::unpack(unpacked<std::string>(prepared));
      read();
    }
    study_.emplace(runs_, identified_.terms, request_.study);
    const auto pieces = cluster::each_piece(
        study_->pieces(), [&](std::size_t i) { return study_->name_of_piece(i); },
        [&](std::size_t i) { return packed(study_->make(i)); }, ranks_, watch);
    for (const auto& piece : pieces)
      made_.push_back(unpacked<std::vector<std::vector<double>>>(piece));
  }

  void finish(cluster::Watch&) {
    FittedLaw law;
    law.id = request_.id;
    law.data = printable(std::filesystem::path(request_.runs).filename().string());
    law.sha256 = format::sha256_hex(files_.read_given(request_.runs));
    law.seed = request_.study.seed;
    law.rows = rows_;
    for (const auto* form : identified_.terms.forms) law.terms.emplace_back(form->name);
    law.notes = identified_.notes;
    for (const auto& refusal : identified_.refusals) law.notes.push_back(refusal + " (--force).");
    describe_runs(law, runs_, *study_);
    law.report = study_->report(made_);
    const std::string text = law_file(law);
    require_same_or_forced(text);
    format::write_atomically(request_.output, std::as_bytes(std::span(text)));
    fmt::print("{}", request_.json ? law_json(law) + "\n" : law_report(law, terminal_width()));
    if (!request_.json) fmt::print("\nlaw {}: {}\n", law.id, request_.output);
  }

 private:
  /// What is there may have been changed by hand, or be of other runs.
  void require_same_or_forced(const std::string& text) const {
    std::ifstream file(request_.output, std::ios::binary);
    if (!file || request_.force) return;
    const std::string there{std::istreambuf_iterator<char>(file), {}};
    if (there != text)
      throw FileError(request_.output,
                      "is there and is not what this fit gives: another fit, or changed since; "
                      "--force replaces it");
  }

  void require_losses() const {
    const auto [least, most] =
        std::minmax_element(runs_.rows.begin(), runs_.rows.end(),
                            [](const fit::Run& a, const fit::Run& b) { return a.loss < b.loss; });
    if (least->loss == most->loss)
      throw Error(fmt::format("{}: the loss does not vary: there is nothing to fit", request_.runs),
                  ExitCode::bad_input);
    if (least->loss <= fit::least_floor)
      throw Error(fmt::format("{}:{}: loss = {}: must be above {}, the least that the irreducible "
                              "loss may be; losses are in nats per token",
                              request_.runs, least->line, least->loss, fit::least_floor),
                  ExitCode::bad_input);
  }

  /// The runs and what of the law they tell; the same on all ranks.
  void read() {
    format::Faults faults;
    runs_ = io::read_runs(request_.runs, files_, request_.force, faults);
    faults.throw_if_any();
    rows_ = runs_.rows.size();
    if (request_.lowest > 0) fit::keep_lowest(runs_, request_.lowest);
    if (runs_.rows.empty())
      throw Error(fmt::format("{}: no runs are left", request_.runs), ExitCode::bad_input);
    require_losses();
    identified_ = fit::identify(runs_, request_.terms, request_.study.seed);
    if (!identified_.refusals.empty() && !request_.force)
      throw Error(fmt::format("{}: {}; --force goes on", request_.runs,
                              fmt::join(identified_.refusals, "; ")),
                  ExitCode::bad_input);
  }

  const FitRequest& request_;
  cluster::Communicator& ranks_;
  io::SourceFiles files_;
  fit::Runs runs_;
  std::size_t rows_ = 0;  // of the file
  fit::Identified identified_;
  std::optional<fit::LawStudy> study_;
  fit::Made made_;
};

ExitCode fit_on(cluster::Communicator& ranks, const FitRequest& request) {
  Fitting fitting(request, ranks);
  return run_and_write(ranks, request.watch, fitting);
}

/// In the order of the law, each once.
std::vector<const fit::TermForm*> terms_option(const std::string& text) {
  std::vector<std::string> names, known;
  std::vector<std::string_view> words;
  for (std::size_t at = 0; !text.empty() && at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    names.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  for (const auto& form : fit::term_forms()) {
    known.emplace_back(form.name);
    words.push_back(form.name);
  }
  for (const auto& name : names)
    if (fit::find_term(name) == nullptr)
      throw bad_option("terms", name, format::one_of(words) + ", with commas between",
                       format::did_you_mean(name, known));
  std::vector<const fit::TermForm*> forms;
  for (const auto& form : fit::term_forms())
    if (std::find(names.begin(), names.end(), form.name) != names.end()) forms.push_back(&form);
  return forms;
}

/// The stem of the output as an id.
std::string id_of(const std::string& output) {
  std::string id = format::lower(std::filesystem::path(output).stem().string());
  for (char& c : id)
    if (std::string_view("abcdefghijklmnopqrstuvwxyz0123456789._-").find(c) ==
        std::string_view::npos)
      c = '-';
  return id;
}

std::uint64_t count_option(const po::variables_map& values, const char* option, std::uint64_t least,
                           std::uint64_t most) {
  const auto x = values[option].as<std::int64_t>();
  if (x < 0 || static_cast<std::uint64_t>(x) < least || static_cast<std::uint64_t>(x) > most)
    throw bad_option(option, fmt::format("{}", x),
                     fmt::format("must be a whole number from {} to {}", least, most));
  return static_cast<std::uint64_t>(x);
}

}  // namespace

ExitCode fit_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(), "file for the law")(
      "terms", po::value<std::string>()->default_value(""),
      "of depth, sparsity, capacity, kv, tokens, parameters, with commas between; without it those "
      "that the runs can tell, but for parameters")(
      "lowest", po::value<std::int64_t>(),
      "fit to so many runs of lowest loss only; equal ones stay or go together")(
      "resamples", po::value<std::int64_t>()->default_value(1000),
      "for the intervals, and for a search that is to know how sure the law is")(
      "seed", po::value<std::int64_t>()->default_value(1),
      "of starts, resamples and held-out runs")("id", po::value<std::string>()->default_value(""),
                                                "of the law; without it the name of the output")(
      "force", po::bool_switch(),
      "go on with too few runs, with runs that stand twice and with values that are far off")(
      "json", po::bool_switch(), "print the report as JSON");
  const auto values = parse_arguments(
      arguments, fit_usage,
      "Fits the loss law to finished training runs: a CSV with a row each, columns loss, l, d, "
      "dm,\n"
      "r, rho, tokens, params_total (inputs/README.md). Tells how sure each coefficient is, how "
      "wrong\n"
      "the law is on runs that it has not seen, and what the runs do not tell. Alone or under "
      "mpirun,\n"
      "with the same result.\nExample: rooflaw fit runs.csv -o my-law.toml",
      options, {runs_file});
  if (!values) return ExitCode::done;
  FitRequest request;
  request.runs = required(*values, runs_file, fit_usage);
  request.output = required(*values, "output", fit_usage);
  request.terms = terms_option((*values)["terms"].as<std::string>());
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  if (values->count("lowest") > 0) request.lowest = count_option(*values, "lowest", 1, most);
  request.study.resamples = count_option(*values, "resamples", least_resamples, most_resamples);
  request.study.seed = count_option(*values, "seed", 0, most);
  const auto id = (*values)["id"].as<std::string>();
  request.id = id.empty() ? id_of(request.output) : id;
  if (!io::is_id(request.id))
    throw bad_option("id", request.id, "must be 1 to 64 characters of a-z, 0-9, '.', '_' and '-'");
  request.force = (*values)["force"].as<bool>();
  request.json = (*values)["json"].as<bool>();
  cluster::catch_batch_signals();
  cluster::MpiCommunicator ranks(request.watch);
  return fit_on(ranks, request);
}

}  // namespace rooflaw::app
