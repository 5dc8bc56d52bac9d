#include "rooflaw/io/checkpoint.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rooflaw/core/version.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/sha256.hpp"

namespace rooflaw::io {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view magic = "rooflaw-checkpoint";
constexpr int format_version = 2;

std::string seal(int version, const std::string& sum, std::uint64_t bytes) {
  return fmt::format("{} {} {} {}\n", magic, version, sum, bytes);
}
constexpr std::size_t longest_seal = 200;

using Check = std::function<void(const std::vector<std::byte>&)>;

/// Whole, of this study by its own account, and yet not: the one before may be better.
class UnfitState : public Error {
 public:
  UnfitState(const std::string& path, const std::string& what)
      : Error(fmt::format("{}: is damaged: {}", path, what), ExitCode::checkpoint_mismatch) {}
};

/// The body behind the seal, which says how long it is: a file may be of any size, and only one
/// that is as long as it should be is read. @throws FileError; CheckpointMismatch for another
/// version of the format
std::string opened(const std::string& path) {
  std::error_code unreadable;
  if (!fs::is_regular_file(path, unreadable)) throw FileError(path, "is no regular file");
  const auto size = fs::file_size(path, unreadable);
  std::ifstream in(path, std::ios::binary);
  std::string header(longest_seal, '\0');
  in.read(header.data(), std::ssize(header));
  if (!in && !in.eof()) throw FileError(path, "cannot be read");
  header.resize(std::min(header.find('\n'), static_cast<std::size_t>(in.gcount())));
  in.clear();

  std::istringstream words(header);
  std::string name, sum;
  int version = 0;
  std::uint64_t bytes = 0;
  words >> name >> version >> sum >> bytes;
  const bool first_format = header == fmt::format("{} 1 {}", magic, sum);  // without its length
  if (!first_format && header + "\n" != seal(version, sum, bytes))
    throw FileError(path, "is damaged or no checkpoint of rooflaw: it has no seal");
  if (version != format_version)
    throw CheckpointMismatch(fmt::format("{}: has format version {}; this program reads {}", path,
                                         version, format_version));
  if (size != header.size() + 1 + bytes)
    throw FileError(path, fmt::format("is damaged: it is {} bytes long, and should be {}", size,
                                      header.size() + 1 + bytes));
  std::string body(bytes, '\0');
  in.seekg(std::ssize(header) + 1);
  if (!in.read(body.data(), std::ssize(body))) throw FileError(path, "cannot be read");
  if (format::sha256_hex(body) != sum)
    throw FileError(path, "is damaged: its contents do not match its checksum");
  return body;
}

// nlohmann's reader calls itself for each level, so that a deep file would overflow the stack.
class ShallowReader : public nlohmann::detail::json_sax_dom_parser<nlohmann::json> {
 public:
  using Base = nlohmann::detail::json_sax_dom_parser<nlohmann::json>;
  using Base::Base;
  bool start_object(std::size_t size) { return ++depth_ <= deepest && Base::start_object(size); }
  bool start_array(std::size_t size) { return ++depth_ <= deepest && Base::start_array(size); }
  bool end_object() { return --depth_, Base::end_object(); }
  bool end_array() { return --depth_, Base::end_array(); }

 private:
  static constexpr int deepest = 8;  // a checkpoint has two levels
  int depth_ = 0;
};

nlohmann::json parsed_cbor(const std::string& path, std::string_view body) {
  nlohmann::json parsed;
  ShallowReader reader(parsed);
  if (!nlohmann::json::sax_parse(body, &reader, nlohmann::json::input_format_t::cbor))
    throw FileError(path, "is damaged: its contents are nested too deep");
  return parsed;
}

Checkpoint read_file(const std::string& path, const StudyIdentity& now, const Check& check) {
  const std::string body = opened(path);
  StudyIdentity identity;
  Checkpoint checkpoint{.file = path, .state = {}, .warning = ""};
  try {
    const auto parsed = parsed_cbor(path, body);
    parsed.at("program").get_to(identity.program);
    parsed.at("job").get_to(identity.job);
    parsed.at("inputs").get_to(identity.inputs);
    const auto& state = parsed.at("state").get_binary();
    checkpoint.state.resize(state.size());
    if (!state.empty()) std::memcpy(checkpoint.state.data(), state.data(), state.size());
  } catch (const nlohmann::json::exception& e) {
    throw FileError(path, fmt::format("is damaged: {}", e.what()));
  }
  const auto different = differences(identity, now);
  if (!different.empty())
    throw CheckpointMismatch(fmt::format(
        "{} is of another study:\n  {}\nremove it, or run without --resume, to begin anew", path,
        fmt::join(different, "\n  ")));
  try {
    check(checkpoint.state);
  } catch (const Error& e) {
    throw UnfitState(path, e.what());
  }
  return checkpoint;
}

}  // namespace

StudyIdentity identity_of(const Job& job) {
  StudyIdentity identity{fmt::format("{} ({})", program_version(), git_commit()),
                         format::key_values_in(format::parse_toml(job.text, "the job")),
                         {}};
  for (const auto& input : job.inputs)
    identity.inputs[input.kind + " " + input.id] = format::sha256_hex(input.text);
  return identity;
}

std::vector<std::string> differences(const StudyIdentity& checkpoint, const StudyIdentity& now) {
  std::vector<std::string> found;
  if (checkpoint.program != now.program)
    found.push_back(fmt::format("program: {}, this is {}", checkpoint.program, now.program));
  format::KeyValues all = checkpoint.job;
  all.insert(now.job.begin(), now.job.end());
  const auto in = [](const format::KeyValues& settings, const std::string& name) {
    const auto value = settings.find(name);
    return value == settings.end() ? std::string("not set") : value->second;
  };
  for (const auto& [name, value] : all)
    if (in(checkpoint.job, name) != in(now.job, name))
      found.push_back(
          fmt::format("job: {} = {}, now {}", name, in(checkpoint.job, name), in(now.job, name)));
  for (const auto& [name, sum] : checkpoint.inputs) {
    const auto same = now.inputs.find(name);
    if (same == now.inputs.end())
      found.push_back(fmt::format("input {}: no longer used", name));
    else if (same->second != sum)
      found.push_back(fmt::format("input {}: has changed", name));
  }
  for (const auto& [name, sum] : now.inputs)
    if (!checkpoint.inputs.contains(name)) found.push_back(fmt::format("input {}: is new", name));
  return found;
}

std::string checkpoint_path(const std::string& result) { return result + ".checkpoint"; }
std::string previous_path(const std::string& result) {
  return checkpoint_path(result) + ".previous";
}
std::string stop_path(const std::string& result) {
  return (fs::path(result).parent_path() / "stop").string();
}

void write_checkpoint(const std::string& result, const StudyIdentity& identity,
                      std::span<const std::byte> state) {
  std::vector<std::uint8_t> bytes(state.size());
  if (!state.empty()) std::memcpy(bytes.data(), state.data(), state.size());
  std::string body;
  nlohmann::json::to_cbor({{"program", identity.program},
                           {"job", identity.job},
                           {"inputs", identity.inputs},
                           {"state", nlohmann::json::binary(std::move(bytes))}},
                          body);
  const std::string text = seal(format_version, format::sha256_hex(body), body.size()) + body;
  format::write_atomically(checkpoint_path(result), std::as_bytes(std::span<const char>(text)),
                           previous_path(result));
}

std::optional<Checkpoint> read_checkpoint(const std::string& result, const StudyIdentity& identity,
                                          const Check& check) {
  std::string warning;
  bool unfit = false;
  const auto warn = [&](const Error& e) {
    warning += warning.empty() ? e.what() : std::string("\n") + e.what();
  };
  for (const auto& path : {checkpoint_path(result), previous_path(result)}) {
    std::error_code unreadable;
    if (!fs::exists(path, unreadable)) continue;
    try {
      auto checkpoint = read_file(path, identity, check);
      checkpoint.warning = warning;
      return checkpoint;
    } catch (const FileError& e) {
      warn(e);
    } catch (const UnfitState& e) {
      warn(e);
      unfit = true;
    }
  }
  if (warning.empty()) return std::nullopt;
  const std::string advice =
      "there is no whole checkpoint; run without --resume to begin anew\n" + warning;
  if (unfit) throw CheckpointMismatch(checkpoint_path(result) + ": " + advice);
  throw FileError(checkpoint_path(result), advice);
}

bool has_checkpoint(const std::string& result) {
  std::error_code unreadable;
  return fs::exists(checkpoint_path(result), unreadable) ||
         fs::exists(previous_path(result), unreadable);
}

void remove_leftovers_of(const std::string& result) {
  format::remove_leftovers(result);
  format::remove_leftovers(checkpoint_path(result));
}

void require_own_checkpoints(const std::string& result) {
  for (const auto& path : {checkpoint_path(result), previous_path(result)}) {
    std::error_code unreadable;
    if (!fs::exists(path, unreadable)) continue;
    if (!fs::is_regular_file(path, unreadable))
      throw FileError(path, "would be replaced, and is no regular file");
    std::string start(magic.size(), '\0');
    std::ifstream(path, std::ios::binary).read(start.data(), std::ssize(start));
    // Nothing but zeros is what a power failure leaves.
    if (start != magic && start.front() != '\0')
      throw FileError(path,
                      "would be replaced, and is no checkpoint of rooflaw: remove it, or write "
                      "elsewhere with -o FILE.h5");
  }
}

void remove_checkpoints(const std::string& result) {
  for (const auto& path : {checkpoint_path(result), previous_path(result)})
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      throw FileError(path, fmt::format("cannot be removed: {}", std::strerror(errno)));
}

}  // namespace rooflaw::io
