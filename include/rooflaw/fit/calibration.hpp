#pragma once
// Efficiencies of a chip under an engine, fitted to measured speeds.
//
// Least is the sum of robust squares (pseudo-Huber) of the logarithms of predicted over measured
// time, and of the distance from the prior; NLopt's L-BFGS, with derivatives through the templates
// that predict latencies everywhere else (model/latency.hpp). Settings of the engine that a
// benchmark does not print are tried, one at a time.
//
// Departures from a plain fit: none of the efficiencies is fixed by hand. What the speeds do not
// tell keeps its prior, and the report says so.

#include <optional>
#include <string>
#include <vector>

#include "rooflaw/fit/prior.hpp"
#include "rooflaw/model/continuous.hpp"
#include "rooflaw/model/scenario.hpp"

namespace rooflaw::fit {

/// A test: tokens of one phase, behind a context.
struct Speed {
  std::string place;  // FILE:LINE
  std::string model;
  std::string shape;  // the same for models of equal sizes: they are left out together
  model::ContinuousArchitecture<double> architecture;
  model::Precision precision;
  model::Phase phase{};
  std::int64_t batch = 1;
  std::int64_t context = 0;  // tokens in the cache before the first
  std::int64_t tokens = 0;   // of a sequence, > 0
  std::int64_t chunk = 0;    // tokens of a prefill pass; 0: all
  std::optional<bool> flash;
  double seconds = 0;  // of the whole test, > 0
};

/// Settings of an engine that speeds tell.
struct Switches {
  bool query_heads = false;
  bool eager = false;
  bool fused = false;
  bool expanded = true;
  bool operator==(const Switches&) const = default;
};
/// What an engine does if nothing is known of it: llama.cpp has flash attention off by default.
Switches usual_switches(const Family& family);

/// Device x engine x power mode.
struct Group {
  std::string id;      // <device>.<engine>[.<power mode>]
  std::string engine;  // as in the id
  model::Device device;
  Family family;
  bool full_power = true;  // else it tells nothing of other chips
  std::vector<Speed> speeds;
};

struct Fit {
  Eigen::VectorXd values;  // of the prior's unknowns
  Switches switches;
  double objective = 0;
};

/// Those of the group's formats and of `further` ones.
std::vector<Unknown> unknowns_of(const Group& group,
                                 const std::vector<model::Precision>& further = {});

/// @param without_shape  whose speeds do not count; empty: all count
/// Cost: about a millisecond for ten speeds.
Fit fit_group(const Group& group, const Prior& prior, const std::string& without_shape = {});

/// What no speed has told.
Fit prior_fit(const Prior& prior, const Family& family);

/// What the fit of a group says to others.
std::vector<Evidence> evidence_of(const Group& group, const Prior& prior, const Fit& fit);

/// log(predicted / measured) time of a test.
double log_error(const Speed& speed, const model::Device& device, const Prior& prior,
                 const Fit& fit);

/// Standard deviation of each unknown at the fit (Gauss-Newton), and in the prior. An unknown whose
/// spread the speeds do not narrow is not identified by them.
struct Spreads {
  Eigen::VectorXd fitted, prior;
};
Spreads spreads_of(const Group& group, const Prior& prior, const Fit& fit);

/// The efficiencies that weights of this precision get. @throws Error if it is not among the
/// prior's unknowns
model::Efficiency efficiency_of(const std::string& format, const Prior& prior, const Fit& fit);

}  // namespace rooflaw::fit
