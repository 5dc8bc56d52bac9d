#include "report/page.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "report/assets.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/comparison.hpp"
#include "rooflaw/app/decision.hpp"
#include "rooflaw/core/version.hpp"
#include "rooflaw/format/words.hpp"
#include "rooflaw/io/portfolio_file.hpp"

namespace rooflaw::app::report {

namespace {

/// What a page may run or apply: nothing but what has this hash. Texts of a result could not be
/// run even if they were not escaped.
std::string hash_of(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr) != 1)
    throw Error("SHA-256 failed");
  std::string buffer(4 * ((size + 2) / 3) + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(buffer.data()), digest, static_cast<int>(size));
  return fmt::format("'sha256-{}'", buffer.c_str());
}

std::string script(std::string_view text, std::string& hashes) {
  hashes += fmt::format(" {}", hash_of(text));
  return fmt::format("<script>{}</script>\n", text);
}

std::string chart_licence() {
  const auto text = asset("chart-licence");
  if (text.empty())
    return paragraph("This program was built without a chart library: charts do not move.");
  return details("Licence of the chart library, Chart.js",
                 "<pre tabindex=\"0\">" + escaped(text, "\n\t") + "</pre>\n");
}

struct Link {
  const char* id;
  const char* words;
};
constexpr Link links[] = {{"decision", "What to build"},
                          {"frontiers", "Loss against time"},
                          {"chips", "Chips side by side"},
                          {"regimes", "What binds"},
                          {"roofline", "Roofline"},
                          {"shapes", "Architectures"},
                          {"worths", "What more is worth"},
                          {"portfolio", "Portfolio"},
                          {"trust", "Trust"},
                          {"provenance", "Provenance"}};

std::string navigation(bool has_portfolio) {
  std::string html;
  for (const auto& [id, words] : links)
    if (has_portfolio || std::string_view(id) != "portfolio")
      html += fmt::format("<li><a href=\"#{}\">{}</a></li>", id, words);
  return html;
}

/// Chips are not compared by memory.
std::vector<model::Limit> times_of(const PageQuestion& question) {
  auto times = question.budgets;
  std::erase_if(times, [](const auto& b) { return b.objective == model::Objective::memory; });
  return times;
}

std::string require_device(const PageStudy& study, const std::string& asked) {
  if (asked.empty()) return study.devices.front();
  if (std::find(study.devices.begin(), study.devices.end(), asked) == study.devices.end())
    throw bad_option(
        "baseline", asked,
        fmt::format("is no device of {}, which has {}", study.path, fmt::join(study.devices, ", ")),
        format::did_you_mean(asked, study.devices));
  return asked;
}

}  // namespace

std::string page_of(const format::Hdf5Reader& file, const PageQuestion& question) {
  if (!file.has("/frontiers"))
    throw FileError(file.file(),
                    "has no frontiers to show; a portfolio goes beside a result: "
                    "rooflaw report RESULT.h5 --portfolio PORTFOLIO.h5 -o FILE.html");
  PageStudy study = read_page_study(file);
  study.budgets = question.budgets;
  if (study.targets.empty()) throw FileError(file.file(), "has no targets");
  const std::string baseline = require_device(study, question.baseline);
  std::optional<DeviceComparison> comparison;
  if (study.devices.size() > 1)
    comparison = compare(file, {.baseline = baseline, .models = {}, .budgets = times_of(question)});

  std::string sections = decision_section(study, decisions(file, {.budgets = question.budgets}));
  sections += frontier_section(study);
  sections += comparison_section(comparison ? &*comparison : nullptr);
  sections += regimes_section(study, baseline);
  sections += roofline_section(study);
  sections += shape_section(study);
  sections += worth_section(study);
  const auto* portfolio = question.portfolio != nullptr ? question.portfolio : &file;
  const bool has_portfolio = io::has_portfolio(*portfolio);
  if (question.portfolio != nullptr && !has_portfolio)
    throw FileError(portfolio->file(), "has no portfolio; rooflaw portfolio makes one");
  if (has_portfolio) sections += portfolio_section(io::read_portfolio(*portfolio));
  sections += trust_section(study);
  sections += provenance_section(file, study);

  std::string hashes, scripts;
  if (const auto library = asset("chart-library"); !library.empty()) {
    std::string own;
    for (const char* name : {"data.js", "pin.js", "chart.js", "explorer.js"}) own += asset(name);
    scripts = script(library, hashes) + script(own, hashes);
  }
  const std::string style(asset("style.css"));
  const std::string title = fmt::format(
      "{}: loss against time on {}", std::filesystem::path(study.path).filename().string(),
      study.devices.size() == 1 ? study.devices.front()
                                : fmt::format("{} chips", study.devices.size()));
  return filled(
      asset("page.html"),
      {{"title", escaped(title)},
       {"script-hashes", hashes.empty() ? " 'none'" : hashes},
       {"style-hash", hash_of(style)},
       {"style", style},
       {"navigation", navigation(has_portfolio)},
       {"sections", sections},
       {"chart-licence", chart_licence()},
       {"program", escaped(fmt::format("rooflaw {} ({})", program_version(), git_commit()))},
       {"data", scripts.empty() ? "null" : script_json(page_json(study))},
       {"scripts", scripts}});
}

}  // namespace rooflaw::app::report
