#pragma once
// The options of a command, which parse_arguments() knows, as a manual page and for the shells.

#include <string>
#include <vector>

#include <boost/program_options.hpp>

namespace rooflaw::app {

struct CommandHelp {
  std::string usage;     // the line after "rooflaw "; its first word is the command
  std::string in_short;  // one line
  std::string purpose;
  const boost::program_options::options_description& options;
};

/// rooflaw-COMMAND.1, in the macros of man(7).
std::string manual_page(const CommandHelp& help);
/// What stands for this command in the completion for bash: a branch of its `case`.
std::string bash_branch(const CommandHelp& help);
/// The same for zsh, with the descriptions.
std::string zsh_branch(const CommandHelp& help);

/// A text as it must stand in a manual page.
std::string roff(const std::string& text);

struct CommandLine {
  std::string name;
  std::string arguments;
  std::string purpose;
};

/// rooflaw.1: the commands.
std::string manual_page(const std::vector<CommandLine>& commands);
/// What stands before and behind the branches of all commands.
struct Frame {
  std::string before;
  std::string behind;
};
Frame bash_frame(const std::vector<CommandLine>& commands);
Frame zsh_frame(const std::vector<CommandLine>& commands);

}  // namespace rooflaw::app
