#include "rooflaw/model/continuous.hpp"

namespace rooflaw::model {

ContinuousArchitecture<double> lift(const Architecture& a) {
  return {.groups = {{static_cast<double>(a.layers), attention_shape(a), ffn_shape(a)}},
          .vocab = static_cast<double>(a.vocab),
          .tied = a.tied};
}

Parameters parameters(const ContinuousArchitecture<double>& a) {
  using Group = LayerGroup<double>;
  const auto count = [&](auto ffn_weights) {
    const double layers = over_layers(a, [&](const Group& g) {
      return g.attention.weights() + ffn_weights(g.ffn) + g.ffn.router_weights();
    });
    return layers + embedding_params(a.width(), a.vocab, a.tied);
  };
  return {.total = count([](const FfnShape<double>& ffn) { return ffn.weights(); }),
          .active = count([](const FfnShape<double>& ffn) { return ffn.active_weights(); })};
}

}  // namespace rooflaw::model
