#include "result_columns.hpp"

#include "column_of.hpp"

namespace rooflaw::io {

const std::vector<TableColumn<search::Row>>& row_columns() {
  static const auto columns = [] {
    std::vector<TableColumn<search::Row>> list;
    search::for_each_column([&](const char* name, const char* unit, auto field, auto) {
      auto made = column(name, unit, field);
      using Value = std::decay_t<decltype(std::declval<search::Row>().*field)>;
      if constexpr (std::is_enum_v<Value>) made = of_words(std::move(made), words_of(Value{}));
      list.push_back(std::move(made));
    });
    return list;
  }();
  return columns;
}

const std::vector<TableColumn<theory::Sensitivity>>& sensitivity_columns() {
  using S = theory::Sensitivity;
  static const std::vector columns{
      column("dloss_dlayers", "nat", &S::dloss_dlayers),
      column("dloss_dwidth", "nat", &S::dloss_dwidth),
      column("dloss_dffn_ratio", "nat", &S::dloss_dffn_ratio),
      column("dloss_dactivation_rate", "nat", &S::dloss_dactivation_rate),
      column("dloss_dkv_dim", "nat", &S::dloss_dkv_dim),
      column("exchange_layers", "nat/s", &S::exchange_layers),
      column("exchange_width", "nat/s", &S::exchange_width),
      column("exchange_ffn_ratio", "nat/s", &S::exchange_ffn_ratio),
      column("exchange_kv_dim", "nat/s", &S::exchange_kv_dim),
      column("elasticity_compute", "1", &S::elasticity_compute),
      column("elasticity_bandwidth", "1", &S::elasticity_bandwidth),
      column("elasticity_overhead", "1", &S::elasticity_overhead),
      column("worth_compute", "nat/%", &S::worth_compute),
      column("worth_bandwidth", "nat/%", &S::worth_bandwidth),
      column("worth_memory", "nat/%", &S::worth_memory)};
  return columns;
}

const std::vector<TableColumn<search::TheoryRow>>& theory_columns() {
  using R = search::TheoryRow;
  using S = theory::Shape;
  static const std::vector columns{
      column("layers", "1", &R::shape, &S::layers),
      column("width", "1", &R::shape, &S::width),
      column("ffn_ratio", "1", &R::shape, &S::ffn_ratio),
      column("gqa", "1", &R::shape, &S::gqa),
      column("activation_rate", "1", &R::shape, &S::activation_rate),
      column("loss", "nat/token", &R::loss),
      of_words(column("binding", "", &R::binding), search::binding_words()),
      column("search_minus_theory_loss", "nat/token", &R::search_minus_theory_loss)};
  return columns;
}

const std::vector<TableColumn<model::Intensity>>& intensity_columns() {
  using I = model::Intensity;
  using P = model::PhaseIntensity;
  static const std::vector columns{
      column("ridge_intensity", "FLOP/B", &I::ridge),
      column("prefill_flops", "FLOP", &I::prefill, &P::flops),
      column("prefill_bytes", "B", &I::prefill, &P::bytes),
      column("prefill_intensity", "FLOP/B", &I::prefill, &P::intensity),
      column("prefill_attained_flops", "FLOP/s", &I::prefill, &P::attained_flops),
      column("prefill_intensity_gap", "FLOP/B", &I::prefill, &P::intensity_gap),
      column("prefill_flops_gap", "FLOP/s", &I::prefill, &P::flops_gap),
      column("prefill_potential", "1", &I::prefill, &P::potential),
      column("decode_flops", "FLOP", &I::decode, &P::flops),
      column("decode_bytes", "B", &I::decode, &P::bytes),
      column("decode_intensity", "FLOP/B", &I::decode, &P::intensity),
      column("decode_attained_flops", "FLOP/s", &I::decode, &P::attained_flops),
      column("decode_intensity_gap", "FLOP/B", &I::decode, &P::intensity_gap),
      column("decode_flops_gap", "FLOP/s", &I::decode, &P::flops_gap),
      column("decode_potential", "1", &I::decode, &P::potential)};
  return columns;
}

const std::vector<TableColumn<search::TargetInfo>>& target_columns() {
  using I = search::TargetInfo;
  static const std::vector columns{column("id", "", &I::id),
                                   column("device", "", &I::device),
                                   column("precision", "", &I::precision),
                                   column("workload", "", &I::workload),
                                   column("latency", "", &I::objective),
                                   column("objective_unit", "", &I::objective_unit),
                                   column("memory_budget_bytes", "B", &I::memory_budget_bytes),
                                   column("calibrated", "1", &I::calibrated),
                                   column("efficiency", "", &I::efficiency),
                                   column("engine", "", &I::engine),
                                   column("attention_type", "", &I::attention_type),
                                   column("device_confidence", "", &I::device_confidence)};
  return columns;
}

const std::vector<EntryAttribute<search::TargetResult>>& frontier_attributes() {
  using R = search::TargetResult;
  using H = search::HypervolumeReference;
  static const std::vector attributes{
      attribute("hypervolume", &R::hypervolume),
      attribute("reference_latency_s", &R::reference, &H::latency_s),
      attribute("reference_loss", &R::reference, &H::loss),
      attribute("certified", &R::certified),
      attribute("loss_gap_bound", &R::loss_gap_bound),
      attribute("hypervolume_share", &R::hypervolume_share)};
  return attributes;
}

const std::vector<EntryAttribute<search::InRange>>& in_range_attributes() {
  using R = search::InRange;
  using H = search::HypervolumeReference;
  static const std::vector attributes{
      attribute("hypervolume", &R::hypervolume),
      attribute("reference_latency_s", &R::reference, &H::latency_s),
      attribute("reference_loss", &R::reference, &H::loss), attribute("certified", &R::certified),
      attribute("loss_gap_bound", &R::loss_gap_bound)};
  return attributes;
}

const std::vector<EntryAttribute<search::Improvements>>& refined_attributes() {
  static const std::vector attributes{
      attribute("hypervolume_gain", &search::Improvements::hypervolume_gain)};
  return attributes;
}

const std::vector<TableColumn<search::ResampleRow>>& resample_columns() {
  using R = search::ResampleRow;
  static const std::vector columns{
      column("objective", "", &R::objective), column("loss_low", "nat/token", &R::loss_low),
      column("loss_high", "nat/token", &R::loss_high), column("occurrence", "1", &R::occurrence)};
  return columns;
}

const std::vector<EntryAttribute<search::Resamples>>& resample_attributes() {
  static const std::vector attributes{attribute("resamples", &search::Resamples::count)};
  return attributes;
}

const std::vector<TableColumn<search::OpinionRow>>& opinion_columns() {
  using R = search::OpinionRow;
  static const std::vector columns{column("loss", "nat/token", &R::loss),
                                   column("regret", "nat/token", &R::regret)};
  return columns;
}

const std::vector<EntryAttribute<search::Opinion>>& opinion_attributes() {
  using O = search::Opinion;
  static const std::vector attributes{
      attribute("opinion_on", &O::opinion_on), attribute("searched", &O::searched),
      attribute("rank_correlation", &O::rank_correlation),
      attribute("mean_regret", &O::mean_regret), attribute("largest_regret", &O::largest_regret)};
  return attributes;
}

const std::vector<TableColumn<search::Choice>>& choice_columns() {
  using C = search::Choice;
  static const std::vector columns{column("within", "", &C::within),
                                   column("objective", "", &C::objective),
                                   column("loss", "nat/token", &C::loss),
                                   column("worst_regret", "nat/token", &C::worst_regret),
                                   column("index", "1", &C::index),
                                   column("layers", "1", &C::layers),
                                   column("width", "1", &C::width),
                                   column("ffn_ratio", "1", &C::ffn_ratio),
                                   column("experts", "1", &C::experts),
                                   column("top_k", "1", &C::top_k),
                                   column("activation_rate", "1", &C::activation_rate),
                                   column("kv_dim", "1", &C::kv_dim)};
  return columns;
}

const std::vector<EntryAttribute<StudyRecord>>& study_attributes() {
  using R = StudyRecord;
  static const std::vector attributes{attribute("program_version", &R::program_version),
                                      attribute("git_commit", &R::git_commit),
                                      attribute("job_toml", &R::job_toml),
                                      attribute("strategy", &R::strategy),
                                      attribute("seed", &R::seed),
                                      attribute("points_in_space", &R::points_in_space)};
  return attributes;
}

}  // namespace rooflaw::io
