#include "report/measured.hpp"

#include <algorithm>

#include "calibration.hpp"
#include "rooflaw/core/numbers.hpp"
#include "rooflaw/io/measurements.hpp"
#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/model/intensity.hpp"

namespace rooflaw::app::report {

namespace {

/// Nothing of a prompt behind others, which no workload is.
std::optional<model::Workload> workload_of(const fit::Speed& speed) {
  const bool prefill = speed.phase == model::Phase::prefill;
  if (prefill && speed.context > 0) return std::nullopt;
  return model::Workload{.id = "measured",
                         .batch = speed.batch,
                         .input_tokens = prefill ? speed.tokens : speed.context,
                         .output_tokens = prefill ? 0 : speed.tokens};
}

std::optional<MeasuredPoint> point_of(const fit::Group& group, const fit::Speed& speed,
                                      const model::Architecture& a, const model::Law& law,
                                      const PageTarget& target) {
  const auto workload = workload_of(speed);
  if (!workload) return std::nullopt;
  auto engine = target.deployment.scenario.engine;
  engine.prefill_chunk = speed.chunk;
  const auto& device = target.deployment.scenario.device;
  const auto s = model::make_scenario(device, speed.precision, *workload, engine);
  const auto e = model::evaluate(law, a, s);
  const auto i = intensity(a, s, e);
  const bool prefill = speed.phase == model::Phase::prefill;
  const auto& phase = prefill ? i.prefill : i.decode;
  const double seconds = prefill ? e.prefill.seconds : e.decode.seconds;
  if (!(seconds > 0)) return std::nullopt;
  const auto tokens = static_cast<double>(speed.tokens * speed.batch);
  // Of a format that the chip's efficiencies do not know, the ideal roofline is no prediction.
  const bool known = device.efficiencies.empty() ||
                     device.trust(speed.precision.id).decode.basis != model::Basis::ideal;
  return MeasuredPoint{
      .device = target.info.device,
      .engine = group.id.substr(std::min(group.device.id.size() + 1, group.id.size())),
      .model = speed.model,
      .precision = speed.precision.id,
      .phase = speed.phase,
      .tokens_per_second = tokens / speed.seconds,
      .predicted = known ? tokens / seconds : nan,
      .intensity = phase.intensity,
      .attained_flops = phase.flops / speed.seconds,
      .predicted_flops = phase.attained_flops,
      .fitted = known && group.engine == device.engine && group.full_power};
}

}  // namespace

std::vector<MeasuredPoint> measured_on(const PageStudy& study, std::string& why_none) {
  std::vector<MeasuredPoint> points;
  io::SourceFiles files;
  format::Faults faults;
  try {
    const auto all =
        io::read_measurements({io::inputs_folder() + "/measured.csv"}, {}, files, faults);
    const auto grouping = groups_of(all);
    for (const auto& device : study.devices) {
      const auto target = std::find_if(study.targets.begin(), study.targets.end(),
                                       [&](const auto& t) { return t.info.device == device; });
      for (const auto& group : grouping.groups) {
        // A chip under any engine, or the one engine and power mode that an id names.
        if (group.device.id != device && group.id != device) continue;
        for (const auto& speed : group.speeds) try {
            if (auto point = point_of(group, speed, all.models.at(speed.model),
                                      study.laws.at(target->info.law), *target))
              points.push_back(*point);
          } catch (const DomainError&) {  // the chip has no arithmetic for it
          }
      }
    }
  } catch (const FileError& error) {
    why_none = std::string("the measured speeds cannot be read: ") + error.what();
    return {};
  }
  if (points.empty()) why_none = "inputs/measured.csv has no speed of these chips";
  return points;
}

}  // namespace rooflaw::app::report
