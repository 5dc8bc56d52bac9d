#pragma once
// Runs made by the published law through the templates that evaluate it everywhere else.

#include <cmath>
#include <random>

#include "rooflaw/fit/law_form.hpp"

namespace rooflaw::fit {

/// arXiv:2602.10377.
inline Coefficients published_law() {
  Coefficients law;
  law.kappa_l = 9.96, law.alpha_l = 1.63;
  law.kappa_rho = 0.031, law.alpha_rho = 1.09, law.alpha_r = 0.17, law.beta_1 = -0.33;
  law.kappa_d = 500, law.beta_2 = 0.97;
  law.kappa_m = 0.20, law.alpha_m = 0.05;
  law.l_inf = 2.53;
  return law;
}

inline double loss_at(const Coefficients& coefficients, const Run& run) {
  model::Law law;
  static_cast<Coefficients&>(law) = coefficients;
  law.tokens = run[Column::tokens];
  const model::LawPoint<double> x{.layers = run[Column::layers],
                                  .width = run[Column::width],
                                  .ffn_ratio = run[Column::ffn_ratio],
                                  .activation_rate = run[Column::activation_rate],
                                  .kv_dim = run[Column::kv_dim],
                                  .parameters = run[Column::parameters]};
  return model::loss(law, model::loss_terms(coefficients, x), 0.0);
}

/// Shapes of the published campaign's ranges, all five columns. @param noise  standard deviation
/// of the logarithm of the loss
inline Runs campaign(std::size_t count, unsigned seed, double noise,
                     const Coefficients& law = published_law()) {
  std::mt19937_64 random(seed);
  const auto pick = [&](std::initializer_list<double> values) {
    return values.begin()[std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(random)];
  };
  std::normal_distribution<double> normal;
  Runs runs;
  runs.has = {true, true, true, true, true, false, false};
  for (std::size_t i = 0; i < count; ++i) {
    Run run;
    run.line = static_cast<unsigned>(i + 2);
    const double d = pick({768, 1024, 1280, 1536, 2048, 2560, 3072});
    const double dm = std::min(d, pick({64, 128, 256, 512, 4096}));
    run.values = {pick({4, 6, 8, 12, 16, 24, 32}),     d, dm, pick({0.5, 1, 2, 3, 4}),
                  pick({1, 0.5, 0.25, 0.125, 0.0625}), 1, 1};
    run.loss = loss_at(law, run) * std::exp(noise * normal(random));
    runs.rows.push_back(run);
  }
  return runs;
}

inline std::vector<const TermForm*> terms_named(std::initializer_list<const char*> names) {
  std::vector<const TermForm*> forms;
  for (const char* name : names) forms.push_back(find_term(name));
  return forms;
}
inline std::vector<const TermForm*> published_terms() {
  return terms_named({"depth", "sparsity", "capacity", "kv"});
}

}  // namespace rooflaw::fit
