#include "rooflaw/fit/law_problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "at_index.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/core/powers.hpp"

namespace rooflaw::fit {

namespace {

// A coefficient is at most this many times the largest loss, and at least so small a part of it.
constexpr double largest_part = 1e3, smallest_part = 1e-9;
constexpr double below_lowest = 1.0 - 1e-6;  // of the lowest loss: L_inf lies below
constexpr double infinite = std::numeric_limits<double>::infinity();

}  // namespace

bool LawTerms::has(std::string_view name) const {
  return std::any_of(forms.begin(), forms.end(),
                     [&](const TermForm* form) { return form->name == name; });
}

LawProblem::LawProblem(Runs runs, const LawTerms& terms) : rows_(std::move(runs.rows)) {
  std::sort(rows_.begin(), rows_.end(), [](const Run& a, const Run& b) {
    return std::tie(a.values, a.loss, a.weight, a.group) <
           std::tie(b.values, b.loss, b.weight, b.group);
  });
  for (const auto& run : rows_) log_losses_.push_back(natural_log(run.loss));
  for (std::size_t c = 0; c < column_count; ++c) {
    for (const auto& run : rows_) logs_[c].push_back(natural_log(run.values[c]));
    double sum = 0;
    for (const double x : logs_[c]) sum += x;
    // The mean of one and the same value is that value, not its neighbour.
    const bool constant = std::all_of(logs_[c].begin(), logs_[c].end(),
                                      [&](double x) { return x == logs_[c].front(); });
    log_means_[c] = constant ? logs_[c].front() : sum / static_cast<double>(rows_.size());
    for (double& x : logs_[c]) x -= log_means_[c];
  }
  add_terms(runs, terms);
  add_groups();
  number_shapes();
}

void LawProblem::add_terms(const Runs& runs, const LawTerms& terms) {
  double largest = 0;
  for (const auto& run : rows_) largest = std::max(largest, run.loss);
  const auto is_pinned = [&](Member member) {
    return std::find(terms.pinned.begin(), terms.pinned.end(), member) != terms.pinned.end();
  };
  std::map<std::string_view, Eigen::Index> exponents;
  for (const auto* form : terms.forms) {
    Term term{at_index(parameters_.size()), {}};
    parameters_.push_back(
        {Role::coefficient, form->coefficient, std::string(name_of(form->coefficient)),
         natural_log(largest * smallest_part), natural_log(largest * largest_part)});
    const std::size_t coefficient = parameters_.size() - 1;
    double prior = natural_log(form->prior);
    for (const auto& power : form->powers) {
      if (!runs.has[static_cast<std::size_t>(power.column)]) continue;
      const auto& exponent = exponent_form(power.exponent);
      const auto [found, is_new] =
          exponents.try_emplace(name_of(power.exponent), at_index(parameters_.size()));
      if (is_new) {
        const bool pinned = is_pinned(power.exponent);
        parameters_.push_back({Role::exponent, power.exponent, std::string(found->first),
                               pinned ? exponent.prior : exponent.low,
                               pinned ? exponent.prior : exponent.high});
      }
      term.powers.push_back({found->second, static_cast<std::size_t>(power.column), power.sign});
      prior += power.sign * exponent.prior * log_means_[term.powers.back().column];
    }
    if (is_pinned(form->coefficient))
      parameters_[coefficient].low = parameters_[coefficient].high = prior;
    terms_.push_back(std::move(term));
  }
  floor_ = at_index(parameters_.size());
  parameters_.push_back({Role::floor, &Coefficients::l_inf, "l_inf", natural_log(least_floor), 0});
}

void LawProblem::add_groups() {
  std::map<std::string, std::size_t> sizes;
  double largest = 0;
  for (const auto& run : rows_) {
    ++sizes[run.group];
    largest = std::max(largest, run.loss);
  }
  const auto most = std::max_element(
      sizes.begin(), sizes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  group_of_.assign(rows_.size(), 0);
  if (sizes.size() > 1) {
    groups_.push_back(most->first);
    for (const auto& [name, size] : sizes)
      if (name != most->first) groups_.push_back(name);
    for (std::size_t i = 0; i < rows_.size(); ++i)
      group_of_[i] = static_cast<std::size_t>(
          std::find(groups_.begin(), groups_.end(), rows_[i].group) - groups_.begin());
    for (std::size_t g = 1; g < groups_.size(); ++g)
      parameters_.push_back({Role::offset, nullptr, "offset of " + groups_[g], -largest, largest});
  }
  parameters_[static_cast<std::size_t>(floor_)].high = high(whole())[floor_];
}

void LawProblem::number_shapes() {
  std::map<std::array<double, shape_columns>, std::size_t> numbers;
  for (const auto& run : rows_) {
    std::array<double, shape_columns> shape{};
    std::copy_n(run.values.begin(), shape_columns, shape.begin());
    shapes_.push_back(numbers.try_emplace(shape, numbers.size()).first->second);
  }
  shape_count_ = numbers.size();
}

LawProblem LawProblem::with_held(std::size_t parameter, double value) const {
  LawProblem held = *this;
  held.parameters_[parameter].low = held.parameters_[parameter].high = value;
  return held;
}

std::size_t LawProblem::free_parameters() const {
  return static_cast<std::size_t>(std::count_if(parameters_.begin(), parameters_.end(),
                                                [](const Parameter& p) { return !p.pinned(); }));
}

std::size_t LawProblem::shape_parameters() const {
  std::vector<Eigen::Index> all;
  for (const auto& term : terms_) {
    const bool of_shape = std::any_of(term.powers.begin(), term.powers.end(), [](const Power& p) {
      return p.column != static_cast<std::size_t>(Column::tokens);
    });
    if (!of_shape) continue;
    all.push_back(term.parameter);
    for (const auto& p : term.powers) all.push_back(p.parameter);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](Eigen::Index i) {
    return !parameters_[static_cast<std::size_t>(i)].pinned();
  }));
}

Eigen::Index LawProblem::coefficient_of(Eigen::Index exponent) const {
  Eigen::Index owner = -1;
  for (const auto& term : terms_)
    for (const auto& p : term.powers) {
      if (p.parameter != exponent) continue;
      if (owner >= 0) return -1;
      owner = term.parameter;
    }
  return owner;
}

Sample LawProblem::whole() const { return sample(std::vector<double>(rows_.size(), 1.0)); }

Sample LawProblem::sample(const std::vector<double>& times) const {
  Sample s;
  double lowest = infinite;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (times[i] <= 0.0) continue;
    s.rows.push_back(i);
    s.weights.push_back(times[i] * rows_[i].weight);
    s.total += s.weights.back();
    if (group_of_[i] == 0) lowest = std::min(lowest, rows_[i].loss);
  }
  // Where no run is of the law's own group, any loss may be the lowest.
  if (lowest == infinite)
    for (const std::size_t i : s.rows) lowest = std::min(lowest, rows_[i].loss);
  s.log_floor_high = natural_log(std::max(lowest * below_lowest, least_floor * (1 + 1e-6)));
  return s;
}

Eigen::VectorXd LawProblem::low() const {
  Eigen::VectorXd bounds(at_index(parameters_.size()));
  for (std::size_t i = 0; i < parameters_.size(); ++i) bounds[at_index(i)] = parameters_[i].low;
  return bounds;
}

Eigen::VectorXd LawProblem::high(const Sample& sample) const {
  Eigen::VectorXd bounds(at_index(parameters_.size()));
  for (std::size_t i = 0; i < parameters_.size(); ++i) bounds[at_index(i)] = parameters_[i].high;
  const auto& floor = parameters_[static_cast<std::size_t>(floor_)];
  if (!floor.pinned()) bounds[floor_] = sample.log_floor_high;
  return bounds;
}

std::vector<double> LawProblem::term_values(const Eigen::VectorXd& at, const Sample& sample) const {
  const std::size_t n = sample.rows.size();
  std::vector<double> values(n * terms_.size());
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const auto& term = terms_[t];
    for (std::size_t k = 0; k < n; ++k) {
      double exponent = at[term.parameter];
      for (const auto& p : term.powers)
        exponent += p.sign * at[p.parameter] * logs_[p.column][sample.rows[k]];
      values[t * n + k] = exponent;
    }
  }
  exponentials(values);
  return values;
}

double LawProblem::objective(const Eigen::VectorXd& at, const Sample& sample, Slope* slope,
                             bool curved) const {
  const std::size_t n = sample.rows.size();
  const auto p = at_index(parameters_.size());
  const auto values = term_values(at, sample);
  const double floor = exponential(at[floor_]);
  if (slope != nullptr) {
    slope->gradient.setZero(p);
    if (curved) slope->newton.setZero(p, p), slope->gauss.setZero(p, p);
  }
  Eigen::VectorXd g(p);
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t row = sample.rows[k];
    double loss = floor;
    for (std::size_t t = 0; t < terms_.size(); ++t) loss += values[t * n + k];
    const std::size_t group = group_of_[row];
    if (group > 0) loss += at[floor_ + at_index(group)];
    if (!(loss > 0.0 && loss < infinite)) return infinite;
    const double z = (natural_log(loss) - log_losses_[row]) / huber_delta;
    const bool inner = std::abs(z) <= 1.0;
    const double weight = sample.weights[k] / sample.total;
    sum += weight * (inner ? 0.5 * z * z : std::abs(z) - 0.5);
    if (slope == nullptr) continue;
    // Of the first derivative by log L^, and of the second.
    const double psi = weight * std::clamp(z, -1.0, 1.0) / huber_delta;
    const double bend = inner ? weight / (huber_delta * huber_delta) : 0.0;
    const double above = inner ? bend : std::abs(psi) / (std::abs(z) * huber_delta);
    g.setZero();
    g[floor_] = floor / loss;
    if (group > 0) g[floor_ + at_index(group)] = 1.0 / loss;
    if (curved) slope->newton(floor_, floor_) += psi * g[floor_];
    for (std::size_t t = 0; t < terms_.size(); ++t) {
      const auto& term = terms_[t];
      const double share = values[t * n + k] / loss;
      g[term.parameter] += share;
      for (const auto& a : term.powers) g[a.parameter] += share * a.sign * logs_[a.column][row];
      if (!curved) continue;
      slope->newton(term.parameter, term.parameter) += psi * share;
      for (const auto& a : term.powers) {
        const double da = psi * share * a.sign * logs_[a.column][row];
        slope->newton(a.parameter, term.parameter) += da;
        slope->newton(term.parameter, a.parameter) += da;
        for (const auto& b : term.powers)
          slope->newton(a.parameter, b.parameter) += da * b.sign * logs_[b.column][row];
      }
    }
    slope->gradient += psi * g;
    if (!curved) continue;
    for (Eigen::Index i = 0; i < p; ++i)
      for (Eigen::Index j = 0; j <= i; ++j) {
        const double gg = g[i] * g[j];
        slope->gauss(i, j) += above * gg;
        slope->newton(i, j) += (bend - psi) * gg;
      }
  }
  if (slope != nullptr && curved)
    for (Eigen::Index i = 0; i < p; ++i)
      for (Eigen::Index j = 0; j < i; ++j) {
        slope->gauss(j, i) = slope->gauss(i, j);
        slope->newton(j, i) = slope->newton(i, j);
      }
  return std::isnan(sum) ? infinite : sum;
}

std::vector<double> LawProblem::log_errors(const Eigen::VectorXd& at) const {
  const Sample all = whole();
  const auto values = term_values(at, all);
  const double floor = exponential(at[floor_]);
  std::vector<double> errors;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    double loss = floor;
    for (std::size_t t = 0; t < terms_.size(); ++t) loss += values[t * rows_.size() + i];
    if (group_of_[i] > 0) loss += at[floor_ + at_index(group_of_[i])];
    errors.push_back(natural_log(loss) - log_losses_[i]);
  }
  return errors;
}

}  // namespace rooflaw::fit
