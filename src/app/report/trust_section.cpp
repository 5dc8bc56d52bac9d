// How far to trust the numbers, and where they are from.

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attribute_text.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "rooflaw/app/summary.hpp"

namespace rooflaw::app::report {

namespace {

std::string proof_words(const PageTarget& t) {
  if (t.certified) return "proven";
  if (std::isfinite(t.loss_gap_bound)) return fmt::format("within {:.2g} nats", t.loss_gap_bound);
  return "not proven";
}

std::string basis_words(model::Basis basis) {
  switch (basis) {
    case model::Basis::measured:
      return "measured on this chip";
    case model::Basis::prior:
      return "those of its class";
    case model::Basis::ideal:
      break;
  }
  return "data sheet: a lower bound";
}

std::string targets_table(const PageStudy& study, const PageGroup& group) {
  std::vector<Cells> rows;
  for (const auto place : group.targets) {
    const auto& t = study.targets[place];
    const auto& i = t.info;
    std::string band = "unknown";
    if (!t.rows.empty()) {
      const auto& middle = t.rows[t.rows.size() / 2];
      if (std::isfinite(middle.latency_low_s))
        band = fmt::format("x {:.2f} to {:.2f}", middle.latency_low_s / middle.latency_s,
                           middle.latency_high_s / middle.latency_s);
    }
    rows.push_back(
        {curve_name(i), Cell(basis_words(i.efficiency), std::string(to_string(i.efficiency))), band,
         i.engine.empty() ? "none" : i.engine,
         i.device_confidence.empty() ? "not stated" : i.device_confidence, proof_words(t),
         fmt::format("{}", t.points), fmt::format("{:.0f} %", 100 * (1 - t.extrapolated)),
         t.in_range ? fmt::format("{}", *t.in_range) : "",
         t.occurrence ? fmt::format("{:.0f} %", 100 * *t.occurrence) : ""});
  }
  return html_table(
      "How far to trust: " + group_name(study, group),
      {"target", "efficiencies", "nine of ten times", "engine", "chip's numbers", "frontier",
       "points", "in the law's range", "points of the range's own frontier", "stays in resamples"},
      rows);
}

std::string opinions_table(const PageStudy& study, const PageGroup& group) {
  std::vector<Cells> rows;
  for (const auto place : group.targets) {
    const auto& t = study.targets[place];
    if (!t.opinions) continue;
    for (const auto& o : t.opinions->by_law) {
      if (o.law == t.info.law) continue;
      const auto number = [](double x) {
        return std::isfinite(x) ? fmt::format("{:.3f}", x) : std::string("no loss");
      };
      rows.push_back({curve_name(t.info), o.law, o.opinion_on,
                      o.searched ? "whole space" : "the candidates", number(o.rank_correlation),
                      number(o.mean_regret), number(o.largest_regret)});
    }
  }
  if (rows.empty()) return "";
  return html_table("Where laws disagree: " + group_name(study, group),
                    {"target", "law", "speaks of", "its best is of", "order agrees (Spearman)",
                     "mean regret, nats", "largest"},
                    rows);
}

std::string notes(const PageStudy& study) {
  std::vector<std::string> lines;
  std::vector<search::TargetInfo> infos;
  std::vector<model::Precision> precisions;
  for (const auto& t : study.targets) {
    infos.push_back(t.info);
    precisions.push_back(t.deployment.scenario.precision);
  }
  std::string text = trust_notes(infos, precisions);
  for (std::size_t from = 0; from < text.size();) {
    const auto to = text.find('\n', from);
    std::string line = text.substr(from, to - from);
    if (line.starts_with("note: ")) line.erase(0, 6);
    lines.push_back(std::move(line));
    from = to + 1;
  }
  for (const auto& [id, law] : study.laws)
    for (const auto& caveat : caveats(law, false)) lines.push_back("law " + id + ": " + caveat);
  if (!study.not_compared.empty())
    lines.push_back(
        fmt::format("models in no comparison: {}", fmt::join(study.not_compared, ", ")));
  std::string html;
  for (const auto& line : lines) html += "<li>" + escaped(line) + "</li>\n";
  return html.empty() ? "" : "<ul>\n" + html + "</ul>\n";
}

std::string attributes_table(const format::Hdf5Reader& file, const std::string& path,
                             std::string_view caption) {
  std::vector<Cells> rows;
  for (const auto& name : file.attributes(path))
    if (name != "job_toml")
      rows.push_back({name, Cell(attribute_text(file.attribute(path, name)), "words")});
  return html_table(caption, {"attribute", "value"}, rows);
}

}  // namespace

std::string trust_section(const PageStudy& study) {
  std::string html = paragraph(
      "The loss ranks shapes under one training recipe; it is no benchmark score. Where the law "
      "extrapolates it says so. Times are a roofline at the efficiencies named here; the band is "
      "where nine of ten measured times lie.");
  html += notes(study);
  bool first = true;
  for (const auto& group : study.groups) {
    html += details(group_name(study, group),
                    targets_table(study, group) + opinions_table(study, group), first);
    first = false;
  }
  return section("trust", "How far to trust this", html);
}

std::string provenance_section(const format::Hdf5Reader& file, const PageStudy& study) {
  std::string html = attributes_table(file, "/", "The result");
  html += attributes_table(file, "/runtime", "The run");
  std::vector<Cells> rows;
  for (const auto& kind : file.groups("/inputs"))
    for (const auto& id : file.datasets("/inputs/" + kind)) {
      const std::string path = "/inputs/" + kind + "/" + id;
      rows.push_back({id, kind, attribute_text(file.attribute(path, "file")),
                      Cell(attribute_text(file.attribute(path, "sha256")), "words")});
    }
  html += details(fmt::format("The {} tables it was made from", rows.size()),
                  html_table("Inputs", {"id", "kind", "file", "SHA-256 of its text"}, rows));
  html += details("The job",
                  "<pre tabindex=\"0\">" + escaped(study.record.job_toml, "\n\t") + "</pre>\n");
  return section("provenance", "Where this is from", html);
}

}  // namespace rooflaw::app::report
