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

model::FfnShape<double> ffn_shape(const Space& space, std::size_t ffn_digit,
                                  std::size_t width_digit, const FfnOption& option) {
  return model::ffn_shape({.width = space.widths[width_digit],
                           .ffn = space.ffn[ffn_digit],
                           .expert_ffn = option.expert_ffn,
                           .experts = option.routing.experts,
                           .top_k = option.routing.top_k,
                           .shared_ffn = option.shared_ffn,
                           .ffn_sparsity = space.ffn_sparsity});
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
using FfnColumns = std::array<T, std::tuple_size_v<decltype(PowerTables::ffn_terms)>>;

/// Eight FFN blocks and what the tables know of them.
struct Packet {
  model::FfnShape<Lanes> shape;
  FfnColumns<Lanes> ratio, activation;
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

/// A term from its powers, a number or a packet by column, in the order of model::law_variables.
template <class T>
T ffn_term(const FfnTerm& t, const T* activation, const T* ratio, std::size_t width_digit) {
  T value = model::constant<T>(t.coefficient);
  if (t.activation) value = value * activation[*t.activation];
  if (t.ratio) value = value * ratio[*t.ratio];
  if (!t.width.empty()) value = value * t.width[width_digit];
  return value;
}

}  // namespace

double ffn_part_loss(const Question& question, const PowerTables& tables, std::size_t ffn_digit,
                     std::size_t width_digit, const FfnOption& option) {
  const TableLayout layout(question.space);
  const std::size_t ratio_place = layout.ratio(ffn_digit, width_digit, option);
  const std::size_t activation_place = layout.activation(tables, width_digit, option);
  FfnColumns<double> ratio{}, activation{};
  for (std::size_t i = 0; i < tables.ratio.size(); ++i) ratio[i] = tables.ratio[i][ratio_place];
  for (std::size_t i = 0; i < tables.activation.size(); ++i)
    activation[i] = tables.activation[i][activation_place];
  const auto term = [&](std::size_t i) {
    return ffn_term(tables.ffn_terms[i], activation.data(), ratio.data(), width_digit);
  };
  return model::ffn_loss(term(0), term(1));
}

void fill_ffn_parts(const Question& question, const PowerTables& tables, std::size_t ffn_digit,
                    std::size_t width_digit, const std::vector<FfnOption>& options,
                    FfnParts& parts) {
  const TableLayout layout(question.space);
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
      set_lane(p, lane, ffn_shape(question.space, ffn_digit, width_digit, option));
      const std::size_t ratio_place = layout.ratio(ffn_digit, width_digit, option);
      for (std::size_t i = 0; i < tables.ratio.size(); ++i)
        p.ratio[i][lane] = tables.ratio[i][ratio_place];
      const std::size_t activation_place = layout.activation(tables, width_digit, option);
      for (std::size_t i = 0; i < tables.activation.size(); ++i)
        p.activation[i][lane] = tables.activation[i][activation_place];
      for (std::size_t c = 0; c < counts.size(); ++c)
        distinct[c][lane] = tables.distinct[layout.distinct(c, option.routing)];
    }
    const auto store = [start](std::vector<double>& column, const Lanes& lanes) {
      Lanes::Map(column.data() + start) = lanes;
    };
    const auto term = [&](std::size_t i) {
      return ffn_term<Lanes>(tables.ffn_terms[i], p.activation.data(), p.ratio.data(), width_digit);
    };
    store(parts.loss, model::ffn_loss<Lanes>(term(0), term(1)));
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
