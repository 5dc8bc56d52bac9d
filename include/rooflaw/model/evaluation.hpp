#pragma once
// Everything the model says of one architecture in one scenario: the scalar path.

#include <optional>
#include <vector>

#include "rooflaw/model/continuous.hpp"
#include "rooflaw/model/precision_penalty.hpp"

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
  std::optional<JointMoeTerms> joint_moe{};  // in the place of terms, of a law of that form
  double loss_multiplier = 0;                // of a conditional law, which has no loss; else NaN
  std::optional<Penalty> ptq{}, qat{};       // of the precision, where they apply
  double loss_delta = 0;                     // that of the loss: the constant, or one of these
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
/// @throws DomainError if the architecture is not sound, or the precision takes its loss_delta from
///         a penalty that does not apply to it.
Evaluation evaluate(const Law& law, const Architecture& a, const Scenario& s);

/// The value of an objective.
/// @throws DomainError if the workload has none of the phases that it weighs
double value_of(Objective objective, const Evaluation& e, const Scenario& s);

/// Where the efficiencies of the phases that an objective weighs are from: the less sure one.
Basis basis_of(Objective objective, const Scenario& s);

/// Between which times nine of ten measurements would lie, of an objective that is a time; NaN
/// where the errors of a phase that it weighs are not known.
Band time_band(Objective objective, const Evaluation& e, const Scenario& s);

/// Between which the loss lies by what is known of its errors: the precision's loss_delta less and
/// plus its uncertainty, or the ends of its penalty; and of a law with resamples the 5 % and 95 %
/// quantiles of their losses; both as the root of the sum of squares. What is not known of one
/// counts as 0; NaN if nothing is, or only that the precision has no error. Cost: half a microsecond a resample.
Band loss_band(const Law& law, const Evaluation& e, const Precision& p);

/// The operators of one layer of a group in one pass as a reader wants them: no router in a dense
/// model, norm and quantisation of both blocks as one.
std::vector<Operator<double>> layer_operators(const Layers& group, std::int64_t width,
                                              const Scenario& s, const Pass& pass);

/// The output projection of one pass; none if the engine leaves it out.
std::optional<Operator<double>> head_operator(const Architecture& a, const Scenario& s);

}  // namespace rooflaw::model
