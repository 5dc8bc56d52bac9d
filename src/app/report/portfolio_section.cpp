// Few architectures for many targets: what `rooflaw portfolio` found, by the names of its columns
// (results/README.md).

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/sections.hpp"
#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app::report {

namespace {

/// A table of numbers, by column; all of one length.
class Numbers {
 public:
  Numbers(const format::Hdf5Reader& file, const std::string& group,
          const std::vector<std::string>& names) {
    for (const auto& name : names) {
      const std::string path = group + "/" + name;
      const auto column = file.column(path);
      auto& values = columns_[name];
      if (const auto* reals = std::get_if<std::vector<double>>(&column))
        values = *reals;
      else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&column))
        values.assign(integers->begin(), integers->end());
      else
        throw FileError(file.file(), path + ": has an unexpected type");
      if (values.size() != columns_.at(names.front()).size())
        throw FileError(file.file(), path + ": is not as long as its table");
    }
    rows_ = columns_.at(names.front()).size();
  }
  std::size_t rows() const { return rows_; }
  double at(const std::string& name, std::size_t row) const { return columns_.at(name)[row]; }
  std::string whole(const std::string& name, std::size_t row) const {
    return fmt::format("{:.0f}", at(name, row));
  }
  std::string nats(const std::string& name, std::size_t row) const {
    const double x = at(name, row);
    return std::isfinite(x) ? fmt::format("{:.4f}", x) : "none";
  }

 private:
  std::map<std::string, std::vector<double>> columns_;
  std::size_t rows_ = 0;
};

std::string proof_words(double certified, double bound) {
  if (certified == 1) return "proven";
  return std::isfinite(bound) ? fmt::format("within {:.2g} nats", bound) : "not proven";
}

std::string words_of(const Numbers& t, std::size_t row) {
  std::string text = t.whole("layers", row) + " x " + t.whole("width", row) + ", KV heads " +
                     t.whole("kv_heads", row);
  return text + (t.at("experts", row) > 1
                     ? fmt::format(", {} experts of {}, top-{}", t.whole("experts", row),
                                   t.whole("expert_ffn", row), t.whole("top_k", row))
                     : ", FFN " + t.whole("expert_ffn", row));
}

std::string choices_table(const Numbers& c, const std::string& law) {
  std::vector<Cells> rows;
  for (std::size_t r = 0; r < c.rows(); ++r)
    rows.push_back({c.whole("k", r), c.whole("architectures", r), c.whole("targets_served", r),
                    c.nats("mean_loss", r), c.nats("price", r), c.nats("worst_regret", r),
                    proof_words(c.at("certified", r), c.at("loss_gap_bound", r))});
  return html_table("Portfolios by size, law " + law,
                    {"at most", "architectures", "targets served", "mean loss",
                     "price of standardising, nats", "worst regret, nats", "is it the best"},
                    rows);
}

/// One portfolio: its architectures, and which target runs which.
std::string portfolio_of(double k, const Numbers& a, const Numbers& runs, const Numbers& targets,
                         const std::vector<std::string>& ids, const std::string& law) {
  std::vector<Cells> architectures, served;
  for (std::size_t r = 0; r < a.rows(); ++r)
    if (a.at("k", r) == k)
      architectures.push_back({fmt::format("{:.0f}", a.at("architecture", r) + 1),
                               Cell(words_of(a, r), "words"), a.nats("loss", r),
                               readable_count(a.at("params_total", r)), a.whole("targets", r),
                               a.at("extrapolated", r) == 1 ? "extrapolates" : "in its range"});
  for (std::size_t r = 0; r < runs.rows(); ++r) {
    const double place = runs.at("target", r);
    const auto most = static_cast<double>(std::min(ids.size(), targets.rows()));
    if (runs.at("k", r) != k || !(place >= 0 && place < most)) continue;
    const auto target = static_cast<std::size_t>(place);
    served.push_back({ids[target], fmt::format("{:.0f}", runs.at("architecture", r) + 1),
                      runs.nats("loss", r), targets.nats("own_loss", target),
                      runs.nats("regret", r), readable_seconds(runs.at("latency_s", r)),
                      readable_bytes(runs.at("memory_bytes", r))});
  }
  const std::string name = fmt::format("At most {:.0f}, law {}", k, law);
  return details(
      name,
      html_table("Architectures: " + name,
                 {"number", "layers x width, blocks", "loss", "parameters", "targets", "law"},
                 architectures) +
          html_table("What runs where: " + name,
                     {"target", "runs", "loss", "its own best", "regret, nats", "takes", "memory"},
                     served));
}

std::string infeasible(const Numbers& targets, const std::vector<std::string>& ids) {
  std::string html;
  for (std::size_t t = 0; t < std::min(targets.rows(), ids.size()); ++t)
    if (targets.at("feasible", t) != 1)
      html += "<li>" +
              escaped(fmt::format("{}: nothing meets its budget of {:.4g}; the least that would "
                                  "do is {:.4g}",
                                  ids[t], targets.at("budget", t), targets.at("least_budget", t))) +
              "</li>\n";
  return html.empty() ? "" : "<ul>\n" + html + "</ul>\n";
}

}  // namespace

std::string portfolio_section(const format::Hdf5Reader& file) {
  std::string html = paragraph(
      "A few architectures for all targets: what each target loses to an architecture of its own "
      "is its regret, and the mean of that is the price of standardising.");
  const std::string laws = "/portfolio/laws";
  for (const auto& law : file.groups(laws)) {
    const std::string group = laws + "/" + law;
    const Numbers choices(file, group + "/choices",
                          {"k", "architectures", "targets_served", "mean_loss", "price",
                           "worst_regret", "certified", "loss_gap_bound"});
    const Numbers architectures(
        file, group + "/architectures",
        {"k", "architecture", "targets", "loss", "params_total", "layers", "width", "kv_heads",
         "experts", "expert_ffn", "top_k", "extrapolated"});
    const Numbers runs(
        file, group + "/runs",
        {"k", "architecture", "target", "loss", "regret", "latency_s", "memory_bytes"});
    const Numbers targets(file, group + "/targets",
                          {"budget", "feasible", "own_loss", "least_budget"});
    const auto ids = format::column_as<std::string>(file, group + "/targets/id");
    html += choices_table(choices, law) + infeasible(targets, ids);
    for (std::size_t c = 0; c < choices.rows(); ++c)
      html += portfolio_of(choices.at("k", c), architectures, runs, targets, ids, law);
  }
  return section("portfolio", "A portfolio", html);
}

}  // namespace rooflaw::app::report
