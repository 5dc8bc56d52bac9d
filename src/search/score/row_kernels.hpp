#pragma once
// The inner loops of the scan: one attention block, one depth, a run of FFN blocks. Compiled for
// several instruction sets and chosen at start; only + - * / max and comparisons, so all give the
// same bits.

#include <cstddef>
#include <cstdint>

#include "rooflaw/search/score/known_losses.hpp"
#include "rooflaw/search/score/parts.hpp"

namespace rooflaw::search {

struct RowView {
  std::size_t size;
  LayerSplit layers;
  double width;
  double attention_activations;
  const WidthPart* width_part;
  const AttentionParts* attention;
  const FfnParts::PerDeployment* ffn;
  const double* ffn_activations;
};

/// loss[i] = FFN part + KV part + depth part.
void row_loss(std::size_t size, const double* ffn_loss, double kv_loss, double depth_loss,
              double* loss);

/// Both phases of every point of the row.
void row_latency(const RowView& row, double* prefill_s, double* decode_s);

/// value[i] of an objective or a limit on times, as model::weighted_time has it.
void row_objective(std::size_t size, const model::Weights& weights, const double* prefill_s,
                   const double* decode_s, double* value);

/// Bytes of every point of the row.
void row_memory(const RowView& row, double* memory);

/// feasible[i] stays -1 where value[i] <= bound, else it becomes 0.
void row_within(std::size_t size, const double* value, double bound, std::int64_t* feasible);

/// candidate[i] != 0 for points that the bins cannot tell to be dominated. Returns whether there
/// are any.
bool row_candidates(std::size_t size, const double* least_loss_before, const double* latency_s,
                    const double* loss, double loss_delta, std::int64_t* candidate);

/// value[i] = bound at latency layers[i] * layer + head, less loss[i].
void slack_values(std::size_t size, const double* layers, const double* loss, double layer,
                  double head, const LossBound& bound, double* value);

}  // namespace rooflaw::search
