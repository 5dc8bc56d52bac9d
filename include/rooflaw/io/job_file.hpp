#pragma once
// JOB.toml: a search. See jobs/README.md for every key.

#include <string>
#include <vector>

#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/search/method.hpp"
#include "rooflaw/search/portfolio/portfolio.hpp"
#include "rooflaw/search/question.hpp"

namespace rooflaw::io {

struct Job {
  std::string name;
  std::string output;  // as written; empty if the job names none
  std::string text;    // the job as read, overrides applied
  search::Question question;
  search::Method method;
  search::RefineOptions refine;
  std::size_t resamples = 0;                 // of each law, that are carried through the search
  std::vector<Loaded<model::Law>> opinions;  // laws that score what those of the question find
  std::vector<std::string> notes;            // what whoever reads the summary should know
  std::vector<Loaded<ModelEntry>> models;    // public models, for comparison
  std::optional<search::Portfolio> portfolio;
  std::vector<Provenance> inputs;  // every table used, sorted by kind and id
};

/// Must the job say where its result goes?
enum class OutputKey { optional, required };
/// Must it ask for a portfolio, and for nothing that is not proven?
enum class PortfolioTable { optional, required };

/// Reads a job. `overrides` are "table.key=value" in TOML (a bare word is taken as text).
/// @throws InputError with every fault found; FileError if a file cannot be read.
Job read_job(SourceFiles& files, const std::string& path, const std::vector<std::string>& overrides,
             OutputKey output = OutputKey::optional,
             PortfolioTable portfolio = PortfolioTable::optional);

}  // namespace rooflaw::io
