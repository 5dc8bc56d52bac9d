#include "portfolio_columns.hpp"

#include <set>

#include "column_of.hpp"

namespace rooflaw::io {

namespace {

/// What of a row an architecture has by itself, whatever runs it.
bool is_of_architecture(std::string_view name) {
  static const std::set<std::string_view> names{
      "params_total",    "params_active", "layers",           "width",
      "heads",           "head_dim",      "attention",        "kv_heads",
      "q_lora_rank",     "kv_lora_rank",  "qk_nope_head_dim", "qk_rope_head_dim",
      "v_head_dim",      "ffn",           "expert_ffn",       "experts",
      "top_k",           "shared_ffn",    "ffn_sparsity",     "ffn_ratio",
      "activation_rate", "index",         "extrapolated"};
  return names.contains(name);
}

/// The columns of a row that `is_in`, of entries that have one.
template <class Entry, class IsIn>
void add_row_columns(std::vector<TableColumn<Entry>>& columns, const IsIn& is_in) {
  search::for_each_column([&](const char* name, const char* unit, auto field, auto) {
    if (!is_in(name)) return;
    auto made = column(name, unit, &Entry::row, field);
    using Value = std::decay_t<decltype(std::declval<search::Row>().*field)>;
    if constexpr (std::is_enum_v<Value>) made = of_words(std::move(made), words_of(Value{}));
    columns.push_back(std::move(made));
  });
}

}  // namespace

const std::vector<TableColumn<search::PortfolioTarget>>& portfolio_target_columns() {
  using T = search::PortfolioTarget;
  static const std::vector columns{column("id", "", &T::id),
                                   column("weight", "1", &T::weight),
                                   column("budget", "", &T::budget),
                                   column("feasible", "1", &T::feasible),
                                   column("own_loss", "nat/token", &T::own_loss),
                                   column("own_index", "1", &T::own_index),
                                   column("least_budget", "", &T::least_budget),
                                   column("least_memory_bytes", "B", &T::least_memory_bytes)};
  return columns;
}

const std::vector<TableColumn<search::PortfolioSummary>>& portfolio_choice_columns() {
  using S = search::PortfolioSummary;
  static const std::vector columns{column("k", "1", &S::k),
                                   column("architectures", "1", &S::architectures),
                                   column("targets_served", "1", &S::targets_served),
                                   column("weight_served", "1", &S::weight_served),
                                   column("weight_bound", "1", &S::weight_bound),
                                   column("mean_loss", "nat/token", &S::mean_loss),
                                   column("price", "nat/token", &S::price),
                                   column("worst_regret", "nat/token", &S::worst_regret),
                                   column("certified", "1", &S::certified),
                                   column("loss_gap_bound", "nat/token", &S::loss_gap_bound)};
  return columns;
}

const std::vector<TableColumn<search::PortfolioArchitecture>>& portfolio_architecture_columns() {
  using A = search::PortfolioArchitecture;
  static const auto columns = [] {
    std::vector list{column("k", "1", &A::k), column("architecture", "1", &A::number),
                     column("targets", "1", &A::targets), column("weight", "1", &A::weight),
                     column("loss", "nat/token", &A::loss)};
    add_row_columns(list, is_of_architecture);
    return list;
  }();
  return columns;
}

const std::vector<TableColumn<search::PortfolioRun>>& portfolio_run_columns() {
  using R = search::PortfolioRun;
  static const auto columns = [] {
    std::vector list{column("k", "1", &R::k), column("architecture", "1", &R::number),
                     column("target", "1", &R::target), column("regret", "nat/token", &R::regret)};
    add_row_columns(list, [](std::string_view) { return true; });
    return list;
  }();
  return columns;
}

const std::vector<TableColumn<search::LawRegret>>& law_regret_columns() {
  using R = search::LawRegret;
  static const std::vector columns{column("k", "1", &R::k), column("law", "", &R::law),
                                   column("under", "", &R::under),
                                   column("regret", "nat/token", &R::regret)};
  return columns;
}

const std::vector<TableColumn<search::RobustChoice>>& robust_columns() {
  using R = search::RobustChoice;
  static const std::vector columns{column("k", "1", &R::k), column("law", "", &R::law),
                                   column("worst_regret", "nat/token", &R::worst_regret)};
  return columns;
}

}  // namespace rooflaw::io
