#include <algorithm>
#include <set>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "calibration.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/each_piece.hpp"
#include "rooflaw/cluster/mpi_communicator.hpp"
#include "rooflaw/cluster/signals.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/io/replace.hpp"
#include "run_and_write.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string calibrate_usage =
    "calibrate MEASURED... -o DEVICES.toml [--device ID] [--model ID]... [--engine ID] "
    "[--power-mode MODE] [--as ID] [--all-chips] [--json]";
constexpr auto measured_files = "MEASURED...";

struct CalibrationRequest {
  std::vector<std::string> files;
  std::string output;
  io::MeasurementOptions options;
  std::string power_mode;  // of rows that state none
  std::string called;      // instead of the device's id
  bool all_chips = false;
  bool json = false;
  cluster::WatchOptions watch;
};

/// What a fit leaves for others, small enough to send.
struct SentFit {
  std::vector<double> values;
  fit::Switches switches;
  double objective = 0;
};
template <class Archive>
void fields(Archive& a, SentFit& x) {
  auto& s = x.switches;
  a(x.values, s.query_heads, s.eager, s.fused, s.expanded, x.objective);
}
struct SentResult {
  SentFit fit;
  fit::Errors fitted, left_out, unseen;
};
template <class Archive>
void fields(Archive& a, SentResult& x) {
  a(x.fit, x.fitted, x.left_out, x.unseen);
}

SentFit sent(const fit::Fit& f) {
  return {{f.values.begin(), f.values.end()}, f.switches, f.objective};
}
fit::Fit received(const SentFit& f) {
  const auto count = static_cast<Eigen::Index>(f.values.size());
  return {.values = Eigen::Map<const Eigen::VectorXd>(f.values.data(), count),
          .switches = f.switches,
          .objective = f.objective};
}

/// The chips of the inputs folder that the others are compared with, unless they are what is given.
std::string shipped_measurements() { return io::inputs_folder() + "/measured.csv"; }

/// On one rank of several; see RankedCommand for who does what.
class Calibration {
 public:
  Calibration(const CalibrationRequest& request, cluster::Communicator& ranks)
      : request_(request), ranks_(ranks) {}

  Bytes prepare(cluster::WatchOptions&) {
    io::require_own_table(request_.output, tables_begin, "table of devices that calibrate wrote");
    read();
    cluster::catch_signals();
    return packed(files_.pack());
  }

  void work(const Bytes& prepared, cluster::Watch& watch) {
    if (!ranks_.is_root()) {
      cluster::catch_signals();
      files_ = io::SourceFiles::unpack(unpacked<std::string>(prepared));
      read();
    }
    const auto name = [&](std::size_t i) { return "the fit to " + groups_[i]->id; };
    for (int round = 0; round < fit::evidence_rounds; ++round) {
      const auto fits = cluster::each_piece(
          groups_.size(), name,
          [&](std::size_t i) { return packed(sent(fit_group(*groups_[i], prior_of(i)))); }, ranks_,
          watch);
      std::vector<fit::Evidence> next;
      for (std::size_t i = 0; i < groups_.size(); ++i) {
        if (!groups_[i]->full_power) continue;
        const auto told =
            evidence_of(*groups_[i], prior_of(i), received(unpacked<SentFit>(fits[i])));
        next.insert(next.end(), told.begin(), told.end());
      }
      evidence_ = std::move(next);
    }
    const auto results = cluster::each_piece(
        groups_.size(), name,
        [&](std::size_t i) {
          const auto r = examine(*groups_[i], evidence_, precisions_);
          return packed(SentResult{sent(r.fit), r.fitted, r.left_out, r.unseen});
        },
        ranks_, watch);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      auto r = unpacked<SentResult>(results[i]);
      Calibrated c{groups_[i],
                   {.prior = prior_of(i, precisions_),
                    .fit = received(r.fit),
                    .spreads = {},
                    .fitted = std::move(r.fitted),
                    .left_out = std::move(r.left_out),
                    .unseen = std::move(r.unseen)}};
      c.result.spreads = spreads_of(*groups_[i], c.result.prior, c.result.fit);
      all_.push_back(std::move(c));
    }
  }

  void finish(cluster::Watch&) {
    const Bands bands = bands_of(all_);
    const std::vector<Calibrated> written(
        all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(given_.groups.size()));
    const std::string text = device_tables(written, bands, precisions_, chips_, evidence_);
    format::write_atomically(request_.output, std::as_bytes(std::span(text)));
    // What the shipped speeds tell of unseen models and chips; the given ones alone tell too
    // little.
    const std::vector<Calibrated> table(
        all_.begin() + static_cast<std::ptrdiff_t>(others_.groups.empty() ? 0 : written.size()),
        all_.end());
    fmt::print("{}", request_.json ? calibration_json(given_, written, table, bands) + "\n"
                                   : calibration_report(given_, written, table, bands));
    if (!request_.json) fmt::print("devices: {}\n", request_.output);
  }

 private:
  /// What is given, and what stands beside it; the same on all ranks.
  void read() {
    format::Faults faults;
    auto measurements = read_measurements(request_.files, request_.options, files_, faults);
    for (auto& row : measurements.rows)
      if (row.power_mode.empty()) row.power_mode = request_.power_mode;
    given_ = groups_of(measurements);
    if (!request_.called.empty()) rename_groups();
    const auto known = shipped_measurements();
    const bool beside = std::none_of(
        request_.files.begin(), request_.files.end(),
        [&](const auto& file) { return files_.read_given(file) == files_.read(known); });
    if (beside) others_ = groups_of(read_measurements({known}, {}, files_, faults));
    io::Catalogue catalogue(files_, {}, faults);
    precisions_ = io::values_of(catalogue.all_precisions());
    if (request_.all_chips) chips_ = io::values_of(catalogue.all_devices());
    faults.throw_if_any();
    if (given_.groups.empty()) throw Error(nothing_to_fit(), ExitCode::bad_input);
    for (const auto& group : given_.groups) {
      if (!io::is_id(group.id) || group.engine == "ideal")
        throw Error(
            fmt::format("{}: is no id for a device: <device>.<engine>[.<power mode>] must "
                        "consist of at most 64 a-z, 0-9, '.', '_' and '-', and \"ideal\" is "
                        "no engine",
                        printable(group.id)),
            ExitCode::bad_input);
      groups_.push_back(&group);
    }
    for (const auto& group : others_.groups) groups_.push_back(&group);
  }

  std::string nothing_to_fit() const {
    std::string text = fmt::format("no speed to fit in {}", fmt::join(request_.files, ", "));
    for (const auto& [reason, rows] : given_.left_out)
      text += fmt::format("\n  left out: {} x {}", rows, reason);
    if (given_.doubtful > 0) text += fmt::format("\n  left out for a doubt: {}", given_.doubtful);
    return text;
  }

  /// All of one device, which is then called as the user wants.
  void rename_groups() {
    std::set<std::string> devices;
    for (const auto& group : given_.groups) devices.insert(group.device.id);
    if (devices.size() > 1)
      throw bad_option(
          "as", request_.called,
          fmt::format("names one device, and the speeds are of {}", fmt::join(devices, ", ")));
    for (auto& group : given_.groups)
      group.id = request_.called + group.id.substr(group.device.id.size());
  }

  fit::Prior prior_of(std::size_t i, const std::vector<model::Precision>& further = {}) const {
    const auto& group = *groups_[i];
    return fit::prior_of(unknowns_of(group, further), group.family, evidence_, group.device.id);
  }

  const CalibrationRequest& request_;
  cluster::Communicator& ranks_;
  io::SourceFiles files_;
  Grouping given_, others_;
  std::vector<const fit::Group*> groups_;  // those given, then the others
  std::vector<model::Precision> precisions_;
  std::vector<model::Device> chips_;
  std::vector<fit::Evidence> evidence_;
  std::vector<Calibrated> all_;  // of the groups
};

/// Part of an id, or nothing.
std::string id_option(const po::variables_map& values, const char* option) {
  const auto text = values[option].as<std::string>();
  if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") != std::string::npos)
    throw bad_option(option, text, "must consist of a-z, 0-9, '.', '_' and '-'");
  return text;
}

ExitCode calibrate_on(cluster::Communicator& ranks, const CalibrationRequest& request) {
  Calibration calibration(request, ranks);
  return run_and_write(ranks, request.watch, calibration);
}

}  // namespace

ExitCode calibrate_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(),
                        "file for the devices; their ids are <device>.<engine>[.<power mode>]")(
      "device", po::value<std::string>()->default_value(""),
      "id, or file with one [[device]], of rows that name none: all of llama-bench")(
      "model", po::value<std::vector<std::string>>()->composing(),
      "id or config.json of rows whose model the name and size do not tell; may be repeated")(
      "engine", po::value<std::string>()->default_value(""),
      "of rows that name none, and of llama-bench instead of its back end")(
      "power-mode", po::value<std::string>()->default_value(""),
      "of rows that state none; part of the id")(
      "as", po::value<std::string>()->default_value(""),
      "instead of the device's id in those that are written: two boards of one chip, in one job")(
      "all-chips", po::bool_switch(),
      "also an entry under the id of each chip of the inputs: its best measured engine, or what "
      "chips of its class tell")("json", po::bool_switch(), "print the report as JSON");
  const auto values = parse_arguments(
      arguments, calibrate_usage,
      "Fits the efficiencies of devices to measured speeds: our CSV (inputs/README.md) and what\n"
      "llama-bench writes (json, jsonl, csv, md). Tells how wrong the fit is on models that it "
      "has\n"
      "not seen. Alone or under mpirun, with the same result.\nExample: rooflaw calibrate "
      "bench.json --device rk3588 -o mine.toml",
      options, {measured_files});
  if (!values) return ExitCode::done;
  CalibrationRequest request;
  if (values->count(measured_files) > 0)
    request.files = (*values)[measured_files].as<std::vector<std::string>>();
  if (request.files.empty())
    throw Error(fmt::format("no file of measured speeds\nusage: rooflaw {}", calibrate_usage),
                ExitCode::bad_input);
  request.output = required(*values, "output", calibrate_usage);
  request.options.device = (*values)["device"].as<std::string>();
  request.options.engine = (*values)["engine"].as<std::string>();
  if (values->count("model") > 0)
    request.options.models = (*values)["model"].as<std::vector<std::string>>();
  request.power_mode = id_option(*values, "power-mode");
  request.called = id_option(*values, "as");
  request.all_chips = (*values)["all-chips"].as<bool>();
  request.json = (*values)["json"].as<bool>();
  cluster::catch_batch_signals();
  cluster::MpiCommunicator ranks(request.watch);
  return calibrate_on(ranks, request);
}

}  // namespace rooflaw::app
