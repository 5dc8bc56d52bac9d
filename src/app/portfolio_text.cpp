#include <cmath>
#include <set>

#include <fmt/format.h>

#include "portfolio.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/summary.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

using search::LawPortfolio;
using search::PortfolioArchitecture;
using search::PortfolioResult;
using search::PortfolioSummary;

namespace {

constexpr std::size_t longest_label = 34;

/// "a-very-long-name-of-a..total"
std::string fitted(const std::string& label) {
  if (label.size() <= longest_label) return label;
  constexpr std::size_t tail = 12;
  return fmt::format("{}..{}", label.substr(0, longest_label - tail - 2),
                     label.substr(label.size() - tail));
}

/// Of the targets' ids what tells them apart; the device in any case.
std::vector<std::string> labels_of(const std::vector<search::TargetInfo>& targets) {
  const auto differ = [&](const auto& part) {
    std::set<std::string> parts;
    for (const auto& target : targets) parts.insert(part(target));
    return parts.size() > 1;
  };
  using Part = std::string (*)(const search::TargetInfo&);
  std::vector<Part> parts{[](const search::TargetInfo& t) { return t.device; }};
  for (const Part part :
       {Part([](const search::TargetInfo& t) { return t.precision; }),
        Part([](const search::TargetInfo& t) { return t.workload; }),
        Part([](const search::TargetInfo& t) { return std::string(to_string(t.objective)); })})
    if (differ(part)) parts.push_back(part);
  const Part memory = [](const search::TargetInfo& t) {
    return readable_bytes(t.memory_budget_bytes);
  };
  std::set<std::string> seen;
  std::vector<std::string> labels;
  for (const auto& target : targets) {
    std::vector<std::string> words;
    for (const Part part : parts) words.push_back(part(target));
    std::string& label = labels.emplace_back(fmt::format("{}", fmt::join(words, " ")));
    if (!seen.insert(label).second) label = fmt::format("{} {}", label, memory(target));
  }
  return labels;
}

/// 0 -> "A", 26 -> "A1"
std::string letter(std::int64_t number) {
  return fmt::format("{:c}{}", static_cast<char>('A' + number % 26),
                     number < 26 ? "" : fmt::format("{}", number / 26));
}

std::string perplexity_change(double nats) {
  return fmt::format("{:+.2f} %", 100 * std::expm1(nats));
}

std::string shape_of(const PortfolioArchitecture& a) {
  const search::Row& row = a.row;
  std::string text = fmt::format("{} layers x {}, ", row.layers, row.width);
  text += row.attention == model::AttentionKind::mla
              ? fmt::format("MLA rank {}", row.kv_lora_rank)
              : fmt::format("{} of {} KV heads", row.kv_heads, row.heads);
  text += fmt::format(", {} FFN {}", to_string(row.ffn), row.expert_ffn);
  if (row.experts > 1) text += fmt::format(", {} experts top {}", row.experts, row.top_k);
  if (row.shared_ffn > 0) text += fmt::format(", shared {}", row.shared_ffn);
  return text;
}

std::string choices_table(const LawPortfolio& law, double all_weight) {
  std::vector<std::vector<std::string>> lines{
      {"k", "architectures", "served", "mean loss", "price", "perplexity", "worst regret"}};
  bool weighted = false;
  for (const auto& target : law.targets) weighted = weighted || target.weight != 1.0;
  if (weighted) lines.front().insert(lines.front().begin() + 3, "weight");
  for (const auto& c : law.choices) {
    auto& line = lines.emplace_back();
    line = {fmt::format("{}", c.k), fmt::format("{}", c.architectures),
            fmt::format("{} of {}", c.targets_served, law.targets.size())};
    if (weighted) line.push_back(fmt::format("{:.3g} of {:.3g}", c.weight_served, all_weight));
    if (c.targets_served == 0) {
      line.resize(lines.front().size());
      continue;
    }
    line.insert(line.end(), {fmt::format("{:.4f}", c.mean_loss), fmt::format("{:.4f}", c.price),
                             perplexity_change(c.price), fmt::format("{:.4f}", c.worst_regret)});
  }
  return text_table(lines, page_columns);
}

std::string runs_of(const PortfolioResult& result, const LawPortfolio& law,
                    const PortfolioArchitecture& a, const std::vector<std::string>& labels) {
  std::vector<std::vector<std::string>> lines{{"target", "takes", "budget", "memory", "regret"}};
  for (const auto& run : law.runs) {
    if (run.k != a.k || run.number != a.number) continue;
    const auto t = static_cast<std::size_t>(run.target);
    const auto objective = result.targets[t].objective;
    lines.push_back({fitted(labels[t]), readable_objective(objective, run.row.objective),
                     readable_objective(objective, law.targets[t].budget),
                     readable_bytes(run.row.memory_bytes), fmt::format("{:.4f}", run.regret)});
  }
  return text_table(lines, page_columns);
}

std::string choice_text(const PortfolioResult& result, const LawPortfolio& law,
                        const PortfolioSummary& choice, const std::vector<std::string>& labels) {
  std::string text = fmt::format("\nk = {}\n", choice.k);
  std::set<std::int64_t> served;
  for (const auto& run : law.runs)
    if (run.k == choice.k) served.insert(run.target);
  for (const auto& a : law.architectures) {
    if (a.k != choice.k) continue;
    text += wrapped(fmt::format("{}: {}; {} parameters, {} active, loss {:.4f}{}", letter(a.number),
                                shape_of(a), readable_count(a.row.params_total),
                                readable_count(a.row.params_active), a.loss,
                                a.row.extrapolated ? "; beyond the law's range" : ""),
                    page_columns);
    text += runs_of(result, law, a, labels);
  }
  for (std::size_t t = 0; t < law.targets.size(); ++t)
    if (law.targets[t].feasible && !served.contains(static_cast<std::int64_t>(t)))
      text += wrapped(fmt::format("not served by {}: {}", choice.k, labels[t]), page_columns);
  return text;
}

/// What would do for targets that nothing serves.
std::string infeasible_text(const PortfolioResult& result, const LawPortfolio& law) {
  std::string text;
  for (std::size_t t = 0; t < law.targets.size(); ++t) {
    const auto& target = law.targets[t];
    if (target.feasible) continue;
    const auto& info = result.targets[t];
    std::string need;
    if (std::isfinite(target.least_budget))
      need = fmt::format("the least budget that would do is {}, not {}",
                         readable_objective(info.objective, target.least_budget),
                         readable_objective(info.objective, target.budget));
    else if (target.least_memory_bytes > info.memory_budget_bytes)
      need = fmt::format("the least memory that would do is {}, not {}",
                         readable_bytes(target.least_memory_bytes),
                         readable_bytes(info.memory_budget_bytes));
    else
      need = "its other limits (max_..., memory) leave no architecture whatever the budget";
    text += wrapped(fmt::format("nothing serves {}: {}", target.id, need), page_columns);
  }
  return text;
}

std::string proof_text(const LawPortfolio& law) {
  std::string text;
  for (const auto& c : law.choices) {
    if (c.certified) continue;
    const double more = c.weight_bound - c.weight_served;
    const std::string gap = std::isnan(c.loss_gap_bound)
                                ? "by an amount that is not known"
                                : fmt::format("by at most {:.4f} nats", c.loss_gap_bound);
    text += wrapped(
        fmt::format("k = {}: chosen by adding and exchanging; the best may be better {}{}", c.k,
                    gap, more > 0 ? fmt::format(", or serve {:.3g} more weight", more) : ""),
        page_columns);
  }
  if (text.empty()) return "proven: no portfolio of the space is better.\n";
  text += "all others are proven: no portfolio of the space is better.\n";
  return text;
}

std::string law_text(const PortfolioResult& result, const LawPortfolio& law,
                     const std::vector<std::string>& labels) {
  double all_weight = 0;
  for (const auto& target : law.targets) all_weight += target.weight;
  std::string text = choices_table(law, all_weight);
  text += proof_text(law);
  text += infeasible_text(result, law);
  for (const auto& choice : law.choices) text += choice_text(result, law, choice, labels);
  return text;
}

std::string robust_text(const PortfolioResult& result) {
  std::vector<std::vector<std::string>> lines{{"k", "choice of law", "worst regret"}};
  for (const auto& robust : result.robust)
    lines.push_back(
        {fmt::format("{}", robust.k), robust.law, fmt::format("{:.4f}", robust.worst_regret)});
  std::string text = "\nrobust over the laws\n";
  text += text_table(lines, page_columns);
  text += wrapped(
      "Not proven: of the laws' own choices the one whose worst regret under any of "
      "them is least.",
      page_columns);
  return text;
}

}  // namespace

std::string portfolio_text(const PortfolioResult& result) {
  const auto labels = labels_of(result.targets);
  std::string text;
  for (const auto& law : result.by_law) {
    if (result.by_law.size() > 1) text += fmt::format("\nby law {}\n", law.law);
    text += law_text(result, law, labels);
  }
  if (!result.robust.empty()) text += robust_text(result);
  bool extrapolated = false;
  for (const auto& law : result.by_law)
    for (const auto& a : law.architectures) extrapolated = extrapolated || a.row.extrapolated;
  text += '\n';
  text += wrapped(
      "Price: the mean, by weight, of what targets lose to the best that each "
      "could run by itself, in nats and in perplexity.",
      page_columns);
  if (extrapolated)
    text += wrapped(
        "Beyond its range a law is a guess: with law.range = \"enforce\" (one law) only "
        "architectures within it are looked at.",
        page_columns);
  return text;
}

}  // namespace rooflaw::app
