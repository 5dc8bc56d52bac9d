#include "rooflaw/model/precision_penalty.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rooflaw/core/powers.hpp"

namespace rooflaw::model {

namespace {

struct Range {
  double low, high;
  bool contains(double x) const { return low <= x && x <= high; }
};
constexpr Range ptq_parameters{30e6, 220e6}, ptq_tokens{1.5e9, 26e9}, ptq_bits{2, 4};
constexpr Range qat_parameters{74e6, 594e6};
constexpr double most_bits = 8;
constexpr double qat_bits = 4;

Penalty ptq(double bits, double parameters, double tokens) {
  const double gptq = 0.0598 * power(tokens, 0.5068) * power(parameters, -0.3439) *
                      exponential(1.1277 - bits / 0.5907);
  const double pythia =
      0.017 * power(tokens, 0.5251) * power(parameters, -0.2261) * power(bits, -5.4967);
  return {.value = 0.5 * (gptq + pythia),
          .low = std::min(gptq, pythia),
          .high = std::max(gptq, pythia),
          .extrapolated = !ptq_parameters.contains(parameters) || !ptq_tokens.contains(tokens) ||
                          !ptq_bits.contains(bits)};
}

struct QatCoefficients {
  double k, by_parameters, by_tokens, by_group;
};
constexpr QatCoefficients w4a16{0.2522, 0.3589, 0.1610, 0.3533};
constexpr QatCoefficients w4a4{0.1582, 0.2186, 0.0745, 0.7779};

Penalty qat(const QatCoefficients& c, double group, double parameters, double tokens) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  return {.value = c.k * power(tokens, c.by_tokens) *
                   power(natural_log(group) / natural_log(2.0), c.by_group) *
                   power(parameters, -c.by_parameters),
          .low = unknown,
          .high = unknown,
          .extrapolated = !qat_parameters.contains(parameters)};
}

double bits(double bytes) { return std::floor(8.0 * bytes); }

}  // namespace

double weight_bits(const Precision& p) {
  return bits(std::min(p.attention_weight_bytes, p.ffn_weight_bytes));
}

bool applies(PenaltyKind kind, const Precision& p) {
  if (kind == PenaltyKind::ptq)
    return weight_bits(p) >= 1.0 && weight_bits(p) <= most_bits && !p.quantizes_inputs();
  const bool inputs_too = p.matmul == ComputeType::int4 && bits(p.input_bytes) == qat_bits;
  return weight_bits(p) == qat_bits && p.group_size && (!p.quantizes_inputs() || inputs_too);
}

std::string_view scope_of(PenaltyKind kind) {
  return kind == PenaltyKind::ptq
             ? "weights of 1 to 8 bits, matrix inputs not quantised"
             : "weights of 4 bits with a group_size, matrix inputs not quantised or of 4 bits in "
               "int4";
}

std::string_view fitted_on(PenaltyKind kind) {
  return kind == PenaltyKind::ptq
             ? "30 to 220 million parameters without embeddings, 1.5 to 26 billion tokens, 2 to 4 "
               "bits"
             : "74 to 594 million parameters";
}

std::optional<Penalty> precision_penalty(PenaltyKind kind, const Precision& p, double parameters,
                                         double tokens) {
  if (!applies(kind, p)) return std::nullopt;
  if (kind == PenaltyKind::ptq) return ptq(weight_bits(p), parameters, tokens);
  return qat(p.quantizes_inputs() ? w4a4 : w4a16, *p.group_size, parameters, tokens);
}

}  // namespace rooflaw::model
