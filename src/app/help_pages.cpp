#include "help_pages.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/version.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

std::string command_of(const CommandHelp& help) {
  return help.usage.substr(0, help.usage.find(' '));
}

bool takes_value(const po::option_description& option) {
  return option.semantic()->max_tokens() > 0;
}

/// "-o", or nothing.
std::string short_name(const po::option_description& option) {
  const auto name = option.canonical_display_name(po::command_line_style::allow_dash_for_short);
  return name.starts_with("--") || name.size() != 2 ? "" : name;
}

std::vector<std::string> names(const po::option_description& option) {
  std::vector<std::string> all;
  if (const auto name = short_name(option); !name.empty()) all.push_back(name);
  all.push_back("--" + option.long_name());
  return all;
}

/// "devices|models" of "list devices|models [WORD]": the words that the first place takes.
std::vector<std::string> first_words(const CommandHelp& help) {
  std::string word = help.usage.substr(std::min(help.usage.size(), command_of(help).size() + 1));
  word = word.substr(0, word.find(' '));
  std::vector<std::string> words{""};
  for (const char c : word) {
    if (c == '|')
      words.emplace_back();
    else if (std::islower(static_cast<unsigned char>(c)) != 0)
      words.back() += c;
    else
      return {};
  }
  return words.size() > 1 ? words : std::vector<std::string>{};
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// Within single quotes of a shell.
std::string quoted(const std::string& text) { return replaced(text, "'", "'\\''"); }

std::string page_title(const std::string& name) {
  return fmt::format(".TH {} 1 \"\" \"rooflaw {}\" \"rooflaw\"\n", name, program_version());
}

constexpr std::pair<ExitCode, std::string_view> exit_code_meanings[] = {
    {ExitCode::done, "done"},
    {ExitCode::internal_error, "internal error"},
    {ExitCode::bad_input, "input is wrong"},
    {ExitCode::file_error, "a file cannot be read or written"},
    {ExitCode::checkpoint_mismatch, "a checkpoint does not fit"},
    {ExitCode::mpi_error, "MPI"},
    {ExitCode::stopped_early, "stopped early, resumable"}};

/// What `rooflaw list` names, by the options that take it.
constexpr std::pair<std::string_view, std::string_view> listed_options[] = {
    {"devices", "--device|--baseline"},
    {"precisions", "--precision"},
    {"workloads", "--workload"},
    {"models", "--model|--at-model"},
    {"laws", "--law"}};

/// The table that an option names an entry of; empty: none.
std::string_view listed_by(const std::string& option) {
  for (const auto& [table, options] : listed_options)
    if (fmt::format("|{}|", options).find("|" + option + "|") != std::string::npos) return table;
  return "";
}

}  // namespace

std::string roff(const std::string& text) {
  std::string written = replaced(replaced(text, "\\", "\\e"), "-", "\\-");
  written = replaced(written, "\n.", "\n\\&.");
  return written.starts_with('.') || written.starts_with('\'') ? fmt::format("\\&{}", written)
                                                               : written;
}

std::string manual_page(const CommandHelp& help) {
  const std::string name = "rooflaw-" + command_of(help);
  std::string page = page_title(name);
  page += fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(help.in_short));
  page += fmt::format(".SH SYNOPSIS\n.B rooflaw\n{}\n", roff(help.usage));
  page += fmt::format(".SH DESCRIPTION\n{}\n.SH OPTIONS\n", roff(help.purpose));
  for (const auto& option : help.options.options()) {
    const std::string value =
        takes_value(*option) ? fmt::format(" {}", option->format_parameter()) : "";
    page +=
        fmt::format(".TP\n.B {}{}\n{}\n", roff(fmt::format("{}", fmt::join(names(*option), ", "))),
                    roff(value), roff(option->description()));
  }
  return page + ".SH SEE ALSO\n.BR rooflaw (1)\n";
}

std::string manual_page(const std::vector<CommandLine>& commands) {
  std::string page = page_title("rooflaw");
  page +=
      ".SH NAME\nrooflaw \\- which language model has the lowest loss within a latency and memory "
      "budget on a chip?\n.SH SYNOPSIS\n.B rooflaw\nCOMMAND ...\n.SH COMMANDS\n";
  for (const auto& c : commands)
    page += fmt::format(".TP\n.B {}\n{}; see\n.BR rooflaw\\-{} (1)\n",
                        roff(c.name + " " + c.arguments), roff(c.purpose), c.name);
  page += ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_code_meanings)
    page += fmt::format(".TP\n.B {}\n{}\n", static_cast<int>(code), meaning);
  page +=
      ".SH ENVIRONMENT\n.TP\n.B ROOFLAW_INPUTS\nfolder of the tables of chips, models, precisions, "
      "workloads and laws, instead of that which came with the program\n.SH SEE ALSO\n";
  for (const auto& c : commands)
    page += fmt::format(".BR rooflaw\\-{} (1){}\n", c.name, &c == &commands.back() ? "" : ",");
  return page;
}

std::string bash_branch(const CommandHelp& help) {
  std::vector<std::string> words;
  for (const auto& option : help.options.options())
    for (auto& name : names(*option)) words.push_back(std::move(name));
  return fmt::format("    {}) options='{}' places='{}' ;;\n", command_of(help),
                     fmt::join(words, " "), fmt::join(first_words(help), " "));
}

Frame bash_frame(const std::vector<CommandLine>& commands) {
  std::string words = "--help --version";
  for (const auto& c : commands) words += " " + c.name;
  std::string tables;
  for (const auto& [table, options] : listed_options)
    tables += fmt::format("    {}) table={} ;;\n", options, table);
  return {fmt::format(R"bash(# Completion for bash; printed by "rooflaw --help-as bash".
_rooflaw() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} options='' places='' words='' list='' table=''
  # bash takes --model=x for three words.
  if [[ $word == = ]]; then
    word='' list=$before
  elif [[ $before == = ]]; then
    list=${{COMP_WORDS[COMP_CWORD-2]}}
  else
    list=$before
  fi
  case ${{COMP_WORDS[1]}} in
)bash"),
          fmt::format(R"bash(  esac
  case $list in
{}  esac
  if [[ ${{COMP_WORDS[1]}} == list && $COMP_CWORD -eq 3 && $word != -* ]]; then
    table=${{COMP_WORDS[2]}}
  fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='{}'
  elif [ -n "$table" ]; then
    words=$("${{COMP_WORDS[0]}}" list "$table" 2>/dev/null | awk 'NR > 1 {{ print $1 }}')
  elif [[ $word == -* ]]; then
    words=$options
  elif [ "$COMP_CWORD" -eq 2 ]; then
    words=$places
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}
complete -o default -F _rooflaw rooflaw
)bash",
                      tables, words)};
}

std::string zsh_branch(const CommandHelp& help) {
  std::string branch = fmt::format("    {})\n      _arguments \\\n", command_of(help));
  for (const auto& option : help.options.options()) {
    std::string about = replaced(option->description(), "[", "\\[");
    about = quoted(replaced(replaced(about, "]", "\\]"), "\n", " "));
    const std::string name = "--" + option->long_name();
    const std::string joined = takes_value(*option) ? name + "=" : name;
    const auto table = listed_by(name);
    // With a space in front, or _arguments puts options of its own before the argument.
    const std::string values = table.empty() ? "_files" : fmt::format(" _rooflaw_ids {}", table);
    const std::string tail =
        fmt::format("[{}]{}", about, takes_value(*option) ? ":value:" + values : "");
    const std::string again = option->semantic()->is_composing() ? "*" : "";
    const std::string brief = short_name(*option);
    if (brief.empty())
      branch += fmt::format("        '{}{}{}' \\\n", again, joined, tail);
    else
      branch += fmt::format("        '({0} {1})'{{{0},{2}}}'{3}' \\\n", brief, name, joined, tail);
  }
  if (const auto words = first_words(help); !words.empty())
    branch +=
        fmt::format("        '1:what:({})' \\\n        '2:word: _rooflaw_ids ${{(Q)line[1]}}' \\\n",
                    fmt::join(words, " "));
  return branch + "        '*:file:_files' ;;\n";
}

Frame zsh_frame(const std::vector<CommandLine>& commands) {
  std::string words;
  for (const auto& c : commands)
    words += fmt::format("      '{}:{}'\n", c.name, quoted(replaced(c.purpose, ":", "\\:")));
  return {fmt::format(R"zsh(#compdef rooflaw
# Completion for zsh; printed by "rooflaw --help-as zsh".
_rooflaw_ids() {{
  local -a ids
  ids=(${{(f)"$(rooflaw list $1 2>/dev/null | awk 'NR > 1 {{ print $1 }}')"}})
  _alternative 'ids:id:compadd -a ids' 'files:file:_files'
}}
_rooflaw() {{
  if (( CURRENT == 2 )); then
    local -a commands
    commands=(
{}    )
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
)zsh",
                      words),
          "  esac\n}\n_rooflaw \"$@\"\n"};
}

}  // namespace rooflaw::app
