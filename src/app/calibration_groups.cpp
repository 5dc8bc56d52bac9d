#include <algorithm>
#include <charconv>
#include <regex>
#include <set>

#include <fmt/format.h>

#include "calibration.hpp"

namespace rooflaw::app {

namespace {

constexpr std::int64_t default_output_tokens = 128;  // of llama-bench, where none is stated
constexpr std::int64_t llama_ubatch = 512;           // its default, too
constexpr int years_apart = 1500;  // builds of llama.cpp, some two thousand a year

bool is_llama(const fit::Family& family) { return family[1].ends_with("llama.cpp"); }

/// "1a68ec937 (9193)", "b7651": 0 where there is none.
int build_number(const std::string& build) {
  static const std::regex number(R"(\((\d{3,5})\)|\bb(\d{3,5})\b|^(\d{3,5})\b)");
  std::smatch found;
  if (!std::regex_search(build, found, number)) return 0;
  for (std::size_t i = 1; i < found.size(); ++i)
    if (found[i].matched) return std::stoi(found[i].str());
  return 0;
}

struct Key {
  std::string device, engine, unit, power_mode;
  auto operator<=>(const Key&) const = default;
};
Key key_of(const io::Measurement& m) { return {m.device, m.engine, m.unit, m.power_mode}; }

/// What tells rows of one key apart.
struct Variants {
  std::set<int> builds;
  std::set<double> threads;

  /// "-b6111" for builds years older than the newest.
  std::string era_of(int build) const {
    if (build == 0 || builds.empty()) return {};
    // The last build before a gap of years.
    auto last = builds.find(build);
    for (auto next = std::next(last); next != builds.end() && *next - *last <= years_apart; ++next)
      last = next;
    return last == std::prev(builds.end()) ? "" : fmt::format("-b{}", *last);
  }
};

/// A mode in watts, where it is one of several, is below the chip's full power.
bool limits_power(const std::string& mode, const std::set<std::string>& of_device) {
  return of_device.size() > 1 && mode.size() > 1 && mode.back() == 'w' &&
         std::isdigit(static_cast<unsigned char>(mode.front())) != 0;
}

std::string shape_of(const model::ContinuousArchitecture<double>& a) {
  std::string shape = fmt::format("{}/{}", a.width(), a.tables.vocab);
  for (const auto& g : a.groups)
    shape += fmt::format("/{}x{},{},{},{},{}", g.layers, g.attention.heads, g.attention.kv_heads,
                         g.ffn.experts, g.ffn.top_k, g.ffn.ffn_ratio());
  return shape;
}

std::int64_t whole(double x) { return static_cast<std::int64_t>(x); }

fit::Speed speed_of(const io::Measurement& m, const model::Architecture& a,
                    const fit::Family& family) {
  fit::Speed s{.place = m.place,
               .model = m.model,
               .shape = {},
               .architecture = model::lift(a),
               .precision = m.precision,
               .phase = m.phase,
               .batch = whole(m.batch),
               .flash = m.flash_attention};
  s.shape = shape_of(s.architecture);
  const bool decode = m.phase == model::Phase::decode;
  s.tokens = decode ? whole(m.output_tokens.value_or(default_output_tokens))
                    : whole(m.input_tokens.value_or(0));
  s.context = whole(m.context_depth.value_or(decode ? m.input_tokens.value_or(0) : 0));
  s.chunk = whole(m.ubatch.value_or(is_llama(family) ? llama_ubatch : 0));
  s.seconds = static_cast<double>(s.tokens) * m.batch / m.tokens_per_second;
  return s;
}

}  // namespace

Grouping groups_of(const io::Measurements& measurements) {
  Grouping grouping;
  grouping.rows = measurements.rows.size() + measurements.left_out.size();
  for (const auto& row : measurements.left_out) {
    if (row.doubt.empty())
      ++grouping.left_out[row.reason];
    else
      ++grouping.doubtful;
  }
  std::map<Key, Variants> variants;
  std::map<std::string, std::set<std::string>> modes;  // of a device; empty: not stated
  for (const auto& m : measurements.rows) {
    if (!m.doubt.empty()) continue;
    auto& v = variants[key_of(m)];
    modes[m.device].insert(m.power_mode);
    if (const int build = build_number(m.build); build > 0) v.builds.insert(build);
    if (m.threads) v.threads.insert(*m.threads);
  }
  std::map<std::string, fit::Group> groups;
  for (const auto& m : measurements.rows) {
    if (!m.doubt.empty()) {
      ++grouping.doubtful;
      continue;
    }
    const auto& v = variants.at(key_of(m));
    const std::string engine = m.engine + v.era_of(build_number(m.build));
    const bool own_threads = m.threads && v.threads.size() > 1;
    std::string id = m.device + "." + engine;
    if (!m.power_mode.empty()) id += "." + m.power_mode;
    if (own_threads) id += fmt::format(".t{}", *m.threads);
    auto& group = groups[id];
    if (group.speeds.empty()) {
      group.id = id;
      group.engine = engine;
      group.device = measurements.devices.at(m.device);
      group.family = fit::family_of(m.engine, m.unit, group.device.kind);
      group.full_power = !limits_power(m.power_mode, modes[m.device]) &&
                         !(own_threads && *m.threads < *v.threads.rbegin());
    }
    const auto speed = speed_of(m, measurements.models.at(m.model), group.family);
    if (speed.tokens > 0)
      group.speeds.push_back(speed);
    else
      ++grouping.left_out["no number of tokens"];
  }
  for (auto& [id, group] : groups)
    if (!group.speeds.empty()) grouping.groups.push_back(std::move(group));
  return grouping;
}

}  // namespace rooflaw::app
