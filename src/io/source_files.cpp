#include "rooflaw/io/source_files.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include "rooflaw/core/error.hpp"

namespace rooflaw::io {

namespace fs = std::filesystem;

const std::string& SourceFiles::read(const std::string& path) {
  if (const auto known = texts_.find(path); known != texts_.end()) return known->second;
  if (!on_disk_) throw FileError(path, "was not read by rank 0");
  std::error_code unreadable;  // then opening it fails too, and says why
  if (fs::is_directory(path, unreadable)) throw FileError(path, "is a folder, not a file");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw FileError(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  std::ostringstream text;
  text << in.rdbuf();
  // The stream that is written to takes note of a failed read.
  if (in.bad() || text.bad()) throw FileError(path, "cannot be read");
  return texts_[path] = text.str();
}

bool SourceFiles::exists(const std::string& path) const {
  std::error_code unreadable;
  return texts_.contains(path) || (on_disk_ && fs::exists(path, unreadable));
}

std::string SourceFiles::pack() const {
  // CBOR, not text: input files need not be valid UTF-8 to be carried and refused alike everywhere.
  nlohmann::json files = nlohmann::json::object();
  for (const auto& [path, text] : texts_)
    files[path] = nlohmann::json::binary({text.begin(), text.end()});
  const auto bytes = nlohmann::json::to_cbor(files);
  return {bytes.begin(), bytes.end()};
}

SourceFiles SourceFiles::unpack(const std::string& packed) {
  SourceFiles files;
  files.on_disk_ = false;
  const auto parsed = nlohmann::json::from_cbor(packed);
  for (const auto& [path, text] : parsed.items()) {
    const auto& bytes = text.get_binary();
    files.texts_[path] = std::string(bytes.begin(), bytes.end());
  }
  return files;
}

std::string inputs_folder() {
  if (const char* folder = std::getenv("ROOFLAW_INPUTS")) {
    if (!fs::is_directory(folder)) throw FileError(folder, "ROOFLAW_INPUTS names no folder");
    return folder;
  }
  std::error_code ignored;
  const fs::path executable = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = executable.parent_path().parent_path() / "share/rooflaw/inputs";
  for (const fs::path& folder : {fs::path(ROOFLAW_SOURCE_INPUTS), installed})
    if (fs::is_directory(folder)) return folder.string();
  throw FileError(installed.string(), "no such folder; set ROOFLAW_INPUTS to that of the tables");
}

std::string sha256_hex(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr) != 1)
    throw Error("SHA-256 is not available in this OpenSSL");
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace rooflaw::io
