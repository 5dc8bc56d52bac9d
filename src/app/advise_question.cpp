#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "advise.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/io/catalogue.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

const char* const advise_usage =
    "advise --device ID|--peak-flops X --bandwidth X --memory X --precision ID --workload ID "
    "[--law ID] [--prefill-budget TIME] [--decode-budget TIME] [--tpot-budget TIME] "
    "[--total-budget TIME] [--memory-budget BYTES] [--width D] [--min-activation-rate X] "
    "[--box KEY=LO:HI]... [--target-loss L] [--regimes] [--published] [--json]";

namespace {

constexpr std::pair<const char*, model::Objective> time_budgets[] = {
    {"prefill-budget", model::Objective::prefill},
    {"decode-budget", model::Objective::decode},
    {"tpot-budget", model::Objective::tpot},
    {"total-budget", model::Objective::total}};
constexpr double largest_width = 1e7;

double positive(const std::string& option, const std::string& text) {
  std::size_t used = 0;
  double x = 0.0;
  try {
    x = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used != text.size() || text.empty() || !(x > 0.0))
    throw bad_option(option, text, "must be a number > 0");
  return x;
}

double bytes(const std::string& option, const std::string& text) {
  return positive_quantity(option, text, format::Dimension::bytes);
}

/// The one entry that an id or a file names.
template <class T>
T single(const std::string& option, std::vector<io::Loaded<T>> loaded) {
  if (loaded.size() != 1)
    throw bad_option(option, "", "names a file of several entries; advise takes one");
  return std::move(loaded.front().value);
}

/// The chip as three numbers; it computes attention at the rate given too.
model::Device device_by_hand(const po::variables_map& values, const model::Precision& precision) {
  const auto text = [&](const char* option) { return required(values, option, advise_usage); };
  model::Device device;
  device.id = "command-line";
  device.peak_flops[precision.matmul] =
      positive_quantity("peak-flops", text("peak-flops"), format::Dimension::flop_per_second);
  device.peak_flops[precision.attention] = device.peak_flops[precision.matmul];
  device.bandwidth_bytes_per_s =
      positive_quantity("bandwidth", text("bandwidth"), format::Dimension::bytes_per_second);
  // What is given is what there is to use.
  if (values.count("memory") > 0)
    device.usable_memory_bytes = device.memory_bytes = bytes("memory", text("memory"));
  return device;
}

std::optional<double> seconds_option(const po::variables_map& values, const std::string& option) {
  if (values.count(option) == 0) return std::nullopt;
  return positive_quantity(option, values[option].as<std::string>(), format::Dimension::seconds);
}

/// KEY=LO:HI.
void apply_box(theory::ShapeBox& box, const std::string& text, std::set<std::string>& given) {
  const auto equals = text.find('=');
  const auto colon = text.find(':');
  const std::pair<const char*, model::Interval*> axes[] = {
      {"layers", &box.layers},
      {"width", &box.width},
      {"ffn_ratio", &box.ffn_ratio},
      {"gqa", &box.gqa},
      {"activation_rate", &box.activation_rate}};
  const auto axis = std::find_if(std::begin(axes), std::end(axes),
                                 [&](const auto& a) { return text.substr(0, equals) == a.first; });
  if (equals == std::string::npos || colon == std::string::npos || colon < equals ||
      axis == std::end(axes)) {
    std::vector<std::string> names;
    for (const auto& a : axes) names.emplace_back(a.first);
    throw bad_option(
        "box", text, "must be KEY=LO:HI with KEY layers, width, ffn_ratio, gqa or activation_rate",
        axis == std::end(axes) ? format::did_you_mean(text.substr(0, equals), names) : "");
  }
  if (!given.insert(axis->first).second)
    throw bad_option("box", text, "this side of the box is given twice");
  try {
    *axis->second = {positive("box", text.substr(equals + 1, colon - equals - 1)),
                     positive("box", text.substr(colon + 1))};
  } catch (const InputError&) {
    throw bad_option("box", text, "LO and HI must be numbers > 0");
  }
}

/// @throws InputError that names all options without which there is no question
void require_options(const po::variables_map& values) {
  std::vector<InputFault> faults;
  const auto require = [&](const std::string& option, const std::string& rule) {
    if (values.count(option) == 0)
      faults.push_back(
          {.file = "command line", .key = "--" + option, .value = "", .rule = rule, .hint = ""});
  };
  if (values.count("peak-flops") == 0 && values.count("bandwidth") == 0)
    require("device", "is missing: give --device ID, or --peak-flops X --bandwidth X");
  if (values.count("device") == 0 && faults.empty())
    for (const auto* number : {"peak-flops", "bandwidth"})
      require(number, "is missing: a chip without --device needs it");
  for (const std::string entry : {"precision", "workload"})
    require(entry, fmt::format("is missing: give --{} ID", entry));
  if (!faults.empty()) throw InputError(std::move(faults));
}

}  // namespace

Question read_question(const po::variables_map& values) {
  require_options(values);
  io::SourceFiles files;
  format::Faults faults;
  io::Catalogue catalogue(files, "", faults);
  const auto node = [&](const char* option) {
    return toml::value<std::string>(required(values, option, advise_usage));
  };
  const bool by_hand = values.count("device") == 0;
  for (const auto* option : {"peak-flops", "bandwidth", "memory"})
    if (!by_hand && values.count(option) > 0)
      throw bad_option(option, "", "describes a chip in the place of --device");
  auto laws = catalogue.laws(node("law"), "--law");
  auto precisions = catalogue.precisions(node("precision"), "--precision");
  auto workloads = catalogue.workloads(node("workload"), "--workload");
  std::vector<io::Loaded<model::Device>> devices;
  if (!by_hand) devices = catalogue.devices(node("device"), "--device");
  faults.throw_if_any();

  Question q{.law = single("law", std::move(laws)),
             .scenario = {},
             .limits = {},
             .of_workload = {},
             .box = {},
             .target_loss = {}};
  if (!is_separable(q.law)) throw bad_option("law", q.law.id, why_not_searched(q.law));
  const auto precision = single("precision", std::move(precisions));
  if (precision.penalty)
    throw bad_option("precision", precision.id,
                     fmt::format("has loss_delta = \"{}\", which never enters a search: it needs a "
                                 "number",
                                 to_string(*precision.penalty)));
  const auto [workload, limits] = single("workload", std::move(workloads));
  const auto device =
      by_hand ? device_by_hand(values, precision) : single("device", std::move(devices));
  q.scenario = model::make_scenario(device, precision, workload, {});

  // A workload may carry limits of its own; the tighter wins.
  q.limits = q.of_workload = limits;
  for (const auto& [option, objective] : time_budgets)
    if (const auto seconds = seconds_option(values, option)) q.limits.tighten(objective, *seconds);
  if (values.count("memory-budget") > 0)
    q.limits.set(model::Objective::memory,
                 bytes("memory-budget", values["memory-budget"].as<std::string>()));
  else if (const auto usable = usable_memory(device))  // no model is larger than that
    q.limits.set(model::Objective::memory, usable->bytes);
  if (q.limits.none())
    throw bad_option("decode-budget", "", "at least one budget of time or memory is needed");

  q.box = theory::default_box(q.law);
  std::set<std::string> sides;
  if (values.count("min-activation-rate") > 0) {
    q.box.activation_rate.lo =
        positive("min-activation-rate", values["min-activation-rate"].as<std::string>());
    sides.insert("activation_rate");
  }
  if (values.count("width") > 0) sides.insert("width");
  if (values.count("box") > 0)
    for (const auto& text : values["box"].as<std::vector<std::string>>())
      apply_box(q.box, text, sides);
  if (values.count("width") > 0) {
    q.box = at_width(q.box, positive("width", values["width"].as<std::string>()));
    q.width_given = true;
  }
  if (values.count("target-loss") > 0)
    q.target_loss = positive("target-loss", values["target-loss"].as<std::string>());
  q.regimes = values["regimes"].as<bool>();
  require_valid(q.box);
  if (q.box.width.hi > largest_width)
    throw bad_option("width", fmt::format("{:g}", q.box.width.hi),
                     fmt::format("must be at most {:g}", largest_width));
  return q;
}

po::options_description advise_options() {
  po::options_description options("options");
  const auto text = [] { return po::value<std::string>(); };
  options.add_options()("device", text(), "chip: an id of inputs/devices.toml, or a file")(
      "peak-flops", text(),
      "instead of --device: peak at the precision, of attention too; FLOP/s or 85TFLOP/s")(
      "bandwidth", text(), "instead of --device: bytes/s or 204.8GB/s")(
      "memory", text(), "instead of --device: what there is to use, bytes or 8GiB")(
      "precision", text(), "id or file")("workload", text(), "id or file")(
      "law", po::value<std::string>()->default_value("codesign-2026"), "id or file")(
      "prefill-budget", text(), "time of the prompt: seconds, or 200ms")(
      "decode-budget", text(), "time of the whole decode of the workload")(
      "tpot-budget", text(), "time per output token; with --decode-budget the tighter counts")(
      "total-budget", text(), "time of both")("memory-budget", text(),
                                              "bytes or 4GiB; default: the device's usable memory")(
      "width", text(), "fix the width; otherwise it is optimised")(
      "min-activation-rate", text(), "least activation rate, default 1/16")(
      "box", po::value<std::vector<std::string>>()->composing(),
      "KEY=LO:HI, KEY one of layers, width, ffn_ratio, gqa, activation_rate; once for each")(
      "target-loss", text(), "nats: how much bandwidth, compute or memory alone would reach it")(
      "regimes", po::bool_switch(), "a map of what binds over multiples of compute and bandwidth")(
      "published", po::bool_switch(), "show what arXiv:2602.10377 prints beside the exact values")(
      "json", po::bool_switch(), "print one JSON object");
  return options;
}

}  // namespace rooflaw::app
