#include "rooflaw/model/intensity.hpp"

#include <cmath>

namespace rooflaw::model {

namespace {

constexpr double giga = 1e9;

double amount(const ContinuousArchitecture<double>& a, Scenario s, Phase phase,
              const Rates& of_one) {
  s.rates = of_one;
  return time_of(a, s, phase).seconds;
}

PhaseIntensity of_phase(const ContinuousArchitecture<double>& a, const Scenario& s, Phase phase,
                        double seconds, double ridge) {
  PhaseIntensity p;
  if (!(seconds > 0.0)) return p;
  p.flops = amount(a, s, phase,
                   {.s_per_matmul_flop = 1,
                    .s_per_attention_flop = 1,
                    .s_per_state_flop = 1,
                    .s_per_vector_flop = 1});
  p.bytes = amount(a, s, phase, {.s_per_byte = 1, .s_per_kv_byte = 1});
  p.intensity = p.flops / p.bytes;
  p.attained_flops = p.flops / seconds;
  p.intensity_gap = ridge - p.intensity;
  p.flops_gap = s.device.peak_flops.at(s.precision.matmul) - p.attained_flops;
  const double rate = p.flops_gap / giga;
  p.potential =
      p.intensity_gap > 0.0 ? std::sqrt(p.intensity_gap * p.intensity_gap + rate * rate) : rate;
  return p;
}

}  // namespace

Intensity intensity(const Architecture& a, const Scenario& s, const Evaluation& e) {
  const auto x = lift(a);
  const double ridge = s.device.peak_flops.at(s.precision.matmul) / s.device.bandwidth_bytes_per_s;
  return {.ridge = ridge,
          .prefill = of_phase(x, s, Phase::prefill, e.prefill.seconds, ridge),
          .decode = of_phase(x, s, Phase::decode, e.decode.seconds, ridge)};
}

}  // namespace rooflaw::model
