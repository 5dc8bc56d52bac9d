#include "rooflaw/core/error.hpp"

#include <utility>

#include <fmt/format.h>

namespace rooflaw {

namespace {
/// Keys and values may hold any character; a fault is one line.
std::string on_one_line(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n')
      out += "\\n";
    else if (code < 0x20 || code == 0x7f)
      out += fmt::format("\\x{:02x}", code);
    else
      out += c;
  }
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
