#pragma once
// The result of a portfolio: a RESULT.h5 with /portfolio in the place of frontiers; see
// results/README.md.

#include "rooflaw/io/result_file.hpp"
#include "rooflaw/search/portfolio/result.hpp"

namespace rooflaw::io {

/// `last_look` is called before the file gets its name. @throws FileError; what was at the path is
/// then as it was
void write_portfolio(const std::string& path, const Job& job, const search::PortfolioResult& result,
                     const RunRecord& run, const std::function<void()>& last_look = {});

bool has_portfolio(const format::Hdf5Reader& file);
/// Of the rows' columns those that a table has. @throws FileError, naming the object, if something
/// is missing or not as it should be
search::PortfolioResult read_portfolio(const format::Hdf5Reader& file);

/// The text of a job that was, or is to be, the job of a portfolio, so that it is told from the
/// same job's search.
std::string as_portfolio_job(const std::string& job_toml);

}  // namespace rooflaw::io
