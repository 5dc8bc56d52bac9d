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
  return {.prefill_head_s = model::head_time(width, vocab, s, Phase::prefill).seconds,
          .decode_head_s = model::head_time(width, vocab, s, Phase::decode).seconds,
          .prefill_overhead_s = model::layer_overhead(s, Phase::prefill),
          .decode_overhead_s = model::layer_overhead(s, Phase::decode),
          .embedding_bytes =
              model::embedding_params(width, vocab, space.tied) * s.precision.head_bytes};
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

/// A value a column of the powers; each term has one of a kind at most.
template <class T>
struct FfnPowers {
  std::array<T, std::tuple_size_v<decltype(PowerTables::ffn_terms)>> ratio{}, activation{};
};

/// Eight FFN blocks and what the tables know of them.
struct Packet {
  model::FfnShape<Lanes> shape;
  FfnPowers<Lanes> powers;
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

/// Every power of a block; `set` takes the place where one goes and its value.
template <class T, class Set>
void look_up(const PowerTables& tables, const Frame& frame, const FfnOption& option,
             FfnPowers<T>& powers, Set set) {
  const std::size_t ratio = tables.ratio_place(frame, option.digits);
  for (std::size_t i = 0; i < tables.ratio.size(); ++i)
    set(powers.ratio[i], tables.ratio[i][ratio]);
  const std::size_t activation = tables.activation_place(frame, option.digits);
  for (std::size_t i = 0; i < tables.activation.size(); ++i)
    set(powers.activation[i], tables.activation[i][activation]);
}

/// In the order of model::law_variables.
template <class T>
T term(const FfnTerm& t, const FfnPowers<T>& powers, const Frame& frame) {
  T value = model::constant<T>(t.coefficient);
  if (t.activation) value = value * powers.activation[*t.activation];
  if (t.ratio) value = value * powers.ratio[*t.ratio];
  if (!t.width.empty()) value = value * t.width[frame.width_digit];
  return value;
}
template <class T>
T ffn_loss(const PowerTables& tables, const FfnPowers<T>& powers, const Frame& frame) {
  return model::ffn_loss<T>(term(tables.ffn_terms[0], powers, frame),
                            term(tables.ffn_terms[1], powers, frame));
}

}  // namespace

double ffn_part_loss(const PowerTables& tables, const Frame& frame, const FfnOption& option) {
  FfnPowers<double> powers;
  look_up(tables, frame, option, powers, [](double& place, double power) { place = power; });
  return ffn_loss(tables, powers, frame);
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

  std::vector<Lanes> distinct(counts.size());
  Packet p;
  for (std::size_t start = 0; start < padded; start += FfnParts::packet) {
    for (Eigen::Index lane = 0; lane < packet; ++lane) {
      const std::size_t place = start + static_cast<std::size_t>(lane);
      const auto& option = options[std::min(place, options.size() - 1)];  // pads with the last
      parts.index[place] = option.index;
      set_lane(p, lane, model::ffn_shape(option.architecture));
      look_up(tables, frame, option, p.powers,
              [lane](Lanes& column, double power) { column[lane] = power; });
      for (std::size_t c = 0; c < counts.size(); ++c)
        distinct[c][lane] = tables.distinct_experts(c, option);
    }
    const auto store = [start](std::vector<double>& column, const Lanes& lanes) {
      Lanes::Map(column.data() + start) = lanes;
    };
    store(parts.loss, ffn_loss(tables, p.powers, frame));
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
