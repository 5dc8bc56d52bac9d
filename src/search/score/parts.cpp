#include "rooflaw/search/score/parts.hpp"

#include <Eigen/Core>

namespace rooflaw::search {

using model::Phase;

model::AttentionShape<double> attention_shape(const Space& space, std::size_t width_digit,
                                              const AttentionOption& option) {
  return model::attention_shape({.width = space.widths[width_digit],
                                 .heads = option.heads,
                                 .attention = option.kind,
                                 .head_dim = space.head_dim,
                                 .kv_heads = option.kv_heads,
                                 .mla = option.mla});
}

WidthPart width_part(const Space& space, std::size_t width_digit, const Deployment& deployment) {
  const auto& s = deployment.scenario;
  const auto width = static_cast<double>(space.widths[width_digit]);
  const auto vocab = static_cast<double>(space.vocab);
  const double embedding = model::embedding_params(
      {.width = space.widths[width_digit], .vocab = space.vocab, .tied = space.tied});
  return {.prefill_head_s = model::head_time(width, vocab, s, Phase::prefill).seconds,
          .decode_head_s = model::head_time(width, vocab, s, Phase::decode).seconds,
          .prefill_overhead_s = model::layer_overhead(s, Phase::prefill),
          .decode_overhead_s = model::layer_overhead(s, Phase::decode),
          .embedding_bytes = embedding * s.precision.head_bytes};
}

AttentionPart attention_part(const model::AttentionShape<double>& shape,
                             const Deployment& deployment) {
  const auto& s = deployment.scenario;
  return {.prefill_s = model::attention_time(shape, s, Phase::prefill).seconds,
          .decode_s = model::attention_time(shape, s, Phase::decode).seconds,
          .weight_bytes = model::attention_weight_bytes(shape, s.precision),
          .kv_bytes = model::kv_cache_bytes(shape, s)};
}

namespace {

constexpr auto packet = static_cast<Eigen::Index>(FfnParts::packet);
using Lanes = Eigen::Array<double, packet, 1>;

/// Eight FFN blocks and what the tables know of them.
struct Packet {
  model::FfnShape<Lanes> shape;
  Lanes ratio_power;
  Lanes activation_power;
};

void set_lane(Packet& p, Eigen::Index lane, const model::FfnShape<double>& shape) {
  p.shape.kind = shape.kind;
  p.shape.sparsity = shape.sparsity;
  p.shape.width[lane] = shape.width;
  p.shape.expert_ffn[lane] = shape.expert_ffn;
  p.shape.experts[lane] = shape.experts;
  p.shape.top_k[lane] = shape.top_k;
  p.shape.shared_ffn[lane] = shape.shared_ffn;
  p.shape.routed[lane] = shape.routed;
  p.shape.has_shared[lane] = shape.has_shared;
}

}  // namespace

double ffn_part_loss(const Question& question, const PowerTables& tables, const Frame& frame,
                     const FfnOption& option) {
  const double ratio = tables.ratio_power(frame, option);
  const double activation = tables.activation_power(frame, option);
  return model::ffn_loss(
      model::sparsity_term(question.law, activation, ratio,
                           tables.width_sparsity[frame.width_digit]),
      model::capacity_term(question.law, ratio, tables.width_capacity[frame.width_digit]));
}

void fill_ffn_parts(const Question& question, const PowerTables& tables, const Frame& frame,
                    const std::vector<FfnOption>& options, FfnParts& parts) {
  const std::vector<double> counts = token_counts(question);
  const std::size_t padded =
      (options.size() + FfnParts::packet - 1) / FfnParts::packet * FfnParts::packet;
  parts.size = options.size();
  parts.index.resize(padded);
  parts.loss.resize(padded);
  parts.activations.resize(padded);
  parts.deployments.resize(question.deployments.size());
  for (auto& s : parts.deployments) {
    s.prefill_s.resize(padded);
    s.decode_s.resize(padded);
    s.weight_bytes.resize(padded);
  }

  const Lanes width_sparsity = Lanes::Constant(tables.width_sparsity[frame.width_digit]);
  const Lanes width_capacity = Lanes::Constant(tables.width_capacity[frame.width_digit]);
  std::vector<Lanes> distinct(counts.size());
  Packet p;
  for (std::size_t start = 0; start < padded; start += FfnParts::packet) {
    for (Eigen::Index lane = 0; lane < packet; ++lane) {
      const std::size_t place = start + static_cast<std::size_t>(lane);
      const auto& option = options[std::min(place, options.size() - 1)];  // pads with the last
      parts.index[place] = option.index;
      set_lane(p, lane, model::ffn_shape(option.architecture));
      p.ratio_power[lane] = tables.ratio_power(frame, option);
      p.activation_power[lane] = tables.activation_power(frame, option);
      for (std::size_t c = 0; c < counts.size(); ++c)
        distinct[c][lane] = tables.distinct_experts(c, option);
    }
    const auto store = [start](std::vector<double>& column, const Lanes& lanes) {
      Lanes::Map(column.data() + start) = lanes;
    };
    const Lanes sparsity = model::sparsity_term<Lanes>(question.law, p.activation_power,
                                                       p.ratio_power, width_sparsity);
    const Lanes capacity = model::capacity_term<Lanes>(question.law, p.ratio_power, width_capacity);
    store(parts.loss, model::ffn_loss<Lanes>(sparsity, capacity));
    store(parts.activations, model::ffn_activations(p.shape));
    for (std::size_t i = 0; i < question.deployments.size(); ++i) {
      const auto& s = question.deployments[i].scenario;
      const auto phase_seconds = [&](Phase phase) -> Lanes {
        const std::size_t c = token_count_number(counts, model::first_pass(s, phase).tokens);
        return model::ffn_time(p.shape, distinct[c], tables.rows_read[c], s, phase).seconds;
      };
      store(parts.deployments[i].prefill_s, phase_seconds(Phase::prefill));
      store(parts.deployments[i].decode_s, phase_seconds(Phase::decode));
      store(parts.deployments[i].weight_bytes, model::ffn_weight_bytes(p.shape, s.precision));
    }
  }
}

}  // namespace rooflaw::search
