#include "rooflaw/search/score/parts.hpp"

#include <algorithm>

#include <Eigen/Core>

namespace rooflaw::search {

using model::Phase;

WidthPart width_part(const Space& space, std::size_t width_digit, const Deployment& deployment) {
  const auto& s = deployment.scenario;
  const auto width = static_cast<double>(space.widths[width_digit]);
  const model::Tables tables{.vocab = static_cast<double>(space.vocab), .tied = space.tied};
  const auto fixed = [&](Phase phase) {
    return model::fixed_time(model::head_time(width, tables.vocab, s, phase).seconds, s, phase);
  };
  return {.prefill_fixed_s = fixed(Phase::prefill),
          .decode_fixed_s = fixed(Phase::decode),
          .prefill_overhead_s = model::layer_overhead(s, Phase::prefill),
          .decode_overhead_s = model::layer_overhead(s, Phase::decode),
          .table_bytes = model::table_bytes(width, tables, s.precision),
          .logit_bytes = model::logit_bytes(tables.vocab, s),
          .activation_bytes = model::activation_bytes(s)};
}

namespace {

AttentionPart attention_part(const model::AttentionShape<double>& shape, const model::Scenario& s) {
  return {.prefill_s = model::attention_time(shape, s, Phase::prefill).seconds,
          .decode_s = model::attention_time(shape, s, Phase::decode).seconds,
          .weight_bytes = model::attention_weight_bytes(shape, s.precision),
          .kv_bytes = model::kv_cache_bytes(shape, s),
          .scratch_bytes = model::attention_scratch_bytes(shape, s)};
}

}  // namespace

AttentionParts attention_parts(const Space& space, const model::AttentionShape<double>& shape,
                               const Deployment& deployment) {
  AttentionParts parts{.global = attention_part(shape, deployment.scenario), .windowed = {}};
  if (!space.window) return parts;
  auto windowed = shape;
  windowed.window = static_cast<double>(space.window->tokens);
  parts.windowed = attention_part(windowed, deployment.scenario);
  return parts;
}

AttentionPart mean_part(const Space& space, const AttentionParts& parts) {
  if (!space.window) return parts.global;
  const LayerSplit share = layer_shares(space);
  const auto mean = [&](double AttentionPart::*quantity) {
    return share.global * (parts.global.*quantity) + share.windowed * (parts.windowed.*quantity);
  };
  return {.prefill_s = mean(&AttentionPart::prefill_s),
          .decode_s = mean(&AttentionPart::decode_s),
          .weight_bytes = mean(&AttentionPart::weight_bytes),
          .kv_bytes = mean(&AttentionPart::kv_bytes),
          .scratch_bytes = std::max(parts.global.scratch_bytes, parts.windowed.scratch_bytes)};
}

namespace {

constexpr auto packet = static_cast<Eigen::Index>(FfnParts::packet);
using Lanes = Eigen::Array<double, packet, 1>;

/// Eight FFN blocks and what the tables know of them.
struct Packet {
  model::FfnShape<Lanes> shape;
  std::vector<Lanes> ratios, activations;  // a packet a column of the tables
  const Lanes& ratio(std::size_t column) const { return ratios[column]; }
  const Lanes& activation(std::size_t column) const { return activations[column]; }
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

/// In the order of model::law_variables. `powers` are FfnPowers, or a packet of them.
template <class T, class Powers>
T term_of(const FfnTerm& t, const Frame& frame, const Powers& powers) {
  T value = model::constant<T>(t.coefficient);
  if (t.activation) value = value * powers.activation(*t.activation);
  if (t.ratio) value = value * powers.ratio(*t.ratio);
  if (!t.width.empty()) value = value * t.width[frame.width_digit];
  return value;
}
template <class T, class Powers>
T ffn_loss(const LawTables& law, const Frame& frame, const Powers& powers) {
  return model::ffn_loss<T>(term_of<T>(law.ffn_terms[0], frame, powers),
                            term_of<T>(law.ffn_terms[1], frame, powers));
}

}  // namespace

double ffn_part_loss(const PowerTables& tables, std::size_t law, const Frame& frame,
                     const FfnOption& option) {
  return ffn_loss<double>(tables.laws[law], frame, FfnPowers(tables, frame, option));
}

void fill_ffn_parts(const Question& question, const PowerTables& tables, const Frame& frame,
                    const std::vector<FfnOption>& options, FfnParts& parts,
                    const WantedParts& wanted) {
  const std::vector<double>& counts = tables.token_counts;
  const std::size_t padded =
      (options.size() + FfnParts::packet - 1) / FfnParts::packet * FfnParts::packet;
  parts.size = options.size();
  parts.index.resize(padded);
  parts.loss.resize(tables.laws.size());
  for (auto& loss : parts.loss) loss.resize(padded);
  parts.activations.resize(padded);
  parts.deployments.resize(question.deployments.size());
  for (auto& s : parts.deployments) {
    s.prefill_s.resize(padded);
    s.decode_s.resize(padded);
    s.weight_bytes.resize(padded);
  }

  std::vector<Lanes> distinct(counts.size());
  Packet p;
  p.ratios.resize(tables.ratio.size());
  p.activations.resize(tables.activation.size());
  for (std::size_t start = 0; start < padded; start += FfnParts::packet) {
    for (Eigen::Index lane = 0; lane < packet; ++lane) {
      const std::size_t place = start + static_cast<std::size_t>(lane);
      const auto& option = options[std::min(place, options.size() - 1)];  // pads with the last
      parts.index[place] = option.index;
      set_lane(p, lane, model::ffn_shape(option.architecture));
      const FfnPowers powers(tables, frame, option);
      for (std::size_t i = 0; i < p.activations.size(); ++i)
        p.activations[i][lane] = powers.activation(i);
      for (std::size_t i = 0; i < p.ratios.size(); ++i) p.ratios[i][lane] = powers.ratio(i);
      for (std::size_t c = 0; c < counts.size(); ++c)
        distinct[c][lane] = tables.distinct[c][tables.routing_place(frame, option.digits)];
    }
    const auto store = [start](std::vector<double>& column, const Lanes& lanes) {
      Lanes::Map(column.data() + start) = lanes;
    };
    for (std::size_t law = 0; law < tables.laws.size(); ++law)
      store(parts.loss[law], ffn_loss<Lanes>(tables.laws[law], frame, p));
    store(parts.activations, model::ffn_activations(p.shape));
    for (std::size_t i = 0; i < question.deployments.size(); ++i) {
      if (wanted && !wanted(start / FfnParts::packet, i)) continue;
      const auto& s = question.deployments[i].scenario;
      const auto phase_seconds = [&](Phase phase) -> Lanes {
        return model::ffn_time(
                   p.shape, s, phase,
                   [&](double tokens) {
                     const std::size_t c = token_count_number(counts, tokens);
                     return model::RoutedTokens<Lanes>{distinct[c], tables.rows_read[c]};
                   })
            .seconds;
      };
      store(parts.deployments[i].prefill_s, phase_seconds(Phase::prefill));
      store(parts.deployments[i].decode_s, phase_seconds(Phase::decode));
      store(parts.deployments[i].weight_bytes, model::ffn_weight_bytes(p.shape, s.precision));
    }
  }
}

}  // namespace rooflaw::search
