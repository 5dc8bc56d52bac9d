#include "rooflaw/format/file_kind.hpp"

#include "hdf5_shared.hpp"
#include "rooflaw/format/seal.hpp"

namespace rooflaw::format {

namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  std::string_view kind;
};
constexpr Magic magics[] = {
    {"GGUF"sv, "a GGUF file, that is weights of a model"},
    {"\x7f"
     "ELF"sv,
     "a program"},
    {"PK\x03\x04"sv, "a ZIP archive, as weights of PyTorch are"},
    {"\x1f\x8b"sv, "a gzip file"},
    {seal_opening, "a result of rooflaw of the first format"},
    {hdf5_signature,
     "an HDF5 file, as results of rooflaw are: rooflaw inspect and rooflaw export read those"},
};

/// No TOML begins with a brace, nor has a header a brace in it.
bool is_json(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  auto at = text.find_first_not_of(space);
  if (at != text.npos && text[at] == '[') at = text.find_first_not_of(space, at + 1);
  return at != text.npos && text[at] == '{';
}

/// The length of its header in 8 bytes, then the header, JSON.
bool is_safetensors(std::string_view text) {
  return text.size() > 9 && text.substr(5, 5) == "\0\0\0{\""sv;
}

}  // namespace

std::string other_kind(std::string_view text) {
  for (const auto& [bytes, kind] : magics)
    if (text.starts_with(bytes)) return std::string(kind);
  if (is_json(text)) return "a JSON file";
  if (is_safetensors(text)) return "a safetensors file, that is weights of a model";
  // A single NUL further on is a slip in a text, and has a place.
  if (text.substr(0, 16).find('\0') != text.npos) return "a binary file";
  return "";
}

}  // namespace rooflaw::format
