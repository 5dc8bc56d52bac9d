#include "rooflaw/model/continuous.hpp"

namespace rooflaw::model {

ContinuousArchitecture<double> lift(const Architecture& a) {
  ContinuousArchitecture<double> lifted{.groups = {}, .tables = tables_of(a)};
  for_each_group(a, [&](const Layers& group) {
    lifted.groups.push_back({static_cast<double>(group.layers), attention_shape(group, a.width),
                             ffn_shape(group, a.width)});
  });
  return lifted;
}

Parameters parameters(const ContinuousArchitecture<double>& a) {
  using Group = LayerGroup<double>;
  const auto count = [&](auto ffn_weights) {
    const double layers = over_layers(a, [&](const Group& g) {
      return g.attention.weights() + ffn_weights(g.ffn) + g.ffn.router_weights();
    });
    return layers + table_params(a.width(), a.tables);
  };
  return {.total = count([](const FfnShape<double>& ffn) { return ffn.weights(); }),
          .active = count([](const FfnShape<double>& ffn) { return ffn.active_weights(); })};
}

}  // namespace rooflaw::model
