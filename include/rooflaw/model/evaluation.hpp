#pragma once
// Everything the model says of one architecture in one scenario: the scalar path.

#include <optional>
#include <vector>

#include "rooflaw/model/continuous.hpp"

namespace rooflaw::model {

/// A phase of the workload: its time, and the shares spent in compute- and in bandwidth-bound
/// operators (the rest is overhead). Shares of a zero time are 0.
struct PhaseResult {
  double seconds = 0;
  double compute_share = 0;
  double bandwidth_share = 0;
};

struct Evaluation {
  bool has_loss = false;  // the law has an opinion; else point and terms mean nothing
  LawPoint<double> point;
  LossTerms<double> terms;
  double loss = 0;  // nats per token; NaN without an opinion
  double perplexity = 0;
  bool extrapolated = false;
  PhaseResult prefill;
  PhaseResult decode;
  double total_s = 0;
  double tpot_s = 0;    // NaN without output tokens
  double energy_j = 0;  // NaN unless both powers of the device are known
  Memory<double> memory;
  double params_total = 0;
  double params_active = 0;

  Costs<double> costs() const { return {prefill.seconds, decode.seconds, memory.total()}; }
};

/// Cost: about a microsecond.
/// @throws DomainError if the architecture is not sound.
Evaluation evaluate(const Law& law, const Architecture& a, const Scenario& s);

/// The value of an objective.
/// @throws DomainError if the workload has none of the phases that it weighs
double value_of(Objective objective, const Evaluation& e, const Scenario& s);

/// Where the efficiencies of the phases that an objective weighs are from: the less sure one.
Basis basis_of(Objective objective, const Scenario& s);

/// Between which times nine of ten measurements would lie, of an objective that is a time; NaN
/// where the errors of a phase that it weighs are not known.
Band time_band(Objective objective, const Evaluation& e, const Scenario& s);

/// The operators of one layer of a group in one pass as a reader wants them: no router in a dense
/// model, norm and quantisation of both blocks as one.
std::vector<Operator<double>> layer_operators(const Layers& group, std::int64_t width,
                                              const Scenario& s, const Pass& pass);

/// The output projection of one pass; none if the engine leaves it out.
std::optional<Operator<double>> head_operator(const Architecture& a, const Scenario& s);

}  // namespace rooflaw::model
