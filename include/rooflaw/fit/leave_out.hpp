#pragma once
// How wrong a calibration is on what it has not seen: each model left out in turn, each chip left
// out in turn.

#include <set>
#include <string>
#include <vector>

#include "rooflaw/fit/calibration.hpp"
#include "rooflaw/core/statistics.hpp"

namespace rooflaw::fit {

/// log(predicted / measured) of each speed of a group, in order.
using Errors = std::vector<double>;

struct GroupResult {
  Prior prior;  // without the group's own device
  Fit fit;      // to all speeds
  Spreads spreads;
  Errors fitted;    // of that fit
  Errors left_out;  // of fits without the speed's model; empty for a single model
  Errors unseen;    // of the prior alone: without the chip
};

/// The evidence of all groups, when their priors and their fits agree: `rounds` times fitted with
/// the priors of the round before.
inline constexpr int evidence_rounds = 3;

/// Of one group, given the evidence of all.
GroupResult examine(const Group& group, const std::vector<Evidence>& evidence,
                    const std::vector<model::Precision>& further);

/// Those of the speeds of a phase; of none if `errors` is empty.
Errors of_phase(const Group& group, const Errors& errors, model::Phase phase);
/// Models that a group has speeds of.
std::set<std::string> models_of(const Group& group);

/// Mean of |predicted / measured - 1|; NaN of none.
double mean_error(const Errors& errors);
/// Rank correlation of predicted and measured speeds, equal tests averaged; NaN of fewer than
/// three.
double spearman(const Group& group, const Errors& errors, model::Phase phase);

/// Factors that nine of ten measured times are of the predicted: 5 % and 95 % quantiles, 1
/// included.
/// @param errors  not empty
model::Band band_of(const Errors& errors);

/// Does a group have enough speeds for an error of its own: six, of three models?
bool stands_alone(const Group& group);

}  // namespace rooflaw::fit
