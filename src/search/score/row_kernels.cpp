#include "row_kernels.hpp"

#include <bit>

#include "rooflaw/core/clones.hpp"
#include "rooflaw/search/exact/slack.hpp"

namespace rooflaw::search {

ROOFLAW_CLONES
void row_loss(std::size_t size, const double* __restrict ffn_loss, double kv_loss,
              double depth_loss, double* __restrict loss) {
  for (std::size_t i = 0; i < size; ++i)
    loss[i] = model::shape_loss(ffn_loss[i], kv_loss, depth_loss);
}

namespace {

/// The sum over a row's layers, in the order of model::over_layers.
struct OverLayers {
  double global, windowed;
  double operator()(double per_global, double per_windowed) const {
    return global * per_global + windowed * per_windowed;
  }
};

}  // namespace

ROOFLAW_CLONES
void row_latency(const RowView& row, double* __restrict prefill_s, double* __restrict decode_s) {
  const double* __restrict ffn_prefill = row.ffn->prefill_s.data();
  const double* __restrict ffn_decode = row.ffn->decode_s.data();
  const WidthPart width = *row.width_part;
  const AttentionPart global = row.attention->global;
  const AttentionPart windowed = row.attention->windowed;
  const OverLayers over_layers{row.layers.global, row.layers.windowed};
  if (over_layers.windowed == 0.0) {
    const double layers = over_layers.global;
    for (std::size_t i = 0; i < row.size; ++i) {
      prefill_s[i] = model::phase_time(
          layers * model::layer_time(global.prefill_s, ffn_prefill[i], width.prefill_overhead_s),
          width.prefill_fixed_s);
      decode_s[i] = model::phase_time(
          layers * model::layer_time(global.decode_s, ffn_decode[i], width.decode_overhead_s),
          width.decode_fixed_s);
    }
    return;
  }
  for (std::size_t i = 0; i < row.size; ++i) {
    prefill_s[i] = model::phase_time(
        over_layers(
            model::layer_time(global.prefill_s, ffn_prefill[i], width.prefill_overhead_s),
            model::layer_time(windowed.prefill_s, ffn_prefill[i], width.prefill_overhead_s)),
        width.prefill_fixed_s);
    decode_s[i] = model::phase_time(
        over_layers(model::layer_time(global.decode_s, ffn_decode[i], width.decode_overhead_s),
                    model::layer_time(windowed.decode_s, ffn_decode[i], width.decode_overhead_s)),
        width.decode_fixed_s);
  }
}

ROOFLAW_CLONES
void row_objective(std::size_t size, const model::Weights& weights,
                   const double* __restrict prefill_s, const double* __restrict decode_s,
                   double* __restrict value) {
  const model::Weights w = weights;
  if (w.per == 1.0)
    for (std::size_t i = 0; i < size; ++i)
      value[i] = w.prefill * prefill_s[i] + w.decode * decode_s[i];
  else
    for (std::size_t i = 0; i < size; ++i)
      value[i] = (w.prefill * prefill_s[i] + w.decode * decode_s[i]) / w.per;
}

ROOFLAW_CLONES
void row_memory(const RowView& row, double* __restrict memory) {
  const double* __restrict ffn_bytes = row.ffn->weight_bytes.data();
  const double* __restrict ffn_activations = row.ffn_activations;
  const WidthPart width = *row.width_part;
  const AttentionPart global = row.attention->global;
  const AttentionPart windowed = row.attention->windowed;
  const OverLayers over_layers{row.layers.global, row.layers.windowed};
  const double scratch = model::larger(global.scratch_bytes, windowed.scratch_bytes);
  const double kv = over_layers(global.kv_bytes, windowed.kv_bytes);
  for (std::size_t i = 0; i < row.size; ++i) {
    const double elements = model::larger(row.attention_activations, ffn_activations[i]);
    const double weights =
        over_layers(global.weight_bytes + ffn_bytes[i], windowed.weight_bytes + ffn_bytes[i]) +
        width.table_bytes;
    memory[i] =
        model::Memory<double>{weights, kv,
                              model::workspace_bytes(row.width, elements, scratch,
                                                     width.logit_bytes, width.activation_bytes)}
            .total();
  }
}

ROOFLAW_CLONES
void row_within(std::size_t size, const double* __restrict value, double bound,
                std::int64_t* __restrict feasible) {
  for (std::size_t i = 0; i < size; ++i) feasible[i] &= value[i] <= bound ? -1 : 0;
}

ROOFLAW_CLONES
bool row_candidates(std::size_t size, const double* __restrict least_loss_before,
                    const double* __restrict latency_s, const double* __restrict loss,
                    double loss_delta, std::int64_t* __restrict candidate) {
  std::int64_t any = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double least = least_loss_before[DominanceBins::bin(latency_s[i])];
    const std::int64_t open = least > loss[i] + loss_delta ? -1 : 0;
    candidate[i] = open;
    any |= open;
  }
  return any != 0;
}

ROOFLAW_CLONES
void slack_values(std::size_t size, const double* __restrict layers, const double* __restrict loss,
                  double layer, double head, const LossBound& falling, double* __restrict value) {
  const double* __restrict bound = falling.data();
  const int shift = falling.bin_shift();
  const std::int64_t base = falling.base();
  const auto window = falling.window();
  const std::int64_t first = window.first - base, last = window.last - base;
  for (std::size_t i = 0; i < size; ++i) {
    const double latency = layers[i] * layer + head;
    std::int64_t bin = LossBound::bin(latency, shift) - base;
    bin = bin < first ? 0 : bin;
    bin = bin > last ? last : bin;
    value[i] = bound[bin] - loss[i];
  }
}

}  // namespace rooflaw::search
