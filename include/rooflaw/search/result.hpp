#pragma once
// What a study found for one target, with all that a reader needs: it is written, read back,
// summed up and compared in this form, one target at a time, since a large result has hundreds of
// thousands of rows.

#include <optional>
#include <string>
#include <vector>

#include "rooflaw/search/findings.hpp"
#include "rooflaw/search/method.hpp"
#include "rooflaw/search/question.hpp"
#include "rooflaw/theory/sensitivity.hpp"

namespace rooflaw::search {

/// A point of a frontier as the model says it is: a field for each column of /frontiers, in its
/// unit (results/README.md). What does not apply to an architecture is 0.
struct Row {
  double latency_s = 0;  // of the target's objective
  double loss = 0, perplexity = 0;
  double prefill_s = 0, decode_s = 0, tpot_s = 0;
  double memory_bytes = 0, params_total = 0, params_active = 0;
  std::int64_t layers = 0, width = 0, heads = 0, head_dim = 0;
  model::AttentionKind attention{};
  std::int64_t kv_heads = 0;
  std::int64_t q_lora_rank = 0, kv_lora_rank = 0;
  std::int64_t qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;
  model::FfnKind ffn{};
  std::int64_t expert_ffn = 0, experts = 0, top_k = 0, shared_ffn = 0;
  double ffn_sparsity = 0, ffn_ratio = 0, activation_rate = 0;
  Index index = -1;  // -1: not a point of the lattice
  bool extrapolated = false;
  double prefill_compute_share = 0, prefill_bandwidth_share = 0;
  double decode_compute_share = 0, decode_bandwidth_share = 0;
  bool operator==(const Row&) const = default;
};

/// Without latency and index, which are the target's and the space's.
Row row_of(const model::Architecture& a, const model::Evaluation& e);

/// The frontier of a target as rows. Its latencies and losses are those of model::evaluate, bit for
/// bit. @throws Error if they are not: the search and the model would disagree.
std::vector<Row> rows_of(const Question& question, const Target& target,
                         std::span<const FrontierPoint> frontier);

/// What a target is.
struct TargetInfo {
  std::string id{}, law{};
  std::string device{}, precision{}, workload{};
  model::Objective objective{};
  double memory_budget_bytes = 0;
  bool calibrated = false;  // else times are the data-sheet roofline
  model::ComputeType attention_type{};
  std::string device_confidence{};
  bool operator==(const TargetInfo&) const = default;
};
TargetInfo info_of(const Question& question, const Target& target);

/// Points between those of the space that improve on a frontier.
struct Improvements {
  std::vector<Row> rows;
  double hypervolume_gain = 0;  // share of the frontier's
};

struct TargetResult {
  TargetInfo target{};
  std::vector<Row> rows{};                         // the frontier, sorted by latency
  std::vector<theory::Sensitivity> sensitivity{};  // an entry a row
  std::vector<TheoryRow> theory{};                 // an entry a row
  std::optional<Improvements> refined{};           // none: the stage was off
  double hypervolume = 0;
  HypervolumeReference reference{};
  bool certified = false;                     // proven to be the whole frontier of the space
  double loss_gap_bound = 0;                  // nats; NaN where nothing is proven
  std::optional<double> hypervolume_share{};  // of the true frontier's, where known
};

/// What was found for one target. `fine` is the refined_question of `question`, the findings those
/// of a finished study. Cost: some microseconds a row. @throws Error, as rows_of
TargetResult describe(const Findings& findings, const Question& question, const Question& fine,
                      const Method& method, std::size_t target);

}  // namespace rooflaw::search
