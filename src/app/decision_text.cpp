// Decisions for people.

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <sstream>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/decision.hpp"
#include "rooflaw/app/summary.hpp"
#include "rooflaw/core/numbers.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

namespace {

using Line = std::vector<std::string>;
using Decisions = std::vector<Decision>;

const std::string inside_row = "inside", finer_row = "finer";

/// What a table shows beyond what it always does.
struct Form {
  bool labels = false;  // the target in front of each row, not in a line of its own above them
  bool bands = false;   // of each time
  bool energy = false;
};

std::string label_of(const Decision& d) { return d.target.device + " " + d.target.precision; }

/// With where its times are from, for a column of its own.
std::string full_label_of(const Decision& d) {
  return fmt::format("{} ({})", label_of(d), to_string(d.target.efficiency));
}

/// What is the same for all is said once, above.
struct Common {
  bool law = true, workload = true, objective = true, memory = true;
};
Common common_to(const Decisions& all) {
  Common c;
  const auto& first = all.front();
  for (const auto& d : all) {
    c.law = c.law && d.target.law == first.target.law;
    c.workload = c.workload && d.target.workload == first.target.workload;
    c.objective = c.objective && d.target.objective == first.target.objective;
    c.memory = c.memory && d.memory == first.memory;
  }
  return c;
}

/// A job may give the budget in bytes.
std::string memory_text(const Decision& d) {
  const bool is_number = d.memory.find_first_not_of("0123456789.e+_") == std::string::npos;
  return is_number ? readable_bytes(d.target.memory_budget_bytes) : d.memory;
}

std::string details(const Decision& d, const Common& c, bool shared) {
  std::string text;
  const auto add = [&](bool is_common, const std::string& what) {
    if (is_common == shared) text += (text.empty() ? "" : ", ") + what;
  };
  add(c.workload, "workload " + d.target.workload);
  add(c.objective, std::string(to_string(d.target.objective)));
  add(c.memory, "memory " + memory_text(d));
  add(c.law, "law " + d.target.law);
  return text;
}

/// To three digits, so that a line is short: "9.95 ms".
std::string in_three_digits(const std::string& readable) {
  const auto space = readable.find(' ');
  if (space == std::string::npos) return readable;
  const double number = std::stod(readable.substr(0, space));
  // 1016 MiB, 1500 s
  const auto digits =
      number < 999.5 ? fmt::format("{:.3g}", number) : fmt::format("{:.0f}", number);
  return digits + readable.substr(space);
}
std::string short_objective(const Decision& d, double value) {
  return in_three_digits(readable_objective(d.target.objective, value));
}

std::string budget_text(const Decision& d) {
  return std::isinf(d.budget) ? "any" : short_objective(d, d.budget);
}

bool has_band(const search::Row& row) {
  return !std::isnan(row.latency_low_s) && !std::isnan(row.latency_high_s);
}

/// "200 ms", or with its band "200 ms (128 ms .. 799 ms)".
std::string time_text(const Decision& d, const search::Row& row, bool with_band) {
  std::string text = short_objective(d, row.objective);
  if (with_band && has_band(row)) {
    const double scale = row.objective / row.latency_s;
    text += fmt::format(" ({} .. {})", short_objective(d, scale * row.latency_low_s),
                        short_objective(d, scale * row.latency_high_s));
  }
  return text;
}

}  // namespace

std::string binding_words(const Decision& d) {
  if (d.binds.empty()) return "space";
  std::string text;
  for (const auto& name : d.binds) {
    const bool own = name == to_string(d.target.objective);
    if (!text.empty()) text += ",";
    text += own && d.target.objective != model::Objective::energy ? "time" : name;
  }
  return text == "time,memory" ? "both" : text;
}

namespace {

std::string marked_loss(const Decision& d, const search::Row& row, bool is_best) {
  return fmt::format("{:.4f}{}{}", row.loss, row.extrapolated ? "*" : "",
                     is_best && !d.as_good.empty() ? "=" : "");
}

Line title(const Form& form) {
  Line line{"within", "build", "loss", "ppl", form.bands ? "takes (nine of ten)" : "takes",
            "memory"};
  if (form.labels) line.insert(line.begin(), "target");
  if (form.energy) line.emplace_back("energy");
  line.emplace_back("binds");
  return line;
}

Line line_of(const Decision& d, const search::Row& row, const Form& form,
             const std::string& kind = {}) {
  const bool is_best = kind.empty();
  Line line{is_best ? budget_text(d) : kind, architecture_text(row),
            marked_loss(d, row, is_best),    fmt::format("{:.3g}", row.perplexity),
            time_text(d, row, form.bands),   in_three_digits(readable_bytes(row.memory_bytes))};
  if (form.labels) line.insert(line.begin(), is_best ? full_label_of(d) : "");
  if (form.energy)
    line.push_back(std::isnan(row.energy_j) ? "-"
                                            : in_three_digits(readable_count(row.energy_j, "J")));
  if (!is_best)
    line.emplace_back();
  else
    line.push_back(binding_words(d));
  return line;
}

Line line_of_none(const Decision& d, const Form& form) {
  const bool empty = std::isnan(d.least_objective);
  Line line{budget_text(d),
            empty ? "nothing meets the limits"
                  : fmt::format("least is {}", short_objective(d, d.least_objective)),
            "-",
            "-",
            "-",
            "-"};
  if (form.labels) line.insert(line.begin(), full_label_of(d));
  if (form.energy) line.emplace_back("-");
  line.emplace_back("-");
  return line;
}

std::vector<Line> lines_of(const Decision& d, const Form& form) {
  if (!d.best) return {line_of_none(d, form)};
  std::vector<Line> lines{line_of(d, *d.best, form)};
  if (d.inside && is_another(*d.best, *d.inside))
    lines.push_back(line_of(d, *d.inside, form, inside_row));
  if (d.finer && d.best->loss - d.finer->loss >= worth_telling)
    lines.push_back(line_of(d, *d.finer, form, finer_row));
  return lines;
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0, at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  return longest;
}

/// What stands above the rows of a target, whose decisions begin here.
std::string heading(std::span<const Decision> of_target, const Common& common, const Form& form) {
  const auto& d = of_target.front();
  const std::string more = details(d, common, false);
  std::string text = label_of(d) + (more.empty() ? "" : ", " + more);
  double low = infinity, high = 0;  // of all its rows
  for (const auto& o : of_target) {
    if (o.target != d.target || !o.best || !has_band(*o.best)) continue;
    low = std::min(low, o.best->latency_low_s / o.best->latency_s);
    high = std::max(high, o.best->latency_high_s / o.best->latency_s);
  }
  // Whether times were measured on this very chip tells it from another more than its band does.
  text += fmt::format(" ({}", to_string(d.target.efficiency));
  if (form.bands || high == 0.0) return text + ")";
  return text + fmt::format(", x {:.2g} .. {:.2g})", low, high);
}

std::string table(const Decisions& all, const Common& common, const Form& form, std::size_t width) {
  std::vector<Line> lines{title(form)};
  std::map<std::size_t, std::string> above;  // by line
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool begins = i == 0 || !(all[i - 1].target == all[i].target);
    if (begins && !form.labels)
      above[lines.size()] = wrapped(heading(std::span(all).subspan(i), common, form), width);
    for (auto& line : lines_of(all[i], form)) lines.push_back(std::move(line));
  }
  constexpr std::size_t no_end = 100000;
  std::string text;
  std::istringstream rows(text_table(lines, no_end));
  std::string row;
  for (std::size_t i = 0; std::getline(rows, row); ++i) text += above[i] + row + "\n";
  return text;
}

/// Where no table fits: a paragraph a line.
std::string paragraphs(const Decisions& all, const Common& common, std::size_t width) {
  const Form form{.labels = true, .bands = true, .energy = false};
  const Line names = title(form);
  std::string text;
  for (const auto& d : all)
    for (const auto& line : lines_of(d, form)) {
      const std::string more = details(d, common, false);
      std::string words = line[0] + (more.empty() || line[0].empty() ? "" : ", " + more);
      for (std::size_t c = 1; c < line.size(); ++c)
        if (!line[c].empty() && line[c] != "-")
          words += fmt::format("{}{}{}", words.empty() ? "" : ", ",
                               line[c] == inside_row || line[c] == finer_row ? "" : names[c] + " ",
                               line[c]);
      text += wrapped(words, width);
    }
  return text;
}

/// The richest form that fits.
std::string fitting_table(const Decisions& all, const Common& common, std::size_t width) {
  const bool energy = std::any_of(all.begin(), all.end(), [](const Decision& d) {
    return d.best && !std::isnan(d.best->energy_j);
  });
  const bool alike = common.law && common.workload && common.objective && common.memory;
  const bool banded = std::any_of(all.begin(), all.end(),
                                  [](const Decision& d) { return d.best && has_band(*d.best); });
  for (const bool labels : {true, false})
    for (const bool bands : {true, false}) {
      if (labels && !(alike && bands)) continue;  // a band that is not in the line is above it
      const auto text = table(all, common, {labels, bands && banded, energy}, width);
      if (longest_line(text) <= width) return text;
    }
  return paragraphs(all, common, width);
}

}  // namespace

std::string architecture_text(const search::Row& r) {
  std::string text = fmt::format("{}x{}", r.layers, r.width);
  text += r.attention == model::AttentionKind::gqa ? fmt::format(" kv{}", r.kv_heads)
                                                   : fmt::format(" mla{}", r.kv_lora_rank);
  text += fmt::format(" ffn{}", r.expert_ffn);
  if (r.shared_ffn > 0) text += fmt::format("+{}", r.shared_ffn);
  return r.experts > 1 ? text + fmt::format(" {}/{}", r.top_k, r.experts) : text;
}

std::string decision_text(const Decisions& all, std::size_t width) {
  if (all.empty()) return "nothing was asked of any target\n";
  const Common common = common_to(all);
  const std::string said = details(all.front(), common, true);
  std::string text =
      wrapped(fmt::format("What to build{}:", said.empty() ? "" : " (" + said + ")"), width);
  text += fitting_table(all, common, width);
  if (text.find(", x ") != std::string::npos)
    text += wrapped("x: nine of ten measured times lie within these multiples of those predicted.",
                    width);
  text += wrapped(
      "build: layers x width, KV heads, FFN of an expert, active/all experts. binds: what keeps "
      "the loss from falling (space: the sizes searched end there). inside: the best in the law's "
      "range, "
      "where it is another; finer: between the sizes searched.",
      width);
  return text + wrapped(decision_trust(all), width);
}

}  // namespace rooflaw::app
