// The slow reference implementation of the rooflaw model, for tests only.
//
// Why it exists: the program proper computes with tables, closed forms and pruning. This file
// computes the same quantities in the most literal way, so that a reader can hold it beside the
// formulas and a test can hold the program against it. It shares no code with the program and
// includes none of its headers.
//
// How it differs: every prefill pass and every decode step s = 1..S_out is evaluated on its own,
// every operator of every pass is costed anew, attended keys are counted token by token, a frontier
// is found by evaluating every point and comparing every pair. Time per evaluation is
// O(S_in + S_out), per frontier O(n (S_in + S_out) + n^2). Nothing is cached.
//
// What to expect: plain double arithmetic. Parameter counts are exact (below 2^53); the time of a
// phase is a sum over its passes, good to about 1e-16 relative per pass. Two points whose latencies
// are equal in real arithmetic may differ in the last bits here, and elsewhere the other way round.
//
// Units: seconds, bytes, FLOP (one multiply-add = 2 FLOP), FLOP/s, bytes/s, nats per token.
// Sources: arXiv:2602.10377 (loss law), arXiv:2602.11506 (roofline of phases), arXiv:2503.12167
// (MLA and squared-ReLU models).
#ifndef ROOFLAW_TESTS_REFERENCE_REFERENCE_MODEL_HPP
#define ROOFLAW_TESTS_REFERENCE_REFERENCE_MODEL_HPP

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace rooflaw::reference {

/// Loss, latencies, energy, memory and operator tables of one architecture on one device.
///
/// @param c  object with the tables `architecture` (several kinds of layers as array `group`),
///           `precision`, `device`, `workload`, and optionally `engine` and `law` (absent or null:
///           the published law codesign-2026 with its fit range), field names as in a case file.
/// @return   object with `extrapolated params_total params_active loss perplexity prefill_s`,
///           `decode_s total_s tpot_s energy_j memory memory_total lm_head`, and of each phase
///           `prefill_compute_share prefill_bandwidth_share` (what they leave out is overhead);
///           with `ffn_ratio activation_rate kv_dim loss_terms` if the law has an opinion, else
///           `loss` and `perplexity` are null; with `prefill_passes` and
///           `prefill_layer_ops_of_last_pass` if there are input tokens; with
///           `decode_layer_ops_at_first_step` if there are output tokens, else `tpot_s` is null.
///           Operators are listed by layer group. `energy_j` is null unless both powers are known,
///           `lm_head` if the engine leaves it off.
/// @throws std::invalid_argument      if a value breaks a rule of the model or the device lacks the
///                                    compute type of the precision's matrix products
/// @throws nlohmann::json::exception  if a required field is absent or of another type
nlohmann::json evaluate(const nlohmann::json& c);

/// A valid combination of a product space.
struct SpacePoint {
  long long index;              ///< mixed-radix index in the space, invalid combinations counted
  nlohmann::json architecture;  ///< as `evaluate` takes it
};

/// All valid combinations of a product space, in the order of their index.
///
/// @param space  `layers widths head_dim kv_heads expert_ffn_ratio experts top_k vocab` and
///               optionally `attention mla ffn shared_ffn ffn_sparsity ffn_multiple_of tied
///               query_ratio window`; axes are lists of values (ranges already expanded), kv_heads
///               may hold the string "heads". With a window pattern an architecture has two groups,
///               first the layers that attend all tokens.
std::vector<SpacePoint> enumerate(const nlohmann::json& space);

/// A point of a frontier.
struct Point {
  double latency_s;  ///< the target's objective: seconds, of energy joules
  double loss;
  long long index;
  nlohmann::json architecture;
};

/// The non-dominated feasible points of a space, sorted by latency; of points equal in latency and
/// loss the one with the lowest index.
///
/// @param engine               object or null (defaults)
/// @param law                  object or null (codesign-2026)
/// @param latency              "prefill", "tpot", "total" or "energy"
/// @param memory_budget_bytes  largest total memory allowed, equality included; empty: no limit
/// @param limits               object or null with any of `max_prefill_s max_tpot_s max_total_s`,
///                             equality included; the workload may carry them too, the tighter wins
/// @param enforce_range        leave out points where the law extrapolates
/// @throws std::invalid_argument  as `evaluate`, and for a tpot target without output tokens, a
///                                prefill target without input tokens, an energy target of unknown
///                                powers, an unknown kind of latency
std::vector<Point> frontier(const nlohmann::json& space, const nlohmann::json& device,
                            const nlohmann::json& precision, const nlohmann::json& workload,
                            const nlohmann::json& engine, const nlohmann::json& law,
                            const std::string& latency, std::optional<double> memory_budget_bytes,
                            const nlohmann::json& limits, bool enforce_range);

/// Area dominated in the plane (log10 latency, loss) up to the reference point. Points that do not
/// lie strictly before the reference in both count nothing; dominated points may be present and add
/// nothing; no points give 0.
///
/// @throws std::invalid_argument  if a latency is not positive
double hypervolume(std::vector<std::pair<double, double>> latency_loss, double ref_latency,
                   double ref_loss);

}  // namespace rooflaw::reference

#endif
