#include "rooflaw/fit/leave_out.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/core/powers.hpp"
#include "rooflaw/core/statistics.hpp"

namespace rooflaw::fit {

namespace {

std::set<std::string> shapes_of(const Group& group) {
  std::set<std::string> shapes;
  for (const auto& s : group.speeds) shapes.insert(s.shape);
  return shapes;
}

}  // namespace

Errors of_phase(const Group& group, const Errors& errors, model::Phase phase) {
  Errors of;
  for (std::size_t i = 0; i < errors.size(); ++i)
    if (group.speeds[i].phase == phase) of.push_back(errors[i]);
  return of;
}

std::set<std::string> models_of(const Group& group) {
  std::set<std::string> models;
  for (const auto& s : group.speeds) models.insert(s.model);
  return models;
}

GroupResult examine(const Group& group, const std::vector<Evidence>& evidence,
                    const std::vector<model::Precision>& further) {
  GroupResult r;
  r.prior = prior_of(unknowns_of(group, further), group.family, evidence, group.device.id);
  r.fit = fit_group(group, r.prior);
  r.spreads = spreads_of(group, r.prior, r.fit);
  const Fit unseen = prior_fit(r.prior, group.family);
  for (const auto& s : group.speeds) {
    r.fitted.push_back(log_error(s, group.device, r.prior, r.fit));
    r.unseen.push_back(log_error(s, group.device, r.prior, unseen));
  }
  const auto shapes = shapes_of(group);
  if (shapes.size() < 2) return r;
  r.left_out.resize(group.speeds.size());
  for (const auto& shape : shapes) {
    const Fit fit = fit_group(group, r.prior, shape);
    for (std::size_t i = 0; i < group.speeds.size(); ++i)
      if (group.speeds[i].shape == shape)
        r.left_out[i] = log_error(group.speeds[i], group.device, r.prior, fit);
  }
  return r;
}

double mean_error(const Errors& errors) {
  double sum = 0;
  for (const double e : errors) sum += std::abs(exponential_minus_one(e));
  return errors.empty() ? nan : sum / static_cast<double>(errors.size());
}

double spearman(const Group& group, const Errors& errors, model::Phase phase) {
  // Of one model in one format at one length: tokens/s, measured and predicted.
  struct Test {
    double measured = 0, predicted = 0, count = 0;
  };
  std::map<std::tuple<std::string, std::string, std::int64_t, std::int64_t>, Test> tests;
  for (std::size_t i = 0; i < group.speeds.size(); ++i) {
    const Speed& s = group.speeds[i];
    if (s.phase != phase) continue;
    Test& t = tests[{s.model, s.precision.id, s.context, s.tokens}];
    t.measured += static_cast<double>(s.tokens) / s.seconds;
    t.predicted += static_cast<double>(s.tokens) / (s.seconds * exponential(errors[i]));
    t.count += 1;
  }
  if (tests.size() < 3) return nan;
  std::vector<double> measured, predicted;
  for (const auto& [key, t] : tests) {
    measured.push_back(t.measured / t.count);
    predicted.push_back(t.predicted / t.count);
  }
  return correlation(ranks_of(measured), ranks_of(predicted));
}

model::Band band_of(const Errors& errors) {
  // The prediction itself lies within: efficiencies may stand at their bounds.
  return {std::min(1.0, exponential(-quantile(errors, 0.95))),
          std::max(1.0, exponential(-quantile(errors, 0.05)))};
}

bool stands_alone(const Group& group) {
  return group.speeds.size() >= 6 && shapes_of(group).size() >= 3;
}

}  // namespace rooflaw::fit
