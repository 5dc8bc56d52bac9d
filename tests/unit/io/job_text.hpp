#pragma once
// A small sound job that tests change line by line.

#include <map>
#include <string>

#include "rooflaw/io/job_file.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::testing {

/// The job below with lines "table.key" replaced, added, or dropped (empty text).
inline std::string job_text(const std::map<std::string, std::string>& changes = {}) {
  std::map<std::string, std::map<std::string, std::string>> tables{
      {"job", {{"name", "\"trial\""}}},
      {"space",
       {{"layers", "[4, 8]"},
        {"widths", "[256, 512]"},
        {"head_dim", "64"},
        {"kv_heads", "[1, \"heads\"]"},
        {"expert_ffn_ratio", "[1, 2.5]"},
        {"experts", "[1, 8]"},
        {"top_k", "[1, 2]"},
        {"vocab", "32000"}}},
      {"law", {{"id", "\"codesign-2026\""}}},
      {"targets",
       {{"devices", "[\"jetson-agx-orin-64gb\"]"},
        {"precisions", "[\"fp16\"]"},
        {"workloads", "[\"vla\"]"},
        {"latency", "[\"tpot\"]"}}}};
  for (const auto& [name, value] : changes) {
    const auto dot = name.find('.');
    auto& table = tables[name.substr(0, dot)];
    if (value.empty())
      table.erase(name.substr(dot + 1));
    else
      table[name.substr(dot + 1)] = value;
  }
  std::string text;
  for (const auto& [name, keys] : tables) {
    text += "[" + name + "]\n";
    for (const auto& [key, value] : keys) text += key + " = " + value + "\n";
  }
  return text;
}

/// A law as an entry of a file.
inline std::string law_text(const std::string& id, double kappa_l) {
  return "[[law]]\nid = \"" + id + "\"\nkappa_l = " + std::to_string(kappa_l) +
         "\nalpha_l = 1.5\nkappa_rho = 0.03\nalpha_rho = 1\nalpha_r = 0.2\nbeta_1 = -0.3\n"
         "kappa_d = 400\nbeta_2 = 0.9\nkappa_m = 0.1\nalpha_m = 0.06\nl_inf = 2\n";
}

/// Line of a text in which `key = ` stands, from 1; 0 if nowhere.
inline unsigned line_of(const std::string& text, const std::string& start) {
  unsigned line = 1;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1, ++line)
    if (text.compare(at, start.size(), start) == 0) return line;
  return 0;
}

inline io::Job read_job_text(const std::string& text,
                             const std::vector<std::string>& overrides = {}) {
  const TemporaryFolder folder;
  io::SourceFiles files;
  return io::read_job(files, folder.write("job.toml", text), overrides);
}

inline std::vector<InputFault> job_faults(const std::string& text,
                                          const std::vector<std::string>& overrides = {}) {
  try {
    read_job_text(text, overrides);
  } catch (const InputError& e) {
    return e.faults();
  }
  return {};
}

}  // namespace rooflaw::testing
