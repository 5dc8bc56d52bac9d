#include "rooflaw/core/error.hpp"

#include <utility>

#include <fmt/format.h>

#include "rooflaw/core/printable.hpp"

namespace rooflaw {

namespace {
/// Keys and values may hold any character; a fault is one line.
std::string on_one_line(const std::string& text) {
  std::string out = printable(text, "\n");
  for (auto at = out.find('\n'); at != out.npos; at = out.find('\n', at)) out.replace(at, 1, "\\n");
  return out;
}
}  // namespace

std::string InputFault::text() const {
  std::string out = file;
  if (line > 0) out += fmt::format(":{}:{}", line, column);
  out += ": " + key;
  if (!value.empty()) out += " = " + value;
  out += ": " + rule;
  if (!hint.empty()) out += " (" + hint + ")";
  return on_one_line(out);
}

namespace {
std::string all_texts(const std::vector<InputFault>& faults) {
  std::string out;
  for (const auto& fault : faults) {
    if (!out.empty()) out += '\n';
    out += fault.text();
  }
  return out;
}
}  // namespace

InputError::InputError(std::vector<InputFault> faults)
    : Error(all_texts(faults), ExitCode::bad_input), faults_(std::move(faults)) {}

}  // namespace rooflaw
