#pragma once
// The tables of /portfolio; see result_columns.hpp.

#include "result_columns.hpp"
#include "rooflaw/search/portfolio/result.hpp"

namespace rooflaw::io {

const std::vector<TableColumn<search::PortfolioTarget>>& portfolio_target_columns();
const std::vector<TableColumn<search::PortfolioSummary>>& portfolio_choice_columns();
/// With the columns of a frontier that are not a target's.
const std::vector<TableColumn<search::PortfolioArchitecture>>& portfolio_architecture_columns();
/// With all of them.
const std::vector<TableColumn<search::PortfolioRun>>& portfolio_run_columns();
const std::vector<TableColumn<search::LawRegret>>& law_regret_columns();
const std::vector<TableColumn<search::RobustChoice>>& robust_columns();

}  // namespace rooflaw::io
