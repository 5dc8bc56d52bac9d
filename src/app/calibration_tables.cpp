#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "calibration.hpp"

namespace rooflaw::app {

namespace {

using model::Phase;

constexpr std::size_t enough_for_a_band = 20;  // errors, so that one lies beyond each end

void add(Bands::Pool& pool, const fit::Family& family, const fit::Errors& errors) {
  pool.all.insert(pool.all.end(), errors.begin(), errors.end());
  auto& own = pool.by_class[family[1]];
  own.insert(own.end(), errors.begin(), errors.end());
}

model::Band from(const Bands::Pool& pool, const fit::Family& family) {
  const auto own = pool.by_class.find(family[1]);
  if (own != pool.by_class.end() && own->second.size() >= enough_for_a_band)
    return fit::band_of(own->second);
  return fit::band_of(pool.all);
}

/// Is anything of this width measured in that phase?
bool measures(const fit::Group& group, fit::Width width, Phase phase) {
  return std::any_of(group.speeds.begin(), group.speeds.end(), [&](const fit::Speed& s) {
    return s.phase == phase && fit::width_of(s.precision) == width;
  });
}

std::string number(double x) { return fmt::format("{:.4g}", x); }

std::string peaks_of(const model::Device& device) {
  std::string text;
  for (const auto& [type, flops] : device.peak_flops)
    text += fmt::format("{}{} = {:.6g}", text.empty() ? "" : ", ", to_string(type), flops);
  return "{ " + text + " }";
}

std::string efficiency_line(const std::string& precision, const model::Efficiency& e,
                            const model::Trust& trust) {
  const auto& [prefill, decode] = trust;
  return fmt::format(
      "efficiency.\"{}\" = {{ compute = {}, attention = {}, state = {}, bandwidth = {}, "
      "kv_bandwidth = {}, layer_overhead = {}, pass_overhead = {}, prefill_basis = \"{}\", "
      "prefill_band = [{}, {}], decode_basis = \"{}\", decode_band = [{}, {}] }}\n",
      precision, number(e.compute), number(e.attention), number(*e.state), number(e.bandwidth),
      number(e.kv_bandwidth), number(e.layer_overhead_s), number(e.pass_overhead_s),
      to_string(prefill.basis), number(prefill.band->low), number(prefill.band->high),
      to_string(decode.basis), number(decode.band->low), number(decode.band->high));
}

std::string head_of(const model::Device& d, const std::string& id) {
  std::string text = fmt::format("\n[[device]]\nid = \"{}\"\n", id);
  const auto line = [&](const char* key, const std::optional<double>& x) {
    if (x) text += fmt::format("{} = {:.17g}\n", key, *x);
  };
  if (!d.kind.empty()) text += fmt::format("kind = \"{}\"\n", d.kind);
  if (!d.confidence.empty()) text += fmt::format("confidence = \"{}\"\n", d.confidence);
  line("memory_bytes", d.memory_bytes);
  line("usable_memory_bytes", d.usable_memory_bytes);
  line("prefill_power", d.prefill_power_w);
  line("decode_power", d.decode_power_w);
  text +=
      fmt::format("bandwidth = {:.17g}\npeak_flops = {}\n", d.bandwidth_bytes_per_s, peaks_of(d));
  return text;
}

std::string fitted_engine(const fit::Switches& s) {
  return fmt::format(
      "fitted_engine = {{ attention = \"{}\", kv_traffic = \"{}\", mla = \"{}\", elementwise = "
      "\"{}\" }}\n",
      s.eager ? "eager" : "flash", s.query_heads ? "query_heads" : "kv_heads",
      s.expanded ? "expanded" : "absorbed", s.fused ? "fused" : "separate");
}

/// Formats that no speed of the group is in, but that a job may ask for.
std::string table_of(const Calibrated& c, const std::string& id, const Bands& bands,
                     const std::vector<model::Precision>& precisions) {
  const auto* group = c.group;
  const auto& result = c.result;
  const auto left_out = [&](Phase phase) {
    return fit::mean_error(fit::of_phase(*group, result.left_out, phase));
  };
  std::string text = head_of(group->device, id) + fmt::format("engine = \"{}\"\nspeeds = {}\n",
                                                              group->engine, group->speeds.size());
  for (const auto phase : {Phase::decode, Phase::prefill})
    if (const double error = left_out(phase); !std::isnan(error))
      text += fmt::format("held_out_{}_error = {}\n", phase == Phase::decode ? "decode" : "prefill",
                          number(error));
  text += fitted_engine(result.fit.switches);
  for (const auto& p : precisions) {
    if (!group->device.has(p.matmul)) continue;
    const auto trust = [&](Phase phase) -> model::PhaseTrust {
      if (measures(*group, fit::width_of(p), phase))
        return {model::Basis::measured, bands.of(*group, result, phase)};
      return {model::Basis::prior, bands.unseen(group->family, phase)};
    };
    text += efficiency_line(p.id, fit::efficiency_of(p.id, result.prior, result.fit),
                            {trust(Phase::prefill), trust(Phase::decode)});
  }
  return text;
}

std::string unit_of(const model::Device& device) {
  if (device.kind.starts_with("gpu")) return "gpu";
  return device.kind == "cpu" ? "cpu" : "npu";
}

std::string prior_table(const model::Device& device, const Bands& bands,
                        const std::vector<model::Precision>& precisions,
                        const std::vector<fit::Evidence>& evidence) {
  // Of an engine that nobody has measured: what the class tells.
  const std::string unit = unit_of(device);
  const auto family = fit::family_of(unit == "npu" ? "" : "llama.cpp", unit, device.kind);
  const fit::Group nothing{
      .id = {}, .engine = {}, .device = device, .family = family, .full_power = true, .speeds = {}};
  const auto prior =
      fit::prior_of(fit::unknowns_of(nothing, precisions), family, evidence, device.id);
  const auto fit = fit::prior_fit(prior, family);
  std::string text =
      head_of(device, device.id) + "engine = \"none measured\"\n" + fitted_engine(fit.switches);
  const auto trust = [&](Phase phase) {
    return model::PhaseTrust{model::Basis::prior, bands.unseen(family, phase)};
  };
  for (const auto& p : precisions)
    if (device.has(p.matmul))
      text += efficiency_line(p.id, fit::efficiency_of(p.id, prior, fit),
                              {trust(Phase::prefill), trust(Phase::decode)});
  return text;
}

/// Six speeds, or three of several models: what may stand for a chip.
bool tells_of_a_chip(const fit::Group& group) {
  const auto speeds = group.speeds.size();
  return speeds >= 6 || (speeds >= 3 && fit::models_of(group).size() >= 2);
}

/// The group that stands for a chip: of the unit that its peaks are of, at full power, the one with
/// the most speeds, if they are enough.
const Calibrated* best_of(const model::Device& device, const std::vector<Calibrated>& all) {
  const Calibrated* best = nullptr;
  for (const auto& c : all)
    if (c.group->device.id == device.id && c.group->full_power &&
        c.group->family.back() == unit_of(device) && tells_of_a_chip(*c.group) &&
        (best == nullptr || c.group->speeds.size() > best->group->speeds.size()))
      best = &c;
  return best;
}

}  // namespace

model::Band Bands::of(const fit::Group& group, const fit::GroupResult& result, Phase phase) const {
  const auto own = fit::of_phase(group, result.left_out, phase);
  if (fit::stands_alone(group) && own.size() >= enough_for_a_band) return fit::band_of(own);
  // That of its class, and never narrower than what its own few errors say.
  model::Band band = from(left_out.at(phase), group.family);
  if (own.empty()) return band;
  const model::Band few = fit::band_of(own);
  return {std::min(band.low, few.low), std::max(band.high, few.high)};
}

model::Band Bands::unseen(const fit::Family& family, Phase phase) const {
  return from(prior.at(phase), family);
}

Bands bands_of(const std::vector<Calibrated>& all) {
  Bands bands;
  for (const auto phase : {Phase::prefill, Phase::decode}) {
    for (const auto& c : all) {
      add(bands.left_out[phase], c.group->family,
          fit::of_phase(*c.group, c.result.left_out, phase));
      if (c.group->full_power)
        add(bands.prior[phase], c.group->family, fit::of_phase(*c.group, c.result.unseen, phase));
    }
    for (auto* pool : {&bands.left_out[phase], &bands.prior[phase]})
      if (pool->all.size() < enough_for_a_band)
        throw Error("there are too few measured speeds to tell how wrong a calibration is",
                    ExitCode::bad_input);
  }
  return bands;
}

std::string device_tables(const std::vector<Calibrated>& written, const Bands& bands,
                          const std::vector<model::Precision>& precisions,
                          const std::vector<model::Device>& all_chips,
                          const std::vector<fit::Evidence>& evidence) {
  std::string text =
      std::string(tables_begin) +
      "\n#\n# An entry is a chip under an engine, in a power mode where one was set; fitted_engine "
      "are\n"
      "# the settings of the engine that the speeds show, and that rule wherever this entry does.\n"
      "# basis = \"measured\": on this chip, in weights of this width; \"prior\": on others of "
      "its\n"
      "# class. Bands: of ten measured times nine lie between these factors of the predicted one;\n"
      "# held-out errors are the mean of |predicted / measured - 1| of models that were left "
      "out.\n";
  for (const auto& chip : all_chips) {
    const auto* best = best_of(chip, written);
    text += best != nullptr ? table_of(*best, chip.id, bands, precisions)
                            : prior_table(chip, bands, precisions, evidence);
  }
  for (const auto& c : written) text += table_of(c, c.group->id, bands, precisions);
  return text;
}

}  // namespace rooflaw::app
